#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/tariff_rules.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/communities.h"

namespace peerwatt::registry {

/// What a community charges from an instant on. Never changed.
struct TariffVersion {
  CommunityId community;
  TariffId id;
  absl::Time starts_at;
  TariffRules rules;
  std::optional<absl::Time> created_at;  ///< none: not known
  int64_t number = 0;                    ///< counts the versions of the community from 1
};

/// Most prices of a direction, and most windows of a price.
inline constexpr size_t kPricesMax = 100;
inline constexpr size_t kWindowsMax = 20;

/// Reads the first day of a version: `YYYY-MM-DD` from 2000 to 2199.
/// Errors: FIELD_INVALID for tariff_version.start_day.
absl::StatusOr<absl::CivilDay> StartDayFrom(const std::string& text);
/// The day that starts at an instant in the community's time zone, as `YYYY-MM-DD`; empty when no
/// day starts then.
std::string StartDayText(absl::Time starts_at, const Community& community);
/// The instant at which a local day starts in the community's time zone.
absl::Time DayStart(absl::CivilDay day, const Community& community);

/// A version starts with an interval of its community; ids, windows and amounts have their form and
/// bounds; ids occur once per direction; no two windows of a direction overlap; each basis occurs
/// once. Times at which no window and no default gives a price are allowed: prices are missing
/// there.
/// Errors: FIELD_INVALID, for the first wrong field in the order of the proto, overlaps after all
/// other fields of their direction.
absl::Status CheckTariffVersion(const TariffVersion& version, const Community& community);
/// Whether two versions have the same content; number and time of creation aside.
bool SameContent(const TariffVersion& a, const TariffVersion& b);

/// The prices in force at an instant as a flat tariff, which holds from its start on at least until
/// then; nothing when one is missing. A version with windows holds from where its prices changed
/// last on the same local day.
std::optional<Tariff> FlatTariffAt(const TariffVersion& version, const Community& community,
                                   absl::Time time);

/// The versions that settle a span.
struct TariffsInForce {
  std::vector<TariffVersion> versions;  ///< by start; the first in force at the span's start
  int64_t version_count = 0;            ///< of the community, at that moment
};

/// Versions of tariffs.
class TariffVersionStore {
 public:
  virtual ~TariffVersionStore() = default;
  /// Keeps a version and writes down who made it. keep: else it is only checked.
  /// Errors, in this order: NOT_FOUND, CONTENT_DIFFERS, TARIFF_START_TAKEN.
  virtual absl::StatusOr<TariffVersion> Create(const TariffVersion& version, bool keep,
                                               const Actor& actor) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<TariffVersion> Get(const CommunityId& community, const TariffId& id) = 0;
  /// At most `limit` versions that start before `before`, newest first.
  virtual absl::StatusOr<std::vector<TariffVersion>> List(const CommunityId& community,
                                                          absl::Time before, int limit) = 0;
  /// The version in force at the start of a span and those that start within it, by start.
  virtual absl::StatusOr<TariffsInForce> ListInForce(const CommunityId& community,
                                                     Interval span) = 0;
  /// How many versions each community has that has one.
  virtual absl::StatusOr<std::vector<std::pair<CommunityId, int64_t>>> Counts() = 0;
};

}  // namespace peerwatt::registry
