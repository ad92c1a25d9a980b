#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/metering/core/evidence/chain.h"

namespace peerwatt::metering {

/// A signature that holds.
struct CheckedSignature {
  std::string digest;          ///< SHA-256 of the encoding
  std::string public_key_der;  ///< of the key that made it, SubjectPublicKeyInfo
};

/// Knows with which keys devices may sign, and checks.
class SignatureChecker {
 public:
  virtual ~SignatureChecker() = default;
  /// Checks a device's signature of an encoding, both as they came.
  /// Errors: SIGNATURE_INVALID; PEER_UNAVAILABLE when the keys cannot be asked for.
  virtual absl::StatusOr<CheckedSignature> Check(const DeviceId& device,
                                                 absl::string_view encoding,
                                                 absl::string_view signature) = 0;
};

/// A signed batch, as it is kept.
struct SignedBatch {
  DeviceId device;
  ChainLink link;
  std::string encoding;
  std::string signature;
  std::string public_key_der;
  std::string refusal_reason;  ///< Why its readings were not stored; empty when they were.
  ChainEvents events;
  absl::Time created_at;
};

/// Which signed batches of a device a page has.
struct SignedBatchQuery {
  DeviceId device;
  int64_t after_counter = 0;
  bool events_only = false;  ///< Only those with an event.
  size_t limit = 100;
};

/// Keeps signed batches. Methods fail with DATABASE_UNAVAILABLE when there is no database.
class EvidenceStore {
 public:
  virtual ~EvidenceStore() = default;
  /// Decides by `DecideLink` about each batch, in their order, against what is kept and came before
  /// in `batches`, and keeps those that are new, in one transaction. Of one that is known, only the
  /// reason of refusal is renewed. Returns a decision or a refusal for each, after the commit.
  virtual absl::StatusOr<std::vector<absl::StatusOr<ChainDecision>>> Keep(
      absl::Span<const SignedBatch> batches, absl::Time now) = 0;
  /// Lists the signed batches of a device in order of their counters.
  virtual absl::StatusOr<std::vector<SignedBatch>> List(const SignedBatchQuery& query) = 0;
};

}  // namespace peerwatt::metering
