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
      {"a surcharge is missing", [](Book& b) { b.found.surcharges.pop_back(); }, Flaw::kShape},
      {"a zone has no price", [](Book& b) { b.found.outcome.zones.pop_back(); }, Flaw::kShape},
      {"an order fills beyond its energy",
       [](Book& b) { b.found.outcome.fills[0] += Energy::WattHours(1); }, Flaw::kFill},
      {"less than nothing was withdrawn",
       [](Book& b) {
         b.found.outcome.withdrawn.resize(5);
         b.found.outcome.withdrawn[4] -= Energy::WattHours(1);
       },
       Flaw::kFill},
      {"energy is dearer than a bid's limit",
       [](Book& b) {
         for (clearing::ZonePrice& zone : b.found.outcome.zones) zone.price += 1'000;
       },
       Flaw::kUnwilling},
      {"a bid that wants to trade does not",
       [](Book& b) { b.found.outcome.fills[0] -= Energy::WattHours(1); }, Flaw::kPassedOver},
      {"a line carries more than was sold",
       [](Book& b) { b.found.outcome.flows[0].energy_wh += 1; }, Flaw::kBalance},
      {"a line carries more than it can",
       [](Book& b) {
         b.network.edges[0].capacity_back =
             Energy::WattHours(-b.found.outcome.flows[0].energy_wh - 1);
       },
       Flaw::kCapacity},
      {"a line costs more than it gains", [](Book& b) { ++b.network.edges[0].fee; },
       Flaw::kFlowAtLoss},
      {"a line that is not full gains more than it costs",
       [](Book& b) { --b.network.edges[0].fee; }, Flaw::kArbitrage},
      {"a line is congested, it is said", [](Book& b) { ++b.found.outcome.flows[0].congestion; },
       Flaw::kCongestion},
      {"a bid no longer wants the sun", [](Book& b) { b.preferences[1].any_of[0].types = 4; },
       Flaw::kPreference},
      {"an offer now refuses a bidder",
       [](Book& b) {
         b.preferences.emplace_back().any_of.emplace_back().excluded = {1};
         b.requests[3].preference = 3;
       },
       Flaw::kPreference},
      {"an account is not the partner that was named",
       [](Book& b) {
         b.requests[2].account = 9;
       },
       Flaw::kPreference},
      {"a bid is not worth what the offer costs", [](Book& b) { --b.found.surcharges[0]; },
       Flaw::kPreference},
      {"a bid would pay more for another offer",
       [](Book& b) {
         b.requests.push_back(Make(Way::kSell, 6, 5, 1, 0, 1, 0));
         b.found.outcome.fills.push_back(Energy());
         b.found.surcharges.push_back(-b.found.outcome.zones[0].price);
       },
       Flaw::kPreference},
      {"an owner buys from himself",
       [](Book& b) {
         b.requests[2].entry.owner_and_way = 2 * 1 + 1;
       },
       Flaw::kSelfTrade},
      {"welfare is claimed", [](Book& b) { b.found.outcome.welfare_milli_micros += 1; },
       Flaw::kWelfare},
      {"energy is claimed", [](Book& b) { b.found.outcome.energy += Energy::WattHours(1); },
       Flaw::kEnergy},
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
    ASSERT_LT(book.found.outcome.flows[0].energy_wh, 0);
    c.change(book);
    EXPECT_EQ(NameOf(book.Check()), NameOf(c.flaw)) << c.name;
  }
}

}  // namespace
}  // namespace peerwatt::market
