// Stands in for metering when a market is measured: forecasts that follow from the point's name.
// Of two points one draws and the other feeds in.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "libs/base/flags.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "peerwatt/metering/v1/forecast.grpc.pb.h"

namespace peerwatt::bench {
namespace {

namespace v1 = peerwatt::metering::v1;

class ForecastStub final : public v1::ForecastsInternal::Service {
 public:
  grpc::Status QueryForecasts(grpc::ServerContext*, const v1::QueryForecastsRequest* request,
                              v1::QueryForecastsResponse* response) override {
    for (const std::string& point : request->metering_points()) {
      const absl::string_view name = point;
      int number = 0;
      if (!absl::SimpleAtoi(name.substr(name.rfind('-') + 1), &number)) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "the point has no number"};
      }
      v1::ForecastReadingsResponse& forecast = *response->add_forecasts();
      forecast.set_model(v1::SMOOTHED);
      const int64_t energy = 100 + number % 900;
      forecast.add_import_energy_wh(number % 2 == 0 ? energy : 0);
      forecast.add_export_energy_wh(number % 2 == 0 ? 0 : energy);
    }
    return grpc::Status::OK;
  }
};

}  // namespace
}  // namespace peerwatt::bench

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "forecast_stub", "Forecasts for figures.");
  peerwatt::bench::ForecastStub service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(
      "127.0.0.1:0", peerwatt::rpc::MutualTlsServer(peerwatt::rpc::TlsFromFlags()), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("{\"port\": %d}\n", port);
  std::fflush(stdout);
  peerwatt::WaitForStopSignal();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}
