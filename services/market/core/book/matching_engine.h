#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/market/core/book/arena_array.h"
#include "services/market/core/book/ladder.h"
#include "services/market/core/book/number_map.h"
#include "services/market/core/book/values.h"

namespace peerwatt::market::book {

/// Room that an engine takes at once, so that it allocates nothing while it matches. What goes
/// beyond is allocated when it is needed.
struct EngineRoom {
  size_t resting_orders = 0;
  /// Prices with orders, over all books and both sides.
  size_t levels = 0;
};

/// The continuous double auctions of a shard: any number of order books, which share their memory.
/// Price-time priority; trades at the resting order's price; integers only; what happens depends on
/// nothing but the commands. Not for use by several threads at once.
///
/// A command costs O(log p + t), p prices on its side, t orders that it trades with, cancels or
/// passes over; a fill-or-kill order reads them twice.
class MatchingEngine {
 public:
  explicit MatchingEngine(EngineRoom room = {});

  /// Opens an empty book. rules: price_min <= price_max.
  BookNumber Open(const BookRules& rules);
  /// Opens a book as it was; numbers of its orders must not rest in the engine.
  BookNumber Open(const BookRules& rules, const BookSnapshot& snapshot);

  /// Carries out one command and appends its events. A refused command changes nothing.
  ///
  /// Place: trades with the other side while prices cross and energy is left; the rest rests, or is
  /// cancelled as its validity says. Refusals: kBookUnknown, kBookClosed, kValidityInvalid,
  /// kEnergyOutOfRange, kPriceOutOfRange, kOrderExists, kBookFull.
  /// Amend: at the same price, to no more open energy than before, the order keeps its priority;
  /// else it leaves and enters again as the newest, and may trade. Amended to no more than it has
  /// traded, it is cancelled. Refusals: kBookUnknown, kBookClosed, kEnergyOutOfRange,
  /// kPriceOutOfRange, kOrderUnknown.
  /// Cancel: the order leaves. Refusals: kBookUnknown, kBookClosed, kOrderUnknown.
  Refusal Apply(const Command& command, std::vector<Event>& events);

  /// The same for each of `commands` in their order, of one book or of many; faster than one by
  /// one, because what later ones need is fetched while earlier ones are carried out.
  /// Appends a refusal for each.
  void Apply(absl::Span<const Command> commands, std::vector<Event>& events,
             std::vector<Refusal>& refusals);

  /// Gate closure: what rests expires, bids first, each side in priority. The book takes no
  /// command any more. Does nothing to a closed or unknown book.
  void Close(BookNumber book, std::vector<Event>& events);

  /// Gives the place of a closed book back: its number may come to stand for a new one.
  void Release(BookNumber book);

  /// All that rests, and after which event. book: one of this engine, here and below.
  BookSnapshot Snapshot(BookNumber book) const;
  /// The best prices of one side, best first, at most `levels_max`.
  std::vector<DepthLevel> Depth(BookNumber book, Side side, size_t levels_max) const;
  /// The number of the last event of a book; 0 when there is none.
  uint64_t sequence(BookNumber book) const { return books_[Index(book)].sequence; }

 private:
  /// A resting order: half a cache line. It stands in the list of its level.
  struct alignas(32) Resting {
    uint64_t number;
    int64_t open_wh;  ///< 0 in a free slot.
    uint32_t prev;    ///< Some slot in the first of a level.
    uint32_t next;    ///< Some slot in the last of a level; in a free slot the next free one.
    uint32_t level;
    uint32_t owner;
  };

  /// What rests at one price of one side of one book.
  struct alignas(32) Level {
    int64_t key;
    int64_t total_wh;
    uint32_t first;  ///< kNowhere when empty; in a free level the next free one.
    uint32_t last;
    uint32_t orders;
    uint32_t book_and_side;
  };

  struct alignas(64) Book {
    Ladder sides[2];
    int64_t price_min;
    int64_t price_max;
    uint64_t sequence;
    uint32_t resting;
    uint32_t resting_max;
    SelfTradeMode self_trade_mode;
    bool is_open;
  };

  /// An order on its way in.
  struct Incoming {
    OrderNumber order;
    OwnerNumber owner;
    BookNumber book;
    Side side;
    Validity validity;
    int64_t limit;
    int64_t open_wh;
    int64_t energy_wh;
  };

  static size_t Index(BookNumber book) { return static_cast<size_t>(book); }
  static Side Opposite(Side side) { return side == Side::kBid ? Side::kOffer : Side::kBid; }
  static Ladder& LadderOf(Book& book, Side side) { return book.sides[static_cast<size_t>(side)]; }
  static const Ladder& LadderOf(const Book& book, Side side) {
    return book.sides[static_cast<size_t>(side)];
  }
  uint32_t FindSlot(OrderNumber order) const;
  uint32_t FindSlot(const Book& book, const Command& command) const;

  Refusal Place(Book& book, const Command& command, std::vector<Event>& events);
  Refusal Amend(Book& book, const Command& command, std::vector<Event>& events);
  Refusal Cancel(Book& book, const Command& command, std::vector<Event>& events);

  void Enter(Book& book, Incoming& incoming, std::vector<Event>& events);
  bool CanFill(const Book& book, const Incoming& incoming) const;
  bool TradesBlocked(const Level& level, const Incoming& incoming, SelfTradeMode mode,
                     int64_t& found_wh) const;
  bool Match(Book& book, Incoming& incoming, std::vector<Event>& events);
  bool MatchLevel(Book& book, Level& level, Incoming& incoming, std::vector<Event>& events);
  void Rest(Book& book, const Incoming& incoming);

  uint32_t MakeLevel(int64_t key, BookNumber book, Side side);
  void Append(uint32_t slot, uint32_t level);
  void Unlink(uint32_t slot, Level& level);
  void Forget(Book& book, uint32_t slot);
  void Leave(Book& book, uint32_t slot);
  void Expire(Book& book, Side side, std::vector<Event>& events);

  Event& Emit(Book& book, EventKind kind, std::vector<Event>& events);
  Event& EmitResting(Book& book, EventKind kind, uint32_t slot, std::vector<Event>& events);

  // Inline, because the compiler takes a function that only prefetches for one without effect.
  [[gnu::always_inline]] inline void PrefetchFirst(const Command& command) const;
  [[gnu::always_inline]] inline void PrefetchSecond(const Command& command) const;
  [[gnu::always_inline]] inline void PrefetchThird(const Command& command) const;

  std::vector<Book> books_;
  std::vector<uint32_t> free_books_;
  ArenaArray<Resting> orders_;
  /// Open and traded energy of the order in the same slot: read only when it is amended.
  ArenaArray<int64_t> energies_wh_;
  ArenaArray<Level> levels_;
  LadderBlocks blocks_;
  NumberMap numbers_;
  uint32_t free_order_ = kNowhere;
  uint32_t free_level_ = kNowhere;
};

}  // namespace peerwatt::market::book
