#include "agent/sunspec.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "agent/errors.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/sunspec_map.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::SunSpecMap;

// Registers in memory; outside of them the device refuses.
class MapRegisters final : public HoldingRegisters {
 public:
  MapRegisters(uint16_t base, std::vector<uint16_t> words)
      : base_(base), words_(std::move(words)) {}
  absl::StatusOr<std::vector<uint16_t>> Read(uint16_t address, uint16_t count) override {
    EXPECT_GE(count, 1);
    EXPECT_LE(count, 125);
    if (address < base_ || address - base_ + count > static_cast<int>(words_.size())) {
      return Error(kModbusRefused, "illegal data address");
    }
    const auto from = words_.begin() + (address - base_);
    return std::vector<uint16_t>(from, from + count);
  }

 private:
  uint16_t base_;
  std::vector<uint16_t> words_;
};

uint32_t Bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

SunSpecMap Inverter(uint16_t id, uint32_t wh, int16_t scale) {
  SunSpecMap map;
  map.Common("INV-0042");
  const size_t at = map.Model(id, 50);
  map.Put32(at + 24, wh);
  map.Put(at + 26, static_cast<uint16_t>(scale));
  map.Model(160, 48);
  return map.End();
}

absl::StatusOr<SunSpecEnergy> EnergyOf(const SunSpecMap& map, uint16_t base = 40000,
                                       uint16_t wanted = 0) {
  MapRegisters registers(base, map.words());
  const auto device = ScanSunSpec(registers);
  if (!device.ok()) return device.status();
  const auto model = EnergyModelOf(*device, wanted);
  if (!model.ok()) return model.status();
  return ReadSunSpecEnergy(registers, *model);
}

TEST(SunSpecTest, FindsADeviceAtEachOfItsPlacesAndWalksItsModels) {
  for (const uint16_t base : std::vector<uint16_t>{40000, 50000, 0}) {
    MapRegisters registers(base, Inverter(103, 5, 0).words());
    const auto device = ScanSunSpec(registers);
    ASSERT_TRUE(device.ok()) << base << device.status();
    EXPECT_EQ(device->meter, "INV-0042");
    ASSERT_EQ(device->models.size(), 3u);
    EXPECT_EQ(device->models[1].id, 103);
    EXPECT_EQ(device->models[1].address, base + 70);
    EXPECT_EQ(device->models[2].id, 160);
    EXPECT_EQ(EnergyModelOf(*device, 0)->id, 103);
  }
}

