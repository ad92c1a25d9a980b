// How a book of named orders is cleared over zones and by preferences. Energy in Wh, prices in
// micro-units per kWh.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/market/core/clearing.h"
#include "services/market/core/continuous.h"
#include "services/market/core/errors.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {
namespace {

struct Row {
  const char* id;
  const char* owner;
  const char* zone;
  int64_t wh;
  int64_t limit;
  EnergySource source = EnergySource::kUnknown;
  const char* preference = "";
  int64_t premium = 0;
};

std::vector<Order> Book(const std::vector<Row>& bids, const std::vector<Row>& offers) {
  std::vector<Order> orders;
  for (const auto& [rows, side] :
       {std::pair(&bids, Side::kBid), std::pair(&offers, Side::kOffer)}) {
    for (const Row& row : *rows) {
      Order& order = orders.emplace_back();
      order.id = OrderId(row.id);
      order.participant = ParticipantId(row.owner);
      order.zone = ZoneId(row.zone);
      order.side = side;
      order.energy = Energy::WattHours(row.wh);
      order.limit = Price::MicrosPerKwh(row.limit);
      order.source = row.source;
      order.preference = row.preference;
      order.premium = Price::MicrosPerKwh(row.premium);
      order.create_time = absl::FromUnixSeconds(static_cast<int64_t>(orders.size()));
      order.state = OrderState::kActive;
    }
  }
  return orders;
}

// South and north, joined by a line that costs 0.02 per kWh.
NetworkVersion TwoZones(std::optional<int64_t> capacity_wh = std::nullopt) {
  NetworkVersion network;
  network.id = NetworkId("n1");
  network.zones = {ZoneId("south"), ZoneId("north")};
  network.lines.zones = 2;
  clearing::Edge line = {0, 1, 20'000, std::nullopt, std::nullopt};
  if (capacity_wh.has_value()) {
    line.capacity = line.capacity_back = Energy::WattHours(*capacity_wh);
  }
  network.lines.edges = {line};
  return network;
}

// `bid<-offer wh at seller's price/buyer's price` of each trade.
std::string TradesOf(const std::vector<Order>& orders, const ClearingResult& result) {
  std::string text;
  for (const PricedPair& trade : result.trades) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", orders[trade.bid].id.value(), "<-",
                    orders[trade.offer].id.value(), " ", trade.energy.wh(), " at ",
                    trade.price.micros_per_kwh(), "/", trade.buyer_price.micros_per_kwh());
  }
  return text;
}

struct ZoneCase {
  const char* name;
  std::optional<int64_t> capacity_wh;
  std::vector<Row> bids;
  std::vector<Row> offers;
  const char* trades;
  int64_t flow_wh;
  int64_t congestion;
  int64_t welfare;
};

