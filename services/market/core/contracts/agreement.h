#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/market/core/contracts/values.h"

namespace peerwatt::market {

/// What the other party, or the proposer, says about a version.
struct ContractDecision {
  int32_t version = 0;
  VersionState state = VersionState::kAccepted;
  ParticipantId by;
  /// Of who accepts the offer; empty otherwise.
  MeteringPointId point;
  absl::Time time;
};

/// What one step adds to a contract: at most one of these. Nothing when it was done already.
struct ContractStep {
  std::optional<ContractVersion> version;
  std::optional<ContractDecision> decision;
  std::optional<ContractCancellation> cancellation;
};

/// What a step is judged by.
struct StepFacts {
  ParticipantId by;
  absl::Time now;
  const CommunityRules& rules;
  /// The last delivery whose book is frozen; InfinitePast when there is none.
  absl::Time frozen = absl::InfinitePast();
};

// Each step is decided from the contract as it is, and is safe to repeat: the same step of the same
// party adds nothing and is no error. `facts.by` is a party.

/// Accepts a version of the other party. point: of who accepts the offer, else empty.
/// Errors, in this order: NOT_FOUND (version), PERMISSION_DENIED (the party's own),
/// VERSION_DECIDED, CONTRACT_NOT_ACTIVE (the offer or the contract has ended), GATE_CLOSED (a later
/// version would count for intervals whose gate is closed).
absl::StatusOr<ContractStep> Accept(const Contract& contract, int32_t version,
                                    const MeteringPointId& point, const StepFacts& facts);
/// Declines a version of the other party. Errors: as above, without the last two.
absl::StatusOr<ContractStep> Decline(const Contract& contract, int32_t version,
                                     const StepFacts& facts);
/// Takes back a version of one's own. Errors: as above; PERMISSION_DENIED for the other's.
absl::StatusOr<ContractStep> Withdraw(const Contract& contract, int32_t version,
                                      const StepFacts& facts);
/// Proposes the next version.
/// Errors, in this order: CONTENT_DIFFERS (the version exists with other terms),
/// CONTRACT_NOT_ACTIVE, CONTRACT_VERSION_STALE (not the next), PROPOSAL_OPEN, those of CheckTerms,
/// FIELD_INVALID (valid before the contract starts), GATE_CLOSED (valid for intervals whose gate is
/// closed).
absl::StatusOr<ContractStep> Amend(const Contract& contract, int32_t version,
                                   const ContractTerms& terms, const StepFacts& facts);
/// Gives notice. It takes effect as the terms say, and never for intervals whose gate is closed.
/// Errors: CONTRACT_NOT_ACTIVE, CANCELLATION_REFUSED. The first notice stands: a later one adds
/// nothing.
absl::StatusOr<ContractStep> Cancel(const Contract& contract, const std::string& reason,
                                    const StepFacts& facts);

/// The contract after a step.
Contract After(Contract contract, const ContractStep& step);

}  // namespace peerwatt::market
