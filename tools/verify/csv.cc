#include "tools/verify/csv.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace peerwatt::verify {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr size_t kDecimalsMax = 6;

/// Takes the first line off, without its end.
absl::string_view TakeLine(absl::string_view& rest) {
  const void* end = std::memchr(rest.data(), '\n', rest.size());
  const size_t length = end == nullptr
                            ? rest.size()
                            : static_cast<size_t>(static_cast<const char*>(end) - rest.data());
  absl::string_view line = rest.substr(0, length);
  rest.remove_prefix(std::min(length + 1, rest.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

/// Days from 1970-01-01 of a date of the Gregorian calendar.
int64_t DaysFrom(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t of_era = y - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  struct stat about {};
  void* data = nullptr;
  const bool is_known = fstat(file, &about) == 0;
  const auto size = static_cast<size_t>(about.st_size);
  if (is_known && size > 0) data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (!is_known || data == MAP_FAILED) {
    return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  }
  if (size > 0) madvise(data, size, MADV_SEQUENTIAL);
  return MappedFile(static_cast<const char*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char*>(data_), size_);
}

absl::StatusOr<CsvReader> CsvReader::Open(absl::string_view text,
                                          const std::vector<std::string>& columns) {
  CsvReader reader(text);
  absl::string_view header = TakeLine(reader.rest_);
  reader.line_ = 1;
  reader.fields_.resize(columns.size());
  std::vector<bool> is_there(columns.size(), false);
  while (reader.columns_ == 0 || !header.empty()) {
    const size_t end = std::min(header.find(','), header.size());
    const auto column = std::find(columns.begin(), columns.end(), header.substr(0, end));
    const auto place = static_cast<int>(column - columns.begin());
    reader.place_.push_back(column == columns.end() ? -1 : place);
    if (column != columns.end()) is_there[static_cast<size_t>(place)] = true;
    ++reader.columns_;
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!is_there[i]) {
      return absl::InvalidArgumentError(absl::StrCat("the column ", columns[i], " is missing"));
    }
  }
  return reader;
}

bool CsvReader::Next() {
  while (status_.ok() && !rest_.empty()) {
    ++line_;
    if (rest_.front() == '\n' || rest_.front() == '\r') {
      TakeLine(rest_);
      continue;
    }
    const void* quote = std::memchr(rest_.data(), '"', std::min<size_t>(rest_.size(), 4096));
    const void* end = std::memchr(rest_.data(), '\n', rest_.size());
    const bool is_quoted = quote != nullptr && (end == nullptr || quote < end);
    const bool is_whole = is_quoted ? SplitQuoted() : Split();
    if (is_whole) return true;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("line ", line_, " has not the ", columns_, " fields of the header"));
  }
  return false;
}

bool CsvReader::Split() {
  absl::string_view line = TakeLine(rest_);
  for (size_t i = 0; i < columns_; ++i) {
    const bool is_last = i + 1 == columns_;
    const void* comma = std::memchr(line.data(), ',', line.size());
    if ((comma == nullptr) != is_last) return false;
    const size_t length =
        is_last ? line.size() : static_cast<size_t>(static_cast<const char*>(comma) - line.data());
    if (place_[i] >= 0) fields_[static_cast<size_t>(place_[i])] = line.substr(0, length);
    line.remove_prefix(is_last ? length : length + 1);
  }
  return true;
}

bool CsvReader::SplitQuoted() {
  unquoted_.assign(1, "");
  bool inside = false;
  size_t i = 0;
  for (; i < rest_.size() && (inside || rest_[i] != '\n'); ++i) {
    const char c = rest_[i];
    if (c == '"') {
      const bool is_doubled = inside && i + 1 < rest_.size() && rest_[i + 1] == '"';
      if (is_doubled) {
        unquoted_.back() += c;
        ++i;
      } else {
        inside = !inside;
      }
    } else if (c == ',' && !inside) {
      unquoted_.emplace_back();
    } else if (c != '\r' || inside) {
      unquoted_.back() += c;
    }
  }
  rest_.remove_prefix(std::min(i + 1, rest_.size()));
  if (inside || unquoted_.size() != columns_) return false;
  for (size_t column = 0; column < columns_; ++column) {
    if (place_[column] >= 0) fields_[static_cast<size_t>(place_[column])] = unquoted_[column];
  }
  return true;
}

absl::StatusOr<int64_t> NumberFrom(absl::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a number"));
  }
  return number;
}

absl::StatusOr<int64_t> MicrosFrom(absl::string_view text) {
  const size_t point = text.find('.');
  absl::string_view decimals = point == text.npos ? "" : text.substr(point + 1);
  const absl::string_view whole = text.substr(0, point);
  while (decimals.size() > kDecimalsMax && decimals.back() == '0') decimals.remove_suffix(1);
  const bool is_negative = !whole.empty() && whole.front() == '-';
  PW_ASSIGN_OR_RETURN(const int64_t units, NumberFrom(whole));
  int64_t micros = 0;
  if (!decimals.empty()) {
    if (decimals.size() > kDecimalsMax || decimals.front() == '-') {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' has too many decimals"));
    }
    PW_ASSIGN_OR_RETURN(micros, NumberFrom(decimals));
    for (size_t i = decimals.size(); i < kDecimalsMax; ++i) micros *= 10;
  }
  return units * kMillion + (is_negative ? -micros : micros);
}

absl::StatusOr<int64_t> SecondsFrom(absl::string_view text) {
  // Year, month, day, hour, minute, second, each with the character after it.
  constexpr std::array<std::pair<size_t, char>, 6> kParts{
      {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, 'Z'}}};
  std::array<int64_t, 6> values{};
  size_t at = 0;
  for (size_t i = 0; i < kParts.size(); ++i) {
    const auto [digits, after] = kParts[i];
    if (at + digits >= text.size() || text[at + digits] != after) {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a time in UTC"));
    }
    for (size_t digit = at; digit < at + digits; ++digit) {
      if (text[digit] < '0' || text[digit] > '9') {
        return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a time in UTC"));
      }
      values[i] = values[i] * 10 + (text[digit] - '0');
    }
    at += digits + 1;
  }
  if (at != text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a time in UTC"));
  }
  return ((DaysFrom(values[0], values[1], values[2]) * 24 + values[3]) * 60 + values[4]) * 60 +
         values[5];
}

}  // namespace peerwatt::verify
