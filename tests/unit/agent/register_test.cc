#include "agent/register.h"

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "agent/csv_profile.h"
#include "agent/meter.h"
#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kQuarterHour = absl::Minutes(15);
const absl::Time kStart = absl::FromUnixSeconds(1613343600);

// A source of given powers from kStart on; a negative value stands for no value.
class ListSource final : public ReadingSource {
 public:
  explicit ListSource(std::vector<absl::int128> attowatts) : attowatts_(std::move(attowatts)) {}
  std::optional<Power> MeanPower(const Interval& interval) const override {
    const int64_t at = (interval.start - kStart) / interval.length();
    const absl::int128 value = attowatts_.at(static_cast<size_t>(at));
    if (value < 0) return std::nullopt;
    return Power::Attowatts(value);
  }

 private:
  std::vector<absl::int128> attowatts_;
};

TEST(RegisterTest, ShowsWholeWattHoursAndKeepsTheRest) {
  Register meter;
  for (int i = 0; i < 4; ++i) meter.Add(Power::Milliwatts(999), kQuarterHour);
  EXPECT_EQ(meter.shown().wh(), 0);  // 0.999 Wh
  meter.Add(Power::Milliwatts(4), kQuarterHour);
  EXPECT_EQ(meter.shown().wh(), 1);  // exactly 1 Wh
  meter.Add(Power::Milliwatts(1'000'000'000'000), absl::Hours(1));
  EXPECT_EQ(meter.shown().wh(), 1'000'000'001);
}

TEST(RegisterTest, PartsAddUpToTheNaiveTotal) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<absl::int128> powers;
    for (int i = 0; i < 500; ++i) {
      // From a trickle far below one watt hour to megawatts, with gaps.
      const absl::int128 value = absl::int128(static_cast<int64_t>(random() >> 1)) *
                                 (random() % 3 == 0 ? 1 : 1'000'000);
      powers.push_back(random() % 20 == 0 ? absl::int128(-1) : value);
    }
    const auto source = std::make_shared<ListSource>(powers);
    const Interval span{kStart, kStart + 500 * kQuarterHour};
    Meter meter({"meteringPoints/a1", Direction::kImport, source, span}, kQuarterHour);
    Energy sum;
    for (absl::Time at = span.start; at < span.end; at += kQuarterHour) {
      sum += meter.Read(at).value_or(Energy());
    }
    EXPECT_EQ(sum, *TotalEnergyWh(*source, span, kQuarterHour)) << "seed " << seed;
    EXPECT_EQ(sum, meter.ShownAt(span.end));
  }
}

TEST(MeterTest, ReadsTheSameInAnyOrderAndAfterARestart) {
  std::mt19937_64 random(7);
  std::vector<absl::int128> powers;
  for (int i = 0; i < 200; ++i) {
    powers.push_back(absl::int128(static_cast<int64_t>(random() % 3000)) * (kScale / 3));
  }
  const Interval span{kStart, kStart + 200 * kQuarterHour};
  const PointSpec spec{"meteringPoints/a1", Direction::kImport,
                       std::make_shared<ListSource>(powers), span};
  std::vector<Energy> expected;
  Meter in_order(spec, kQuarterHour);
  for (int i = 0; i < 200; ++i) expected.push_back(*in_order.Read(kStart + i * kQuarterHour));
  Meter jumping(spec, kQuarterHour);
  for (int i = 0; i < 400; ++i) {
    const auto at = static_cast<int>(random() % 200);
    EXPECT_EQ(*jumping.Read(kStart + at * kQuarterHour), expected[static_cast<size_t>(at)]);
    Meter restarted(spec, kQuarterHour);
    EXPECT_EQ(*restarted.Read(kStart + at * kQuarterHour), expected[static_cast<size_t>(at)]);
  }
}

TEST(MeterTest, HasNothingOutsideItsSpan) {
  const auto source = std::make_shared<ListSource>(std::vector<absl::int128>(10, kScale));
  Meter meter({"meteringPoints/a1", Direction::kImport, source,
               {kStart + 2 * kQuarterHour, kStart + 5 * kQuarterHour}},
              kQuarterHour);
  EXPECT_FALSE(meter.Read(kStart + kQuarterHour).has_value());
  EXPECT_TRUE(meter.Read(kStart + 2 * kQuarterHour).has_value());
  EXPECT_TRUE(meter.Read(kStart + 4 * kQuarterHour).has_value());
  EXPECT_FALSE(meter.Read(kStart + 5 * kQuarterHour).has_value());
}

TEST(TotalEnergyTest, RefusesMoreThanTenMillionIntervals) {
  const ListSource source({});
  EXPECT_FALSE(
      TotalEnergyWh(source, {kStart, kStart + 10'000'001 * kQuarterHour}, kQuarterHour).ok());
}

}  // namespace
}  // namespace peerwatt::agent
