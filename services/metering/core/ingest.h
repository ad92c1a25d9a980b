#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// A batch to be stored, and the lane in which it came. Batches of one lane are in their order.
struct IngestRequest {
  uint64_t lane = 0;
  const Batch* batch = nullptr;
};

/// What became of a batch.
/// status: OK when it is durable. A retryable error: nothing is decided and nothing of it or of
/// what follows it in its lane is stored; try again. Another error: refused for good.
struct BatchOutcome {
  absl::Status status;
  StoredCounts counts;
};

/// Whether trying again is what `status` asks for.
bool IsUndecided(const absl::Status& status);

/// Judges and stores batches, many in one transaction. A batch that breaks a rule is refused alone.
///
/// Series of longer resolution are split into the community's intervals. Register values are
/// durable first, then what follows from them is stored with the batch; both before the answer,
/// so that a replay completes what a crash cut off. What refusals of devices' batches say is
/// durable before they are answered.
class Ingest {
 public:
  /// registers, findings: where register values and refusals go. Without them, batches with
  /// register values are refused, and refusals leave no finding.
  Ingest(MemberDirectory& directory, ReadingStore& store, RegisterStore* registers = nullptr,
         FindingStore* findings = nullptr)
      : directory_(directory), store_(store), registers_(registers), findings_(findings) {}

  /// Returns one outcome per request, in their order. now: the instant of judgement and storage.
  std::vector<BatchOutcome> Run(absl::Span<const IngestRequest> requests, absl::Time now);

 private:
  /// One call of Run.
  struct Group;

  void NoteRefusals(absl::Span<const IngestRequest> requests, absl::Time now,
                    std::vector<BatchOutcome>& outcomes);
  void KeepRegisters(Group& group);
  void Settle(Group& group);
  void StoreAll(absl::Span<const AcceptedBatch> accepted, absl::Span<const size_t> positions,
                absl::Time now, std::vector<BatchOutcome>& outcomes);

  MemberDirectory& directory_;
  ReadingStore& store_;
  RegisterStore* const registers_;
  FindingStore* const findings_;
};

}  // namespace peerwatt::metering
