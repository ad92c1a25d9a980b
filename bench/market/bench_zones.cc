// Times clearing over networks against clearing one zone of as many orders, and the checker
// against the clearing it checks. Prints one JSON line: medians of interleaved repetitions.

#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <vector>

#include "bench/market/timing.h"
#include "libs/base/check.h"
#include "services/market/checker/checker.h"
#include "services/market/core/clearing/network.h"

namespace peerwatt::market {
namespace {

using ::peerwatt::bench::Median;
using ::peerwatt::bench::SecondsOf;

constexpr uint64_t kSeed = 20'260'701;
constexpr size_t kOrders = 1'000'000;
constexpr uint32_t kZones = 1'000;
constexpr size_t kCommunities = 1'000;
constexpr int kRepetitions = 9;

using clearing::Entry;
using clearing::Network;
using clearing::Outcome;
using clearing::Scratch;
using clearing::Way;

struct Case {
  std::vector<Entry> book;
  std::vector<uint32_t> zones;
  Network tree;    // Every zone hangs from a random earlier one.
  Network capped;  // The same, half of the edges with a capacity that binds now and then.
};

Case RandomCase() {
  std::mt19937_64 random(kSeed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  Case all;
  all.tree.zones = kZones;
  for (uint32_t zone = 1; zone < kZones; ++zone) {
    all.tree.edges.push_back({static_cast<uint32_t>(draw(0, zone - 1)),
                              zone,
                              static_cast<int32_t>(draw(0, 20'000)),
                              {},
                              {}});
  }
  all.capped = all.tree;
  for (clearing::Edge& edge : all.capped.edges) {
    if (draw(0, 1) == 0) {
      edge.capacity = Energy::WattHours(draw(0, 50'000));
      edge.capacity_back = Energy::WattHours(draw(0, 50'000));
    }
  }
  // Zones are rich or poor in offers, so that energy moves.
  std::vector<int64_t> sell_share(kZones);
  for (int64_t& share : sell_share) {
    share = draw(20, 80);
  }
  for (size_t i = 0; i < kOrders; ++i) {
    const uint32_t zone = static_cast<uint32_t>(draw(0, kZones - 1));
    const Way way = draw(0, 99) < sell_share[zone] ? Way::kSell : Way::kBuy;
    all.zones.push_back(zone);
    all.book.push_back(MakeEntry(way, static_cast<uint32_t>(draw(0, kOrders / 8)),
                                 Energy::WattHours(draw(1, 2'000)),
                                 Price::MicrosPerKwh(draw(50'000, 350'000))));
  }
  return all;
}

struct Series {
  const char* name;
  std::vector<double> seconds = {};
};

void Measure() {
  const Case all = RandomCase();
  Series one = {"one_zone"};
  Series one_check = {"one_zone_check"};
  Series tree = {"tree"};
  Series tree_check = {"tree_check"};
  Series capped = {"capped_tree"};
  Series communities = {"communities"};
  Scratch scratch;
  Outcome outcome;
  const auto clear = [&](std::span<const Entry> book, const Network& network) {
    PW_CHECK(ClearNetwork(book, all.zones, network, {}, scratch, outcome).ok(), "a valid book");
  };
  const auto check = [&](const Network& network) {
    const std::span<const uint32_t> zones =
        network.zones == 1 ? std::span<const uint32_t>() : all.zones;
    PW_CHECK(checker::Check(all.book, zones, network, {}, outcome).ok(), "an optimum");
  };
  for (int i = 0; i < kRepetitions; ++i) {
    one.seconds.push_back(SecondsOf([&] { clear(all.book, {}); }));
    one_check.seconds.push_back(SecondsOf([&] { check({}); }));
    tree.seconds.push_back(SecondsOf([&] { clear(all.book, all.tree); }));
    PW_CHECK(outcome.withdrawn.empty(), "owners can be kept apart");
    tree_check.seconds.push_back(SecondsOf([&] { check(all.tree); }));
    capped.seconds.push_back(SecondsOf([&] { clear(all.book, all.capped); }));
    check(all.capped);
    communities.seconds.push_back(SecondsOf([&] {
      const std::span<const Entry> book = all.book;
      const size_t size = kOrders / kCommunities;
      for (size_t community = 0; community < kCommunities; ++community) {
        clear(book.subspan(community * size, size), {});
      }
    }));
  }
  std::printf("{");
  for (const Series* series : {&one, &one_check, &tree, &tree_check, &capped, &communities}) {
    std::printf("%s\"%s\":%.9f", series == &one ? "" : ",", series->name, Median(series->seconds));
  }
  std::printf("}\n");
}

}  // namespace
}  // namespace peerwatt::market

int main() {
  peerwatt::market::Measure();
  return 0;
}
