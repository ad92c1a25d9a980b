#include "services/market/core/order_intake.h"

#include <utility>

#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

constexpr size_t kTasksMax = 1000;

absl::Status Busy() { return Error(kMarketBusy, "too many orders wait; try again"); }

}  // namespace

OrderIntake::OrderIntake(OrderDesk& desk, const Clock& clock, const IntakeOptions& options)
    : desk_(desk), clock_(clock), options_(options) {
  for (int i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this] { PlaceGroups(); });
  }
  threads_.emplace_back([this] { RunTasks(); });
}

OrderIntake::~OrderIntake() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  came_.notify_all();
  task_came_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void OrderIntake::Submit(Order order, Done done) {
  order.create_time = clock_.Now();
  bool can_start = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_count_ < options_.waiting_max) {
      Lane& lane = lanes_[order.auction.community];
      if (lane.waiting.empty()) {
        turns_.push_back(order.auction.community);
      }
      lane.waiting.push_back({std::move(order), std::move(done)});
      ++waiting_count_;
      done = nullptr;
      can_start = lane.placing == 0 || lane.waiting.size() == options_.company_min;
    }
  }
  if (done != nullptr) {
    done(Busy());
    return;
  }
  if (can_start) {
    came_.notify_one();
  }
}

absl::Status OrderIntake::RunApart(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= kTasksMax) {
      return Busy();
    }
    tasks_.push_back(std::move(task));
  }
  task_came_.notify_one();
  return absl::OkStatus();
}

std::map<CommunityId, OrderIntake::Lane>::iterator OrderIntake::NextLane() {
  for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
    const auto lane = lanes_.find(*turn);
    if (lane->second.placing == 0 || lane->second.waiting.size() >= options_.company_min) {
      turns_.erase(turn);
      return lane;
    }
  }
  return lanes_.end();
}

void OrderIntake::PlaceGroups() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto at = lanes_.end();
    came_.wait(lock, [&] {
      at = NextLane();
      return at != lanes_.end() || (stopping_ && turns_.empty());
    });
    if (at == lanes_.end()) {
      return;
    }
    Lane& lane = at->second;
    std::vector<Order> orders;
    std::vector<Done> dones;
    while (!lane.waiting.empty() && orders.size() < options_.group_max) {
      orders.push_back(std::move(lane.waiting.front().order));
      dones.push_back(std::move(lane.waiting.front().done));
      lane.waiting.pop_front();
    }
    waiting_count_ -= orders.size();
    if (!lane.waiting.empty()) {
      turns_.push_back(at->first);
      came_.notify_one();
    }
    ++lane.placing;
    lock.unlock();
    std::vector<absl::StatusOr<Order>> answers =
        desk_.CreateGroup(std::move(orders), clock_.Now());
    lock.lock();
    --lane.placing;
    const bool has_more = !lane.waiting.empty();
    if (!has_more && lane.placing == 0) {
      lanes_.erase(at);
    }
    // Another thread places the next group while this one answers.
    if (has_more || stopping_) {
      came_.notify_all();
    }
    lock.unlock();
    for (size_t i = 0; i < dones.size(); ++i) {
      dones[i](std::move(answers[i]));
    }
    lock.lock();
  }
}

void OrderIntake::RunTasks() {
  std::unique_lock lock(mutex_);
  while (true) {
    task_came_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) {
      return;
    }
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace peerwatt::market
