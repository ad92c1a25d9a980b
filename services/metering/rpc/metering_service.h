#pragma once

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

/// The public API of metering. Streams of devices come through gateways: see `RelayService`.
class MeteringService final : public v1::Metering::Service {
 public:
  /// All references must outlive the service.
  MeteringService(IngestQueue& queue, ReadingStore& store, MemberDirectory& directory)
      : queue_(queue), store_(store), directory_(directory) {}

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

 private:
  /// The metering point, when the caller may see its readings.
  /// Errors: PERMISSION_DENIED, also when it is unknown to other than staff;
  /// METERING_POINT_UNKNOWN; PEER_UNAVAILABLE.
  absl::StatusOr<Member> MemberFor(const grpc::ServerContext& context,
                                   const MeteringPointId& point);
  /// Stores a batch through the queue and waits for its fate.
  BatchOutcome Store(LaneItem item);

  IngestQueue& queue_;
  ReadingStore& store_;
  MemberDirectory& directory_;
};

}  // namespace peerwatt::metering
