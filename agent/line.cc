#include "agent/line.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"

namespace peerwatt::agent {
namespace {

absl::Status Failed(absl::string_view what, int error) {
  return Error(kLineFailed, absl::StrCat(what, ": ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<LineOptions> ParseLineAddress(absl::string_view address) {
  LineOptions options;
  if (absl::StartsWith(address, "serial:/")) {
    options.device = std::string(address.substr(7));
    return options;
  }
  const size_t colon = address.rfind(':');
  if (absl::StartsWith(address, "tcp:") && colon > 4 && colon + 1 < address.size()) {
    options.host = std::string(address.substr(4, colon - 4));
    options.port = std::string(address.substr(colon + 1));
    // An IPv6 address stands in brackets.
    if (options.host.size() > 2 && options.host.front() == '[' && options.host.back() == ']') {
      options.host = options.host.substr(1, options.host.size() - 2);
    }
    return options;
  }
  return Error(kSettingsInvalid,
               absl::StrCat(address, " is neither tcp:HOST:PORT nor serial:/dev/NAME"));
}

Line::Line(Line&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Line& Line::operator=(Line&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Line::~Line() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Line> Line::Open(const LineOptions& options, absl::Duration timeout,
                                const StopSignal& stop) {
  return options.device.empty() ? OpenTcp(options, timeout, stop) : OpenSerial(options);
}

absl::StatusOr<Line> Line::OpenTcp(const LineOptions& options, absl::Duration timeout,
                                   const StopSignal& stop) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(options.host.c_str(), options.port.c_str(), &hints, &found);
  if (code != 0) {
    return Error(kLineFailed, absl::StrCat("cannot find ", options.host, ": ", gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Line line(socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (line.fd_ < 0) {
      error = errno;
      continue;
    }
    error = connect(line.fd_, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      error = ETIMEDOUT;
      socklen_t size = sizeof error;
      if (stop.WaitFor(line.fd_, POLLOUT, timeout)) {
        getsockopt(line.fd_, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0) return line;
  }
  return Failed(absl::StrCat("cannot connect to ", options.host, ":", options.port), error);
}

absl::StatusOr<Line> Line::OpenSerial(const LineOptions& options) {
  Line line(open(options.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (line.fd_ < 0) return Failed(absl::StrCat("cannot open ", options.device), errno);
  termios settings{};
  if (tcgetattr(line.fd_, &settings) != 0) {
    return Failed(absl::StrCat(options.device, " is no serial line"), errno);
  }
  cfmakeraw(&settings);
  const speed_t speed = options.baud == 9600 ? B9600 : B115200;
  cfsetispeed(&settings, speed);
  cfsetospeed(&settings, speed);
  settings.c_cflag |= static_cast<tcflag_t>(CLOCAL | CREAD);
  if (options.seven_even) {
    settings.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARODD);
    settings.c_cflag |= static_cast<tcflag_t>(CS7 | PARENB);
    settings.c_iflag |= static_cast<tcflag_t>(INPCK | ISTRIP);
  }
  if (tcsetattr(line.fd_, TCSANOW, &settings) != 0) {
    return Failed(absl::StrCat("cannot set up ", options.device), errno);
  }
  // What came before is half a telegram at best.
  tcflush(line.fd_, TCIFLUSH);
  return line;
}

absl::StatusOr<std::string> Line::Read(absl::Duration timeout, const StopSignal& stop) const {
  if (!stop.WaitFor(fd_, POLLIN, timeout)) {
    return Error(kLineFailed, stop.stopped() ? "stopped" : "the line is silent");
  }
  std::string bytes(4096, '\0');
  const ssize_t count = read(fd_, bytes.data(), bytes.size());
  if (count < 0) return Failed("cannot read", errno);
  if (count == 0) return Error(kLineFailed, "the line has ended");
  bytes.resize(static_cast<size_t>(count));
  return bytes;
}

}  // namespace peerwatt::agent
