#include "services/gateway/h2/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/log.h"

namespace peerwatt::gateway {
namespace {

// How long to wait when there is no file descriptor or no memory for one more.
constexpr std::chrono::milliseconds kShortagePause{100};
// The system takes less where its bound is lower.
constexpr int kBacklog = 16'384;
constexpr int kAcceptsPerRound = 64;
// Whoever does not answer the system's own questions is gone.
constexpr int kKeepIdleSeconds = 60;
constexpr int kKeepIntervalSeconds = 15;
constexpr int kKeepCount = 4;
constexpr int kUnacknowledgedMs = 60'000;

// A bound socket, or -1 with errno.
int Bind(const addrinfo& at) {
  const int fd = socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int off = 0;
  if (at.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, at.ai_addr, at.ai_addrlen) == 0) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

int PortOf(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return 0;
  // The port is at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&own)->sin_port);
}

// The system finds out which clients are gone; a ping of ours would cost both sides a wake-up.
void SetUp(int fd) {
  const auto set = [fd](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalSeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepCount);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Listen(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    return absl::UnavailableError(absl::StrCat("'", address, "' is no host:port"));
  }
  const std::string host(
      absl::StripSuffix(absl::StripPrefix(address.substr(0, colon), "["), "]"));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                 absl::StrCat(port).c_str(), &hints, &found);
  if (failed != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot find ", address, ": ", gai_strerror(failed)));
  }
  int fd = -1;
  for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next) fd = Bind(*at);
  freeaddrinfo(found);
  if (fd < 0 || listen(fd, kBacklog) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", why));
  }
  return std::unique_ptr<Listener>(new Listener(fd, PortOf(fd)));
}

Listener::~Listener() { Stop(); }

void Listener::Start(EventLoop& loop, std::function<void(int fd)> on_connection,
                     std::function<void()> on_shortage) {
  loop_ = &loop;
  on_connection_ = std::move(on_connection);
  on_shortage_ = std::move(on_shortage);
  loop.Watch(fd_, *this, EPOLLIN);
}

void Listener::Stop() {
  if (fd_ < 0) return;
  if (loop_ != nullptr) loop_->Forget(fd_);
  close(std::exchange(fd_, -1));
}

void Listener::OnEvents(uint32_t) {
  for (int i = 0; i < kAcceptsPerRound && fd_ >= 0; ++i) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      OnShortage(errno);
      return;
    }
    short_of_files_ = false;
    SetUp(fd);
    on_connection_(fd);
  }
}

void Listener::OnShortage(int error) {
  if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return;
  if (!std::exchange(short_of_files_, true)) {
    Log(Severity::kError, "nobody can connect until others leave",
        {{"cause", std::strerror(error)}});
  }
  on_shortage_();
  loop_->Change(fd_, *this, 0);
  loop_->At(std::chrono::steady_clock::now() + kShortagePause, [this] {
    if (fd_ >= 0) loop_->Change(fd_, *this, EPOLLIN);
  });
}

}  // namespace peerwatt::gateway
