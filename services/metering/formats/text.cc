#include "services/metering/formats/text.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/exchange_errors.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kDigitsMax = 15;
constexpr int64_t kPowerMax = 12;

constexpr std::array<std::pair<absl::string_view, Quality>, 4> kQualities = {{
    {"MEASURED", Quality::kMeasured},
    {"CALCULATED", Quality::kCalculated},
    {"ESTIMATED", Quality::kEstimated},
    {"MISSING", Quality::kMissing},
}};
constexpr std::array<std::pair<absl::string_view, Method>, 7> kMethods = {{
    {"", Method::kNone},
    {"SPLIT", Method::kSplit},
    {"REGISTER_DIFFERENCE", Method::kRegisterDifference},
    {"LINEAR", Method::kLinear},
    {"REFERENCE_DAY", Method::kReferenceDay},
    {"PROFILE", Method::kProfile},
    {"MANUAL", Method::kManual},
}};

absl::Status Invalid(absl::string_view what) { return Error(kFileLineInvalid, what); }

bool AreDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

int Number(absl::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    value = value * 10 + (c - '0');
  }
  return value;
}

/// The distance from UTC: `Z`, `+02:00`. Errors: FILE_TIME_WITHOUT_OFFSET, FILE_LINE_INVALID.
absl::StatusOr<absl::Duration> ParseOffset(absl::string_view text) {
  if (text == "Z" || text == "z") {
    return absl::ZeroDuration();
  }
  if (text.empty()) {
    return Error(kFileTimeWithoutOffset, "a time needs its distance from UTC, such as Z or +02:00");
  }
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      !AreDigits(text.substr(1, 2)) || !AreDigits(text.substr(4, 2))) {
    return Invalid("a time ends with Z or an offset such as +02:00");
  }
  const int hours = Number(text.substr(1, 2));
  const int minutes = Number(text.substr(4, 2));
  if (hours > 23 || minutes > 59) {
    return Invalid("the offset of a time is out of bounds");
  }
  const absl::Duration offset = absl::Hours(hours) + absl::Minutes(minutes);
  return text[0] == '-' ? -offset : offset;
}

void AppendDigits(int64_t value, int count, std::string& out) {
  const size_t end = out.size() + static_cast<size_t>(count);
  out.resize(end);
  for (size_t at = end; count > 0; --count, value /= 10) {
    out[--at] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

absl::StatusOr<absl::Time> ParseInstant(absl::string_view text) {
  constexpr absl::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() < kForm.size()) {
    return Invalid("a time has the form 2026-07-01T12:00:00Z");
  }
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool fits = kForm[i] == '0' ? absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                      : kForm[i] == 'T' ? text[i] == 'T' || text[i] == 't' || text[i] == ' '
                                        : text[i] == kForm[i];
    if (!fits) {
      return Invalid("a time has the form 2026-07-01T12:00:00Z");
    }
  }
  absl::string_view rest = text.substr(kForm.size());
  if (!rest.empty() && rest[0] == '.') {
    const size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    if (end == 1 || rest.substr(1, end - 1).find_first_not_of('0') != absl::string_view::npos) {
      return Invalid("a time has whole seconds");
    }
    rest.remove_prefix(end);
  }
  PW_ASSIGN_OR_RETURN(const absl::Duration offset, ParseOffset(rest));
  const int year = Number(text.substr(0, 4));
  const int month = Number(text.substr(5, 2));
  const int day = Number(text.substr(8, 2));
  const int hour = Number(text.substr(11, 2));
  const int minute = Number(text.substr(14, 2));
  const int second = Number(text.substr(17, 2));
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  // A field that is out of bounds is carried into the next one.
  if (year < 1970 || civil.month() != month || civil.day() != day || civil.hour() != hour ||
      civil.minute() != minute || civil.second() != second) {
    return Invalid("a time is out of bounds");
  }
  return absl::FromUnixSeconds(civil - absl::CivilSecond(1970, 1, 1)) - offset;
}

