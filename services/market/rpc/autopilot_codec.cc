#include "services/market/rpc/autopilot_codec.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"

namespace peerwatt::market {

namespace v1 = peerwatt::market::v1;

namespace {

static_assert(static_cast<int>(SizingReason::kBelowOrderMinimum) ==
              v1::StandingOrderPlan::BELOW_ORDER_MINIMUM);

std::string FormatDay(absl::CivilDay day) {
  return absl::StrFormat("%04d%02d%02d", day.year(), day.month(), day.day());
}

v1::StandingOrderPlan::Interval ToProto(const PlannedInterval& planned, absl::Time start,
                                        const StandingOrder& version,
                                        const std::string& currency) {
  v1::StandingOrderPlan::Interval proto;
  const bool is_offer = planned.forecast > Energy();
  const AutopilotTerms& terms = version.terms;
  *proto.mutable_start_time() = rpc::ToProto(start);
  proto.set_forecast_energy_wh(planned.forecast.wh());
  proto.set_reason(static_cast<v1::StandingOrderPlan::Reason>(planned.reason));
  proto.set_reserve_wh((is_offer ? terms.offer_reserve : terms.bid_reserve).wh());
  proto.set_share_ppm(is_offer ? terms.offer_share_ppm : terms.bid_share_ppm);
  proto.set_energy_wh(planned.energy.wh());
  *proto.mutable_worst_cost() = rpc::ToProto(planned.worst_cost, currency);
  if (planned.forecast != Energy()) {
    proto.set_side(is_offer ? v1::Order::OFFER : v1::Order::BID);
  }
  if (planned.energy > Energy()) {
    *proto.mutable_limit_price_per_kwh() = rpc::ToProto(planned.limit, currency);
  }
  return proto;
}

v1::StandingOrderReport::Deeds ToProto(const Deeds& deeds, const std::string& currency) {
  v1::StandingOrderReport::Deeds proto;
  proto.set_planned_to_buy_wh(deeds.planned_to_buy.wh());
  proto.set_planned_to_sell_wh(deeds.planned_to_sell.wh());
  proto.set_ordered_to_buy_wh(deeds.ordered_to_buy.wh());
  proto.set_ordered_to_sell_wh(deeds.ordered_to_sell.wh());
  proto.set_bought_wh(deeds.bought.wh());
  proto.set_sold_wh(deeds.sold.wh());
  *proto.mutable_worst_cost() = rpc::ToProto(deeds.worst_cost, currency);
  *proto.mutable_paid() = rpc::ToProto(deeds.paid, currency);
  *proto.mutable_received() = rpc::ToProto(deeds.received, currency);
  *proto.mutable_saved() = rpc::ToProto(deeds.saved, currency);
  proto.set_without_tariff_wh(deeds.without_tariff.wh());
  return proto;
}

}  // namespace

absl::StatusOr<absl::CivilDay> DayFrom(absl::string_view text, absl::string_view field) {
  absl::CivilDay day;
  const bool is_number =
      text.size() == 8 && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (!is_number || !absl::ParseCivilTime(absl::StrCat(text.substr(0, 4), "-", text.substr(4, 2),
                                                       "-", text.substr(6)),
                                          &day)) {
    return FieldInvalid(field, "must be a day as 20261224");
  }
  return day;
}

v1::StandingOrderPlan ToProto(const DayPlan& plan, const StandingOrder& version,
                              const std::string& currency) {
  v1::StandingOrderPlan proto;
  proto.set_version(plan.version);
  *proto.mutable_plan_time() = rpc::ToProto(plan.plan_time);
  Deeds sums;
  absl::Time start = plan.day.start;
  for (const PlannedInterval& planned : plan.intervals) {
    *proto.add_intervals() = ToProto(planned, start, version, currency);
    (planned.forecast < Energy() ? sums.planned_to_buy : sums.planned_to_sell) += planned.energy;
    sums.worst_cost += planned.worst_cost;
    start += plan.resolution;
  }
  proto.set_planned_to_buy_wh(sums.planned_to_buy.wh());
  proto.set_planned_to_sell_wh(sums.planned_to_sell.wh());
  *proto.mutable_worst_cost() = rpc::ToProto(sums.worst_cost, currency);
  return proto;
}

void WriteReport(const std::vector<ReportedInterval>& report, const ReportedDays& days,
                 const std::string& currency, v1::StandingOrderReport& response) {
  Deeds total;
  std::map<absl::CivilDay, Deeds> by_day;
  for (absl::CivilDay day = days.first; day <= days.last; ++day) {
    by_day[day];
  }
  for (const ReportedInterval& interval : report) {
    total.Add(interval.deeds);
    by_day[LocalDayOf(interval.start, days.zone)].Add(interval.deeds);
    if (days.first != days.last) {
      continue;
    }
    v1::StandingOrderReport::Interval& shown = *response.add_intervals();
    *shown.mutable_start_time() = rpc::ToProto(interval.start);
    *shown.mutable_deeds() = ToProto(interval.deeds, currency);
    if (interval.plan.has_value()) {
      *shown.mutable_plan() = ToProto(*interval.plan, interval.start, days.version, currency);
    }
  }
  *response.mutable_total() = ToProto(total, currency);
  for (const auto& [day, deeds] : by_day) {
    v1::StandingOrderReport::Day& shown = *response.add_days();
    shown.set_day(FormatDay(day));
    *shown.mutable_deeds() = ToProto(deeds, currency);
  }
}

}  // namespace peerwatt::market
