#include "services/market/core/order_intake.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

constexpr size_t kTasksMax = 1000;

// How long a group waits for the next order to come, and how often.
constexpr std::chrono::microseconds kGatherStep{500};
constexpr int kGatherStepsMax = 6;

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
  gathered_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] {
    return std::all_of(lanes_.begin(), lanes_.end(),
                       [](const auto& lane) { return lane.second.placing == 0; });
  });
}

void OrderIntake::Submit(Order order, Done done) {
  order.create_time = clock_.Now();
  bool can_start = false;
  bool is_gathered = false;
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
      is_gathered = lane.placing > 0 && lane.waiting.size() == EnoughFor(lane);
    }
  }
  if (done != nullptr) {
    done(Busy());
    return;
  }
  if (can_start) {
    came_.notify_one();
  }
  if (is_gathered) {
    gathered_.notify_all();
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

size_t OrderIntake::EnoughFor(const Lane& lane) const {
  return std::min(lane.expected, options_.gather_max);
}

void OrderIntake::Gather(Lane& lane, std::unique_lock<std::mutex>& lock) {
  const auto is_enough = [&] { return stopping_ || lane.waiting.size() >= EnoughFor(lane); };
  for (int step = 0; step < kGatherStepsMax && !is_enough(); ++step) {
    const size_t before = lane.waiting.size();
    gathered_.wait_for(lock, kGatherStep, is_enough);
    if (lane.waiting.size() == before) {
      return;
    }
  }
}

void OrderIntake::Answer(Lane& lane, std::vector<Done> dones,
                         std::vector<absl::StatusOr<Order>> answers) {
  struct Group {
    std::vector<Done> dones;
    std::vector<absl::StatusOr<Order>> answers;
  };
  const auto group = std::make_shared<Group>(Group{std::move(dones), std::move(answers)});
  const auto answer = [this, &lane, group] {
    for (size_t i = 0; i < group->dones.size(); ++i) {
      group->dones[i](std::move(group->answers[i]));
    }
    const std::lock_guard lock(mutex_);
    --lane.placing;
    lane.expected = lane.waiting.size() + group->dones.size();
    // Under the lock: whoever sees the lane free may end the intake.
    if (stopping_) {
      came_.notify_all();
    } else if (!lane.waiting.empty()) {
      came_.notify_one();
    }
    answered_.notify_all();
  };
  if (options_.run_answers) {
    options_.run_answers(answer);
  } else {
    answer();
  }
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
    if (++lane.placing == 1) {
      Gather(lane, lock);
    }
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
    lock.unlock();
    std::vector<absl::StatusOr<Order>> answers =
        desk_.CreateGroup(std::move(orders), clock_.Now());
    Answer(lane, std::move(dones), std::move(answers));
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
