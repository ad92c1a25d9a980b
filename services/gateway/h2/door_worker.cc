#include "services/gateway/h2/door_worker.h"

#include <csignal>
#include <utility>

#include "services/gateway/h2/door_connection.h"

namespace peerwatt::gateway {

DoorWorker::DoorWorker(const DoorParts& parts, std::atomic<int>& count)
    : parts_(parts), count_(count), loop_([this] { EndRound(); }),
      setting_{parts.limits, parts.router, loop_.queue(), memory_} {}

DoorWorker::~DoorWorker() { Stop(); }

void DoorWorker::Start() {
  thread_ = std::thread([this] {
    // Writing to a client that is gone is an error, not the end of the process.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    loop_.Run();
  });
}

void DoorWorker::Stop() {
  if (!thread_.joinable()) return;
  queue()->Post([this] { loop_.Stop(); });
  thread_.join();
  while (!connections_.empty()) connections_.begin()->second->Close();
  EndRound();
}

void DoorWorker::Adopt(int fd) {
  queue()->Post([this, fd] {
    const uint64_t id = ++last_id_;
    auto& connection = connections_[id];
    connection = std::make_unique<DoorConnection>(*this, id, fd);
    parts_.connections.Set(count_.fetch_add(1) + 1);
    unproven_.push_back(id);
    going_ ? connection->Close() : connection->Start();
  });
}

void DoorWorker::GoAway() {
  queue()->Post([this] {
    going_ = true;
    std::vector<uint64_t> ids;
    for (const auto& [id, connection] : connections_) ids.push_back(id);
    for (const uint64_t id : ids) {
      if (DoorConnection* connection = Find(id); connection != nullptr) connection->GoAway();
    }
  });
}

void DoorWorker::DropUnproven() {
  queue()->Post([this] {
    while (!unproven_.empty()) {
      DoorConnection* connection = Find(unproven_.front());
      unproven_.pop_front();
      if (connection != nullptr && connection->unproven()) {
        connection->Close();
        return;
      }
    }
  });
}

DoorConnection* DoorWorker::Find(uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void DoorWorker::CheckAt(uint64_t id, EventLoop::Time when) {
  loop_.At(when, [this, id] {
    if (DoorConnection* connection = Find(id); connection != nullptr) connection->CheckTimes();
  });
}

void DoorWorker::CutAt(uint64_t id, EventLoop::Time when) {
  loop_.At(when, [this, id] {
    if (DoorConnection* connection = Find(id); connection != nullptr) connection->CutOverdue();
  });
}

void DoorWorker::RestAt(uint64_t id, EventLoop::Time when) {
  loop_.At(when, [this, id] {
    if (DoorConnection* connection = Find(id); connection != nullptr) connection->Rest();
  });
}

void DoorWorker::ReadLater(uint64_t id) {
  queue()->Post([this, id] {
    if (DoorConnection* connection = Find(id); connection != nullptr) connection->ReadMore();
  });
}

bool DoorWorker::TakeHandshake(uint64_t id) {
  if (handshakes_ < parts_.handshakes_max) {
    ++handshakes_;
    return true;
  }
  waiting_.push_back(id);
  return false;
}

void DoorWorker::GiveHandshakeBack() {
  while (!waiting_.empty()) {
    DoorConnection* next = Find(waiting_.front());
    waiting_.pop_front();
    if (next == nullptr) continue;
    // The place goes from hand to hand.
    queue()->Post([this, id = next->id()] {
      DoorConnection* connection = Find(id);
      connection == nullptr ? GiveHandshakeBack() : connection->BeginHandshake();
    });
    return;
  }
  --handshakes_;
}

void DoorWorker::Bury(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  // Somebody may be about to return into it.
  buried_.push_back(std::move(found->second));
  connections_.erase(found);
  parts_.connections.Set(count_.fetch_sub(1) - 1);
}

void DoorWorker::EndRound() {
  // The list grows while connections are flushed.
  for (size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->Flush();
  dirty_.clear();
  while (!unproven_.empty()) {
    const DoorConnection* first = Find(unproven_.front());
    if (first != nullptr && first->unproven()) break;
    unproven_.pop_front();
  }
  buried_.clear();
}

}  // namespace peerwatt::gateway
