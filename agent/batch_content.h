#pragma once

#include <string>

#include "libs/domain/signed_batch.h"
#include "peerwatt/metering/v1/metering.pb.h"

namespace peerwatt::agent {

/// What a device signs of a batch: all but its sequence and the signature itself.
/// device: `devices/d-h01`. batch: has a signature with counter and previous digest of 32 bytes.
SignedBatchContent ContentOf(const std::string& device, const metering::v1::Batch& batch);

}  // namespace peerwatt::agent
