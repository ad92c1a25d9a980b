#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "tools/peerwatt/api.h"

namespace peerwatt::tool {

/// Figures of a household, or of all, as settlement says them; shares in millionths.
struct KpiRow {
  std::string who;
  std::optional<int64_t> self_sufficiency_ppm;
  std::optional<int64_t> local_share_ppm;
  std::optional<int64_t> self_consumption_ppm;
  std::optional<int64_t> local_use_ppm;
  std::optional<int64_t> avoided_co2_g;
  Money savings;
};

/// Figures of a community and its households over a span.
struct KpiTable {
  Interval span;
  std::vector<KpiRow> households;  ///< by participant
  KpiRow all;
  std::optional<int64_t> savings_gini_ppm;
  Money welfare_optimum;
  Money welfare_delivered;
  std::optional<int64_t> welfare_share_ppm;
  int64_t co2_g_per_kwh = 0;
  std::string co2_source;  ///< empty: the community states no factor
};

/// Asks settlement, for the last 32 days of a span if it is longer.
absl::StatusOr<KpiTable> GatherKpis(const std::string& community, const Interval& span,
                                    Account& account, Api& api);

/// The table in JSON and for people.
Json KpisJson(const KpiTable& table);
std::string KpisText(const KpiTable& table);

}  // namespace peerwatt::tool
