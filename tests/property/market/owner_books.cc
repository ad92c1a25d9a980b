#include "tests/property/market/owner_books.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/clearing.h"

namespace peerwatt::market {
namespace {

constexpr uint32_t kTreeZones = 20;
constexpr uint32_t kPreferenceZones = 3;

// Orders and, position by position, who owns them in truth.
struct Drawn {
  std::vector<Order> orders;
  std::vector<uint32_t> owners;
  NetworkVersion network;
};

class Draws {
 public:
  explicit Draws(uint64_t seed) : random_(seed) {}

  Drawn Book(const OwnerBook& asked) {
    Drawn drawn;
    DrawNetwork(asked.kind, drawn.network);
    drawn.network.rules = asked.rules;
    const int64_t owners = std::max<int64_t>(static_cast<int64_t>(asked.orders) / 20, 3);
    drawn.orders.resize(asked.orders);
    for (size_t i = 0; i < asked.orders; ++i) {
      const bool is_whale = Draw(1, 100) <= asked.whale_share;
      const uint32_t owner = is_whale ? 0 : static_cast<uint32_t>(Draw(1, owners));
      drawn.owners.push_back(owner);
      DrawOrder(i, owner, drawn.network, drawn.orders[i]);
      if (asked.kind == OwnerBookKind::kPreferences) {
        DrawPreference(owners, drawn.orders[i]);
      }
      if (!asked.owners_are_known) {
        drawn.orders[i].owner = ParticipantId();
      }
    }
    return drawn;
  }

 private:
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  void DrawNetwork(OwnerBookKind kind, NetworkVersion& network) {
    const uint32_t zones = kind == OwnerBookKind::kOneZone ? 1
                           : kind == OwnerBookKind::kTree  ? kTreeZones
                                                           : kPreferenceZones;
    network.id = NetworkId("drawn");
    network.zones.clear();
    network.lines.zones = zones;
    for (uint32_t zone = 0; zone < zones; ++zone) {
      network.zones.emplace_back(absl::StrCat("z", zone));
      if (zone > 0) {
        clearing::Edge& line = network.lines.edges.emplace_back();
        line.from = static_cast<uint32_t>(Draw(0, zone - 1));
        line.to = zone;
        line.fee = static_cast<int32_t>(Draw(0, 30'000));
        if (kind == OwnerBookKind::kTree && Draw(0, 1) == 0) {
          line.capacity = line.capacity_back = Energy::WattHours(Draw(0, 50'000));
        }
      }
    }
  }

  // An owner holds up to five accounts. The first is himself, unless he is no participant at all.
  void DrawOrder(size_t i, uint32_t owner, const NetworkVersion& network, Order& order) {
    const int64_t account = Draw(0, owner % 5);
    order.id = OrderId(absl::StrCat("o", i));
    order.participant = ParticipantId(absl::StrCat("p", owner, "-", account));
    if (owner % 7 == 0) {
      order.owner = ParticipantId(absl::StrCat("firm", owner));
    } else if (account > 0) {
      order.owner = ParticipantId(absl::StrCat("p", owner, "-0"));
    }
    if (owner == 0) {
      order.participant = ParticipantId(absl::StrCat("whale-", Draw(0, 9)));
    }
    order.side = Draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
    order.energy = Energy::WattHours(Draw(1, 2'000));
    // Many limits are equal.
    order.limit = Price::MicrosPerKwh(Draw(-5, 35) * 10'000);
    order.create_time = absl::FromUnixMicros(static_cast<int64_t>(i / 3));
    order.state = OrderState::kActive;
    order.zone =
        network.zones[static_cast<size_t>(Draw(0, static_cast<int64_t>(network.zones.size()) - 1))];
    order.source = static_cast<EnergySource>(Draw(0, kEnergySources - 1));
  }

  void DrawPreference(int64_t owners, Order& order) {
    switch (Draw(0, 5)) {
      case 0:
        order.preference = order.side == Side::kBid ? "sources=solar,wind" : "zones=z0";
        break;
      case 1:
        order.preference = absl::StrCat("except=p", Draw(1, owners), "-0");
        break;
      case 2:
        order.preference = order.side == Side::kBid ? "; premium local" : "";
        order.premium = Price::MicrosPerKwh(order.side == Side::kBid ? 20'000 : 0);
        break;
      default:
        break;
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

OwnerFigures ClearOwnerBook(uint64_t seed, const OwnerBook& asked) {
  const Drawn drawn = Draws(seed).Book(asked);
  const absl::StatusOr<ClearingResult> result = Clear(drawn.orders, drawn.network);
  OwnerFigures figures;
  if (!result.ok()) {
    figures.refusal = result.status().ToString();
    return figures;
  }
  figures.withdrawn_wh = result->record.withdrawn.wh();
  figures.traded_wh = result->energy.wh();
  for (const PricedPair& trade : result->trades) {
    ++figures.trades;
    figures.self_trades += drawn.owners[trade.bid] == drawn.owners[trade.offer] ? 1 : 0;
  }
  return figures;
}

std::string FirstOwnerFault(uint64_t seed, int books) {
  using clearing::SelfTradeMode;
  using clearing::TieRule;
  for (int i = 0; i < books; ++i) {
    OwnerBook asked;
    const uint64_t number = static_cast<uint64_t>(i);
    asked.kind = static_cast<OwnerBookKind>(i % 3);
    asked.orders = asked.kind == OwnerBookKind::kPreferences ? 12 : 40;
    asked.whale_share = i % 5 * 20;
    asked.rules.tie_rule = i / 3 % 2 == 0 ? TieRule::kTime : TieRule::kProRata;
    asked.rules.self_trade_mode = static_cast<SelfTradeMode>(i / 6 % 3);
    const OwnerFigures figures = ClearOwnerBook(seed + number, asked);
    const std::string where = absl::StrCat("book ", i, " of seed ", seed, ": ");
    if (!figures.refusal.empty()) {
      return where + figures.refusal;
    }
    if (figures.self_trades > 0) {
      return where + "an owner trades with himself";
    }
  }
  return "";
}

}  // namespace peerwatt::market
