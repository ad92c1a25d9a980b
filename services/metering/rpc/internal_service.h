#pragma once

#include <cstdint>

#include <grpcpp/grpcpp.h>

#include "absl/time/time.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/change_signal.h"

namespace peerwatt::metering {

/// What market and settlement ask metering.
class InternalService final : public v1::MeteringInternal::Service {
 public:
  /// All references must outlive the service. idle_poll: how long a watch waits before it looks
  /// for changes of other processes.
  InternalService(ReadingStore& store, ChangeSignal& changed, absl::Duration idle_poll)
      : store_(store), changed_(changed), idle_poll_(idle_poll) {}

  grpc::Status QueryReadings(grpc::ServerContext* context, const v1::QueryReadingsRequest* request,
                             v1::QueryReadingsResponse* response) override;
  grpc::Status ListRevisions(grpc::ServerContext* context, const v1::ListRevisionsRequest* request,
                             v1::ListRevisionsResponse* response) override;
  grpc::Status WatchReadings(grpc::ServerContext* context, const v1::WatchReadingsRequest* request,
                             grpc::ServerWriter<v1::WatchReadingsResponse>* writer) override;

 private:
  /// Sends changes after `cursor` until the caller is gone or the service stops.
  absl::Status Watch(const grpc::ServerContext& context, int64_t cursor,
                     grpc::ServerWriter<v1::WatchReadingsResponse>& writer);

  ReadingStore& store_;
  ChangeSignal& changed_;
  const absl::Duration idle_poll_;
};

}  // namespace peerwatt::metering
