#include "tests/postgres/market/trading_audit.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/property/market/naive_book.h"

namespace peerwatt::market {
namespace {

using book::CancelReason;
using book::Command;
using book::CommandKind;
using book::EventKind;
using book::OrderNumber;

OrderNumber NumberOf(int64_t number) { return OrderNumber{static_cast<uint64_t>(number)}; }

int64_t RoundedUp(int64_t wh, int64_t price) {
  const int64_t product = wh * price;
  return product / 1000 + (product % 1000 > 0 ? 1 : 0);
}

// What rests, in an order that does not depend on how it is listed: side, priority.
using Listed = std::vector<std::tuple<int, int64_t, int64_t, int64_t>>;
Listed ListOf(const BookOrders& orders) {
  std::vector<BookOrders::Resting> sorted = orders.orders;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    if (a.side != b.side) {
      return a.side == Side::kBid;
    }
    return a.side == Side::kBid ? a.limit > b.limit : a.limit < b.limit;
  });
  Listed listed;
  for (const auto& order : sorted) {
    listed.emplace_back(static_cast<int>(order.side), order.limit.micros_per_kwh(), order.number,
                        order.open.wh());
  }
  return listed;
}
Listed ListOf(const book::BookSnapshot& snapshot) {
  Listed listed;
  for (const book::RestingOrder& order : snapshot.orders) {
    listed.emplace_back(static_cast<int>(order.side), order.limit.micros_per_kwh(),
                        static_cast<int64_t>(order.order), order.open.wh());
  }
  return listed;
}

book::Event InBook(const BookEvent& event) {
  book::Event other;
  other.sequence = static_cast<uint64_t>(event.number);
  other.order = NumberOf(event.order_number);
  other.resting = NumberOf(event.resting_number);
  other.energy = event.energy;
  other.price = event.price;
  other.side = event.side;
  other.kind = event.kind;
  other.reason = event.reason;
  return other;
}

class Auditor {
 public:
  Auditor(TradingWorld& world, int interval)
      : world_(world), interval_(interval), naive_(book::BookNumber{0}, {}) {
    std::vector<Order> all = *world.auctions.OrdersOf(world.Key(interval));
    for (Order& order : all) {
      orders_.emplace(order.id, std::move(order));
    }
    events_ = world.books.ListEvents(world.Key(interval), 0, 1'000'000)->events;
    trades_ = *world.auctions.TradesOf(world.Key(interval));
  }

  Audit Run(const BookOrders& middle) {
    Audit audit;
    audit.events = static_cast<int64_t>(events_.size());
    audit.trades = static_cast<int64_t>(trades_.size());
    for (const auto& check : {&Auditor::ReplayAll, &Auditor::CompareWhatRests,
                              &Auditor::CompareOrders, &Auditor::CompareTrades}) {
      if (audit.fault.empty()) {
        audit.fault = (this->*check)();
      }
    }
    if (audit.fault.empty()) {
      audit.fault = FollowFrom({});
    }
    if (audit.fault.empty()) {
      audit.fault = FollowFrom(middle);
    }
    return audit;
  }

 private:
  book::OwnerNumber OwnerOf(const Order& order) {
    const std::string& participant = order.participant.value();
    const std::string owner = participant == "p6" ? "p5" : participant;
    return book::OwnerNumber{
        owners_.try_emplace(owner, static_cast<uint32_t>(owners_.size())).first->second};
  }

  // What was asked, as far as the event at `i` tells.
  Command AskedBy(size_t i) {
    const BookEvent& event = events_[i];
    const Order& order = orders_.at(event.order);
    const Energy traded = traded_[event.order];
    Command command;
    command.order = NumberOf(event.order_number);
    command.limit = event.price;
    command.kind = CommandKind::kAmend;
    if (event.kind == EventKind::kAccepted) {
      command.kind = CommandKind::kPlace;
      command.owner = OwnerOf(order);
      command.side = order.side;
      command.energy = order.book.placed_energy.value_or(order.energy);
      command.limit = order.book.placed_limit.value_or(order.limit);
      command.validity = order.book.time_in_force == TimeInForce::kFillOrKill
                             ? book::Validity::kFillOrKill
                         : IsImmediate(order) ? book::Validity::kImmediateOrCancel
                                              : book::Validity::kGoodTillClosure;
    } else if (event.kind == EventKind::kReduced) {
      command.energy = event.energy + traded;
      command.limit = limits_[event.order];
    } else if (event.reason == CancelReason::kAmended && i + 1 < events_.size()) {
      command.energy = events_[i + 1].energy + traded;
      command.limit = events_[i + 1].price;
    } else if (event.reason == CancelReason::kUsedUp) {
      command.energy = traded;
      command.limit = limits_[event.order];
    } else {
      command.kind = CommandKind::kCancel;
    }
    return command;
  }

