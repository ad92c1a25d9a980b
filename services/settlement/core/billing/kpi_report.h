#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "services/settlement/core/billing/kpi_span.h"
#include "services/settlement/core/billing/kpis.h"

namespace peerwatt::settlement {

/// What a household's lines of a span, or of a part of it, sum to.
struct HouseholdSums {
  size_t part = 0;
  ParticipantId participant;
  EnergyBalance energy;
  MoneyBalance money;
};

/// What the settled periods of a part say.
struct PeriodSums {
  size_t part = 0;
  int32_t settled_period_count = 0;
  Money welfare_optimum;
  Money welfare_delivered;
};

/// Sums of a span by part.
struct KpiSums {
  std::vector<PeriodSums> periods;        ///< by part; those without settled periods are left out
  std::vector<HouseholdSums> households;  ///< by part, then participant; only those with lines
};

/// Sums up what was settled. Each method is one statement, and of one instant.
class KpiReader {
 public:
  virtual ~KpiReader() = default;
  /// Sums of one household by part.
  virtual absl::StatusOr<KpiSums> SumHousehold(const CommunityId& community,
                                               const ParticipantId& participant,
                                               const KpiSpan& span) = 0;
  /// Sums of all households by part.
  virtual absl::StatusOr<KpiSums> SumCommunity(const CommunityId& community,
                                               const KpiSpan& span) = 0;
  /// Sums over the whole span of at most `limit` participants after one, by participant; those that
  /// have no lines in the span have zeros.
  virtual absl::StatusOr<std::vector<HouseholdSums>> ListHouseholds(const CommunityId& community,
                                                                    const Interval& span,
                                                                    const ParticipantId& after,
                                                                    int32_t limit) = 0;
};

/// Figures with the sums that they are made of.
struct KpiFigures {
  EnergyBalance energy;
  MoneyBalance money;
  Kpis kpis;
};

/// Figures of a household over a span or a part of it.
struct HouseholdPart {
  Interval span;
  int32_t settled_period_count = 0;
  KpiFigures figures;
};

/// Figures of a community over a span or a part of it.
struct CommunityPart {
  Interval span;
  int32_t settled_period_count = 0;
  KpiFigures figures;  ///< of the sums over all households
  int32_t household_count = 0;
  std::optional<int64_t> savings_gini_ppm;
  Money welfare_optimum;
  Money welfare_delivered;
  std::optional<int64_t> welfare_share_ppm;
};

/// The whole of a span and, where they are asked for, its parts.
template <typename Part>
struct KpiReport {
  Part whole;
  std::vector<Part> parts;
};

/// co2_g_per_kwh: as the community states it, nothing when it does not.
KpiFigures FiguresOf(const EnergyBalance& energy, const MoneyBalance& money,
                     std::optional<int32_t> co2_g_per_kwh);
/// sums: of one household.
KpiReport<HouseholdPart> HouseholdReport(const KpiSpan& span, const KpiSums& sums,
                                         std::optional<int32_t> co2_g_per_kwh);
/// A household that has lines in two parts counts once in the whole.
KpiReport<CommunityPart> CommunityReport(const KpiSpan& span, const KpiSums& sums,
                                         std::optional<int32_t> co2_g_per_kwh);

}  // namespace peerwatt::settlement
