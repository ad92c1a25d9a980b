// Broken on purpose: pairing values of different meters turns AnExchangeOfTheMeterIsNotBridged red;
// taking any fall for a rollover, AFallThatIsNoRollover; leaving out the neighbour behind a
// corrected value, ACorrectedValueChangesBothNeighbours; deriving over measured values,
// MeasuredReadingsStay; requiring no pair for export, ImportAndExportAreApart.
#include "services/metering/core/vee/registers.h"

#include <algorithm>
#include <random>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/vee/register_rules.h"

namespace peerwatt::metering {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'782'864'000);
const absl::Duration kQuarter = absl::Minutes(15);

absl::Time At(int quarter) { return kStart + kQuarter * quarter; }

RegisterValue Import(int quarter, int64_t wh, const std::string& meter = "A") {
  return {.meter = meter,
          .kind = RegisterKind::kImport,
          .at = At(quarter),
          .energy_wh = wh,
          .rollover_wh = 1'000'000,
          .revision = 1,
          .created_at = {}};
}
RegisterValue Export(int quarter, int64_t wh) {
  RegisterValue value = Import(quarter, wh);
  value.kind = RegisterKind::kExport;
  return value;
}

Member Consumer() {
  Member member;
  member.import_capacity_w = 10'000;
  member.interval = kQuarter;
  member.time_zone = "Europe/Berlin";
  return member;
}

std::vector<Series> Derive(const std::vector<RegisterValue>& values,
                           const Member& member = Consumer(), size_t size = 8) {
  return DeriveReadings(MeteringPointId("m"), member, values, kStart, ReadingColumn::Missing(size));
}

TEST(RegistersTest, NeighbouringValuesGiveReadings) {
  const auto series = Derive({Import(2, 1500), Import(0, 1000), Import(1, 1200)});
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].start, kStart);
  EXPECT_THAT(series[0].import_wh, ElementsAre(200, 300));
  EXPECT_THAT(series[0].qualities, ElementsAre(Quality::kCalculated));
  EXPECT_EQ(series[0].method, Method::kRegisterDifference);
}

