#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/channel.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/buffer.h"
#include "agent/enrolment.h"
#include "agent/meter.h"
#include "agent/signing_chain.h"
#include "agent/stream_client.h"

namespace peerwatt::agent {

/// How an agent is set up.
struct AgentOptions {
  std::string device;              ///< `devices/d-h01`
  absl::Duration interval;         ///< 5, 15, 30 or 60 minutes
  std::vector<PointSpec> points;   ///< at least one
  BufferOptions buffer;
  StreamOptions stream;
  int intervals_per_series_max = 96;
  bool sign_batches = false;  ///< with the key of the device's certificate
};

/// Where an agent stands.
struct AgentStatus {
  /// Every interval before it is acknowledged, or was refused for good.
  absl::Time acknowledged_through;
  bool finished = false;  ///< the end of every point is acknowledged
  int64_t readings_acknowledged = 0;
  int64_t readings_refused = 0;
  StreamState stream;
  /// Energy that was acknowledged since the series began, by metering point.
  std::map<std::string, Energy> acknowledged;
};

/// What runs at a meter, or at several behind one device: reads finished intervals from the sources
/// through their registers, puts them into the buffer and streams them.
class Agent final : public DeliveryObserver {
 public:
  /// on_progress: called from any thread after something was acknowledged or a connection changed.
  /// Errors: SETTINGS_INVALID, and those of Buffer::Open.
  static absl::StatusOr<std::unique_ptr<Agent>> New(AgentOptions options,
                                                    std::function<void()> on_progress);
  ~Agent() override;

  /// Streams over this channel from now on.
  void Connect(std::shared_ptr<grpc::Channel> channel) { client_->Connect(std::move(channel)); }
  /// The same, and signs with the identity's key what is to be signed.
  /// Errors: kInvalidArgument when the identity has no P-256 key.
  absl::Status Connect(std::shared_ptr<grpc::Channel> channel, const Identity& identity);
  /// Reads what finished by `clock_now`, and lets the stream do what is due at `real_now`.
  /// From one thread at a time.
  void Tick(absl::Time clock_now, absl::Time real_now);
  AgentStatus status() const;

  void OnHandled(const metering::v1::Batch& batch, bool refused) override;
  void OnProgress() override { on_progress_(); }

 private:
  Agent(AgentOptions options, std::unique_ptr<Buffer> buffer, std::function<void()> on_progress);
  absl::Status RestoreTotals();
  absl::Status ProduceNext(absl::Time until);
  void AddSeries(Meter& meter, const Interval& span, metering::v1::Batch& batch) const;
  absl::Status Append(metering::v1::Batch& batch, absl::Time through);

  const AgentOptions options_;
  const std::function<void()> on_progress_;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<SigningChain> chain_;  // of the ticking thread; none when nothing is signed
  std::vector<Meter> meters_;      // of the ticking thread
  absl::Time end_;                 // of the last point
  absl::Time produce_at_ = absl::InfinitePast();  // later after the buffer refused

  mutable absl::Mutex mutex_;
  absl::Time produced_through_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Energy> acknowledged_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<StreamClient> client_;  // last: its threads use what is above
};

}  // namespace peerwatt::agent
