#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "services/metering/core/evidence/ports.h"
#include "services/metering/core/ingest.h"

namespace peerwatt::metering {

/// Lets batches pass whose signatures hold, and keeps them as evidence before their readings are
/// stored. What breaks a rule for readings is kept too, with the reason: the device has signed it,
/// and its chain would have a hole without it.
///
/// The evidence has a transaction of its own, before that of the readings. When the process dies in
/// between, the batch is not acknowledged, so it comes again with the same counter and content, is
/// found here, and its readings are stored then.
class SignatureGate final : public BatchGate {
 public:
  /// Both references must outlive the gate.
  SignatureGate(SignatureChecker& checker, EvidenceStore& store)
      : checker_(checker), store_(store) {}

  void Pass(absl::Span<const IngestRequest> requests, const MemberLookup& lookup, absl::Time now,
            std::vector<BatchOutcome>& outcomes) override;

 private:
  absl::Status Examine(const Batch& batch, const MemberLookup& lookup,
                       const absl::Status& judgement, const std::vector<OcmfEntry>& records,
                       std::vector<SignedBatch>& batches);
  void KeepAll(absl::Span<const SignedBatch> batches, absl::Span<const size_t> positions,
               absl::Time now, std::vector<BatchOutcome>& outcomes);

  SignatureChecker& checker_;
  EvidenceStore& store_;
};

/// Whether a batch of a device must be signed.
bool MustBeSigned(const Batch& batch,
                  const absl::flat_hash_map<MeteringPointId, Member>& members);

/// Whether a batch of a device must be signed for its OCMF records: one of them is of a point whose
/// community asks for signed readings, and was not verified by its meter's key. One that was is
/// signed by itself.
bool MustBeVerified(const Batch& batch, const std::vector<OcmfEntry>& records);

}  // namespace peerwatt::metering
