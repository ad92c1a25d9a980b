#include "services/market/storage/clearing_rows.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"

namespace peerwatt::market {
namespace {

using clearing::Edge;
using clearing::EdgeFlow;
using clearing::SelfTradeMode;
using clearing::TieRule;
using postgres::Exec;
using postgres::Int64ArrayFrom;
using postgres::Int64From;
using postgres::TextArrayFrom;
using postgres::TextFrom;
using postgres::ToSqlColumn;

constexpr int64_t kNoLimit = -1;

constexpr std::array<std::pair<SelfTradeMode, const char*>, 3> kModes = {{
    {SelfTradeMode::kKeepGreaterWelfare, "KEEP_GREATER_WELFARE"},
    {SelfTradeMode::kWithdrawBids, "WITHDRAW_BIDS"},
    {SelfTradeMode::kWithdrawOffers, "WITHDRAW_OFFERS"},
}};

std::string ToSql(SelfTradeMode mode) {
  for (const auto& [known, name] : kModes) {
    if (known == mode) {
      return name;
    }
  }
  PW_CHECK(false, "unknown self-trade mode");
}

SelfTradeMode ModeFrom(const std::string& text) {
  for (const auto& [mode, name] : kModes) {
    if (name == text) {
      return mode;
    }
  }
  PW_CHECK(false, "unknown self-trade mode");
}

int64_t WhOf(const std::optional<Energy>& capacity) {
  return capacity.has_value() ? capacity->wh() : kNoLimit;
}

std::optional<Energy> CapacityFrom(int64_t wh) {
  return wh == kNoLimit ? std::nullopt : std::optional(Energy::WattHours(wh));
}

// One number of the price of each zone that has one.
template <typename Get>
std::string PriceColumn(const std::vector<ZoneRecord>& zones, Get get) {
  std::vector<int64_t> values;
  for (const ZoneRecord& zone : zones) {
    if (zone.price.has_value()) {
      values.push_back(get(*zone.price));
    }
  }
  return postgres::ToSqlArray(values);
}

Energy EnergyFrom(const pqxx::field& field) { return Energy::WattHours(Int64From(field)); }

ClearingRecord RecordFrom(const pqxx::row& row) {
  ClearingRecord record;
  const std::vector<int64_t> prices = Int64ArrayFrom(row[0]);
  const std::vector<int64_t> low = Int64ArrayFrom(row[1]);
  const std::vector<int64_t> high = Int64ArrayFrom(row[2]);
  const std::vector<int64_t> bought = Int64ArrayFrom(row[3]);
  const std::vector<int64_t> sold = Int64ArrayFrom(row[4]);
  for (size_t i = 0; i < bought.size(); ++i) {
    ZoneRecord& zone = record.zones.emplace_back();
    if (!prices.empty()) {
      zone.price = clearing::ZonePrice{prices[i], low[i], high[i]};
    }
    zone.bought = Energy::WattHours(bought[i]);
    zone.sold = Energy::WattHours(sold[i]);
  }
  const std::vector<int64_t> flows = Int64ArrayFrom(row[5]);
  const std::vector<int64_t> congestion = Int64ArrayFrom(row[6]);
  for (size_t i = 0; i < flows.size(); ++i) {
    record.flows.push_back({flows[i], congestion[i]});
  }
  const std::vector<int64_t> good_zones = Int64ArrayFrom(row[7]);
  const std::vector<std::string> sources = TextArrayFrom(row[8]);
  const std::vector<int64_t> good_prices = Int64ArrayFrom(row[9]);
  const std::vector<int64_t> energies = Int64ArrayFrom(row[10]);
  for (size_t i = 0; i < good_zones.size(); ++i) {
    record.goods.push_back({static_cast<uint32_t>(good_zones[i]), EnergySourceFrom(sources[i]),
                            Price::MicrosPerKwh(good_prices[i]), Energy::WattHours(energies[i])});
  }
  record.requiring = EnergyFrom(row[11]);
  record.requiring_traded = EnergyFrom(row[12]);
  record.premium_traded = EnergyFrom(row[13]);
  record.premium_met = EnergyFrom(row[14]);
  record.withdrawn = EnergyFrom(row[15]);
  record.verdict = TextFrom(row[16]);
  record.sha256 = TextFrom(row[17]);
  return record;
}

}  // namespace

void InsertNetwork(pqxx::work& tx, const CommunityId& community, const NetworkVersion& network) {
  const std::vector<Edge>& lines = network.lines.edges;
  Exec(tx, kInsertNetwork, community.value(), network.id.value(), postgres::ToSql(network.start),
       ToSqlColumn(network.zones, [](const ZoneId& zone) { return zone.value(); }),
       network.rules.tie_rule == TieRule::kTime ? "TIME" : "PRO_RATA",
       ToSql(network.rules.self_trade_mode),
       ToSqlColumn(lines, [](const Edge& line) { return int64_t{line.from}; }),
       ToSqlColumn(lines, [](const Edge& line) { return int64_t{line.to}; }),
       ToSqlColumn(lines, [](const Edge& line) { return int64_t{line.fee}; }),
       ToSqlColumn(lines, [](const Edge& line) { return WhOf(line.capacity); }),
       ToSqlColumn(lines, [](const Edge& line) { return WhOf(line.capacity_back); }));
}

absl::StatusOr<NetworkVersion> ReadNetwork(pqxx::work& tx, const CommunityId& community,
                                           const NetworkId& id) {
  NetworkVersion network;
  if (id.empty()) {
    return network;
  }
  const pqxx::result rows = Exec(tx, kSelectNetwork, community.value(), id.value());
  if (rows.empty()) {
    return Error(kNotFound, "there is no such network", {{"network", id.value()}});
  }
  const pqxx::row row = rows[0];
  network.id = id;
  network.start = postgres::TimeFrom(row[1]);
  network.zones.clear();
  for (std::string& zone : TextArrayFrom(row[2])) {
    network.zones.emplace_back(std::move(zone));
  }
  network.rules.tie_rule = TextFrom(row[3]) == "TIME" ? TieRule::kTime : TieRule::kProRata;
  network.rules.self_trade_mode = ModeFrom(TextFrom(row[4]));
  network.lines.zones = static_cast<uint32_t>(network.zones.size());
  const std::vector<int64_t> from = Int64ArrayFrom(row[5]);
  const std::vector<int64_t> to = Int64ArrayFrom(row[6]);
  const std::vector<int64_t> fees = Int64ArrayFrom(row[7]);
  const std::vector<int64_t> capacities = Int64ArrayFrom(row[8]);
  const std::vector<int64_t> reverse = Int64ArrayFrom(row[9]);
  for (size_t i = 0; i < from.size(); ++i) {
    network.lines.edges.push_back({static_cast<uint32_t>(from[i]), static_cast<uint32_t>(to[i]),
                                   static_cast<int32_t>(fees[i]), CapacityFrom(capacities[i]),
                                   CapacityFrom(reverse[i])});
  }
  return network;
}

void InsertClearing(pqxx::work& tx, const AuctionKey& key, const ClearingRecord& record) {
  using clearing::ZonePrice;
  Exec(tx, kInsertClearing, key.community.value(), postgres::ToSql(key.delivery_start),
       PriceColumn(record.zones, [](const ZonePrice& p) { return p.price; }),
       PriceColumn(record.zones, [](const ZonePrice& p) { return p.low; }),
       PriceColumn(record.zones, [](const ZonePrice& p) { return p.high; }),
       ToSqlColumn(record.zones, [](const ZoneRecord& z) { return z.bought.wh(); }),
       ToSqlColumn(record.zones, [](const ZoneRecord& z) { return z.sold.wh(); }),
       ToSqlColumn(record.flows, [](const EdgeFlow& f) { return f.energy_wh; }),
       ToSqlColumn(record.flows, [](const EdgeFlow& f) { return f.congestion; }),
       ToSqlColumn(record.goods, [](const Good& g) { return int64_t{g.zone}; }),
       ToSqlColumn(record.goods, [](const Good& g) { return ToSql(g.source); }),
       ToSqlColumn(record.goods, [](const Good& g) { return g.price.micros_per_kwh(); }),
       ToSqlColumn(record.goods, [](const Good& g) { return g.energy.wh(); }),
       record.requiring.wh(), record.requiring_traded.wh(), record.premium_traded.wh(),
       record.premium_met.wh(), record.withdrawn.wh(), record.verdict, record.sha256);
}

void KeepOwners(pqxx::work& tx, const AuctionKey& key) {
  Exec(tx, kKeepOwners, key.community.value(), postgres::ToSql(key.delivery_start));
}

void ReadOwners(pqxx::work& tx, const AuctionKey& key, std::vector<Order>& orders) {
  absl::flat_hash_map<std::string, ParticipantId> owners;
  for (const auto& row :
       Exec(tx, kOwnersOf, key.community.value(), postgres::ToSql(key.delivery_start))) {
    owners.try_emplace(TextFrom(row[0]), TextFrom(row[1]));
  }
  for (size_t i = 0; i < orders.size() && !owners.empty(); ++i) {
    if (const auto owner = owners.find(orders[i].participant.value()); owner != owners.end()) {
      orders[i].owner = owner->second;
    }
  }
}

absl::StatusOr<ClearingRecord> ReadClearing(pqxx::work& tx, const AuctionKey& key) {
  const pqxx::result rows =
      Exec(tx, kSelectClearing, key.community.value(), postgres::ToSql(key.delivery_start));
  if (rows.empty()) {
    return Error(kNotFound, "nothing is known about how the auction was cleared");
  }
  return RecordFrom(rows[0]);
}

}  // namespace peerwatt::market
