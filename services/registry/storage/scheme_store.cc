#include "services/registry/storage/scheme_store.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::Int64ArrayFrom;
using postgres::OptionalInt64From;
using postgres::TextArrayFrom;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

constexpr int64_t kNoCoefficient = -1;

template <typename Value, size_t n>
using Names = std::array<std::pair<Value, const char*>, n>;

constexpr Names<Mechanism, 3> kMechanisms = {{{Mechanism::kTrading, "TRADING"},
                                              {Mechanism::kSharing, "SHARING"},
                                              {Mechanism::kFixedPricePool, "FIXED_PRICE_POOL"}}};
constexpr Names<SettlementPolicy, 2> kPolicies = {
    {{SettlementPolicy::kAsDelivered, "AS_DELIVERED"}, {SettlementPolicy::kFirm, "FIRM"}}};
constexpr Names<SharingKey, 6> kKeys = {{{SharingKey::kStatic, "STATIC"},
                                         {SharingKey::kProportional, "PROPORTIONAL"},
                                         {SharingKey::kEqual, "EQUAL"},
                                         {SharingKey::kCascading, "CASCADING"},
                                         {SharingKey::kRelative, "RELATIVE"},
                                         {SharingKey::kOptimal, "OPTIMAL"}}};

template <typename Value, size_t n>
std::string NameOf(const Names<Value, n>& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  PW_CHECK(false, "a scheme has known values");
}

template <typename Value, size_t n>
Value ValueOf(const Names<Value, n>& names, const std::string& text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  PW_CHECK(false, "a stored scheme has known values");
}

template <typename Value, size_t n>
std::optional<std::string> OptionalName(const Names<Value, n>& names,
                                        const std::optional<Value>& value) {
  return value.has_value() ? std::optional(NameOf(names, *value)) : std::nullopt;
}

template <typename Value, size_t n>
std::optional<Value> OptionalValue(const Names<Value, n>& names, const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional(ValueOf(names, TextFrom(field)));
}

std::optional<int64_t> Micros(const std::optional<Price>& price) {
  return price.has_value() ? std::optional(price->micros_per_kwh()) : std::nullopt;
}
std::optional<int64_t> Micros(const std::optional<Money>& money) {
  return money.has_value() ? std::optional(money->micros()) : std::nullopt;
}
std::optional<Price> PriceFrom(const pqxx::field& field) {
  const std::optional<int64_t> micros = OptionalInt64From(field);
  return micros.has_value() ? std::optional(Price::MicrosPerKwh(*micros)) : std::nullopt;
}
std::optional<Money> MoneyFrom(const pqxx::field& field) {
  const std::optional<int64_t> micros = OptionalInt64From(field);
  return micros.has_value() ? std::optional(Money::Micros(*micros)) : std::nullopt;
}

std::vector<SchemeShare> SharesFrom(const pqxx::row& row) {
  const std::vector<std::string> points = TextArrayFrom(row["share_points"]);
  const std::vector<int64_t> coefficients = Int64ArrayFrom(row["share_coefficients_ppm"]);
  const std::vector<int64_t> ranks = Int64ArrayFrom(row["share_ranks"]);
  std::vector<SchemeShare> shares;
  for (size_t i = 0; i < points.size(); ++i) {
    SchemeShare& share = shares.emplace_back();
    share.point = MeteringPointId(points[i]);
    if (coefficients[i] != kNoCoefficient) share.coefficient = coefficients[i];
    share.rank = static_cast<int32_t>(ranks[i]);
  }
  return shares;
}

Scheme SchemeFrom(const pqxx::row& row) {
  Scheme scheme;
  scheme.community = CommunityId(TextFrom(row["community_id"]));
  scheme.id = SchemeId(TextFrom(row["scheme_id"]));
  scheme.starts_at = postgres::TimeFrom(row["starts_at"]);
  scheme.mechanism = ValueOf(kMechanisms, TextFrom(row["mechanism"]));
  scheme.policy = OptionalValue(kPolicies, row["policy"]);
  scheme.imbalance_purchase = PriceFrom(row["imbalance_purchase_micros_per_kwh"]);
  scheme.imbalance_sale = PriceFrom(row["imbalance_sale_micros_per_kwh"]);
  scheme.key = OptionalValue(kKeys, row["sharing_key"]);
  scheme.shares = SharesFrom(row);
  scheme.internal_price = PriceFrom(row["internal_price_micros_per_kwh"]);
  scheme.pool_price = PriceFrom(row["pool_price_micros_per_kwh"]);
  scheme.operator_share_ppm = OptionalInt64From(row["operator_share_ppm"]);
  if (const auto unit = OptionalInt64From(row["billing_unit_wh"]); unit.has_value()) {
    scheme.payment_rules = {Energy::WattHours(*unit), MoneyFrom(row["collection_quantum_micros"]),
                            MoneyFrom(row["payout_quantum_micros"])};
  }
  scheme.created_at = postgres::TimeFrom(row["created_at"]);
  return scheme;
}

std::vector<std::string> PointsOf(const Scheme& scheme) {
  std::vector<std::string> points;
  for (const SchemeShare& share : scheme.shares) points.push_back(share.point.value());
  return points;
}

