// How a group of orders is placed: OrderDesk's part that many callers share.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

absl::Status PointIsAnothers() {
  return Error(kPermissionDenied, "the metering point is not the caller's");
}

// Whether other facts of the registry could change this refusal.
bool IsByRegistry(const absl::Status& refusal) {
  static const std::set<std::string> kOthers = {"", std::string(kGateClosed.name),
                                                std::string(kMarketHalted.name),
                                                std::string(kNotFound.name),
                                                std::string(kDatabaseUnavailable.name)};
  return !kOthers.contains(ReasonOf(refusal));
}

// What an order takes over from its metering point.
void TakePoint(const std::optional<Member>& member, Order& order) {
  order.grid_connection = member.has_value() ? member->grid_connection : GridConnectionId();
  order.zone = member.has_value() ? member->zone : ZoneId();
  order.source = member.has_value() && order.side == Side::kOffer ? member->source
                                                                  : EnergySource::kUnknown;
}

// A market order has the bound as its limit.
void BoundMarketOrder(Order& order, const CommunityRules& rules, const OrderLimits& limits) {
  if (order.book.is_market) {
    order.limit = MarketBound(order.side, rules, limits);
  }
}

// What names an order within its community; for as long as the order is there.
using OrderName = std::pair<absl::Time, absl::string_view>;
OrderName NameOf(const Order& order) { return {order.auction.delivery_start, order.id.value()}; }

}  // namespace

bool SameContent(const Order& kept, const Order& asked) {
  return kept.participant == asked.participant && kept.side == asked.side &&
         kept.metering_point == asked.metering_point &&
         kept.book.placed_energy.value_or(kept.energy) == asked.energy &&
         kept.book.time_in_force == asked.book.time_in_force &&
         kept.book.is_market == asked.book.is_market &&
         (kept.book.is_market || kept.book.placed_limit.value_or(kept.limit) == asked.limit) &&
         kept.premium == asked.premium &&
         kept.preference == asked.preference && kept.standing_order.empty();
}

absl::Status Rejection(const std::string& reason) {
  if (reason == kFundsInsufficient.name) {
    return Error(kFundsInsufficient, "the account does not cover the order");
  }
  if (reason == kMarketHalted.name) {
    return Error(kMarketHalted, "the market was halted before the order came into its book");
  }
  if (reason == kBookFull.name) {
    return Error(kBookFull, "no further order may rest in the book");
  }
  return Error(kHoldRefused, "settlement refused to hold money for the order",
               {{"hold_reason", reason}});
}

absl::StatusOr<std::optional<Member>> OrderDesk::MemberOf(const Order& order,
                                                          const Neighbourhood& neighbourhood) {
  std::optional<Member> member = neighbourhood.Find(order.metering_point);
  if (!member.has_value()) {
    // Of another community, or of none.
    PW_ASSIGN_OR_RETURN(member, registry_.FindMember(order.metering_point));
  }
  if (member.has_value() && member->participant != order.participant) {
    return PointIsAnothers();
  }
  return member;
}

void OrderDesk::Place(std::vector<Item*>& items, const MemberDirectory::Found& facts,
                      absl::Time now) {
  const Neighbourhood& neighbourhood = *facts.neighbourhood;
  std::vector<Item*> asked;
  std::vector<std::optional<Member>> members;
  std::vector<Order> orders;
  for (Item* item : items) {
    const bool is_stale_stranger =
        !facts.is_fresh && !neighbourhood.members.contains(item->order.metering_point);
    if (is_stale_stranger) {
      continue;  // Perhaps it is new: the next look is at fresh facts.
    }
    absl::StatusOr<std::optional<Member>> member = MemberOf(item->order, neighbourhood);
    if (!member.ok()) {
      item->answer = member.status();
      item->is_decided = facts.is_fresh;
      continue;
    }
    TakePoint(*member, item->order);
    item->order.state = OrderState::kPending;
    asked.push_back(item);
    orders.push_back(item->order);
    members.push_back(*std::move(member));
  }
  if (orders.empty()) {
    return;
  }
  absl::StatusOr<std::vector<absl::StatusOr<Order>>> placed = store_.PlaceOrders(
      orders, [&](size_t i, const Placing& placing) -> absl::StatusOr<Money> {
        Order& order = orders[i];
        BoundMarketOrder(order, neighbourhood.rules, placing.limits);
        PW_RETURN_IF_ERROR(CheckOrder(
            order, {now, members[i], neighbourhood.rules,
                    neighbourhood.LimitsOf(order.grid_connection), placing}));
        return HoldFor(order, placing.auction->network_fee);
      });
  for (size_t i = 0; i < asked.size(); ++i) {
    Item& item = *asked[i];
    item.answer = placed.ok() ? std::move((*placed)[i]) : placed.status();
    item.is_decided = item.answer.ok() || facts.is_fresh || !IsByRegistry(item.answer.status());
    if (item.answer.ok() && !SameContent(*item.answer, item.order)) {
      item.answer = Error(kContentDiffers, "another order has this id");
    }
  }
}

