#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/market/core/order_desk.h"

namespace peerwatt::market {

/// How orders are put together.
struct IntakeOptions {
  /// Threads that place groups.
  int workers = 2;
  /// Orders of one group.
  size_t group_max = 1000;
  /// Orders that are worth a group of their own while another group of the community is placed.
  size_t company_min = 64;
  /// Orders that may wait; more are refused.
  size_t waiting_max = 20'000;
};

/// Takes orders of many callers and places those of a community that came meanwhile as one group.
/// It never waits for a group to fill: what came while the group before it was placed is the next;
/// when that is many orders, they do not wait for its end either. Safe for many threads.
class OrderIntake {
 public:
  /// Gets the answer, on a thread of the intake.
  using Done = std::function<void(absl::StatusOr<Order>)>;

  /// Starts the threads. desk and clock must outlive this.
  OrderIntake(OrderDesk& desk, const Clock& clock, const IntakeOptions& options);
  /// Places what waits, then ends.
  ~OrderIntake();
  OrderIntake(const OrderIntake&) = delete;
  OrderIntake& operator=(const OrderIntake&) = delete;

  /// Places an order as OrderDesk::CreateGroup does, timed now.
  /// Errors besides: MARKET_BUSY when too many wait; then nothing is kept.
  void Submit(Order order, Done done);
  /// Runs what may take long, such as a check of one order, apart from the groups. Errors:
  /// MARKET_BUSY when too many wait; then it is not run.
  absl::Status RunApart(std::function<void()> task);

 private:
  struct Waiting {
    Order order;
    Done done;
  };

  struct Lane {
    std::deque<Waiting> waiting;
    /// Groups that are being placed.
    int placing = 0;
  };

  /// The community whose orders have waited longest of those that may be placed now.
  std::map<CommunityId, Lane>::iterator NextLane();
  void PlaceGroups();
  void RunTasks();

  OrderDesk& desk_;
  const Clock& clock_;
  const IntakeOptions options_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::condition_variable task_came_;
  std::map<CommunityId, Lane> lanes_;
  // Communities with orders that wait; those at the front have waited longest.
  std::deque<CommunityId> turns_;
  size_t waiting_count_ = 0;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace peerwatt::market
