#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"

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
class Ingest {
 public:
  Ingest(MemberDirectory& directory, ReadingStore& store)
      : directory_(directory), store_(store) {}

  /// Returns one outcome per request, in their order. now: the instant of judgement and storage.
  std::vector<BatchOutcome> Run(absl::Span<const IngestRequest> requests, absl::Time now);

 private:
  void StoreAll(absl::Span<const AcceptedBatch> accepted, absl::Span<const size_t> positions,
                absl::Time now, std::vector<BatchOutcome>& outcomes);

  MemberDirectory& directory_;
  ReadingStore& store_;
};

}  // namespace peerwatt::metering
