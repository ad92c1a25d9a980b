#include "services/metering/rpc/internal_service.h"

#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/core/errors.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

constexpr int kPointsMax = 10'000;
constexpr int kRevisedPointsMax = 1'000;
constexpr absl::Duration kRevisedSpanMax = absl::Hours(24);
constexpr size_t kRevisionsMax = 10'000;  // Of one point.
constexpr int64_t kValuesMax = 1'000'000;
constexpr int32_t kChangesPerMessage = 1000;
constexpr absl::Duration kMessagePause = absl::Milliseconds(20);

/// What a query is asked for.
struct ColumnsQuery {
  std::vector<MeteringPointId> points;
  Interval span;
  absl::Duration resolution;
};

template <typename Request>
absl::StatusOr<ColumnsQuery> QueryFrom(const Request& request, int points_max) {
  ColumnsQuery query;
  if (request.metering_points_size() > points_max) {
    return FieldInvalid("metering_points", absl::StrCat("must be at most ", points_max));
  }
  for (int i = 0; i < request.metering_points_size(); ++i) {
    PW_ASSIGN_OR_RETURN(MeteringPointId point, PointFrom(request.metering_points(i),
                                                         absl::StrCat("metering_points[", i, "]")));
    query.points.push_back(std::move(point));
  }
  PW_ASSIGN_OR_RETURN(query.resolution, rpc::DurationFrom(request.resolution(), "resolution"));
  if (!IsIntervalLength(query.resolution)) {
    return FieldInvalid("resolution", "must be 5, 15, 30 or 60 minutes");
  }
  PW_ASSIGN_OR_RETURN(query.span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(query.span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (!IsOnGrid(query.span.start, query.resolution)) {
    return FieldInvalid("start_time", "must be on the grid");
  }
  if (!IsOnGrid(query.span.end, query.resolution) || query.span.end <= query.span.start) {
    return FieldInvalid("end_time", "must be on the grid, after start_time");
  }
  const int64_t intervals = query.span.length() / query.resolution;
  if (intervals * request.metering_points_size() > kValuesMax) {
    return FieldInvalid("end_time", "points times intervals may not exceed 1000000");
  }
  return query;
}

}  // namespace

grpc::Status InternalService::QueryReadings(grpc::ServerContext* context,
                                            const v1::QueryReadingsRequest* request,
                                            v1::QueryReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market", "settlement"}));
    PW_ASSIGN_OR_RETURN(const ColumnsQuery query, QueryFrom(*request, kPointsMax));
    PW_ASSIGN_OR_RETURN(const ReadingColumns answer,
                        store_.Columns(query.points, query.span, query.resolution));
    response->set_cursor(answer.cursor);
    for (size_t i = 0; i < query.points.size(); ++i) {
      v1::QueryReadingsResponse::Column& column = *response->add_columns();
      column.set_metering_point(PointName(query.points[i]));
      ToProto(answer.columns[i], column);
    }
    return absl::OkStatus();
  });
}

grpc::Status InternalService::ListRevisions(grpc::ServerContext* context,
                                            const v1::ListRevisionsRequest* request,
                                            v1::ListRevisionsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"settlement"}));
    PW_ASSIGN_OR_RETURN(const ColumnsQuery query, QueryFrom(*request, kRevisedPointsMax));
    if (query.span.length() > kRevisedSpanMax) {
      return FieldInvalid("end_time", "must be at most 24 hours after start_time");
    }
    for (const MeteringPointId& point : query.points) {
      PW_ASSIGN_OR_RETURN(const std::vector<Reading> readings,
                          store_.List({.metering_point = point,
                                       .start = query.span.start,
                                       .end = query.span.end,
                                       .resolution = query.resolution,
                                       .revisions = true,
                                       .as_of = std::nullopt,
                                       .after = std::nullopt,
                                       .limit = kRevisionsMax}));
      for (const Reading& reading : readings) {
        *response->add_readings() = ToProto(reading, point);
      }
    }
    return absl::OkStatus();
  });
}

grpc::Status InternalService::WatchReadings(grpc::ServerContext* context,
                                            const v1::WatchReadingsRequest* request,
                                            grpc::ServerWriter<v1::WatchReadingsResponse>* writer) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market", "settlement"}));
    if (request->cursor() < 0) {
      return FieldInvalid("cursor", "must not be negative");
    }
    return Watch(*context, request->cursor(), *writer);
  });
}

absl::Status InternalService::Watch(const grpc::ServerContext& context, int64_t cursor,
                                    grpc::ServerWriter<v1::WatchReadingsResponse>& writer) {
  while (!context.IsCancelled()) {
    const uint64_t seen = changed_.Count();
    PW_ASSIGN_OR_RETURN(const std::vector<Change> changes,
                        store_.ChangesAfter(cursor, kChangesPerMessage));
    if (changes.empty()) {
      if (!changed_.Wait(seen, idle_poll_)) {
        return Error(kDraining, "the service stops; connect again");
      }
      continue;
    }
    v1::WatchReadingsResponse response;
    for (const Change& change : changes) {
      *response.add_changes() = ToProto(change);
    }
    cursor = changes.back().cursor;
    response.set_cursor(cursor);
    if (!writer.Write(response)) {
      break;
    }
    // Each message costs its reader a transaction: what is stored meanwhile comes together.
    if (std::ssize(changes) < kChangesPerMessage && !changed_.Pause(kMessagePause)) {
      return Error(kDraining, "the service stops; connect again");
    }
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
