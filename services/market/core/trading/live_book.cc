#include "services/market/core/trading/live_book.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/trading/mutant.h"

namespace peerwatt::market {
namespace {

using book::CancelReason;
using book::Command;
using book::CommandKind;
using book::EventKind;
using book::OrderNumber;
using book::Validity;

OrderNumber InBook(int64_t number) { return OrderNumber{static_cast<uint64_t>(number)}; }
int64_t NumberOf(OrderNumber order) { return static_cast<int64_t>(order); }

Validity ValidityOf(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::kGoodTillClosure:
      return Validity::kGoodTillClosure;
    case TimeInForce::kImmediateOrCancel:
      return Validity::kImmediateOrCancel;
    case TimeInForce::kFillOrKill:
      return Validity::kFillOrKill;
    case TimeInForce::kClosingAuction:
      break;
  }
  PW_CHECK(false, "an order of the closing auction is in no book");
}

}  // namespace

LiveBook::LiveBook(const BookHead& head, std::vector<Order> rests)
    : auction_(head.auction), last_event_(head.last_event), trade_count_(head.trade_count) {
  Reopen(std::move(rests));
}

book::OwnerNumber LiveBook::NumberOf(const Order& order) {
  const ParticipantId& owner = PW_TRADING_MUTANT(kParticipantsAreOwners, order.participant,
                                                 order.book.owner);
  return book::OwnerNumber{
      owners_.try_emplace(owner.value(), static_cast<uint32_t>(owners_.size())).first->second};
}

void LiveBook::Reopen(std::vector<Order> rests) {
  book::BookSnapshot snapshot;
  snapshot.sequence = static_cast<uint64_t>(last_event_);
  orders_.clear();
  for (Order& order : rests) {
    snapshot.orders.push_back({InBook(order.book.number), NumberOf(order), order.side, order.limit,
                               OpenEnergy(order), order.energy});
    const int64_t number = order.book.number;
    orders_.insert_or_assign(number, std::move(order));
  }
  engine_ = book::MatchingEngine();
  number_ = engine_.Open({}, snapshot);
}

void LiveBook::CatchUp(const BookHead& head, std::vector<Order> changed) {
  last_event_ = head.last_event;
  trade_count_ = head.trade_count;
  for (Order& order : changed) {
    const int64_t number = order.book.number;
    if (order.state == OrderState::kActive) {
      orders_.insert_or_assign(number, std::move(order));
    } else {
      orders_.erase(number);
    }
  }
  std::vector<Order> rests;
  rests.reserve(orders_.size());
  for (auto& [number, order] : orders_) {
    rests.push_back(std::move(order));
  }
  std::sort(rests.begin(), rests.end(),
            [](const Order& a, const Order& b) { return a.book.entered < b.book.entered; });
  Reopen(std::move(rests));
}

absl::Status LiveBook::Enter(Order order, absl::Time now, BookWrites& writes) {
  order.book.number = last_event_ + 1;
  Command command = CommandOn(order, CommandKind::kPlace);
  command.owner = NumberOf(order);
  command.side = order.side;
  command.energy = order.energy;
  command.limit = order.limit;
  command.validity = ValidityOf(order.book.time_in_force);
  order.state = OrderState::kActive;
  const int64_t number = order.book.number;
  orders_.insert_or_assign(number, std::move(order));
  const book::Refusal refusal = Apply(command, now, writes);
  if (refusal == book::Refusal::kNone) {
    return absl::OkStatus();
  }
  orders_.erase(number);
  PW_CHECK(refusal == book::Refusal::kBookFull, "an order that was checked is refused");
  return Error(kBookFull, "no further order may rest in the book");
}

void LiveBook::Amend(const Order& resting, Energy energy, Price limit, absl::Time now,
                     BookWrites& writes) {
  Command command = CommandOn(resting, CommandKind::kAmend);
  command.energy = energy;
  command.limit = limit;
  Order& order = orders_.at(resting.book.number);
  if (!order.book.placed_energy.has_value()) {
    order.book.placed_energy = order.energy;
    order.book.placed_limit = order.limit;
  }
  order.energy = std::max(energy, order.book.traded);
  order.limit = limit;
  writes.orders.insert_or_assign(order.id, order);
  PW_CHECK(Apply(command, now, writes) == book::Refusal::kNone, "an amendment was checked");
}

