#include "services/settlement/core/tariff_follower.h"

#include <vector>

#include "absl/time/time.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/tariff.h"

namespace peerwatt::settlement {

absl::Status TariffFollower::Follow() {
  PW_ASSIGN_OR_RETURN(const auto counts, registry_.ListTariffCounts());
  for (const CommunityRules& rules : ledgers_.Known()) {
    const auto count = counts.find(rules.id);
    if (count == counts.end() || count->second <= seen_[rules.id]) continue;
    PW_RETURN_IF_ERROR(Take(rules, count->second));
  }
  return absl::OkStatus();
}

absl::Status TariffFollower::Take(const CommunityRules& rules, int64_t version_count) {
  PW_ASSIGN_OR_RETURN(const int64_t marked, store_.LoadTariffCursor(rules.id));
  if (marked < version_count) {
    PW_ASSIGN_OR_RETURN(
        const Tariffs tariffs,
        registry_.ListTariffs(rules, {absl::InfinitePast(), absl::InfiniteFuture()}));
    PW_ASSIGN_OR_RETURN(const std::vector<absl::Time> repriced,
                        store_.MarkRepriced(rules.id, SpansOfNewVersions(tariffs.versions, marked),
                                            tariffs.version_count));
    if (!repriced.empty()) {
      const Interval first{repriced.front(), repriced.front() + rules.interval};
      runner_.OnChanges({{0, MeteringPointId(), rules.id, first}});
    }
    version_count = tariffs.version_count;
  }
  seen_[rules.id] = version_count;
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
