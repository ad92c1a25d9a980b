#include "tools/verify/csv.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
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

/// Finds commas and line ends of a text one after the other, sixteen bytes at a time where the
/// processor can.
class Separators {
 public:
  Separators(const char* begin, const char* end) : at_(begin), end_(end) {}

  /// The next one, or the text's end.
  const char* Next() {
#ifdef __SSE2__
    while (found_ == 0) {
      if (end_ - at_ < kBlock) return NextByByte();
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const __m128i is_comma = _mm_cmpeq_epi8(block, _mm_set1_epi8(','));
      const __m128i is_line_end = _mm_cmpeq_epi8(block, _mm_set1_epi8('\n'));
      found_ = static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(is_comma, is_line_end)));
      at_ += kBlock;
    }
    const char* const separator = at_ - kBlock + std::countr_zero(found_);
    found_ &= found_ - 1;
    return separator;
#else
    return NextByByte();
#endif
  }

 private:
  static constexpr std::ptrdiff_t kBlock = 16;

  const char* NextByByte() {
    while (at_ != end_ && *at_ != ',' && *at_ != '\n') ++at_;
    return at_ == end_ ? end_ : at_++;
  }

  const char* at_;
  const char* const end_;
  uint32_t found_ = 0;  // a bit for each byte of the block before `at_`
};

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

const char* CsvReader::NextQuote() {
  if (quote_ == nullptr || quote_ < rest_.data()) {
    const void* found = std::memchr(rest_.data(), '"', rest_.size());
    quote_ = found == nullptr ? rest_.data() + rest_.size() : static_cast<const char*>(found);
  }
  return quote_;
}

bool CsvReader::Next() {
  while (status_.ok() && !rest_.empty()) {
    ++line_;
    const Line line = Split();
    if (line == Line::kWhole) return true;
    if (line == Line::kBlank) continue;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("line ", line_, " has not the ", columns_, " fields of the header"));
  }
  return false;
}

CsvReader::Line CsvReader::Split() {
  const char* const begin = rest_.data();
  const char* const text_end = begin + rest_.size();
  Separators separators(begin, text_end);
  const char* field = begin;
  size_t column = 0;
  for (;; ++column) {
    const char* const end = separators.Next();
    const bool is_last = end == text_end || *end == '\n';
    if (column < columns_ && place_[column] >= 0) {
      fields_[static_cast<size_t>(place_[column])] =
          absl::string_view(field, static_cast<size_t>(end - field));
    }
    if (!is_last) {
      field = end + 1;
      continue;
    }
    if (NextQuote() < end) return SplitQuoted();
    rest_.remove_prefix(std::min(static_cast<size_t>(end - begin) + 1, rest_.size()));
    const bool has_return = end > begin && *(end - 1) == '\r';
    if (end - begin == (has_return ? 1 : 0)) return Line::kBlank;
    if (column + 1 != columns_) return Line::kWrong;
    if (has_return && place_[column] >= 0) {
      fields_[static_cast<size_t>(place_[column])].remove_suffix(1);
    }
    return Line::kWhole;
  }
}

CsvReader::Line CsvReader::SplitQuoted() {
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
  if (inside || unquoted_.size() != columns_) return Line::kWrong;
  for (size_t column = 0; column < columns_; ++column) {
    if (place_[column] >= 0) fields_[static_cast<size_t>(place_[column])] = unquoted_[column];
  }
  return Line::kWhole;
}

absl::StatusOr<int64_t> NumberFrom(absl::string_view text) {
  int64_t number = 0;
  if (ReadShortNumber(text, number)) return number;
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
