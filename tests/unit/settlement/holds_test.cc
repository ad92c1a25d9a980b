#include "services/settlement/core/holds.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

const absl::Time kPeriod = absl::FromUnixSeconds(900'000);

HoldRequest Request(const std::string& order, const std::string& participant, int64_t amount) {
  return {order, ParticipantId(participant), Money::Micros(amount)};
}

HoldBook BookWith(int64_t available) {
  HoldBook book;
  book.available[AccountId("participant-p")] = Money::Micros(available);
  return book;
}

TEST(DecideHolds, UsesWhatIsAvailableToTheLastUnit) {
  const HoldDecision decision = DecideHolds({Request("o1", "p", 60), Request("o2", "p", 40)},
                                            kPeriod, BookWith(100));
  EXPECT_EQ(decision.failure_reasons, (std::vector<std::string>{"", ""}));
  EXPECT_EQ(decision.newly_held.at(AccountId("participant-p")), Money::Micros(100));
}

TEST(DecideHolds, RefusesOneWithoutHinderingTheNext) {
  const HoldDecision decision = DecideHolds(
      {Request("o1", "p", 60), Request("o2", "p", 41), Request("o3", "p", 40)}, kPeriod,
      BookWith(100));
  EXPECT_EQ(decision.failure_reasons, (std::vector<std::string>{"", "FUNDS_INSUFFICIENT", ""}));
  EXPECT_EQ(decision.created.size(), 2);
}

TEST(DecideHolds, RefusesAParticipantWithoutAnAccount) {
  EXPECT_EQ(DecideHolds({Request("o1", "q", 1)}, kPeriod, BookWith(100)).failure_reasons,
            std::vector<std::string>{"FUNDS_INSUFFICIENT"});
}

TEST(DecideHolds, RefusesANegativeBalance) {
  EXPECT_EQ(DecideHolds({Request("o1", "p", 1)}, kPeriod, BookWith(-5)).failure_reasons,
            std::vector<std::string>{"FUNDS_INSUFFICIENT"});
}

TEST(DecideHolds, LetsAKnownHoldStandEvenWhenThePeriodIsSettled) {
  HoldBook book = BookWith(0);
  book.settled_periods.insert(kPeriod);
  book.known["o1"] = {ParticipantId("p"), kPeriod, Money::Micros(60)};
  const HoldDecision decision = DecideHolds({Request("o1", "p", 60)}, kPeriod, book);
  EXPECT_EQ(decision.failure_reasons, std::vector<std::string>{""});
  EXPECT_TRUE(decision.created.empty());
}

TEST(DecideHolds, TellsOtherContentBeforeASettledPeriodBeforeMissingFunds) {
  HoldBook book = BookWith(0);
  book.settled_periods.insert(kPeriod);
  book.known["o1"] = {ParticipantId("p"), kPeriod, Money::Micros(60)};
  EXPECT_EQ(DecideHolds({Request("o1", "p", 61), Request("o1", "q", 60), Request("o2", "p", 61)},
                        kPeriod, book)
                .failure_reasons,
            (std::vector<std::string>{"CONTENT_DIFFERS", "CONTENT_DIFFERS", "PERIOD_SETTLED"}));
  book.settled_periods.clear();
  EXPECT_EQ(DecideHolds({Request("o1", "p", 60)}, kPeriod + absl::Minutes(15), book)
                .failure_reasons,
            std::vector<std::string>{"CONTENT_DIFFERS"});
}

TEST(DecideHolds, HoldsOnceWhenAnOrderComesTwiceInOneBatch) {
  const HoldDecision decision =
      DecideHolds({Request("o1", "p", 60), Request("o1", "p", 60), Request("o1", "p", 1)}, kPeriod,
                  BookWith(100));
  EXPECT_EQ(decision.failure_reasons, (std::vector<std::string>{"", "", "CONTENT_DIFFERS"}));
  EXPECT_EQ(decision.newly_held.at(AccountId("participant-p")), Money::Micros(60));
}

}  // namespace
}  // namespace peerwatt::settlement
