#include "services/settlement/clients/metering_client.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);
/// Metering's own bounds, with room: an answer of this size takes about 1 MiB.
constexpr int64_t kReadingsPerQuery = 100'000;
constexpr int64_t kPointsPerQuery = 10'000;

absl::Status AnswerInvalid(const std::string& why) {
  return Error(kInternalError, absl::StrCat("metering answered ", why));
}

absl::StatusOr<std::vector<PointReading>> ReadingsFrom(
    const metering::v1::QueryReadingsResponse::Column& column, int64_t periods) {
  if (column.import_energy_wh_size() != periods || column.export_energy_wh_size() != periods ||
      column.qualities_size() != periods || column.revisions_size() != periods) {
    return AnswerInvalid("columns of another length than asked");
  }
  std::vector<PointReading> readings;
  readings.reserve(static_cast<size_t>(periods));
  for (int i = 0; i < static_cast<int>(periods); ++i) {
    PointReading& reading = readings.emplace_back();
    reading.present = column.qualities(i) != metering::v1::MISSING;
    if (!reading.present) continue;
    reading.import_energy = Energy::WattHours(column.import_energy_wh(i));
    reading.export_energy = Energy::WattHours(column.export_energy_wh(i));
    reading.revision = column.revisions(i);
  }
  return readings;
}

absl::StatusOr<ReadingChange> ChangeFrom(const metering::v1::WatchReadingsResponse::Change& proto) {
  ReadingChange change;
  change.cursor = proto.cursor();
  PW_ASSIGN_OR_RETURN(std::string point, rpc::ParseName1(proto.metering_point(),
                                                         "meteringPoints/*", "metering_point"));
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(proto.community(), "communities/*", "community"));
  change.point = MeteringPointId(std::move(point));
  change.community = CommunityId(std::move(community));
  PW_ASSIGN_OR_RETURN(change.span.start, rpc::TimeFrom(proto.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(change.span.end, rpc::TimeFrom(proto.end_time(), "end_time"));
  return change;
}

}  // namespace

absl::StatusOr<ReadingGrid> MeteringClient::QueryReadings(
    const std::vector<MeteringPointId>& points, Interval span, absl::Duration resolution) {
  ReadingGrid grid;
  if (points.empty()) return grid;
  grid.readings.reserve(points.size());
  grid.cursor = std::numeric_limits<int64_t>::max();
  const int64_t periods = std::max<int64_t>(span.length() / resolution, 1);
  const auto part =
      static_cast<size_t>(std::clamp<int64_t>(kReadingsPerQuery / periods, 1, kPointsPerQuery));
  for (size_t first = 0; first < points.size(); first += part) {
    const size_t count = std::min(part, points.size() - first);
    PW_RETURN_IF_ERROR(QueryPart(points, first, count, span, resolution, grid));
  }
  return grid;
}

absl::Status MeteringClient::QueryPart(const std::vector<MeteringPointId>& points, size_t first,
                                       size_t count, Interval span, absl::Duration resolution,
                                       ReadingGrid& grid) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  metering::v1::QueryReadingsRequest request;
  for (size_t i = first; i < first + count; ++i) {
    request.add_metering_points(absl::StrCat("meteringPoints/", points[i].value()));
  }
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  *request.mutable_resolution() = rpc::ToProto(resolution);
  metering::v1::QueryReadingsResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->QueryReadings(&context, request, &response)));
  if (response.columns_size() != request.metering_points_size()) {
    return AnswerInvalid("another number of points than asked");
  }
  for (int i = 0; i < response.columns_size(); ++i) {
    if (response.columns(i).metering_point() != request.metering_points(i)) {
      return AnswerInvalid("points in another order than asked");
    }
    PW_ASSIGN_OR_RETURN(std::vector<PointReading> readings,
                        ReadingsFrom(response.columns(i), span.length() / resolution));
    grid.readings.push_back(std::move(readings));
  }
  grid.cursor = std::min(grid.cursor, response.cursor());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RevisedReading>> MeteringClient::ListRevisions(
    const std::vector<MeteringPointId>& points, Interval span, absl::Duration resolution) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  metering::v1::ListRevisionsRequest request;
  for (const MeteringPointId& point : points) {
    request.add_metering_points(absl::StrCat("meteringPoints/", point.value()));
  }
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  *request.mutable_resolution() = rpc::ToProto(resolution);
  metering::v1::ListRevisionsResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->ListRevisions(&context, request, &response)));
  std::vector<RevisedReading> readings;
  for (const metering::v1::Reading& proto : response.readings()) {
    RevisedReading& reading = readings.emplace_back();
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        rpc::ParseName(proto.name(), "meteringPoints/*/readings/*", "name"));
    reading.point = MeteringPointId(std::move(ids[0]));
    PW_ASSIGN_OR_RETURN(reading.start, rpc::TimeFrom(proto.start_time(), "start_time"));
    reading.revision = proto.revision();
    reading.import_energy = Energy::WattHours(proto.import_energy_wh());
    reading.export_energy = Energy::WattHours(proto.export_energy_wh());
  }
  return readings;
}

absl::Status MeteringClient::WatchReadings(
    int64_t cursor,
    absl::FunctionRef<absl::Status(const std::vector<ReadingChange>&, int64_t)> sink) {
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return absl::CancelledError("the watch was cancelled");
    watch_ = &context;
  }
  metering::v1::WatchReadingsRequest request;
  request.set_cursor(cursor);
  const auto reader = stub_->WatchReadings(&context, request);
  absl::Status status;
  metering::v1::WatchReadingsResponse response;
  while (status.ok() && reader->Read(&response)) {
    std::vector<ReadingChange> changes;
    for (const auto& proto : response.changes()) {
      absl::StatusOr<ReadingChange> change = ChangeFrom(proto);
      status.Update(change.status());
      if (change.ok()) changes.push_back(*std::move(change));
    }
    if (status.ok()) status = sink(changes, response.cursor());
  }
  if (!status.ok()) context.TryCancel();
  const grpc::Status ended = reader->Finish();
  absl::MutexLock lock(&mutex_);
  watch_ = nullptr;
  return status.ok() ? rpc::FromGrpcStatus(ended) : status;
}

void MeteringClient::CancelWatch() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (watch_ != nullptr) watch_->TryCancel();
}

}  // namespace peerwatt::settlement
