#include "services/market/core/contracts/execution.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/market/core/contracts/calendar.h"
#include "services/market/core/contracts/errors.h"
#include "services/market/core/contracts/mutant.h"
#include "services/market/core/contracts/price.h"
#include "services/market/core/contracts/terms.h"
#include "services/market/core/contracts/ways.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

// A contract that is due in an auction.
struct Due {
  const Contract* contract;
  const ContractVersion* version;
  const ContractWindow* window;
};

std::optional<Due> DueIn(const Contract& contract, const Auction& auction) {
  const ContractVersion* version =
      VersionInForce(contract, auction.key.delivery_start, auction.gate_closure);
  if (version == nullptr) {
    return std::nullopt;
  }
  const ContractWindow* window = WindowAt(version->terms.profile, auction.key.delivery_start);
  return window == nullptr ? std::nullopt : std::optional(Due{&contract, version, window});
}

// Executes contracts one after another, each on what those before it left.
class Executor {
 public:
  explicit Executor(const ExecutionFacts& facts)
      : facts_(facts),
        limits_(LimitsOfAll(facts.snapshot)),
        zones_(facts.network),
        ways_(facts.network.lines) {
    for (const Member& member : facts.snapshot.members) {
      members_.emplace(member.metering_point, &member);
      const auto forecast = facts.forecasts.find(member.metering_point);
      std::optional<Energy>& net =
          nets_.try_emplace(member.grid_connection, Energy()).first->second;
      if (forecast == facts.forecasts.end()) {
        net.reset();
      } else if (net.has_value()) {
        *net += forecast->second.exported - forecast->second.imported;
      }
    }
  }

  void Execute(const Due& due) {
    ContractExecution execution;
    execution.contract = due.contract->id;
    execution.auction = facts_.auction.key;
    execution.version = due.version->version;
    execution.energy = due.window->energy;
    const Member* buyer = Find(due.contract->buyer_point);
    const Member* seller = Find(due.contract->seller_point);
    execution.skip_reason = std::string(PartiesReason(*due.contract, buyer, seller));
    if (execution.skip_reason.empty() && due.window->output_share_ppm > 0) {
      const std::optional<Energy>& net = nets_.at(seller->grid_connection);
      execution.skip_reason = net.has_value() ? "" : std::string(kForecastMissing.name);
      execution.energy =
          ShareOf(std::max(net.value_or(Energy()), Energy()), due.window->output_share_ppm);
      if (net.has_value() && execution.energy == Energy()) {
        return;  // A share of nothing.
      }
    }
    if (execution.skip_reason.empty()) {
      execution.skip_reason = std::string(Place(due, *buyer, *seller, execution.energy));
    }
    made_.executions.push_back(std::move(execution));
  }

  ContractOrders Take() { return std::move(made_); }

 private:
  const Member* Find(const MeteringPointId& point) const {
    const auto found = members_.find(point);
    return found == members_.end() ? nullptr : found->second;
  }

  ParticipantId OwnerOf(const ParticipantId& participant) const {
    const auto found = facts_.closing.owners.find(participant);
    return found == facts_.closing.owners.end() ? participant : found->second;
  }

  absl::string_view PartiesReason(const Contract& contract, const Member* buyer,
                                  const Member* seller) const {
    const Closing& closing = facts_.closing;
    if (closing.halted) {
      return kMarketHalted.name;
    }
    if (buyer == nullptr || seller == nullptr || buyer->participant != contract.buyer ||
        seller->participant != contract.seller) {
      return kMeteringPointUnknown.name;
    }
    const bool are_approved =
        seller->approved && PW_CONTRACT_MUTANT(kUnapprovedTrade, true, buyer->approved);
    if (!are_approved) {
      return kParticipantNotApproved.name;
    }
    const bool is_killed =
        closing.killed.contains(contract.buyer) ||
        PW_CONTRACT_MUTANT(kKillSwitchIsForgotten, false, closing.killed.contains(contract.seller));
    if (is_killed) {
      return kTradingBlocked.name;
    }
    const bool is_one_owner = OwnerOf(contract.buyer) == OwnerOf(contract.seller);
    return PW_CONTRACT_MUTANT(kOwnerTradesWithHimself, false, is_one_owner) ? kSelfDealing.name
                                                                            : "";
  }

  Energy FreeToSell(const GridConnectionId& connection) const {
    const auto offered = facts_.closing.offered.find(connection);
    const auto contracted = contracted_.find(connection);
    Energy free = limits_.at(connection).feed_in_max;
    if (offered != facts_.closing.offered.end()) {
      free -= PW_CONTRACT_MUTANT(kOpenOffersAreForgotten, Energy(), offered->second);
    }
    if (contracted != contracted_.end()) {
      free -= PW_CONTRACT_MUTANT(kCapacityIsPerContract, Energy(), contracted->second.sold);
    }
    return free;
  }

  Energy FreeToBuy(const GridConnectionId& connection) const {
    const auto contracted = contracted_.find(connection);
    const Energy bought = contracted == contracted_.end() ? Energy() : contracted->second.bought;
    return limits_.at(connection).draw_max - bought;
  }

