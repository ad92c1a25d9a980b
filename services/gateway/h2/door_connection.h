#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/gateway/h2/call.h"
#include "services/gateway/h2/door_worker.h"
#include "services/gateway/h2/event_loop.h"
#include "services/gateway/h2/http2_session.h"
#include "services/gateway/h2/tls.h"

namespace peerwatt::gateway {

/// One client connection of a door, from accepted to closed. Belongs to its worker's thread.
///
/// It has no TLS before the client has said something, and is not read while something waits to be
/// written: a client that does not take its answers stops itself.
class DoorConnection final : public EventLoop::Watcher, public Http2Host {
 public:
  /// fd: connected and not blocking; closed by this. worker: outlives this.
  DoorConnection(DoorWorker& worker, uint64_t id, int fd);
  ~DoorConnection() override;
  DoorConnection(const DoorConnection&) = delete;
  DoorConnection& operator=(const DoorConnection&) = delete;

  uint64_t id() const { return id_; }
  void Start();
  /// Its turn to shake hands has come.
  void BeginHandshake();
  /// Writes what there is to write.
  void Flush();
  void ReadMore();
  void CheckTimes();
  void CutOverdue();
  /// Gives back memory that an idle connection does not need.
  void Rest();
  /// Asks the client to go; cuts one that has not even shown its certificate.
  void GoAway();
  void Close();
  /// Whether it has yet to show its certificate.
  bool unproven() const { return state_ < State::kOpen; }

  void OnEvents(uint32_t events) override;
  void OnOutput() override;
  void OnDeadline(absl::Time when) override;

 private:
  enum class State : uint8_t { kSilent, kWaiting, kHandshake, kOpen, kLeaving, kClosed };

  void Shake();
  void Open();
  /// Says goodbye and waits for the client to hear it.
  void Leave();
  void Discard();
  void Interest(uint32_t events);
  void CheckAt(EventLoop::Time when);
  void CheckOpen(EventLoop::Time now);
  bool Since(EventLoop::Time since, std::chrono::milliseconds length, EventLoop::Time now) const {
    return now - since >= length;
  }

  DoorWorker& worker_;
  const uint64_t id_;
  const int fd_;
  State state_ = State::kSilent;
  bool dirty_ = false;
  bool quiet_ = false;  ///< had no call when last looked at
  bool retired_ = false;
  uint32_t interest_ = 0;
  EventLoop::Time since_;  ///< when the state began
  EventLoop::Time retire_at_;
  EventLoop::Time check_at_;
  std::unique_ptr<TlsSocket> tls_;
  PeerCertificate peer_;
  std::unique_ptr<Http2Session> session_;
  std::string pending_;  ///< what the socket did not take
};

}  // namespace peerwatt::gateway
