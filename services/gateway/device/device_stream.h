#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/gateway/core/ack_order.h"
#include "services/gateway/device/device_gate.h"

namespace peerwatt::gateway {

class DeviceStreams;

/// One `StreamReadings` of a device, joined to one of metering.
///
/// It reads the next message of the device when metering has accepted the last, and the next of
/// metering when the device keeps up. A batch with a foreign metering point is answered here, in
/// its turn among metering's answers, and goes no further.
class DeviceStream final
    : public grpc::ServerBidiReactor<peerwatt::metering::v1::StreamReadingsRequest,
                                     peerwatt::metering::v1::StreamReadingsResponse>,
      public std::enable_shared_from_this<DeviceStream> {
 public:
  using Request = peerwatt::metering::v1::StreamReadingsRequest;
  using Response = peerwatt::metering::v1::StreamReadingsResponse;

  DeviceStream(grpc::CallbackServerContext& server, DeviceGate& gate,
               peerwatt::metering::v1::Metering::Stub& metering, DeviceStreams& streams);
  /// Asks the registry, then joins the two sides. Call it once, on a shared object.
  void Start();
  /// Asks the registry again and ends the stream when the device may no longer report. A registry
  /// that does not answer changes nothing.
  void Recheck();
  /// Ends the stream with an error.
  void End(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  /// Metering's side.
  class Peer final : public grpc::ClientBidiReactor<Request, Response> {
   public:
    explicit Peer(DeviceStream& stream) : stream_(stream) {}
    void OnReadDone(bool ok) override { stream_.PeerRead(ok); }
    void OnWriteDone(bool ok) override { stream_.PeerWrote(ok); }
    void OnDone(const grpc::Status& status) override { stream_.PeerEnded(status); }

   private:
    DeviceStream& stream_;
  };

  void Admitted(absl::StatusOr<DevicePoints> points);
  void PeerRead(bool ok);
  void PeerWrote(bool ok);
  void PeerEnded(const grpc::Status& status);
  void Join() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// The first foreign metering point of the message, or empty.
  std::string ForeignPoint() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(std::vector<Response> answers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Starts whatever can go on: a write to the device, a read from either side, the end.
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::CallbackServerContext& server_;
  DeviceGate& gate_;
  peerwatt::metering::v1::Metering::Stub& metering_;
  DeviceStreams& streams_;
  DeviceIdentity identity_;
  grpc::ClientContext client_;
  Peer peer_;

  // Each side of gRPC holds the object until its own last call.
  std::shared_ptr<DeviceStream> held_by_server_;
  std::shared_ptr<DeviceStream> held_by_peer_;

  absl::Mutex mutex_;
  DevicePoints points_ ABSL_GUARDED_BY(mutex_);
  Request from_device_;
  Response from_peer_;
  AckOrder<Response> order_ ABSL_GUARDED_BY(mutex_);
  std::deque<Response> outbox_ ABSL_GUARDED_BY(mutex_);  ///< the front is being written
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool want_device_read_ ABSL_GUARDED_BY(mutex_) = false;
  bool want_peer_read_ ABSL_GUARDED_BY(mutex_) = false;
  bool joined_ ABSL_GUARDED_BY(mutex_) = false;      ///< the peer's call was started
  bool peer_closed_ ABSL_GUARDED_BY(mutex_) = false;  ///< nothing may be started on it any more
  bool peer_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool admitting_ ABSL_GUARDED_BY(mutex_) = true;
  std::optional<grpc::Status> final_ ABSL_GUARDED_BY(mutex_);
  /// When End decided it; not set when one of the sides ended it.
  std::optional<absl::Time> ended_early_at_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace peerwatt::gateway