void LiveBook::Cancel(const Order& resting, absl::Time now, BookWrites& writes) {
  const book::Refusal refusal = Apply(CommandOn(resting, CommandKind::kCancel), now, writes);
  PW_CHECK(refusal == book::Refusal::kNone, "an order that rests is in the book");
}

Command LiveBook::CommandOn(const Order& resting, CommandKind kind) {
  Command command;
  command.book = number_;
  command.order = InBook(resting.book.number);
  command.kind = kind;
  return command;
}

book::Refusal LiveBook::Apply(const Command& command, absl::Time now, BookWrites& writes) {
  std::vector<book::Event> events;
  const book::Refusal refusal = engine_.Apply(command, events);
  for (const book::Event& event : events) {
    Record(event, now, writes);
  }
  for (const book::Event& event : events) {
    for (const OrderNumber number : {event.order, event.resting}) {
      const auto found = orders_.find(market::NumberOf(number));
      if (found == orders_.end()) {
        continue;
      }
      writes.orders.insert_or_assign(found->second.id, found->second);
      if (found->second.state != OrderState::kActive) {
        orders_.erase(found);
      }
    }
  }
  return refusal;
}

void LiveBook::Record(const book::Event& event, absl::Time now, BookWrites& writes) {
  Order& order = orders_.at(market::NumberOf(event.order));
  BookEvent& recorded = writes.events.emplace_back();
  recorded.number = static_cast<int64_t>(event.sequence);
  recorded.kind = event.kind;
  recorded.reason = event.reason;
  recorded.side = event.side;
  recorded.order_number = order.book.number;
  recorded.order = order.id;
  recorded.energy = event.energy;
  recorded.price = event.price;
  recorded.time = now;
  last_event_ = recorded.number;
  switch (event.kind) {
    case EventKind::kAccepted:
      order.book.entered = PW_TRADING_MUTANT(kPlaceIsThatOfTheFirstEvent, order.book.number,
                                             recorded.number);
      if (order.book.entered != order.book.number) {
        order.create_time = now;  // The newest of its price in the closing auction too.
      }
      break;
    case EventKind::kTraded:
      RecordTrade(event, recorded, writes);
      break;
    case EventKind::kReduced:
      break;
    case EventKind::kCancelled:
      if (event.reason != CancelReason::kAmended) {
        order.state = OrderState::kCancelled;
        order.filled = order.book.traded;
        EndIfFilled(order);
      }
      break;
    case EventKind::kExpired:
      PW_CHECK(false, "what rests at gate closure is in the closing auction");
  }
}

void LiveBook::RecordTrade(const book::Event& event, BookEvent& recorded, BookWrites& writes) {
  Order& incoming = orders_.at(market::NumberOf(event.order));
  Order& resting = orders_.at(market::NumberOf(event.resting));
  Order& bid = event.side == Side::kBid ? incoming : resting;
  Order& offer = event.side == Side::kBid ? resting : incoming;
  Trade& trade = writes.trades.emplace_back();
  trade.number = ++trade_count_;
  trade.bid = bid.id;
  trade.offer = offer.id;
  trade.energy = event.energy;
  trade.price = event.price;
  trade.buyer_price = event.price;
  trade.network_fee = auction_.network_fee;
  trade.buyer_metering_point = bid.metering_point;
  trade.seller_metering_point = offer.metering_point;
  trade.buyer = bid.participant;
  trade.seller = offer.participant;
  trade.origin = TradeOrigin::kContinuous;
  recorded.resting_number = resting.book.number;
  recorded.resting = resting.id;
  recorded.trade_number = trade.number;
  bid.book.cost += PW_TRADING_MUTANT(kFeeIsNotHeld,
                                     AmountOf(trade.energy, trade.price, Rounding::kUp),
                                     BidCost(trade));
  offer.book.cost += OfferCost(trade);
  for (Order* order : {&bid, &offer}) {
    order->book.traded += trade.energy;
    EndIfFilled(*order);
  }
}

void LiveBook::EndIfFilled(Order& order) {
  if (OpenEnergy(order) == Energy()) {
    order.state = OrderState::kFilled;
    order.filled = order.energy;
  }
}

}  // namespace peerwatt::market
