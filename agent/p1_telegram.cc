#include "agent/p1_telegram.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

constexpr size_t kMeterCharactersMax = 63;
constexpr int kVersionWithChecksum = 40;

absl::Status Bad(absl::string_view why) { return Error(kTelegramInvalid, why); }

bool AllDigits(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

// `001234.567*kWh` in thousandths of the unit with `k`, exactly.
absl::StatusOr<int64_t> ParseThousandths(absl::string_view value, absl::string_view unit) {
  const auto [number, found] = std::pair<absl::string_view, absl::string_view>(
      absl::StrSplit(value, absl::MaxSplits('*', 1)));
  const bool kilo = absl::StartsWithIgnoreCase(found, "k");
  if (!absl::EqualsIgnoreCase(kilo ? found.substr(1) : found, unit)) {
    return Bad(absl::StrCat("a value is not in ", unit));
  }
  const size_t point = number.find('.');
  const absl::string_view whole = number.substr(0, point);
  absl::string_view decimals = point == absl::string_view::npos ? "" : number.substr(point + 1);
  while (absl::EndsWith(decimals, "0")) decimals.remove_suffix(1);
  if (!AllDigits(whole) || whole.size() > 12 || (!decimals.empty() && !AllDigits(decimals)) ||
      decimals.size() > (kilo ? 3u : 0u)) {
    return Bad("a value is no number of whole units");
  }
  int64_t thousandths = 0;
  for (const char c : whole) thousandths = thousandths * 10 + (c - '0');
  if (!kilo) return thousandths;
  for (size_t i = 0; i < 3; ++i) {
    thousandths = thousandths * 10 + (i < decimals.size() ? decimals[i] - '0' : 0);
  }
  return thousandths;
}

// `YYMMDDhhmmssX`, X being `S` or `W`. Without X nobody knows which pass of the repeated hour it
// is: no time then.
absl::StatusOr<std::optional<absl::Time>> ParseTime(absl::string_view text,
                                                    absl::Duration standard_offset) {
  if (text.size() == 12 && AllDigits(text)) return std::nullopt;
  if (text.size() != 13 || !AllDigits(text.substr(0, 12)) || (text[12] != 'S' && text[12] != 'W')) {
    return Bad("the time of the telegram is malformed");
  }
  const auto part = [&](size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
  const absl::CivilSecond second(2000 + part(0), part(2), part(4), part(6), part(8), part(10));
  // CivilSecond carries over what is too large; a telegram may not.
  if (second.month() != part(2) || second.day() != part(4) || second.hour() != part(6) ||
      second.minute() != part(8) || second.second() != part(10)) {
    return Bad("the time of the telegram does not exist");
  }
  const absl::Duration offset =
      standard_offset + (text[12] == 'S' ? absl::Hours(1) : absl::ZeroDuration());
  return absl::FromCivil(second, absl::UTCTimeZone()) - offset;
}

// Equipment identifiers are text as hexadecimal digits; what does not read so is kept as it is.
std::string MeterOf(absl::string_view value) {
  std::string text;
  for (size_t i = 0; i + 1 < value.size(); i += 2) {
    const std::string pair(value.substr(i, 2));
    int byte = 0;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(pair[0])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(pair[1])) ||
        !absl::SimpleHexAtoi(pair, &byte) || byte < 0x21 || byte > 0x7e) {
      text.clear();
      break;
    }
    text += static_cast<char>(byte);
  }
  if (text.empty() || value.size() % 2 != 0) text = std::string(value);
  std::string kept;
  for (const char c : text) {
    if (absl::ascii_isgraph(static_cast<unsigned char>(c))) kept += c;
  }
  return kept.substr(0, kMeterCharactersMax);
}

// The registers of one direction: the total, or the tariffs that add up to it.
struct Registers {
  std::array<std::optional<int64_t>, 5> wh;

  std::optional<int64_t> Total() const {
    if (wh[0].has_value()) return wh[0];
    std::optional<int64_t> sum;
    for (size_t i = 1; i < wh.size(); ++i) {
      if (wh[i].has_value()) sum = sum.value_or(0) + *wh[i];
    }
    return sum;
  }
};

absl::Status PutOnce(std::optional<int64_t>& at, int64_t value) {
  if (at.has_value() && *at != value) return Bad("a value comes twice and differs");
  at = value;
  return absl::OkStatus();
}

class Reader {
 public:
  Reader(P1Telegram& out, absl::Duration standard_offset)
      : out_(out), standard_offset_(standard_offset) {}

  absl::Status TakeLine(absl::string_view line) {
    const size_t open = line.find('(');
    if (open == absl::string_view::npos) return absl::OkStatus();
    const size_t close = line.find(')', open);
    if (close == absl::string_view::npos) return absl::OkStatus();  // text over several lines
    absl::string_view code = line.substr(0, open);
    code = code.substr(0, code.find('*'));
    return TakeValue(code, line.substr(open + 1, close - open - 1));
  }
  void Finish() {
    out_.import_wh = imported_.Total();
    out_.export_wh = exported_.Total();
  }

