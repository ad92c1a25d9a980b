#include "services/registry/storage/community_store.h"

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/network_queries.h"
#include "services/registry/storage/queries.h"
#include "services/registry/storage/tariff_version_store.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;

Price PriceFrom(const pqxx::field& field) { return Price::MicrosPerKwh(Int64From(field)); }

absl::Duration SecondsFrom(const pqxx::field& field) { return absl::Seconds(Int64From(field)); }

Community CommunityFrom(const pqxx::row& row) {
  Community c;
  c.id = CommunityId(TextFrom(row["community_id"]));
  c.display_name = TextFrom(row["display_name"]);
  c.time_zone = TextFrom(row["time_zone"]);
  c.currency_code = TextFrom(row["currency_code"]);
  c.interval = SecondsFrom(row["interval_s"]);
  c.trading_starts_at = TimeFrom(row["trading_starts_at"]);
  c.opening_lead = SecondsFrom(row["opening_lead_s"]);
  c.gate_closure_lead = SecondsFrom(row["gate_closure_lead_s"]);
  c.settlement_grace = SecondsFrom(row["settlement_grace_s"]);
  c.network_fee = PriceFrom(row["network_fee_micros_per_kwh"]);
  c.operator_share_ppm = Int64From(row["operator_share_ppm"]);
  c.price_min = PriceFrom(row["price_min_micros_per_kwh"]);
  c.price_max = PriceFrom(row["price_max_micros_per_kwh"]);
  c.created_at = TimeFrom(row["created_at"]);
  c.signed_readings_required = postgres::BoolFrom(row["signed_readings_required"]);
  if (!row["co2_source"].is_null()) {
    c.emission_factor = {postgres::Int32From(row["co2_g_per_kwh"]), TextFrom(row["co2_source"])};
  }
  return c;
}

Tariff TariffFrom(const pqxx::row& row) {
  return {CommunityId(TextFrom(row["community_id"])), TariffId(TextFrom(row["tariff_id"])),
          PriceFrom(row["feed_in_price_micros_per_kwh"]),
          PriceFrom(row["retail_price_micros_per_kwh"]), TimeFrom(row["starts_at"])};
}

absl::Status NoSuchCommunity(const CommunityId& id) {
  return Error(kNotFound, "there is no such community", {{"community", id.value()}});
}

}  // namespace

Member MemberFrom(const pqxx::row& row) {
  return {MeteringPointId(TextFrom(row["metering_point_id"])),
          ParticipantId(TextFrom(row["participant_id"])),
          CommunityId(TextFrom(row["community_id"])),
          GridConnectionId(TextFrom(row["grid_connection_id"])),
          postgres::BoolFrom(row["approved"]),
          Int64From(row["import_capacity_w"]),
          Int64From(row["export_capacity_w"]),
          SecondsFrom(row["interval_s"]),
          TextFrom(row["time_zone"]),
          postgres::BoolFrom(row["signed_readings_required"]),
          TextFrom(row["zone"]),
          TextFrom(row["energy_source"]),
          postgres::BoolFrom(row["is_boundary"])};
}

absl::StatusOr<Community> PostgresCommunityStore::Create(const Community& c) {
  Community stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    std::optional<int32_t> co2_g_per_kwh;
    std::optional<std::string> co2_source;
    if (c.emission_factor.has_value()) {
      co2_g_per_kwh = c.emission_factor->co2_g_per_kwh;
      co2_source = c.emission_factor->source;
    }
    Exec(tx, kInsertCommunity, c.id.value(), c.display_name, c.time_zone, c.currency_code,
         absl::ToInt64Seconds(c.interval), ToSql(c.trading_starts_at),
         absl::ToInt64Seconds(c.opening_lead), absl::ToInt64Seconds(c.gate_closure_lead),
         absl::ToInt64Seconds(c.settlement_grace), c.network_fee.micros_per_kwh(),
         c.operator_share_ppm, c.price_min.micros_per_kwh(), c.price_max.micros_per_kwh(),
         ToSql(c.created_at), c.signed_readings_required, co2_g_per_kwh, co2_source);
    stored = CommunityFrom(Exec(tx, kSelectCommunity, c.id.value())[0]);
    if (!SameContent(stored, c)) {
      return Error(kContentDiffers, "the community exists with other content",
                   {{"community", c.id.value()}});
    }
    return absl::OkStatus();
  }));
  return stored;
}

absl::StatusOr<Community> PostgresCommunityStore::Get(const CommunityId& id) {
  Community community;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectCommunity, id.value());
    if (rows.empty()) return NoSuchCommunity(id);
    community = CommunityFrom(rows[0]);
    return absl::OkStatus();
  }));
  return community;
}

absl::StatusOr<std::vector<Community>> PostgresCommunityStore::List(const CommunityId& after,
                                                                    int limit) {
  std::vector<Community> communities;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    communities.clear();
    for (const pqxx::row& row : Exec(tx, kListCommunities, after.value(), limit)) {
      communities.push_back(CommunityFrom(row));
    }
    return absl::OkStatus();
  }));
  return communities;
}

absl::StatusOr<Tariff> PostgresCommunityStore::CreateTariff(const Tariff& t) {
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kLockCommunity, t.community.value());
    Exec(tx, kInsertTariff, t.community.value(), t.id.value(), t.feed_in_price.micros_per_kwh(),
         t.retail_price.micros_per_kwh(), ToSql(t.starts_at));
    const pqxx::result rows = Exec(tx, kSelectTariff, t.community.value(), t.id.value());
    if (rows.empty()) {
      return Error(kTariffStartTaken, "another tariff of the community starts at this instant",
                   {{"community", t.community.value()}});
    }
    const bool is_flat = !rows[0]["retail_price_micros_per_kwh"].is_null();
    if (!is_flat || TariffFrom(rows[0]) != t) {
      return Error(kContentDiffers, "the tariff exists with other content",
                   {{"tariff", t.id.value()}});
    }
    return absl::OkStatus();
  }));
  return t;
}

absl::StatusOr<std::vector<Tariff>> PostgresCommunityStore::ListTariffs(
    const CommunityId& community, absl::Time before, int limit) {
  std::vector<Tariff> tariffs;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    tariffs.clear();
    for (const pqxx::row& row :
         Exec(tx, kListTariffs, community.value(), ToSql(before), limit)) {
      tariffs.push_back(TariffFrom(row));
    }
    return absl::OkStatus();
  }));
  return tariffs;
}

absl::StatusOr<CommunitySnapshot> PostgresCommunityStore::Snapshot(const CommunityId& id,
                                                                   absl::Time time) {
  CommunitySnapshot snapshot;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    snapshot = {};
    const pqxx::result communities = Exec(tx, kSelectCommunity, id.value());
    if (communities.empty()) return NoSuchCommunity(id);
    snapshot.community = CommunityFrom(communities[0]);
    const std::optional<TariffVersion> version = TariffVersionAt(tx, id, time);
    if (version.has_value()) {
      snapshot.tariff = FlatTariffAt(*version, snapshot.community, time);
    }
    for (const pqxx::row& row : Exec(tx, kSelectCommunityMembers, id.value(), ToSql(time))) {
      snapshot.members.push_back(MemberFrom(row));
    }
    return absl::OkStatus();
  }));
  return snapshot;
}

}  // namespace peerwatt::registry
