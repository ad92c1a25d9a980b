#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/h2/event_loop.h"

namespace peerwatt::gateway {

/// Accepts connections on the thread of a loop, also again after the process has run out of file
/// descriptors.
class Listener final : public EventLoop::Watcher {
 public:
  /// Listens on `host:port`; port 0 is any. Errors: kUnavailable when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }
  /// Begins to accept; on the loop's thread, or before it runs. loop: outlives this. on_connection:
  /// owns the socket that it is given. on_shortage: there is no file descriptor for one more.
  void Start(EventLoop& loop, std::function<void(int fd)> on_connection,
             std::function<void()> on_shortage);
  /// Accepts no more: new connections are refused. On the loop's thread, or after it has run.
  void Stop();

  void OnEvents(uint32_t events) override;

 private:
  Listener(int fd, int port) : fd_(fd), port_(port) {}
  void OnShortage(int error);

  int fd_;
  const int port_;
  EventLoop* loop_ = nullptr;
  std::function<void(int fd)> on_connection_;
  std::function<void()> on_shortage_;
  bool short_of_files_ = false;
};

}  // namespace peerwatt::gateway
