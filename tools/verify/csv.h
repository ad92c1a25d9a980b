#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::verify {

/// A file's bytes, mapped into memory.
class MappedFile {
 public:
  /// Errors: kNotFound when the file cannot be read.
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  absl::string_view text() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  const char* data_ = nullptr;
  size_t size_ = 0;
};

/// Reads CSV (RFC 4180) of a text that outlives it: a header, then lines of as many fields.
class CsvReader {
 public:
  /// columns: those that are needed, in the order in which `fields` gives them; the file may have
  /// them in another order, and others besides. Errors: kInvalidArgument when one is missing.
  static absl::StatusOr<CsvReader> Open(absl::string_view text,
                                        const std::vector<std::string>& columns);
  /// Reads the next line that is not blank. Returns false at the end, and after an error.
  bool Next();
  /// The needed columns of the line, valid until the next one is read.
  const std::vector<absl::string_view>& fields() const { return fields_; }
  /// Number of the line, from 1; quoted line ends do not count.
  int64_t line() const { return line_; }
  /// kInvalidArgument when a line has another number of fields than the header.
  const absl::Status& status() const { return status_; }

 private:
  explicit CsvReader(absl::string_view text) : rest_(text) {}
  enum class Line { kWhole, kBlank, kWrong };
  Line Split();
  Line SplitQuoted();
  /// The first quote of the rest, or its end.
  const char* NextQuote();

  absl::string_view rest_;
  const char* quote_ = nullptr;  // the first quote after some earlier place, or the text's end
  size_t columns_ = 0;           // in the file
  std::vector<int> place_;       // of each column of the file among `fields_`, or -1
  std::vector<absl::string_view> fields_;
  std::vector<std::string> unquoted_;
  int64_t line_ = 0;
  absl::Status status_;
};

/// Reads a number. Errors: kInvalidArgument.
absl::StatusOr<int64_t> NumberFrom(absl::string_view text);
/// Reads a number of up to 18 digits. Returns false when the text is none.
inline bool ReadShortNumber(absl::string_view text, int64_t& number) {
  constexpr size_t kDigitsMax = 18;  // always fit 64 bits
  const bool is_negative = !text.empty() && text.front() == '-';
  const size_t begin = is_negative ? 1 : 0;
  if (text.size() == begin || text.size() - begin > kDigitsMax) return false;
  int64_t read = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto digit = static_cast<unsigned char>(text[i] - '0');
    if (digit > 9) return false;
    read = read * 10 + digit;
  }
  number = is_negative ? -read : read;
  return true;
}
/// Reads a decimal as millionths, `-0.200000` as -200000. Errors: kInvalidArgument, also for more
/// than six decimals that are not zero.
absl::StatusOr<int64_t> MicrosFrom(absl::string_view text);
/// Reads an instant in UTC, `2026-07-01T00:15:00Z`, as seconds since 1970. Errors:
/// kInvalidArgument.
absl::StatusOr<int64_t> SecondsFrom(absl::string_view text);

}  // namespace peerwatt::verify
