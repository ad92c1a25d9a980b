#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/signed_batch.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// A batch's place in its device's chain.
struct ChainLink {
  int64_t counter = 0;
  std::string previous_digest;  ///< as the batch says
  std::string digest;           ///< SHA-256 of its encoding
};

/// What is to be noted about a link.
struct ChainEvents {
  /// The counter jumped: batches in between had not come when this one did.
  bool counter_gap = false;
  /// A digest does not match the batch that it names.
  bool chain_broken = false;
  bool operator==(const ChainEvents&) const = default;
};

/// What is kept of a chain around a link.
struct ChainSurroundings {
  int64_t last_counter = 0;            ///< highest that is kept; 0 if none
  std::optional<ChainLink> same;       ///< the kept link with this counter …
  ChainEvents same_events = {};        ///< … and what was noted about it
  std::optional<ChainLink> before;     ///< … with the counter before
  std::optional<ChainLink> after;      ///< … with the counter after
};

/// What becomes of a link that is signed well.
struct ChainDecision {
  bool known = false;  ///< the very same is kept already
  ChainEvents events;  ///< new ones; none when it is known
  ChainEvents kept;    ///< what is kept of it, also from when it came first
};

/// Decides about a link. A counter that was left out may still come later.
/// Errors: SIGNATURE_COUNTER_REUSED when another content has the counter.
absl::StatusOr<ChainDecision> DecideLink(const ChainLink& link, const ChainSurroundings& kept);

/// What the device has to have signed for this batch. The batch has a well-formed signature.
SignedBatchContent ContentOf(const Batch& batch);

/// Errors: SIGNATURE_MALFORMED for a counter below 1 or a digest of another length than 32 bytes.
absl::Status CheckForm(const BatchSignature& signature);

}  // namespace peerwatt::metering
