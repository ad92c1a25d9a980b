#include "services/market/core/book/matching_engine.h"

#include <algorithm>

#include "libs/base/check.h"
#include "services/market/core/book/mutant.h"

namespace peerwatt::market::book {
namespace {

// Whether the energy of a command is one that an order can have.
bool IsOrderEnergy(Energy energy) { return energy > Energy() && energy <= kEnergyMax; }

}  // namespace

MatchingEngine::MatchingEngine(EngineRoom room) {
  orders_.Reserve(room.resting_orders);
  energies_wh_.Reserve(room.resting_orders);
  numbers_.Reserve(room.resting_orders);
  levels_.Reserve(room.levels);
  blocks_.Reserve(room.levels / (LadderBlock::kSize / 2));
}

BookNumber MatchingEngine::Open(const BookRules& rules) {
  PW_CHECK(rules.price_min <= rules.price_max, "a book needs a price that it allows");
  PW_CHECK(rules.resting_orders_max <= kRestingOrdersMax, "totals of a price must fit 64 bits");
  if (free_books_.empty()) {
    free_books_.push_back(static_cast<uint32_t>(books_.size()));
    books_.emplace_back();
  }
  const BookNumber number{free_books_.back()};
  free_books_.pop_back();
  Book& book = books_[Index(number)];
  book.price_min = rules.price_min.micros_per_kwh();
  book.price_max = rules.price_max.micros_per_kwh();
  book.sequence = 0;
  book.resting = 0;
  book.resting_max = rules.resting_orders_max;
  book.self_trade_mode = rules.self_trade_mode;
  book.is_open = true;
  return number;
}

BookNumber MatchingEngine::Open(const BookRules& rules, const BookSnapshot& snapshot) {
  const BookNumber number = Open(rules);
  Book& book = books_[Index(number)];
  book.sequence = snapshot.sequence;
  for (const RestingOrder& order : snapshot.orders) {
    PW_CHECK(FindSlot(order.order) == kNowhere, "an order rests once");
    Rest(book, {order.order, order.owner, number, order.side, Validity::kGoodTillClosure,
                order.limit.micros_per_kwh(), order.open.wh(), order.energy.wh()});
  }
  return number;
}

uint32_t MatchingEngine::FindSlot(OrderNumber order) const {
  const uint64_t number = static_cast<uint64_t>(order);
  return numbers_.Find(number, [&](uint32_t slot) {
    return orders_[slot].number == number && orders_[slot].open_wh > 0;
  });
}

uint32_t MatchingEngine::FindSlot(const Book& book, const Command& command) const {
  const uint32_t slot = FindSlot(command.order);
  if (slot == kNowhere) {
    return kNowhere;
  }
  const uint32_t found_in = levels_[orders_[slot].level].book_and_side >> 1;
  return &books_[found_in] == &book ? slot : kNowhere;
}

Refusal MatchingEngine::Apply(const Command& command, std::vector<Event>& events) {
  if (Index(command.book) >= books_.size()) {
    return Refusal::kBookUnknown;
  }
  Book& book = books_[Index(command.book)];
  if (!book.is_open) {
    return Refusal::kBookClosed;
  }
  switch (command.kind) {
    case CommandKind::kPlace:
      return Place(book, command, events);
    case CommandKind::kAmend:
      return Amend(book, command, events);
    case CommandKind::kCancel:
      return Cancel(book, command, events);
  }
  PW_CHECK(false, "a command of no known kind");
}

Refusal MatchingEngine::Place(Book& book, const Command& command, std::vector<Event>& events) {
  const bool may_rest = command.validity == Validity::kGoodTillClosure;
  int64_t limit = command.limit.micros_per_kwh();
  if (command.order_kind == OrderKind::kMarket) {
    if (may_rest) {
      return Refusal::kValidityInvalid;
    }
    limit = command.side == Side::kBid ? book.price_max : book.price_min;
    limit = PW_BOOK_MUTANT(kMarketOrderHasNoBound, command.limit.micros_per_kwh(), limit);
  }
  if (!IsOrderEnergy(command.energy)) {
    return Refusal::kEnergyOutOfRange;
  }
  if (limit < book.price_min || limit > book.price_max) {
    return Refusal::kPriceOutOfRange;
  }
  if (FindSlot(command.order) != kNowhere) {
    return Refusal::kOrderExists;
  }
  if (may_rest && book.resting >= book.resting_max) {
    return Refusal::kBookFull;
  }
  Incoming incoming = {command.order,    command.owner, command.book,        command.side,
                       command.validity, limit,         command.energy.wh(), command.energy.wh()};
  Enter(book, incoming, events);
  return Refusal::kNone;
}

Refusal MatchingEngine::Amend(Book& book, const Command& command, std::vector<Event>& events) {
  const int64_t limit = command.limit.micros_per_kwh();
  if (!IsOrderEnergy(command.energy)) {
    return Refusal::kEnergyOutOfRange;
  }
  if (limit < book.price_min || limit > book.price_max) {
    return Refusal::kPriceOutOfRange;
  }
  const uint32_t slot = FindSlot(book, command);
  if (slot == kNowhere) {
    return Refusal::kOrderUnknown;
  }
  Resting& order = orders_[slot];
  Level& level = levels_[order.level];
  const Side side = static_cast<Side>(level.book_and_side & 1);
  const int64_t traded_wh =
      PW_BOOK_MUTANT(kAmendmentForgetsTrades, 0, energies_wh_[slot] - order.open_wh);
  const int64_t open_wh = command.energy.wh() - traded_wh;
  const bool keeps_price = KeyOf(side, limit) == level.key;
  if (open_wh <= 0) {
    EmitResting(book, EventKind::kCancelled, slot, events).reason = CancelReason::kUsedUp;
    Leave(book, slot);
    return Refusal::kNone;
  }
  if (keeps_price && open_wh == order.open_wh) {
    return Refusal::kNone;
  }
  const bool is_reduced = keeps_price && PW_BOOK_MUTANT(kReductionLosesPriority, false,
                                                        PW_BOOK_MUTANT(kIncreaseKeepsPriority, true,
                                                                       open_wh < order.open_wh));
  if (is_reduced) {
    level.total_wh += PW_BOOK_MUTANT(kReductionLeavesTotal, 0, open_wh - order.open_wh);
    order.open_wh = open_wh;
    energies_wh_[slot] = command.energy.wh();
    EmitResting(book, EventKind::kReduced, slot, events);
    book.sequence -= PW_BOOK_MUTANT(kReductionHasNoSequence, 1u, 0u);
    return Refusal::kNone;
  }
  EmitResting(book, EventKind::kCancelled, slot, events).reason = CancelReason::kAmended;
  const OwnerNumber owner{order.owner};
  Leave(book, slot);
  Incoming incoming = {command.order, owner,   command.book,       side, Validity::kGoodTillClosure,
                       limit,         open_wh, command.energy.wh()};
  Enter(book, incoming, events);
  return Refusal::kNone;
}

Refusal MatchingEngine::Cancel(Book& book, const Command& command, std::vector<Event>& events) {
  const uint32_t slot = FindSlot(book, command);
  if (slot == kNowhere) {
    return Refusal::kOrderUnknown;
  }
  EmitResting(book, EventKind::kCancelled, slot, events).reason = CancelReason::kRequested;
  Leave(book, slot);
  return Refusal::kNone;
}

void MatchingEngine::Enter(Book& book, Incoming& incoming, std::vector<Event>& events) {
  const auto emit = [&](EventKind kind, CancelReason reason, int64_t price) {
    Event& event = Emit(book, kind, events);
    event.order = incoming.order;
    event.energy = Energy::WattHours(incoming.open_wh);
    event.price = Price::MicrosPerKwh(price);
    event.book = incoming.book;
    event.owner = incoming.owner;
    event.side = incoming.side;
    event.reason = reason;
  };
  emit(EventKind::kAccepted, CancelReason::kNone, incoming.limit);
  if (incoming.validity == Validity::kFillOrKill && !CanFill(book, incoming)) {
    emit(EventKind::kCancelled, CancelReason::kUnfillable, 0);
    return;
  }
  const bool met_own_order = Match(book, incoming, events);
  if (incoming.open_wh == 0) {
    return;
  }
  if (PW_BOOK_MUTANT(kCancelNewestRests, false, met_own_order)) {
    emit(EventKind::kCancelled, CancelReason::kSelfTrade, 0);
  } else if (incoming.validity != Validity::kGoodTillClosure &&
             PW_BOOK_MUTANT(kRemainderRests, false, true)) {
    emit(EventKind::kCancelled, CancelReason::kRemainder, 0);
  } else {
    Rest(book, incoming);
  }
}

void MatchingEngine::Rest(Book& book, const Incoming& incoming) {
  uint32_t slot = free_order_;
  if (slot == kNowhere) {
    slot = static_cast<uint32_t>(orders_.size());
    PW_CHECK(slot != kNowhere, "as many orders as a link of 32 bits can tell apart");
    orders_.Add();
    energies_wh_.Add();
  } else {
    free_order_ = orders_[slot].next;
  }
  const int64_t key = KeyOf(incoming.side, incoming.limit);
  const uint32_t level = LadderOf(book, incoming.side).FindOrAdd(key, blocks_, [&] {
    return MakeLevel(key, incoming.book, incoming.side);
  });
  Resting& order = orders_[slot];
  order.number = static_cast<uint64_t>(incoming.order);
  order.open_wh = incoming.open_wh;
  order.prev = slot;
  order.next = slot;
  order.level = level;
  order.owner = static_cast<uint32_t>(incoming.owner);
  energies_wh_[slot] = incoming.energy_wh;
  Append(slot, level);
  numbers_.Insert(order.number, slot);
  ++book.resting;
}

uint32_t MatchingEngine::MakeLevel(int64_t key, BookNumber book, Side side) {
  uint32_t at = free_level_;
  if (at == kNowhere) {
    at = static_cast<uint32_t>(levels_.size());
    levels_.Add();
  } else {
    free_level_ = levels_[at].first;
  }
  levels_[at] = {key,      0, kNowhere,
                 kNowhere, 0, static_cast<uint32_t>(book) << 1 | static_cast<uint32_t>(side)};
  return at;
}

// Puts an order behind all others of its price.
void MatchingEngine::Append(uint32_t slot, uint32_t at) {
  Level& level = levels_[at];
  if (level.first == kNowhere) {
    level.first = slot;
    level.last = slot;
  } else if (PW_BOOK_MUTANT(kNewestFirst, true, false)) {
    orders_[slot].next = level.first;
    orders_[level.first].prev = slot;
    level.first = slot;
  } else {
    orders_[slot].prev = level.last;
    orders_[level.last].next = slot;
    level.last = slot;
  }
  level.total_wh += orders_[slot].open_wh;
  ++level.orders;
}

// Takes an order out of the list of its level, which may be empty after.
void MatchingEngine::Unlink(uint32_t slot, Level& level) {
  const Resting& order = orders_[slot];
  level.total_wh -= PW_BOOK_MUTANT(kCancelLeavesTotal, 0, order.open_wh);
  --level.orders;
  if (level.first == level.last) {
    level.first = kNowhere;
  } else if (level.first == slot) {
    level.first = order.next;
  } else if (level.last == slot) {
    level.last = PW_BOOK_MUTANT(kTailIsNotMoved, slot, order.prev);
  } else {
    orders_[order.prev].next = order.next;
    orders_[order.next].prev = order.prev;
  }
}

// Frees the slot of an order that is in no list.
void MatchingEngine::Forget(Book& book, uint32_t slot) {
  Resting& order = orders_[slot];
  numbers_.Erase(order.number, slot);
  order.open_wh = 0;
  order.next = free_order_;
  free_order_ = slot;
  --book.resting;
}

// Takes an order out of the book.
void MatchingEngine::Leave(Book& book, uint32_t slot) {
  const uint32_t at = orders_[slot].level;
  Level& level = levels_[at];
  Unlink(slot, level);
  Forget(book, slot);
  if (level.first == kNowhere) {
    LadderOf(book, static_cast<Side>(level.book_and_side & 1)).Drop(level.key, blocks_);
    level.first = free_level_;
    free_level_ = at;
  }
}

Event& MatchingEngine::Emit(Book& book, EventKind kind, std::vector<Event>& events) {
  Event& event = events.emplace_back();
  event.sequence = ++book.sequence;
  event.kind = kind;
  return event;
}

Event& MatchingEngine::EmitResting(Book& book, EventKind kind, uint32_t slot,
                                   std::vector<Event>& events) {
  const Resting& order = orders_[slot];
  const uint32_t book_and_side = levels_[order.level].book_and_side;
  Event& event = Emit(book, kind, events);
  event.order = OrderNumber{order.number};
  event.energy = Energy::WattHours(order.open_wh);
  event.book = BookNumber{book_and_side >> 1};
  event.owner = OwnerNumber{order.owner};
  event.side = static_cast<Side>(book_and_side & 1);
  return event;
}

}  // namespace peerwatt::market::book
