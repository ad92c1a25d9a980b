#pragma once

#include "libs/base/error.h"

namespace peerwatt::market {

// What an agreement between two participants can break.
/// The counterparty is no participant of the community.
inline constexpr ErrorReason kCounterpartyUnknown{"COUNTERPARTY_UNKNOWN",
                                                  absl::StatusCode::kFailedPrecondition};
/// Buyer and seller are, or belong to, the same.
inline constexpr ErrorReason kSelfDealing{"SELF_DEALING", absl::StatusCode::kFailedPrecondition};
/// The participant has offered as many contracts as may be open or active.
inline constexpr ErrorReason kContractsExceeded{"CONTRACTS_EXCEEDED",
                                                absl::StatusCode::kFailedPrecondition};
/// The version was accepted, declined or withdrawn already.
inline constexpr ErrorReason kVersionDecided{"VERSION_DECIDED",
                                             absl::StatusCode::kFailedPrecondition};
/// The contract was never accepted, is cancelled or has ended.
inline constexpr ErrorReason kContractNotActive{"CONTRACT_NOT_ACTIVE",
                                                absl::StatusCode::kFailedPrecondition};
/// The other proposal must be decided first.
inline constexpr ErrorReason kProposalOpen{"PROPOSAL_OPEN", absl::StatusCode::kFailedPrecondition};
/// Another version was proposed meanwhile.
inline constexpr ErrorReason kContractVersionStale{"CONTRACT_VERSION_STALE",
                                                   absl::StatusCode::kAborted};
/// The terms do not let this party cancel.
inline constexpr ErrorReason kCancellationRefused{"CANCELLATION_REFUSED",
                                                  absl::StatusCode::kFailedPrecondition};

// Why a contract was not executed, besides reasons of orders (core/errors.h).
/// Of a point behind the seller's connection too little is known.
inline constexpr ErrorReason kForecastMissing{"FORECAST_MISSING",
                                              absl::StatusCode::kFailedPrecondition};
/// No lines join the two zones.
inline constexpr ErrorReason kZonesUnconnected{"ZONES_UNCONNECTED",
                                               absl::StatusCode::kFailedPrecondition};
/// Earlier contracts use up a line on the way.
inline constexpr ErrorReason kLineFull{"LINE_FULL", absl::StatusCode::kFailedPrecondition};
/// The price is indexed, nothing was cleared, and the formula says not to trade then.
inline constexpr ErrorReason kNothingCleared{"NOTHING_CLEARED",
                                             absl::StatusCode::kFailedPrecondition};
/// The order of the other party was refused.
inline constexpr ErrorReason kCounterOrderRefused{"COUNTER_ORDER_REFUSED",
                                                  absl::StatusCode::kFailedPrecondition};

}  // namespace peerwatt::market
