#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/parallel_calls.h"
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
  size_t answered = 0;
  ParallelCalls<v1::QueryForecastsRequest, v1::QueryForecastsResponse> calls(
      [this](grpc::ClientContext* context, const v1::QueryForecastsRequest* request,
             v1::QueryForecastsResponse* response, std::function<void(grpc::Status)> done) {
        stub_->async()->QueryForecasts(context, request, response, std::move(done));
      },
      [&](const v1::QueryForecastsResponse& response) {
        const auto asked = absl::MakeConstSpan(points).subspan(answered, kPointsPerCall);
        answered += asked.size();
        return AddForecasts(response, asked, forecasts);
      },
      kForecastTimeout);
  for (size_t from = 0; from < points.size(); from += kPointsPerCall) {
    v1::QueryForecastsRequest request;
    for (const MeteringPointId& point :
         absl::MakeConstSpan(points).subspan(from, kPointsPerCall)) {
      request.add_metering_points(absl::StrCat("meteringPoints/", point.value()));
    }
    *request.mutable_start_time() = rpc::ToProto(interval.start);
    *request.mutable_end_time() = rpc::ToProto(interval.end);
    *request.mutable_data_end_time() = rpc::ToProto(data_end);
    PW_RETURN_IF_ERROR(calls.Add(std::move(request)));
  }
  PW_RETURN_IF_ERROR(calls.Finish());
  return forecasts;
}

}  // namespace peerwatt::market