TEST(ClearOverZonesTest, PricesZonesAndLines) {
  const std::vector<ZoneCase> cases = {
      {"a line with room: prices differ by its fee",
       {},
       {{"b", "B", "north", 1000, 300'000}},
       {{"s", "S", "south", 1000, 100'000}},
       "b<-s 1000 at 190000/210000",
       1000,
       0,
       180'000},
      {"a full line: the cheap offer is rationed in the south, the dear bid in the north",
       400,
       {{"b", "B", "north", 1000, 300'000}},
       {{"s", "S", "south", 1000, 100'000}, {"n", "N", "north", 500, 250'000}},
       "b<-n 500 at 300000/300000, b<-s 400 at 100000/300000",
       400,
       180'000,
       97'000},
      {"the fee is more than the south is cheaper: each trades at home",
       {},
       {{"b", "B", "north", 1000, 300'000}},
       {{"s", "S", "south", 1000, 100'000}, {"n", "N", "north", 1000, 110'000}},
       "b<-n 1000 at 115000/115000",
       0,
       0,
       190'000},
      {"the line is not worth its fee",
       {},
       {{"b", "B", "north", 10, 119'999}},
       {{"s", "S", "south", 10, 100'000}},
       "",
       0,
       0,
       0},
      {"exactly worth it",
       {},
       {{"b", "B", "north", 10, 120'000}},
       {{"s", "S", "south", 10, 100'000}},
       "b<-s 10 at 100000/120000",
       10,
       0,
       0},
      {"from north to south the flow is negative",
       {},
       {{"b", "B", "south", 10, 80'000}},
       {{"n", "N", "north", 10, -40'000}},
       "b<-n 10 at 10000/30000",
       -10,
       0,
       1'000},
      {"an unknown zone is the first",
       {},
       {{"b", "B", "", 10, 80'000}},
       {{"n", "N", "east", 10, 60'000}},
       "b<-n 10 at 70000/70000",
       0,
       0,
       200},
      {"nobody trades with himself over a line",
       {},
       {{"b", "A", "north", 10, 90'000}},
       {{"s", "A", "south", 10, 10'000}},
       "",
       0,
       0,
       0},
  };
  for (const ZoneCase& c : cases) {
    const std::vector<Order> orders = Book(c.bids, c.offers);
    const auto result = Clear(orders, TwoZones(c.capacity_wh));
    ASSERT_TRUE(result.ok()) << c.name << ": " << result.status();
    EXPECT_EQ(TradesOf(orders, *result), c.trades) << c.name;
    EXPECT_EQ(result->record.flows[0].energy_wh, c.flow_wh) << c.name;
    EXPECT_EQ(result->record.flows[0].congestion, c.congestion) << c.name;
    EXPECT_EQ(result->welfare.micros(), c.welfare) << c.name;
    EXPECT_EQ(result->record.verdict, "NONE") << c.name;
  }
}

struct PreferenceCase {
  const char* name;
  std::vector<Row> bids;
  std::vector<Row> offers;
  const char* trades;
  int64_t requiring_traded;
  int64_t premium_met;
};

TEST(ClearByPreferencesTest, HonoursWhatOrdersRequire) {
  constexpr EnergySource kSolar = EnergySource::kSolar;
  constexpr EnergySource kGas = EnergySource::kCogeneration;
  const std::vector<PreferenceCase> cases = {
      {"only sun: the cheaper gas is not taken",
       {{"b", "B", "south", 10, 300'000, {}, "sources=solar"}},
       {{"gas", "G", "south", 10, 50'000, kGas}, {"sun", "S", "south", 10, 200'000, kSolar}},
       "b<-sun 10 at 250000/250000",
       10,
       0},
      {"only from the north: the fee of the line is paid",
       {{"b", "B", "south", 10, 300'000, {}, "zones=north"}},
       {{"s", "S", "south", 10, 50'000}, {"n", "N", "north", 10, 100'000}},
       "b<-n 10 at 190000/210000",
       10,
       0},
      {"only this partner",
       {{"b", "B", "south", 10, 300'000, {}, "partners=n"}},
       {{"o1", "s", "south", 10, 50'000}, {"o2", "n", "south", 10, 100'000}},
       "b<-o2 10 at 200000/200000",
       10,
       0},
      {"a partner that is not there",
       {{"b", "B", "south", 10, 300'000, {}, "partners=gone"}},
       {{"o1", "s", "south", 10, 50'000}},
       "",
       0,
       0},
      {"never this partner",
       {{"b", "B", "south", 10, 300'000, {}, "except=s"}},
       {{"o1", "s", "south", 10, 50'000}},
       "",
       0,
       0},
      {"an offer chooses as well",
       {{"b1", "rich", "south", 10, 900'000}, {"b2", "friend", "south", 10, 100'000}},
       {{"o", "s", "south", 10, 50'000, kSolar, "partners=friend"}},
       "b2<-o 10 at 75000/75000",
       10,
       0},
      {"sun, or anything of a friend",
       {{"b", "B", "south", 10, 300'000, {}, "partners=friend or sources=solar"}},
       {{"o1", "friend", "south", 4, 50'000, kGas},
        {"o2", "s", "south", 9, 300'000, kSolar},
        {"o3", "g", "south", 9, 10'000, kGas}},
       "b<-o1 4 at 300000/300000, b<-o2 6 at 300000/300000",
       10,
       0},
      {"the premium is what makes the sun trade",
       {{"b", "B", "south", 10, 100'000, {}, "; premium sources=solar", 60'000}},
       {{"sun", "S", "south", 10, 140'000, kSolar}},
       "b<-sun 10 at 150000/150000",
       0,
       10},
      {"gas costs the limit at most",
       {{"b", "B", "south", 10, 100'000, {}, "; premium sources=solar", 60'000}},
       {{"gas", "G", "south", 10, 110'000, kGas}},
       "",
       0,
       0},
      {"local energy for a premium",
       {{"b", "B", "south", 10, 100'000, {}, "; premium local", 30'000}},
       {{"n", "N", "north", 10, 75'000}, {"s", "S", "south", 10, 120'000}},
       "b<-s 10 at 122500/122500",
       0,
       10},
  };
  for (const PreferenceCase& c : cases) {
    const std::vector<Order> orders = Book(c.bids, c.offers);
    const auto result = Clear(orders, TwoZones());
    ASSERT_TRUE(result.ok()) << c.name << ": " << result.status();
    EXPECT_EQ(TradesOf(orders, *result), c.trades) << c.name;
    EXPECT_EQ(result->record.requiring_traded.wh(), c.requiring_traded) << c.name;
    EXPECT_EQ(result->record.premium_met.wh(), c.premium_met) << c.name;
    EXPECT_FALSE(result->record.zones[0].price.has_value()) << c.name;
  }
}

TEST(ClearByPreferencesTest, ShowsGoodsAndFlowsOfTheCheapestWay) {
  NetworkVersion network = TwoZones();
  network.zones.emplace_back("island");
  network.lines.zones = 3;
  network.lines.edges.push_back({1, 2, 5'000, {}, {}});
  network.lines.edges.push_back({0, 2, 30'000, {}, {}});  // Dearer than over the north.
  const std::vector<Order> orders = Book({{"b", "B", "island", 10, 300'000, {}, "sources=solar"}},
                                         {{"s", "S", "south", 10, 100'000, EnergySource::kSolar}});
  const auto result = Clear(orders, network);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(TradesOf(orders, *result), "b<-s 10 at 187500/212500");
  ASSERT_EQ(result->record.goods.size(), 1u);
  EXPECT_EQ(result->record.goods[0],
            (Good{0, EnergySource::kSolar, Price::MicrosPerKwh(187'500), Energy::WattHours(10)}));
  EXPECT_EQ(result->record.flows[0].energy_wh, 10);
  EXPECT_EQ(result->record.flows[1].energy_wh, 10);
  EXPECT_EQ(result->record.flows[2].energy_wh, 0);
  EXPECT_EQ(result->record.zones[2].bought.wh(), 10);
  EXPECT_EQ(result->record.zones[0].sold.wh(), 10);
}

TEST(ClearByPreferencesTest, PremiumsCountWhateverOthersBid) {
  const std::vector<Order> orders =
      Book({{"b1", "B", "south", 10, 1'000'000'000},
            {"b2", "C", "south", 10, 100'000, {}, "; premium local", 60'000}},
           {{"s", "S", "south", 20, 140'000}});
  const auto result = Clear(orders, TwoZones());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(TradesOf(orders, *result), "b2<-s 10 at 150000/150000, b1<-s 10 at 150000/150000");
}

struct LineCase {
  const char* name;
  int64_t capacity_wh;
  std::vector<Row> bids;
  std::vector<Row> offers;
  const char* trades;
  int64_t flow_wh;
  int64_t congestion;
  int64_t welfare;
};

TEST(ClearByPreferencesTest, SharesFullLines) {
  constexpr EnergySource kSolar = EnergySource::kSolar;
  constexpr EnergySource kGas = EnergySource::kCogeneration;
  const std::vector<LineCase> cases = {
      {"the line carries so much sun and no more",
       400,
       {{"b", "B", "north", 1000, 300'000, {}, "sources=solar"}},
       {{"sun", "S", "south", 1000, 100'000, kSolar}, {"gas", "G", "north", 1000, 50'000, kGas}},
       "b<-sun 400 at 100000/300000",
       400,
       180'000,
       72'000},
      {"of two kinds the line carries what is worth more",
       400,
       {{"b1", "B", "north", 400, 300'000, {}, "sources=solar"},
        {"b2", "C", "north", 400, 250'000, {}, "sources=cogeneration"}},
       {{"sun", "S", "south", 400, 220'000, kSolar}, {"gas", "G", "south", 400, 100'000, kGas}},
       // Sun is not worth its room while the zones differ by 0.08 or more: 0.10 to 0.17 in the
       // south, 0.18 to 0.25 in the north.
       "b2<-gas 400 at 135000/215000",
       400,
       60'000,
       52'000},
      {"what is sold the other way makes room: only the difference flows",
       0,
       {{"b1", "B", "north", 100, 300'000, {}, "sources=solar"},
        {"b2", "C", "south", 100, 200'000, {}, "sources=cogeneration"}},
       {{"sun", "S", "south", 100, 100'000, kSolar}, {"gas", "G", "north", 100, 100'000, kGas}},
       "b1<-sun 100 at 175000/225000, b2<-gas 100 at 175000/125000",
       0,
       30'000,
       30'000},
      {"who relieves the line is paid for it",
       100,
       {{"b1", "B", "north", 300, 300'000},
        {"b2", "C", "south", 100, 150'000, {}, "sources=cogeneration"}},
       {{"sun", "S", "south", 300, 50'000, kSolar}, {"gas", "G", "north", 100, 200'000, kGas}},
       "b1<-sun 200 at 50000/300000, b2<-gas 100 at 350000/100000",
       100,
       230'000,
       43'000},
  };
  for (const LineCase& c : cases) {
    const std::vector<Order> orders = Book(c.bids, c.offers);
    const auto result = Clear(orders, TwoZones(c.capacity_wh));
    ASSERT_TRUE(result.ok()) << c.name << ": " << result.status();
    EXPECT_EQ(TradesOf(orders, *result), c.trades) << c.name;
    EXPECT_EQ(result->record.flows[0].energy_wh, c.flow_wh) << c.name;
    EXPECT_EQ(result->record.flows[0].congestion, c.congestion) << c.name;
    EXPECT_EQ(result->welfare.micros(), c.welfare) << c.name;
    EXPECT_EQ(result->record.verdict, "NONE") << c.name;
  }
}

struct ContinuousCase {
  const char* name;
  std::vector<Row> bids;  // They come before the offers.
  std::vector<Row> offers;
  const char* trades;
};

TEST(ClearContinuouslyTest, MeetsOrdersAsTheyCome) {
  const std::vector<ContinuousCase> cases = {
      {"at the price of who was there, best first, then earliest",
       {{"b1", "A", "south", 5, 200'000},
        {"b2", "B", "south", 5, 300'000},
        {"b3", "C", "south", 5, 200'000}},
       {{"o", "S", "south", 12, 100'000}},
       "b2<-o 5 at 300000/300000, b1<-o 5 at 200000/200000, b3<-o 2 at 200000/200000"},
      {"not below the limit",
       {{"b", "A", "south", 5, 99'999}},
       {{"o", "S", "south", 5, 100'000}},
       ""},
      {"never with oneself",
       {{"b1", "S", "south", 5, 300'000}, {"b2", "B", "south", 5, 200'000}},
       {{"o", "S", "south", 5, 100'000}},
       "b2<-o 5 at 200000/200000"},
      {"each zone by itself",
       {{"b", "A", "north", 5, 300'000}},
       {{"o", "S", "south", 5, 100'000}},
       ""},
  };
  for (const ContinuousCase& c : cases) {
    const std::vector<Order> orders = Book(c.bids, c.offers);
    const auto result = ClearContinuously(orders, TwoZones());
    ASSERT_TRUE(result.ok()) << c.name;
    EXPECT_EQ(TradesOf(orders, *result), c.trades) << c.name;
  }
}

TEST(ClearContinuouslyTest, RefusesPreferencesAsTradingDoes) {
  const std::vector<Order> orders =
      Book({{"b", "A", "south", 5, 300'000, {}, "except=s"}}, {{"o", "s", "south", 5, 100'000}});
  const auto result = ClearContinuously(orders, TwoZones());
  EXPECT_EQ(ReasonOf(result.status()), kPreferencesUnsupported.name);
}

}  // namespace
}  // namespace peerwatt::market
