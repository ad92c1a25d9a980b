// The checker of outcomes with preferences sees every way in which one can be wrong.

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "services/market/checker/preferences.h"
#include "services/market/core/clearing/preferences.h"

namespace peerwatt::market {
namespace {

using checker::Flaw;
using clearing::Preference;
using clearing::PreferenceOutcome;
using clearing::Request;
using clearing::Way;

Request Make(Way way, uint32_t owner, int64_t wh, int64_t limit, uint32_t zone, uint8_t type,
             uint32_t preference) {
  return {MakeEntry(way, owner, Energy::WattHours(wh), Price::MicrosPerKwh(limit)), zone, type,
          preference, owner};
}

// A bid for sun or for what owner 3 sells, one that pays 40 more for local energy, and three
// offers.
struct Book {
  Book() {
    network.zones = 2;
    network.edges = {{0, 1, 5, {}, {}}};
    preferences.resize(3);
    preferences[1].any_of.resize(2);
    preferences[1].any_of[0].types = 2;
    preferences[1].any_of[1].partners = {3};
    preferences[2].premium = 40;
    preferences[2].premium_local = true;
    requests = {Make(Way::kBuy, 1, 10, 100, 0, 0, 1), Make(Way::kBuy, 2, 10, 60, 1, 0, 2),
                Make(Way::kSell, 3, 6, 10, 0, 0, 0), Make(Way::kSell, 4, 8, 30, 1, 1, 0),
                Make(Way::kSell, 5, 9, 70, 1, 2, 0)};
    found = *ClearWithPreferences(requests, preferences, network, clearing::TieRule::kTime);
  }
  Flaw Check() const {
    return checker::CheckPreferences(requests, preferences, network, found).flaw;
  }
  std::vector<Request> requests;
  std::vector<Preference> preferences;
  clearing::Network network;
  PreferenceOutcome found;
};

struct Break {
  const char* name;
  std::function<void(Book&)> change;
  Flaw flaw;
};

TEST(CheckPreferencesTest, SeesWhatIsWrong) {
  const std::vector<Break> breaks = {
      {"nothing", [](Book&) {}, Flaw::kNone},
      {"a fill is missing", [](Book& b) { b.found.outcome.fills.pop_back(); }, Flaw::kShape},
      {"one bid is raised more", [](Book& b) { ++b.found.class_book[1].limit; }, Flaw::kShape},
      {"an offer is raised", [](Book& b) { ++b.found.class_book[3].limit; }, Flaw::kShape},
      {"an order has more energy",
       [](Book& b) { b.found.class_book[0].energy += Energy::WattHours(1); }, Flaw::kShape},
      {"orders of two wishes share a class",
       [](Book& b) { b.found.classes[1] = b.found.classes[0]; }, Flaw::kPreference},
      {"a named owner shares a class",
       [](Book& b) {
         b.requests[3].zone = 0;
         b.requests[3].type = 0;
         b.found.classes[3] = b.found.classes[2];
       },
       Flaw::kPreference},
      {"a named account shares a class with another of its owner",
       [](Book& b) {
         b.requests[3] = b.requests[2];
         b.requests[3].account = 9;
         b.requests[3].entry.energy = Energy::WattHours(8);
         b.requests[3].entry.limit = 30;
         b.found.class_book[3] = b.requests[3].entry;
         b.found.classes[3] = b.found.classes[2];
       },
       Flaw::kPreference},
      {"an edge is missing", [](Book& b) { b.found.class_network.edges.pop_back(); },
       Flaw::kPreference},
      {"an edge is there twice",
       [](Book& b) { b.found.class_network.edges.push_back(b.found.class_network.edges[0]); },
       Flaw::kPreference},
      {"an edge costs less", [](Book& b) { --b.found.class_network.edges[0].fee; },
       Flaw::kPreference},
      {"an edge leads back", [](Book& b) { b.found.class_network.edges[0].capacity_back.reset(); },
       Flaw::kPreference},
      {"a bid no longer wants the sun", [](Book& b) { b.preferences[1].any_of[0].types = 4; },
       Flaw::kPreference},
      {"an offer now refuses a bidder",
       [](Book& b) {
         b.preferences.emplace_back().any_of.emplace_back().excluded = {1};
         b.requests[3].preference = 3;
       },
       Flaw::kPreference},
      {"a class has another price", [](Book& b) { ++b.found.outcome.zones[0].price; },
       Flaw::kPrice},
      {"welfare is claimed", [](Book& b) { b.found.outcome.welfare_milli_micros += 1; },
       Flaw::kWelfare},
      {"a deal has another price", [](Book& b) { ++b.found.deals[0].price; }, Flaw::kPrice},
      {"a deal has another fee", [](Book& b) { ++b.found.deals[0].fee; }, Flaw::kPrice},
      {"a deal is missing", [](Book& b) { b.found.deals.pop_back(); }, Flaw::kTrade},
      {"more was as wished", [](Book& b) { b.found.premium_met -= Energy::WattHours(1); },
       Flaw::kEnergy},
      {"more was required", [](Book& b) { b.found.requiring += Energy::WattHours(1); },
       Flaw::kEnergy},
  };
  for (const Break& c : breaks) {
    Book book;
    ASSERT_GE(book.found.deals.size(), 2u);
    ASSERT_GT(book.found.premium_met, Energy());
    c.change(book);
    EXPECT_EQ(NameOf(book.Check()), NameOf(c.flaw)) << c.name;
  }
}

}  // namespace
}  // namespace peerwatt::market
