#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Knows the communities and opens a ledger for each. Safe for many threads.
class Ledgers {
 public:
  Ledgers(RegistryPort& registry, RunStore& store) : registry_(registry), store_(store) {}

  /// Asks the registry for all communities and opens the ledgers of new ones.
  absl::Status Refresh();
  /// Makes sure that a community is known; asks the registry only when it is not.
  /// Errors: NOT_FOUND.
  absl::Status Require(const CommunityId& community);
  /// A community; asks the registry only when it is not known. Errors: NOT_FOUND.
  absl::StatusOr<CommunityRules> RulesOf(const CommunityId& community);
  /// The currency of a community's ledger. Errors: NOT_FOUND.
  absl::StatusOr<std::string> CurrencyOf(const CommunityId& community);
  /// All communities known so far, in the order of their ids.
  std::vector<CommunityRules> Known() const;
  /// The participant with its community; asks the registry once per participant, since neither
  /// changes. Errors: NOT_FOUND.
  absl::StatusOr<ParticipantContext> ContextOf(const ParticipantId& participant);

 private:
  RegistryPort& registry_;
  RunStore& store_;
  mutable absl::Mutex mutex_;
  std::map<CommunityId, CommunityRules> known_ ABSL_GUARDED_BY(mutex_);
  std::map<ParticipantId, ParticipantContext> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::settlement
