#include "services/settlement/core/charges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/settlement/core/journal_entry.h"

namespace peerwatt::settlement {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

absl::Time Local(int month, int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, month, day, hour, minute), Berlin());
}

Member MemberOf(const std::string& participant, const std::string& connection) {
  return {MeteringPointId("m-" + connection), ParticipantId(participant),
          GridConnectionId(connection)};
}

/// A community with charges, and what its days come to.
class Charges : public ::testing::Test {
 protected:
  Charges() { tariff_.id = TariffId("t1"); }

  void Subscribe(SubscriptionBasis basis, int64_t micros, bool is_taxable = true) {
    tariff_.rules.subscriptions.push_back({basis, Money::Micros(micros), is_taxable});
  }
  void AddFee(PieceFeeBasis basis, int64_t micros, bool is_taxable = true) {
    tariff_.rules.piece_fees.push_back({basis, Money::Micros(micros), is_taxable});
  }
  ChargeInput InputAt(absl::Time start) const {
    return {&tariff_, members_, former_, {start, start + interval_}, zone_, trading_start_};
  }
  std::vector<Line> LinesOf(absl::Time start, std::vector<Line> lines = {}) const {
    AddCharges(InputAt(start), lines);
    return lines;
  }
  /// All that a span charges: what begins when, as `10-25 00:00 p1/c1 -322581`.
  std::vector<std::string> Story(absl::Time start, absl::Time end) const {
    std::vector<std::string> story;
    for (absl::Time at = start; at < end; at += interval_) {
      for (const Line& line : LinesOf(at)) {
        story.push_back(absl::StrCat(absl::FormatTime("%m-%d %H:%M ", at, zone_),
                                     line.key.participant.value(), "/", line.key.connection.value(),
                                     " ", line.amount.micros()));
      }
    }
    return story;
  }

  Tariff tariff_;
  std::vector<Member> members_ = {MemberOf("p1", "c1")};
  std::vector<FormerMember> former_;
  absl::TimeZone zone_ = Berlin();
  absl::Time trading_start_ = absl::InfinitePast();
  absl::Duration interval_ = absl::Minutes(15);
};

using Strings = std::vector<std::string>;

TEST_F(Charges, ADayCostsTheSameWith23And24And25Hours) {
  Subscribe(SubscriptionBasis::kGridConnection, 10'000'000);
  EXPECT_EQ(Story(Local(3, 28, 0, 0), Local(3, 31, 0, 0)),
            (Strings{"03-28 00:00 p1/c1 -322581", "03-29 00:00 p1/c1 -322581",
                     "03-30 00:00 p1/c1 -322581"}));
  EXPECT_EQ(Story(Local(10, 24, 0, 0), Local(10, 27, 0, 0)),
            (Strings{"10-24 00:00 p1/c1 -322581", "10-25 00:00 p1/c1 -322581",
                     "10-26 00:00 p1/c1 -322581"}));
}

