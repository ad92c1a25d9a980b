#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "peerwatt/metering/v1/relay.pb.h"

namespace peerwatt::gateway {

/// A device's stream, as a relay call sees it. Calls come from gRPC's threads, one at a time for
/// answers and the end; the relay holds no lock meanwhile.
class RelayedStream {
 public:
  virtual ~RelayedStream() = default;
  /// response: bytes for the device, that answer so many frames.
  virtual void OnAnswer(std::string response, int32_t frame_count) = 0;
  /// Metering or the call has ended the stream; nothing more comes.
  virtual void OnRelayEnd(const grpc::Status& status) = 0;
  /// The call takes frames again after `HasRoom` said no.
  virtual void OnRoom() = 0;
};

/// One long-lived call to metering that carries the frames of many streams. What comes while a
/// message is being written goes out together in the next. Safe for many threads.
class RelayCall final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<RelayCall> {
 public:
  using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;

  /// Starts a call. on_done: told once, when gRPC has let go of it and of the channel.
  static std::shared_ptr<RelayCall> Start(Stub& stub, std::function<void()> on_done);

  /// Opens a stream of `device`; nothing when the call is over. batches_in_flight_max: told to
  /// the device.
  std::optional<int64_t> Open(std::weak_ptr<RelayedStream> stream, const std::string& device,
                              int32_t batches_in_flight_max);
  /// Whether another frame may be sent now; if not, `stream` is told once when it may.
  bool HasRoom(const std::weak_ptr<RelayedStream>& stream);
  /// Hands on the bytes of a batch.
  void SendBatch(int64_t stream, absl::string_view batch);
  /// Hands on an answer of our own, that comes back in its turn.
  void SendAnswer(int64_t stream, absl::string_view answer);
  /// Ends a stream: it hears no more.
  void Close(int64_t stream);
  /// Ends the call and so all its streams.
  void Cancel();
  bool ended() const;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  explicit RelayCall(std::function<void()> on_done) : on_done_(std::move(on_done)) {
    context_.emplace();
  }
  /// Adds a frame: the member `kind` of the oneof, as bytes.
  void Append(int64_t stream, uint32_t kind, absl::string_view bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(peerwatt::metering::v1::RelayResponse::Frame& frame) ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<RelayedStream> Find(int64_t stream) ABSL_LOCKS_EXCLUDED(mutex_);
  void TellWaiters() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<void()> on_done_;
  std::shared_ptr<RelayCall> self_;  ///< until gRPC has made its last call
  grpc::ByteBuffer incoming_;
  peerwatt::metering::v1::RelayResponse response_;
  grpc::ByteBuffer outgoing_;

  mutable absl::Mutex mutex_;
  std::optional<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<int64_t, std::weak_ptr<RelayedStream>> streams_ ABSL_GUARDED_BY(mutex_);
  int64_t last_stream_ ABSL_GUARDED_BY(mutex_) = 0;
  /// Encoded frames by message; each is full before the next begins.
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::weak_ptr<RelayedStream>> waiters_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  ///< nothing may be started on it any more
};

}  // namespace peerwatt::gateway
