#pragma once

#include <memory>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/settlement/core/explain/evidence.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Asks metering over gRPC. Safe for many threads; one at a time watches.
class MeteringClient final : public MeteringPort, public ReadingHistory {
 public:
  explicit MeteringClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(metering::v1::MeteringInternal::NewStub(channel)) {}

  absl::StatusOr<ReadingGrid> QueryReadings(const std::vector<MeteringPointId>& points,
                                            Interval span, absl::Duration resolution) override;
  absl::Status WatchReadings(
      int64_t cursor,
      absl::FunctionRef<absl::Status(const std::vector<ReadingChange>&, int64_t)> sink) override;
  void CancelWatch() override;
  absl::StatusOr<std::vector<RevisedReading>> ListRevisions(
      const std::vector<MeteringPointId>& points, Interval span,
      absl::Duration resolution) override;

 private:
  /// Asks for the points from `first` on, as many as one answer may carry, and adds them.
  absl::Status QueryPart(const std::vector<MeteringPointId>& points, size_t first, size_t count,
                         Interval span, absl::Duration resolution, ReadingGrid& grid);

  std::unique_ptr<metering::v1::MeteringInternal::Stub> stub_;
  absl::Mutex mutex_;
  grpc::ClientContext* watch_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace peerwatt::settlement
