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
  size_t company_min = 512;
  /// Orders that wait for no others: what a group costs whatever its size is little beside them.
  size_t gather_max = 256;
  /// Orders that may wait; more are refused.
  size_t waiting_max = 20'000;
  /// Runs something elsewhere, soon and once; here it gives the answers of a group, for which the
  /// thread that placed it does not wait. Empty: that thread gives them.
  std::function<void(std::function<void()>)> run_answers = nullptr;
};

/// Takes orders of many callers and places those of a community that came meanwhile as one group.
/// What came while the group before it was placed and answered is the next; when that is many
/// orders, they do not wait for its end either. Callers who were just answered often come back at
/// once: a group waits for as many as were there when the one before it ended, but only while they
/// keep coming, and for a few milliseconds at most. Who is alone waits for nobody. Safe for many
/// threads.
class OrderIntake {
 public:
  /// Gets the answer, on a thread of the intake or as IntakeOptions::run_answers says.
  using Done = std::function<void(absl::StatusOr<Order>)>;

  /// Starts the threads. desk and clock must outlive this.
  OrderIntake(OrderDesk& desk, const Clock& clock, const IntakeOptions& options);
  /// Places what waits, then ends; all answers are given by then.
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
    /// Groups that are gathered, placed or answered.
    int placing = 0;
    /// Callers who were there when the last group ended.
    size_t expected = 0;
  };

  /// Orders for which a group of this community need not wait.
  size_t EnoughFor(const Lane& lane) const;
  /// Waits for callers who are likely to come. lock: of mutex_.
  void Gather(Lane& lane, std::unique_lock<std::mutex>& lock);
  /// Gives the answers of a group; then its lane is free for the next.
  void Answer(Lane& lane, std::vector<Done> dones, std::vector<absl::StatusOr<Order>> answers);
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
  std::condition_variable gathered_;
  std::condition_variable answered_;
  // Of every community that ever had an order: few, and known by then.
  std::map<CommunityId, Lane> lanes_;
  // Communities with orders that wait; those at the front have waited longest.
  std::deque<CommunityId> turns_;
  size_t waiting_count_ = 0;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace peerwatt::market
