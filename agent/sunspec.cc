#include "agent/sunspec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

constexpr std::array<uint16_t, 3> kPlaces = {40000, 50000, 0};
constexpr std::array<uint16_t, 2> kMark = {0x5375, 0x6e53};  // "SunS"
constexpr uint16_t kEndModel = 0xffff;
constexpr size_t kModelsMax = 100;
constexpr uint16_t kCommonModel = 1;
constexpr uint16_t kSerialOffset = 50;
constexpr uint16_t kSerialRegisters = 16;
constexpr uint16_t kNoScale = 0x8000;

enum class Encoding { kAcc32, kFloat32, kUint64 };

// Where a model keeps its energy, in registers from its id on. 0: it has none.
// Source: SunSpec Information Model Reference (models 101 to 103, 111 to 113, 201 to 204, 211 to
// 214) and SunSpec DER Information Model Specification (701).
struct EnergyLayout {
  uint16_t first_id;
  uint16_t last_id;
  Encoding encoding;
  uint16_t imported;
  uint16_t exported;
  uint16_t scale;
};
constexpr std::array<EnergyLayout, 5> kLayouts = {{
    {101, 103, Encoding::kAcc32, 0, 24, 26},
    {111, 113, Encoding::kFloat32, 0, 32, 0},
    {201, 204, Encoding::kAcc32, 46, 38, 54},
    {211, 214, Encoding::kFloat32, 68, 60, 0},
    {701, 701, Encoding::kUint64, 23, 19, 120},
}};

absl::Status Bad(absl::string_view why) { return Error(kSunSpecInvalid, why); }

const EnergyLayout* LayoutOf(uint16_t id) {
  for (const EnergyLayout& layout : kLayouts) {
    if (id >= layout.first_id && id <= layout.last_id) return &layout;
  }
  return nullptr;
}

uint16_t WidthOf(Encoding encoding) { return encoding == Encoding::kUint64 ? 4 : 2; }

uint64_t Unsigned(absl::Span<const uint16_t> registers) {
  uint64_t value = 0;
  for (const uint16_t word : registers) value = (value << 16) | word;
  return value;
}

// A count of units of 10^scale Wh.
absl::StatusOr<std::optional<RegisterValue>> Scaled(uint64_t raw, Encoding encoding, int scale) {
  const uint64_t missing =
      encoding == Encoding::kAcc32 ? 0xffff'ffffu : std::numeric_limits<uint64_t>::max();
  // An accumulator that shows 0 is absent or has not begun; one sample is lost when it
  // rolls over to exactly 0.
  if (raw == missing || (encoding == Encoding::kAcc32 && raw == 0)) return std::nullopt;
  int64_t factor = 1;
  for (int i = -3; i < scale; ++i) factor *= 10;
  const absl::uint128 mwh = absl::uint128(raw) * static_cast<uint64_t>(factor);
  if (mwh > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Bad("an energy register is too large");
  }
  RegisterValue value{static_cast<int64_t>(mwh), 0};
  if (encoding == Encoding::kAcc32) value.rollover_mwh = (int64_t{1} << 32) * factor;
  return value;
}

absl::StatusOr<std::optional<RegisterValue>> FromFloat(uint64_t raw) {
  const auto bits = static_cast<uint32_t>(raw);
  float watt_hours = 0;
  std::memcpy(&watt_hours, &bits, sizeof watt_hours);
  if (watt_hours != watt_hours) return std::nullopt;  // NaN: the device has none
  const double mwh = static_cast<double>(watt_hours) * 1000;
  if (mwh < 0 || mwh > 9e18) return Bad("an energy register is out of range");
  return RegisterValue{static_cast<int64_t>(mwh), 0};
}

absl::StatusOr<uint16_t> FindMark(HoldingRegisters& registers) {
  for (const uint16_t place : kPlaces) {
    const auto mark = registers.Read(place, 2);
    if (!mark.ok() && ReasonOf(mark.status()) != kModbusRefused.name) return mark.status();
    if (mark.ok() && std::equal(kMark.begin(), kMark.end(), mark->begin(), mark->end())) {
      return place;
    }
  }
  return Bad("the device has no SunSpec mark at 40000, 50000 or 0");
}

