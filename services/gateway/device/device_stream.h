#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/time/time.h"
#include "services/gateway/device/device_gate.h"
#include "services/gateway/device/message_scanner.h"
#include "services/gateway/device/relay.h"
#include "services/gateway/h2/call.h"

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
/// Everything happens on the thread of its call; gate and relay speak to it through that one's
/// queue.
class DeviceStream final : public CallHandler,
                           public RelayedStream,
                           public std::enable_shared_from_this<DeviceStream> {
 public:
  explicit DeviceStream(const DeviceStreamParts& parts) : parts_(parts) {}
  const DeviceIdentity& identity() const { return identity_; }
  // From any thread.
  /// Takes a new answer of the registry: ends the stream when the device may no longer report. A
  /// registry that did not answer changes nothing.
  void Judged(absl::StatusOr<DevicePoints> points);
  /// Ends the stream with an error; nothing that waits is sent any more.
  void End(const absl::Status& status);
  void OnAnswer(std::string response, int32_t frame_count) override;
  void OnRelayEnd(const grpc::Status& status) override;
  void OnRoom() override;

  void OnStart(ServerCall& call) override;
  void OnMessage(absl::string_view bytes) override;
  void OnHalfClose() override;
  void OnWritten() override;
  void OnDone() override;

 private:
  struct Answer {
    std::string bytes;
    int32_t frame_count = 0;
  };

  void Admitted(absl::StatusOr<DevicePoints> points);
  void EndNow(const absl::Status& status);
  void TakeMessage(absl::string_view bytes);
  void TakeBatch(const DeviceMessage& message, bool readable);
  void EndWith(CallEnd end);
  void Leave();
  /// Starts whatever can go on: a write, a read, the end.
  void Pump();

  const DeviceStreamParts& parts_;
  ServerCall* call_ = nullptr;  ///< null after the end
  std::shared_ptr<LoopQueue> queue_;
  DeviceIdentity identity_;
  DevicePoints points_;
  RelayPlace place_;  ///< no call before `open` and after the end
  std::vector<uint32_t> under_way_;  ///< bytes of each frame not answered
  size_t under_way_bytes_ = 0;
  std::vector<Answer> outbox_;  ///< the front is being written
  std::optional<std::string> parked_;  ///< a message that waits for room in the relay
  bool admitting_ = true;
  bool opened_ = false;
  bool reading_ = false;
  bool reads_done_ = false;
  bool writing_ = false;
  std::optional<CallEnd> final_;
  /// When End decided it; not set when one of the sides ended it.
  std::optional<absl::Time> ended_early_at_;
};

}  // namespace peerwatt::gateway
