#pragma once

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/device_stream.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

/// The public API of metering.
class MeteringService final
    : public v1::Metering::WithCallbackMethod_StreamReadings<v1::Metering::Service> {
 public:
  /// All references must outlive the service. in_flight_max: batches per stream without an
  /// acknowledgement.
  MeteringService(IngestQueue& queue, DeviceStreams& streams, ReadingStore& store,
                  MemberDirectory& directory, int32_t in_flight_max)
      : queue_(queue),
        streams_(streams),
        store_(store),
        directory_(directory),
        in_flight_max_(in_flight_max) {}

  grpc::ServerBidiReactor<v1::StreamReadingsRequest, v1::StreamReadingsResponse>* StreamReadings(
      grpc::CallbackServerContext* context) override;
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
  DeviceStreams& streams_;
  ReadingStore& store_;
  MemberDirectory& directory_;
  const int32_t in_flight_max_;
};

}  // namespace peerwatt::metering
