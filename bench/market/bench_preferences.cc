// Times clearing with preferences over lines with capacities against clearing the same orders
// without them, and the checker. Prints one JSON line per book: an ordinary one, and those that
// members could make slowest within what the market takes. Medians of repetitions.

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "bench/market/timing.h"
#include "libs/base/check.h"
#include "services/market/checker/preferences.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/clearing/preferences.h"

namespace peerwatt::market {
namespace {

using ::peerwatt::bench::Median;
using ::peerwatt::bench::SecondsOf;

constexpr uint64_t kSeed = 20'261'121;
constexpr uint8_t kTypes = 7;

using clearing::Preference;
using clearing::Request;
using clearing::Way;

// What a book is made of.
struct Shape {
  const char* name;
  int repetitions;
  size_t orders;
  uint32_t zones;
  uint32_t owners;
  /// Different preferences of bids and of offers, and values that each names.
  int64_t bids_preferences;
  int64_t offers_preferences;
  int64_t names;
  /// Of 100 orders so many prefer something.
  int64_t preferring;
};

struct Case {
  std::vector<Request> requests;
  std::vector<Preference> preferences = {Preference()};
  clearing::Network network;
};

class Maker {
 public:
  explicit Maker(const Shape& shape) : shape_(shape), random_(kSeed) {}

  Case Make() {
    Case made;
    made.network.zones = shape_.zones;
    for (uint32_t zone = 1; zone < shape_.zones; ++zone) {
      clearing::Edge line = {static_cast<uint32_t>(Draw(0, zone - 1)),
                             zone,
                             static_cast<int32_t>(Draw(0, 20'000)),
                             {},
                             {}};
      if (Draw(0, 1) == 0) {
        const int64_t most = 1'000 * static_cast<int64_t>(shape_.orders) / shape_.zones;
        line.capacity = Energy::WattHours(Draw(0, most));
        line.capacity_back = Energy::WattHours(Draw(0, most));
      }
      made.network.edges.push_back(line);
    }
    for (int64_t i = 0; i < shape_.bids_preferences + shape_.offers_preferences; ++i) {
      made.preferences.push_back(NextPreference(i < shape_.bids_preferences));
    }
    for (size_t i = 0; i < shape_.orders; ++i) {
      made.requests.push_back(NextRequest());
    }
    return made;
  }

 private:
  Preference NextPreference(bool is_bids) {
    Preference preference;
    clearing::Condition condition;
    for (int64_t i = 0; i < shape_.names; ++i) {
      if (Draw(0, 3) == 0) {
        condition.zones.push_back(static_cast<uint32_t>(Draw(0, shape_.zones - 1)));
      } else {
        condition.excluded.push_back(static_cast<uint32_t>(Draw(0, shape_.owners - 1)));
      }
    }
    if (is_bids && Draw(0, 1) == 0) {
      condition.types = static_cast<uint32_t>(Draw(1, 127));
    }
    preference.any_of.push_back(condition);
    if (is_bids && Draw(0, 1) == 0) {
      preference.premium = static_cast<int32_t>(Draw(1, 50'000));
      preference.premium_local = Draw(0, 1) == 0;
      preference.premium_types = static_cast<uint32_t>(Draw(0, 127));
    }
    return preference;
  }

  Request NextRequest() {
    Request request;
    const bool is_bid = Draw(0, 1) == 0;
    const uint32_t owner = static_cast<uint32_t>(Draw(0, shape_.owners - 1));
    request.entry =
        MakeEntry(is_bid ? Way::kBuy : Way::kSell, owner, Energy::WattHours(Draw(1, 2'000)),
                  Price::MicrosPerKwh(Draw(50'000, 350'000)));
    request.account = owner;
    request.zone = static_cast<uint32_t>(Draw(0, shape_.zones - 1));
    request.type = is_bid ? uint8_t{0} : static_cast<uint8_t>(Draw(0, kTypes - 1));
    const int64_t count = is_bid ? shape_.bids_preferences : shape_.offers_preferences;
    if (count > 0 && Draw(0, 99) < shape_.preferring) {
      request.preference =
          static_cast<uint32_t>((is_bid ? 1 : 1 + shape_.bids_preferences) + Draw(0, count - 1));
    }
    return request;
  }

  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  const Shape& shape_;
  std::mt19937_64 random_;
};

void Measure(const Shape& shape) {
  const Case made = Maker(shape).Make();
  std::vector<clearing::Entry> book;
  std::vector<uint32_t> zones;
  for (const Request& request : made.requests) {
    book.push_back(request.entry);
    zones.push_back(request.zone);
  }
  std::vector<double> preferring;
  std::vector<double> plain;
  std::vector<double> check;
  clearing::Scratch scratch;
  clearing::Outcome outcome;
  clearing::PreferenceOutcome found;
  for (int i = 0; i < shape.repetitions; ++i) {
    preferring.push_back(SecondsOf([&] {
      found = *ClearWithPreferences(made.requests, made.preferences, made.network,
                                    clearing::TieRule::kTime);
    }));
    check.push_back(SecondsOf([&] {
      PW_CHECK(checker::CheckPreferences(made.requests, made.preferences, made.network, found).ok(),
               "an optimum");
    }));
    plain.push_back(SecondsOf([&] {
      PW_CHECK(ClearNetwork(book, zones, made.network, {}, scratch, outcome).ok(), "a valid book");
    }));
  }
  std::printf(
      "{\"book\":\"%s\",\"orders\":%zu,\"seconds\":%.9f,\"check_seconds\":%.9f,"
      "\"plain_seconds\":%.9f}\n",
      shape.name, shape.orders, Median(preferring), Median(check), Median(plain));
}

}  // namespace
}  // namespace peerwatt::market

int main() {
  using peerwatt::market::Shape;
  // The last two are near the bounds of PreferenceLoad: what members may place at most.
  for (const Shape& shape : {Shape{"ordinary", 5, 10'000, 20, 4'000, 20, 5, 2, 30},
                             Shape{"large", 3, 100'000, 100, 40'000, 20, 5, 2, 30},
                             Shape{"entangled", 3, 20'000, 100, 5'000, 16, 16, 2, 100},
                             Shape{"manifold", 3, 20'000, 100, 5'000, 1'000, 0, 0, 100}}) {
    peerwatt::market::Measure(shape);
  }
  return 0;
}
