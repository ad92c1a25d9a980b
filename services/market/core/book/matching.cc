// How an incoming order meets the other side of its book.

#include <algorithm>

#include "services/market/core/book/matching_engine.h"
#include "services/market/core/book/mutant.h"

namespace peerwatt::market::book {

// Adds up what a fill-or-kill order would trade in one level. Returns whether nothing behind counts
// any more: it is enough, or an order of its own stands in the way.
bool MatchingEngine::TradesBlocked(const Level& level, const Incoming& incoming, SelfTradeMode mode,
                                   int64_t& found_wh) const {
  const bool stops = mode == SelfTradeMode::kCancelNewest &&
                     PW_BOOK_MUTANT(kFillOrKillCountsBehindOwnOrder, false, true);
  for (uint32_t slot = level.first;; slot = orders_[slot].next) {
    const Resting& resting = orders_[slot];
    if (OwnerNumber{resting.owner} != incoming.owner ||
        PW_BOOK_MUTANT(kFillOrKillCountsOwnOrders, true, false)) {
      found_wh += resting.open_wh;
    } else if (stops) {
      return true;
    }
    if (found_wh >= incoming.open_wh) {
      return true;
    }
    if (slot == level.last) {
      return false;
    }
  }
}

bool MatchingEngine::CanFill(const Book& book, const Incoming& incoming) const {
  const Side opposite = Opposite(incoming.side);
  const Ladder& ladder = LadderOf(book, opposite);
  const int64_t key_min = KeyOf(opposite, incoming.limit);
  if (ladder.empty()) {
    return false;
  }
  // First by the totals of the prices, which bound what there is without reading any order.
  int64_t total_wh = 0;
  Ladder::Rung rung = ladder.Best();
  do {
    const Level& level = levels_[ladder.LevelAt(rung, blocks_)];
    if (level.key < key_min && PW_BOOK_MUTANT(kFillOrKillCountsBeyondLimit, false, true)) {
      break;
    }
    total_wh += level.total_wh;
  } while (total_wh < incoming.open_wh && ladder.Descend(rung));
  if (total_wh < incoming.open_wh) {
    return false;
  }
  int64_t found_wh = 0;
  rung = ladder.Best();
  do {
    const Level& level = levels_[ladder.LevelAt(rung, blocks_)];
    if ((level.key < key_min && PW_BOOK_MUTANT(kFillOrKillCountsBeyondLimit, false, true)) ||
        TradesBlocked(level, incoming, book.self_trade_mode, found_wh)) {
      break;
    }
  } while (ladder.Descend(rung));
  return found_wh >= incoming.open_wh;
}

// Trades with the other side in price-time priority. Returns whether the rest has to be cancelled
// because an order of the same owner stands in the way.
bool MatchingEngine::Match(Book& book, Incoming& incoming, std::vector<Event>& events) {
  const Side opposite = Opposite(incoming.side);
  Ladder& ladder = LadderOf(book, opposite);
  const int64_t key_min = KeyOf(opposite, incoming.limit);
  if (ladder.best_key() < key_min || ladder.empty()) {
    return false;
  }
  Ladder::Rung rung = ladder.Best();
  uint32_t at = ladder.best_level();
  for (;;) {
    Level& level = levels_[at];
    if (PW_BOOK_MUTANT(kEqualPricesDoNotTrade, level.key <= key_min, level.key < key_min)) {
      return false;
    }
    const bool met_own_order = MatchLevel(book, level, incoming, events);
    if (level.first == kNowhere && PW_BOOK_MUTANT(kEmptyLevelStays, false, true)) {
      ladder.Drop(rung, blocks_);
      level.first = free_level_;
      free_level_ = at;
    }
    if (met_own_order || incoming.open_wh == 0 || !ladder.Descend(rung)) {
      return met_own_order;
    }
    at = ladder.LevelAt(rung, blocks_);
  }
}

bool MatchingEngine::MatchLevel(Book& book, Level& level, Incoming& incoming,
                                std::vector<Event>& events) {
  uint32_t slot = level.first;
  bool is_last = false;
  while (!is_last && incoming.open_wh > 0) {
    Resting& resting = orders_[slot];
    const uint32_t next = resting.next;
    __builtin_prefetch(&orders_[next]);
    is_last = slot == level.last;
    if (OwnerNumber{resting.owner} == incoming.owner &&
        PW_BOOK_MUTANT(kOwnersTradeWithThemselves, false, true)) {
      if (book.self_trade_mode == SelfTradeMode::kCancelNewest) {
        return true;
      }
      if (book.self_trade_mode == SelfTradeMode::kCancelResting &&
          PW_BOOK_MUTANT(kCancelRestingPassesOver, false, true)) {
        EmitResting(book, EventKind::kCancelled, slot, events).reason = CancelReason::kSelfTrade;
        Unlink(slot, level);
        Forget(book, slot);
      }
      slot = next;
      continue;
    }
    const int64_t energy_wh = std::min(resting.open_wh, incoming.open_wh);
    Event& event = Emit(book, EventKind::kTraded, events);
    event.order = incoming.order;
    event.resting = OrderNumber{resting.number};
    event.energy = Energy::WattHours(energy_wh);
    event.price = Price::MicrosPerKwh(PW_BOOK_MUTANT(kTradesAtIncomingPrice, incoming.limit,
                                                     KeyOf(Opposite(incoming.side), level.key)));
    event.book = incoming.book;
    event.owner = incoming.owner;
    event.side = incoming.side;
    incoming.open_wh -= energy_wh;
    if (resting.open_wh == energy_wh) {
      Unlink(slot, level);
      Forget(book, slot);
    } else {
      resting.open_wh -= energy_wh;
      level.total_wh -= energy_wh;
      if (PW_BOOK_MUTANT(kPartTradedLosesPriority, !is_last, false)) {
        Unlink(slot, level);
        Append(slot, resting.level);
      }
    }
    slot = next;
  }
  return false;
}

}  // namespace peerwatt::market::book
