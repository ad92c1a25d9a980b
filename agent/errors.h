#pragma once

#include "absl/status/status.h"
#include "libs/base/error.h"

namespace peerwatt::agent {

// What can go wrong at a meter, by reason.

/// A profile file that cannot be read without losing a digit; the message names file and line.
inline constexpr ErrorReason kProfileInvalid{"PROFILE_INVALID", absl::StatusCode::kInvalidArgument};
/// More energy or more intervals than the exact arithmetic holds.
inline constexpr ErrorReason kTotalTooLarge{"TOTAL_TOO_LARGE", absl::StatusCode::kOutOfRange};
/// Another process uses the folder.
inline constexpr ErrorReason kFolderInUse{"FOLDER_IN_USE", absl::StatusCode::kFailedPrecondition};
/// A file of the buffer is damaged where a crash cannot have damaged it.
inline constexpr ErrorReason kBufferDamaged{"BUFFER_DAMAGED", absl::StatusCode::kDataLoss};
/// The buffer has no room until more is acknowledged.
inline constexpr ErrorReason kBufferFull{"BUFFER_FULL", absl::StatusCode::kResourceExhausted, true};
/// The file system refused an operation.
inline constexpr ErrorReason kDiskFailed{"DISK_FAILED", absl::StatusCode::kUnavailable, true};
/// A telegram of a P1 port that cannot be used.
inline constexpr ErrorReason kTelegramInvalid{"TELEGRAM_INVALID",
                                              absl::StatusCode::kInvalidArgument};
/// A device that does not keep to the SunSpec models.
inline constexpr ErrorReason kSunSpecInvalid{"SUNSPEC_INVALID", absl::StatusCode::kInvalidArgument};
/// A Modbus device answered with an exception.
inline constexpr ErrorReason kModbusRefused{"MODBUS_REFUSED", absl::StatusCode::kFailedPrecondition,
                                            true};
/// A Modbus device cannot be reached, does not answer or answers nonsense.
inline constexpr ErrorReason kModbusFailed{"MODBUS_FAILED", absl::StatusCode::kUnavailable, true};
/// A line to a meter cannot be opened, ended or stayed silent.
inline constexpr ErrorReason kLineFailed{"LINE_FAILED", absl::StatusCode::kUnavailable, true};
/// The agent's settings contradict themselves.
inline constexpr ErrorReason kSettingsInvalid{"SETTINGS_INVALID",
                                              absl::StatusCode::kInvalidArgument};

}  // namespace peerwatt::agent
