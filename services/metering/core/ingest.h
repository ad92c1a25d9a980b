#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "services/metering/core/evidence/chain.h"
#include "services/metering/core/evidence/ocmf.h"
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
  ChainEvents events = {};  ///< What is new about the device's chain, whatever the status.
  ChainEvents kept_events = {};  ///< What is kept of the batch's place in it.
  std::vector<OcmfEntry> ocmf = {};  ///< Records of the batch, on their way to be kept.
};

/// Whether trying again is what `status` asks for.
bool IsUndecided(const absl::Status& status);

/// Holds back what follows an undecided batch in its lane: a device's position says that all before
/// it is settled, so nothing overtakes.
class LaneOrder {
 public:
  /// Whether the next batch of a lane may not be decided now; its status says why then.
  /// status: of the batch, and what it becomes.
  bool Holds(uint64_t lane, absl::Status& status);

 private:
  absl::flat_hash_map<uint64_t, absl::Status> waiting_;
};

/// A step between the judgement of batches and their storage. It sees batches as they were sent.
class BatchGate {
 public:
  virtual ~BatchGate() = default;
  /// Changes the status of batches that may not pass.
  /// outcomes: one per request; the judgements so far.
  virtual void Pass(absl::Span<const IngestRequest> requests, const MemberLookup& lookup,
                    absl::Time now, std::vector<BatchOutcome>& outcomes) = 0;
};

/// Applies `LaneOrder` to all requests, after a step that left some undecided.
void HoldLanes(absl::Span<const IngestRequest> requests, std::vector<BatchOutcome>& outcomes);

/// Judges and stores batches, many in one transaction. A batch that breaks a rule is refused alone.
///
/// Series of longer resolution are split into the community's intervals. Register values are
/// durable first, then what follows from them is stored with the batch; both before the answer,
/// so that a replay completes what a crash cut off. What refusals of devices' batches say is
/// durable before they are answered, and so is what their signatures say. Gates stand before all
/// that is stored of a batch.
class Ingest {
 public:
  /// registers, findings: where register values and refusals go. Without them, batches with
  /// register values are refused, and refusals leave no finding.
  /// gates: passed in this order by every batch. All must outlive this object.
  Ingest(MemberDirectory& directory, ReadingStore& store, RegisterStore* registers = nullptr,
         FindingStore* findings = nullptr, std::vector<BatchGate*> gates = {})
      : directory_(directory),
        store_(store),
        registers_(registers),
        findings_(findings),
        gates_(std::move(gates)) {}

  /// Returns one outcome per request, in their order. now: the instant of judgement and storage.
  std::vector<BatchOutcome> Run(absl::Span<const IngestRequest> requests, absl::Time now);

 private:
  /// One call of Run.
  struct Group;

  void NoteRefusals(absl::Span<const IngestRequest> requests, absl::Time now,
                    std::vector<BatchOutcome>& outcomes);
  void NoteSignatures(absl::Span<const IngestRequest> requests, absl::Time now,
                      std::vector<BatchOutcome>& outcomes);
  void Note(absl::Span<const Finding> findings, absl::Span<const size_t> positions,
            std::vector<BatchOutcome>& outcomes);
  void KeepRegisters(Group& group);
  absl::Status Derive(Group& group, const std::vector<const Batch*>& batches);
  void Settle(Group& group);
  void StoreAll(absl::Span<const AcceptedBatch> accepted, absl::Span<const size_t> positions,
                absl::Time now, std::vector<BatchOutcome>& outcomes);

  MemberDirectory& directory_;
  ReadingStore& store_;
  RegisterStore* const registers_;
  FindingStore* const findings_;
  const std::vector<BatchGate*> gates_;
};

}  // namespace peerwatt::metering
