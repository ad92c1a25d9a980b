#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/gateway/h2/call.h"
#include "services/gateway/h2/frame_memory.h"

namespace peerwatt::gateway {

class Http2Call;

/// What one client connection may do.
struct Http2Limits {
  size_t message_bytes_max = 1 << 20;
  size_t header_bytes_max = 16 << 10;
  uint32_t calls_max = 4;                   ///< at once
  uint32_t window_bytes = 128 << 10;        ///< of a call that is not read
  int calls_burst = 100;                    ///< calls begun at once, and then
  absl::Duration calls_pace = absl::Milliseconds(200);  ///< one in so much time
  int control_burst = 400;                  ///< frames that carry nothing, at once, and then
  absl::Duration control_pace = absl::Milliseconds(10);  ///< one in so much time
};

/// Lets `burst` things happen at once and then one per `pace`.
class Pace {
 public:
  /// Takes one. Returns whether it may happen.
  bool Take(absl::Time now, int burst, absl::Duration pace);

 private:
  absl::Time due_ = absl::InfinitePast();
};

/// Whose connection it is.
class Http2Host {
 public:
  virtual ~Http2Host() = default;
  /// There may be something to send. Must not call the session back.
  virtual void OnOutput() = 0;
  /// `CutOverdue` is to be called at this time.
  virtual void OnDeadline(absl::Time when) = 0;
};

/// What the sessions of one thread share; all of it outlives them.
struct Http2Setting {
  const Http2Limits& limits;
  CallRouter& router;
  std::shared_ptr<LoopQueue> queue;  ///< of the thread
  FrameMemory& memory;
};

/// The server's side of one HTTP/2 connection that carries gRPC calls: bytes in, bytes out. Belongs
/// to one thread.
///
/// What a call does not read stays in its window, and a window is opened again only when its call
/// asks for more: a slow handler holds up its client and nobody else. Answers are made when there
/// is room for them: a client that does not read costs no more than one message per call.
class Http2Session {
 public:
  /// setting, peer, host: outlive the session.
  Http2Session(const Http2Setting& setting, const PeerCertificate& peer, Http2Host& host);
  /// Ends the calls.
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  /// Takes bytes of the client. Returns whether the connection can go on.
  bool Receive(absl::string_view bytes);
  /// Appends what is to be sent until there is none or `out` has `enough` bytes. Returns whether
  /// the connection can go on.
  bool Send(std::string& out, size_t enough);
  /// Asks the client to go: no new calls, those that run may end.
  void GoAway();
  /// Whether all calls are over and nothing new may come.
  bool Finished() const;
  size_t call_count() const { return calls_.size(); }
  /// Gives back memory that only a session with something to send needs.
  void Rest();
  /// Cuts the calls whose deadline is over.
  void CutOverdue(absl::Time now);

 private:
  friend class Http2Call;
  struct Callbacks;

  Http2Call* Find(int32_t stream) const;
  void Begin(int32_t stream);
  void Remove(int32_t stream);
  /// Ends the connection: the client asks for more than anybody needs.
  void CalmDown();

  const Http2Setting& setting_;
  const PeerCertificate& peer_;
  Http2Host& host_;
  nghttp2_session* session_ = nullptr;
  void* frame_place_ = nullptr;  ///< where nghttp2 puts the frame that it sends
  std::vector<std::unique_ptr<Http2Call>> calls_;
  Pace calls_pace_;
  Pace control_pace_;
  bool going_ = false;
  bool calmed_ = false;
};

}  // namespace peerwatt::gateway
