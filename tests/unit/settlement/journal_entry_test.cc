#include "services/settlement/core/journal_entry.h"

#include <string>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

const absl::Time kPeriod = absl::FromCivil(absl::CivilSecond(2026, 7, 1, 10, 15, 0),
                                           absl::UTCTimeZone());

Line MakeLine(const std::string& participant, LineKind kind, const std::string& trade,
              int64_t energy_wh, int64_t amount) {
  return {{ParticipantId(participant), GridConnectionId("c-" + participant), kind, TradeId(trade)},
          Energy::WattHours(energy_wh), Price(), Money::Micros(amount), false};
}

Posting MakePosting(const std::string& account, int64_t amount) {
  return {AccountId(account), Money::Micros(amount)};
}

TEST(MakeEntry, AddsUpAnAccountAndLeavesZerosOut) {
  const std::optional<JournalEntry> entry =
      MakeEntry("trade", "k", kPeriod,
                {MakePosting("b", 5), MakePosting("a", -7), MakePosting("b", 2),
                 MakePosting("c", 3), MakePosting("c", -3)});
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->postings,
            (std::vector<Posting>{MakePosting("a", -7), MakePosting("b", 7)}));
}

TEST(MakeEntry, IsNothingWhenNoMoneyMoves) {
  EXPECT_FALSE(MakeEntry("retail", "k", kPeriod, {MakePosting("a", 0)}).has_value());
}

TEST(MakeEntryDeathTest, StopsWhenPostingsDoNotSumToZero) {
  EXPECT_DEATH(MakeEntry("trade", "k", kPeriod, {MakePosting("a", 1), MakePosting("b", -2)}),
               "sum to zero");
}

TEST(EntriesOf, PutsATradeIntoOneEntryOfFourPostings) {
  const RunEntries run = EntriesOf(kPeriod, 1,
                                   {MakeLine("b", LineKind::kPurchase, "t1", 1000, -200'000),
                                    MakeLine("b", LineKind::kNetworkFee, "t1", 1000, -10'000),
                                    MakeLine("s", LineKind::kSale, "t1", 1000, 200'000),
                                    MakeLine("s", LineKind::kOperatorShare, "t1", 1000, -4'000)});
  ASSERT_EQ(run.entries.size(), 1);
  EXPECT_EQ(run.entries[0].kind, "trade");
  EXPECT_EQ(run.entries[0].idempotency_key, "trade:20260701t101500z:t1:1");
  EXPECT_EQ(run.entries[0].period_start, kPeriod);
  EXPECT_EQ(run.entries[0].postings,
            (std::vector<Posting>{
                MakePosting("network-operator", 10'000), MakePosting("operator-share", 4'000),
                MakePosting("participant-b", -210'000), MakePosting("participant-s", 196'000)}));
  for (const std::optional<size_t>& entry : run.entry_of_line) EXPECT_EQ(entry, 0);
}

TEST(EntriesOf, PostsRetailAndFeedInAgainstTheMainGrid) {
  const RunEntries run =
      EntriesOf(kPeriod, 3,
                {MakeLine("b", LineKind::kRetail, "", 1000, -300'000),
                 MakeLine("b", LineKind::kReferenceDraw, "", 1000, -300'000),
                 MakeLine("b", LineKind::kSelfConsumption, "", 50, 0),
                 MakeLine("s", LineKind::kFeedIn, "", 1000, 80'000)});
  ASSERT_EQ(run.entries.size(), 2);
  EXPECT_EQ(run.entries[0].idempotency_key, "retail:20260701t101500z:b:c-b:3");
  EXPECT_EQ(run.entries[0].postings,
            (std::vector<Posting>{MakePosting("main-grid", 300'000),
                                  MakePosting("participant-b", -300'000)}));
  EXPECT_EQ(run.entries[1].kind, "feed-in");
  EXPECT_EQ(run.entries[1].postings,
            (std::vector<Posting>{MakePosting("main-grid", -80'000),
                                  MakePosting("participant-s", 80'000)}));
  EXPECT_EQ(run.entry_of_line,
            (std::vector<std::optional<size_t>>{0, std::nullopt, std::nullopt, 1}));
}

TEST(EntriesOf, PostsNothingForAnAmountOfZero) {
  const RunEntries run = EntriesOf(kPeriod, 1, {MakeLine("b", LineKind::kRetail, "", 1000, 0)});
  EXPECT_TRUE(run.entries.empty());
  EXPECT_EQ(run.entry_of_line, (std::vector<std::optional<size_t>>{std::nullopt}));
}

TEST(MakeDepositEntry, CreditsTheParticipant) {
  const JournalEntry entry =
      MakeDepositEntry(ParticipantId("p1"), "d1", Money::Micros(50'000'000));
  EXPECT_EQ(entry.kind, "deposit");
  EXPECT_EQ(entry.idempotency_key, "deposit:p1:d1");
  EXPECT_FALSE(entry.period_start.has_value());
  EXPECT_EQ(entry.postings,
            (std::vector<Posting>{MakePosting("participant-p1", 50'000'000),
                                  MakePosting("payments-in-transit", -50'000'000)}));
}

TEST(Accounts, KnowKindAndOwnerByTheirId) {
  EXPECT_EQ(KindOf(AccountId("participant-p1")), AccountKind::kParticipant);
  EXPECT_EQ(OwnerOf(AccountId("participant-p1")), ParticipantId("p1"));
  EXPECT_EQ(KindOf(AccountId("main-grid")), AccountKind::kMainGrid);
  EXPECT_TRUE(OwnerOf(AccountId("main-grid")).empty());
  EXPECT_EQ(KindOf(AccountId("participant-")), std::nullopt);
  EXPECT_EQ(KindOf(AccountId("elsewhere")), std::nullopt);
  EXPECT_EQ(SystemAccounts().size(), 7);
}

}  // namespace
}  // namespace peerwatt::settlement
