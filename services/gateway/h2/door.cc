#include "services/gateway/h2/door.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/gateway/h2/listener.h"

namespace peerwatt::gateway {

struct GrpcDoor::Impl {
  Impl(const DoorSettings& settings, std::unique_ptr<TlsServer> tls_server,
       std::unique_ptr<Listener> bound, CallRouter& router, telemetry::Gauge& connections,
       telemetry::Counter& handshake_failures)
      : limits(settings.limits), tls(std::move(tls_server)), listener(std::move(bound)),
        parts{*tls, limits, router, connections, handshake_failures, settings.times,
              std::max(1, settings.handshakes_max / std::max(1, settings.threads))} {
    for (int i = 0; i < std::max(1, settings.threads); ++i) {
      workers.push_back(std::make_unique<DoorWorker>(parts, count));
    }
    // Each gets the next connection.
    listener->Start(
        workers.front()->loop(),
        [this](int fd) { workers[next++ % workers.size()]->Adopt(fd); },
        [this] {
          for (const auto& worker : workers) worker->DropUnproven();
        });
    for (const auto& worker : workers) worker->Start();
  }

  const Http2Limits limits;
  const std::unique_ptr<TlsServer> tls;
  const std::unique_ptr<Listener> listener;
  const DoorParts parts;
  std::atomic<int> count{0};
  size_t next = 0;
  std::vector<std::unique_ptr<DoorWorker>> workers;
  bool accepting = true;
  bool stopped = false;
};

GrpcDoor::GrpcDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GrpcDoor::~GrpcDoor() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<GrpcDoor>> GrpcDoor::Open(const DoorSettings& settings,
                                                         CallRouter& router,
                                                         telemetry::Gauge& connections,
                                                         telemetry::Counter& handshake_failures) {
  PW_ASSIGN_OR_RETURN(std::unique_ptr<TlsServer> tls, TlsServer::Make(settings.tls));
  PW_ASSIGN_OR_RETURN(std::unique_ptr<Listener> listener, Listener::Listen(settings.address));
  Log(Severity::kInfo, "listening for devices",
      {{"address", settings.address}, {"port", listener->port()}});
  return std::unique_ptr<GrpcDoor>(
      new GrpcDoor(std::make_unique<Impl>(settings, std::move(tls), std::move(listener), router,
                                          connections, handshake_failures)));
}

int GrpcDoor::port() const { return impl_->listener->port(); }

void GrpcDoor::StopAccepting() {
  if (!std::exchange(impl_->accepting, false)) return;
  std::promise<void> stopped;
  impl_->workers.front()->queue()->Post([this, &stopped] {
    impl_->listener->Stop();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

void GrpcDoor::Drain(absl::Duration grace) {
  if (std::exchange(impl_->stopped, true)) return;
  StopAccepting();
  for (const auto& worker : impl_->workers) worker->GoAway();
  const absl::Time deadline = absl::Now() + grace;
  while (impl_->count.load() > 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  for (const auto& worker : impl_->workers) worker->Stop();
}

}  // namespace peerwatt::gateway
