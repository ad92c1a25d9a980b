// Times the clearing of one zone, all rules, a fill per order, against its limit: sorting the same
// orders with std::sort and one sweep over them, without fills. Timed as well: orders with ids and
// names, as the service reads them from its store, cleared, paired and proved; the same with what
// becomes of each order and the hash; and another engine that matches the same orders one by one.
// Prints one JSON line per book size: medians of interleaved repetitions.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/market/book_peer.h"
#include "bench/market/timing.h"
#include "libs/base/check.h"
#include "services/market/core/auction_hash.h"
#include "services/market/core/clearing.h"
#include "services/market/core/clearing/one_zone.h"
#include "services/market/core/gate_closure.h"

namespace peerwatt::market {
namespace {

using ::peerwatt::bench::Median;
using ::peerwatt::bench::SecondsOf;

constexpr uint64_t kSeed = 20'260'701;

// What the limit sorts: only what a sweep needs of an order.
struct BareOrder {
  int64_t limit;
  int64_t energy_wh;
};

using clearing::Entry;
using clearing::Way;

// Owners hold about eight orders each.
std::vector<Entry> RandomBook(size_t size) {
  std::mt19937_64 random(kSeed);
  std::uniform_int_distribution<int32_t> price(50'000, 350'000);
  std::uniform_int_distribution<int64_t> energy(1, 2'000);
  std::uniform_int_distribution<uint32_t> owner(0, static_cast<uint32_t>(size / 8));
  std::vector<Entry> book(size);
  for (Entry& entry : book) {
    const Way way = random() % 2 == 0 ? Way::kBuy : Way::kSell;
    const Energy wh = Energy::WattHours(energy(random));
    entry = MakeEntry(way, owner(random), wh, Price::MicrosPerKwh(price(random)));
  }
  return book;
}

// The same book as the service reads it from its store.
std::vector<Order> Named(const std::vector<Entry>& book) {
  std::vector<Order> orders(book.size());
  for (size_t i = 0; i < book.size(); ++i) {
    orders[i].id = OrderId("o" + std::to_string(i));
    orders[i].participant = ParticipantId("p" + std::to_string(book[i].owner()));
    orders[i].side = book[i].way() == Way::kBuy ? Side::kBid : Side::kOffer;
    orders[i].energy = book[i].energy;
    orders[i].limit = Price::MicrosPerKwh(book[i].limit);
    orders[i].create_time = absl::FromUnixMicros(static_cast<int64_t>(i));
    orders[i].state = OrderState::kActive;
  }
  return orders;
}

// The same book as commands of continuous matching.
std::vector<book::Command> Commands(const std::vector<Entry>& entries) {
  std::vector<book::Command> commands(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    commands[i].owner = static_cast<book::OwnerNumber>(entries[i].owner());
    commands[i].order = static_cast<book::OrderNumber>(i + 1);
    commands[i].energy = entries[i].energy;
    commands[i].limit = Price::MicrosPerKwh(entries[i].limit);
    commands[i].side = entries[i].way() == Way::kBuy ? Side::kBid : Side::kOffer;
  }
  return commands;
}

// The energy that trades, by std::sort and a sweep.
int64_t SortAndSweep(std::vector<BareOrder>& bids, std::vector<BareOrder>& offers) {
  std::sort(bids.begin(), bids.end(),
            [](const BareOrder& a, const BareOrder& b) { return a.limit > b.limit; });
  std::sort(offers.begin(), offers.end(),
            [](const BareOrder& a, const BareOrder& b) { return a.limit < b.limit; });
  int64_t energy = 0;
  size_t bid = 0;
  size_t offer = 0;
  while (bid < bids.size() && offer < offers.size() && bids[bid].limit >= offers[offer].limit) {
    const int64_t step = std::min(bids[bid].energy_wh, offers[offer].energy_wh);
    energy += step;
    bids[bid].energy_wh -= step;
    offers[offer].energy_wh -= step;
    if (bids[bid].energy_wh == 0) {
      ++bid;
    }
    if (offers[offer].energy_wh == 0) {
      ++offer;
    }
  }
  return energy;
}

// What is timed of one size; empty where it is not.
struct Times {
  std::vector<double> clear;
  std::vector<double> sort;
  std::vector<double> named;
  std::vector<double> decide;
  std::vector<double> hash_input;
  std::vector<double> peer;
};

void Print(size_t size, const Times& times) {
  std::printf("{\"orders\":%zu,\"peer\":\"%s\"", size, book::PeerName());
  const auto add = [](const char* name, const std::vector<double>& seconds) {
    if (!seconds.empty()) {
      std::printf(",\"%s_seconds\":%.9f", name, Median(seconds));
    }
  };
  add("clear", times.clear);
  add("sort", times.sort);
  add("named", times.named);
  add("decide", times.decide);
  add("hash_input", times.hash_input);
  add("peer", times.peer);
  std::printf("}\n");
  std::fflush(stdout);
}

void MeasureNamed(const std::vector<Order>& named, int64_t energy_wh, Times& times) {
  int64_t traded = 0;
  times.named.push_back(SecondsOf([&] { traded = Clear(named)->energy.wh(); }));
  PW_CHECK(traded == energy_wh, "both must trade the same energy");
  AuctionOutcome outcome;
  times.decide.push_back(SecondsOf([&] { outcome = *DecideOutcome({}, {}, named); }));
  size_t bytes = 0;
  times.hash_input.push_back(
      SecondsOf([&] { bytes = CanonicalBytes({}, {}, named, outcome).size(); }));
  PW_CHECK(bytes > named.size(), "every order is in the hash");
}

void MeasurePeer(const std::vector<book::Command>& commands, Times& times) {
  const std::unique_ptr<book::BookPeer> peer = book::MakePeer(1);
  book::StreamOutcome matched;
  times.peer.push_back(SecondsOf([&] { matched = peer->Run(commands); }));
  PW_CHECK(matched.trades > 0, "the peer matches");
}

void Measure(size_t size) {
  const std::vector<Entry> book = RandomBook(size);
  const std::vector<Order> named = size <= 1'000'000 ? Named(book) : std::vector<Order>();
  const std::vector<book::Command> commands = Commands(book);
  std::vector<BareOrder> all_bids;
  std::vector<BareOrder> all_offers;
  for (const Entry& entry : book) {
    (entry.way() == Way::kBuy ? all_bids : all_offers).push_back({entry.limit, entry.energy.wh()});
  }
  const int repetitions = size >= 1'000'000 ? 7 : 101;
  // The peer takes seconds for ten million; its time differs little.
  const int peer_repetitions = size > 1'000'000 ? 1 : size > 10'000 ? 5 : 21;
  Times times;
  clearing::Scratch scratch;
  clearing::Outcome outcome;
  for (int i = 0; i < repetitions; ++i) {
    times.clear.push_back(SecondsOf(
        [&] { PW_CHECK(ClearOneZone(book, {}, scratch, outcome).ok(), "the book is valid"); }));
    std::vector<BareOrder> bids = all_bids;
    std::vector<BareOrder> offers = all_offers;
    int64_t swept = 0;
    times.sort.push_back(SecondsOf([&] { swept = SortAndSweep(bids, offers); }));
    PW_CHECK(outcome.energy.wh() == swept, "both must trade the same energy");
    if (!named.empty()) {
      MeasureNamed(named, outcome.energy.wh(), times);
    }
    if (i < peer_repetitions) {
      MeasurePeer(commands, times);
    }
  }
  Print(size, times);
}

}  // namespace
}  // namespace peerwatt::market

int main() {
  for (const size_t size : {1'000u, 10'000u, 100'000u, 1'000'000u, 10'000'000u}) {
    peerwatt::market::Measure(size);
  }
  return 0;
}
