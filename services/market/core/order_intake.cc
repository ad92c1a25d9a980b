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
  {
    const std::lock_guard lock(mutex_);
    if (waiting_count_ < options_.waiting_max) {
      std::deque<Waiting>& lane = waiting_[order.auction.community];
      if (lane.empty()) {
        turns_.push_back(order.auction.community);
      }
      lane.push_back({std::move(order), std::move(done)});
      ++waiting_count_;
      done = nullptr;
    }
  }
  if (done != nullptr) {
    done(Busy());
    return;
  }
  came_.notify_one();
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

void OrderIntake::PlaceGroups() {
  std::unique_lock lock(mutex_);
  while (true) {
    came_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (turns_.empty()) {
      return;
    }
    const CommunityId community = std::move(turns_.front());
    turns_.pop_front();
    std::deque<Waiting>& lane = waiting_[community];
    std::vector<Order> orders;
    std::vector<Done> dones;
    while (!lane.empty() && orders.size() < options_.group_max) {
      orders.push_back(std::move(lane.front().order));
      dones.push_back(std::move(lane.front().done));
      lane.pop_front();
    }
    waiting_count_ -= orders.size();
    if (lane.empty()) {
      waiting_.erase(community);
    } else {
      turns_.push_back(community);
    }
    lock.unlock();
    std::vector<absl::StatusOr<Order>> answers =
        desk_.CreateGroup(std::move(orders), clock_.Now());
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
