#pragma once

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/new_readings_feed.h"

namespace peerwatt::metering {

/// The public API of metering. Streams of devices come through gateways: see `RelayService`.
class MeteringService final
    : public v1::Metering::WithCallbackMethod_StreamNewReadings<v1::Metering::Service> {
 public:
  /// All references must outlive the service.
  MeteringService(IngestQueue& queue, ReadingStore& store, MemberDirectory& directory,
                  NewReadingsFeed& feed)
      : queue_(queue), store_(store), directory_(directory), feed_(feed) {}

  grpc::Status BatchCreateReadings(grpc::ServerContext* context,
                                   const v1::BatchCreateReadingsRequest* request,
                                   v1::BatchCreateReadingsResponse* response) override;
  grpc::Status ListReadings(grpc::ServerContext* context, const v1::ListReadingsRequest* request,
                            v1::ListReadingsResponse* response) override;
  grpc::Status GetLatestReading(grpc::ServerContext* context,
                                const v1::GetLatestReadingRequest* request,
                                v1::Reading* response) override;
  grpc::Status AggregateReadings(grpc::ServerContext* context,
                                 const v1::AggregateReadingsRequest* request,
                                 v1::AggregateReadingsResponse* response) override;
  grpc::ServerWriteReactor<v1::StreamNewReadingsResponse>* StreamNewReadings(
      grpc::CallbackServerContext* context, const v1::StreamNewReadingsRequest* request) override;

 private:
  /// Stores a batch through the queue and waits for its fate.
  BatchOutcome Store(LaneItem item);

  IngestQueue& queue_;
  ReadingStore& store_;
  MemberDirectory& directory_;
  NewReadingsFeed& feed_;
};

}  // namespace peerwatt::metering
