// Orders of many callers at once: each is placed and answered once, wherever answers are given.

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/order_intake.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

constexpr int kCallers = 8;
constexpr int kOrdersPerCaller = 40;

// A thread that does what it is given, in order.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { Run(); }) {}
  ~Elsewhere() {
    Add(nullptr);
    thread_.join();
  }
  void Add(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    came_.notify_one();
  }
  std::thread::id id() const { return thread_.get_id(); }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      came_.wait(lock, [this] { return !tasks_.empty(); });
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      if (task == nullptr) {
        return;
      }
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_;
};

// What callers were told, by order.
struct Answers {
  void Add(const std::string& id, const absl::StatusOr<Order>& order) {
    const std::lock_guard lock(mutex);
    ++counts[id];
    threads[std::this_thread::get_id()] += 1;
    active += order.ok() && order->state == OrderState::kActive ? 1 : 0;
    came.notify_all();
  }
  void WaitFor(size_t count) {
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return counts.size() >= count; });
  }
  std::mutex mutex;
  std::condition_variable came;
  std::map<std::string, int> counts;
  std::map<std::thread::id, int> threads;
  int active = 0;
};

Order Bid(const World& world, const std::string& id) {
  Order bid;
  bid.auction = world.Key();
  bid.id = OrderId(id);
  bid.metering_point = MeteringPointId("m1");
  bid.participant = ParticipantId("p1");
  bid.energy = Energy::WattHours(10);
  bid.limit = Price::MicrosPerKwh(200'000);
  return bid;
}

class OrderIntakeTest : public ::testing::TestWithParam<bool> {};

TEST_P(OrderIntakeTest, AnswersEachOrderOnceBeforeItEnds) {
  World world;
  world.RunUntilDone(world.start - absl::Hours(3));
  Answers answers;
  Elsewhere elsewhere;
  {
    IntakeOptions options;
    options.gather_max = 32;
    if (GetParam()) {
      options.run_answers = [&](std::function<void()> task) { elsewhere.Add(std::move(task)); };
    }
    OrderIntake intake(world.desk, world.clock, options);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        for (int i = 0; i < kOrdersPerCaller; ++i) {
          const std::string id = absl::StrCat("o-", caller, "-", i, "x");
          intake.Submit(Bid(world, id),
                        [&answers, id](const absl::StatusOr<Order>& order) {
                          answers.Add(id, order);
                        });
        }
      });
    }
    for (std::thread& caller : callers) {
      caller.join();
    }
  }
  EXPECT_EQ(answers.counts.size(), size_t{kCallers * kOrdersPerCaller});
  for (const auto& [id, count] : answers.counts) {
    EXPECT_EQ(count, 1) << id;
  }
  EXPECT_EQ(answers.active, kCallers * kOrdersPerCaller);
  EXPECT_EQ(answers.threads.contains(elsewhere.id()), GetParam());
  EXPECT_EQ(world.auctions.OrdersOf(world.Key())->size(), size_t{kCallers * kOrdersPerCaller});
}

// Whoever waits for the answer before the next order never waits for callers who are gone for good.
TEST_P(OrderIntakeTest, GoesOnWhenOthersStayAway) {
  World world;
  world.RunUntilDone(world.start - absl::Hours(3));
  Answers answers;
  Elsewhere elsewhere;
  IntakeOptions options;
  if (GetParam()) {
    options.run_answers = [&](std::function<void()> task) { elsewhere.Add(std::move(task)); };
  }
  OrderIntake intake(world.desk, world.clock, options);
  size_t placed = 0;
  for (const int together : {60, 1, 1, 7, 1}) {
    for (int i = 0; i < together; ++i) {
      const std::string id = absl::StrCat("o-", placed++, "x");
      intake.Submit(Bid(world, id), [&answers, id](const absl::StatusOr<Order>& order) {
        answers.Add(id, order);
      });
    }
    answers.WaitFor(placed);
  }
  EXPECT_EQ(answers.active, static_cast<int>(placed));
}

INSTANTIATE_TEST_SUITE_P(AnswersElsewhere, OrderIntakeTest, ::testing::Bool());

}  // namespace
}  // namespace peerwatt::market
