#pragma once

#include <string>

#include <google/protobuf/repeated_ptr_field.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "peerwatt/metering/v1/validation.pb.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// Reads register series into `batch`. What the rules of core judge is taken as it is.
/// Errors: FIELD_INVALID for names and times that cannot be read.
absl::Status ReadRegisters(const google::protobuf::RepeatedPtrField<v1::RegisterSeries>& registers,
                           Batch& batch);

v1::Finding ToProto(const Finding& finding);
v1::RegisterValue ToProto(const RegisterValue& value);

/// Where a page of findings or register values ended. Errors: PAGE_TOKEN_INVALID.
std::string PageEndOf(const Finding& finding);
std::string PageEndOf(const RegisterValue& value);
absl::StatusOr<Finding> FindingAfter(const std::string& page_end);
absl::StatusOr<RegisterValue> RegisterValueAfter(const std::string& page_end);

}  // namespace peerwatt::metering
