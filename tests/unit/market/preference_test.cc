#include "services/market/core/preference.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/base/error.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

TEST(PreferenceTextTest, IsReadAsItWasWritten) {
  for (const char* text :
       {"", "sources=solar,wind", "zones=north,south", "partners=p1,p2 except=p3",
        "except=p1 or sources=hydro zones=south partners=p2", "; premium local",
        "sources=solar; premium sources=solar,storage local",
        "except=x; premium sources=unknown"}) {
    const auto preference = ParsePreference(text);
    ASSERT_TRUE(preference.ok()) << text << ": " << preference.status();
    EXPECT_EQ(FormatPreference(*preference), text);
  }
}

TEST(PreferenceTextTest, IsTheSameForTheSameWish) {
  OrderPreference a;
  a.any_of = {{0, {ZoneId("b"), ZoneId("a"), ZoneId("b")}, {}, {}}, {2, {}, {}, {}}};
  OrderPreference b;
  b.any_of = {{2, {}, {}, {}}, {0, {ZoneId("a"), ZoneId("b")}, {}, {}}};
  EXPECT_EQ(FormatPreference(a), FormatPreference(b));
  EXPECT_EQ(FormatPreference(a), "sources=solar or zones=a,b");
}

TEST(PreferenceTextTest, RefusesOtherText) {
  for (const char* text : {"x", "sources=coal", "sources=", "; premium x", "zones=a or y=b",
                           "; premium sources=sun"}) {
    EXPECT_EQ(ReasonOf(ParsePreference(text).status()), "PREFERENCES_INVALID") << text;
  }
}

struct Case {
  const char* name;
  std::function<void(Order&, NetworkVersion&)> change;
  const char* reason;
};

