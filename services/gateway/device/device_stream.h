#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/gateway/device/device_gate.h"
#include "services/gateway/device/message_scanner.h"
#include "services/gateway/device/relay.h"

namespace peerwatt::gateway {

class DeviceStreams;

/// What one device may have under way without an answer before its stream is no longer read. One
/// message more may be over the bound of bytes.
struct DeviceWindow {
  int32_t batches_max = 32;
  size_t bytes_max = 2 << 20;
};

/// What every device stream needs; all of it outlives them.
struct DeviceStreamParts {
  DeviceGate& gate;
  Relay& relay;
  DeviceStreams& streams;
  const MessageScanner& scanner;
  DeviceWindow window;
};

/// One `StreamReadings` of a device, relayed to metering by bytes.
///
/// It reads the next message while the window has room and the relay takes frames. A batch with a
/// foreign metering point, or that cannot be read, goes no further: its answer takes its turn.
class DeviceStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public RelayedStream,
                           public std::enable_shared_from_this<DeviceStream> {
 public:
  DeviceStream(grpc::CallbackServerContext& server, const DeviceStreamParts& parts)
      : server_(server), parts_(parts) {}
  /// Asks the registry, then reads. Call it once, on a shared object.
  void Start();
  const DeviceIdentity& identity() const { return identity_; }
  /// Takes a new answer of the registry: ends the stream when the device may no longer report. A
  /// registry that did not answer changes nothing.
  void Judged(absl::StatusOr<DevicePoints> points);
  /// Ends the stream with an error; nothing that waits is sent any more.
  void End(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void OnAnswer(std::string response, int32_t frame_count) override;
  void OnRelayEnd(const grpc::Status& status) override;
  void OnRoom() override;

 private:
  struct Answer {
    grpc::ByteBuffer bytes;
    int32_t frame_count = 0;
  };

  void Admitted(absl::StatusOr<DevicePoints> points);
  /// Hands on the message that was read, or parks it until the relay has room.
  void Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeMessage(absl::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeBatch(const DeviceMessage& message, bool readable)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Starts whatever can go on: a write, a read, the end.
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::CallbackServerContext& server_;
  const DeviceStreamParts& parts_;
  DeviceIdentity identity_;
  std::shared_ptr<DeviceStream> held_by_server_;  ///< until its last call
  grpc::ByteBuffer request_;

  absl::Mutex mutex_;
  DevicePoints points_ ABSL_GUARDED_BY(mutex_);
  RelayPlace place_ ABSL_GUARDED_BY(mutex_);  ///< no call before `open` and after the end
  std::deque<uint32_t> under_way_ ABSL_GUARDED_BY(mutex_);  ///< bytes of each frame not answered
  size_t under_way_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Answer> outbox_ ABSL_GUARDED_BY(mutex_);  ///< the front is being written
  bool admitting_ ABSL_GUARDED_BY(mutex_) = true;
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool parked_ ABSL_GUARDED_BY(mutex_) = false;  ///< a message waits for room in the relay
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> final_ ABSL_GUARDED_BY(mutex_);
  /// When End decided it; not set when one of the sides ended it.
  std::optional<absl::Time> ended_early_at_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace peerwatt::gateway
