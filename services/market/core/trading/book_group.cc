#include "services/market/core/trading/book_group.h"

#include <algorithm>
#include <set>
#include <utility>

#include "libs/base/check.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/trading/mutant.h"

namespace peerwatt::market {
namespace {

using Kind = BookCommand::Kind;

absl::Status Denied() { return Error(kPermissionDenied, "the caller has no such order"); }
absl::Status NotInBook() { return Error(kOrderNotActive, "the order is not in the book"); }

// Whether an order rests in its book, or is about to come into it.
bool IsOpen(const Order& order) {
  return order.state == OrderState::kPending || order.state == OrderState::kActive;
}

// What an order needs of its hold: its trades, and what is open while it is in the book.
Money NeedOf(const Order& order, Price network_fee) {
  if (!IsOpen(order)) {
    return PW_TRADING_MUTANT(kCancelReleasesAll, Money(), order.book.cost);
  }
  Order open = order;
  open.energy = OpenEnergy(order);
  return order.book.cost + HoldFor(open, network_fee);
}

class Group {
 public:
  Group(absl::Time now, BookAccess& access, std::map<absl::Time, LiveBook>& books)
      : now_(now), access_(access), books_(books) {}

  absl::StatusOr<Order> Do(const BookCommand& command, size_t index) {
    const absl::Time start = command.order.auction.delivery_start;
    const BookHead* head = access_.Head(start);
    const Order* kept = head == nullptr ? nullptr : Find(start, command.order.id);
    if (kept == nullptr) {
      return Denied();
    }
    switch (command.kind) {
      case Kind::kEnter:
        return Enter(*head, *kept, access_.halted() ? kMarketHalted.name : "");
      case Kind::kReject:
        return Enter(*head, *kept, command.reason);
      case Kind::kAmend:
        return Amend(*head, *kept, command, index);
      case Kind::kCancel:
        return Cancel(*head, *kept, command);
    }
    return NotInBook();
  }

  GroupOutcome Finish(std::vector<absl::StatusOr<Order>> answers) {
    GroupOutcome outcome;
    for (auto& [start, writes] : writes_) {
      for (auto& [id, order] : writes.orders) {
        LowerHold(start, order, outcome);
      }
      outcome.writes.push_back(std::move(writes));
    }
    outcome.answers = std::move(answers);
    return outcome;
  }

 private:
  // An order as the commands before this one left it.
  const Order* Find(absl::Time start, const OrderId& id) {
    const auto written = writes_.find(start);
    if (written != writes_.end()) {
      const auto order = written->second.orders.find(id);
      if (order != written->second.orders.end()) {
        return &order->second;
      }
    }
    return access_.Find(start, id);
  }

  BookWrites& WritesOf(absl::Time start) {
    BookWrites& writes = writes_[start];
    writes.delivery_start = start;
    return writes;
  }

  LiveBook& BookOf(const BookHead& head) {
    const absl::Time start = head.auction.key.delivery_start;
    const auto found = books_.find(start);
    if (!up_to_date_.insert(start).second) {
      return found->second;
    }
    if (found == books_.end() || found->second.last_event() > head.last_event) {
      books_.erase(start);
      return books_.emplace(start, LiveBook(head, access_.ReadResting(start))).first->second;
    }
    if (PW_TRADING_MUTANT(kMemoryIsTrusted, false,
                          found->second.last_event() < head.last_event)) {
      std::vector<Order> changed = access_.ReadChanged(start, found->second.last_event());
      if (PW_TRADING_MUTANT(kCatchUpForgetsWhatEnded, true, false)) {
        std::erase_if(changed, [](const Order& o) { return o.state != OrderState::kActive; });
      }
      found->second.CatchUp(head, std::move(changed));
    }
    return found->second;
  }

  absl::StatusOr<Order> Written(absl::Time start, const OrderId& id) {
    return writes_.at(start).orders.at(id);
  }

  absl::StatusOr<Order> Enter(const BookHead& head, const Order& kept, absl::string_view reason) {
    const bool may_enter =
        AcceptsOrders(head.auction, now_) || PW_TRADING_MUTANT(kClosedGateMatches, true, false);
    if (PW_TRADING_MUTANT(kEnteredTwice, false, kept.state != OrderState::kPending) ||
        (reason.empty() && !may_enter)) {
      return kept;  // Cut off and decided since, or the closing auction's.
    }
    const absl::Time start = head.auction.key.delivery_start;
    Order order = kept;
    if (reason.empty() || PW_TRADING_MUTANT(kHaltedBookMatches, reason == kMarketHalted.name,
                                            false)) {
      LiveBook& book = BookOf(head);
      order.book.owner = access_.OwnerOf(order.participant);
      const absl::Status entered = book.Enter(order, now_, WritesOf(start));
      if (entered.ok()) {
        return Written(start, kept.id);
      }
      reason = kBookFull.name;
    }
    order.state = OrderState::kRejected;
    order.rejection_reason = std::string(reason);
    WritesOf(start).orders.insert_or_assign(order.id, order);
    return order;
  }