 private:
  absl::Status TakeValue(absl::string_view code, absl::string_view value) {
    if (code == "0-0:1.0.0") {
      PW_ASSIGN_OR_RETURN(out_.time, ParseTime(value, standard_offset_));
    } else if (code == "1-3:0.2.8" || code == "0-0:96.1.4") {
      // The Belgian variant appends its own three digits: 50217.
      if (!AllDigits(value) || value.size() > 5 || value.size() < 2) {
        return Bad("the version is no number");
      }
      out_.version = (value[0] - '0') * 10 + (value[1] - '0');
    } else if (code == "0-0:96.1.1" || code == "0-0:42.0.0") {
      const std::string meter = MeterOf(value);
      if (!meter.empty()) out_.meter = meter;
    } else if (code == "1-0:1.7.0" || code == "1-0:2.7.0") {
      PW_ASSIGN_OR_RETURN(const int64_t watts, ParseThousandths(value, "W"));
      return PutOnce(code[4] == '1' ? out_.import_w : out_.export_w, watts);
    } else if (code.size() == 9 &&
               (absl::StartsWith(code, "1-0:1.8.") || absl::StartsWith(code, "1-0:2.8.")) &&
               code[8] >= '0' && code[8] <= '4') {
      PW_ASSIGN_OR_RETURN(const int64_t wh, ParseThousandths(value, "Wh"));
      return PutOnce(
          (code[4] == '1' ? imported_ : exported_).wh[static_cast<size_t>(code[8] - '0')], wh);
    }
    return absl::OkStatus();
  }

  P1Telegram& out_;
  const absl::Duration standard_offset_;
  Registers imported_;
  Registers exported_;
};

}  // namespace

uint16_t P1Crc(absl::string_view bytes) {
  uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) * 0xa001u);
  }
  return static_cast<uint16_t>(crc);
}

absl::StatusOr<P1Telegram> ParseP1Telegram(absl::string_view telegram,
                                           absl::Duration standard_offset) {
  if (!absl::StartsWith(telegram, "/")) return Bad("a telegram starts with /");
  size_t end = telegram.find("\n!");
  if (end == absl::string_view::npos) return Bad("the telegram has no trailer");
  ++end;
  P1Telegram out;
  const absl::string_view checksum = absl::StripAsciiWhitespace(telegram.substr(end + 1));
  if (!checksum.empty()) {
    int crc = 0;
    const bool hex = checksum.size() == 4 && checksum.find_first_not_of("0123456789abcdefABCDEF") ==
                                                 absl::string_view::npos;
    if (!hex || !absl::SimpleHexAtoi(checksum, &crc) || crc != P1Crc(telegram.substr(0, end + 1))) {
      return Bad("the checksum is wrong");
    }
    out.checked = true;
  }
  Reader reader(out, standard_offset);
  bool first = true;
  for (absl::string_view line : absl::StrSplit(telegram.substr(0, end), '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (std::exchange(first, false)) {
      out.meter = MeterOf(line.substr(1));
      continue;
    }
    PW_RETURN_IF_ERROR(reader.TakeLine(line));
  }
  if (out.version >= kVersionWithChecksum && !out.checked) return Bad("the checksum is missing");
  if (out.meter.empty()) return Bad("the meter has no name");
  reader.Finish();
  return out;
}

void P1Framer::Push(absl::string_view bytes) {
  for (const char c : bytes) Take(c);
}

void P1Framer::Take(char c) {
  const bool begins = std::exchange(line_begins_, c == '\n' || c == '\r');
  if (c == '/' && (begins || telegram_.empty())) {
    Skip();
    telegram_.assign(1, '/');
    return;
  }
  if (telegram_.empty()) {
    // Line ends between telegrams are no loss.
    if (c != '\r' && c != '\n') ++skipped_bytes_;
    return;
  }
  telegram_ += c;
  if (begins && c == '!') trailer_ = true;
  if (trailer_ && (c == '\n' || c == '\r')) {
    complete_.push_back(std::exchange(telegram_, std::string()));
    trailer_ = false;
  } else if (telegram_.size() > telegram_bytes_max_) {
    Skip();
  }
}

void P1Framer::Skip() {
  skipped_bytes_ += static_cast<int64_t>(telegram_.size());
  telegram_.clear();
  trailer_ = false;
}

std::optional<std::string> P1Framer::Next() {
  if (complete_.empty()) return std::nullopt;
  std::string telegram = std::move(complete_.front());
  complete_.pop_front();
  return telegram;
}

}  // namespace peerwatt::agent
