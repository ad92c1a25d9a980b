#include "services/settlement/core/billing/kpi_report.h"

#include <map>

#include "libs/base/check.h"

namespace peerwatt::settlement {
namespace {

void Add(const EnergyBalance& energy, EnergyBalance& to) {
  to.drawn += energy.drawn;
  to.fed_in += energy.fed_in;
  to.self_consumed += energy.self_consumed;
  to.from_neighbours += energy.from_neighbours;
  to.to_neighbours += energy.to_neighbours;
}

void Add(const MoneyBalance& money, MoneyBalance& to) {
  to.with_neighbours += money.with_neighbours;
  to.without_neighbours += money.without_neighbours;
  to.is_price_missing = to.is_price_missing || money.is_price_missing;
}

/// What a part, or the whole, adds up to.
struct Total {
  PeriodSums periods;
  EnergyBalance energy;
  MoneyBalance money;
  std::map<ParticipantId, Money> savings;
};

void AddPeriods(const PeriodSums& sums, Total& to) {
  to.periods.settled_period_count += sums.settled_period_count;
  to.periods.welfare_optimum += sums.welfare_optimum;
  to.periods.welfare_delivered += sums.welfare_delivered;
}

void AddHousehold(const HouseholdSums& sums, Total& to) {
  Add(sums.energy, to.energy);
  Add(sums.money, to.money);
  to.savings[sums.participant] += sums.money.with_neighbours - sums.money.without_neighbours;
}

HouseholdPart HouseholdPartOf(const Interval& span, const Total& total,
                              std::optional<int32_t> co2_g_per_kwh) {
  return {span, total.periods.settled_period_count,
          FiguresOf(total.energy, total.money, co2_g_per_kwh)};
}

CommunityPart CommunityPartOf(const Interval& span, const Total& total,
                              std::optional<int32_t> co2_g_per_kwh) {
  CommunityPart part;
  part.span = span;
  part.settled_period_count = total.periods.settled_period_count;
  part.figures = FiguresOf(total.energy, total.money, co2_g_per_kwh);
  part.household_count = static_cast<int32_t>(total.savings.size());
  if (!total.money.is_price_missing) {
    std::vector<Money> savings;
    savings.reserve(total.savings.size());
    for (const auto& [participant, saved] : total.savings) savings.push_back(saved);
    part.savings_gini_ppm = GiniPpm(std::move(savings));
  }
  part.welfare_optimum = total.periods.welfare_optimum;
  part.welfare_delivered = total.periods.welfare_delivered;
  part.welfare_share_ppm = SharePpm(part.welfare_delivered, part.welfare_optimum);
  return part;
}

template <typename Part>
KpiReport<Part> ReportOf(const KpiSpan& span, const KpiSums& sums,
                         std::optional<int32_t> co2_g_per_kwh,
                         Part (*part_of)(const Interval&, const Total&, std::optional<int32_t>)) {
  Total whole;
  std::vector<Total> totals(span.starts.size());
  for (const PeriodSums& periods : sums.periods) {
    PW_CHECK(periods.part < totals.size(), "sums are of a part of the span");
    AddPeriods(periods, whole);
    AddPeriods(periods, totals[periods.part]);
  }
  for (const HouseholdSums& household : sums.households) {
    PW_CHECK(household.part < totals.size(), "sums are of a part of the span");
    AddHousehold(household, whole);
    AddHousehold(household, totals[household.part]);
  }
  KpiReport<Part> report{part_of(span.whole, whole, co2_g_per_kwh), {}};
  if (!span.has_parts) return report;
  for (size_t i = 0; i < totals.size(); ++i) {
    report.parts.push_back(part_of(span.Part(i), totals[i], co2_g_per_kwh));
  }
  return report;
}

}  // namespace

KpiFigures FiguresOf(const EnergyBalance& energy, const MoneyBalance& money,
                     std::optional<int32_t> co2_g_per_kwh) {
  return {energy, money, KpisOf(energy, money, co2_g_per_kwh)};
}

KpiReport<HouseholdPart> HouseholdReport(const KpiSpan& span, const KpiSums& sums,
                                         std::optional<int32_t> co2_g_per_kwh) {
  return ReportOf<HouseholdPart>(span, sums, co2_g_per_kwh, HouseholdPartOf);
}

KpiReport<CommunityPart> CommunityReport(const KpiSpan& span, const KpiSums& sums,
                                         std::optional<int32_t> co2_g_per_kwh) {
  return ReportOf<CommunityPart>(span, sums, co2_g_per_kwh, CommunityPartOf);
}

}  // namespace peerwatt::settlement
