#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace v1 = peerwatt::metering::v1;

namespace {

// Metering points of one call: few enough for metering to answer well within the timeout.
constexpr size_t kPointsPerCall = 500;

absl::Status AddForecasts(const v1::QueryForecastsResponse& response,
                          absl::Span<const MeteringPointId> points, ForecastsByPoint& forecasts) {
  if (static_cast<size_t>(response.forecasts_size()) != points.size()) {
    return absl::InternalError("metering answered for another number of metering points");
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const v1::ForecastReadingsResponse& forecast = response.forecasts(static_cast<int>(i));
    if (forecast.model() == v1::FORECAST_MODEL_UNSPECIFIED) {
      continue;
    }
    if (forecast.import_energy_wh_size() != 1 || forecast.export_energy_wh_size() != 1) {
      return absl::InternalError("metering answered with another number of intervals");
    }
    forecasts[points[i]] = {Energy::WattHours(forecast.import_energy_wh(0)),
                            Energy::WattHours(forecast.export_energy_wh(0))};
  }
  return absl::OkStatus();
}

}  // namespace

MeteringClient::MeteringClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(v1::ForecastsInternal::NewStub(channel)) {}

absl::StatusOr<ForecastsByPoint> MeteringClient::ForecastInterval(
    const std::vector<MeteringPointId>& points, Interval interval, absl::Time data_end) {
  ForecastsByPoint forecasts;
  for (size_t from = 0; from < points.size(); from += kPointsPerCall) {
    const absl::Span<const MeteringPointId> some =
        absl::MakeConstSpan(points).subspan(from, kPointsPerCall);
    grpc::ClientContext context;
    rpc::SetDeadline(context, kForecastTimeout);
    v1::QueryForecastsRequest request;
    for (const MeteringPointId& point : some) {
      request.add_metering_points(absl::StrCat("meteringPoints/", point.value()));
    }
    *request.mutable_start_time() = rpc::ToProto(interval.start);
    *request.mutable_end_time() = rpc::ToProto(interval.end);
    *request.mutable_data_end_time() = rpc::ToProto(data_end);
    v1::QueryForecastsResponse response;
    PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->QueryForecasts(&context, request, &response)));
    PW_RETURN_IF_ERROR(AddForecasts(response, some, forecasts));
  }
  return forecasts;
}

}  // namespace peerwatt::market
