#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/market/clients/codec.h"

namespace peerwatt::market {
namespace {

namespace v1 = peerwatt::registry::v1;

constexpr int64_t kSecondsPerHour = 3600;

absl::StatusOr<Energy> PerInterval(int64_t watts, absl::Duration interval) {
  const int64_t watt_seconds = watts * absl::ToInt64Seconds(interval);
  if (watts < 0 || watt_seconds % kSecondsPerHour != 0) {
    return FieldInvalid("network.lines", "a capacity is not whole watt hours per interval");
  }
  return Energy::WattHours(watt_seconds / kSecondsPerHour);
}

clearing::SelfTradeMode ModeFrom(v1::Network::SelfTradeMode proto) {
  switch (proto) {
    case v1::Network::WITHDRAW_BIDS:
      return clearing::SelfTradeMode::kWithdrawBids;
    case v1::Network::WITHDRAW_OFFERS:
      return clearing::SelfTradeMode::kWithdrawOffers;
    default:
      return clearing::SelfTradeMode::kKeepGreaterWelfare;
  }
}

absl::StatusOr<clearing::Edge> LineFrom(const v1::Network::Line& proto, const CommunityRules& rules,
                                        const absl::flat_hash_map<std::string, uint32_t>& numbers) {
  const auto from = numbers.find(proto.from_zone());
  const auto to = numbers.find(proto.to_zone());
  if (from == numbers.end() || to == numbers.end()) {
    return FieldInvalid("network.lines", "a line joins zones that are not there");
  }
  clearing::Edge line;
  line.from = from->second;
  line.to = to->second;
  PW_ASSIGN_OR_RETURN(const Price fee,
                      rpc::PriceFrom(proto.fee_per_kwh(), rules.currency, "network.lines"));
  line.fee = static_cast<int32_t>(fee.micros_per_kwh());
  if (proto.has_capacity_w()) {
    PW_ASSIGN_OR_RETURN(line.capacity, PerInterval(proto.capacity_w(), rules.interval));
  }
  if (proto.has_reverse_capacity_w()) {
    PW_ASSIGN_OR_RETURN(line.capacity_back,
                        PerInterval(proto.reverse_capacity_w(), rules.interval));
  }
  return line;
}

}  // namespace

absl::StatusOr<NetworkVersion> NetworkFrom(const v1::Network& proto, const CommunityRules& rules) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(proto.name(), "communities/*/networks/*", "name"));
  NetworkVersion network;
  network.id = NetworkId(ids[1]);
  PW_ASSIGN_OR_RETURN(network.start, rpc::TimeFrom(proto.start_time(), "start_time"));
  network.zones.clear();
  absl::flat_hash_map<std::string, uint32_t> numbers;
  for (const std::string& zone : proto.zones()) {
    numbers.emplace(zone, static_cast<uint32_t>(network.zones.size()));
    network.zones.emplace_back(zone);
  }
  if (network.zones.empty()) {
    return FieldInvalid("network.zones", "must have a zone");
  }
  network.lines.zones = static_cast<uint32_t>(network.zones.size());
  for (const v1::Network::Line& line : proto.lines()) {
    PW_ASSIGN_OR_RETURN(const clearing::Edge edge, LineFrom(line, rules, numbers));
    network.lines.edges.push_back(edge);
  }
  network.rules.tie_rule = proto.tie_rule() == v1::Network::PRO_RATA ? clearing::TieRule::kProRata
                                                                     : clearing::TieRule::kTime;
  network.rules.self_trade_mode = ModeFrom(proto.self_trade_mode());
  return network;
}

}  // namespace peerwatt::market
