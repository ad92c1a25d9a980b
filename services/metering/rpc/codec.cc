#include "services/metering/rpc/codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/metering/rpc/vee_codec.h"

namespace peerwatt::metering {
namespace {

/// A column's values as they came; an unknown number stays one that the rules refuse.
/// An unknown method says no more than none.
Method MethodFrom(v1::Method method) {
  return v1::Method_IsValid(method) ? static_cast<Method>(method) : Method::kNone;
}

std::vector<Quality> QualitiesFrom(const google::protobuf::RepeatedField<int>& proto) {
  std::vector<Quality> qualities;
  qualities.reserve(static_cast<size_t>(proto.size()));
  for (const int value : proto) {
    const bool known = value >= 0 && value <= static_cast<int>(Quality::kMissing);
    qualities.push_back(value == v1::QUALITY_UNSPECIFIED ? Quality::kMeasured
                        : known                          ? static_cast<Quality>(value)
                                                         : Quality::kMissing);
  }
  return qualities;
}

v1::Quality ToProto(Quality quality) { return static_cast<v1::Quality>(quality); }

}  // namespace

std::string PointName(const MeteringPointId& point) {
  return absl::StrCat("meteringPoints/", point.value());
}

absl::StatusOr<MeteringPointId> PointFrom(const std::string& name, absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, "meteringPoints/*", field));
  return MeteringPointId(std::move(id));
}

absl::Status ReadSeries(const google::protobuf::RepeatedPtrField<v1::Series>& series,
                        Batch& batch) {
  batch.series.reserve(static_cast<size_t>(series.size()));
  for (int i = 0; i < series.size(); ++i) {
    const v1::Series& proto = series[i];
    const std::string path = absl::StrCat("series[", i, "].");
    Series one;
    PW_ASSIGN_OR_RETURN(one.metering_point,
                        PointFrom(proto.metering_point(), path + "metering_point"));
    PW_ASSIGN_OR_RETURN(one.start, rpc::TimeFrom(proto.start_time(), path + "start_time"));
    PW_ASSIGN_OR_RETURN(one.resolution, rpc::DurationFrom(proto.resolution(), path + "resolution"));
    one.import_wh.assign(proto.import_energy_wh().begin(), proto.import_energy_wh().end());
    one.export_wh.assign(proto.export_energy_wh().begin(), proto.export_energy_wh().end());
    one.qualities = QualitiesFrom(proto.qualities());
    one.method = MethodFrom(proto.method());
    batch.series.push_back(std::move(one));
  }
  return absl::OkStatus();
}

absl::Status ReadBatch(const v1::Batch& proto, Batch& batch) {
  batch.sequence = proto.sequence();
  if (proto.sequence() < 1) {
    return FieldInvalid("sequence", "must count up from 1");
  }
  PW_RETURN_IF_ERROR(ReadSeries(proto.series(), batch));
  PW_RETURN_IF_ERROR(ReadRegisters(proto.registers(), batch));
  batch.ocmf_records.assign(proto.ocmf_records().begin(), proto.ocmf_records().end());
  if (proto.has_signature()) {
    batch.signature = {.counter = proto.signature().counter(),
                       .previous_digest = proto.signature().previous_digest(),
                       .signature = proto.signature().signature()};
  }
  return absl::OkStatus();
}

v1::Reading ToProto(const Reading& reading, const MeteringPointId& point) {
  v1::Reading proto;
  proto.set_name(absl::StrCat(PointName(point), "/readings/", TimeSegment(reading.start)));
  *proto.mutable_start_time() = rpc::ToProto(reading.start);
  *proto.mutable_end_time() = rpc::ToProto(reading.start + reading.length);
  proto.set_import_energy_wh(reading.imported.wh());
  proto.set_export_energy_wh(reading.exported.wh());
  proto.set_quality(ToProto(reading.quality));
  proto.set_revision(reading.revision);
  proto.set_method(static_cast<v1::Method>(reading.method));
  *proto.mutable_create_time() = rpc::ToProto(reading.created_at);
  return proto;
}

v1::AggregateReadingsResponse::Bucket ToProto(const Bucket& bucket) {
  v1::AggregateReadingsResponse::Bucket proto;
  *proto.mutable_start_time() = rpc::ToProto(bucket.span.start);
  *proto.mutable_end_time() = rpc::ToProto(bucket.span.end);
  proto.set_import_energy_wh(bucket.imported.wh());
  proto.set_export_energy_wh(bucket.exported.wh());
  proto.set_reading_count(bucket.reading_count);
  proto.set_quality(ToProto(bucket.quality));
  return proto;
}

v1::WatchReadingsResponse::Change ToProto(const Change& change) {
  v1::WatchReadingsResponse::Change proto;
  proto.set_cursor(change.cursor);
  proto.set_metering_point(PointName(change.metering_point));
  proto.set_community(absl::StrCat("communities/", change.community.value()));
  *proto.mutable_start_time() = rpc::ToProto(change.span.start);
  *proto.mutable_end_time() = rpc::ToProto(change.span.end);
  return proto;
}

void ToProto(const ReadingColumn& column, v1::QueryReadingsResponse::Column& proto) {
  proto.mutable_import_energy_wh()->Add(column.import_wh.begin(), column.import_wh.end());
  proto.mutable_export_energy_wh()->Add(column.export_wh.begin(), column.export_wh.end());
  proto.mutable_revisions()->Add(column.revisions.begin(), column.revisions.end());
  for (const Quality quality : column.qualities) {
    proto.add_qualities(ToProto(quality));
  }
}

}  // namespace peerwatt::metering