TEST(RegistersTest, HoursAreSplitAndLongerPairsGiveNothing) {
  // 20 kWh in an hour are above the capacity.
  EXPECT_THAT(Derive({Import(0, 1000), Import(4, 21'003)}), IsEmpty());
  const auto plausible = Derive({Import(0, 1000), Import(4, 3003), Import(5, 3004)});
  ASSERT_THAT(plausible, SizeIs(2));
  EXPECT_THAT(plausible[0].import_wh, ElementsAre(501, 501, 500, 501));
  EXPECT_EQ(plausible[0].method, Method::kSplit);
  EXPECT_EQ(plausible[1].method, Method::kRegisterDifference);
  EXPECT_THAT(Derive({Import(0, 1000), Import(5, 3000)}), IsEmpty());
}

TEST(RegistersTest, ARolloverGoesOn) {
  const auto series = Derive({Import(0, 999'900), Import(1, 50)});
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_THAT(series[0].import_wh, ElementsAre(150));
}

TEST(RegistersTest, AFallThatIsNoRollover) {
  const std::vector<RegisterValue> values = {Import(0, 5000), Import(1, 4990), Import(2, 5100)};
  const auto series = Derive(values);
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].start, At(1));
  EXPECT_THAT(series[0].import_wh, ElementsAre(110));
  const RegisterPairs pairs = PairsOf(values, RegisterKind::kImport, 10'000);
  ASSERT_THAT(pairs.findings, SizeIs(1));
  EXPECT_EQ(pairs.findings[0].rule, Rule::kRegisterBackwards);
  EXPECT_EQ(pairs.findings[0].span, (Interval{At(0), At(1)}));
}

TEST(RegistersTest, AJumpAboveTheCapacityIsAFinding) {
  const RegisterPairs pairs =
      PairsOf({Import(0, 0), Import(1, 2500), Import(2, 5001)}, RegisterKind::kImport, 10'000);
  EXPECT_THAT(pairs.pairs, SizeIs(1));
  ASSERT_THAT(pairs.findings, SizeIs(1));
  EXPECT_EQ(pairs.findings[0].rule, Rule::kRegisterMismatch);
}

TEST(RegistersTest, AnExchangeOfTheMeterIsNotBridged) {
  // The new meter stands a little higher, as if it were the old one.
  const auto open = Derive({Import(0, 1000), Import(1, 1100), Import(2, 1150, "B"),
                            Import(3, 1200, "B")});
  ASSERT_THAT(open, SizeIs(2));
  EXPECT_THAT(open[0].import_wh, ElementsAre(100));
  EXPECT_EQ(open[1].start, At(2));
  EXPECT_THAT(open[1].import_wh, ElementsAre(50));
  // With the old meter's end and the new one's start at the same instant nothing is lost.
  const auto closed = Derive({Import(0, 1000), Import(1, 1100), Import(2, 1130),
                              Import(2, 7, "B"), Import(3, 57, "B")});
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_THAT(closed[0].import_wh, ElementsAre(100, 30, 50));
}

TEST(RegistersTest, ImportAndExportAreApart) {
  Member prosumer = Consumer();
  prosumer.export_capacity_w = 5'000;
  const std::vector<RegisterValue> values = {Import(0, 0),  Import(1, 10), Import(2, 30),
                                             Export(0, 70), Export(1, 75)};
  const auto series = Derive(values, prosumer);
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_THAT(series[0].import_wh, ElementsAre(10));
  EXPECT_THAT(series[0].export_wh, ElementsAre(5));
}

TEST(RegistersTest, ACorrectedValueChangesBothNeighbours) {
  std::vector<RegisterValue> values = {Import(0, 1000), Import(1, 1200), Import(2, 1500)};
  values[1].energy_wh = 1250;
  EXPECT_THAT(Derive(values)[0].import_wh, ElementsAre(250, 250));
}

TEST(RegistersTest, MeasuredReadingsStay) {
  ReadingColumn existing = ReadingColumn::Missing(4);
  existing.qualities = {Quality::kMeasured, Quality::kEstimated, Quality::kMissing,
                        Quality::kMeasured};
  const auto series =
      DeriveReadings(MeteringPointId("m"), Consumer(),
                     {Import(0, 0), Import(1, 1), Import(2, 3), Import(3, 6), Import(4, 10)},
                     kStart, existing);
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].start, At(1));
  EXPECT_THAT(series[0].import_wh, ElementsAre(2, 3));
}

TEST(RegistersTest, EveryOrderOfArrivalGivesTheSameReadings) {
  constexpr uint32_t kSeed = 20260102;
  std::mt19937 random(kSeed);
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 200; ++round) {
    // A register that moves at random, rolls over, has holes and once another meter.
    std::vector<RegisterValue> values;
    std::vector<int64_t> truth(64, -1);
    int64_t register_wh = 999'000;
    std::string meter = "A";
    for (int quarter = 0; quarter <= 64; ++quarter) {
      if (quarter == 40) {
        values.push_back(Import(quarter, register_wh, meter));
        meter = "B";
        register_wh = 3;
      }
      const bool known = random() % 4 != 0;
      if (known || quarter == 40) {
        values.push_back(Import(quarter, register_wh, meter));
      }
      const int64_t moved = static_cast<int64_t>(random() % 600);
      if (quarter < 64) {
        truth[static_cast<size_t>(quarter)] = moved;
      }
      register_wh = (register_wh + moved) % 1'000'000;
    }
    const auto expected = Derive(values, Consumer(), 64);
    std::shuffle(values.begin(), values.end(), random);
    const auto shuffled = Derive(values, Consumer(), 64);
    ASSERT_EQ(expected.size(), shuffled.size());
    for (size_t s = 0; s < expected.size(); ++s) {
      EXPECT_EQ(expected[s].start, shuffled[s].start);
      EXPECT_EQ(expected[s].import_wh, shuffled[s].import_wh);
      if (expected[s].method == Method::kRegisterDifference) {
        for (size_t i = 0; i < expected[s].size(); ++i) {
          const auto quarter = (expected[s].StartOf(i) - kStart) / kQuarter;
          EXPECT_EQ(expected[s].import_wh[i], truth[static_cast<size_t>(quarter)]);
        }
      }
    }
  }
}

TEST(RegistersTest, IntervalsThatDoNotSumToTheRegister) {
  ReadingColumn column = ReadingColumn::Missing(8);
  for (size_t i = 0; i < 8; ++i) {
    column.import_wh[i] = 100;
    column.qualities[i] = Quality::kMeasured;
  }
  const Interval day{kStart, kStart + absl::Hours(2)};
  const auto check = [&](int64_t difference) {
    return CheckRegisters(day, Consumer(), {Import(1, 0), Import(7, difference)}, kStart, column);
  };
  EXPECT_THAT(check(600), IsEmpty());
  const std::vector<Found> found = check(601);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rule, Rule::kRegisterMismatch);
  EXPECT_EQ(found[0].span, (Interval{At(1), At(7)}));
  EXPECT_THAT(check(599), SizeIs(1));
  // With a gap between the values nothing can be said, and a pair beside the days is not judged.
  column.qualities[3] = Quality::kMissing;
  EXPECT_THAT(check(601), IsEmpty());
  column.qualities[3] = Quality::kMeasured;
  for (const auto& [first, last, count] : {std::tuple{7, 9, 0U}, {0, 1, 0U}, {6, 9, 1U}}) {
    EXPECT_THAT(CheckRegisters({At(first), At(last)}, Consumer(),
                               {Import(1, 0), Import(7, 601)}, kStart, column),
                SizeIs(count));
  }
}

TEST(RegisterRulesTest, RefusesInOrder) {
  const absl::flat_hash_map<MeteringPointId, Member> members = {
      {MeteringPointId("m"), Consumer()}};
  const auto reason = [&](void (*spoil)(RegisterSeries&)) {
    Batch batch;
    batch.registers.push_back({.metering_point = MeteringPointId("m"),
                               .meter = "A",
                               .kind = RegisterKind::kImport,
                               .start = kStart,
                               .resolution = absl::Minutes(30),
                               .energy_wh = {1, 2, 3},
                               .rollover_wh = 100});
    spoil(batch.registers[0]);
    return ReasonOf(ValidateRegisters(batch, members, At(4)));
  };
  EXPECT_EQ(reason([](RegisterSeries&) {}), "");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.metering_point = MeteringPointId("x"); }),
            "METERING_POINT_UNKNOWN");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.resolution = absl::Minutes(20); }),
            "RESOLUTION_MISMATCH");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.resolution = absl::ZeroDuration(); }),
            "RESOLUTION_MISMATCH");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.start += absl::Minutes(1); }), "READING_OFF_GRID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.energy_wh[1] = -1; }), "ENERGY_NEGATIVE");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.start += absl::Minutes(15); }), "READING_IN_FUTURE");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.meter = ""; }), "REGISTER_INVALID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.meter = std::string(64, 'x'); }), "REGISTER_INVALID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.kind = RegisterKind{3}; }), "REGISTER_INVALID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.rollover_wh = -1; }), "REGISTER_INVALID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.energy_wh[2] = 100; }), "REGISTER_INVALID");
  EXPECT_EQ(reason([](RegisterSeries& s) { s.energy_wh[2] = 99; }), "");
}

