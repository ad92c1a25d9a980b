#include "services/settlement/core/grid_loss.h"

#include <gtest/gtest.h>

#include "libs/domain/interval.h"

namespace peerwatt::settlement {
namespace {

constexpr Price kRetail = Price::MicrosPerKwh(300'000);

PointReading Measured(int64_t import_wh, int64_t export_wh) {
  PointReading reading;
  reading.import_energy = Energy::WattHours(import_wh);
  reading.export_energy = Energy::WattHours(export_wh);
  reading.present = true;
  return Screened(reading);
}

PeriodTotals Moved(int64_t drawn_wh, int64_t fed_in_wh) {
  PeriodTotals totals;
  totals.drawn = Energy::WattHours(drawn_wh);
  totals.fed_in = Energy::WattHours(fed_in_wh);
  return totals;
}

/// What entries with this posted would bring the account `grid-loss` to.
int64_t BroughtBy(const std::optional<JournalEntry>& entry) {
  return entry.has_value() ? entry->postings.front().amount.micros() : 0;
}

TEST(GridLoss, IsWhatCameInAndNobodyDrew) {
  const GridLoss loss = GridLossOf({Measured(1'000, 0)}, Moved(1'200, 250), kRetail);
  EXPECT_EQ(loss.boundary_count, 1);
  EXPECT_EQ(loss.missing_count, 0);
  EXPECT_EQ(loss.energy, Energy::WattHours(50)) << "1000 + 250 - 1200";
  EXPECT_EQ(loss.amount, Money::Micros(15'000)) << "0.05 kWh at 0.30";
}

TEST(GridLoss, CountsWhatLeavesForTheMainGrid) {
  const GridLoss loss =
      GridLossOf({Measured(0, 900), Measured(300, 0)}, Moved(400, 1'100), kRetail);
  EXPECT_EQ(loss.import_energy, Energy::WattHours(300));
  EXPECT_EQ(loss.export_energy, Energy::WattHours(900));
  EXPECT_EQ(loss.energy, Energy::WattHours(100)) << "300 + 1100 - 400 - 900";
}

TEST(GridLoss, IsNegativeWhereMetersDisagree) {
  const GridLoss loss = GridLossOf({Measured(100, 0)}, Moved(105, 0), kRetail);
  EXPECT_EQ(loss.energy, Energy::WattHours(-5));
  EXPECT_EQ(loss.amount, Money::Micros(-1'500));
}

TEST(GridLoss, IsUnknownWithoutABoundary) {
  EXPECT_EQ(GridLossOf({}, Moved(1, 0), kRetail), GridLoss());
}

TEST(GridLoss, IsAbsentWhileAReadingIsMissing) {
  const GridLoss loss = GridLossOf({Measured(100, 0), PointReading{}}, Moved(90, 0), kRetail);
  EXPECT_EQ(loss.boundary_count, 2);
  EXPECT_EQ(loss.missing_count, 1);
  EXPECT_EQ(loss.import_energy, std::nullopt);
  EXPECT_EQ(loss.energy, std::nullopt);
  EXPECT_EQ(loss.amount, std::nullopt);
}

TEST(GridLoss, IsAbsentWhereAReadingIsAbsurd) {
  for (const PointReading& absurd : {Measured(kReadingMax.wh() + 1, 0), Measured(0, -1)}) {
    const GridLoss loss = GridLossOf({absurd}, Moved(90, 0), kRetail);
    EXPECT_EQ(loss.missing_count, 1);
    EXPECT_EQ(loss.energy, std::nullopt);
  }
  EXPECT_TRUE(
      GridLossOf({Measured(kReadingMax.wh(), 0)}, Moved(90, 0), kRetail).energy.has_value());
}

TEST(GridLoss, DoesNotCountAPointBeforeItJoined) {
  PointReading before;
  before.expected = false;
  EXPECT_EQ(GridLossOf({before}, Moved(90, 0), kRetail), GridLoss());
  const GridLoss of_one = GridLossOf({before, Measured(95, 0)}, Moved(90, 0), kRetail);
  EXPECT_EQ(of_one.boundary_count, 1);
  EXPECT_EQ(of_one.energy, Energy::WattHours(5));
  PointReading early = Measured(95, 0);
  early.expected = false;
  EXPECT_EQ(GridLossOf({early}, Moved(90, 0), kRetail).energy, Energy::WattHours(5));
}

TEST(GridLoss, WithoutAPriceHasEnergyAndNoAmount) {
  const GridLoss loss = GridLossOf({Measured(100, 0)}, Moved(90, 0), std::nullopt);
  EXPECT_EQ(loss.energy, Energy::WattHours(10));
  EXPECT_EQ(loss.price, std::nullopt);
  EXPECT_EQ(loss.amount, std::nullopt);
}

TEST(GridLoss, RoundsHalfToEven) {
  for (const auto& [wh, micros] : {std::pair(1, 0), std::pair(3, 2), std::pair(5, 2),
                                   std::pair(-1, 0), std::pair(-3, -2), std::pair(-5, -2)}) {
    const GridLoss loss =
        GridLossOf({Measured(100 + wh, 0)}, Moved(100, 0), Price::MicrosPerKwh(500));
    EXPECT_EQ(loss.amount, Money::Micros(micros)) << wh << " Wh at 0.0005";
  }
}

TEST(GridLossEntry, PaysTheMainGridByTheDifference) {
  GridLoss loss;
  loss.amount = Money::Micros(700);
  const absl::Time start = absl::FromUnixSeconds(1'782'864'000);
  const std::optional<JournalEntry> entry = GridLossEntry(start, 3, loss, Money::Micros(900));
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->kind, "grid-loss");
  EXPECT_EQ(entry->idempotency_key, "grid-loss:20260701t000000z:3");
  EXPECT_EQ(entry->period_start, start);
  EXPECT_EQ(entry->postings, (std::vector<Posting>{{AccountId("grid-loss"), Money::Micros(200)},
                                                   {AccountId("main-grid"), Money::Micros(-200)}}));
  EXPECT_FALSE(GridLossEntry(start, 3, loss, Money::Micros(700)).has_value());
}

TEST(GridLossEntry, TakesBackWhatIsNoLongerKnown) {
  const absl::Time start = absl::FromUnixSeconds(1'782'864'000);
  EXPECT_EQ(BroughtBy(GridLossEntry(start, 2, GridLoss(), Money::Micros(900))), 900);
  EXPECT_FALSE(GridLossEntry(start, 2, GridLoss(), Money()).has_value());
}

/// The clocks go back: both hours that are called 02:00 have their own entry.
TEST(GridLossEntry, NamesThePeriodInUtc) {
  GridLoss loss;
  loss.amount = Money::Micros(1);
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  const absl::TimeZone::TimeInfo twice = berlin.At(absl::CivilMinute(2026, 10, 25, 2, 15));
  EXPECT_EQ(GridLossEntry(twice.pre, 1, loss, Money())->idempotency_key,
            "grid-loss:20261025t001500z:1");
  EXPECT_EQ(GridLossEntry(twice.post, 1, loss, Money())->idempotency_key,
            "grid-loss:20261025t011500z:1");
}

}  // namespace
}  // namespace peerwatt::settlement
