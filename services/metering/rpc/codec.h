#pragma once

#include <string>

#include <google/protobuf/repeated_ptr_field.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/metering/core/aggregation.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

inline constexpr char kDomain[] = "metering.peerwatt.dev";

/// Format: `meteringPoints/{metering_point}`.
std::string PointName(const MeteringPointId& point);
/// Errors: FIELD_INVALID.
absl::StatusOr<MeteringPointId> PointFrom(const std::string& name, absl::string_view field);

/// Reads series into `batch`, column by column. What the rules of core judge is taken as it is.
/// Errors: FIELD_INVALID for names and times that cannot be read.
absl::Status ReadSeries(const google::protobuf::RepeatedPtrField<v1::Series>& series, Batch& batch);

/// Reads the whole of a device's batch: sequence, series, register values, records and
/// signature.
/// Errors: FIELD_INVALID, as above and for a sequence below 1.
absl::Status ReadBatch(const v1::Batch& proto, Batch& batch);

/// A reading of a metering point.
v1::Reading ToProto(const Reading& reading, const MeteringPointId& point);
v1::AggregateReadingsResponse::Bucket ToProto(const Bucket& bucket);
v1::WatchReadingsResponse::Change ToProto(const Change& change);
/// The column of one metering point, moved into `proto`.
void ToProto(const ReadingColumn& column, v1::QueryReadingsResponse::Column& proto);

}  // namespace peerwatt::metering
