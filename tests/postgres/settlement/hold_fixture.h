#pragma once

#include <string>
#include <vector>

#include "tests/postgres/settlement/ledger_fixture.h"

namespace peerwatt::settlement {

/// Holds on the accounts of a ledger.
class HoldTest : public LedgerTest {
 protected:
  using Reasons = std::vector<std::string>;

  static HoldRequest Hold(const std::string& order, const std::string& participant,
                          int64_t micros) {
    return {order, ParticipantId(participant), Money::Micros(micros)};
  }
  Reasons Create(const std::vector<HoldRequest>& requests, int quarter = 0) {
    const auto reasons = holds_.CreateHolds(community_, Quarter(quarter), requests);
    EXPECT_TRUE(reasons.ok()) << reasons.status();
    return reasons.ok() ? *reasons : Reasons();
  }
  void Reduce(const std::string& order, int64_t micros, int quarter = 0) {
    const absl::Status status = holds_.ReduceHolds(community_, Quarter(quarter),
                                                   {{order, Money::Micros(micros)}});
    EXPECT_TRUE(status.ok()) << status;
  }
  /// Settles a period in which nothing flowed.
  void SettleNothing(int quarter) {
    RunCommit run;
    run.community = community_;
    run.period = {Quarter(quarter), Quarter(quarter + 1)};
    run.now = Quarter(quarter + 1);
    run.record = FirstRunOf(run.period);
    const absl::Status status = runs_.CommitRun(run);
    ASSERT_TRUE(status.ok()) << status;
  }
  bool IsOverdrawn(const std::string& participant) {
    const Account account = AccountOf(participant);
    return account.held > account.balance;
  }
};

}  // namespace peerwatt::settlement
