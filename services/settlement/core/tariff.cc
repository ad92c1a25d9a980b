#include "services/settlement/core/tariff.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

EnergyPrice EnergyPriceAt(const Tariff& tariff, const EnergyPrices& prices, absl::CivilMinute local,
                          const char* direction) {
  const std::optional<PriceInForce> price = PriceAt(prices, local);
  if (!price.has_value()) return {};
  const std::string rule = absl::StrCat("tariffVersions/", tariff.id.value(), "/", direction);
  return {price->price, price->is_taxable,
          price->id.empty() ? rule : absl::StrCat(rule, "/", price->id)};
}

}  // namespace

const Tariff* TariffAt(const std::vector<Tariff>& versions, absl::Time time) {
  const auto later =
      std::upper_bound(versions.begin(), versions.end(), time,
                       [](absl::Time at, const Tariff& tariff) { return at < tariff.starts_at; });
  if (later == versions.begin()) return nullptr;
  return &*PW_MUTANT(kOlderVersionHolds, versions.begin(), std::prev(later));
}

std::string TariffName(const CommunityId& community, const TariffId& tariff) {
  return absl::StrCat("communities/", community.value(), "/tariffVersions/", tariff.value());
}

GridTariff PricesOf(const Tariff* tariff, absl::Time start, absl::TimeZone zone) {
  if (tariff == nullptr) return {};
  const absl::CivilMinute local =
      PW_MUTANT(kWindowsAreInUtc, absl::ToCivilMinute(start, absl::UTCTimeZone()),
                absl::ToCivilMinute(start, zone));
  return {EnergyPriceAt(*tariff, tariff->rules.retail, local, "retail"),
          EnergyPriceAt(*tariff, tariff->rules.feed_in, local, "feed-in")};
}

std::vector<Interval> SpansOfNewVersions(const std::vector<Tariff>& versions, int64_t known) {
  std::vector<Interval> spans;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].number <= known) continue;
    const bool is_last = i + 1 == versions.size();
    spans.push_back(
        {versions[i].starts_at, is_last ? absl::InfiniteFuture() : versions[i + 1].starts_at});
  }
  return spans;
}

}  // namespace peerwatt::settlement
