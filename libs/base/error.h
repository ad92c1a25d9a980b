#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peerwatt {

/// A rule that a caller can break. Each service lists its own in `core/errors.h`, in the order in
/// which they are checked; the first broken one wins.
struct ErrorReason {
  /// The broken rule, UPPER_SNAKE_CASE, such as `GATE_CLOSED`.
  absl::string_view name;
  absl::StatusCode code = absl::StatusCode::kInternal;
  /// Whether the same request can succeed later.
  bool retryable = false;
};

/// A field of a request that is wrong, by its path (`order.energy_wh`), and how.
struct FieldViolation {
  std::string field;
  std::string description;
};

/// What an error carries besides its code and message.
struct ErrorDetail {
  std::string reason;
  bool retryable = false;
  std::map<std::string, std::string> metadata;
  std::vector<FieldViolation> violations;
};

/// Builds an error with a reason.
/// message: a sentence for people, without a full stop. metadata: its variables by name.
absl::Status Error(const ErrorReason& reason, absl::string_view message,
                   std::map<std::string, std::string> metadata = {},
                   std::vector<FieldViolation> violations = {});

/// Builds an error from parts, as read from the wire.
absl::Status ErrorFromDetail(absl::StatusCode code, absl::string_view message,
                             const ErrorDetail& detail);

/// The detail of an error that `Error` built; an empty reason when there is none.
ErrorDetail DetailOf(const absl::Status& status);

/// The reason of an error, or empty.
std::string ReasonOf(const absl::Status& status);

/// Bad input in one field: reason `FIELD_INVALID`, kInvalidArgument.
absl::Status FieldInvalid(absl::string_view field, absl::string_view description);

// Reasons that every service shares.
inline constexpr ErrorReason kFieldInvalid{"FIELD_INVALID", absl::StatusCode::kInvalidArgument};
inline constexpr ErrorReason kPageTokenInvalid{"PAGE_TOKEN_INVALID",
                                               absl::StatusCode::kInvalidArgument};
inline constexpr ErrorReason kUnauthenticated{"CALLER_UNKNOWN",
                                              absl::StatusCode::kUnauthenticated};
inline constexpr ErrorReason kPermissionDenied{"PERMISSION_DENIED",
                                               absl::StatusCode::kPermissionDenied};
inline constexpr ErrorReason kNotFound{"NOT_FOUND", absl::StatusCode::kNotFound};
inline constexpr ErrorReason kContentDiffers{"CONTENT_DIFFERS", absl::StatusCode::kAlreadyExists};
inline constexpr ErrorReason kDatabaseUnavailable{"DATABASE_UNAVAILABLE",
                                                  absl::StatusCode::kUnavailable, true};
inline constexpr ErrorReason kPeerUnavailable{"PEER_UNAVAILABLE", absl::StatusCode::kUnavailable,
                                              true};
inline constexpr ErrorReason kInternalError{"INTERNAL", absl::StatusCode::kInternal};

}  // namespace peerwatt