TEST(RegisterRulesTest, RefusesTheSameInstantTwice) {
  const absl::flat_hash_map<MeteringPointId, Member> members = {
      {MeteringPointId("m"), Consumer()}};
  Batch batch;
  for (int i = 0; i < 2; ++i) {
    batch.registers.push_back({.metering_point = MeteringPointId("m"),
                               .meter = "A",
                               .kind = RegisterKind::kImport,
                               .start = At(i),
                               .resolution = kQuarter,
                               .energy_wh = {1, 2},
                               .rollover_wh = 0});
  }
  EXPECT_EQ(ReasonOf(ValidateRegisters(batch, members, At(9))), "OVERLAP");
  batch.registers[1].kind = RegisterKind::kExport;
  EXPECT_EQ(ReasonOf(ValidateRegisters(batch, members, At(9))), "");
  batch.registers[1].kind = RegisterKind::kImport;
  batch.registers[1].start = At(2);
  EXPECT_EQ(ReasonOf(ValidateRegisters(batch, members, At(9))), "");
}

TEST(OnGridTest, GivesBoundariesThatFollowFromEqualValues) {
  const absl::Time start = absl::FromUnixSeconds(1'782'864'000);
  const auto value = [&](int minutes, int64_t wh) {
    return RegisterValue{.meter = "A", .at = start + absl::Minutes(minutes), .energy_wh = wh,
                         .created_at = {}};
  };
  const std::vector<RegisterValue> values = {value(5, 10),  value(50, 10), value(55, 70),
                                             value(130, 70), value(150, 90)};
  const auto minutes = [&](const std::vector<RegisterValue>& shown) {
    std::vector<std::pair<int64_t, int64_t>> all;
    for (const RegisterValue& one : shown) {
      all.emplace_back((one.at - start) / absl::Minutes(1), one.energy_wh);
    }
    return all;
  };
  using Shown = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(minutes(OnGrid(values, absl::Minutes(15))),
            (Shown{{15, 10}, {45, 10}, {60, 70}, {120, 70}, {150, 90}}));
  EXPECT_EQ(minutes(OnGrid(values, absl::Minutes(15),
                           Interval{start, start + absl::Minutes(90)})),
            (Shown{{15, 10}, {30, 10}, {45, 10}, {60, 70}, {75, 70}, {90, 70}, {120, 70},
                   {150, 90}}));
}

}  // namespace
}  // namespace peerwatt::metering
