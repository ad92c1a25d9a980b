#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/market/core/member_directory.h"
#include "services/market/core/ports.h"
#include "services/market/core/trading/live_book.h"
#include "services/market/core/trading/ports.h"

namespace peerwatt::market {

/// What is asked of an order of a book.
struct BookCommand {
  enum class Kind { kEnter, kReject, kAmend, kCancel };
  Kind kind = Kind::kEnter;
  /// Auction and id; of an amendment the order as it is to be.
  Order order;
  /// Who asks, of an amendment or a cancellation.
  ParticipantId caller;
  /// Why an order is rejected.
  std::string reason;
  /// Rules of an amendment besides those of the book.
  std::function<absl::Status(const Order&, const Placing&)> check;
};

struct GroupOutcome;

/// Continuous trading. Commands of a community that come while others are carried out are the next
/// group: one transaction matches and keeps them. Nobody waits for a group to fill. Safe for many
/// threads and replicas: what is kept counts; the books in memory are copies that are brought up to
/// date by it, and thrown away when a transaction fails.
class TradingDesk final : public ContinuousBooks {
 public:
  /// clock: the market's time. real_clock: the machine's, by which answers of the registry grow
  /// old.
  TradingDesk(TradingStore& store, OrderStore& orders, Registry& registry, Settlement& settlement,
              const Clock& clock, const Clock& real_clock)
      : store_(store),
        orders_(orders),
        settlement_(settlement),
        clock_(clock),
        directory_(registry, real_clock) {}

  /// Pending orders whose money is held come into their books; those with a reason are rejected.
  /// Orders of a halted market are rejected too. One that is no longer pending, or whose gate has
  /// closed, stays as it is. Returns them as they are then.
  absl::StatusOr<std::vector<Order>> Enter(const std::vector<Order>& orders,
                                           const std::vector<std::string>& reasons) override;
  /// Withdraws an order and lowers its hold to what it has traded. Safe to repeat.
  /// Errors: PERMISSION_DENIED when there is no such order of the caller, GATE_CLOSED,
  /// ORDER_NOT_ACTIVE.
  absl::StatusOr<Order> Cancel(const AuctionKey& key, const OrderId& id,
                               const ParticipantId& caller) override;
  /// Changes energy and limit of an order that rests. Safe to repeat.
  /// Errors, in this order: PERMISSION_DENIED as above, those of CheckOrder, ORDER_NOT_ACTIVE,
  /// HOLD_TOO_SMALL.
  absl::StatusOr<Order> Amend(const AuctionKey& key, const OrderId& id,
                              const ParticipantId& caller, Energy energy, Price limit);

 private:
  using Answers = std::vector<absl::StatusOr<Order>>;

  /// Commands of one caller.
  struct Waiting {
    const std::vector<BookCommand>& commands;
    Answers answers;
    bool is_done = false;
  };
  /// A community: who waits, and its books in memory, which are the leader's.
  struct Lane {
    std::mutex mutex;
    std::condition_variable done;
    std::deque<Waiting*> waiting;
    bool is_busy = false;
    std::map<absl::Time, LiveBook> books;
  };

  Answers Submit(const std::vector<BookCommand>& commands);
  Lane& LaneOf(const CommunityId& community);
  /// Takes what waits, up to a bound.
  static std::vector<Waiting*> TakeGroup(Lane& lane);
  /// Carries a group out, in one transaction.
  GroupOutcome Match(Lane& lane, const std::vector<const BookCommand*>& commands);
  /// Lowers holds, and answers.
  void Answer(const std::vector<Waiting*>& group, GroupOutcome outcome);
  absl::StatusOr<Order> TryAmend(const Order& asked, const MemberDirectory::Found& facts);

  TradingStore& store_;
  OrderStore& orders_;
  Settlement& settlement_;
  const Clock& clock_;
  MemberDirectory directory_;
  std::mutex lanes_mutex_;
  std::map<CommunityId, std::unique_ptr<Lane>> lanes_;
};

}  // namespace peerwatt::market
