#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/tariff_rules.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

using TariffId = Id<struct TariffTag>;

/// A version of what a community charges, in force from an instant on. Never changed.
struct Tariff {
  TariffId id;
  absl::Time starts_at;
  TariffRules rules;
  int64_t number = 0;  ///< counts the community's versions in the order of their creation, from 1
};

/// What the periods of a span need of tariffs, as of one moment.
struct Tariffs {
  std::vector<Tariff> versions;  ///< by start; the first in force at the span's start
  int64_t version_count = 0;     ///< that the community had
};

/// The version in force at an instant: the one with the latest start; null before the first.
/// versions: by start.
const Tariff* TariffAt(const std::vector<Tariff>& versions, absl::Time time);

/// What the main grid charges and pays in the period that starts at `start`: by the local time at
/// its start. Prices are missing without a version, and where the version has none.
/// tariff: in force at the start; null: none.
GridTariff PricesOf(const Tariff* tariff, absl::Time start, absl::TimeZone zone);

/// Resource name of a version.
std::string TariffName(const CommunityId& community, const TariffId& tariff);

/// The spans, by start, in which versions with a number above `known` are in force. versions: all
/// of the community, by start.
std::vector<Interval> SpansOfNewVersions(const std::vector<Tariff>& versions, int64_t known);

}  // namespace peerwatt::settlement
