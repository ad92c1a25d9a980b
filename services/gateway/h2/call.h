#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/gateway/h2/event_loop.h"

namespace peerwatt::gateway {

/// A verified client certificate, as far as a door must know it.
struct PeerCertificate {
  std::string uri;     ///< the URI among its names; empty when there is none or more than one
  std::string serial;  ///< lower-case hexadecimal without leading zeros
  absl::Time not_after = absl::InfiniteFuture();
};

/// What a client says when it begins a call.
struct CallHead {
  std::string path;  ///< `/package.Service/Method`
  absl::Time deadline = absl::InfiniteFuture();
  std::string request_id;    ///< `x-request-id` as it came, or empty
  std::string trace_parent;  ///< `traceparent` as it came, or empty
};

/// How a call ends: the code of gRPC, a text, and a serialised `google.rpc.Status` or nothing.
struct CallEnd {
  int code = 0;
  std::string message;
  std::string details;
};

/// A call of a client, as its handler uses it: on the thread of the call's loop only, from
/// `OnStart` to `OnDone`.
class ServerCall {
 public:
  virtual ~ServerCall() = default;
  virtual const PeerCertificate& peer() const = 0;
  virtual const CallHead& head() const = 0;
  /// Work for the call's thread: how others reach the handler.
  virtual const std::shared_ptr<LoopQueue>& queue() const = 0;
  /// Asks for the next message. Not again before it came.
  virtual void Read() = 0;
  /// Sends a message. Not again before `OnWritten`.
  virtual void Write(absl::string_view message) = 0;
  /// Adds a header that goes with the end.
  virtual void AddTrailer(absl::string_view name, absl::string_view value) = 0;
  /// Ends the call after what is being written. Nothing more is read.
  virtual void Finish(CallEnd end) = 0;
  /// Cuts the call; `OnDone` is called before this returns.
  virtual void Cancel() = 0;
};

/// What serves one call. Calls come on the thread of the call's loop, never one in another except
/// where stated.
class CallHandler {
 public:
  virtual ~CallHandler() = default;
  /// The call has begun. call: until `OnDone` returns.
  virtual void OnStart(ServerCall& call) = 0;
  /// The message that `Read` asked for, perhaps while `Read` runs. bytes: for as long as this runs.
  virtual void OnMessage(absl::string_view bytes) = 0;
  /// Instead of a message: the client sends no more.
  virtual void OnHalfClose() = 0;
  /// What was written has left for the client's side; it had room.
  virtual void OnWritten() = 0;
  /// The call is over: it was finished, or client or connection are gone. Called once, last.
  virtual void OnDone() = 0;
};

/// Finds who serves a call, and hears of all calls. Called from the threads of all loops.
class CallRouter {
 public:
  virtual ~CallRouter() = default;
  /// The handler of a call, or why there is none.
  virtual absl::Status Route(const CallHead& head, std::shared_ptr<CallHandler>& handler) = 0;
  /// How a call ends with this error.
  virtual CallEnd EndOf(const absl::Status& error) = 0;
  virtual void Started(const std::string& path) = 0;
  virtual void Ended(const std::string& path, int code, absl::Duration took) = 0;
};

}  // namespace peerwatt::gateway