void Insert(pqxx::work& tx, const Scheme& s) {
  std::vector<int64_t> coefficients;
  std::vector<int64_t> ranks;
  for (const SchemeShare& share : s.shares) {
    coefficients.push_back(share.coefficient.value_or(kNoCoefficient));
    ranks.push_back(share.rank);
  }
  std::optional<int64_t> unit;
  std::optional<Money> collection;
  std::optional<Money> payout;
  if (s.payment_rules.has_value()) {
    unit = s.payment_rules->billing_unit.wh();
    collection = s.payment_rules->collection_quantum;
    payout = s.payment_rules->payout_quantum;
  }
  Exec(tx, kInsertScheme, s.community.value(), s.id.value(), ToSql(s.starts_at),
       NameOf(kMechanisms, s.mechanism), OptionalName(kPolicies, s.policy),
       Micros(s.imbalance_purchase), Micros(s.imbalance_sale), OptionalName(kKeys, s.key),
       ToSqlArray(PointsOf(s)), ToSqlArray(coefficients), ToSqlArray(ranks),
       Micros(s.internal_price), Micros(s.pool_price), s.operator_share_ppm, unit,
       Micros(collection), Micros(payout), ToSql(s.created_at));
}

// Returns the existing version, or nothing. Errors: CONTENT_DIFFERS.
absl::StatusOr<std::optional<Scheme>> Existing(pqxx::work& tx, const Scheme& asked) {
  const pqxx::result rows = Exec(tx, kSelectScheme, asked.community.value(), asked.id.value());
  if (rows.empty()) return std::optional<Scheme>();
  Scheme stored = SchemeFrom(rows[0]);
  if (!SameContent(stored, asked)) {
    return Error(kContentDiffers, "the scheme exists with other content",
                 {{"scheme", asked.id.value()}});
  }
  return std::optional<Scheme>(std::move(stored));
}

absl::Status CheckNew(pqxx::work& tx, const Scheme& scheme, absl::Time opened_until) {
  if (scheme.starts_at <= opened_until) {
    return Error(
        kSchemeStartTooSoon,
        "auctions may be open already for the interval in which the scheme starts",
        {{"after", absl::FormatTime(absl::RFC3339_full, opened_until, absl::UTCTimeZone())}});
  }
  const pqxx::result strangers =
      Exec(tx, kSelectStranger, scheme.community.value(), ToSqlArray(PointsOf(scheme)));
  if (!strangers.empty()) {
    return Error(kMeteringPointUnknown, "the community has no such metering point",
                 {{"metering_point", TextFrom(strangers[0]["point"])}});
  }
  const pqxx::result boundaries = Exec(tx, kSelectNamedBoundary, ToSqlArray(PointsOf(scheme)));
  if (!boundaries.empty()) {
    return Error(kPointIsBoundary, "a boundary of the community has no part in what is shared",
                 {{"metering_point", TextFrom(boundaries[0]["point"])}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Scheme> PostgresSchemeStore::Create(const Scheme& scheme, absl::Time opened_until,
                                                   const Actor& actor) {
  std::optional<Scheme> stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kLockCommunity, scheme.community.value());
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, scheme));
    if (stored) return absl::OkStatus();
    PW_RETURN_IF_ERROR(CheckNew(tx, scheme, opened_until));
    Insert(tx, scheme);
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, scheme));
    if (!stored) {
      return Error(kSchemeStartTaken, "another scheme of the community starts at this instant",
                   {{"community", scheme.community.value()}});
    }
    WriteAuditEvent(
        tx, actor, "SCHEME_CREATED",
        absl::StrCat("communities/", scheme.community.value(), "/schemes/", scheme.id.value()), "");
    return absl::OkStatus();
  }));
  return *std::move(stored);
}

absl::StatusOr<Scheme> PostgresSchemeStore::Get(const CommunityId& community, const SchemeId& id) {
  Scheme scheme;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectScheme, community.value(), id.value());
    if (rows.empty()) {
      return Error(kNotFound, "there is no such scheme", {{"scheme", id.value()}});
    }
    scheme = SchemeFrom(rows[0]);
    return absl::OkStatus();
  }));
  return scheme;
}

absl::StatusOr<std::vector<Scheme>> PostgresSchemeStore::List(const CommunityId& community,
                                                              absl::Time before, int limit) {
  std::vector<Scheme> schemes;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    schemes.clear();
    for (const pqxx::row& row : Exec(tx, kListSchemes, community.value(), ToSql(before), limit)) {
      schemes.push_back(SchemeFrom(row));
    }
    return absl::OkStatus();
  }));
  return schemes;
}

absl::StatusOr<std::vector<Scheme>> PostgresSchemeStore::ListInForce(const CommunityId& community,
                                                                     Interval span) {
  std::vector<Scheme> schemes;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    schemes.clear();
    for (const pqxx::row& row :
         Exec(tx, kListSchemesInForce, community.value(), ToSql(span.start), ToSql(span.end))) {
      schemes.push_back(SchemeFrom(row));
    }
    return absl::OkStatus();
  }));
  return schemes;
}

}  // namespace peerwatt::registry