TEST_F(Charges, AMonthCostsItsDays) {
  Subscribe(SubscriptionBasis::kGridConnection, 10'000'000);
  struct Case {
    int month;
    size_t days;
    int64_t day_micros;
  };
  for (const Case& c : {Case{2, 28, -357'143}, Case{4, 30, -333'333}, Case{10, 31, -322'581}}) {
    const Strings story = Story(Local(c.month, 1, 0, 0), Local(c.month + 1, 1, 0, 0));
    ASSERT_EQ(story.size(), c.days) << c.month;
    for (const std::string& day : story) {
      EXPECT_TRUE(absl::StrContains(day, absl::StrCat(" ", c.day_micros))) << day;
    }
  }
}

TEST_F(Charges, WhoJoinsPaysFromThatDayAndWhoLeavesUntilThatDay) {
  Subscribe(SubscriptionBasis::kGridConnection, 31'000'000);
  AddFee(PieceFeeBasis::kGridConnectionMonth, 500'000);
  members_[0].joined_at = Local(10, 24, 14, 5);
  EXPECT_EQ(Story(Local(10, 23, 0, 0), Local(10, 26, 0, 0)),
            (Strings{"10-24 14:00 p1/c1 -1000000", "10-24 14:00 p1/c1 -500000",
                     "10-25 00:00 p1/c1 -1000000"}))
      << "the day and the month of joining begin with the membership";
  EXPECT_EQ(Story(Local(10, 31, 12, 0), Local(11, 2, 9, 0)),
            (Strings{"11-01 00:00 p1/c1 -1033333", "11-01 00:00 p1/c1 -500000",
                     "11-02 00:00 p1/c1 -1033333"}));
  former_ = {{ParticipantId("p1"), GridConnectionId("c1"), {Local(10, 24, 14, 5),
                                                            Local(11, 2, 9, 0)}}};
  members_.clear();
  EXPECT_EQ(Story(Local(11, 2, 9, 0), Local(11, 5, 0, 0)), Strings());
}

TEST_F(Charges, APointThatChangesHandsMidDayCostsBothTheDay) {
  Subscribe(SubscriptionBasis::kGridConnection, 31'000'000);
  const absl::Time noon = Local(7, 14, 12, 0);
  EXPECT_EQ(Story(Local(7, 14, 0, 0), noon), (Strings{"07-14 00:00 p1/c1 -1000000"}));
  members_ = {MemberOf("p2", "c1")};
  members_[0].held_since = noon;
  former_ = {{ParticipantId("p1"), GridConnectionId("c1"), {absl::InfinitePast(), noon}}};
  EXPECT_EQ(Story(noon, Local(7, 16, 0, 0)),
            (Strings{"07-14 12:00 p2/c1 -1000000", "07-15 00:00 p2/c1 -1000000"}));
}

TEST_F(Charges, WhoLeavesAndReturnsPaysADayAndAMonthOnce) {
  Subscribe(SubscriptionBasis::kParticipant, 31'000'000);
  AddFee(PieceFeeBasis::kParticipantMonth, 500'000);
  // Moved to another flat: from the 14th to the 16th, and on the same day.
  former_ = {{ParticipantId("p1"), GridConnectionId("c0"), {Local(7, 1, 0, 0),
                                                            Local(7, 14, 12, 0)}}};
  members_[0].held_since = Local(7, 16, 9, 0);
  EXPECT_EQ(Story(Local(7, 16, 0, 0), Local(7, 18, 0, 0)),
            (Strings{"07-16 09:00 p1/ -1000000", "07-17 00:00 p1/ -1000000"}));
  members_[0].held_since = Local(7, 14, 18, 0);
  EXPECT_EQ(Story(Local(7, 14, 12, 0), Local(7, 16, 0, 0)), (Strings{"07-15 00:00 p1/ -1000000"}));
}

TEST_F(Charges, PartsSayWhatALineConsistsOf) {
  Subscribe(SubscriptionBasis::kGridConnection, 10'000'000);
  AddFee(PieceFeeBasis::kGridConnectionMonth, 500'000);
  const absl::Time start = Local(10, 1, 0, 0);
  const std::vector<Line> lines = LinesOf(start);
  ASSERT_EQ(lines.size(), 2U);
  const std::vector<ChargePart> day = PartsOfCharge(InputAt(start), lines, lines[0].key);
  ASSERT_EQ(day.size(), 1U);
  EXPECT_EQ(day[0].price, Money::Micros(10'000'000));
  EXPECT_EQ(day[0].days, 31);
  EXPECT_EQ(day[0].rule_id, "tariffVersions/t1/subscriptions/grid-connection");
  const std::vector<ChargePart> month = PartsOfCharge(InputAt(start), lines, lines[1].key);
  ASSERT_EQ(month.size(), 1U);
  EXPECT_EQ(month[0].price, Money::Micros(500'000));
  EXPECT_EQ(month[0].days, 1);
  EXPECT_TRUE(PartsOfCharge(InputAt(start + interval_), lines, lines[0].key).empty());
}

TEST_F(Charges, TheFirstDayOfACommunityBeginsWithItsFirstPeriod) {
  Subscribe(SubscriptionBasis::kParticipant, 31'000'000);
  AddFee(PieceFeeBasis::kParticipantMonth, 500'000);
  trading_start_ = Local(7, 14, 18, 0);
  EXPECT_EQ(
      Story(trading_start_, Local(7, 16, 0, 0)),
      (Strings{"07-14 18:00 p1/ -1000000", "07-14 18:00 p1/ -500000", "07-15 00:00 p1/ -1000000"}));
}

TEST_F(Charges, AParticipantPaysOnceAndEachOfItsConnections) {
  Subscribe(SubscriptionBasis::kGridConnection, 31'000'000);
  Subscribe(SubscriptionBasis::kParticipant, 62'000'000, false);
  members_ = {MemberOf("p1", "c1"), MemberOf("p1", "c2"), MemberOf("p2", "c3"),
              MemberOf("p2", "c3")};
  EXPECT_EQ(Story(Local(7, 2, 0, 0), Local(7, 3, 0, 0)),
            (Strings{"07-02 00:00 p1/ -2000000", "07-02 00:00 p1/c1 -1000000",
                     "07-02 00:00 p1/c2 -1000000", "07-02 00:00 p2/ -2000000",
                     "07-02 00:00 p2/c3 -1000000"}));
  for (const Line& line : LinesOf(Local(7, 2, 0, 0))) {
    EXPECT_EQ(line.key.is_taxable, !line.key.connection.empty());
    EXPECT_EQ(line.rule_id, line.key.connection.empty()
                                ? "tariffVersions/t1/subscriptions/participant"
                                : "tariffVersions/t1/subscriptions/grid-connection");
  }
}

TEST_F(Charges, AMonthlyFeeIsChargedOnceAMonth) {
  AddFee(PieceFeeBasis::kGridConnectionMonth, 500'000);
  EXPECT_EQ(Story(Local(9, 15, 0, 0), Local(11, 15, 0, 0)),
            (Strings{"10-01 00:00 p1/c1 -500000", "11-01 00:00 p1/c1 -500000"}));
}

TEST_F(Charges, ANegativePriceIsACredit) {
  Subscribe(SubscriptionBasis::kGridConnection, -31'000'000);
  EXPECT_EQ(Story(Local(7, 2, 0, 0), Local(7, 3, 0, 0)), (Strings{"07-02 00:00 p1/c1 1000000"}));
}

TEST_F(Charges, MidnightsWithinAPeriodBeginTheDay) {
  Subscribe(SubscriptionBasis::kGridConnection, 31'000'000);
  interval_ = absl::Hours(1);
  ASSERT_TRUE(absl::LoadTimeZone("Asia/Kathmandu", &zone_));
  const absl::Time start = absl::FromUnixSeconds(absl::ToUnixSeconds(Local(7, 1, 2, 0)));
  EXPECT_EQ(Story(start, start + absl::Hours(48)),
            (Strings{"07-01 23:45 p1/c1 -1000000", "07-02 23:45 p1/c1 -1000000"}));
}

TEST_F(Charges, ATradeThatHasEnergyCostsBuyerAndSellerTheirFee) {
  AddFee(PieceFeeBasis::kPurchase, 10'000);
  AddFee(PieceFeeBasis::kSale, 4'000, false);
  const auto line = [](const char* participant, LineKind kind, const char* trade, int64_t energy) {
    return Line{{ParticipantId(participant), GridConnectionId("c"), kind, TradeId(trade)},
                Energy::WattHours(energy),
                Price(),
                Money::Micros(1)};
  };
  const std::vector<Line> settled = {
      line("b", LineKind::kPurchase, "t1", 5), line("b", LineKind::kPurchase, "t2", 5),
      line("b", LineKind::kRetail, "", 5), line("s", LineKind::kSale, "t1", 5),
      line("s", LineKind::kSale, "t2", 5)};
  std::vector<Line> lines = LinesOf(Local(7, 2, 12, 0), settled);
  EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end(),
                             [](const Line& a, const Line& b) { return a.key < b.key; }));
  std::vector<std::string> fees;
  for (const Line& fee : lines) {
    if (fee.key.kind != LineKind::kPieceFee) continue;
    fees.push_back(absl::StrCat(fee.key.participant.value(), " ", fee.key.trade.value(), " ",
                                fee.amount.micros(), fee.key.is_taxable ? " taxed" : " free"));
  }
  EXPECT_EQ(fees, (Strings{"b t1 -10000 taxed", "b t2 -10000 taxed", "s t1 -4000 free",
                           "s t2 -4000 free"}));
  EXPECT_EQ(lines.size(), settled.size() + 4);
}

TEST_F(Charges, ATradeWithinOneConnectionHasOneLineForBothFees) {
  AddFee(PieceFeeBasis::kPurchase, 10'000);
  AddFee(PieceFeeBasis::kSale, 4'000);
  std::vector<Line> settled;
  for (const LineKind kind : {LineKind::kPurchase, LineKind::kSale}) {
    settled.push_back({{ParticipantId("p"), GridConnectionId("c"), kind, TradeId("t")},
                       Energy::WattHours(5),
                       Price(),
                       Money()});
  }
  const std::vector<Line> lines = LinesOf(Local(7, 2, 12, 0), settled);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines.back().amount, Money::Micros(-14'000));
}

TEST_F(Charges, WithoutATariffNothingIsCharged) {
  std::vector<Line> lines;
  ChargeInput input = InputAt(Local(7, 2, 0, 0));
  input.tariff = nullptr;
  AddCharges(input, lines);
  EXPECT_TRUE(lines.empty());
}

TEST_F(Charges, AreBalancedEntriesAgainstTheirAccounts) {
  Subscribe(SubscriptionBasis::kGridConnection, 31'000'000);
  AddFee(PieceFeeBasis::kParticipantMonth, 500'000);
  const std::vector<Line> lines = LinesOf(Local(7, 1, 0, 0));
  const RunEntries run = EntriesOf(Local(7, 1, 0, 0), 1, lines);
  ASSERT_EQ(run.entries.size(), 2U);
  EXPECT_EQ(run.entries[0].kind, "subscription");
  EXPECT_EQ(run.entries[0].idempotency_key, "subscription:20260630t220000z:p1:c1:1");
  EXPECT_EQ(run.entries[0].postings,
            (std::vector<Posting>{
                {ParticipantAccount(ParticipantId("p1")), Money::Micros(-1'000'000)},
                {SystemAccount(AccountKind::kSubscriptions), Money::Micros(1'000'000)}}));
  EXPECT_EQ(run.entries[1].kind, "piece-fee");
  EXPECT_EQ(run.entries[1].idempotency_key, "piece-fee:20260630t220000z:p1::1");
}

}  // namespace
}  // namespace peerwatt::settlement
