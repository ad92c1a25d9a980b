#pragma once

#include <mutex>
#include <set>

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/relay.grpc.pb.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

class RelayCall;

/// The calls of gateways that are open, so that they can be ended together.
class RelayCalls {
 public:
  void Add(RelayCall* call);
  void Remove(RelayCall* call);
  /// Lets every call answer what it has read and end; later ones end at once.
  void Drain();

 private:
  std::mutex mutex_;
  bool draining_ = false;
  std::set<RelayCall*> calls_;
};

/// Takes the streams of devices from gateways. Only they are answered.
class RelayService final : public v1::RelayInternal::CallbackService {
 public:
  /// queue and calls outlive the server.
  RelayService(IngestQueue& queue, RelayCalls& calls) : queue_(queue), calls_(calls) {}

  grpc::ServerBidiReactor<v1::RelayRequest, v1::RelayResponse>* Relay(
      grpc::CallbackServerContext* context) override;

 private:
  IngestQueue& queue_;
  RelayCalls& calls_;
};

}  // namespace peerwatt::metering
