#include "services/metering/rpc/forecast_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

constexpr int kPointsMax = 10'000;
constexpr int64_t kValuesMax = 1'000'000;
/// The shortest interval that a community may have; every grid is a part of its.
constexpr absl::Duration kShortestInterval = absl::Minutes(5);

absl::StatusOr<ForecastModel> ModelFrom(v1::ForecastModel model) {
  switch (model) {
    case v1::FORECAST_MODEL_UNSPECIFIED:
    case v1::SMOOTHED:
      return ForecastModel::kSmoothed;
    case v1::PERSISTENCE:
      return ForecastModel::kPersistence;
    case v1::WEEKDAY_MEAN:
      return ForecastModel::kWeekdayMean;
    default:
      return FieldInvalid("model", "is not a model");
  }
}

template <typename Request>
absl::StatusOr<Interval> SpanFrom(const Request& request) {
  Interval span;
  PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (span.length() <= absl::ZeroDuration() ||
      span.length() > absl::Hours(24) * kForecastDaysMax) {
    return FieldInvalid("end_time", "must be after start_time by at most 7 days");
  }
  return span;
}

absl::StatusOr<ForecastQuery> QueryFrom(const v1::QueryForecastsRequest& request) {
  ForecastQuery query;
  if (request.metering_points_size() > kPointsMax) {
    return FieldInvalid("metering_points", "must be at most 10000");
  }
  for (int i = 0; i < request.metering_points_size(); ++i) {
    PW_ASSIGN_OR_RETURN(MeteringPointId point, PointFrom(request.metering_points(i),
                                                         absl::StrCat("metering_points[", i, "]")));
    query.points.push_back(std::move(point));
  }
  PW_ASSIGN_OR_RETURN(query.span, SpanFrom(request));
  const int64_t intervals = query.span.length() / kShortestInterval;
  if (intervals * request.metering_points_size() > 3 * kValuesMax) {
    return FieldInvalid("end_time", "points times quarter-hours may not exceed 1000000");
  }
  PW_ASSIGN_OR_RETURN(query.data_end, rpc::TimeFrom(request.data_end_time(), "data_end_time"));
  if (!request.has_data_end_time() || query.data_end > query.span.start) {
    return FieldInvalid("data_end_time", "must be given and not be after start_time");
  }
  PW_ASSIGN_OR_RETURN(query.model, ModelFrom(request.model()));
  return query;
}

v1::ForecastModel ToProto(ForecastModel model) {
  switch (model) {
    case ForecastModel::kNone:
      return v1::FORECAST_MODEL_UNSPECIFIED;
    case ForecastModel::kPersistence:
      return v1::PERSISTENCE;
    case ForecastModel::kWeekdayMean:
      return v1::WEEKDAY_MEAN;
    case ForecastModel::kSmoothed:
      return v1::SMOOTHED;
  }
  return v1::FORECAST_MODEL_UNSPECIFIED;
}

void ToProto(const TimedForecast& timed, absl::Time start, v1::ForecastReadingsResponse& proto) {
  const PointForecast& forecast = timed.forecast;
  proto.set_model(ToProto(forecast.model));
  *proto.mutable_start_time() = rpc::ToProto(start);
  *proto.mutable_resolution() = rpc::ToProto(timed.resolution);
  proto.mutable_import_energy_wh()->Add(forecast.import_wh.begin(), forecast.import_wh.end());
  proto.mutable_export_energy_wh()->Add(forecast.export_wh.begin(), forecast.export_wh.end());
}

}  // namespace

grpc::Status ForecastService::ForecastReadings(grpc::ServerContext* context,
                                               const v1::ForecastReadingsRequest* request,
                                               v1::ForecastReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    ForecastQuery query;
    PW_ASSIGN_OR_RETURN(MeteringPointId point, PointFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(query.span, SpanFrom(*request));
    PW_ASSIGN_OR_RETURN(query.model, ModelFrom(request->model()));
    PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, point).status());
    query.data_end = std::min(clock_.Now(), query.span.start);
    query.points.push_back(std::move(point));
    PW_ASSIGN_OR_RETURN(const std::vector<TimedForecast> forecasts, forecaster_.Run(query));
    ToProto(forecasts.front(), query.span.start, *response);
    return absl::OkStatus();
  });
}

grpc::Status InternalForecastService::QueryForecasts(grpc::ServerContext* context,
                                                     const v1::QueryForecastsRequest* request,
                                                     v1::QueryForecastsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market", "settlement"}));
    PW_ASSIGN_OR_RETURN(const ForecastQuery query, QueryFrom(*request));
    PW_ASSIGN_OR_RETURN(const std::vector<TimedForecast> forecasts, forecaster_.Run(query));
    for (const TimedForecast& forecast : forecasts) {
      ToProto(forecast, query.span.start, *response->add_forecasts());
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::metering
