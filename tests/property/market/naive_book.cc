#include "tests/property/market/naive_book.h"

#include <algorithm>
#include <map>

namespace peerwatt::market::book {
namespace {

bool Crosses(const RestingOrder& one, const RestingOrder& other) {
  const RestingOrder& bid = one.side == Side::kBid ? one : other;
  const RestingOrder& offer = one.side == Side::kBid ? other : one;
  return bid.side != offer.side && bid.limit >= offer.limit;
}

}  // namespace

RestingOrder* NaiveBook::Find(OrderNumber order) {
  for (Entered& entered : orders_) {
    if (entered.order.order == order) {
      return &entered.order;
    }
  }
  return nullptr;
}

void NaiveBook::Drop(OrderNumber order) {
  std::erase_if(orders_, [&](const Entered& entered) { return entered.order.order == order; });
}

Event& NaiveBook::Say(EventKind kind, const RestingOrder& order, std::vector<Event>& events) {
  Event event;
  event.sequence = ++sequence_;
  event.order = order.order;
  event.energy = order.open;
  event.book = number_;
  event.owner = order.owner;
  event.side = order.side;
  event.kind = kind;
  events.push_back(event);
  return events.back();
}

std::vector<RestingOrder> NaiveBook::Sorted(Side side) const {
  std::vector<Entered> of_side;
  for (const Entered& entered : orders_) {
    if (entered.order.side == side) {
      of_side.push_back(entered);
    }
  }
  std::sort(of_side.begin(), of_side.end(), [&](const Entered& a, const Entered& b) {
    if (a.order.limit != b.order.limit) {
      return side == Side::kBid ? a.order.limit > b.order.limit : a.order.limit < b.order.limit;
    }
    return a.entered < b.entered;
  });
  std::vector<RestingOrder> sorted;
  for (const Entered& entered : of_side) {
    sorted.push_back(entered.order);
  }
  return sorted;
}

std::vector<RestingOrder> NaiveBook::Crossing(const RestingOrder& incoming) const {
  const Side opposite = incoming.side == Side::kBid ? Side::kOffer : Side::kBid;
  std::vector<RestingOrder> crossing = Sorted(opposite);
  std::erase_if(crossing, [&](const RestingOrder& order) { return !Crosses(order, incoming); });
  return crossing;
}

Refusal NaiveBook::CheckPlace(const Command& command) const {
  const bool is_market = command.order_kind == OrderKind::kMarket;
  const bool may_rest = command.validity == Validity::kGoodTillClosure;
  if (is_market && may_rest) {
    return Refusal::kValidityInvalid;
  }
  if (command.energy.wh() < 1 || command.energy > kEnergyMax) {
    return Refusal::kEnergyOutOfRange;
  }
  if (!is_market && (command.limit < rules_.price_min || command.limit > rules_.price_max)) {
    return Refusal::kPriceOutOfRange;
  }
  for (const Entered& entered : orders_) {
    if (entered.order.order == command.order) {
      return Refusal::kOrderExists;
    }
  }
  return may_rest && orders_.size() >= rules_.resting_orders_max ? Refusal::kBookFull
                                                                 : Refusal::kNone;
}

void NaiveBook::Enter(RestingOrder incoming, Validity validity, std::vector<Event>& events) {
  Say(EventKind::kAccepted, incoming, events).price = incoming.limit;
  const std::vector<RestingOrder> crossing = Crossing(incoming);
  const SelfTradeMode mode = rules_.self_trade_mode;
  if (validity == Validity::kFillOrKill) {
    Energy fillable;
    for (const RestingOrder& order : crossing) {
      if (order.owner != incoming.owner) {
        fillable += order.open;
      } else if (mode == SelfTradeMode::kCancelNewest) {
        break;
      }
    }
    if (fillable < incoming.open) {
      Say(EventKind::kCancelled, incoming, events).reason = CancelReason::kUnfillable;
      return;
    }
  }
  for (const RestingOrder& order : crossing) {
    if (incoming.open == Energy()) {
      return;
    }
    if (order.owner == incoming.owner) {
      if (mode == SelfTradeMode::kCancelNewest) {
        Say(EventKind::kCancelled, incoming, events).reason = CancelReason::kSelfTrade;
        return;
      }
      if (mode == SelfTradeMode::kCancelResting) {
        Say(EventKind::kCancelled, order, events).reason = CancelReason::kSelfTrade;
        Drop(order.order);
      }
      continue;
    }
    Event& event = Say(EventKind::kTraded, incoming, events);
    event.resting = order.order;
    event.energy = std::min(order.open, incoming.open);
    event.price = order.limit;
    incoming.open -= event.energy;
    Find(order.order)->open -= event.energy;
    if (order.open == event.energy) {
      Drop(order.order);
    }
  }
  if (incoming.open == Energy()) {
    return;
  }
  if (validity != Validity::kGoodTillClosure) {
    Say(EventKind::kCancelled, incoming, events).reason = CancelReason::kRemainder;
    return;
  }
  orders_.push_back({incoming, entered_++});
}

Refusal NaiveBook::Apply(const Command& command, std::vector<Event>& events) {
  if (!is_open_) {
    return Refusal::kBookClosed;
  }
  if (command.kind == CommandKind::kPlace) {
    const Refusal refusal = CheckPlace(command);
    if (refusal != Refusal::kNone) {
      return refusal;
    }
    Price limit = command.limit;
    if (command.order_kind == OrderKind::kMarket) {
      limit = command.side == Side::kBid ? rules_.price_max : rules_.price_min;
    }
    Enter({command.order, command.owner, command.side, limit, command.energy, command.energy},
          command.validity, events);
    return Refusal::kNone;
  }
  RestingOrder* found = Find(command.order);
  if (command.kind == CommandKind::kCancel) {
    if (found == nullptr) {
      return Refusal::kOrderUnknown;
    }
    Say(EventKind::kCancelled, *found, events).reason = CancelReason::kRequested;
    Drop(command.order);
    return Refusal::kNone;
  }
  if (command.energy.wh() < 1 || command.energy > kEnergyMax) {
    return Refusal::kEnergyOutOfRange;
  }
  if (command.limit < rules_.price_min || command.limit > rules_.price_max) {
    return Refusal::kPriceOutOfRange;
  }
  if (found == nullptr) {
    return Refusal::kOrderUnknown;
  }
  const Energy traded = found->energy - found->open;
  RestingOrder amended = *found;
  amended.limit = command.limit;
  amended.energy = command.energy;
  amended.open = command.energy - traded;
  if (amended.open <= Energy()) {
    Say(EventKind::kCancelled, *found, events).reason = CancelReason::kUsedUp;
    Drop(command.order);
  } else if (amended.limit != found->limit || amended.open > found->open) {
    Say(EventKind::kCancelled, *found, events).reason = CancelReason::kAmended;
    Drop(command.order);
    Enter(amended, Validity::kGoodTillClosure, events);
  } else if (amended.open < found->open) {
    *found = amended;
    Say(EventKind::kReduced, amended, events);
  }
  return Refusal::kNone;
}

void NaiveBook::Close(std::vector<Event>& events) {
  for (const Side side : {Side::kBid, Side::kOffer}) {
    for (const RestingOrder& order : Sorted(side)) {
      Say(EventKind::kExpired, order, events);
    }
  }
  orders_.clear();
  is_open_ = false;
}

BookSnapshot NaiveBook::Snapshot() const {
  BookSnapshot snapshot;
  snapshot.sequence = sequence_;
  for (const Side side : {Side::kBid, Side::kOffer}) {
    for (const RestingOrder& order : Sorted(side)) {
      snapshot.orders.push_back(order);
    }
  }
  return snapshot;
}

std::vector<DepthLevel> NaiveBook::Depth(Side side, size_t levels_max) const {
  std::vector<DepthLevel> depth;
  for (const RestingOrder& order : Sorted(side)) {
    if (depth.empty() || depth.back().price != order.limit) {
      if (depth.size() == levels_max) {
        break;
      }
      depth.push_back({order.limit, Energy(), 0});
    }
    depth.back().energy += order.open;
    ++depth.back().orders;
  }
  return depth;
}

RestingOrder* Follower::Find(OrderNumber order) {
  for (RestingOrder& resting : snapshot_.orders) {
    if (resting.order == order) {
      return &resting;
    }
  }
  return nullptr;
}

bool Follower::Take(OrderNumber order, Energy energy) {
  RestingOrder* resting = Find(order);
  if (resting == nullptr || resting->open < energy) {
    return false;
  }
  resting->open -= energy;
  std::erase_if(snapshot_.orders, [](const RestingOrder& left) { return left.open == Energy(); });
  return true;
}

bool Follower::Follow(const Event& event) {
  if (event.sequence != ++snapshot_.sequence) {
    return false;
  }
  switch (event.kind) {
    case EventKind::kAccepted:
      if (Find(event.order) != nullptr) {
        return false;
      }
      snapshot_.orders.push_back(
          {event.order, event.owner, event.side, event.price, event.energy, Energy()});
      return true;
    case EventKind::kTraded:
      return Take(event.resting, event.energy) && Take(event.order, event.energy);
    case EventKind::kReduced:
      if (Find(event.order) == nullptr) {
        return false;
      }
      Find(event.order)->open = event.energy;
      return true;
    case EventKind::kCancelled:
    case EventKind::kExpired:
      return Take(event.order, event.energy);
  }
  return false;
}

BookSnapshot Follower::View() const {
  BookSnapshot view;
  view.sequence = snapshot_.sequence;
  std::map<Price, std::vector<RestingOrder>> bids;
  std::map<Price, std::vector<RestingOrder>> offers;
  for (RestingOrder order : snapshot_.orders) {
    order.energy = Energy();
    (order.side == Side::kBid ? bids : offers)[order.limit].push_back(order);
  }
  for (auto level = bids.rbegin(); level != bids.rend(); ++level) {
    view.orders.insert(view.orders.end(), level->second.begin(), level->second.end());
  }
  for (const auto& [price, orders] : offers) {
    view.orders.insert(view.orders.end(), orders.begin(), orders.end());
  }
  return view;
}

}  // namespace peerwatt::market::book
