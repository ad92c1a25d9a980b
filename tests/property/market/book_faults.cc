#include "tests/property/market/book_faults.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "services/market/core/book/matching_engine.h"
#include "tests/property/market/naive_book.h"

namespace peerwatt::market::book {
namespace {

constexpr uint64_t kBooks = 3;
constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();

// One engine with three books of the same kind, and a naive book beside each.
class Course {
 public:
  explicit Course(uint64_t seed) : random_(seed) {
    owners_ = Draw(1, 6);
    energy_max_ = Draw(0, 3) == 0 ? kEnergyMax.wh() : Draw(1, 40);
    // From one price to a few, to more than a block of the ladder holds, to all there are.
    constexpr int64_t kSpans[] = {1, 4, 25, 400, 400, 100'000};
    span_ = kSpans[Draw(0, 5)];
    center_ = Draw(-60, 60);
    is_boundless_ = Draw(0, 9) == 0;
    passive_percent_ = Draw(0, 1) == 0 ? 95 : Draw(0, 60);
    cancel_percent_ = Draw(2, 40);
    amend_percent_ = Draw(2, 25);
    for (uint64_t i = 0; i < kBooks; ++i) {
      BookRules rules;
      rules.price_min = Price::MicrosPerKwh(is_boundless_ ? kLow : center_ - span_);
      rules.price_max = Price::MicrosPerKwh(is_boundless_ ? kHigh : center_ + span_);
      rules.self_trade_mode = static_cast<SelfTradeMode>(Draw(0, 2));
      rules.resting_orders_max =
          Draw(0, 3) == 0 ? static_cast<uint32_t>(Draw(1, 60)) : kRestingOrdersMax;
      rules_.push_back(rules);
      naive_.emplace_back(engine_.Open(rules), rules);
      followers_.emplace_back(BookSnapshot());
    }
  }

  Trial Run(int commands) {
    while (trial_.commands < commands && trial_.fault.empty()) {
      std::vector<Command> group(static_cast<size_t>(Draw(1, 40)));
      for (Command& command : group) {
        command = Next();
      }
      trial_.fault = Send(group);
      trial_.commands += static_cast<int64_t>(group.size());
      const uint64_t book = static_cast<uint64_t>(Draw(0, kBooks - 1));
      if (trial_.fault.empty()) {
        trial_.fault = Compare(book);
      }
      if (Draw(0, 30) == 0) {
        Restart(book);
      }
    }
    for (uint64_t book = 0; book < kBooks && trial_.fault.empty(); ++book) {
      trial_.fault = CloseBook(book);
    }
    return trial_;
  }

 private:
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool Percent(int64_t percent) { return Draw(1, 100) <= percent; }

  Price DrawPrice(Side side) {
    if (is_boundless_) {
      constexpr int64_t kNearBounds[] = {kLow, kLow + 1, -1, 0, 1, kHigh - 1, kHigh};
      return Price::MicrosPerKwh(Percent(50) ? kNearBounds[Draw(0, 6)] : Draw(kLow, kHigh));
    }
    // Passive orders stay on their own half, so that the book grows.
    if (Percent(passive_percent_)) {
      return Price::MicrosPerKwh(side == Side::kBid ? Draw(center_ - span_, center_)
                                                    : Draw(center_, center_ + span_));
    }
    const int64_t beyond = Percent(3) ? 2 : 0;
    return Price::MicrosPerKwh(Draw(center_ - span_ - beyond, center_ + span_ + beyond));
  }

  Energy DrawEnergy() {
    return Energy::WattHours(Percent(1) ? Draw(-1, 0) : Draw(1, energy_max_ + Percent(1)));
  }

  // An order that was placed not long ago; now and then one of another book or of none.
  OrderNumber DrawPlaced(uint64_t book) {
    const int64_t back = Draw(1, std::min<int64_t>(placed_ + 1, Percent(50) ? 20 : 400));
    const uint64_t of = Percent(2) ? (book + 1) % kBooks : book;
    return OrderNumber{static_cast<uint64_t>(std::max<int64_t>(placed_ - back, 0)) * kBooks + of};
  }

  Command Next() {
    const uint64_t book = static_cast<uint64_t>(Draw(0, kBooks - 1));
    Command command;
    command.book = NumberOf(book);
    command.owner = OwnerNumber{static_cast<uint32_t>(Draw(1, owners_))};
    command.side = Draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
    command.energy = DrawEnergy();
    command.limit = DrawPrice(command.side);
    const int64_t kind = Draw(1, 100);
    if (kind <= cancel_percent_) {
      command.kind = CommandKind::kCancel;
      command.order = DrawPlaced(book);
    } else if (kind <= cancel_percent_ + amend_percent_) {
      command.kind = CommandKind::kAmend;
      command.order = DrawPlaced(book);
      FitAmendment(book, command);
    } else {
      const uint64_t placed = static_cast<uint64_t>(Percent(1) ? Draw(0, placed_) : placed_++);
      command.order = OrderNumber{placed * kBooks + book};
      command.order_kind = Percent(10) ? OrderKind::kMarket : OrderKind::kLimit;
      command.validity = Percent(70)   ? Validity::kGoodTillClosure
                         : Percent(50) ? Validity::kImmediateOrCancel
                                       : Validity::kFillOrKill;
    }
    return command;
  }

  // Most amendments keep the price, or come near the energy that the order has.
  void FitAmendment(uint64_t book, Command& command) {
    for (const RestingOrder& order : naive_[book].Snapshot().orders) {
      if (order.order == command.order) {
        command.limit = Percent(70) ? order.limit : DrawPrice(order.side);
        if (Percent(60)) {
          command.energy = Energy::WattHours(order.energy.wh() + Draw(-2, 2));
        }
      }
    }
  }

  std::string Send(const std::vector<Command>& group) {
    std::vector<Event> events;
    std::vector<Event> expected;
    std::vector<Refusal> refusals;
    std::vector<Refusal> expected_refusals;
    for (const Command& command : group) {
      NaiveBook& naive = naive_[IndexOf(command.book)];
      expected_refusals.push_back(naive.Apply(command, expected));
      trial_.refused += expected_refusals.back() != Refusal::kNone;
    }
    if (Percent(50)) {
      engine_.Apply(group, events, refusals);
    } else {
      for (const Command& command : group) {
        refusals.push_back(engine_.Apply(command, events));
      }
    }
    if (refusals != expected_refusals) {
      return "another refusal";
    }
    for (const Event& event : expected) {
      trial_.trades += event.kind == EventKind::kTraded;
    }
    return Follow(events, expected);
  }

  std::string Follow(const std::vector<Event>& events, const std::vector<Event>& expected) {
    if (events != expected) {
      return "other events";
    }
    for (const Event& event : events) {
      if (!followers_[IndexOf(event.book)].Follow(event)) {
        return "an event that does not follow";
      }
    }
    return "";
  }

  std::string Compare(uint64_t book) {
    const BookNumber number = NumberOf(book);
    BookSnapshot snapshot = engine_.Snapshot(number);
    if (snapshot != naive_[book].Snapshot() || snapshot.sequence != engine_.sequence(number)) {
      return "another snapshot";
    }
    trial_.resting_max = std::max(trial_.resting_max, static_cast<int64_t>(snapshot.orders.size()));
    const size_t levels_max = static_cast<size_t>(Draw(0, 100));
    for (const Side side : {Side::kBid, Side::kOffer}) {
      if (engine_.Depth(number, side, levels_max) != naive_[book].Depth(side, levels_max)) {
        return "another depth";
      }
    }
    for (const RestingOrder& bid : snapshot.orders) {
      for (const RestingOrder& offer : snapshot.orders) {
        if (bid.side == Side::kBid && offer.side == Side::kOffer && bid.limit >= offer.limit &&
            bid.owner != offer.owner) {
          return "orders are left crossing";
        }
      }
    }
    for (RestingOrder& order : snapshot.orders) {
      order.energy = Energy();
    }
    return followers_[book].View() == snapshot ? "" : "a follower sees another book";
  }

  // Goes on with a book that is opened from a snapshot of the old one, under a new number.
  void Restart(uint64_t book) {
    const BookSnapshot snapshot = engine_.Snapshot(NumberOf(book));
    std::vector<Event> events;
    engine_.Close(NumberOf(book), events);
    engine_.Release(NumberOf(book));
    const BookNumber reopened = engine_.Open(rules_[book], snapshot);
    // The only released number is taken again, so the naive book's number stands.
    if (reopened != NumberOf(book) || engine_.Snapshot(reopened) != snapshot) {
      trial_.fault = "a snapshot opens another book";
    }
    followers_[book] = Follower(snapshot);
  }

  std::string CloseBook(uint64_t book) {
    std::vector<Event> events;
    std::vector<Event> expected;
    engine_.Close(NumberOf(book), events);
    naive_[book].Close(expected);
    std::string fault = Follow(events, expected);
    if (fault.empty()) {
      fault = Compare(book);
    }
    if (fault.empty()) {
      fault = Send({Next(), Next()});
    }
    return fault;
  }

  static BookNumber NumberOf(uint64_t book) { return BookNumber{static_cast<uint32_t>(book)}; }
  static size_t IndexOf(BookNumber book) { return static_cast<size_t>(book); }

  std::mt19937_64 random_;
  int64_t owners_ = 0;
  int64_t energy_max_ = 0;
  int64_t span_ = 0;
  int64_t center_ = 0;
  bool is_boundless_ = false;
  int64_t passive_percent_ = 0;
  int64_t cancel_percent_ = 0;
  int64_t amend_percent_ = 0;
  int64_t placed_ = 0;
  MatchingEngine engine_;
  std::vector<BookRules> rules_;
  std::vector<NaiveBook> naive_;
  std::vector<Follower> followers_;
  Trial trial_;
};

}  // namespace

Trial TryBooks(uint64_t seed, int courses, int commands) {
  Trial all;
  for (int i = 0; i < courses && all.fault.empty(); ++i) {
    const Trial trial = Course(seed + static_cast<uint64_t>(i)).Run(commands);
    all.fault = trial.fault.empty() ? "" : trial.fault + " in course " + std::to_string(i);
    all.commands += trial.commands;
    all.trades += trial.trades;
    all.refused += trial.refused;
    all.resting_max = std::max(all.resting_max, trial.resting_max);
  }
  return all;
}

}  // namespace peerwatt::market::book
