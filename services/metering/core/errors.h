#pragma once

#include "libs/base/error.h"

namespace peerwatt::metering {

// Why a batch is refused, in the order in which the rules are checked; the first broken one wins.
// Size comes first, for the whole batch; then each series in turn passes the rules from
// `kMeteringPointUnknown` to `kReadingImplausible`, and each register series those that concern
// it; what concerns several series comes last.

/// A batch has no series at all, or a series has no values.
inline constexpr ErrorReason kSeriesEmpty{"SERIES_EMPTY", absl::StatusCode::kInvalidArgument};
/// A batch has more series or more readings than one transaction should carry.
inline constexpr ErrorReason kBatchTooLarge{"BATCH_TOO_LARGE",
                                            absl::StatusCode::kInvalidArgument};
/// The registry does not know the metering point.
inline constexpr ErrorReason kMeteringPointUnknown{"METERING_POINT_UNKNOWN",
                                                   absl::StatusCode::kNotFound};
/// The resolution is neither the interval of the metering point's community nor a multiple of it
/// up to an hour; of register values: not a multiple of it.
inline constexpr ErrorReason kResolutionMismatch{"RESOLUTION_MISMATCH",
                                                 absl::StatusCode::kInvalidArgument};
/// The first interval does not start at a multiple of the resolution.
inline constexpr ErrorReason kReadingOffGrid{"READING_OFF_GRID",
                                             absl::StatusCode::kInvalidArgument};
/// An energy is below zero; import and export have columns of their own.
inline constexpr ErrorReason kEnergyNegative{"ENERGY_NEGATIVE",
                                             absl::StatusCode::kInvalidArgument};
/// The columns of a series differ in length.
inline constexpr ErrorReason kColumnLengthMismatch{"COLUMN_LENGTH_MISMATCH",
                                                   absl::StatusCode::kInvalidArgument};
/// A quality is unknown, or says that there is no value.
inline constexpr ErrorReason kQualityInvalid{"QUALITY_INVALID",
                                             absl::StatusCode::kInvalidArgument};
/// An interval is not over yet: a reading is of a finished interval.
inline constexpr ErrorReason kReadingInFuture{"READING_IN_FUTURE",
                                              absl::StatusCode::kFailedPrecondition};
/// More energy than the metering point's capacity lets through in an interval.
inline constexpr ErrorReason kReadingImplausible{"READING_IMPLAUSIBLE",
                                                 absl::StatusCode::kInvalidArgument};
/// A register series' meter, kind or rollover is wrong, or a value is not below the rollover.
inline constexpr ErrorReason kRegisterInvalid{"REGISTER_INVALID",
                                              absl::StatusCode::kInvalidArgument};
/// One batch has the same interval of one metering point twice, or the same instant of one
/// meter's register.
inline constexpr ErrorReason kOverlap{"OVERLAP", absl::StatusCode::kInvalidArgument};

// What a substitution can meet.

/// The stored data do not allow the method that was asked for, or any.
inline constexpr ErrorReason kSubstituteImpossible{"SUBSTITUTE_IMPOSSIBLE",
                                                   absl::StatusCode::kFailedPrecondition};
/// Known intervals sum to more than the register between them moved: correct one or the other.
inline constexpr ErrorReason kRegisterContradiction{"REGISTER_CONTRADICTION",
                                                    absl::StatusCode::kFailedPrecondition};

// What reading can break.

/// The metering point has no reading.
inline constexpr ErrorReason kReadingNotFound{"READING_NOT_FOUND", absl::StatusCode::kNotFound};

// What a stream can break besides.

/// The first message of a stream is not `open`, or `open` comes again.
inline constexpr ErrorReason kStreamOutOfOrder{"STREAM_OUT_OF_ORDER",
                                               absl::StatusCode::kFailedPrecondition};
/// As many streams of new readings are open as one process keeps; another one may have room.
inline constexpr ErrorReason kTooManyStreams{"TOO_MANY_STREAMS",
                                             absl::StatusCode::kResourceExhausted, true};
/// A client does not read the new readings that it asked for; resume with the last cursor.
inline constexpr ErrorReason kReaderTooSlow{"READER_TOO_SLOW",
                                            absl::StatusCode::kResourceExhausted, true};
/// The service is about to stop; connect again and resume.
inline constexpr ErrorReason kDraining{"DRAINING", absl::StatusCode::kUnavailable, true};

}  // namespace peerwatt::metering
