// OCMF records: nothing breaks the reader, and what it makes of a record holds together.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "services/metering/core/evidence/ocmf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peerwatt::metering;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = ParseOcmf(text);
  if (!record.ok()) {
    return 0;
  }
  PW_CHECK(text.find(record->payload) != text.npos, "the signed bytes are those that came");
  PW_CHECK(!record->readings.empty() && !record->serial().empty() && !record->signature.empty(),
           "a record has readings, a meter and a signature");
  const auto values = RegisterValuesOf(*record);
  PW_CHECK(values.size() <= record->readings.size(), "no value without a reading");
  for (const OcmfRegisterValue& value : values) {
    PW_CHECK(value.energy.wh() >= 0, "a register does not go below zero");
  }
  if (const auto session = SessionOf(*record); session.has_value()) {
    PW_CHECK(session->energy_mwh >= 0 && session->start <= session->end, "a session runs forwards");
  }
  return 0;
}
