#pragma once

#include <atomic>

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/metering/v1/exchange.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

/// Bounds on files under way; each holds a thread.
struct ExchangeLimits {
  int imports_max = 4;
  int exports_max = 16;
};

/// Takes and gives readings as files.
class ExchangeService final : public v1::Exchange::Service {
 public:
  /// All references must outlive the service.
  ExchangeService(IngestQueue& queue, ReadingStore& store, MemberDirectory& directory,
                  const Clock& clock, ExchangeLimits limits = {})
      : queue_(queue), store_(store), directory_(directory), clock_(clock), limits_(limits) {}

  grpc::Status ImportReadings(grpc::ServerContext* context,
                              grpc::ServerReader<v1::ImportReadingsRequest>* reader,
                              v1::ImportReadingsResponse* response) override;
  grpc::Status ExportReadings(grpc::ServerContext* context,
                              const v1::ExportReadingsRequest* request,
                              grpc::ServerWriter<google::api::HttpBody>* writer) override;

 private:
  absl::Status Import(const grpc::ServerContext& context,
                      grpc::ServerReader<v1::ImportReadingsRequest>& reader,
                      v1::ImportReadingsResponse& response);

  IngestQueue& queue_;
  ReadingStore& store_;
  MemberDirectory& directory_;
  const Clock& clock_;
  const ExchangeLimits limits_;
  std::atomic<int> imports_{0};
  std::atomic<int> exports_{0};
};

}  // namespace peerwatt::metering
