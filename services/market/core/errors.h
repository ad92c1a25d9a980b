#pragma once

#include "libs/base/error.h"

namespace peerwatt::market {

// The rules of an order, in the order in which they are checked; the first broken one wins.
inline constexpr ErrorReason kGateClosed{"GATE_CLOSED", absl::StatusCode::kFailedPrecondition};
/// An operator has halted the community's market.
inline constexpr ErrorReason kMarketHalted{"MARKET_HALTED",
                                           absl::StatusCode::kFailedPrecondition};
/// The community has no continuous trading at the delivery.
inline constexpr ErrorReason kContinuousTradingOff{"CONTINUOUS_TRADING_OFF",
                                                   absl::StatusCode::kFailedPrecondition};
/// The network has several zones; continuous trading knows one.
inline constexpr ErrorReason kContinuousTradingUnsupported{"CONTINUOUS_TRADING_UNSUPPORTED",
                                                           absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kMeteringPointUnknown{"METERING_POINT_UNKNOWN",
                                                   absl::StatusCode::kNotFound};
/// The point is a boundary of its community, and no connection of a member.
inline constexpr ErrorReason kPointIsBoundary{"POINT_IS_BOUNDARY",
                                              absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kParticipantNotApproved{"PARTICIPANT_NOT_APPROVED",
                                                     absl::StatusCode::kFailedPrecondition};
/// The participant's kill switch is set.
inline constexpr ErrorReason kTradingBlocked{"TRADING_BLOCKED",
                                             absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kEnergyOutOfRange{"ENERGY_OUT_OF_RANGE",
                                               absl::StatusCode::kInvalidArgument};
inline constexpr ErrorReason kPriceOutOfRange{"PRICE_OUT_OF_RANGE",
                                              absl::StatusCode::kInvalidArgument};
/// The participant has as many open orders in the interval as the community allows.
inline constexpr ErrorReason kOrderCountExceeded{"ORDER_COUNT_EXCEEDED",
                                                 absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kExportCapacityExceeded{"EXPORT_CAPACITY_EXCEEDED",
                                                     absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kFundsInsufficient{"FUNDS_INSUFFICIENT",
                                                absl::StatusCode::kFailedPrecondition};

/// More orders wait than the market takes; nothing was kept.
inline constexpr ErrorReason kMarketBusy{"MARKET_BUSY", absl::StatusCode::kUnavailable, true};
/// Settlement refused a hold for another reason than funds; the reason is in the metadata.
inline constexpr ErrorReason kHoldRefused{"HOLD_REFUSED", absl::StatusCode::kFailedPrecondition};
/// No further order may rest in the book.
inline constexpr ErrorReason kBookFull{"BOOK_FULL", absl::StatusCode::kFailedPrecondition};
/// An amended order would need more money than is held for it.
inline constexpr ErrorReason kHoldTooSmall{"HOLD_TOO_SMALL",
                                           absl::StatusCode::kFailedPrecondition};
/// An order that is not in the book cannot be withdrawn or amended.
inline constexpr ErrorReason kOrderNotActive{"ORDER_NOT_ACTIVE",
                                             absl::StatusCode::kFailedPrecondition};
/// Another version of the limits was added meanwhile.
inline constexpr ErrorReason kLimitsVersionStale{"LIMITS_VERSION_STALE",
                                                 absl::StatusCode::kAborted};
/// A grid connection has at most one active standing order.
inline constexpr ErrorReason kStandingOrderActive{"STANDING_ORDER_ACTIVE",
                                                  absl::StatusCode::kFailedPrecondition};
/// An order book that cannot be cleared: a bug of ours, never a caller's.
inline constexpr ErrorReason kBookInvalid{"BOOK_INVALID", absl::StatusCode::kInvalidArgument};
/// The checker could not prove an outcome: a bug of ours. The auction is not cleared.
inline constexpr ErrorReason kOutcomeUnproven{"OUTCOME_UNPROVEN", absl::StatusCode::kInternal};
/// A preference that names what is not there, or a premium out of range.
inline constexpr ErrorReason kPreferencesInvalid{"PREFERENCES_INVALID",
                                                 absl::StatusCode::kInvalidArgument};
/// More zones, or more different preferences, than an auction can be cleared with in little time.
inline constexpr ErrorReason kPreferencesUnsupported{"PREFERENCES_UNSUPPORTED",
                                                     absl::StatusCode::kFailedPrecondition};
/// An auction that is not cleared has no clearing to look at.
inline constexpr ErrorReason kAuctionNotCleared{"AUCTION_NOT_CLEARED",
                                                absl::StatusCode::kFailedPrecondition};
/// A network of zones whose lines do not fit its zones.
inline constexpr ErrorReason kNetworkInvalid{"NETWORK_INVALID", absl::StatusCode::kInvalidArgument};

}  // namespace peerwatt::market
