#pragma once

#include "libs/base/error.h"

namespace peerwatt::metering {

// Why a signed batch is refused, in the order in which the rules are checked. They come after the
// rules for its readings.

/// A metering point's community asks for signed readings and the batch is not signed.
inline constexpr ErrorReason kSignatureMissing{"SIGNATURE_MISSING",
                                               absl::StatusCode::kFailedPrecondition};
/// The counter is below 1, or the previous digest does not have 32 bytes.
inline constexpr ErrorReason kSignatureMalformed{"SIGNATURE_MALFORMED",
                                                 absl::StatusCode::kInvalidArgument};
/// No key that the device may sign with now has made the signature for this content.
inline constexpr ErrorReason kSignatureInvalid{"SIGNATURE_INVALID",
                                               absl::StatusCode::kInvalidArgument};
/// Another content has been signed with the same counter.
inline constexpr ErrorReason kSignatureCounterReused{"SIGNATURE_COUNTER_REUSED",
                                                     absl::StatusCode::kAlreadyExists};

// Why an OCMF record is refused.

/// The text is no OCMF record, or one that cannot be read exactly.
inline constexpr ErrorReason kOcmfMalformed{"OCMF_MALFORMED", absl::StatusCode::kInvalidArgument};
/// No metering point has the meter that the record names.
inline constexpr ErrorReason kOcmfMeterUnknown{"OCMF_METER_UNKNOWN", absl::StatusCode::kNotFound};
/// The meter's key is known and has not made the record's signature.
inline constexpr ErrorReason kOcmfSignatureInvalid{"OCMF_SIGNATURE_INVALID",
                                                   absl::StatusCode::kInvalidArgument};
/// The meter belongs to another metering point already.
inline constexpr ErrorReason kOcmfMeterTaken{"OCMF_METER_TAKEN",
                                             absl::StatusCode::kFailedPrecondition};

}  // namespace peerwatt::metering
