// Whole communities at gate closure, against a naive version.

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/contracts/pairs.h"
#include "services/market/core/order_rules.h"
#include "tests/property/market/contract_oracle.h"
#include "tests/unit/market/contract_fixture.h"

namespace peerwatt::market {
namespace {

using Random = std::mt19937_64;

int64_t Any(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

constexpr int64_t kLineFee = 30'000;

// What the naive version knows of a household.
struct Home {
  int64_t draw = 0;
  int64_t feed = 0;
  int64_t offered = 0;
  std::optional<int64_t> output;
  bool approved = true;
  bool killed = false;
  int owner = 0;
  bool south = false;
};

struct Deal {
  int buyer = 0;
  int seller = 0;
  int64_t wh = 0;
  int64_t ppm = 0;
  int64_t cap = 0;
  int64_t floor = 0;
  bool buyers_index = false;
  bool is_indexed = false;
  bool is_poor = false;
};

// Expected: energy and reason of each that is due, by id.
using Told = std::map<std::string, std::pair<int64_t, std::string>>;

struct World {
  ContractFixture fixture;
  std::vector<Home> homes;
  std::vector<Deal> deals;
  int64_t line = 0;
};

std::string HomeName(int home) { return absl::StrCat("h", home); }
std::string DealName(size_t deal) { return absl::StrCat("k", 9 - deal); }

void MakeHomes(Random& random, World& world) {
  ContractFixture& f = world.fixture;
  f.snapshot.members.clear();
  f.forecasts.clear();
  f.network = TwoZones(kLineFee, Wh(world.line));
  for (int i = 0; i < 4; ++i) {
    Home home;
    home.draw = Any(random, 2, 10) * 100;
    home.feed = Any(random, 2, 10) * 100;
    home.offered = Any(random, 0, 1) == 0 ? 0 : Any(random, 0, 3) * 100;
    if (Any(random, 0, 7) > 0) {
      home.output = Any(random, -2, 9) * 100 + 1;
    }
    home.approved = Any(random, 0, 9) > 0;
    home.killed = Any(random, 0, 9) == 0;
    home.owner = Any(random, 0, 5) == 0 ? 0 : i;
    home.south = Any(random, 0, 1) == 0;
    Member& member = f.AddMember(HomeName(i), home.draw * 4, home.feed * 4);
    member.approved = home.approved;
    member.zone = ZoneId(home.south ? "south" : "north");
    if (home.output.has_value()) {
      f.forecasts[member.metering_point] = {Energy(), Wh(*home.output)};
    }
    if (home.killed) {
      f.closing.killed.insert(member.participant);
    }
    if (home.owner != i) {
      f.closing.owners[member.participant] = ParticipantId(HomeName(home.owner));
    }
    if (home.offered > 0) {
      f.closing.offered[member.grid_connection] = Wh(home.offered);
    }
    world.homes.push_back(home);
  }
}

void MakeDeals(Random& random, World& world) {
  const int64_t count = Any(random, 1, 5);
  for (int64_t i = 0; i < count; ++i) {
    Deal deal;
    deal.buyer = static_cast<int>(Any(random, 0, 3));
    deal.seller = static_cast<int>((deal.buyer + Any(random, 1, 3)) % 4);
    deal.wh = Any(random, 1, 6) * 100;
    deal.is_indexed = Any(random, 0, 1) == 0;
    deal.floor = deal.is_indexed ? Any(random, -3, 1) * 10'000 : 100'000;
    deal.cap = deal.is_indexed ? Any(random, 10, 30) * 10'000 : 100'000;
    deal.buyers_index = Any(random, 0, 1) == 0;
    deal.is_poor = Any(random, 0, 5) == 0;
    Contract& contract = world.fixture.Add(DealName(world.deals.size()), HomeName(deal.buyer),
                                           HomeName(deal.seller), deal.wh, 100'000);
    ContractTerms& terms = contract.versions[0].terms;
    if (Any(random, 0, 3) == 0) {
      deal.ppm = Any(random, 1, 1'000'000);
      terms.profile.windows[0].energy = Energy();
      terms.profile.windows[0].output_share_ppm = deal.ppm;
    }
    if (deal.is_indexed) {
      terms.price.is_indexed = true;
      terms.price.floor = Micros(deal.floor);
      terms.price.cap = Micros(deal.cap);
      terms.price.index = deal.buyers_index ? Party::kBuyer : Party::kSeller;
    }
    world.deals.push_back(deal);
  }
}

// Naive: each deal in turn, oldest first.
Told Expected(const World& world) {
  std::map<int, int64_t> bought;
  std::map<int, int64_t> sold;
  Told told;
  for (size_t i = 0; i < world.deals.size(); ++i) {
    const Deal& deal = world.deals[i];
    const Home& b = world.homes[static_cast<size_t>(deal.buyer)];
    const Home& s = world.homes[static_cast<size_t>(deal.seller)];
    int64_t wh = deal.ppm > 0 ? 0 : deal.wh;
    std::string reason;
    if (!b.approved || !s.approved) {
      reason = "PARTICIPANT_NOT_APPROVED";
    } else if (b.killed || s.killed) {
      reason = "TRADING_BLOCKED";
    } else if (b.owner == s.owner) {
      reason = "SELF_DEALING";
    } else if (deal.ppm > 0 && !s.output.has_value()) {
      reason = "FORECAST_MISSING";
    } else {
      if (deal.ppm > 0) {
        wh = std::max<int64_t>(*s.output, 0) * deal.ppm / 1'000'000;
        if (wh == 0) {
          continue;
        }
      }
      if (bought[deal.buyer] + wh > b.draw) {
        reason = "ENERGY_OUT_OF_RANGE";
      } else if (sold[deal.seller] + s.offered + wh > s.feed) {
        reason = "EXPORT_CAPACITY_EXCEEDED";
      } else {
        bought[deal.buyer] += wh;
        sold[deal.seller] += wh;
      }
    }
    told[DealName(i)] = {wh, reason};
  }
  return told;
}

std::string CheckPlaced(const World& world, const ContractOrders& made, const Told& expected) {
  Told told;
  for (const ContractExecution& e : made.executions) {
    told[e.contract.value()] = {e.energy.wh(), e.skip_reason};
  }
  if (told != expected) {
    return "another reason or energy";
  }
  size_t placed = 0;
  for (size_t i = 0; i < world.deals.size(); ++i) {
    const auto at = expected.find(DealName(i));
    placed += at != expected.end() && at->second.second.empty() ? size_t{2} : size_t{0};
  }
  if (made.orders.size() != placed) {
    return "another number of orders";
  }
  for (const Order& order : made.orders) {
    const Deal& deal = world.deals[static_cast<size_t>('9' - order.contract.value()[1])];
    const bool crosses = world.homes[static_cast<size_t>(deal.buyer)].south !=
                         world.homes[static_cast<size_t>(deal.seller)].south;
    const int64_t worst =
        order.side == Side::kBid ? deal.cap + 50'000 + (crosses ? kLineFee : 0) : -deal.floor;
    const int64_t micros = std::max<int64_t>(worst * order.energy.wh(), 0);
    if (order.hold.micros() != (micros + 999) / 1'000) {
      return "another hold";
    }
  }
  return "";
}

// Refuses the orders of poor buyers, clears, and checks what trades.
std::string CheckCleared(World& world, std::vector<Order> orders) {
  const std::vector<Order> placed = orders;
  std::set<std::string> poor;
  for (Order& order : orders) {
    const size_t deal = static_cast<size_t>('9' - order.contract.value()[1]);
    order.state = OrderState::kActive;
    if (world.deals[deal].is_poor && order.side == Side::kBid) {
      order.state = OrderState::kRejected;
      order.rejection_reason = "FUNDS_INSUFFICIENT";
      poor.insert(order.contract.value());
    }
  }
  // In each zone somebody trades with himself's neighbour at one price: 70,000 in the north,
  // 80,000 in the south.
  orders.push_back(HandOrder("nb", "u", Side::kBid, 10, 70'000, "north"));
  orders.push_back(HandOrder("no", "v", Side::kOffer, 10, 70'000, "north"));
  orders.push_back(HandOrder("sb", "w", Side::kBid, 10, 80'000, "south"));
  orders.push_back(HandOrder("so", "x", Side::kOffer, 10, 80'000, "south"));
  RefuseContracts(world.fixture.network, orders);
  std::map<bool, int64_t> used;
  const auto outcome = DecideOutcome(world.fixture.auction, world.fixture.network, orders);
  if (!outcome.ok()) {
    return std::string(outcome.status().message());
  }
  std::map<std::string, Trade> trades;
  for (const Trade& trade : outcome->trades) {
    if (trade.origin == TradeOrigin::kContract) {
      trades[trade.bid.value()] = trade;
    }
  }
  size_t expected = 0;
  for (size_t i = 0; i < world.deals.size(); ++i) {
    const Deal& deal = world.deals[i];
    const OrderId bid = ContractOrderId(ContractId(DealName(i)), Side::kBid);
    const auto order =
        std::find_if(placed.begin(), placed.end(), [&](const Order& o) { return o.id == bid; });
    if (order == placed.end()) {
      continue;
    }
    const bool to_south = world.homes[static_cast<size_t>(deal.buyer)].south;
    const bool from_south = world.homes[static_cast<size_t>(deal.seller)].south;
    const bool crosses = to_south != from_south;
    bool trades_now = !poor.contains(DealName(i));
    if (trades_now && crosses) {
      trades_now = used[to_south] + order->energy.wh() <= world.line;
      used[to_south] += trades_now ? order->energy.wh() : 0;
    }
    if (!trades_now) {
      for (const Order& o : orders) {
        if (o.contract.value() == DealName(i) && o.state != OrderState::kRejected) {
          return "an order stays without its partner";
        }
      }
      continue;
    }
    ++expected;
    const bool of_south = deal.buyers_index ? to_south : from_south;
    const int64_t index = of_south ? 80'000 : 70'000;
    const int64_t price = deal.is_indexed ? std::clamp(index, deal.floor, deal.cap) : 100'000;
    const auto trade = trades.find(bid.value());
    if (trade == trades.end() || trade->second.price != Micros(price) ||
        trade->second.energy != order->energy ||
        trade->second.network_fee != Micros(50'000 + (crosses ? kLineFee : 0))) {
      return "another trade of " + DealName(i);
    }
  }
  return trades.size() == expected ? "" : "another number of trades";
}

}  // namespace

std::string FirstExecutionFault(uint64_t seed, int cases) {
  Random random(seed);
  for (int i = 0; i < cases; ++i) {
    World world;
    world.line = Any(random, 0, 8) * 100;
    MakeHomes(random, world);
    MakeDeals(random, world);
    const Told expected = Expected(world);
    ContractOrders made = world.fixture.Execute();
    std::string fault = CheckPlaced(world, made, expected);
    if (fault.empty()) {
      // The order in which contracts and orders are given does not matter.
      std::shuffle(world.fixture.contracts.begin(), world.fixture.contracts.end(), random);
      made = world.fixture.Execute();
      fault = CheckPlaced(world, made, expected);
    }
    if (fault.empty()) {
      std::shuffle(made.orders.begin(), made.orders.end(), random);
      fault = CheckCleared(world, std::move(made.orders));
    }
    if (!fault.empty()) {
      return absl::StrCat("case ", i, ": ", fault);
    }
  }
  return "";
}

}  // namespace peerwatt::market
