#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/settlement/storage/postgres_reconciliation_store.h"

namespace peerwatt::settlement {

/// One look at a community's books, within one transaction. Its row of states is locked.
class ReconciliationLook {
 public:
  ReconciliationLook(pqxx::work& tx, const CommunityId& community, const ReconciliationSizes& sizes)
      : tx_(tx), community_(community), sizes_(sizes) {}

  /// Locks the positions. Returns false when somebody else has them, or looked since.
  bool Lock(absl::Time not_since);
  /// Does all checks of the plan and records what changed.
  reconciliation::Report Run(const reconciliation::Plan& plan);

 private:
  struct Positions {
    int64_t checked_entry = 0;
    int64_t paged_entry = 0;
    int64_t full_entry = 0;
    int32_t full_account = 0;
    std::string full_key;
    bool full_keys_done = false;
    absl::Time full_period = absl::InfinitePast();
    bool full_periods_done = false;
    int64_t full_passes = 0;
    std::optional<absl::Time> full_pass_at;
    int64_t records = 0;
    int64_t runs = 0;
    absl::Time run_at = absl::InfinitePast();
  };

  void ReadNewEntries();
  void ReadEntries(int64_t after, int64_t through, int walk);
  void ReadPages();
  void ReadPeriods(const std::vector<int64_t>& period_micros);
  void ReadLedger(const reconciliation::Plan& plan);
  void Restart();
  /// Goes on with the pass over everything. Returns whether it ended.
  bool GoOn(absl::Time now);
  void GoOnWithEntries();
  void GoOnWithAccounts();
  void GoOnWithKeys();
  void GoOnWithPeriods();
  reconciliation::FindingChanges Record(absl::Time now);
  void SavePositions();

  /// Runs a check and notes what it found and looked at.
  template <typename... Args>
  void Do(reconciliation::Check check, const postgres::Query& query, std::string after,
          std::string through, Args&&... args);

  pqxx::work& tx_;
  const CommunityId& community_;
  const ReconciliationSizes& sizes_;
  Positions at_;
  int64_t entry_count_ = 0;
  int64_t folded_entry_ = 0;
  int32_t account_count_ = 0;
  std::vector<reconciliation::Finding> found_;
  std::vector<reconciliation::Examined> examined_;
};

}  // namespace peerwatt::settlement