  // Places both orders; returns why not, or nothing.
  absl::string_view Place(const Due& due, const Member& buyer, const Member& seller,
                          Energy energy) {
    const OrderLimits& limits = facts_.closing.limits;
    if (energy < limits.energy_min || energy > std::min(limits.energy_max, kEnergyMax) ||
        energy > FreeToBuy(buyer.grid_connection)) {
      return kEnergyOutOfRange.name;
    }
    const PriceFormula& formula = due.version->terms.price;
    PriceBounds bounds = BoundsOf(facts_.snapshot.rules);
    bounds = BoundsOf(formula, {std::max(bounds.floor, limits.price_min),
                                std::min(bounds.cap, limits.price_max)});
    if (bounds.empty()) {
      return kPriceOutOfRange.name;
    }
    if (energy > FreeToSell(seller.grid_connection)) {
      return kExportCapacityExceeded.name;
    }
    const std::optional<CheapestWay> way =
        ways_.Find(zones_.Of(seller.zone), zones_.Of(buyer.zone));
    if (!way.has_value()) {
      return kZonesUnconnected.name;
    }
    if (bounds.cap + way->fee > kPriceMax) {
      return kPriceOutOfRange.name;
    }
    Add(due, buyer, Side::kBid, energy, bounds.cap,
        PW_CONTRACT_MUTANT(kHoldIsWithoutLineFee, Price(), way->fee));
    Add(due, seller, Side::kOffer, energy, bounds.floor, Price());
    contracted_[buyer.grid_connection].bought += energy;
    contracted_[seller.grid_connection].sold += energy;
    return "";
  }

  void Add(const Due& due, const Member& member, Side side, Energy energy, Price limit,
           Price line_fee) {
    Order order;
    order.auction = facts_.auction.key;
    order.id = ContractOrderId(due.contract->id, side);
    order.side = side;
    order.metering_point = member.metering_point;
    order.grid_connection = member.grid_connection;
    order.participant = member.participant;
    order.zone = member.zone;
    order.source = side == Side::kOffer ? member.source : EnergySource::kUnknown;
    order.energy = energy;
    order.limit = limit;
    order.state = OrderState::kPending;
    order.contract = due.contract->id;
    order.contract_price = FormatPriceRule(due.version->terms.price);
    order.create_time = due.contract->offer().decide_time;
    order.hold = HoldFor(order, facts_.auction.network_fee + line_fee);
    made_.orders.push_back(std::move(order));
  }

  const ExecutionFacts& facts_;
  const absl::flat_hash_map<GridConnectionId, ConnectionLimits> limits_;
  const ZoneNumbers zones_;
  CheapestWays ways_;
  absl::flat_hash_map<MeteringPointId, const Member*> members_;
  /// What each connection is forecast to feed in; nothing when it is not known.
  absl::flat_hash_map<GridConnectionId, std::optional<Energy>> nets_;
  ContractedByConnection contracted_;
  ContractOrders made_;
};

bool IsOlder(const Contract& a, const Contract& b) {
  const absl::Time a_time = a.offer().decide_time;
  const absl::Time b_time = b.offer().decide_time;
  return a_time != b_time ? a_time < b_time : a.id < b.id;
}

}  // namespace

OrderId ContractOrderId(const ContractId& contract, Side side) {
  return OrderId(absl::StrCat(kContractPrefix, contract.value(), side == Side::kBid ? "-b" : "-o"));
}

ContractOrders ExecuteContracts(std::vector<Contract> contracts, const ExecutionFacts& facts) {
  std::sort(contracts.begin(), contracts.end(), IsOlder);
  Executor executor(facts);
  for (const Contract& contract : contracts) {
    const std::optional<Due> due = DueIn(contract, facts.auction);
    if (due.has_value()) {
      executor.Execute(*due);
    }
  }
  return executor.Take();
}

std::vector<MeteringPointId> PointsOfShares(const std::vector<Contract>& contracts,
                                            const Auction& auction,
                                            const CommunitySnapshot& snapshot) {
  std::set<MeteringPointId> sellers;
  for (const Contract& contract : contracts) {
    const std::optional<Due> due = DueIn(contract, auction);
    if (due.has_value() && due->window->output_share_ppm > 0) {
      sellers.insert(contract.seller_point);
    }
  }
  std::set<GridConnectionId> connections;
  for (const Member& member : snapshot.members) {
    if (sellers.contains(member.metering_point)) {
      connections.insert(member.grid_connection);
    }
  }
  std::vector<MeteringPointId> points;
  for (const Member& member : snapshot.members) {
    if (connections.contains(member.grid_connection)) {
      points.push_back(member.metering_point);
    }
  }
  return points;
}

bool AnyDue(const std::vector<Contract>& contracts, const Auction& auction) {
  return std::any_of(contracts.begin(), contracts.end(), [&](const Contract& contract) {
    return DueIn(contract, auction).has_value();
  });
}

ContractedByConnection ContractedBy(const std::vector<Order>& orders) {
  ContractedByConnection contracted;
  for (const Order& order : orders) {
    if (!order.contract.empty()) {
      Contracted& of = contracted[order.grid_connection];
      (order.side == Side::kBid ? of.bought : of.sold) += order.energy;
    }
  }
  return contracted;
}

}  // namespace peerwatt::market