void OrderDesk::Reserve(const std::vector<Item*>& kept) {
  std::vector<Order> pending;
  pending.reserve(kept.size());
  for (Item* item : kept) {
    pending.push_back(*std::move(item->answer));
  }
  absl::StatusOr<std::vector<Order>> resolved = Resolve(std::move(pending));
  for (size_t i = 0; i < kept.size(); ++i) {
    if (resolved.ok()) {
      kept[i]->answer = std::move((*resolved)[i]);
    } else {
      kept[i]->answer = resolved.status();
    }
  }
}

absl::StatusOr<std::vector<Order>> OrderDesk::Activate(const std::vector<Order>& pending,
                                                       const std::vector<std::string>& reasons) {
  // Two kinds, each with the positions of its orders.
  struct Kind {
    std::vector<size_t> positions;
    std::vector<Order> orders;
    std::vector<std::string> reasons;
  };
  Kind auction;
  Kind continuous;
  for (size_t i = 0; i < pending.size(); ++i) {
    Kind& kind = IsContinuous(pending[i]) ? continuous : auction;
    kind.positions.push_back(i);
    kind.orders.push_back(pending[i]);
    kind.reasons.push_back(reasons[i]);
  }
  std::vector<Order> resolved(pending.size());
  const auto take = [&](Kind& kind, std::vector<Order> orders) {
    PW_CHECK(orders.size() == kind.positions.size(), "the answer is for other orders");
    for (size_t i = 0; i < orders.size(); ++i) {
      resolved[kind.positions[i]] = std::move(orders[i]);
    }
  };
  if (!auction.orders.empty()) {
    PW_ASSIGN_OR_RETURN(std::vector<Order> orders,
                        store_.ResolveOrders(auction.orders, auction.reasons));
    take(auction, std::move(orders));
  }
  if (!continuous.orders.empty()) {
    PW_ASSIGN_OR_RETURN(std::vector<Order> orders,
                        books_.Enter(continuous.orders, continuous.reasons));
    take(continuous, std::move(orders));
  }
  return resolved;
}

absl::StatusOr<std::vector<Order>> OrderDesk::Resolve(std::vector<Order> pending) {
  const CommunityId community = pending.front().auction.community;
  std::vector<std::string> reasons(pending.size());
  std::vector<Hold> holds;
  std::vector<size_t> holders;
  for (size_t i = 0; i < pending.size(); ++i) {
    const Order& order = pending[i];
    if (order.hold > Money()) {
      holds.push_back({order.auction.delivery_start, order.id, order.participant, order.hold});
      holders.push_back(i);
    }
  }
  if (!holds.empty()) {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> refusals,
                        settlement_.CreateHolds(community, holds));
    PW_CHECK(refusals.size() == holds.size(), "settlement answered for other holds");
    for (size_t i = 0; i < holders.size(); ++i) {
      reasons[holders[i]] = std::move(refusals[i]);
    }
  }
  const bool all_wait = std::none_of(pending.begin(), pending.end(), IsContinuous);
  PW_ASSIGN_OR_RETURN(std::vector<Order> resolved,
                      all_wait ? store_.ResolveOrders(std::move(pending), reasons)
                               : Activate(pending, reasons));
  PW_CHECK(resolved.size() == reasons.size(), "the store answered for other orders");
  std::map<AuctionKey, std::vector<HoldReduction>, AuctionOrder> to_release;
  for (size_t i = 0; i < resolved.size(); ++i) {
    const Order& order = resolved[i];
    const bool is_dead = order.state == OrderState::kCancelled ||
                         order.state == OrderState::kRejected ||
                         order.state == OrderState::kExpired;
    if (is_dead && !IsContinuous(order) && reasons[i].empty() && order.hold > Money()) {
      // It was withdrawn or refused while its money was being reserved.
      to_release[order.auction].push_back({order.id, Money()});
    }
    const bool was_in_book = order.book.number > 0;
    if (is_dead || was_in_book || order.state == OrderState::kActive) {
      probe_.OrderDecided(order.side, was_in_book || !is_dead);
    }
  }
  for (const auto& [auction, reductions] : to_release) {
    PW_RETURN_IF_ERROR(settlement_.ReduceHolds(auction, reductions));
  }
  return resolved;
}

