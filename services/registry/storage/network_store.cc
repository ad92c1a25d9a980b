#include "services/registry/storage/network_store.h"

#include <array>
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
using postgres::TextArrayFrom;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

constexpr int64_t kNoLimit = -1;

constexpr std::array<std::pair<SelfTradeMode, const char*>, 3> kModes = {{
    {SelfTradeMode::kKeepGreaterWelfare, "KEEP_GREATER_WELFARE"},
    {SelfTradeMode::kWithdrawBids, "WITHDRAW_BIDS"},
    {SelfTradeMode::kWithdrawOffers, "WITHDRAW_OFFERS"},
}};

std::string NameOf(SelfTradeMode mode) {
  for (const auto& [known, name] : kModes) {
    if (known == mode) return name;
  }
  PW_CHECK(false, "unknown self-trade mode");
}

SelfTradeMode ModeFrom(const std::string& text) {
  for (const auto& [mode, name] : kModes) {
    if (name == text) return mode;
  }
  PW_CHECK(false, "unknown self-trade mode");
}

std::optional<int64_t> CapacityFrom(int64_t watts) {
  return watts == kNoLimit ? std::nullopt : std::optional(watts);
}

Network NetworkFrom(const pqxx::row& row) {
  Network network;
  network.community = CommunityId(TextFrom(row["community_id"]));
  network.id = NetworkId(TextFrom(row["network_id"]));
  network.starts_at = postgres::TimeFrom(row["starts_at"]);
  network.zones = TextArrayFrom(row["zones"]);
  const std::vector<std::string> from = TextArrayFrom(row["line_from_zones"]);
  const std::vector<std::string> to = TextArrayFrom(row["line_to_zones"]);
  const std::vector<int64_t> fees = Int64ArrayFrom(row["line_fees_micros_per_kwh"]);
  const std::vector<int64_t> capacities = Int64ArrayFrom(row["line_capacities_w"]);
  const std::vector<int64_t> reverse = Int64ArrayFrom(row["line_reverse_capacities_w"]);
  for (size_t i = 0; i < from.size(); ++i) {
    network.lines.push_back({from[i], to[i], Price::MicrosPerKwh(fees[i]),
                             CapacityFrom(capacities[i]), CapacityFrom(reverse[i])});
  }
  network.tie_rule = TextFrom(row["tie_rule"]) == "TIME" ? TieRule::kTime : TieRule::kProRata;
  network.self_trade_mode = ModeFrom(TextFrom(row["self_trade_mode"]));
  network.created_at = postgres::TimeFrom(row["created_at"]);
  return network;
}

void Insert(pqxx::work& tx, const Network& n) {
  Exec(tx, kInsertNetwork, n.community.value(), n.id.value(), ToSql(n.starts_at),
       ToSqlArray(n.zones), ToSqlColumn(n.lines, [](const NetworkLine& l) { return l.from_zone; }),
       ToSqlColumn(n.lines, [](const NetworkLine& l) { return l.to_zone; }),
       ToSqlColumn(n.lines, [](const NetworkLine& l) { return l.fee.micros_per_kwh(); }),
       ToSqlColumn(n.lines, [](const NetworkLine& l) { return l.capacity_w.value_or(kNoLimit); }),
       ToSqlColumn(n.lines,
                   [](const NetworkLine& l) { return l.reverse_capacity_w.value_or(kNoLimit); }),
       n.tie_rule == TieRule::kTime ? "TIME" : "PRO_RATA", NameOf(n.self_trade_mode),
       ToSql(n.created_at));
}

// Returns the existing version, or nothing. Errors: CONTENT_DIFFERS.
absl::StatusOr<std::optional<Network>> Existing(pqxx::work& tx, const Network& asked) {
  const pqxx::result rows = Exec(tx, kSelectNetwork, asked.community.value(), asked.id.value());
  if (rows.empty()) return std::optional<Network>();
  Network stored = NetworkFrom(rows[0]);
  if (!SameContent(stored, asked)) {
    return Error(kContentDiffers, "the network exists with other content",
                 {{"network", asked.id.value()}});
  }
  return std::optional<Network>(std::move(stored));
}

}  // namespace

absl::Status RequireZone(pqxx::work& tx, const std::string& community, const std::string& zone,
                         absl::Time now) {
  if (zone.empty()) return absl::OkStatus();
  Exec(tx, kLockCommunity, community);
  if (!postgres::BoolFrom(Exec(tx, kSelectZoneKnown, community, zone, ToSql(now))[0]["known"])) {
    return Error(kZoneUnknown, "the community's network has no such zone", {{"zone", zone}});
  }
  return absl::OkStatus();
}

absl::StatusOr<Network> PostgresNetworkStore::Create(const Network& network, const Actor& actor) {
  std::optional<Network> stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kLockCommunity, network.community.value());
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, network));
    if (stored) return absl::OkStatus();
    const pqxx::result used =
        Exec(tx, kSelectZoneInUse, network.community.value(), ToSqlArray(network.zones));
    if (!used.empty()) {
      return Error(kZoneInUse, "metering points lie in a zone that the network does not have",
                   {{"zone", TextFrom(used[0]["zone"])}});
    }
    Insert(tx, network);
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, network));
    if (!stored) {
      return Error(kNetworkStartTaken, "another network of the community starts at this instant",
                   {{"community", network.community.value()}});
    }
    WriteAuditEvent(
        tx, actor, "NETWORK_CREATED",
        absl::StrCat("communities/", network.community.value(), "/networks/", network.id.value()),
        "");
    return absl::OkStatus();
  }));
  return *std::move(stored);
}

absl::StatusOr<Network> PostgresNetworkStore::Get(const CommunityId& community,
                                                  const NetworkId& id) {
  Network network;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectNetwork, community.value(), id.value());
    if (rows.empty()) {
      return Error(kNotFound, "there is no such network", {{"network", id.value()}});
    }
    network = NetworkFrom(rows[0]);
    return absl::OkStatus();
  }));
  return network;
}

absl::StatusOr<std::vector<Network>> PostgresNetworkStore::List(const CommunityId& community,
                                                                absl::Time before, int limit) {
  std::vector<Network> networks;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    networks.clear();
    for (const pqxx::row& row : Exec(tx, kListNetworks, community.value(), ToSql(before), limit)) {
      networks.push_back(NetworkFrom(row));
    }
    return absl::OkStatus();
  }));
  return networks;
}

absl::StatusOr<std::vector<Network>> PostgresNetworkStore::ListInForce(const CommunityId& community,
                                                                       Interval span) {
  std::vector<Network> networks;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    networks.clear();
    for (const pqxx::row& row :
         Exec(tx, kListNetworksInForce, community.value(), ToSql(span.start), ToSql(span.end))) {
      networks.push_back(NetworkFrom(row));
    }
    return absl::OkStatus();
  }));
  return networks;
}

}  // namespace peerwatt::registry
