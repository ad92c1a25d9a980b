#pragma once

#include "libs/base/error.h"

namespace peerwatt::metering {

// Why a file of readings, or a line of it, is refused. What it brings is then judged by the rules
// of `core/errors.h`.

/// The first line of a CSV file lacks a column, or has an unknown or a second one.
inline constexpr ErrorReason kFileHeaderInvalid{"FILE_HEADER_INVALID",
                                                absl::StatusCode::kInvalidArgument};
/// The file is no XML that is taken: not well-formed, no Atom feed, with a document type, too deep.
inline constexpr ErrorReason kFileXmlInvalid{"FILE_XML_INVALID",
                                             absl::StatusCode::kInvalidArgument};
/// A line, or one token of XML, is longer than 64 KiB.
inline constexpr ErrorReason kFileLineTooLong{"FILE_LINE_TOO_LONG",
                                              absl::StatusCode::kInvalidArgument};
/// A line cannot be read: quotes, number of fields, a number, a word, an interval.
inline constexpr ErrorReason kFileLineInvalid{"FILE_LINE_INVALID",
                                              absl::StatusCode::kInvalidArgument};
/// A time does not say its distance from UTC.
inline constexpr ErrorReason kFileTimeWithoutOffset{"FILE_TIME_WITHOUT_OFFSET",
                                                    absl::StatusCode::kInvalidArgument};
/// An energy is not a whole number of watt hours; nothing is rounded.
inline constexpr ErrorReason kEnergyNotWhole{"ENERGY_NOT_WHOLE",
                                             absl::StatusCode::kInvalidArgument};
/// What was read is of a kind that is not taken: gas, demand, reactive or net energy, registers.
inline constexpr ErrorReason kFileReadingTypeUnsupported{"FILE_READING_TYPE_UNSUPPORTED",
                                                         absl::StatusCode::kInvalidArgument};
/// A block of readings does not lead to its reading type or usage point.
inline constexpr ErrorReason kFileReferenceUnknown{"FILE_REFERENCE_UNKNOWN",
                                                   absl::StatusCode::kInvalidArgument};
/// Neither the file nor the request names the metering point.
inline constexpr ErrorReason kFileMeteringPointMissing{"FILE_METERING_POINT_MISSING",
                                                       absl::StatusCode::kInvalidArgument};
/// The request names one metering point, and the file several.
inline constexpr ErrorReason kFileMeteringPointDiffers{"FILE_METERING_POINT_DIFFERS",
                                                       absl::StatusCode::kInvalidArgument};
/// The file says one direction, in intervals other than those in which the other one is stored.
inline constexpr ErrorReason kFileDirectionMissing{"FILE_DIRECTION_MISSING",
                                                   absl::StatusCode::kFailedPrecondition};
/// The stream ended without saying that the file is whole.
inline constexpr ErrorReason kFileIncomplete{"FILE_INCOMPLETE",
                                             absl::StatusCode::kInvalidArgument};
/// As many files as may be under way are; try again later.
inline constexpr ErrorReason kTransfersExceeded{"TRANSFERS_EXCEEDED",
                                                absl::StatusCode::kResourceExhausted, true};

}  // namespace peerwatt::metering
