// Times continuous matching in memory, one core, against another engine on the same streams: one
// book and 1,000 books, without and with 40 % cancellations. Prints one JSON line per stream:
// medians of interleaved repetitions, commands in groups and one by one. Every engine starts empty
// and finds its memory within the time that is taken.
//
//   bench_book [STREAM …]

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bench/market/book_peer.h"
#include "bench/market/timing.h"
#include "libs/base/check.h"
#include "services/market/core/book/matching_engine.h"

namespace peerwatt::market::book {
namespace {

using ::peerwatt::bench::Median;
using ::peerwatt::bench::ThreadSeconds;

constexpr uint64_t kSeed = 20'260'701;
constexpr size_t kCommands = 1'000'000;
// Orders that rest before the first is cancelled.
constexpr size_t kFilled = 200'000;
// As many as a commit of a service takes together.
constexpr size_t kGroup = 256;
constexpr int kRepetitions = 7;

// What cancellations name.
enum class Cancels { kNone, kResting, kAnyEarlier };

struct Stream {
  const char* name;
  uint32_t books;
  int64_t ticks;
  Cancels cancels;
};

// Without cancellations, and where they name any earlier order, gone or not: bids and offers
// anywhere within the ticks around one price, so that half of them trade at once. Where they name a
// resting order: books that are filled first, and then one order in six that may trade at once, so
// that as many leave as come.
constexpr Stream kStreams[] = {
    {"one_1000", 1, 1'000, Cancels::kNone},
    {"one_10", 1, 10, Cancels::kNone},
    {"one_cancels", 1, 1'000, Cancels::kResting},
    {"thousand", 1'000, 1'000, Cancels::kNone},
    {"thousand_cancels", 1'000, 1'000, Cancels::kResting},
    {"thousand_stale_cancels", 1'000, 1'000, Cancels::kAnyEarlier},
};
constexpr int64_t kCancelPercent = 40;

// The orders that rest, as the events tell.
class RestingOrders {
 public:
  /// Any of them; it no longer counts as resting.
  Command Take(uint64_t chance) {
    const Command taken = orders_[chance % orders_.size()];
    Drop(taken.order);
    return taken;
  }
  /// What became of a placed order.
  void Follow(const Command& placed, const std::vector<Event>& events) {
    int64_t open_wh = placed.energy.wh();
    for (const Event& event : events) {
      if (event.kind == EventKind::kTraded) {
        open_wh -= event.energy.wh();
        int64_t& resting_wh = open_wh_[static_cast<uint64_t>(event.resting)];
        resting_wh -= event.energy.wh();
        if (resting_wh == 0) {
          Drop(event.resting);
        }
      }
    }
    if (open_wh > 0) {
      open_wh_[static_cast<uint64_t>(placed.order)] = open_wh;
      at_[static_cast<uint64_t>(placed.order)] = orders_.size();
      orders_.push_back(placed);
    }
  }

 private:
  void Drop(OrderNumber order) {
    const size_t at = at_[static_cast<uint64_t>(order)];
    at_[static_cast<uint64_t>(orders_.back().order)] = at;
    orders_[at] = orders_.back();
    orders_.pop_back();
  }

  std::vector<Command> orders_;
  std::vector<size_t> at_ = std::vector<size_t>(kCommands + 1);
  std::vector<int64_t> open_wh_ = std::vector<int64_t>(kCommands + 1);
};

class Drawing {
 public:
  explicit Drawing(const Stream& stream) : stream_(stream), random_(kSeed) {
    for (uint32_t i = 0; i < stream.books; ++i) {
      engine_.Open(BookRules());
    }
  }

  Command Next() {
    const bool is_filling = stream_.cancels == Cancels::kResting && number_ < kFilled;
    const bool cancels = stream_.cancels != Cancels::kNone && number_ > 0 && !is_filling &&
                         Draw(1, 100) <= kCancelPercent;
    Command command = cancels ? Cancellation() : Placement(is_filling);
    if (stream_.cancels == Cancels::kResting) {
      std::vector<Event> events;
      engine_.Apply(command, events);
      if (!cancels) {
        resting_.Follow(command, events);
      }
    }
    return command;
  }

 private:
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  Command Cancellation() {
    Command command;
    if (stream_.cancels == Cancels::kResting) {
      command = resting_.Take(random_());
    } else {
      std::swap(placed_[random_() % placed_.size()], placed_.back());
      command = placed_.back();
      placed_.pop_back();
    }
    command.kind = CommandKind::kCancel;
    return command;
  }

  Command Placement(bool is_filling) {
    constexpr int64_t kTick = 1'000;
    constexpr int64_t kCenter = 2'000 * kTick;
    Command command;
    command.book = BookNumber{static_cast<uint32_t>(Draw(0, stream_.books - 1))};
    command.order = OrderNumber{++number_};
    // Everybody another owner: the peers know of none.
    command.owner = OwnerNumber{static_cast<uint32_t>(number_)};
    command.side = Draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
    command.energy = Energy::WattHours(Draw(1, 2'000));
    int64_t away = Draw(-stream_.ticks, stream_.ticks);
    if (stream_.cancels == Cancels::kResting && (is_filling || Draw(1, 6) > 1)) {
      away = command.side == Side::kBid ? -std::abs(away) : std::abs(away);
    }
    command.limit = Price::MicrosPerKwh(kCenter + kTick * away);
    if (stream_.cancels == Cancels::kAnyEarlier) {
      placed_.push_back(command);
    }
    return command;
  }

  const Stream& stream_;
  std::mt19937_64 random_;
  uint64_t number_ = 0;
  MatchingEngine engine_;
  RestingOrders resting_;
  std::vector<Command> placed_;
};

std::vector<Command> DrawCommands(const Stream& stream) {
  Drawing drawing(stream);
  std::vector<Command> commands(kCommands);
  for (Command& command : commands) {
    command = drawing.Next();
  }
  return commands;
}

void Count(const std::vector<Event>& events, StreamOutcome& outcome) {
  for (const Event& event : events) {
    if (event.kind == EventKind::kTraded) {
      ++outcome.trades;
      outcome.traded_wh += event.energy.wh();
    }
    outcome.cancelled += event.kind == EventKind::kCancelled;
  }
}

std::unique_ptr<MatchingEngine> MakeEngine(uint32_t books) {
  auto engine = std::make_unique<MatchingEngine>();
  for (uint32_t i = 0; i < books; ++i) {
    engine->Open(BookRules());
  }
  return engine;
}

StreamOutcome Run(MatchingEngine& engine, const std::vector<Command>& commands, size_t group) {
  StreamOutcome outcome;
  std::vector<Event> events;
  std::vector<Refusal> refusals;
  for (size_t from = 0; from < commands.size(); from += group) {
    events.clear();
    refusals.clear();
    if (group == 1) {
      engine.Apply(commands[from], events);
    } else {
      engine.Apply(absl::MakeSpan(commands).subspan(from, group), events, refusals);
    }
    Count(events, outcome);
  }
  return outcome;
}

void Measure(const Stream& stream) {
  const std::vector<Command> commands = DrawCommands(stream);
  StreamOutcome outcome;
  std::vector<double> grouped_seconds;
  std::vector<double> single_seconds;
  std::vector<double> peer_seconds;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto engine = MakeEngine(stream.books);
    double start = ThreadSeconds();
    const StreamOutcome grouped = Run(*engine, commands, kGroup);
    grouped_seconds.push_back(ThreadSeconds() - start);
    const auto other = MakeEngine(stream.books);
    start = ThreadSeconds();
    const StreamOutcome single = Run(*other, commands, 1);
    single_seconds.push_back(ThreadSeconds() - start);
    const auto peer = MakePeer(stream.books);
    start = ThreadSeconds();
    outcome = peer->Run(commands);
    peer_seconds.push_back(ThreadSeconds() - start);
    PW_CHECK(grouped == outcome && single == outcome, "all must come to the same");
  }
  std::printf(
      "{\"stream\":\"%s\",\"commands\":%zu,\"trades\":%lld,\"cancelled\":%lld,\"peer\":\"%s\","
      "\"grouped_seconds\":%.6f,\"single_seconds\":%.6f,\"peer_seconds\":%.6f}\n",
      stream.name, commands.size(), static_cast<long long>(outcome.trades),
      static_cast<long long>(outcome.cancelled), PeerName(), Median(grouped_seconds),
      Median(single_seconds), Median(peer_seconds));
  std::fflush(stdout);
}

}  // namespace
}  // namespace peerwatt::market::book

int main(int argc, char** argv) {
  for (const auto& stream : peerwatt::market::book::kStreams) {
    const auto is_named = [&](const char* name) { return std::strcmp(name, stream.name) == 0; };
    if (argc == 1 || std::any_of(argv + 1, argv + argc, is_named)) {
      peerwatt::market::book::Measure(stream);
    }
  }
  return 0;
}
