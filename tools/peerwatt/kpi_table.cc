#include "tools/peerwatt/kpi_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::tool {
namespace {

// The most that settlement answers for a community.
constexpr absl::Duration kSpanMax = absl::Hours(24 * 32);

std::optional<int64_t> OptionalField(const Json& object, const char* name) {
  return object.contains(name) ? std::optional(NumberField(object, name)) : std::nullopt;
}

KpiRow RowFrom(std::string who, const Json& figures) {
  return {std::move(who),
          OptionalField(figures, "selfSufficiencyPpm"),
          OptionalField(figures, "localSharePpm"),
          OptionalField(figures, "selfConsumptionPpm"),
          OptionalField(figures, "localUsePpm"),
          OptionalField(figures, "avoidedCo2G"),
          MoneyField(figures, "savings")};
}

Json OrNull(std::optional<int64_t> number) {
  return number.has_value() ? Json(*number) : Json(nullptr);
}

Json RowJson(const KpiRow& row) {
  return {{"self_sufficiency_ppm", OrNull(row.self_sufficiency_ppm)},
          {"local_share_ppm", OrNull(row.local_share_ppm)},
          {"self_consumption_ppm", OrNull(row.self_consumption_ppm)},
          {"local_use_ppm", OrNull(row.local_use_ppm)},
          {"saving_micros", row.savings.micros()},
          {"avoided_co2_g", OrNull(row.avoided_co2_g)}};
}

/// `12.3`, or `-` when absent. step: millionths of a tenth.
std::string Tenths(std::optional<int64_t> number, int64_t step) {
  if (!number.has_value()) return "-";
  const int64_t tenths = MulDiv(*number, 1, step, Rounding::kDown);
  return absl::StrFormat("%d.%d", tenths / 10, tenths % 10);
}

std::string Percent(std::optional<int64_t> ppm) { return Tenths(ppm, 1000); }

/// Whole cents, a half away from zero.
std::string Cents(Money money) {
  const int64_t cents = MulDiv(money.micros(), 1, 10'000, Rounding::kHalfAway);
  const int64_t size = cents < 0 ? -cents : cents;
  return absl::StrFormat("%s%d.%02d", cents < 0 ? "-" : "", size / 100, size % 100);
}

void AppendRow(const KpiRow& row, std::string& out) {
  absl::StrAppendFormat(&out, "%-12s %12s %12s %12s %12s %9s %9s\n", row.who,
                        Percent(row.self_sufficiency_ppm), Percent(row.local_share_ppm),
                        Percent(row.self_consumption_ppm), Percent(row.local_use_ppm),
                        Cents(row.savings), Tenths(row.avoided_co2_g, 100));
}

}  // namespace

absl::StatusOr<KpiTable> GatherKpis(const std::string& community, const Interval& span,
                                    Account& account, Api& api) {
  KpiTable table;
  table.span = {std::max(span.start, span.end - kSpanMax), span.end};
  const std::string query =
      absl::StrCat("startTime=", TimeText(table.span.start), "&endTime=", TimeText(table.span.end));
  const std::string path = absl::StrCat("/v1/communities/", community);
  PW_ASSIGN_OR_RETURN(const Json answer, api.Get(absl::StrCat(path, "/kpis?", query), &account));
  const Json& whole = answer.at("whole");
  table.all = RowFrom("all", whole.at("figures"));
  table.savings_gini_ppm = OptionalField(whole, "savingsGiniPpm");
  table.welfare_optimum = MoneyField(whole, "welfareOptimum");
  table.welfare_delivered = MoneyField(whole, "welfareDelivered");
  table.welfare_share_ppm = OptionalField(whole, "welfareSharePpm");
  if (answer.contains("emissionFactor")) {
    table.co2_g_per_kwh = NumberField(answer.at("emissionFactor"), "co2GPerKwh");
    table.co2_source = TextField(answer.at("emissionFactor"), "source");
  }
  PW_RETURN_IF_ERROR(api.ForEach(
      absl::StrCat(path, "/householdKpis?pageSize=1000&", query), "households", &account,
      [&](const Json& household) {
        const std::string name = TextField(household, "participant");
        table.households.push_back(
            RowFrom(std::string(absl::StripPrefix(name, "participants/")), household["figures"]));
      }));
  return table;
}

Json KpisJson(const KpiTable& table) {
  Json households = Json::array();
  for (const KpiRow& row : table.households) {
    Json household = RowJson(row);
    household["participant"] = absl::StrCat("participants/", row.who);
    households.push_back(std::move(household));
  }
  Json community = RowJson(table.all);
  community["savings_gini_ppm"] = OrNull(table.savings_gini_ppm);
  community["welfare_optimum_micros"] = table.welfare_optimum.micros();
  community["welfare_delivered_micros"] = table.welfare_delivered.micros();
  community["welfare_share_ppm"] = OrNull(table.welfare_share_ppm);
  Json factor = nullptr;
  if (!table.co2_source.empty()) {
    factor = {{"co2_g_per_kwh", table.co2_g_per_kwh}, {"source", table.co2_source}};
  }
  return {{"start_time", TimeText(table.span.start)},
          {"end_time", TimeText(table.span.end)},
          {"community", std::move(community)},
          {"households", std::move(households)},
          {"emission_factor", std::move(factor)}};
}

std::string KpisText(const KpiTable& table) {
  std::string out = absl::StrFormat("%-12s %12s %12s %12s %12s %9s %9s\n", "figures", "self-suff.",
                                    "local share", "self-cons.", "local use", "saving", "CO2");
  absl::StrAppendFormat(&out, "%-12s %12s %12s %12s %12s %9s %9s\n", "", "%", "%", "%", "%", "EUR",
                        "kg");
  for (const KpiRow& row : table.households) AppendRow(row, out);
  AppendRow(table.all, out);
  absl::StrAppend(&out, "Welfare delivered ", Cents(table.welfare_delivered), " of ",
                  Cents(table.welfare_optimum), " EUR (", Percent(table.welfare_share_ppm),
                  " %); Gini coefficient of the savings ", Percent(table.savings_gini_ppm), " %");
  if (!table.co2_source.empty()) {
    absl::StrAppend(&out, "; CO2 avoided at ", table.co2_g_per_kwh, " g/kWh (", table.co2_source,
                    ")");
  }
  return absl::StrCat(out, "\n");
}

}  // namespace peerwatt::tool
