#include "agent/csv_profile.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

constexpr size_t kRowsMax = 10'000'000;

// A whole number of seconds; the files write it with or without a decimal point.
absl::StatusOr<int64_t> ParseSeconds(absl::string_view text) {
  // ParseDecimal ends at 10^9 and a Unix time is larger: the fraction is checked apart.
  absl::string_view whole = text.substr(0, text.find('.'));
  if (whole.size() != text.size()) {
    const absl::string_view fraction = text.substr(whole.size() + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a whole second"));
    }
  }
  if (whole.empty() || whole.size() > 11 ||
      whole.find_first_not_of("0123456789") != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a time in Unix seconds"));
  }
  int64_t seconds = 0;
  for (const char digit : whole) seconds = seconds * 10 + (digit - '0');
  return seconds;
}

absl::Status AddRow(absl::string_view line, CsvProfile& profile) {
  const size_t comma = line.find(',');
  if (comma == absl::string_view::npos || line.find(',', comma + 1) != absl::string_view::npos) {
    return absl::InvalidArgumentError("a row has two fields");
  }
  PW_ASSIGN_OR_RETURN(const int64_t start, ParseSeconds(line.substr(0, comma)));
  PW_ASSIGN_OR_RETURN(const absl::int128 value, ParseDecimal(line.substr(comma + 1)));
  if (value < 0) return absl::InvalidArgumentError("the value is negative");
  if (!profile.starts.empty() && start <= profile.starts.back()) {
    return absl::InvalidArgumentError("the time is not after the one before");
  }
  if (profile.starts.size() == kRowsMax) {
    return absl::InvalidArgumentError("more than 10000000 rows");
  }
  profile.starts.push_back(start);
  profile.values.push_back(value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CsvProfile> CsvProfile::Parse(absl::string_view text, absl::string_view name) {
  CsvProfile profile;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    absl::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    absl::Status status;
    if (line_number == 1) {
      if (line != "timestamp,electricity") {
        status = absl::InvalidArgumentError("the header is not 'timestamp,electricity'");
      }
    } else if (!line.empty() || !text.empty()) {
      status = AddRow(line, profile);
    }
    if (!status.ok()) {
      return Error(kProfileInvalid, absl::StrCat(name, " line ", line_number, ": ",
                                                 absl::string_view(status.message())));
    }
  }
  if (profile.starts.empty()) {
    return Error(kProfileInvalid, absl::StrCat(name, " line 1: no rows"));
  }
  return profile;
}

absl::StatusOr<CsvProfile> CsvProfile::Load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(kProfileInvalid, absl::StrCat(path, " cannot be read"));
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return Parse(text, path);
}

absl::StatusOr<std::unique_ptr<CsvSource>> CsvSource::Make(
    std::shared_ptr<const CsvProfile> profile, int64_t factor) {
  constexpr int64_t kFactorMax = 1'000'000'000;
  if (factor <= 0 || factor > kFactorMax) {
    return Error(kProfileInvalid, "the size of a plant must be above 0 and at most 1 GWp");
  }
  for (size_t i = 0; i < profile->values.size(); ++i) {
    if (profile->values[i] > PowerMax().attowatts() / factor) {
      return Error(kProfileInvalid, absl::StrCat("line ", i + 2, ": power above 1 GW"));
    }
  }
  return std::unique_ptr<CsvSource>(new CsvSource(std::move(profile), factor));
}

absl::StatusOr<std::unique_ptr<CsvSource>> CsvSource::Watts(
    std::shared_ptr<const CsvProfile> profile) {
  return Make(std::move(profile), 1);
}

absl::StatusOr<std::unique_ptr<CsvSource>> CsvSource::KilowattsPerPeak(
    std::shared_ptr<const CsvProfile> profile, int64_t peak_w) {
  // kW per kWp is W per Wp.
  return Make(std::move(profile), peak_w);
}

std::optional<Power> CsvSource::MeanPower(const Interval& interval) const {
  const int64_t start = absl::ToUnixSeconds(interval.start);
  const auto at = std::lower_bound(profile_->starts.begin(), profile_->starts.end(), start);
  if (at == profile_->starts.end() || *at != start) return std::nullopt;
  const auto row = static_cast<size_t>(at - profile_->starts.begin());
  return Power::Attowatts(profile_->values[row] * factor_);
}

}  // namespace peerwatt::agent
