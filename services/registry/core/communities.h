#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::registry {

using TariffId = Id<struct TariffTag>;

/// What a kilowatt hour of the main grid emits.
struct EmissionFactor {
  int32_t co2_g_per_kwh = 0;
  std::string source;  ///< who states it
  bool operator==(const EmissionFactor&) const = default;
};

/// A local market and its rules.
struct Community {
  CommunityId id;
  std::string display_name;
  std::string time_zone;      ///< IANA name
  std::string currency_code;  ///< ISO 4217
  absl::Duration interval = absl::Minutes(15);
  absl::Time trading_starts_at;
  absl::Duration opening_lead = absl::Hours(24);
  absl::Duration gate_closure_lead = absl::Hours(1);
  absl::Duration settlement_grace = absl::Hours(24);
  Price network_fee;
  int64_t operator_share_ppm = 0;
  Price price_min;
  Price price_max;
  bool signed_readings_required = false;  ///< devices must sign their batches
  std::optional<EmissionFactor> emission_factor;
  absl::Time created_at;
};

/// Errors: FIELD_INVALID, for the first wrong field in the order of the proto, the relation of the
/// two leads after both of them.
absl::Status CheckCommunity(const Community& community);
/// Whether two communities differ at most in their time of creation.
bool SameContent(const Community& a, const Community& b);

/// Prices of the main grid from an instant on.
struct Tariff {
  CommunityId community;
  TariffId id;
  Price feed_in_price;
  Price retail_price;
  absl::Time starts_at;
  bool operator==(const Tariff&) const = default;
};

/// A tariff begins with an interval of its community, so that an interval has one tariff.
/// Errors: FIELD_INVALID for tariff_id and tariff.start_time.
absl::Status CheckTariff(const Tariff& tariff, const Community& community);

/// A metering point with who is responsible for it.
struct Member {
  MeteringPointId metering_point;
  ParticipantId participant;
  CommunityId community;
  GridConnectionId grid_connection;
  bool approved = false;
  int64_t import_capacity_w = 0;
  int64_t export_capacity_w = 0;
  absl::Duration interval;
  std::string time_zone;
  bool signed_readings_required = false;
  std::string zone;           ///< empty: the first of the community's network
  std::string energy_source;  ///< name of an EnergySource
};

/// A community at an instant; members by name.
struct CommunitySnapshot {
  Community community;
  std::optional<Tariff> tariff;
  std::vector<Member> members;
};

/// Communities and their tariffs.
class CommunityStore {
 public:
  virtual ~CommunityStore() = default;
  /// Errors: CONTENT_DIFFERS.
  virtual absl::StatusOr<Community> Create(const Community& community) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Community> Get(const CommunityId& id) = 0;
  /// At most `limit` communities whose ids follow `after`, by id.
  virtual absl::StatusOr<std::vector<Community>> List(const CommunityId& after, int limit) = 0;
  /// Errors: CONTENT_DIFFERS, TARIFF_START_TAKEN.
  virtual absl::StatusOr<Tariff> CreateTariff(const Tariff& tariff) = 0;
  /// At most `limit` tariffs that start before `before`, newest first.
  virtual absl::StatusOr<std::vector<Tariff>> ListTariffs(const CommunityId& community,
                                                          absl::Time before, int limit) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<CommunitySnapshot> Snapshot(const CommunityId& id, absl::Time time) = 0;
};

}  // namespace peerwatt::registry
