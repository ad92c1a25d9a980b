// What a community's network loses: posted, restated, read back.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

/// The network of the hamlet meets the main grid at one point, which is the network operator's. In
/// the first quarter 1400 Wh are drawn and 1500 fed in.
class GridLossTest : public RunTest {
 protected:
  void SetUp() override {
    registry_.snapshot.boundaries = {Boundary("boundary")};
    RunTest::SetUp();
  }
  static Member Boundary(const std::string& name) {
    return {MeteringPointId(name), ParticipantId("grid"), GridConnectionId(name)};
  }
  /// `import export loss amount`, or what is missing.
  std::string LossAt(int quarter) {
    const std::optional<GridLoss> loss = PeriodAt(quarter).grid_loss;
    if (!loss.has_value()) return "none";
    if (!loss->energy.has_value()) {
      return absl::StrCat(loss->missing_count, " of ", loss->boundary_count, " missing");
    }
    return absl::StrCat(loss->import_energy->wh(), " ", loss->export_energy->wh(), " ",
                        loss->energy->wh(), " ",
                        loss->amount.has_value() ? absl::StrCat(loss->amount->micros()) : "-");
  }
  /// Keys of the entries that post a loss.
  std::vector<std::string> LossKeys() {
    std::vector<std::string> keys;
    for (const PostedEntry& posted : Entries(community_)) {
      if (posted.entry.kind == "grid-loss") keys.push_back(posted.entry.idempotency_key);
    }
    return keys;
  }
  bool HasLossAccount() {
    const auto account = books_.FindAccount(community_, SystemAccount(AccountKind::kGridLoss));
    EXPECT_TRUE(account.ok()) << account.status();
    return account.ok() && account->has_value();
  }
};

using Keys = std::vector<std::string>;

TEST_F(GridLossTest, IsPostedBetweenItsAccountAndTheMainGrid) {
  metering_.Store("boundary", Quarter(0), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "150 200 50 15000") << "150 + 1500 - 1400 - 200 Wh, at 0.30";
  EXPECT_EQ(SystemBalance(AccountKind::kGridLoss), -15'000);
  EXPECT_EQ(SystemBalance(AccountKind::kMainGrid), 80'000 + 15'000);
  EXPECT_EQ(LossKeys(), Keys{"grid-loss:20260701t000000z:1"});
  EXPECT_EQ(BalanceOf("buyer"), -220'000);
  EXPECT_EQ(BalanceOf("seller"), 220'000);
  EXPECT_EQ(BalanceOf("grid"), 0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_lines WHERE participant_id = 'grid'"), 0)
      << "whose meter it is draws no bill";
  ExpectSameAsFromScratch();
}

TEST_F(GridLossTest, ACommunityWithoutBoundaryHasNone) {
  registry_.snapshot.boundaries.clear();
  Replica replica(*this);
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  EXPECT_EQ(LossAt(0), "none");
  EXPECT_FALSE(HasLossAccount());
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM period_grid_losses"), 0);
}

TEST_F(GridLossTest, AMissingReadingHindersNobodyAndIsNotReplaced) {
  metering_.Store("boundary", Quarter(0) - absl::Hours(24), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  EXPECT_EQ(LossAt(0), "1 of 1 missing");
  EXPECT_FALSE(HasLossAccount());
  EXPECT_EQ(PeriodAt(0).substituted_count, 0);
  // It comes, and is all that changes.
  metering_.Store("boundary", Quarter(0), 150, 200);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "150 200 50 15000");
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(LossKeys(), Keys{"grid-loss:20260701t000000z:2"});
  EXPECT_EQ(NumberFrom("SELECT max(run) FROM settlement_lines"), 1);
  EXPECT_TRUE(LoadProgress().dirty.empty());
  ExpectSameAsFromScratch();
}

TEST_F(GridLossTest, IsTakenBackWhileAReadingIsAbsurd) {
  metering_.Store("boundary", Quarter(0), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("boundary", Quarter(0), 150, 2'000'000'000);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "1 of 1 missing");
  EXPECT_EQ(SystemBalance(AccountKind::kGridLoss), 0);
  metering_.Store("boundary", Quarter(0), 150, 300);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "150 300 -50 -15000") << "meters disagree: posted as it is";
  EXPECT_EQ(SystemBalance(AccountKind::kGridLoss), 15'000);
  EXPECT_EQ(LossKeys().size(), 3U);
  ExpectSameAsFromScratch();
}

TEST_F(GridLossTest, FollowsTheReadingsOfMembers) {
  metering_.Store("boundary", Quarter(0), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("consumer", Quarter(0), 430, 0);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "150 200 20 6000");
  EXPECT_EQ(SystemBalance(AccountKind::kGridLoss), -6'000);
  EXPECT_EQ(LossKeys(), (Keys{"grid-loss:20260701t000000z:1", "grid-loss:20260701t000000z:2"}));
  ExpectSameAsFromScratch();
}

TEST_F(GridLossTest, AdjustsNothingWhereNothingChanged) {
  metering_.Store("boundary", Quarter(0), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("boundary", Quarter(0), 150, 200);
  replica.CatchUp();
  EXPECT_EQ(probe_.restated, 1);
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  EXPECT_EQ(LossKeys(), Keys{"grid-loss:20260701t000000z:1"});
}

TEST_F(GridLossTest, IsKnownFromAllBoundariesAlone) {
  Member second = Boundary("second");
  second.joined_at = Quarter(1);
  registry_.snapshot.boundaries.push_back(second);
  metering_.Store("boundary", Quarter(0), 150, 200);
  for (const char* name : {"buyer", "seller", "consumer"}) metering_.Store(name, Quarter(1), 10, 0);
  metering_.Store("boundary", Quarter(1), 30, 0);
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LossAt(0), "150 200 50 15000") << "the second was not there yet";
  EXPECT_EQ(LossAt(1), "1 of 2 missing");
  metering_.Store("second", Quarter(1), 2, 0);
  replica.CatchUp();
  EXPECT_EQ(LossAt(1), "32 0 2 600");
  ExpectSameAsFromScratch();
}

TEST_F(GridLossTest, IsTakenBackWhenThePointWasNeverABoundary) {
  metering_.Store("boundary", Quarter(0), 150, 200);
  Replica replica(*this);
  replica.CatchUp();
  registry_.snapshot.boundaries.clear();
  const RunRecord requested = MakeRunRecord(RunKind::kRequested, RunCalendar(),
                                            {Quarter(0), Quarter(1)}, Quarter(1), Quarter(1));
  const auto waiting = replica.settler.Restate(RulesOf("hamlet"), {Quarter(0)}, requested);
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  EXPECT_EQ(LossAt(0), "0 of 0 missing");
  EXPECT_EQ(SystemBalance(AccountKind::kGridLoss), 0);
}

}  // namespace
}  // namespace peerwatt::settlement
