#include "services/gateway/h2/door_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/time/clock.h"

namespace peerwatt::gateway {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kWriteBytes = 16 << 10;
// Reads in one round; then it is somebody else's turn.
constexpr int kReadsPerRound = 16;
// Looks at a connection without a call so often while it may be idle.
constexpr int kChecksPerIdle = 2;
constexpr std::chrono::milliseconds kCrowdedCheck{1000};
// A device that has just come has been answered by then.
constexpr std::chrono::milliseconds kRestAfter{5000};

// Connections that came together do not all end together: up to a tenth sooner.
std::chrono::milliseconds Spread(std::chrono::milliseconds length, uint64_t id) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
  return length - length / 10 * static_cast<int>((id * kGolden) >> 56) / 256;
}

std::chrono::nanoseconds FromNow(absl::Time when) {
  // Far enough for everything here, and no overflow.
  return absl::ToChronoNanoseconds(std::min(when - absl::Now(), absl::Hours(24 * 365)));
}

}  // namespace

DoorConnection::DoorConnection(DoorWorker& worker, uint64_t id, int fd)
    : worker_(worker), id_(id), fd_(fd), since_(SteadyClock::now()) {}

DoorConnection::~DoorConnection() { Close(); }

void DoorConnection::Start() {
  interest_ = EPOLLIN;
  if (!worker_.loop().Watch(fd_, *this, interest_)) {
    Close();
    return;
  }
  CheckAt(since_ + worker_.parts().times.silence);
}

void DoorConnection::Interest(uint32_t events) {
  if (std::exchange(interest_, events) != events) worker_.loop().Change(fd_, *this, events);
}

void DoorConnection::OnEvents(uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  switch (state_) {
    case State::kSilent:
      if (worker_.TakeHandshake(id_)) {
        BeginHandshake();
      } else {
        state_ = State::kWaiting;
        Interest(0);
      }
      return;
    case State::kWaiting:
      if (broken) Close();
      return;
    case State::kHandshake:
      Shake();
      return;
    case State::kOpen:
      if (!pending_.empty()) {
        broken ? Close() : Flush();
      } else {
        ReadMore();
      }
      return;
    case State::kLeaving:
      Discard();
      return;
    case State::kClosed:
      return;
  }
}

void DoorConnection::BeginHandshake() {
  state_ = State::kHandshake;
  since_ = SteadyClock::now();
  CheckAt(since_ + worker_.parts().times.handshake_when_crowded);
  tls_ = std::make_unique<TlsSocket>(worker_.parts().tls, fd_);
  Shake();
}

void DoorConnection::Shake() {
  switch (tls_->Handshake()) {
    case TlsResult::kWantRead:
      Interest(EPOLLIN);
      return;
    case TlsResult::kWantWrite:
      Interest(EPOLLOUT);
      return;
    case TlsResult::kEnded:
      worker_.parts().handshake_failures.Increment();
      Close();
      return;
    case TlsResult::kDone:
      Open();
      return;
  }
}

void DoorConnection::Open() {
  peer_ = tls_->peer();
  const absl::Time now = absl::Now();
  if (!tls_->SpeaksHttp2() || peer_.not_after <= now) {
    worker_.parts().handshake_failures.Increment();
    Close();
    return;
  }
  state_ = State::kOpen;
  worker_.GiveHandshakeBack();
  since_ = SteadyClock::now();
  // A connection lives no longer than the certificate that opened it.
  retire_at_ = since_ + std::min<std::chrono::nanoseconds>(Spread(worker_.parts().times.age, id_),
                                                           FromNow(peer_.not_after));
  session_ = std::make_unique<Http2Session>(worker_.setting(), peer_, *this);
  CheckAt(std::min(retire_at_, since_ + worker_.parts().times.idle / kChecksPerIdle));
  worker_.RestAt(id_, since_ + kRestAfter);
  Interest(EPOLLIN);
  OnOutput();
  // What came with the end of the handshake is no news to the socket.
  ReadMore();
}

void DoorConnection::ReadMore() {
  if (state_ != State::kOpen || !pending_.empty()) return;
  std::string& buffer = worker_.scratch();
  for (int i = 0; i < kReadsPerRound; ++i) {
    buffer.resize(kReadBytes);
    size_t size = 0;
    const TlsResult result = tls_->Read(buffer.data(), buffer.size(), size);
    if (result == TlsResult::kWantRead || result == TlsResult::kWantWrite) return;
    if (result == TlsResult::kEnded || !session_->Receive({buffer.data(), size})) {
      Close();
      return;
    }
    if (!tls_->HasMore()) return;
  }
  worker_.ReadLater(id_);
}

