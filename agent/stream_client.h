#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/channel.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/buffer.h"
#include "agent/pacing.h"
#include "libs/crypto/signature.h"
#include "peerwatt/metering/v1/metering.pb.h"

namespace peerwatt::agent {

/// Hears what became of batches. Called once per batch, in order, from the client's threads; may
/// not call the client back.
class DeliveryObserver {
 public:
  virtual ~DeliveryObserver() = default;
  /// The batch is durable at the server, or kept in `refused.jsonl`.
  virtual void OnHandled(const metering::v1::Batch& batch, bool refused) = 0;
  /// Something changed: an answer, a connection made or lost.
  virtual void OnProgress() = 0;
};

/// How a stream behaves. Times are real time.
struct StreamOptions {
  std::string device;  ///< `devices/d-h01`, for the log and for what is signed
  absl::Duration backoff_min = absl::Milliseconds(50);
  absl::Duration backoff_max = absl::Seconds(5);
  /// A stream whose batches stay unanswered this long is given up.
  absl::Duration answer_timeout = absl::Seconds(30);
  int batches_in_flight_max = 64;  ///< the server may ask for fewer
  /// The first connection is made at a random moment of this span: a fleet that gets power back
  /// at once does not come at once.
  absl::Duration connect_spread = absl::ZeroDuration();
  /// How fast batches go that waited when the stream opened, and how many of them at once; what
  /// is produced later follows in its turn. 0: as fast as the server takes them.
  double backlog_batches_per_second = 0;
  int backlog_burst = 8;
  uint64_t jitter_key = 0;
};

/// Where a stream stands.
struct StreamState {
  bool connected = false;  ///< opened by the server
  int64_t attempts = 0;  ///< streams begun, whatever became of them
  int64_t connections = 0;
  int64_t failures = 0;  ///< streams that ended or could not be made
};

/// Readings that a batch holds.
int64_t ReadingCount(const metering::v1::Batch& batch);

/// Sends a buffer's batches over `Metering.StreamReadings`, each at least once and in order, and
/// moves the buffer on by what the server answers. Only an answer moves it: the position that the
/// server names when a stream opens is its *highest* acknowledged batch, and one before it may have
/// been refused for the moment. A batch that was acknowledged unheard is sent again; the server
/// knows its readings already.
///
/// The client is driven: `Poll` connects, resends and gives up as time passes; all else happens in
/// gRPC's own threads. Lost connections and refusals that can pass are retried with a growing,
/// jittered pause; batches refused for good are put aside and the stream goes on.
class StreamClient {
 public:
  /// buffer and observer outlive the client.
  StreamClient(StreamOptions options, Buffer& buffer, DeliveryObserver& observer);
  /// Ends the stream and waits for gRPC to let go of it.
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  /// Uses this channel from now on; an open stream on another one is ended. signer: makes the
  /// signatures of batches that are to be signed, which are not sent without it.
  void Connect(std::shared_ptr<grpc::Channel> channel,
               std::shared_ptr<const crypto::Signer> signer = nullptr);
  /// Does what is due. now: real time, never going back.
  void Poll(absl::Time now);
  StreamState state() const;

 private:
  class Stream;
  friend class Stream;
  struct Sent {
    int64_t index = 0;
    metering::v1::Batch batch;
  };

  void OnRead(Stream& stream, bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritten(Stream& stream, bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void BeforeDone() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnDone(const absl::Status& status, absl::Duration asked) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status OnOpened(const metering::v1::StreamReadingsResponse::Opened& opened)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status OnAcknowledgement(
      const metering::v1::StreamReadingsResponse::Acknowledgement& acknowledgement)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Settle(const Sent& sent, const absl::Status& answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SendNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Abandon(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StreamOptions options_;
  Buffer& buffer_;
  DeliveryObserver& observer_;

  mutable absl::Mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const crypto::Signer> signer_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::Channel> stream_channel_ ABSL_GUARDED_BY(mutex_);  // outlives stream_
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;  // deletes itself in OnDone
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;       // stream_ takes itself apart
  StreamState state_ ABSL_GUARDED_BY(mutex_);
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time connect_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time answer_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // last sign of life
  Backoff backoff_ ABSL_GUARDED_BY(mutex_);
  bool spread_ ABSL_GUARDED_BY(mutex_) = false;  // the first connection has its moment

  // Of the present stream.
  size_t window_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sequence_offset_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_index_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t backlog_end_ ABSL_GUARDED_BY(mutex_) = 0;  // newest record when it opened
  RateLimit backlog_limit_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sent> in_flight_ ABSL_GUARDED_BY(mutex_);
  bool write_pending_ ABSL_GUARDED_BY(mutex_) = false;
  // Set after a refusal that can pass: batches from here on are sent again at `resend_at_`.
  std::optional<int64_t> resend_from_ ABSL_GUARDED_BY(mutex_);
  absl::Time resend_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace peerwatt::agent
