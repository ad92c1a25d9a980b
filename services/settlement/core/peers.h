#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/member.h"
#include "services/settlement/core/scheme.h"
#include "services/settlement/core/settlement.h"
#include "services/settlement/core/tariff.h"

namespace peerwatt::settlement {

/// What a kilowatt hour of the main grid emits, as a community states it.
struct EmissionFactor {
  int32_t co2_g_per_kwh = 0;
  std::string source;  ///< who states it
};

/// What settlement needs to know of a community to run it.
struct CommunityRules {
  CommunityId id;
  std::string currency;
  absl::Duration interval;
  absl::Time trading_start;
  absl::Duration settlement_grace;
  absl::TimeZone time_zone{};  ///< for days, months and times of day; UTC unless it is set
  std::optional<EmissionFactor> emission_factor{};
};

/// A community at an instant.
struct CommunitySnapshot {
  FeeRules fees;
  std::vector<Member> members;       ///< as of the instant
  std::vector<Member> boundaries{};  ///< points where the community meets the main grid
  std::vector<FormerMember> former;  ///< until the instant, of the 40 days before it at least
  int64_t membership_version = 0;    ///< grows with each point that changes hands or leaves
};

/// Where a participant has its account.
struct ParticipantContext {
  ParticipantId participant;
  CommunityId community;
  std::string currency;
};

/// Who is who, and under which rules.
class RegistryPort {
 public:
  virtual ~RegistryPort() = default;
  virtual absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& community,
                                                        absl::Time time) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& participant) = 0;
  /// The version of a community's scheme in force at the start of a span and those that start
  /// within it, by start; none: it trades, and settles as delivered.
  virtual absl::StatusOr<std::vector<Scheme>> ListSchemes(const CommunityRules& rules,
                                                          Interval span) = 0;
  /// What settles a span, as of now: the version of a community's tariff in force at its start and
  /// those that start within it.
  virtual absl::StatusOr<Tariffs> ListTariffs(const CommunityRules& rules, Interval span) = 0;
  /// How many versions of its tariff each community has that has one.
  virtual absl::StatusOr<std::map<CommunityId, int64_t>> ListTariffCounts() = 0;
};

/// Energy that one metering point sells another, as the market agreed it.
struct Trade {
  TradeId id;
  Energy energy;
  Price price;        ///< what the seller gets
  Price network_fee;  ///< what the buyer pays the network operator on top
  MeteringPointId buyer_point;
  MeteringPointId seller_point;
  ParticipantId buyer;
  ParticipantId seller;
  Price gain{};  ///< what a kWh is worth to both by the limits of their orders, not negative
};

/// The final outcome of one auction.
struct AuctionOutcome {
  absl::Time period_start;
  std::vector<Trade> trades;
  Money welfare{};  ///< of all trades, the greatest that the orders allow; not negative
};

/// What was agreed.
class MarketPort {
 public:
  virtual ~MarketPort() = default;
  /// Outcomes of the auctions in `span`, in order; ends before the first that is not final.
  virtual absl::StatusOr<std::vector<AuctionOutcome>> ListOutcomes(const CommunityId& community,
                                                                   Interval span) = 0;
};

/// What a metering point measured in one period.
struct PointReading {
  Energy import_energy;
  Energy export_energy;
  bool present = false;
  bool expected = true;  ///< false before the point joined: missing, it is no reason to wait
  bool absurd = false;   ///< no such energy can have flowed: it came, and is not used
  int32_t revision = 0;  ///< 0 where it is missing
};

/// Readings of points in consecutive periods.
struct ReadingGrid {
  std::vector<std::vector<PointReading>> readings;  ///< by point in the order asked, then period
  int64_t cursor = 0;                               ///< every change up to it is in the readings
};

/// A span of one metering point in which readings were stored.
struct ReadingChange {
  int64_t cursor = 0;
  MeteringPointId point;
  CommunityId community;
  Interval span;
};

/// What flowed.
class MeteringPort {
 public:
  virtual ~MeteringPort() = default;
  virtual absl::StatusOr<ReadingGrid> QueryReadings(const std::vector<MeteringPointId>& points,
                                                    Interval span, absl::Duration resolution) = 0;
  /// Follows the changes after `cursor` until the connection ends, `sink` fails or `CancelWatch`
  /// is called. sink: gets each group of changes with the cursor to resume after.
  virtual absl::Status WatchReadings(
      int64_t cursor,
      absl::FunctionRef<absl::Status(const std::vector<ReadingChange>&, int64_t)> sink) = 0;
  /// Ends a `WatchReadings` that runs now and every later one.
  virtual void CancelWatch() = 0;
};

/// The services that settlement asks.
struct Peers {
  RegistryPort& registry;
  MarketPort& market;
  MeteringPort& metering;
};

/// What the provider says about a payment.
enum class ChargeOutcome { kConfirmed, kDeclined };

/// Takes money from people outside of the ledger, and pays it out to them.
class PaymentProvider {
 public:
  virtual ~PaymentProvider() = default;
  /// Whether payments wait for a file, and its statement says what became of them. Nothing is asked
  /// of the provider then.
  virtual bool uses_files() const { return false; }
  /// Charges once per `idempotency_key`, however often it is called. Errors: kUnavailable when it
  /// is not known whether the charge took place.
  virtual absl::StatusOr<ChargeOutcome> Charge(const std::string& idempotency_key, Money amount,
                                               const std::string& currency) = 0;
  /// Pays out once per `idempotency_key`, however often it is called. Errors: kUnavailable when it
  /// is not known whether the money has left.
  virtual absl::StatusOr<ChargeOutcome> PayOut(const std::string& idempotency_key, Money amount,
                                               const std::string& currency) = 0;
};

}  // namespace peerwatt::settlement
