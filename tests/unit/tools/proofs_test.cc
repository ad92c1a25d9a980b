#include "tools/peerwatt/proofs.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/unit/tools/demo_figures.h"

namespace peerwatt::tool {
namespace {

const Energy kOne = Energy::WattHours(1);

TEST(EnergyProofTest, HoldsForConsistentFigures) {
  const EnergyProof proof = ProveEnergy(ConsistentFigures(), 2);
  EXPECT_TRUE(proof.holds);
  EXPECT_EQ(proof.imported.wh(), 1900);
  EXPECT_EQ(proof.exported.wh(), 1500);
  EXPECT_EQ(proof.delivered.wh(), 500);
}

TEST(EnergyProofTest, BreaksWhenAnyFigureIsOffByOne) {
  const std::vector<std::function<void(DemoFigures&)>> mistakes = {
      [](DemoFigures& f) { f.periods[0].drawn += kOne; },
      [](DemoFigures& f) { f.periods[0].fed_in += kOne; },
      [](DemoFigures& f) { f.periods[1].self_consumed += kOne; },
      [](DemoFigures& f) { f.periods[1].delivered += kOne; },
      [](DemoFigures& f) { f.periods[1].retail += kOne; },
      [](DemoFigures& f) { f.periods[0].surplus += kOne; },
      [](DemoFigures& f) { f.periods[0].substituted_count = 1; },
      [](DemoFigures& f) { f.periods.pop_back(); },
      [](DemoFigures& f) { f.households[0].points[0].imported += kOne; },
      [](DemoFigures& f) { f.households[0].points[1].exported += kOne; },
      [](DemoFigures& f) { f.households[1].items["PURCHASE"].energy += kOne; },
      [](DemoFigures& f) { f.households[0].items["SALE"].energy += kOne; },
      [](DemoFigures& f) { f.households[0].items["SELF_CONSUMPTION"].energy += kOne; },
      // Errors that cancel in every sum still show per household or per period.
      [](DemoFigures& f) {
        f.households[0].items["RETAIL"].energy += kOne;
        f.households[1].items["RETAIL"].energy -= kOne;
      },
      [](DemoFigures& f) {
        f.periods[0].retail += kOne;
        f.periods[1].retail -= kOne;
      },
  };
  for (size_t i = 0; i < mistakes.size(); ++i) {
    DemoFigures figures = ConsistentFigures();
    mistakes[i](figures);
    EXPECT_FALSE(ProveEnergy(figures, 2).holds) << "mistake " << i;
  }
}

TEST(LedgerProofTest, HoldsOnlyWhenEverySumIsZeroAndBothCountsAgree) {
  const LedgerFigures good = ConsistentFigures().ledger;
  EXPECT_TRUE(LedgerSumsToZero(good));
  const std::vector<std::function<void(LedgerFigures&)>> mistakes = {
      [](LedgerFigures& l) { l.postings_sum = Money::Micros(1); },
      [](LedgerFigures& l) { l.balances_sum = Money::Micros(-1); },
      [](LedgerFigures& l) { l.mismatched_account_count = 1; },
      [](LedgerFigures& l) { l.unbalanced_entry_count = 1; },
      [](LedgerFigures& l) { l.entry_count = 4; },
      [](LedgerFigures& l) { l.entry_count = l.balance_entry_count = 0; },
  };
  for (size_t i = 0; i < mistakes.size(); ++i) {
    LedgerFigures ledger = good;
    mistakes[i](ledger);
    EXPECT_FALSE(LedgerSumsToZero(ledger)) << "mistake " << i;
  }
}

TEST(ReadingsProofTest, ComparesEachPointWithItsInput) {
  EXPECT_TRUE(ProveReadings(ConsistentFigures(), 2).holds);
  DemoFigures swapped = ConsistentFigures();
  swapped.households[0].points[0].imported += kOne;
  swapped.households[1].points[0].imported -= kOne;
  const ReadingsProof proof = ProveReadings(swapped, 2);
  EXPECT_EQ(proof.stored, proof.input);
  EXPECT_EQ(proof.points_differing, 2);
  EXPECT_FALSE(proof.holds);
}

TEST(ReadingsProofTest, MissesNoInterval) {
  EXPECT_FALSE(ProveReadings(ConsistentFigures(), 3).holds);
}

TEST(ReadingsProofTest, RefusesEnergyInTheOtherRegister) {
  DemoFigures figures = ConsistentFigures();
  figures.households[0].points[1].imported = kOne;
  EXPECT_FALSE(ProveReadings(figures, 2).holds);
}

TEST(ReadingsProofTest, DoesNotHoldForNothing) {
  EXPECT_FALSE(ProveReadings(DemoFigures{}, 2).holds);
}

TEST(SharesTest, RelateLocalEnergyToItsWhole) {
  const CommunityShares shares = SharesOf(ConsistentFigures());
  EXPECT_EQ(shares.self_sufficiency_ppm, 473'684);  // (400 + 500) / 1900
  EXPECT_EQ(shares.self_consumption_ppm, 600'000);  // (400 + 500) / 1500
  EXPECT_EQ(shares.local_share_ppm, 333'333);       // 500 / 1500 drawn
}

TEST(SharesTest, AreZeroWhereThereIsNothing) {
  EXPECT_EQ(SharesOf(DemoFigures{}).self_sufficiency_ppm, 0);
}

TEST(PriceRangeTest, LeavesOutAuctionsWithoutTrade) {
  const std::vector<AuctionFigures> auctions = {
      {absl::UnixEpoch(), Price::MicrosPerKwh(-20), Energy::WattHours(1)},
      {absl::UnixEpoch(), std::nullopt, Energy()},
      {absl::UnixEpoch(), Price::MicrosPerKwh(5), Energy::WattHours(1)}};
  const PriceRange range = RangeOf(auctions);
  EXPECT_EQ(range.auction_count, 2);
  EXPECT_EQ(range.min.micros_per_kwh(), -20);
  EXPECT_EQ(range.max.micros_per_kwh(), 5);
  EXPECT_EQ(range.mean.micros_per_kwh(), -8);  // -7.5 goes to the even neighbour
}

}  // namespace
}  // namespace peerwatt::tool
