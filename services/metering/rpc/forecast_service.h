#pragma once

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/metering/v1/forecast.grpc.pb.h"
#include "services/metering/core/forecast/forecaster.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Forecasts for people.
class ForecastService final : public v1::Forecasts::Service {
 public:
  /// References must outlive the service.
  ForecastService(MemberDirectory& directory, ReadingStore& store, const Clock& clock)
      : directory_(directory), forecaster_(directory, store), clock_(clock) {}

  grpc::Status ForecastReadings(grpc::ServerContext* context,
                                const v1::ForecastReadingsRequest* request,
                                v1::ForecastReadingsResponse* response) override;

 private:
  MemberDirectory& directory_;
  Forecaster forecaster_;
  const Clock& clock_;
};

/// Forecasts for the other services.
class InternalForecastService final : public v1::ForecastsInternal::Service {
 public:
  /// References must outlive the service.
  InternalForecastService(MemberDirectory& directory, ReadingStore& store)
      : forecaster_(directory, store) {}

  grpc::Status QueryForecasts(grpc::ServerContext* context,
                              const v1::QueryForecastsRequest* request,
                              v1::QueryForecastsResponse* response) override;

 private:
  Forecaster forecaster_;
};

}  // namespace peerwatt::metering