void AppendInstant(absl::Time time, std::string& out) {
  const absl::CivilSecond civil =
      absl::CivilSecond(1970, 1, 1) + absl::ToUnixSeconds(time);
  AppendDigits(civil.year(), 4, out);
  out += '-';
  AppendDigits(civil.month(), 2, out);
  out += '-';
  AppendDigits(civil.day(), 2, out);
  out += 'T';
  AppendDigits(civil.hour(), 2, out);
  out += ':';
  AppendDigits(civil.minute(), 2, out);
  out += ':';
  AppendDigits(civil.second(), 2, out);
  out += 'Z';
}

absl::StatusOr<int64_t> ParseInteger(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const absl::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > kDigitsMax || !AreDigits(digits)) {
    return Invalid("a number has 1 to 15 digits");
  }
  int64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

absl::StatusOr<int64_t> ParseWattHours(absl::string_view text) {
  const absl::StatusOr<int64_t> value = ParseInteger(text);
  const size_t dot = text.find('.');
  if (!value.ok() && dot != absl::string_view::npos && ParseInteger(text.substr(0, dot)).ok() &&
      AreDigits(text.substr(dot + 1))) {
    return Error(kEnergyNotWhole, "watt hours are whole numbers; nothing is rounded");
  }
  return value;
}

absl::StatusOr<int64_t> ParseKilowattHours(absl::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const absl::string_view whole = text.substr(0, dot);
  const absl::string_view decimals = dot < text.size() ? text.substr(dot + 1) : "0";
  PW_ASSIGN_OR_RETURN(const int64_t kwh, ParseInteger(whole));
  if (decimals.empty() || !AreDigits(decimals)) {
    return Invalid("kilowatt hours have the form 1.234");
  }
  if (decimals.size() > 3) {
    return Error(kEnergyNotWhole, "kilowatt hours have at most 3 decimals; nothing is rounded");
  }
  PW_ASSIGN_OR_RETURN(const int64_t wh, TimesPowerOfTen(kwh, 3));
  int64_t fraction = Number(decimals);
  for (size_t i = decimals.size(); i < 3; ++i) {
    fraction *= 10;
  }
  return whole[0] == '-' ? wh - fraction : wh + fraction;
}

absl::StatusOr<int64_t> TimesPowerOfTen(int64_t value, int64_t power) {
  if (power < -kPowerMax || power > kPowerMax) {
    return Invalid("the power of ten is out of bounds");
  }
  int64_t factor = 1;
  for (int64_t i = 0; i < (power < 0 ? -power : power); ++i) {
    factor *= 10;
  }
  if (power < 0) {
    if (value % factor != 0) {
      return Error(kEnergyNotWhole, "the value is no whole number of watt hours");
    }
    return value / factor;
  }
  const absl::int128 product = absl::int128(value) * factor;
  if (product > std::numeric_limits<int64_t>::max() ||
      product < std::numeric_limits<int64_t>::min()) {
    return Invalid("an energy does not fit");
  }
  return static_cast<int64_t>(product);
}

absl::string_view QualityName(Quality quality) {
  for (const auto& [name, known] : kQualities) {
    if (known == quality) {
      return name;
    }
  }
  return "MISSING";
}

absl::StatusOr<Quality> ParseQuality(absl::string_view name) {
  for (const auto& [known, quality] : kQualities) {
    if (known == name) {
      return quality;
    }
  }
  return Invalid("a quality is MEASURED, CALCULATED or ESTIMATED");
}

absl::string_view MethodName(Method method) {
  for (const auto& [name, known] : kMethods) {
    if (known == method) {
      return name;
    }
  }
  return "";
}

absl::StatusOr<Method> ParseMethod(absl::string_view name) {
  for (const auto& [known, method] : kMethods) {
    if (known == name) {
      return method;
    }
  }
  return Invalid("a method is empty, SPLIT, REGISTER_DIFFERENCE, LINEAR, REFERENCE_DAY, PROFILE or "
                 "MANUAL");
}

}  // namespace peerwatt::metering
