#pragma once

#include "absl/status/status.h"
#include "libs/base/error.h"

namespace peerwatt::gateway {

/// Who defines the reasons below, as `ErrorInfo.domain` says it.
inline constexpr char kDomain[] = "gateway.peerwatt.dev";

// What the gateway itself refuses, in the order in which it looks.

/// The HTTP request cannot be read.
inline constexpr ErrorReason kMalformedRequest{"MALFORMED_REQUEST",
                                               absl::StatusCode::kInvalidArgument};
/// The header section is over its limit. HTTP 431.
inline constexpr ErrorReason kHeadersTooLarge{"HEADERS_TOO_LARGE",
                                              absl::StatusCode::kInvalidArgument};
/// The body is over its limit. HTTP 413.
inline constexpr ErrorReason kBodyTooLarge{"BODY_TOO_LARGE", absl::StatusCode::kInvalidArgument};
/// The process is about to stop.
inline constexpr ErrorReason kGatewayStopping{"GATEWAY_STOPPING", absl::StatusCode::kUnavailable,
                                              true};
/// No resource has this path. HTTP 404.
inline constexpr ErrorReason kRouteUnknown{"ROUTE_UNKNOWN", absl::StatusCode::kNotFound};
/// The path exists, with other methods. HTTP 405.
inline constexpr ErrorReason kMethodNotAllowed{"METHOD_NOT_ALLOWED",
                                               absl::StatusCode::kUnimplemented};
/// No public RPC has this name.
inline constexpr ErrorReason kMethodUnknown{"METHOD_UNKNOWN", absl::StatusCode::kUnimplemented};
/// The RPC declares no access rule; nobody may call it.
inline constexpr ErrorReason kAccessRuleMissing{"ACCESS_RULE_MISSING",
                                                absl::StatusCode::kPermissionDenied};
/// Too many attempts to sign in from one address.
inline constexpr ErrorReason kSignInRateExceeded{"SIGN_IN_RATE_EXCEEDED",
                                                 absl::StatusCode::kResourceExhausted, true};
/// The method needs a token and there is none.
inline constexpr ErrorReason kTokenMissing{"TOKEN_MISSING", absl::StatusCode::kUnauthenticated};
/// The keys that verify tokens could not be had yet.
inline constexpr ErrorReason kTokenKeysUnavailable{"TOKEN_KEYS_UNAVAILABLE",
                                                   absl::StatusCode::kUnavailable, true};
/// None of the caller's roles may call the method.
inline constexpr ErrorReason kRoleForbids{"ROLE_FORBIDS", absl::StatusCode::kPermissionDenied};
/// The body is not JSON (RFC 8259), repeats a key or is nested too deep.
inline constexpr ErrorReason kMalformedJson{"MALFORMED_JSON", absl::StatusCode::kInvalidArgument};
/// A field or query parameter that the request does not have.
inline constexpr ErrorReason kUnknownField{"UNKNOWN_FIELD", absl::StatusCode::kInvalidArgument};
/// A value of another JSON type than the field's.
inline constexpr ErrorReason kWrongType{"WRONG_TYPE", absl::StatusCode::kInvalidArgument};
/// A body where the method takes none.
inline constexpr ErrorReason kBodyUnexpected{"BODY_UNEXPECTED",
                                             absl::StatusCode::kInvalidArgument};
/// The call message is absent.
inline constexpr ErrorReason kMessageMissing{"MESSAGE_MISSING",
                                             absl::StatusCode::kInvalidArgument};
/// A message is over its limit.
inline constexpr ErrorReason kMessageTooLarge{"MESSAGE_TOO_LARGE",
                                              absl::StatusCode::kResourceExhausted};
/// A message, or the call, uses a compression; none is offered.
inline constexpr ErrorReason kCompressionUnsupported{"COMPRESSION_UNSUPPORTED",
                                                     absl::StatusCode::kUnimplemented};
/// The client certificate is none that the registry issued to this device.
inline constexpr ErrorReason kCertificateUnknown{"CERTIFICATE_UNKNOWN",
                                                 absl::StatusCode::kPermissionDenied};
/// The device is revoked.
inline constexpr ErrorReason kDeviceRevoked{"DEVICE_REVOKED",
                                            absl::StatusCode::kPermissionDenied};
/// The first message of a device's stream is not `open`, or `open` comes again.
inline constexpr ErrorReason kStreamOutOfOrder{"STREAM_OUT_OF_ORDER",
                                               absl::StatusCode::kFailedPrecondition};
/// The bytes of a device's message are none that protobuf can parse.
inline constexpr ErrorReason kBatchUnreadable{"BATCH_UNREADABLE",
                                              absl::StatusCode::kInvalidArgument};
/// A batch holds a series of a metering point that is not the device's.
inline constexpr ErrorReason kMeteringPointForbidden{"METERING_POINT_FORBIDDEN",
                                                     absl::StatusCode::kPermissionDenied};

}  // namespace peerwatt::gateway
