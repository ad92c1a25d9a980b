#include "services/gateway/device/device_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"

namespace peerwatt::gateway {
namespace {

// How long to wait when there is no file descriptor or no memory for one more.
constexpr int kShortagePauseMs = 100;
constexpr int kBacklogMin = 128;
constexpr int kBacklogSeconds = 2;

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

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceListener>> DeviceListener::Listen(const std::string& address,
                                                                       int connections_per_second) {
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
  const int backlog = std::max(kBacklogMin, kBacklogSeconds * connections_per_second);
  if (fd < 0 || listen(fd, backlog) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", why));
  }
  return std::unique_ptr<DeviceListener>(new DeviceListener(
      fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), PortOf(fd), connections_per_second));
}

DeviceListener::~DeviceListener() {
  Stop();
  close(stop_);
}

void DeviceListener::Start(
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor) {
  acceptor_ = std::move(acceptor);
  thread_ = std::thread([this] { Run(); });
}

void DeviceListener::Stop() {
  eventfd_write(stop_, 1);
  if (thread_.joinable()) thread_.join();
  if (socket_ >= 0) close(std::exchange(socket_, -1));
}

bool DeviceListener::Wait(bool for_connection, int timeout_ms) const {
  pollfd polled[2] = {{stop_, POLLIN, 0}, {for_connection ? socket_ : -1, POLLIN, 0}};
  poll(polled, 2, timeout_ms);
  return polled[0].revents == 0;
}

void DeviceListener::Run() {
  // A connection may come so much before its time: a tenth of a second's worth at once.
  const absl::Duration step = absl::Seconds(1) / connections_per_second_;
  const absl::Duration ahead = absl::Milliseconds(100);
  absl::Time next = absl::Now();
  bool short_of_files = false;
  while (Wait(true, -1)) {
    const int fd = accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      const bool shortage =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (shortage && !std::exchange(short_of_files, true)) {
        Log(Severity::kError, "no device can connect until others leave",
            {{"cause", std::strerror(errno)}});
      }
      if (shortage && !Wait(false, kShortagePauseMs)) return;
      continue;
    }
    short_of_files = false;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = socket_;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
    const absl::Time now = absl::Now();
    next = std::max(next + step, now - ahead);
    const auto wait_ms = absl::ToInt64Milliseconds(next - now);
    if (wait_ms > 0 && !Wait(false, static_cast<int>(wait_ms))) return;
  }
}

}  // namespace peerwatt::gateway
