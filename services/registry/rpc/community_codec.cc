#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/registry/rpc/codec.h"

namespace peerwatt::registry {
namespace {

// Reads an optional duration: absent keeps the default.
absl::Status ReadDuration(bool present, const google::protobuf::Duration& proto,
                          absl::string_view field, absl::Duration& duration) {
  if (!present) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(duration, rpc::DurationFrom(proto, field));
  return absl::OkStatus();
}

// Reads an optional price: absent keeps the default.
absl::Status ReadPrice(bool present, const google::type::Money& proto, const std::string& currency,
                       absl::string_view field, Price& price) {
  if (!present) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(price, rpc::PriceFrom(proto, currency, field));
  return absl::OkStatus();
}

absl::Status ReadTimes(const v1::Community& proto, Community& c) {
  PW_RETURN_IF_ERROR(
      ReadDuration(proto.has_interval(), proto.interval(), "community.interval", c.interval));
  if (!proto.has_trading_start_time()) {
    return FieldInvalid("community.trading_start_time", "is required");
  }
  PW_ASSIGN_OR_RETURN(c.trading_starts_at,
                      rpc::TimeFrom(proto.trading_start_time(), "community.trading_start_time"));
  PW_RETURN_IF_ERROR(ReadDuration(proto.has_opening_lead(), proto.opening_lead(),
                                  "community.opening_lead", c.opening_lead));
  PW_RETURN_IF_ERROR(ReadDuration(proto.has_gate_closure_lead(), proto.gate_closure_lead(),
                                  "community.gate_closure_lead", c.gate_closure_lead));
  return ReadDuration(proto.has_settlement_grace(), proto.settlement_grace(),
                      "community.settlement_grace", c.settlement_grace);
}

absl::Status ReadPrices(const v1::Community& proto, Community& c) {
  PW_RETURN_IF_ERROR(ReadPrice(proto.has_network_fee_per_kwh(), proto.network_fee_per_kwh(),
                               c.currency_code, "community.network_fee_per_kwh", c.network_fee));
  c.operator_share_ppm = proto.operator_share_ppm();
  PW_RETURN_IF_ERROR(ReadPrice(proto.has_price_min_per_kwh(), proto.price_min_per_kwh(),
                               c.currency_code, "community.price_min_per_kwh", c.price_min));
  if (!proto.has_price_max_per_kwh()) {
    return FieldInvalid("community.price_max_per_kwh", "is required");
  }
  return ReadPrice(true, proto.price_max_per_kwh(), c.currency_code, "community.price_max_per_kwh",
                   c.price_max);
}

// Reads an optional capacity.
std::optional<int64_t> CapacityFrom(bool present, int64_t watts) {
  return present ? std::optional(watts) : std::nullopt;
}

absl::StatusOr<NetworkLine> LineFrom(const v1::Network::Line& proto, const std::string& currency,
                                     const std::string& field) {
  NetworkLine line;
  line.from_zone = proto.from_zone();
  line.to_zone = proto.to_zone();
  PW_RETURN_IF_ERROR(ReadPrice(proto.has_fee_per_kwh(), proto.fee_per_kwh(), currency,
                               field + ".fee_per_kwh", line.fee));
  line.capacity_w = CapacityFrom(proto.has_capacity_w(), proto.capacity_w());
  line.reverse_capacity_w =
      CapacityFrom(proto.has_reverse_capacity_w(), proto.reverse_capacity_w());
  return line;
}

v1::Network::SelfTradeMode ProtoOf(SelfTradeMode mode) {
  switch (mode) {
    case SelfTradeMode::kKeepGreaterWelfare:
      return v1::Network::KEEP_GREATER_WELFARE;
    case SelfTradeMode::kWithdrawBids:
      return v1::Network::WITHDRAW_BIDS;
    case SelfTradeMode::kWithdrawOffers:
      return v1::Network::WITHDRAW_OFFERS;
  }
  return v1::Network::SELF_TRADE_MODE_UNSPECIFIED;
}

absl::StatusOr<SelfTradeMode> ModeFrom(v1::Network::SelfTradeMode proto) {
  switch (proto) {
    case v1::Network::SELF_TRADE_MODE_UNSPECIFIED:
    case v1::Network::KEEP_GREATER_WELFARE:
      return SelfTradeMode::kKeepGreaterWelfare;
    case v1::Network::WITHDRAW_BIDS:
      return SelfTradeMode::kWithdrawBids;
    case v1::Network::WITHDRAW_OFFERS:
      return SelfTradeMode::kWithdrawOffers;
    default:
      return FieldInvalid("network.self_trade_mode", "must be a known mode");
  }
}

absl::StatusOr<TieRule> TieRuleFrom(v1::Network::TieRule proto) {
  switch (proto) {
    case v1::Network::TIE_RULE_UNSPECIFIED:
    case v1::Network::TIME:
      return TieRule::kTime;
    case v1::Network::PRO_RATA:
      return TieRule::kProRata;
    default:
      return FieldInvalid("network.tie_rule", "must be a known rule");
  }
}

}  // namespace

v1::Community ToProto(const Community& c) {
  v1::Community proto;
  proto.set_name(absl::StrCat("communities/", c.id.value()));
  proto.set_display_name(c.display_name);
  proto.set_time_zone(c.time_zone);
  proto.set_currency_code(c.currency_code);
  *proto.mutable_interval() = rpc::ToProto(c.interval);
  *proto.mutable_trading_start_time() = rpc::ToProto(c.trading_starts_at);
  *proto.mutable_opening_lead() = rpc::ToProto(c.opening_lead);
  *proto.mutable_gate_closure_lead() = rpc::ToProto(c.gate_closure_lead);
  *proto.mutable_settlement_grace() = rpc::ToProto(c.settlement_grace);
  *proto.mutable_network_fee_per_kwh() = rpc::ToProto(c.network_fee, c.currency_code);
  proto.set_operator_share_ppm(c.operator_share_ppm);
  *proto.mutable_price_min_per_kwh() = rpc::ToProto(c.price_min, c.currency_code);
  *proto.mutable_price_max_per_kwh() = rpc::ToProto(c.price_max, c.currency_code);
  *proto.mutable_create_time() = rpc::ToProto(c.created_at);
  proto.set_signed_readings_required(c.signed_readings_required);
  if (c.emission_factor.has_value()) {
    proto.mutable_emission_factor()->set_co2_g_per_kwh(c.emission_factor->co2_g_per_kwh);
    proto.mutable_emission_factor()->set_source(c.emission_factor->source);
  }
  return proto;
}

v1::Tariff ToProto(const Tariff& tariff, const std::string& currency) {
  v1::Tariff proto;
  proto.set_name(
      absl::StrCat("communities/", tariff.community.value(), "/tariffs/", tariff.id.value()));
  *proto.mutable_feed_in_price_per_kwh() = rpc::ToProto(tariff.feed_in_price, currency);
  *proto.mutable_retail_price_per_kwh() = rpc::ToProto(tariff.retail_price, currency);
  *proto.mutable_start_time() = rpc::ToProto(tariff.starts_at);
  return proto;
}

absl::StatusOr<Community> CommunityFrom(const v1::CreateCommunityRequest& request) {
  const v1::Community& proto = request.community();
  Community c;
  c.id = CommunityId(request.community_id());
  c.display_name = proto.display_name();
  c.time_zone = proto.time_zone();
  c.currency_code = proto.currency_code();
  // Prices are compared with the currency, so it must be one before they are read.
  if (!IsCurrencyCode(c.currency_code)) {
    return FieldInvalid("community.currency_code", "must be an ISO 4217 code");
  }
  c.signed_readings_required = proto.signed_readings_required();
  if (proto.has_emission_factor()) {
    c.emission_factor = {proto.emission_factor().co2_g_per_kwh(), proto.emission_factor().source()};
  }
  PW_RETURN_IF_ERROR(ReadTimes(proto, c));
  PW_RETURN_IF_ERROR(ReadPrices(proto, c));
  return c;
}

absl::StatusOr<Tariff> TariffFrom(const v1::CreateTariffRequest& request,
                                  const Community& community) {
  const v1::Tariff& proto = request.tariff();
  Tariff tariff;
  tariff.community = community.id;
  tariff.id = TariffId(request.tariff_id());
  if (!proto.has_feed_in_price_per_kwh()) {
    return FieldInvalid("tariff.feed_in_price_per_kwh", "is required");
  }
  PW_ASSIGN_OR_RETURN(tariff.feed_in_price,
                      rpc::PriceFrom(proto.feed_in_price_per_kwh(), community.currency_code,
                                     "tariff.feed_in_price_per_kwh"));
  if (!proto.has_retail_price_per_kwh()) {
    return FieldInvalid("tariff.retail_price_per_kwh", "is required");
  }
  PW_ASSIGN_OR_RETURN(tariff.retail_price,
                      rpc::PriceFrom(proto.retail_price_per_kwh(), community.currency_code,
                                     "tariff.retail_price_per_kwh"));
  if (!proto.has_start_time()) return FieldInvalid("tariff.start_time", "is required");
  PW_ASSIGN_OR_RETURN(tariff.starts_at, rpc::TimeFrom(proto.start_time(), "tariff.start_time"));
  return tariff;
}

v1::Network ToProto(const Network& network, const std::string& currency) {
  v1::Network proto;
  proto.set_name(
      absl::StrCat("communities/", network.community.value(), "/networks/", network.id.value()));
  *proto.mutable_start_time() = rpc::ToProto(network.starts_at);
  for (const std::string& zone : network.zones) proto.add_zones(zone);
  for (const NetworkLine& line : network.lines) {
    v1::Network::Line& shown = *proto.add_lines();
    shown.set_from_zone(line.from_zone);
    shown.set_to_zone(line.to_zone);
    *shown.mutable_fee_per_kwh() = rpc::ToProto(line.fee, currency);
    if (line.capacity_w) shown.set_capacity_w(*line.capacity_w);
    if (line.reverse_capacity_w) shown.set_reverse_capacity_w(*line.reverse_capacity_w);
  }
  proto.set_tie_rule(network.tie_rule == TieRule::kTime ? v1::Network::TIME
                                                        : v1::Network::PRO_RATA);
  proto.set_self_trade_mode(ProtoOf(network.self_trade_mode));
  *proto.mutable_create_time() = rpc::ToProto(network.created_at);
  return proto;
}

absl::StatusOr<Network> NetworkFrom(const v1::CreateNetworkRequest& request,
                                    const Community& community) {
  const v1::Network& proto = request.network();
  Network network;
  network.community = community.id;
  network.id = NetworkId(request.network_id());
  if (!proto.has_start_time()) return FieldInvalid("network.start_time", "is required");
  PW_ASSIGN_OR_RETURN(network.starts_at, rpc::TimeFrom(proto.start_time(), "network.start_time"));
  network.zones.assign(proto.zones().begin(), proto.zones().end());
  for (const v1::Network::Line& line : proto.lines()) {
    PW_ASSIGN_OR_RETURN(NetworkLine read,
                        LineFrom(line, community.currency_code,
                                 absl::StrCat("network.lines[", network.lines.size(), "]")));
    network.lines.push_back(std::move(read));
  }
  PW_ASSIGN_OR_RETURN(network.tie_rule, TieRuleFrom(proto.tie_rule()));
  PW_ASSIGN_OR_RETURN(network.self_trade_mode, ModeFrom(proto.self_trade_mode()));
  return network;
}

}  // namespace peerwatt::registry
