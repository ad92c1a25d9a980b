#include "services/market/core/autopilot/quoter.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"
#include "services/market/core/autopilot/ramp.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

// From the opening of an auction to its gate closure.
Interval OpenWindow(const CommunityRules& rules, absl::Time delivery_start) {
  return {delivery_start - rules.opening_lead, delivery_start - rules.gate_closure_lead};
}

// When the next step of any auction begins: steps are a fixed way from deliveries, which lie on the
// grid, so some auction has one at least every interval.
absl::Time NextLook(const CommunityRules& rules, absl::Time now) {
  absl::Time next = FloorToGrid(now, rules.interval) + rules.interval;
  const Interval window = OpenWindow(rules, next);
  for (int32_t step = 0; step < kRampSteps; ++step) {
    const absl::Time begins = RampStepStart(window, step);
    const absl::Duration past = now - begins;
    const absl::Time same = begins + absl::Floor(past, rules.interval) + rules.interval;
    next = std::min(next, same);
  }
  return next;
}

}  // namespace

absl::Status Quoter::Quote(const CommunitySnapshot& snapshot,
                           const std::vector<Candidate>& candidates, const Auction& auction,
                           int32_t step, absl::Time now) {
  const CommunityId& community = auction.key.community;
  const Interval window = OpenWindow(snapshot.rules, auction.key.delivery_start);
  // As before gate closure: devices have had an interval's time to report.
  const absl::Time data_end =
      FloorToGrid(RampStepStart(window, step), snapshot.rules.interval) - snapshot.rules.interval;
  ForecastsByPoint forecasts;
  if (!candidates.empty()) {
    PW_ASSIGN_OR_RETURN(
        forecasts,
        metering_.ForecastInterval(PointsToForecast(candidates, snapshot),
                                   {auction.key.delivery_start, auction.delivery_end}, data_end));
  }
  NetworkVersion network;
  if (AnyPrefers(candidates)) {
    PW_ASSIGN_OR_RETURN(network, auctions_.GetNetwork(community, auction.network));
  }
  PW_ASSIGN_OR_RETURN(
      const std::optional<NewQuotes> quotes,
      store_.ReplaceQuotes(
          auction.key, step + 1, BudgetsOf(candidates, snapshot, auction.key.delivery_start),
          [&](const Closing& closing) {
            return WithinLimits(PlaceStandingOrders(auction, candidates, snapshot, forecasts,
                                                    closing, {step, now, &network}),
                                closing, auction.network_fee);
          }));
  if (!quotes.has_value()) {
    return absl::OkStatus();
  }
  if (!quotes->withdrawn.empty()) {
    to_release_.emplace_back(auction.key, quotes->withdrawn);
  }
  if (quotes->added > 0) {
    to_decide_[community] = now + absl::Microseconds(1);
  }
  return MoveMoney();
}

absl::Status Quoter::MoveMoney() {
  while (!to_release_.empty()) {
    const auto& [auction, reductions] = to_release_.back();
    PW_RETURN_IF_ERROR(settlement_.ReduceHolds(auction, reductions));
    to_release_.pop_back();
  }
  while (!to_decide_.empty()) {
    const auto& [community, before] = *to_decide_.begin();
    PW_RETURN_IF_ERROR(desk_.Sweep(community, before).status());
    to_decide_.erase(to_decide_.begin());
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> Quoter::RunCommunity(const CommunityRules& rules, absl::Time now,
                                                absl::FunctionRef<bool()> stop) {
  PW_ASSIGN_OR_RETURN(const std::vector<StandingOrder> standing_orders,
                      store_.ListRamped(rules.id));
  PW_ASSIGN_OR_RETURN(const std::vector<QuotableAuction> open, store_.ListQuotable(rules.id, now));
  CommunitySnapshot snapshot;
  std::vector<Candidate> candidates;
  for (const QuotableAuction& one : open) {
    const Interval window = OpenWindow(rules, one.auction.key.delivery_start);
    const int32_t step = RampStepAt(window, now);
    // An auction that was quoted before is looked at even when no ramp is left: quotes end.
    const bool is_due = step >= 0 && step < kRampSteps && one.quoted_steps <= step &&
                        (!standing_orders.empty() || one.quoted_steps > 0);
    if (!is_due || stop()) {
      continue;
    }
    if (snapshot.rules.id.empty()) {
      PW_ASSIGN_OR_RETURN(snapshot, registry_.GetSnapshot(rules.id, now));
      candidates = Candidates(standing_orders, snapshot);
    }
    PW_RETURN_IF_ERROR(Quote(snapshot, candidates, one.auction, step, now));
  }
  return NextLook(rules, now);
}

absl::Status Quoter::RunOnce(absl::Time now, absl::FunctionRef<bool()> stop) {
  absl::Status status = MoveMoney();
  status.Update(turns_.RunOnce(
      rules_.All(), now, stop,
      [&](const CommunityRules& rules) { return RunCommunity(rules, now, stop); },
      [](const absl::Status& ended) { return !IsLeaseLost(ended); }));
  return status;
}

}  // namespace peerwatt::market
