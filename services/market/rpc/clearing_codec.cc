#include "services/market/rpc/clearing_codec.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {
namespace {

google::type::Money PriceProto(int64_t micros, const std::string& currency) {
  return rpc::ToProto(Price::MicrosPerKwh(micros), currency);
}

v1::AuctionFigures ToProto(const AuctionFigures& figures, const std::string& currency) {
  v1::AuctionFigures proto;
  proto.set_cleared_energy_wh(figures.energy.wh());
  proto.set_welfare_micros(figures.welfare.micros());
  if (figures.mean_price.has_value()) {
    *proto.mutable_mean_price_per_kwh() = rpc::ToProto(*figures.mean_price, currency);
  }
  proto.set_network_revenue_micros(figures.network_revenue.micros());
  proto.set_trade_count(figures.trade_count);
  return proto;
}

}  // namespace

v1::Clearing ToProto(const AuctionKey& key, const ClearingRecord& record,
                     const NetworkVersion& network, const std::string& currency) {
  v1::Clearing proto;
  proto.set_name(absl::StrCat(NameOf(key), "/clearing"));
  proto.set_network(NameOf(key.community, network.id));
  for (size_t i = 0; i < record.zones.size(); ++i) {
    v1::Clearing::Zone& zone = *proto.add_zones();
    zone.set_zone(network.zones.at(i).value());
    if (const auto& price = record.zones[i].price; price.has_value()) {
      *zone.mutable_price_per_kwh() = PriceProto(price->price, currency);
      *zone.mutable_price_low_per_kwh() = PriceProto(price->low, currency);
      *zone.mutable_price_high_per_kwh() = PriceProto(price->high, currency);
    }
    zone.set_bought_wh(record.zones[i].bought.wh());
    zone.set_sold_wh(record.zones[i].sold.wh());
  }
  for (size_t i = 0; i < record.flows.size(); ++i) {
    const clearing::Edge& edge = network.lines.edges.at(i);
    v1::Clearing::Line& line = *proto.add_lines();
    line.set_from_zone(network.zones.at(edge.from).value());
    line.set_to_zone(network.zones.at(edge.to).value());
    line.set_flow_wh(record.flows[i].energy_wh);
    *line.mutable_congestion_price_per_kwh() = PriceProto(record.flows[i].congestion, currency);
  }
  for (const Good& sold : record.goods) {
    v1::Clearing::Good& good = *proto.add_goods();
    good.set_zone(network.zones.at(sold.zone).value());
    good.set_energy_source(ToProto(sold.source));
    *good.mutable_price_per_kwh() = rpc::ToProto(sold.price, currency);
    good.set_energy_wh(sold.energy.wh());
  }
  proto.set_requiring_wh(record.requiring.wh());
  proto.set_requiring_traded_wh(record.requiring_traded.wh());
  proto.set_premium_traded_wh(record.premium_traded.wh());
  proto.set_premium_met_wh(record.premium_met.wh());
  proto.set_withdrawn_wh(record.withdrawn.wh());
  proto.set_verdict(record.verdict);
  proto.set_sha256(record.sha256);
  return proto;
}

v1::ReplayedAuction ToProto(const ReplayedAuction& replayed, bool what_if,
                            const std::string& currency) {
  v1::ReplayedAuction proto;
  proto.set_auction(NameOf(replayed.key));
  *proto.mutable_stored() = ToProto(replayed.stored, currency);
  if (replayed.refusal.empty()) {
    *proto.mutable_replayed() = ToProto(replayed.replayed, currency);
  }
  proto.set_stored_sha256(replayed.stored_sha256);
  proto.set_replayed_sha256(replayed.replayed_sha256);
  proto.set_identical(!what_if && replayed.replayed_sha256 == replayed.stored_sha256);
  proto.set_refusal(replayed.refusal);
  return proto;
}

absl::StatusOr<AskedRules> RulesFrom(const v1::WhatIf& proto, const CommunityId& community) {
  AskedRules asked;
  if (!v1::WhatIf::Mechanism_IsValid(proto.mechanism())) {
    return FieldInvalid("what_if.mechanism", "must be a known mechanism");
  }
  asked.rules.mechanism = proto.mechanism() == v1::WhatIf::CONTINUOUS ? Mechanism::kContinuous
                                                                      : Mechanism::kUniformPrice;
  if (!v1::WhatIf::TieRule_IsValid(proto.tie_rule())) {
    return FieldInvalid("what_if.tie_rule", "must be a known rule");
  }
  if (proto.tie_rule() != v1::WhatIf::TIE_RULE_UNSPECIFIED) {
    asked.rules.tie_rule = proto.tie_rule() == v1::WhatIf::TIME ? clearing::TieRule::kTime
                                                                : clearing::TieRule::kProRata;
  }
  if (proto.one_zone()) {
    if (!proto.network().empty()) {
      return FieldInvalid("what_if.one_zone", "must not be set together with network");
    }
    asked.rules.network = NetworkVersion();
  }
  if (!proto.network().empty()) {
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> ids,
        rpc::ParseName(proto.network(), "communities/*/networks/*", "what_if.network"));
    if (ids[0] != community.value()) {
      return FieldInvalid("what_if.network", "must be a network of the same community");
    }
    asked.network = NetworkId(ids[1]);
  }
  return asked;
}

}  // namespace peerwatt::market
