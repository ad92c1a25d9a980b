#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace metering = peerwatt::metering::v1;
namespace registry = peerwatt::registry::v1;

namespace {

// Metering points of one call: with the intervals of a day an answer stays small.
constexpr size_t kPointsPerCall = 200;

absl::Status AddForecasts(const metering::QueryForecastsResponse& response,
                          absl::Span<const MeteringPointId> points, int intervals,
                          SpanForecasts& forecasts) {
  if (static_cast<size_t>(response.forecasts_size()) != points.size()) {
    return absl::InternalError("metering answered for another number of metering points");
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const metering::ForecastReadingsResponse& forecast = response.forecasts(static_cast<int>(i));
    if (forecast.model() == metering::FORECAST_MODEL_UNSPECIFIED) {
      continue;
    }
    if (forecast.import_energy_wh_size() != intervals ||
        forecast.export_energy_wh_size() != intervals) {
      return absl::InternalError("metering answered with another number of intervals");
    }
    std::vector<Forecast>& values = forecasts[points[i]];
    for (int j = 0; j < intervals; ++j) {
      values.push_back({Energy::WattHours(forecast.import_energy_wh(j)),
                        Energy::WattHours(forecast.export_energy_wh(j))});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<GridTariff> TariffFrom(const registry::Tariff& proto, const std::string& currency) {
  GridTariff tariff;
  PW_ASSIGN_OR_RETURN(tariff.start, rpc::TimeFrom(proto.start_time(), "tariff.start_time"));
  PW_ASSIGN_OR_RETURN(tariff.retail, rpc::PriceFrom(proto.retail_price_per_kwh(), currency,
                                                    "tariff.retail_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(tariff.feed_in, rpc::PriceFrom(proto.feed_in_price_per_kwh(), currency,
                                                     "tariff.feed_in_price_per_kwh"));
  return tariff;
}

}  // namespace

DayForecastClient::DayForecastClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(metering::ForecastsInternal::NewStub(channel)) {}

absl::StatusOr<SpanForecasts> DayForecastClient::ForecastSpan(
    const std::vector<MeteringPointId>& points, Interval span, absl::Duration interval,
    absl::Time data_end) {
  SpanForecasts forecasts;
  for (size_t from = 0; from < points.size(); from += kPointsPerCall) {
    const absl::Span<const MeteringPointId> some =
        absl::MakeConstSpan(points).subspan(from, kPointsPerCall);
    grpc::ClientContext context;
    rpc::SetDeadline(context, kForecastTimeout);
    metering::QueryForecastsRequest request;
    for (const MeteringPointId& point : some) {
      request.add_metering_points(absl::StrCat("meteringPoints/", point.value()));
    }
    *request.mutable_start_time() = rpc::ToProto(span.start);
    *request.mutable_end_time() = rpc::ToProto(span.end);
    *request.mutable_data_end_time() = rpc::ToProto(data_end);
    metering::QueryForecastsResponse response;
    PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->QueryForecasts(&context, request, &response)));
    PW_RETURN_IF_ERROR(
        AddForecasts(response, some, static_cast<int>(span.length() / interval), forecasts));
  }
  return forecasts;
}

TariffClient::TariffClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(registry::RegistryInternal::NewStub(channel)) {}

absl::StatusOr<TariffBook> TariffClient::InForce(const CommunityId& community, Interval span) {
  TariffBook book;
  absl::Time at = span.end - absl::Microseconds(1);
  while (at >= span.start) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kSnapshotTimeout);
    registry::GetCommunitySnapshotRequest request;
    request.set_community(absl::StrCat("communities/", community.value()));
    *request.mutable_time() = rpc::ToProto(at);
    registry::CommunitySnapshot response;
    PW_RETURN_IF_ERROR(
        rpc::FromGrpcStatus(stub_->GetCommunitySnapshot(&context, request, &response)));
    book.operator_share_ppm = response.community().operator_share_ppm();
    if (!response.has_tariff()) {
      break;
    }
    PW_ASSIGN_OR_RETURN(const GridTariff tariff,
                        TariffFrom(response.tariff(), response.community().currency_code()));
    if (tariff.start > at) {
      return absl::InternalError("the registry named a tariff that starts later");
    }
    book.tariffs.push_back(tariff);
    at = tariff.start - absl::Microseconds(1);
  }
  std::reverse(book.tariffs.begin(), book.tariffs.end());
  return book;
}

}  // namespace peerwatt::market
