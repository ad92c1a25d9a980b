// A device that answers with arbitrary registers.
#include "agent/sunspec.h"

#include <cstdint>
#include <vector>

#include "agent/errors.h"
#include "libs/base/check.h"
#include "libs/base/error.h"

namespace {

using peerwatt::agent::RegisterValue;

// The mark, then the input as registers from 40000 on; it goes on from its beginning.
class ArbitraryRegisters final : public peerwatt::agent::HoldingRegisters {
 public:
  ArbitraryRegisters(const uint8_t* data, size_t size) : words_{0x5375, 0x6e53} {
    for (size_t i = 0; i + 1 < size; i += 2) {
      words_.push_back(static_cast<uint16_t>(data[i] << 8 | data[i + 1]));
    }
  }
  absl::StatusOr<std::vector<uint16_t>> Read(uint16_t address, uint16_t count) override {
    PW_CHECK(count >= 1 && count <= 125 && address + count <= 65536, "a read that Modbus allows");
    if (address < 40000) return Error(peerwatt::agent::kModbusRefused, "illegal data address");
    std::vector<uint16_t> words;
    for (size_t i = 0; i < count; ++i)
      words.push_back(words_[(address - 40000u + i) % words_.size()]);
    return words;
  }

 private:
  std::vector<uint16_t> words_;
};

void Check(const std::optional<RegisterValue>& value) {
  if (!value.has_value()) return;
  PW_CHECK(value->mwh >= 0 && value->rollover_mwh >= 0, "a register is not negative");
  PW_CHECK(value->rollover_mwh == 0 || value->mwh < value->rollover_mwh,
           "a register stays below its rollover");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ArbitraryRegisters registers(data, size);
  const auto device = ScanSunSpec(registers);
  if (!device.ok()) return 0;
  PW_CHECK(device->models.size() <= 100 && !device->meter.empty(), "a device is bounded");
  for (const auto& model : device->models) {
    const auto energy = ReadSunSpecEnergy(registers, model);
    if (!energy.ok()) continue;
    Check(energy->imported);
    Check(energy->exported);
  }
  return 0;
}
