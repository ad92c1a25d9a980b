// Bytes of a P1 line: cut into telegrams and read; and read as a telegram whose checksum is right.
#include "agent/p1_telegram.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"

namespace {

void Read(const std::string& text) {
  const auto telegram = peerwatt::agent::ParseP1Telegram(text);
  if (!telegram.ok()) return;
  PW_CHECK(!telegram->meter.empty() && telegram->meter.size() <= 63, "a meter has a name");
  PW_CHECK(telegram->import_wh.value_or(0) >= 0 && telegram->export_wh.value_or(0) >= 0,
           "a register is not negative");
  PW_CHECK(telegram->checked || telegram->version < 40, "from version 4 on there is a checksum");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  peerwatt::agent::P1Framer framer(512);
  int64_t telegrams = 0;
  framer.Push(bytes);
  while (const std::optional<std::string> telegram = framer.Next()) {
    telegrams += static_cast<int64_t>(telegram->size());
    PW_CHECK(telegram->size() <= 513, "a telegram is bounded");
    Read(*telegram);
  }
  PW_CHECK(telegrams + framer.skipped_bytes() <= static_cast<int64_t>(size),
           "no byte counts twice");
  std::string sealed = absl::StrCat("/", bytes, "\r\n!");
  absl::StrAppendFormat(&sealed, "%04x\r\n", peerwatt::agent::P1Crc(sealed));
  Read(sealed);
  return 0;
}
