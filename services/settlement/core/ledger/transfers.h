#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/domain/ids.h"
#include "services/settlement/core/batch_queue.h"
#include "services/settlement/core/ledger/transfer.h"

namespace peerwatt::settlement::ledger {

/// Keeps transfers.
class TransferStore {
 public:
  using Calls = std::vector<absl::Span<const Transfer>>;
  virtual ~TransferStore() = default;
  /// Decides by `Decide` and keeps what was decided, in one transaction; all or nothing of it.
  /// Returns a result per transfer. Errors: NOT_FOUND when the community has no ledger yet;
  /// OUTCOME_UNKNOWN when the answer to a COMMIT was lost: the same transfers again say whether
  /// they exist; DATABASE_UNAVAILABLE.
  virtual absl::StatusOr<std::vector<TransferResult>> Create(const CommunityId& community,
                                                             const Calls& calls) = 0;
  /// Opens accounts; those that exist get the limits. Errors: NOT_FOUND.
  virtual absl::Status OpenAccounts(const CommunityId& community,
                                    const std::vector<AccountOpening>& accounts) = 0;
  /// Ends the holds of all ledgers whose time is over.
  virtual absl::Status ExpireDue() = 0;
};

/// Groups the transfers of callers that come at the same time into one transaction per ledger.
/// Safe for many threads.
class TransferQueue {
 public:
  explicit TransferQueue(TransferStore& store)
      : queue_([&store](const CommunityId& community,
                        const auto& calls) { return store.Create(community, calls); },
               kTransfersPerCommit, kGatherMax) {}

  /// Returns a result per transfer. Errors: those of `TransferStore::Create`.
  absl::StatusOr<std::vector<TransferResult>> Create(const CommunityId& community,
                                                     absl::Span<const Transfer> transfers) {
    return queue_.Submit(community, transfers);
  }

 private:
  static constexpr size_t kTransfersPerCommit = 10'000;
  // Less than a COMMIT takes.
  static constexpr absl::Duration kGatherMax = absl::Microseconds(250);
  BatchQueue<CommunityId, Transfer, TransferResult> queue_;
};

}  // namespace peerwatt::settlement::ledger