TEST(SunSpecTest, ReadsAnInverterWithItsScaleFactor) {
  struct Case {
    uint32_t raw;
    int16_t scale;
    int64_t mwh;
    int64_t rollover_mwh;
  };
  for (const uint16_t id : std::vector<uint16_t>{101, 102, 103}) {
    for (const Case& at :
         {Case{1234, 0, 1'234'000, 4'294'967'296'000},
          Case{1234, 3, 1'234'000'000, 4'294'967'296'000'000},
          Case{12345, -1, 1'234'500, 429'496'729'600}, Case{12345, -3, 12'345, 4'294'967'296},
          Case{0xfffffffe, 6, 4'294'967'294'000'000'000, 4'294'967'296'000'000'000}}) {
      const auto energy = EnergyOf(Inverter(id, at.raw, at.scale));
      ASSERT_TRUE(energy.ok()) << energy.status();
      EXPECT_EQ(energy->imported, std::nullopt);
      EXPECT_EQ(energy->exported, (RegisterValue{at.mwh, at.rollover_mwh}));
    }
  }
}

TEST(SunSpecTest, ReadsAFloatInverter) {
  SunSpecMap map;
  map.Common("F");
  const size_t at = map.Model(113, 60);
  map.Put32(at + 32, Bits(123456.5F));
  map.End();
  EXPECT_EQ(EnergyOf(map)->exported, (RegisterValue{123'456'500, 0}));
  map.Put32(at + 32, Bits(std::numeric_limits<float>::quiet_NaN()));
  EXPECT_EQ(EnergyOf(map)->exported, std::nullopt);
  for (const float wrong : {-1.0F, std::numeric_limits<float>::infinity(), 1e30F}) {
    map.Put32(at + 32, Bits(wrong));
    EXPECT_EQ(ReasonOf(EnergyOf(map).status()), "SUNSPEC_INVALID") << wrong;
  }
}

TEST(SunSpecTest, ReadsMetersBothWays) {
  for (const uint16_t id : std::vector<uint16_t>{201, 202, 203, 204}) {
    SunSpecMap map;
    map.Common("");
    const size_t at = map.Model(id, 105);
    map.Put32(at + 38, 70);
    map.Put32(at + 46, 90);
    map.Put(at + 54, 1);
    map.End();
    const auto energy = EnergyOf(map);
    ASSERT_TRUE(energy.ok()) << energy.status();
    EXPECT_EQ(energy->exported->mwh, 700'000);
    EXPECT_EQ(energy->imported->mwh, 900'000);
  }
  for (const uint16_t id : std::vector<uint16_t>{211, 212, 213, 214}) {
    SunSpecMap map;
    const size_t at = map.Model(id, 124);
    map.Put32(at + 60, Bits(7.25F));
    map.Put32(at + 68, Bits(9.5F));
    map.End();
    const auto energy = EnergyOf(map, 50000);
    ASSERT_TRUE(energy.ok()) << energy.status();
    EXPECT_EQ(energy->exported->mwh, 7250);
    EXPECT_EQ(energy->imported->mwh, 9500);
  }
}

TEST(SunSpecTest, ReadsADerWithWideCounters) {
  SunSpecMap map;
  map.Common("DER");
  const size_t at = map.Model(701, 153);
  map.Put64(at + 19, 5'000'000'000);
  map.Put64(at + 23, 17);
  map.End();
  auto energy = EnergyOf(map);
  ASSERT_TRUE(energy.ok()) << energy.status();
  EXPECT_EQ(energy->exported, (RegisterValue{5'000'000'000'000, 0}));
  EXPECT_EQ(energy->imported, (RegisterValue{17'000, 0}));
  map.Put64(at + 23, ~uint64_t{0});
  EXPECT_EQ(EnergyOf(map)->imported, std::nullopt);
  map.Put64(at + 19, ~uint64_t{0} - 1);
  EXPECT_EQ(ReasonOf(EnergyOf(map).status()), "SUNSPEC_INVALID");
}

TEST(SunSpecTest, LeavesOutWhatIsNotImplemented) {
  EXPECT_EQ(EnergyOf(Inverter(103, 0, 0))->exported, std::nullopt);
  EXPECT_EQ(EnergyOf(Inverter(103, 0xffffffff, 0))->exported, std::nullopt);
  for (const int scale : {-32768, -4, 7}) {
    EXPECT_EQ(ReasonOf(EnergyOf(Inverter(103, 5, static_cast<int16_t>(scale))).status()),
              "SUNSPEC_INVALID");
  }
}

TEST(SunSpecTest, RefusesADeviceThatIsNone) {
  EXPECT_EQ(ReasonOf(EnergyOf(SunSpecMap().End()).status()), "SUNSPEC_INVALID") << "no model";
  EXPECT_EQ(ReasonOf(EnergyOf(Inverter(103, 5, 0), 40001).status()), "SUNSPEC_INVALID");
  EXPECT_EQ(ReasonOf(EnergyOf(Inverter(103, 5, 0), 40000, 203).status()), "SUNSPEC_INVALID");
  SunSpecMap no_end;
  no_end.Model(160, 10);
  EXPECT_EQ(ReasonOf(EnergyOf(no_end).status()), "MODBUS_REFUSED");
  SunSpecMap short_model;
  short_model.Model(103, 20);
  EXPECT_EQ(ReasonOf(EnergyOf(short_model.End()).status()), "SUNSPEC_INVALID");
  SunSpecMap endless;
  for (int i = 0; i < 101; ++i) endless.Model(160, 0);
  EXPECT_EQ(ReasonOf(EnergyOf(endless.End()).status()), "SUNSPEC_INVALID");
  SunSpecMap beyond;
  beyond.Model(160, 65535);
  MapRegisters registers(50000, beyond.words());
  EXPECT_EQ(ReasonOf(ScanSunSpec(registers).status()), "SUNSPEC_INVALID");
}

TEST(SunSpecTest, NoticesThatAModelHasMoved) {
  const SunSpecMap map = Inverter(103, 5, 0);
  MapRegisters registers(40000, map.words());
  EXPECT_EQ(ReasonOf(ReadSunSpecEnergy(registers, {103, 40069, 50}).status()), "SUNSPEC_INVALID");
  EXPECT_TRUE(ReadSunSpecEnergy(registers, {103, 40070, 50}).ok());
}

}  // namespace
}  // namespace peerwatt::agent