absl::StatusOr<int64_t> OrderDesk::Sweep(const CommunityId& community, absl::Time before) {
  constexpr int32_t kPage = 1000;
  int64_t swept = 0;
  while (true) {
    PW_ASSIGN_OR_RETURN(std::vector<Order> pending,
                        store_.PendingBefore(community, before, kPage));
    const size_t count = pending.size();
    if (count > 0) {
      PW_RETURN_IF_ERROR(Resolve(std::move(pending)).status());
      swept += static_cast<int64_t>(count);
    }
    if (count < kPage) {
      return swept;
    }
  }
}

std::vector<absl::StatusOr<Order>> OrderDesk::CreateGroup(std::vector<Order> orders,
                                                          absl::Time now) {
  std::vector<Item> items(orders.size());
  absl::flat_hash_map<OrderName, size_t> firsts;
  firsts.reserve(orders.size());
  std::vector<Item*> todo;
  for (size_t i = 0; i < orders.size(); ++i) {
    items[i].order = std::move(orders[i]);
    if (firsts.emplace(NameOf(items[i].order), i).second) {
      todo.push_back(&items[i]);
    }
  }
  const CommunityId community = items.front().order.auction.community;
  for (const bool ask : {false, true}) {
    const absl::StatusOr<MemberDirectory::Found> facts =
        ask ? directory_.Ask(community, now) : directory_.Get(community, now);
    if (!facts.ok()) {
      for (Item* item : todo) {
        item->answer = facts.status();
      }
      break;
    }
    Place(todo, *facts, now);
    std::erase_if(todo, [](const Item* item) { return item->is_decided; });
    if (todo.empty()) {
      break;
    }
  }
  std::vector<Item*> pending;
  for (Item& item : items) {
    if (item.is_decided && item.answer.ok() && item.answer->state == OrderState::kPending) {
      pending.push_back(&item);
    } else if (item.is_decided && !item.answer.ok() && !ReasonOf(item.answer.status()).empty()) {
      probe_.OrderDecided(item.order.side, false);
    }
  }
  if (!pending.empty()) {
    Reserve(pending);
  }
  const bool has_doubles = firsts.size() < items.size();
  std::vector<absl::StatusOr<Order>> answers;
  answers.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t first = has_doubles ? firsts.at(NameOf(items[i].order)) : i;
    absl::StatusOr<Order> answer = i != first    ? answers[first]
                                   : has_doubles ? items[i].answer
                                                 : std::move(items[i].answer);
    if (i != first && items[first].answer.ok() &&
        !SameContent(*items[first].answer, items[i].order)) {
      answer = Error(kContentDiffers, "another order has this id");
    }
    if (answer.ok() && answer->state == OrderState::kRejected) {
      answer = Rejection(answer->rejection_reason);
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

absl::Status OrderDesk::Validate(Order order, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const MemberDirectory::Found facts,
                      directory_.Ask(order.auction.community, now));
  const Neighbourhood& neighbourhood = *facts.neighbourhood;
  PW_ASSIGN_OR_RETURN(const std::optional<Member> member, MemberOf(order, neighbourhood));
  TakePoint(member, order);
  PW_ASSIGN_OR_RETURN(const Placing placing, store_.LookAt(order));
  BoundMarketOrder(order, neighbourhood.rules, placing.limits);
  std::vector<absl::Status> broken = BrokenRules(
      order, {now, member, neighbourhood.rules, neighbourhood.LimitsOf(order.grid_connection),
              placing});
  const Money hold = order.energy > kEnergyMax || order.energy < Energy()
                         ? Money()
                         : HoldFor(order, placing.auction->network_fee);
  if (hold > Money()) {
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> refusals,
        settlement_.CheckHolds(order.auction.community, {{order.auction.delivery_start, order.id,
                                                          order.participant, hold}}));
    PW_CHECK(refusals.size() == 1, "settlement answered for other holds");
    if (!refusals[0].empty()) {
      broken.push_back(Rejection(refusals[0]));
    }
  }
  return broken.empty() ? absl::OkStatus() : AllBroken(broken);
}

absl::StatusOr<Order> OrderDesk::Create(Order order, bool validate_only, absl::Time now) {
  order.create_time = now;
  if (!validate_only) {
    return std::move(CreateGroup({std::move(order)}, now).front());
  }
  PW_RETURN_IF_ERROR(Validate(order, now));
  order.state = OrderState::kPending;
  return order;
}

}  // namespace peerwatt::market