  std::string ReplayAll() {
    for (size_t i = 0; i < events_.size();) {
      if (!orders_.contains(events_[i].order)) {
        return absl::StrCat("an event is about no order: ", i + 1);
      }
      std::vector<book::Event> expected;
      if (naive_.Apply(AskedBy(i), expected) != book::Refusal::kNone || expected.empty()) {
        return absl::StrCat("nothing of this kind can have happened: event ", i + 1);
      }
      for (book::Event event : expected) {
        event.owner = {};
        if (i >= events_.size() || InBook(events_[i]) != event) {
          return absl::StrCat("event ", i + 1, " is not as a naive book has it");
        }
        Count(events_[i]);
        ++i;
      }
    }
    return "";
  }

  void Count(const BookEvent& event) {
    if (event.kind == EventKind::kAccepted) {
      limits_[event.order] = event.price;
    } else if (event.kind == EventKind::kTraded) {
      const bool buys = event.side == Side::kBid;
      const int64_t price = event.price.micros_per_kwh();
      traded_[event.order] += event.energy;
      traded_[event.resting] += event.energy;
      costs_[buys ? event.order : event.resting] +=
          RoundedUp(event.energy.wh(), price) + RoundedUp(event.energy.wh(), 50'000);
    }
  }

  std::string CompareWhatRests() {
    const BookOrders kept = *world_.books.GetOrders(world_.Key(interval_));
    const book::BookSnapshot expected = naive_.Snapshot();
    if (kept.last_event != static_cast<int64_t>(expected.sequence) ||
        ListOf(kept) != ListOf(expected)) {
      return "what rests is not what rests in a naive book";
    }
    for (const auto& order : kept.orders) {
      rests_.insert(order.number);
    }
    const BookDepth depth = *world_.books.GetDepth(world_.Key(interval_), 1000);
    for (const Side side : {Side::kBid, Side::kOffer}) {
      std::vector<book::DepthLevel> levels;
      for (const BookLevel& level : side == Side::kBid ? depth.bids : depth.offers) {
        levels.push_back({level.price, level.energy, static_cast<uint32_t>(level.orders)});
      }
      if (levels != naive_.Depth(side, 1000)) {
        return "depth is not that of a naive book";
      }
    }
    return "";
  }

  std::string CompareOrders() {
    for (const auto& [id, order] : orders_) {
      const bool was_in_book = order.book.number > 0;
      const OrderState expected = !was_in_book                         ? order.state
                                  : rests_.contains(order.book.number) ? OrderState::kActive
                                  : traded_[id] == order.energy        ? OrderState::kFilled
                                                                       : OrderState::kCancelled;
      const bool is_ended = expected != OrderState::kActive;
      if (order.state != expected || order.book.traded != traded_[id] ||
          order.book.cost.micros() != costs_[id] ||
          order.filled != (is_ended ? traded_[id] : Energy())) {
        return absl::StrCat("an order is not what became of it: ", id.value());
      }
    }
    return "";
  }

  std::string CompareTrades() {
    size_t at = 0;
    for (const BookEvent& event : events_) {
      if (event.kind != EventKind::kTraded) {
        continue;
      }
      if (at == trades_.size()) {
        return "a trade is missing";
      }
      const Trade& trade = trades_[at++];
      const bool buys = event.side == Side::kBid;
      const Order& bid = orders_.at(buys ? event.order : event.resting);
      const Order& offer = orders_.at(buys ? event.resting : event.order);
      if (trade.number != static_cast<int32_t>(at) || event.trade_number != trade.number ||
          trade.bid != bid.id || trade.offer != offer.id || trade.energy != event.energy ||
          trade.price != event.price || trade.buyer != bid.participant ||
          trade.seller != offer.participant || trade.origin != TradeOrigin::kContinuous) {
        return absl::StrCat("trade ", at, " is not as its event says");
      }
      if (OwnerOf(bid) == OwnerOf(offer)) {
        return absl::StrCat("an owner traded with himself: ", at);
      }
    }
    return at == trades_.size() ? "" : "a trade without an event";
  }

  std::string FollowFrom(const BookOrders& start) {
    book::BookSnapshot snapshot;
    snapshot.sequence = static_cast<uint64_t>(start.last_event);
    for (const auto& order : start.orders) {
      snapshot.orders.push_back(
          {NumberOf(order.number), {}, order.side, order.limit, order.open, order.open});
    }
    book::Follower follower(snapshot);
    for (const BookEvent& event : events_) {
      if (event.number > start.last_event && !follower.Follow(InBook(event))) {
        return absl::StrCat("who follows cannot take event ", event.number);
      }
    }
    if (ListOf(follower.View()) != ListOf(naive_.Snapshot())) {
      return absl::StrCat("who follows from ", start.last_event, " sees another book");
    }
    return "";
  }

  TradingWorld& world_;
  const int interval_;
  book::NaiveBook naive_;
  std::map<OrderId, Order> orders_;
  std::vector<BookEvent> events_;
  std::vector<Trade> trades_;
  std::map<std::string, uint32_t> owners_;
  std::map<OrderId, Energy> traded_;
  std::map<OrderId, Price> limits_;
  std::map<OrderId, int64_t> costs_;
  std::set<int64_t> rests_;
};

}  // namespace

Audit AuditBook(TradingWorld& world, int interval, const BookOrders& middle) {
  return Auditor(world, interval).Run(middle);
}

}  // namespace peerwatt::market
