// What an engine does to whole books: many commands at once, gate closure, and looking at a book.

#include <algorithm>

#include "libs/base/check.h"
#include "services/market/core/book/matching_engine.h"
#include "services/market/core/book/mutant.h"

namespace peerwatt::market::book {
namespace {

// How many commands ahead memory is asked for: far enough to have come, near enough to be still
// there. Each step reads what the one before asked for.
constexpr size_t kFirstAhead = 12;
constexpr size_t kSecondAhead = 8;
constexpr size_t kThirdAhead = 4;

}  // namespace

// Asks for what the command names: its book and its order's number.
void MatchingEngine::PrefetchFirst(const Command& command) const {
  numbers_.Prefetch(static_cast<uint64_t>(command.order));
  if (Index(command.book) < books_.size()) {
    const Book& book = books_[Index(command.book)];
    __builtin_prefetch(&book);
    __builtin_prefetch(&book.price_min);
  }
}

// Asks for the directory of its side's prices and for the price that it meets, or for the order.
void MatchingEngine::PrefetchSecond(const Command& command) const {
  if (Index(command.book) >= books_.size()) {
    return;
  }
  if (command.kind == CommandKind::kPlace) {
    const Book& book = books_[Index(command.book)];
    LadderOf(book, command.side).PrefetchSpans();
    const Ladder& met = LadderOf(book, Opposite(command.side));
    if (!met.empty()) {
      __builtin_prefetch(&levels_[met.best_level()]);
    }
  } else if (const uint32_t slot = numbers_.Guess(static_cast<uint64_t>(command.order));
             slot != kNowhere) {
    __builtin_prefetch(&orders_[slot]);
  }
}

// Asks for the prices among which the order would rest and for the order that it meets, or for the
// order's level and neighbours.
void MatchingEngine::PrefetchThird(const Command& command) const {
  if (Index(command.book) >= books_.size()) {
    return;
  }
  if (command.kind == CommandKind::kPlace) {
    const Book& book = books_[Index(command.book)];
    const int64_t key = KeyOf(command.side, command.limit.micros_per_kwh());
    LadderOf(book, command.side).PrefetchKey(key, blocks_);
    const Ladder& met = LadderOf(book, Opposite(command.side));
    if (!met.empty()) {
      __builtin_prefetch(orders_.data() + levels_[met.best_level()].first);
    }
  } else if (const uint32_t slot = numbers_.Guess(static_cast<uint64_t>(command.order));
             slot != kNowhere) {
    const Resting& order = orders_[slot];
    __builtin_prefetch(levels_.data() + order.level);
    __builtin_prefetch(orders_.data() + order.prev);
    __builtin_prefetch(orders_.data() + order.next);
  }
}

void MatchingEngine::Apply(absl::Span<const Command> commands, std::vector<Event>& events,
                           std::vector<Refusal>& refusals) {
  const bool is_one_book = std::all_of(commands.begin(), commands.end(), [&](const Command& other) {
    return other.book == commands[0].book;
  });
  const size_t count = commands.size();
  // What one book needs is near anyhow.
  for (size_t i = is_one_book ? kFirstAhead : 0; i < count + kFirstAhead; ++i) {
    if (!is_one_book) {
      if (i < count) {
        PrefetchFirst(commands[i]);
      }
      if (const size_t at = i - kFirstAhead + kSecondAhead; at < count) {
        PrefetchSecond(commands[at]);
      }
      if (const size_t at = i - kFirstAhead + kThirdAhead; at < count) {
        PrefetchThird(commands[at]);
      }
    }
    if (i >= kFirstAhead) {
      refusals.push_back(Apply(commands[i - kFirstAhead], events));
    }
  }
}

void MatchingEngine::Close(BookNumber number, std::vector<Event>& events) {
  if (Index(number) >= books_.size() || !books_[Index(number)].is_open) {
    return;
  }
  Book& book = books_[Index(number)];
  book.is_open = false;
  Expire(book, Side::kBid, events);
  if (PW_BOOK_MUTANT(kOffersDoNotExpire, false, true)) {
    Expire(book, Side::kOffer, events);
  }
}

void MatchingEngine::Release(BookNumber number) {
  PW_CHECK(!books_[Index(number)].is_open, "a book is closed before its number is used again");
  const uint32_t book = static_cast<uint32_t>(number);
  PW_CHECK(std::find(free_books_.begin(), free_books_.end(), book) == free_books_.end(),
           "a number is given back once");
  free_books_.push_back(book);
}

void MatchingEngine::Expire(Book& book, Side side, std::vector<Event>& events) {
  Ladder& ladder = LadderOf(book, side);
  while (!ladder.empty()) {
    const Ladder::Rung rung = ladder.Best();
    const uint32_t at = ladder.LevelAt(rung, blocks_);
    Level& level = levels_[at];
    while (level.first != kNowhere) {
      const uint32_t slot = level.first;
      EmitResting(book, EventKind::kExpired, slot, events);
      Unlink(slot, level);
      Forget(book, slot);
    }
    ladder.Drop(rung, blocks_);
    level.first = free_level_;
    free_level_ = at;
  }
}

BookSnapshot MatchingEngine::Snapshot(BookNumber number) const {
  const Book& book = books_[Index(number)];
  BookSnapshot snapshot;
  snapshot.sequence = book.sequence;
  snapshot.orders.reserve(book.resting);
  for (const Side side : {Side::kBid, Side::kOffer}) {
    const Ladder& ladder = LadderOf(book, side);
    if (ladder.empty()) {
      continue;
    }
    Ladder::Rung rung = ladder.Best();
    do {
      const Level& level = levels_[ladder.LevelAt(rung, blocks_)];
      for (uint32_t slot = level.first;; slot = orders_[slot].next) {
        const Resting& order = orders_[slot];
        snapshot.orders.push_back({OrderNumber{order.number}, OwnerNumber{order.owner}, side,
                                   Price::MicrosPerKwh(KeyOf(side, level.key)),
                                   Energy::WattHours(order.open_wh),
                                   Energy::WattHours(energies_wh_[slot])});
        if (slot == level.last) {
          break;
        }
      }
    } while (ladder.Descend(rung));
  }
  return snapshot;
}

std::vector<DepthLevel> MatchingEngine::Depth(BookNumber book, Side side, size_t levels_max) const {
  const Ladder& ladder = LadderOf(books_[Index(book)], side);
  std::vector<DepthLevel> depth;
  if (ladder.empty()) {
    return depth;
  }
  Ladder::Rung rung = ladder.Best();
  do {
    if (depth.size() == levels_max) {
      break;
    }
    const Level& level = levels_[ladder.LevelAt(rung, blocks_)];
    depth.push_back({Price::MicrosPerKwh(KeyOf(side, level.key)), Energy::WattHours(level.total_wh),
                     level.orders});
  } while (ladder.Descend(rung));
  return depth;
}

}  // namespace peerwatt::market::book
