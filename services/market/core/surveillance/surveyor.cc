#include "services/market/core/surveillance/surveyor.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace peerwatt::market {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// The last gate closure of a day; before it the day cannot be final.
absl::Time LastGateClosure(const CommunityRules& rules, absl::Time day_start) {
  return day_start + kDay - rules.interval - rules.gate_closure_lead;
}

}  // namespace

absl::Status Surveyor::SurveyDay(const CommunityId& community, Interval day, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const SurveyInput input, store_.Load(community, day));
  SurveyRecord record;
  record.day = day;
  record.result = Survey(input, thresholds_);
  record.trade_count = static_cast<int64_t>(input.trades.size());
  record.order_count = static_cast<int64_t>(input.orders.size());
  record.thresholds = Describe(thresholds_);
  record.survey_time = now;
  PW_ASSIGN_OR_RETURN(const bool kept, store_.Keep(community, record));
  if (kept) {
    probe_.DaySurveyed(record.result);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> Surveyor::SurveyCommunity(const CommunityRules& rules, absl::Time now,
                                                     absl::FunctionRef<bool()> stop) {
  while (!stop()) {
    PW_ASSIGN_OR_RETURN(const std::optional<NextSurvey> next, store_.FindNext(rules.id));
    if (!next.has_value()) {
      return LastGateClosure(rules, FloorToGrid(rules.trading_start, kDay));
    }
    if (!next->is_final) {
      return LastGateClosure(rules, next->day_start);
    }
    PW_RETURN_IF_ERROR(SurveyDay(rules.id, {next->day_start, next->day_start + kDay}, now));
  }
  return absl::InfinitePast();
}

absl::Status Surveyor::RunOnce(absl::Time now, absl::FunctionRef<bool()> stop) {
  absl::Status first_failure;
  for (const CommunityRules& rules : rules_.All()) {
    absl::Time& due = next_due_.try_emplace(rules.id, absl::InfinitePast()).first->second;
    if (due > now || stop()) {
      continue;
    }
    absl::StatusOr<absl::Time> next = SurveyCommunity(rules, now, stop);
    if (next.ok()) {
      due = *next;
    } else {
      first_failure.Update(next.status());
    }
  }
  return first_failure;
}

}  // namespace peerwatt::market
