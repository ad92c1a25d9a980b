#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace v1 = peerwatt::metering::v1;

namespace {

// Most metering points that one query may name.
constexpr size_t kPointsMax = 10'000;

absl::Status AddReadings(const v1::QueryReadingsResponse& response, ReadingsByPoint& readings) {
  for (const v1::QueryReadingsResponse::Column& column : response.columns()) {
    PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(column.metering_point(),
                                                        "meteringPoints/*", "metering_point"));
    if (column.qualities_size() != 1 || column.import_energy_wh_size() != 1 ||
        column.export_energy_wh_size() != 1) {
      return absl::InternalError("metering answered with another number of intervals");
    }
    if (column.qualities(0) != v1::MISSING) {
      readings[MeteringPointId(std::move(id))] = {Energy::WattHours(column.import_energy_wh(0)),
                                                  Energy::WattHours(column.export_energy_wh(0))};
    }
  }
  return absl::OkStatus();
}

}  // namespace

MeteringClient::MeteringClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(v1::MeteringInternal::NewStub(channel)) {}

absl::StatusOr<ReadingsByPoint> MeteringClient::ReadInterval(
    const std::vector<MeteringPointId>& points, Interval interval) {
  ReadingsByPoint readings;
  for (size_t from = 0; from < points.size(); from += kPointsMax) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kPeerTimeout);
    v1::QueryReadingsRequest request;
    for (size_t i = from; i < std::min(from + kPointsMax, points.size()); ++i) {
      request.add_metering_points(absl::StrCat("meteringPoints/", points[i].value()));
    }
    *request.mutable_start_time() = rpc::ToProto(interval.start);
    *request.mutable_end_time() = rpc::ToProto(interval.end);
    *request.mutable_resolution() = rpc::ToProto(interval.length());
    v1::QueryReadingsResponse response;
    PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->QueryReadings(&context, request, &response)));
    PW_RETURN_IF_ERROR(AddReadings(response, readings));
  }
  return readings;
}

}  // namespace peerwatt::market