TEST(CheckPreferenceTest, SaysWhatCannotBeKept) {
  const auto prefers = [](const char* text, int64_t premium = 0) {
    return [text, premium](Order& order, NetworkVersion&) {
      order.preference = text;
      order.premium = Price::MicrosPerKwh(premium);
    };
  };
  const auto offers = [&](const char* text, int64_t premium = 0) {
    return [text, premium](Order& order, NetworkVersion&) {
      order.side = Side::kOffer;
      order.preference = text;
      order.premium = Price::MicrosPerKwh(premium);
    };
  };
  std::string many = "sources=solar";
  for (int i = 0; i < 8; ++i) {
    many += " or sources=solar";
  }
  std::string wide = "except=p0";
  for (int i = 1; i <= 32; ++i) {
    wide += ",p" + std::to_string(i);
  }
  const std::vector<Case> cases = {
      {"nothing", prefers(""), ""},
      {"sources, zones and partners", prefers("sources=solar zones=north partners=p2"), ""},
      {"a zone that is not there", prefers("zones=east"), "PREFERENCES_INVALID"},
      {"nine requirements", prefers(many.c_str()), "PREFERENCES_INVALID"},
      {"33 partners", prefers(wide.c_str()), "PREFERENCES_INVALID"},
      {"an offer by zone", offers("zones=north"), ""},
      {"an offer by source", offers("sources=solar"), "PREFERENCES_INVALID"},
      {"a premium", prefers("; premium local", 1), ""},
      {"a wish without premium", prefers("; premium local", 0), "PREFERENCES_INVALID"},
      {"a premium for nothing", prefers("", 1), "PREFERENCES_INVALID"},
      {"a negative premium", prefers("; premium local", -1), "PREFERENCES_INVALID"},
      {"an offer's premium", offers("; premium local", 1), "PREFERENCES_INVALID"},
      {"the highest premium", prefers("; premium local", 999'900'000), ""},
      {"above the highest price", prefers("; premium local", 999'900'001), "PREFERENCES_INVALID"},
      {"lines with capacities",
       [](Order& order, NetworkVersion& network) {
         order.preference = "sources=solar";
         network.lines.edges[0].capacity_back = Energy::WattHours(1);
       },
       ""},
      {"1,000 zones",
       [](Order& order, NetworkVersion& network) {
         order.preference = "sources=solar";
         network.zones.resize(1'000);
       },
       ""},
      {"more zones",
       [](Order& order, NetworkVersion& network) {
         order.preference = "sources=solar";
         network.zones.resize(1'001);
       },
       "PREFERENCES_UNSUPPORTED"},
  };
  for (const Case& c : cases) {
    NetworkVersion network;
    network.zones = {ZoneId("south"), ZoneId("north")};
    network.lines = {2, {{0, 1, 0, {}, {}}}};
    Order order;
    order.limit = Price::MicrosPerKwh(100'000);
    c.change(order, network);
    EXPECT_EQ(ReasonOf(CheckPreference(order, network)), c.reason) << c.name;
  }
}

struct LoadCase {
  const char* name;
  PreferenceLoad load;
  size_t zones;
  bool fits;
};

TEST(PreferenceLoadTest, IsBounded) {
  const std::vector<LoadCase> cases = {
      {"none", {}, 1, true},
      {"1,000 that name nobody", {0, 1'000, 0, 0}, 1'000, true},
      {"one more", {0, 1'001, 0, 0}, 1, false},
      {"300 that name one each", {0, 300, 300, 300}, 20, true},
      {"320 that do", {0, 320, 320, 320}, 20, false},
      {"16 on either side, two names each", {16, 16, 16, 64}, 100, true},
      {"17 on either side", {17, 17, 17, 68}, 100, false},
      {"bids that name nobody count where offers do", {40, 60, 0, 40}, 1, false},
      {"a sum beyond 64 bits", {1'000, 1'000, 1'000, int64_t{1} << 62}, 1'000, false},
  };
  for (const LoadCase& c : cases) {
    EXPECT_EQ(Fits(c.load, c.zones), c.fits) << c.name;
  }
}

TEST(PreferenceLoadTest, CountsWhatAPreferenceNames) {
  const OrderPreference preference =
      *ParsePreference("partners=p1,p2 or sources=solar zones=north except=p3; premium local");
  EXPECT_EQ(NamesIn(preference), 4);
  EXPECT_EQ(Added({1, 2, 1, 5}, Side::kBid, 4), (PreferenceLoad{1, 3, 2, 9}));
  EXPECT_EQ(Added({1, 2, 1, 5}, Side::kBid, 0), (PreferenceLoad{1, 3, 1, 5}));
  EXPECT_EQ(Added({1, 2, 1, 5}, Side::kOffer, 4), (PreferenceLoad{2, 2, 1, 9}));
}

TEST(HoldForTest, CoversThePremium) {
  Order order;
  order.energy = Energy::WattHours(1'000);
  order.limit = Price::MicrosPerKwh(300'000);
  order.premium = Price::MicrosPerKwh(40'000);
  EXPECT_EQ(HoldFor(order, Price::MicrosPerKwh(50'000)).micros(), 390'000);
}

TEST(FixNetworksTest, TakesTheLatestVersionThatHasStarted) {
  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  std::vector<Auction> auctions(4);
  for (int i = 0; i < 4; ++i) {
    auctions[static_cast<size_t>(i)].key.delivery_start = start + absl::Hours(i);
  }
  NetworkVersion first;
  first.id = NetworkId("n1");
  first.start = start + absl::Hours(1);
  NetworkVersion second = first;
  second.id = NetworkId("n2");
  second.start = start + absl::Hours(3);
  FixNetworks({first, second}, auctions);
  EXPECT_EQ(auctions[0].network.value(), "");
  EXPECT_EQ(auctions[1].network.value(), "n1");
  EXPECT_EQ(auctions[2].network.value(), "n1");
  EXPECT_EQ(auctions[3].network.value(), "n2");
}

}  // namespace
}  // namespace peerwatt::market
