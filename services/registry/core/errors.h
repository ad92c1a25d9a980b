#pragma once

#include "libs/base/error.h"

namespace peerwatt::registry {

// The rules of the registry besides those that all services share, in the order in which one
// request meets them.

// Users and sessions.
inline constexpr ErrorReason kCredentialsInvalid{"CREDENTIALS_INVALID",
                                                 absl::StatusCode::kUnauthenticated};
inline constexpr ErrorReason kRefreshTokenInvalid{"REFRESH_TOKEN_INVALID",
                                                  absl::StatusCode::kUnauthenticated};
inline constexpr ErrorReason kSignInBusy{"SIGN_IN_BUSY", absl::StatusCode::kUnavailable, true};
inline constexpr ErrorReason kUserExists{"USER_EXISTS", absl::StatusCode::kAlreadyExists};

// Communities and participants.
inline constexpr ErrorReason kCommunityUnknown{"COMMUNITY_UNKNOWN", absl::StatusCode::kNotFound};
inline constexpr ErrorReason kTariffStartTaken{"TARIFF_START_TAKEN",
                                               absl::StatusCode::kAlreadyExists};
inline constexpr ErrorReason kNetworkStartTaken{"NETWORK_START_TAKEN",
                                                absl::StatusCode::kAlreadyExists};
/// Metering points lie in a zone that the new version of the network does not have.
inline constexpr ErrorReason kZoneInUse{"ZONE_IN_USE", absl::StatusCode::kFailedPrecondition};
/// No version of the network that is in force or will be has the zone.
inline constexpr ErrorReason kZoneUnknown{"ZONE_UNKNOWN", absl::StatusCode::kNotFound};
inline constexpr ErrorReason kSchemeStartTaken{"SCHEME_START_TAKEN",
                                               absl::StatusCode::kAlreadyExists};
/// Auctions may be open already for the interval in which the scheme starts.
inline constexpr ErrorReason kSchemeStartTooSoon{"SCHEME_START_TOO_SOON",
                                                 absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kParticipantExists{"PARTICIPANT_EXISTS",
                                                absl::StatusCode::kAlreadyExists};
inline constexpr ErrorReason kKycStateForbids{"KYC_STATE_FORBIDS",
                                              absl::StatusCode::kFailedPrecondition};

// Metering points and devices.
inline constexpr ErrorReason kParticipantUnknown{"PARTICIPANT_UNKNOWN",
                                                 absl::StatusCode::kNotFound};
inline constexpr ErrorReason kGridConnectionTaken{"GRID_CONNECTION_TAKEN",
                                                  absl::StatusCode::kFailedPrecondition};
/// Points of members and of the boundary never stand behind one connection.
inline constexpr ErrorReason kBoundaryConnectionShared{"BOUNDARY_CONNECTION_SHARED",
                                                       absl::StatusCode::kFailedPrecondition};
/// A boundary of a community has no part in what members share.
inline constexpr ErrorReason kPointIsBoundary{"POINT_IS_BOUNDARY",
                                              absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kMeteringPointUnknown{"METERING_POINT_UNKNOWN",
                                                   absl::StatusCode::kNotFound};
inline constexpr ErrorReason kDeviceUnknown{"DEVICE_UNKNOWN", absl::StatusCode::kNotFound};
inline constexpr ErrorReason kDeviceStateForbids{"DEVICE_STATE_FORBIDS",
                                                 absl::StatusCode::kFailedPrecondition};
inline constexpr ErrorReason kEnrolmentTokenInvalid{"ENROLMENT_TOKEN_INVALID",
                                                    absl::StatusCode::kUnauthenticated};
inline constexpr ErrorReason kCsrInvalid{"CSR_INVALID", absl::StatusCode::kInvalidArgument};

}  // namespace peerwatt::registry