void DoorConnection::OnOutput() {
  if (!std::exchange(dirty_, true)) worker_.MarkDirty(*this);
}

void DoorConnection::Flush() {
  dirty_ = false;
  if (state_ != State::kOpen) return;
  const bool was_full = !pending_.empty();
  while (true) {
    absl::string_view bytes = pending_;
    if (pending_.empty()) {
      worker_.scratch().clear();
      if (!session_->Send(worker_.scratch(), kWriteBytes)) {
        Close();
        return;
      }
      if (worker_.scratch().empty()) break;
      bytes = worker_.scratch();
    }
    const TlsResult result = tls_->Write(bytes);
    if (result == TlsResult::kEnded) {
      Close();
      return;
    }
    std::string rest(bytes);
    pending_.swap(rest);
    if (result != TlsResult::kDone) {
      Interest(result == TlsResult::kWantRead ? EPOLLIN : EPOLLOUT);
      return;
    }
  }
  Interest(EPOLLIN);
  if (session_->Finished()) {
    Leave();
  } else if (was_full && tls_->HasMore()) {
    worker_.ReadLater(id_);
  }
}

void DoorConnection::OnDeadline(absl::Time when) {
  worker_.CutAt(id_, SteadyClock::now() + std::chrono::ceil<std::chrono::milliseconds>(
                                              FromNow(when)));
}

void DoorConnection::CutOverdue() {
  if (state_ == State::kOpen) session_->CutOverdue(absl::Now());
}

void DoorConnection::CheckAt(EventLoop::Time when) {
  check_at_ = when;
  worker_.CheckAt(id_, when);
}

void DoorConnection::CheckTimes() {
  const DoorTimes& times = worker_.parts().times;
  const EventLoop::Time now = SteadyClock::now();
  // One that was set before it was known better.
  if (now < check_at_) return;
  switch (state_) {
    case State::kSilent:
      Close();
      return;
    case State::kWaiting:
      if (Since(since_, times.queue, now)) {
        Close();
      } else {
        CheckAt(since_ + times.queue);
      }
      return;
    case State::kHandshake:
      if (Since(since_, times.handshake, now) ||
          (worker_.crowded() && Since(since_, times.handshake_when_crowded, now))) {
        worker_.parts().handshake_failures.Increment();
        Close();
      } else {
        CheckAt(now + kCrowdedCheck);
      }
      return;
    case State::kOpen:
      CheckOpen(now);
      return;
    case State::kLeaving:
      if (Since(since_, times.leave, now)) Close();
      return;
    case State::kClosed:
      return;
  }
}

void DoorConnection::CheckOpen(EventLoop::Time now) {
  const DoorTimes& times = worker_.parts().times;
  if (retired_ && Since(retire_at_, times.age_grace, now)) {
    Close();
    return;
  }
  const bool no_call = session_->call_count() == 0;
  const bool idle = std::exchange(quiet_, no_call) && no_call;
  if (now >= retire_at_ || idle) {
    if (!std::exchange(retired_, true)) retire_at_ = now;
    session_->GoAway();
    CheckAt(retire_at_ + times.age_grace);
    return;
  }
  Rest();
  CheckAt(std::min(retire_at_, now + times.idle / kChecksPerIdle));
}

void DoorConnection::Rest() {
  if (state_ == State::kOpen && pending_.empty()) session_->Rest();
}

void DoorConnection::GoAway() {
  if (state_ == State::kOpen) {
    session_->GoAway();
  } else if (unproven()) {
    Close();
  }
}

void DoorConnection::Leave() {
  state_ = State::kLeaving;
  since_ = SteadyClock::now();
  session_.reset();
  tls_->SayGoodbye();
  shutdown(fd_, SHUT_WR);
  Interest(EPOLLIN);
  CheckAt(since_ + worker_.parts().times.leave);
}

void DoorConnection::Discard() {
  std::string& buffer = worker_.scratch();
  buffer.resize(kReadBytes);
  const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) Close();
}

void DoorConnection::Close() {
  if (state_ == State::kClosed) return;
  const bool shaking = state_ == State::kHandshake;
  state_ = State::kClosed;
  session_.reset();
  tls_.reset();
  worker_.loop().Forget(fd_);
  close(fd_);
  if (shaking) worker_.GiveHandshakeBack();
  worker_.Bury(id_);
}

}  // namespace peerwatt::gateway
