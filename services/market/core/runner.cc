#include "services/market/core/runner.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::market {
namespace {

// Auctions opened per transaction.
constexpr size_t kOpeningBatch = 1000;

// The first delivery from `next` on whose opening is not due yet.
absl::Time FirstNotDue(const CommunityRules& rules, absl::Time next, absl::Time now) {
  const absl::Time horizon = now + rules.opening_lead;
  return next > horizon ? next : next + ((horizon - next) / rules.interval + 1) * rules.interval;
}

}  // namespace

absl::Status RulesBook::Refresh() {
  PW_ASSIGN_OR_RETURN(std::vector<CommunityRules> all, registry_.ListCommunityRules());
  const std::lock_guard lock(mutex_);
  rules_.clear();
  for (CommunityRules& rules : all) {
    CommunityId id = rules.id;
    rules_.insert_or_assign(std::move(id), std::move(rules));
  }
  return absl::OkStatus();
}

std::vector<CommunityRules> RulesBook::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<CommunityRules> all;
  for (const auto& [id, rules] : rules_) {
    all.push_back(rules);
  }
  return all;
}

absl::StatusOr<CommunityRules> RulesBook::Find(const CommunityId& community) {
  for (const bool is_second_try : {false, true}) {
    if (is_second_try) {
      PW_RETURN_IF_ERROR(Refresh());
    }
    const std::lock_guard lock(mutex_);
    const auto found = rules_.find(community);
    if (found != rules_.end()) {
      return found->second;
    }
  }
  return Error(kNotFound, "there is no such community", {{"community", community.value()}});
}

std::optional<std::string> RulesBook::KnownCurrency(const CommunityId& community) const {
  const std::lock_guard lock(mutex_);
  const auto found = rules_.find(community);
  return found == rules_.end() ? std::nullopt : std::optional(found->second.currency);
}

std::vector<Auction> DueOpenings(const CommunityRules& rules, absl::Time first_delivery,
                                 absl::Time now, size_t max,
                                 const std::vector<TradingPhase>& phases) {
  std::vector<Auction> auctions;
  for (absl::Time start = first_delivery;
       start - rules.opening_lead <= now && auctions.size() < max; start += rules.interval) {
    if (!TradesAt(phases, start)) {
      continue;
    }
    Auction auction;
    auction.key = {rules.id, start};
    auction.delivery_end = start + rules.interval;
    auction.gate_closure = start - rules.gate_closure_lead;
    auction.network_fee = rules.network_fee;
    auctions.push_back(auction);
  }
  return auctions;
}

absl::StatusOr<absl::Time> Runner::OpenDue(const CommunityRules& rules, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const std::optional<absl::Time> opened, store_.LastDeliveryEnd(rules.id));
  absl::Time next = opened.value_or(rules.trading_start);
  const absl::Time end = FirstNotDue(rules, next, now);
  if (end == next) {
    return next - rules.opening_lead;
  }
  PW_ASSIGN_OR_RETURN(const std::vector<TradingPhase> phases, rules_.Phases(rules, {next, end}));
  while (true) {
    std::vector<Auction> due = DueOpenings(rules, next, now, kOpeningBatch, phases);
    if (due.empty()) {
      return end - rules.opening_lead;
    }
    PW_ASSIGN_OR_RETURN(
        const std::vector<NetworkVersion> networks,
        rules_.Networks(rules, {due.front().key.delivery_start, due.back().delivery_end}));
    FixNetworks(networks, due);
    PW_RETURN_IF_ERROR(store_.OpenAuctions(due, networks));
    next = due.back().delivery_end;
  }
}

absl::StatusOr<absl::Time> Runner::RunCommunity(const CommunityRules& rules, absl::Time now,
                                                absl::FunctionRef<bool()> stop) {
  // Gates close even while the registry, which openings ask, is away.
  const absl::StatusOr<absl::Time> next_opening = OpenDue(rules, now);
  while (!stop()) {
    PW_ASSIGN_OR_RETURN(const std::optional<Auction> auction, store_.FirstUnfinished(rules.id));
    if (!auction.has_value()) {
      return next_opening;
    }
    if (auction->state == AuctionState::kOpen && auction->gate_closure > now) {
      PW_RETURN_IF_ERROR(next_opening.status());
      return std::min(*next_opening, auction->gate_closure);
    }
    probe_.LagSeen(std::max(now - auction->gate_closure, absl::ZeroDuration()));
    PW_RETURN_IF_ERROR(gate_closure_.Finish(*auction));
  }
  return absl::InfinitePast();
}

absl::Status Runner::RunOnce(absl::Time now, absl::FunctionRef<bool()> stop) {
  const absl::Status status = turns_.RunOnce(
      rules_.All(), now, stop,
      [&](const CommunityRules& rules) { return RunCommunity(rules, now, stop); },
      [&](const absl::Status& ended) {
        if (!IsLeaseLost(ended)) {
          return true;
        }
        probe_.WriteRefused();
        return false;
      });
  if (status.ok()) {
    probe_.LagSeen(absl::ZeroDuration());
  }
  return status;
}

}  // namespace peerwatt::market
