#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/buffer.h"
#include "agent/enrolment.h"
#include "agent/meter_source.h"
#include "agent/point_recorder.h"
#include "agent/stream_client.h"
#include "libs/domain/signed_batch.h"

namespace peerwatt::agent {

/// A source and the metering points that it speaks for.
struct BoxSource {
  /// Makes the source, which hands its observations to the sink.
  std::function<std::unique_ptr<MeterSource>(ObservationSink sink)> make;
  std::vector<RecorderOptions> points;  ///< at least one
};

/// How a box at several meters is set up.
struct MeterBoxOptions {
  std::string device;  ///< `devices/box-1`
  std::string folder;  ///< for the checkpoint; the buffer has its own
  std::vector<BoxSource> sources;
  BufferOptions buffer;
  StreamOptions stream;
  bool sign_batches = false;  ///< with the key of the device's certificate
};

/// Where a box stands.
struct MeterBoxState {
  BufferState buffer;
  StreamState stream;
  std::map<std::string, SourceState> sources;   ///< by name
  std::map<std::string, RecorderState> points;  ///< by metering point
  int64_t disk_failures = 0;
};

/// What runs on a gateway box: several meters behind one device, each in a thread of its own, one
/// buffer and one stream.
///
/// Nothing is counted twice or lost when it dies: a batch is written to the checkpoint, together
/// with where the registers stood after it, before it goes into the buffer; a restarted box puts it
/// there if it is missing, and counts on from the registers. What flowed meanwhile is in them.
///
/// The checkpoint is also the chain of what the box signs: it holds the counter and digest of its
/// batch. A batch that is in no checkpoint never reaches the buffer, so no counter goes out with
/// two contents, and none is left out unless the buffer drops it. A signature itself is made when
/// its batch is sent, with the key of the certificate in use.
class MeterBox final : public DeliveryObserver {
 public:
  /// Errors: SETTINGS_INVALID, BUFFER_DAMAGED, those of Buffer::Open.
  static absl::StatusOr<std::unique_ptr<MeterBox>> New(MeterBoxOptions options);
  ~MeterBox() override;

  /// Starts to read the meters.
  void Start();
  /// Streams over this channel from now on.
  void Connect(std::shared_ptr<grpc::Channel> channel) { client_->Connect(std::move(channel)); }
  /// The same, and signs with the identity's key what is to be signed.
  /// Errors: kInvalidArgument when the identity has no P-256 key.
  absl::Status Connect(std::shared_ptr<grpc::Channel> channel, const Identity& identity);
  /// Records what is finished and lets the stream do what is due. now: real time. From one thread.
  void Tick(absl::Time now);
  /// From the thread that ticks.
  MeterBoxState state() const;

  void OnHandled(const metering::v1::Batch&, bool) override {}
  void OnProgress() override {}

 private:
  /// The last signed batch.
  struct ChainEnd {
    int64_t counter = 0;
    std::string digest = std::string(kBatchDigestSize, '\0');
  };
  struct Pending {
    std::string payload;
    ChainEnd chain;      // with this batch
    int64_t record = 0;  // its index in the buffer
    absl::Time through;
    bool stored = false;  // in the checkpoint
  };

  explicit MeterBox(MeterBoxOptions options) : options_(std::move(options)) {}
  absl::Status Recover();
  void Collect();
  ChainEnd Link(metering::v1::Batch& batch) const;
  absl::Status StorePending();
  std::string CheckpointPath() const { return options_.folder + "/checkpoint.json"; }

  const MeterBoxOptions options_;
  std::unique_ptr<Buffer> buffer_;
  std::vector<std::unique_ptr<PointRecorder>> recorders_;
  std::vector<std::unique_ptr<MeterSource>> sources_;
  ChainEnd chain_;  // of the checkpoint
  std::optional<Pending> pending_;
  absl::Time retry_at_ = absl::InfinitePast();
  int64_t disk_failures_ = 0;
  std::unique_ptr<StreamClient> client_;  // last: its threads use what is above
};

}  // namespace peerwatt::agent
