// Times `Clear` against its limit: sorting the same orders with std::sort and one sweep over them.
// Prints one JSON line per book size: medians of interleaved repetitions.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "libs/base/check.h"
#include "services/market/core/clearing.h"

namespace peerwatt::market {
namespace {

constexpr uint64_t kSeed = 20'260'701;

// What the limit sorts: only what a sweep needs of an order.
struct BareOrder {
  int64_t limit;
  int64_t energy_wh;
};

std::vector<BookOrder> RandomBook(size_t size) {
  std::mt19937_64 random(kSeed);
  std::uniform_int_distribution<int64_t> price(50'000, 350'000);
  std::uniform_int_distribution<int64_t> energy(1, 2'000);
  std::vector<BookOrder> book(size);
  for (size_t i = 0; i < size; ++i) {
    book[i].id = OrderId("o" + std::to_string(i));
    book[i].participant = ParticipantId("p" + std::to_string(i));
    book[i].side = random() % 2 == 0 ? Side::kBid : Side::kOffer;
    book[i].energy = Energy::WattHours(energy(random));
    book[i].limit = Price::MicrosPerKwh(price(random));
    book[i].create_time = absl::FromUnixMicros(static_cast<int64_t>(i));
  }
  return book;
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

template <typename Work>
double SecondsOf(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Measure(size_t size) {
  const std::vector<BookOrder> book = RandomBook(size);
  std::vector<BareOrder> all_bids;
  std::vector<BareOrder> all_offers;
  for (const BookOrder& order : book) {
    (order.side == Side::kBid ? all_bids : all_offers)
        .push_back({order.limit.micros_per_kwh(), order.energy.wh()});
  }
  const int repetitions = size >= 1'000'000 ? 7 : 25;
  std::vector<double> clear_seconds;
  std::vector<double> sort_seconds;
  for (int i = 0; i < repetitions; ++i) {
    int64_t cleared = 0;
    int64_t swept = 0;
    clear_seconds.push_back(SecondsOf([&] { cleared = Clear(book)->energy.wh(); }));
    std::vector<BareOrder> bids = all_bids;
    std::vector<BareOrder> offers = all_offers;
    sort_seconds.push_back(SecondsOf([&] { swept = SortAndSweep(bids, offers); }));
    PW_CHECK(cleared == swept, "both must trade the same energy");
  }
  std::printf("{\"orders\":%zu,\"clear_seconds\":%.9f,\"sort_seconds\":%.9f}\n", size,
              Median(clear_seconds), Median(sort_seconds));
  std::fflush(stdout);
}

}  // namespace
}  // namespace peerwatt::market

int main() {
  for (const size_t size : {1'000u, 10'000u, 100'000u, 1'000'000u}) {
    peerwatt::market::Measure(size);
  }
  return 0;
}
