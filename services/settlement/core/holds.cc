#include "services/settlement/core/holds.h"

#include "services/settlement/core/errors.h"

namespace peerwatt::settlement {
namespace {

/// The reason why a hold cannot stand, or empty.
std::string FailureOf(const HoldRequest& request, absl::Time period_start, const HoldBook& book) {
  const auto known = book.known.find(request.order);
  if (known != book.known.end()) {
    const KnownHold& hold = known->second;
    const bool same = hold.participant == request.participant &&
                      hold.period_start == period_start && hold.initial_amount == request.amount;
    return same ? "" : std::string(kContentDiffers.name);
  }
  if (book.settled_periods.contains(period_start)) return std::string(kPeriodSettled.name);
  const auto available = book.available.find(ParticipantAccount(request.participant));
  if (available == book.available.end() || available->second < request.amount) {
    return std::string(kFundsInsufficient.name);
  }
  return "";
}

}  // namespace

HoldDecision DecideHolds(const std::vector<HoldRequest>& requests, absl::Time period_start,
                         HoldBook book) {
  HoldDecision decision;
  for (const HoldRequest& request : requests) {
    const absl::Time period = request.period_start.value_or(period_start);
    std::string failure = FailureOf(request, period, book);
    const bool is_new = failure.empty() && !book.known.contains(request.order);
    decision.failure_reasons.push_back(std::move(failure));
    if (!is_new) continue;
    const AccountId account = ParticipantAccount(request.participant);
    book.available[account] -= request.amount;
    book.known[request.order] = {request.participant, period, request.amount};
    decision.newly_held[account] += request.amount;
    decision.created.push_back(request);
    decision.created.back().period_start = period;
  }
  return decision;
}

}  // namespace peerwatt::settlement
