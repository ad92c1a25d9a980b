#include "services/settlement/core/difference.h"

#include <string>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

LineKey KeyOf(const std::string& participant, LineKind kind) {
  return {ParticipantId(participant), GridConnectionId("c"), kind, TradeId()};
}

Line MakeLine(const std::string& participant, LineKind kind, int64_t energy_wh, int64_t amount) {
  return {KeyOf(participant, kind), Energy::WattHours(energy_wh), Price::MicrosPerKwh(300'000),
          Money::Micros(amount), true};
}

PostedLine MakePosted(const std::string& participant, LineKind kind, int64_t energy_wh,
                      int64_t amount) {
  return {KeyOf(participant, kind), Energy::WattHours(energy_wh), Money::Micros(amount)};
}

TEST(DifferenceOf, IsEverythingOnTheFirstRun) {
  const std::vector<Line> computed = {MakeLine("b", LineKind::kRetail, 10, -3)};
  EXPECT_EQ(DifferenceOf(computed, {}), computed);
}

TEST(DifferenceOf, IsNothingWhenNothingChanged) {
  EXPECT_TRUE(DifferenceOf({MakeLine("b", LineKind::kRetail, 10, -3)},
                           {MakePosted("b", LineKind::kRetail, 10, -3)})
                  .empty());
}

TEST(DifferenceOf, IsNewLessPosted) {
  const std::vector<Line> lines = DifferenceOf({MakeLine("b", LineKind::kRetail, 10, -3)},
                                               {MakePosted("b", LineKind::kRetail, 14, -4)});
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0].energy, Energy::WattHours(-4));
  EXPECT_EQ(lines[0].amount, Money::Micros(1));
  EXPECT_EQ(lines[0].price, Price::MicrosPerKwh(300'000));
  EXPECT_TRUE(lines[0].substituted);
}

TEST(DifferenceOf, TakesBackWhatIsNoLongerComputed) {
  const std::vector<Line> lines =
      DifferenceOf({MakeLine("b", LineKind::kFeedIn, 5, 1)},
                   {MakePosted("b", LineKind::kRetail, 14, -4)});
  ASSERT_EQ(lines.size(), 2);
  EXPECT_EQ(lines[0].key.kind, LineKind::kRetail);
  EXPECT_EQ(lines[0].energy, Energy::WattHours(-14));
  EXPECT_EQ(lines[0].amount, Money::Micros(4));
  EXPECT_EQ(lines[1].key.kind, LineKind::kFeedIn);
}

TEST(DifferenceOf, TakesALineWithoutPriceBackOnceItHasOne) {
  PostedLine unpriced = MakePosted("b", LineKind::kRetail, 10, 0);
  unpriced.key.is_price_missing = true;
  const Line priced = MakeLine("b", LineKind::kRetail, 10, -3);
  Line free = priced;
  free.amount = Money();
  for (const Line& computed : {priced, free}) {
    const std::vector<Line> lines = DifferenceOf({computed}, {unpriced});
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], computed);
    EXPECT_EQ(lines[1].key, unpriced.key);
    EXPECT_EQ(lines[1].energy, Energy::WattHours(-10));
    EXPECT_EQ(lines[1].amount, Money());
  }
  EXPECT_TRUE(DifferenceOf({}, {}).empty());
}

TEST(DifferenceOf, MovesALineFromTaxableToFreeOfTax) {
  Line computed = MakeLine("b", LineKind::kRetail, 10, -3);
  computed.key.is_taxable = false;
  const std::vector<Line> lines =
      DifferenceOf({computed}, {MakePosted("b", LineKind::kRetail, 10, -3)});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], computed);
  EXPECT_TRUE(lines[1].key.is_taxable);
  EXPECT_EQ(lines[1].amount, Money::Micros(3));
}

TEST(DifferenceOf, HasALineWhereOnlyTheEnergyChanged) {
  EXPECT_EQ(DifferenceOf({MakeLine("b", LineKind::kRetail, 10, 0)},
                         {MakePosted("b", LineKind::kRetail, 9, 0)})
                .size(),
            1);
}

}  // namespace
}  // namespace peerwatt::settlement