absl::StatusOr<std::string> ReadSerial(HoldingRegisters& registers, const SunSpecModel& model) {
  if (model.length + 2 < kSerialOffset + kSerialRegisters) return Bad("the common model is short");
  PW_ASSIGN_OR_RETURN(
      const std::vector<uint16_t> words,
      registers.Read(static_cast<uint16_t>(model.address + kSerialOffset), kSerialRegisters));
  std::string serial;
  for (const uint16_t word : words) {
    for (const int byte : {word >> 8, word & 255}) {
      if (absl::ascii_isgraph(static_cast<unsigned char>(byte))) serial += static_cast<char>(byte);
    }
  }
  return serial;
}

}  // namespace

uint16_t SunSpecEnergySize(uint16_t model_id) {
  const EnergyLayout* layout = LayoutOf(model_id);
  if (layout == nullptr) return 0;
  const uint16_t width = WidthOf(layout->encoding);
  return static_cast<uint16_t>(
      std::max({layout->imported + width, layout->exported + width, layout->scale + 1}));
}

absl::StatusOr<SunSpecDevice> ScanSunSpec(HoldingRegisters& registers) {
  PW_ASSIGN_OR_RETURN(const uint16_t place, FindMark(registers));
  SunSpecDevice device;
  uint32_t address = place + 2u;
  while (true) {
    if (address + 2 > 65536) return Bad("the chain of models has no end");
    PW_ASSIGN_OR_RETURN(const std::vector<uint16_t> header,
                        registers.Read(static_cast<uint16_t>(address), 2));
    if (header.size() != 2) return Bad("a header is short");
    // Some devices end the chain with a length that is not 0.
    if (header[0] == kEndModel) break;
    if (device.models.size() == kModelsMax) return Bad("the chain has too many models");
    device.models.push_back({header[0], static_cast<uint16_t>(address), header[1]});
    address += 2u + header[1];
  }
  for (const SunSpecModel& model : device.models) {
    if (model.id != kCommonModel) continue;
    PW_ASSIGN_OR_RETURN(device.meter, ReadSerial(registers, model));
    break;
  }
  if (device.meter.empty()) device.meter = "sunspec";
  return device;
}

absl::StatusOr<SunSpecModel> EnergyModelOf(const SunSpecDevice& device, uint16_t wanted) {
  for (const SunSpecModel& model : device.models) {
    const uint16_t size = SunSpecEnergySize(model.id);
    if ((wanted != 0 && model.id != wanted) || size == 0 || model.length + 2 < size) continue;
    return model;
  }
  return Bad(wanted == 0 ? std::string("the device has no model that counts energy")
                         : absl::StrCat("the device has no model ", wanted, " that counts energy"));
}

absl::StatusOr<SunSpecEnergy> ParseSunSpecEnergy(const SunSpecModel& model,
                                                 absl::Span<const uint16_t> block) {
  const EnergyLayout* layout = LayoutOf(model.id);
  if (layout == nullptr) return Bad("the model counts no energy");
  if (block.size() != SunSpecEnergySize(model.id)) return Bad("the model is short");
  if (block[0] != model.id || block[1] != model.length) return Bad("the model has moved");
  int scale = 0;
  if (layout->scale != 0) {
    if (block[layout->scale] == kNoScale) return Bad("the scale factor is missing");
    scale = static_cast<int16_t>(block[layout->scale]);
    if (scale < -3 || scale > 6) return Bad("the scale factor is out of range");
  }
  const auto value = [&](uint16_t offset) -> absl::StatusOr<std::optional<RegisterValue>> {
    if (offset == 0) return std::nullopt;
    const uint64_t raw = Unsigned(block.subspan(offset, WidthOf(layout->encoding)));
    return layout->encoding == Encoding::kFloat32 ? FromFloat(raw)
                                                  : Scaled(raw, layout->encoding, scale);
  };
  SunSpecEnergy energy;
  PW_ASSIGN_OR_RETURN(energy.imported, value(layout->imported));
  PW_ASSIGN_OR_RETURN(energy.exported, value(layout->exported));
  return energy;
}

absl::StatusOr<SunSpecEnergy> ReadSunSpecEnergy(HoldingRegisters& registers,
                                                const SunSpecModel& model) {
  const uint16_t size = SunSpecEnergySize(model.id);
  if (size == 0) return Bad("the model counts no energy");
  if (model.address + size > 65536) return Bad("the model does not fit");
  // Values, scale factor and the model's id in one answer: they belong together.
  PW_ASSIGN_OR_RETURN(const std::vector<uint16_t> block, registers.Read(model.address, size));
  return ParseSunSpecEnergy(model, block);
}

}  // namespace peerwatt::agent
