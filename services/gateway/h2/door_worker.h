#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/h2/call.h"
#include "services/gateway/h2/event_loop.h"
#include "services/gateway/h2/frame_memory.h"
#include "services/gateway/h2/http2_session.h"
#include "services/gateway/h2/tls.h"

namespace peerwatt::gateway {

class DoorConnection;

/// How long a connection may take for what.
struct DoorTimes {
  std::chrono::milliseconds silence{10'000};   ///< to say the first word
  std::chrono::milliseconds queue{20'000};     ///< for its turn to shake hands
  std::chrono::milliseconds handshake{10'000};  ///< once it has begun
  /// A handshake that takes longer is cut when others wait for their turn.
  std::chrono::milliseconds handshake_when_crowded{5'000};
  std::chrono::milliseconds idle{600'000};  ///< without a call
  std::chrono::milliseconds age{3'600'000};
  std::chrono::milliseconds age_grace{60'000};  ///< for calls to end after that
  std::chrono::milliseconds leave{2'000};       ///< to hear that we are leaving
};

/// What the connections of a door share; all of it outlives them.
struct DoorParts {
  const TlsServer& tls;
  const Http2Limits& limits;
  CallRouter& router;
  telemetry::Gauge& connections;
  telemetry::Counter& handshake_failures;
  DoorTimes times;
  int handshakes_max = 1;  ///< under way at once in one worker
};

/// One thread of a door with the connections that belong to it.
class DoorWorker {
 public:
  /// parts, count: outlive the worker. count: of the connections of all workers.
  DoorWorker(const DoorParts& parts, std::atomic<int>& count);
  ~DoorWorker();
  DoorWorker(const DoorWorker&) = delete;
  DoorWorker& operator=(const DoorWorker&) = delete;

  void Start();
  /// Ends the thread, then the connections with their calls.
  void Stop();
  // From any thread.
  const std::shared_ptr<LoopQueue>& queue() const { return loop_.queue(); }
  /// Takes over a connected socket.
  void Adopt(int fd);
  /// Asks all clients to go.
  void GoAway();
  /// Drops the connection that has waited longest without having shown its certificate: there is
  /// no file descriptor for anybody else.
  void DropUnproven();

  // For connections and whatever else runs on the thread.
  EventLoop& loop() { return loop_; }
  const DoorParts& parts() const { return parts_; }
  const Http2Setting& setting() const { return setting_; }
  /// Memory for what is read or written at the moment.
  std::string& scratch() { return scratch_; }
  /// Flushes the connection at the end of the round.
  void MarkDirty(DoorConnection& connection) { dirty_.push_back(&connection); }
  /// Calls `CheckTimes` of the connection then, if it still is.
  void CheckAt(uint64_t id, EventLoop::Time when);
  /// Calls `CutOverdue` of the connection then, if it still is.
  void CutAt(uint64_t id, EventLoop::Time when);
  /// Calls `Rest` of the connection then, if it still is.
  void RestAt(uint64_t id, EventLoop::Time when);
  /// Calls `ReadMore` of the connection in the next round.
  void ReadLater(uint64_t id);
  /// Whether a handshake may begin now; if not, the connection is told when it may.
  bool TakeHandshake(uint64_t id);
  /// Gives back what `TakeHandshake` gave.
  void GiveHandshakeBack();
  bool crowded() const { return !waiting_.empty(); }
  /// Lets go of a closed connection at the end of the round.
  void Bury(uint64_t id);

 private:
  DoorConnection* Find(uint64_t id) const;
  void EndRound();

  const DoorParts& parts_;
  std::atomic<int>& count_;
  FrameMemory memory_;
  EventLoop loop_;
  const Http2Setting setting_;
  std::string scratch_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<DoorConnection>> connections_;
  uint64_t last_id_ = 0;
  std::vector<DoorConnection*> dirty_;
  std::vector<std::unique_ptr<DoorConnection>> buried_;
  std::deque<uint64_t> unproven_;  ///< in the order of arrival; some may be proven or gone
  std::deque<uint64_t> waiting_;   ///< for a handshake; some may be gone
  int handshakes_ = 0;
  bool going_ = false;
  std::thread thread_;
};

}  // namespace peerwatt::gateway