  absl::StatusOr<Order> Cancel(const BookHead& head, const Order& kept,
                               const BookCommand& command) {
    if (PW_TRADING_MUTANT(kAnybodyCancels, false, kept.participant != command.caller)) {
      return Denied();
    }
    const absl::Time start = head.auction.key.delivery_start;
    if (kept.state == OrderState::kCancelled) {
      WritesOf(start).orders.try_emplace(kept.id, kept);  // Its hold may not be lowered yet.
      return kept;
    }
    if (!AcceptsOrders(head.auction, now_)) {
      return Error(kGateClosed, "orders stand after gate closure");
    }
    if (!IsOpen(kept)) {
      return NotInBook();
    }
    if (kept.state == OrderState::kPending) {
      Order order = kept;
      order.state = OrderState::kCancelled;
      WritesOf(start).orders.insert_or_assign(order.id, order);
      return order;
    }
    LiveBook& book = BookOf(head);
    const Order resting = kept;
    book.Cancel(resting, now_, WritesOf(start));
    return Written(start, resting.id);
  }

  absl::StatusOr<Order> Amend(const BookHead& head, const Order& kept, const BookCommand& command,
                              size_t index) {
    if (kept.participant != command.caller) {
      return Denied();
    }
    if (kept.energy == command.order.energy && kept.limit == command.order.limit) {
      return kept;
    }
    const absl::Status broken = command.check(kept, access_.PlacingOf(index));
    if (!broken.ok()) {
      return broken;
    }
    if (kept.state != OrderState::kActive || kept.book.entered == 0) {
      return NotInBook();
    }
    Order asked = kept;
    asked.energy = std::max(command.order.energy, kept.book.traded);
    asked.limit = command.order.limit;
    const Money need = NeedOf(asked, head.auction.network_fee);
    if (need > kept.hold && PW_TRADING_MUTANT(kAmendmentNeedsNoMoney, false, true)) {
      return Error(kHoldTooSmall, "the amended order needs more money than is held for it",
                   {{"held_micros", std::to_string(kept.hold.micros())},
                    {"needed_micros", std::to_string(need.micros())}});
    }
    const absl::Time start = head.auction.key.delivery_start;
    LiveBook& book = BookOf(head);
    const Order resting = kept;
    book.Amend(resting, command.order.energy, command.order.limit, now_, WritesOf(start));
    return Written(start, resting.id);
  }

  // Lowers the hold of an order to what it needs. One that was never refused stays above nothing:
  // then the end of the auction looks at it again.
  void LowerHold(absl::Time start, Order& order, GroupOutcome& outcome) {
    const bool was_refused = order.state == OrderState::kRejected &&
                             order.rejection_reason != kMarketHalted.name &&
                             order.rejection_reason != kBookFull.name;
    if (was_refused || order.hold == Money()) {
      return;
    }
    const Money need = NeedOf(order, access_.Head(start)->auction.network_fee);
    const bool is_lower = PW_TRADING_MUTANT(kFilledKeepsItsHold,
                                            order.state != OrderState::kFilled, true) &&
                          need < order.hold;
    if (is_lower || order.state == OrderState::kCancelled) {
      outcome.reductions[start].push_back({order.id, need});
      order.hold = std::max(std::min(need, order.hold), Money::Micros(1));
    }
  }

  const absl::Time now_;
  BookAccess& access_;
  std::map<absl::Time, LiveBook>& books_;
  /// Books that this group has brought up to date.
  std::set<absl::Time> up_to_date_;
  std::map<absl::Time, BookWrites> writes_;
};

}  // namespace

GroupOutcome DecideGroup(const std::vector<const BookCommand*>& commands, absl::Time now,
                         BookAccess& access, std::map<absl::Time, LiveBook>& books) {
  Group group(now, access, books);
  std::vector<absl::StatusOr<Order>> answers;
  for (size_t i = 0; i < commands.size(); ++i) {
    answers.push_back(group.Do(*commands[i], i));
  }
  return group.Finish(std::move(answers));
}

}  // namespace peerwatt::market
