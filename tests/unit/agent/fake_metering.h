#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"

namespace peerwatt::testing {

/// How a fake metering service misbehaves. Chances are per batch, in percent.
struct Faults {
  uint64_t seed = 0;
  int break_before_percent = 0;  ///< the stream breaks before the batch is stored
  int break_after_percent = 0;   ///< … after it, before it is acknowledged
  int defer_percent = 0;         ///< refused with UNAVAILABLE
  /// After a deferral, later batches are deferred too until it comes again (true), or stored.
  bool keeps_order = true;
  int silent_after = -1;  ///< reads on without a word after so many batches
  int window = 8;
  /// One acknowledgement with status OK for so many batches in a row.
  int batches_per_acknowledgement = 1;
  std::set<int64_t> refused_starts = {};  ///< batches that hold this interval are refused for good
  std::set<int64_t> lost_starts = {};     ///< acknowledged without being stored: a lie
};

/// A metering service in this process: keeps readings in a map and breaks on purpose.
class FakeMetering final : public metering::v1::Metering::Service {
 public:
  using Key = std::pair<std::string, int64_t>;  ///< metering point, start in Unix seconds
  explicit FakeMetering(Faults faults);
  ~FakeMetering() override;
  std::shared_ptr<grpc::Channel> NewChannel() const;

  std::map<Key, int64_t> stored() const;       ///< watt hours, both directions
  bool conflicts() const;                      ///< whether a reading came with two values
  bool in_order() const;                       ///< whether new sequences came one after the other
  int64_t position() const;                    ///< highest acknowledged sequence
  int64_t streams() const;
  int64_t batches_received() const;
  std::vector<metering::v1::Batch> signed_batches() const;  ///< every one that came, also again
  void SetPosition(int64_t position);
  void Forget();  ///< loses every reading and the position, as an empty database does
  /// Waits until `count` batches were received; false after ten seconds.
  bool WaitForBatches(int64_t count) const;
  void CancelStreams();

  grpc::Status StreamReadings(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<metering::v1::StreamReadingsResponse,
                               metering::v1::StreamReadingsRequest>* stream) override;

 private:
  enum class Fate { kBreakBefore, kBreakAfter, kAnswer, kSilent };
  Fate Judge(const metering::v1::Batch& batch,
             metering::v1::StreamReadingsResponse::Acknowledgement& answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Store(const metering::v1::Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Chance(int percent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Faults faults_;
  mutable absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, int64_t> stored_ ABSL_GUARDED_BY(mutex_);
  bool conflicts_ ABSL_GUARDED_BY(mutex_) = false;
  bool in_order_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t position_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t handled_ ABSL_GUARDED_BY(mutex_) = 0;  // highest stored or refused for good
  int64_t deferred_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<metering::v1::Batch> signed_batches_ ABSL_GUARDED_BY(mutex_);
  std::set<grpc::ServerContext*> contexts_ ABSL_GUARDED_BY(mutex_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace peerwatt::testing
