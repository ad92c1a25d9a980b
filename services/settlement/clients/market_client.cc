#include "services/settlement/clients/market_client.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);

absl::StatusOr<Trade> TradeFrom(const market::v1::Trade& proto) {
  Trade trade;
  PW_ASSIGN_OR_RETURN(
      std::vector<std::string> name,
      rpc::ParseName(proto.name(), "communities/*/auctions/*/trades/*", "trade.name"));
  trade.id = TradeId(std::move(name[2]));
  trade.energy = Energy::WattHours(proto.energy_wh());
  // A ledger has one currency, and so has its market.
  PW_ASSIGN_OR_RETURN(trade.price,
                      rpc::PriceFrom(proto.price_per_kwh(), proto.price_per_kwh().currency_code(),
                                     "trade.price_per_kwh"));
  // The difference of two prices, so it may exceed the bound of one.
  PW_ASSIGN_OR_RETURN(const Money network_fee, rpc::MoneyFrom(proto.network_fee_per_kwh(),
                                                              proto.price_per_kwh().currency_code(),
                                                              "trade.network_fee_per_kwh"));
  trade.network_fee = Price::MicrosPerKwh(network_fee.micros());
  const auto point = [](const std::string& value, const char* field) {
    return rpc::ParseName1(value, "meteringPoints/*", field);
  };
  const auto participant = [](const std::string& value, const char* field) {
    return rpc::ParseName1(value, "participants/*", field);
  };
  PW_ASSIGN_OR_RETURN(std::string buyer_point,
                      point(proto.buyer_metering_point(), "trade.buyer_metering_point"));
  PW_ASSIGN_OR_RETURN(std::string seller_point,
                      point(proto.seller_metering_point(), "trade.seller_metering_point"));
  PW_ASSIGN_OR_RETURN(std::string buyer, participant(proto.buyer(), "trade.buyer"));
  PW_ASSIGN_OR_RETURN(std::string seller, participant(proto.seller(), "trade.seller"));
  trade.buyer_point = MeteringPointId(std::move(buyer_point));
  trade.seller_point = MeteringPointId(std::move(seller_point));
  trade.buyer = ParticipantId(std::move(buyer));
  trade.seller = ParticipantId(std::move(seller));
  return trade;
}

}  // namespace

absl::StatusOr<market::v1::ListOutcomesResponse> MarketClient::Ask(const CommunityId& community,
                                                                   Interval span) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  market::v1::ListOutcomesRequest request;
  request.set_community(absl::StrCat("communities/", community.value()));
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  market::v1::ListOutcomesResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->ListOutcomes(&context, request, &response)));
  return response;
}

absl::StatusOr<std::vector<AuctionOutcome>> MarketClient::ListOutcomes(
    const CommunityId& community, Interval span) {
  PW_ASSIGN_OR_RETURN(const market::v1::ListOutcomesResponse response, Ask(community, span));
  std::vector<AuctionOutcome> outcomes;
  for (const auto& proto : response.outcomes()) {
    AuctionOutcome& outcome = outcomes.emplace_back();
    PW_ASSIGN_OR_RETURN(outcome.period_start,
                        rpc::TimeFrom(proto.delivery_start_time(), "delivery_start_time"));
    outcome.welfare = Money::Micros(proto.welfare_micros());
    for (int i = 0; i < proto.trades_size(); ++i) {
      PW_ASSIGN_OR_RETURN(Trade trade, TradeFrom(proto.trades(i)));
      if (i < proto.trade_gains_micros_per_kwh_size()) {
        trade.gain = Price::MicrosPerKwh(proto.trade_gains_micros_per_kwh(i));
      }
      outcome.trades.push_back(std::move(trade));
    }
  }
  return outcomes;
}

absl::StatusOr<std::optional<TradeOrigin>> MarketClient::FindTrade(const CommunityId& community,
                                                                   Interval period,
                                                                   const TradeId& trade) {
  PW_ASSIGN_OR_RETURN(const market::v1::ListOutcomesResponse response, Ask(community, period));
  for (const auto& outcome : response.outcomes()) {
    for (const market::v1::Trade& proto : outcome.trades()) {
      PW_ASSIGN_OR_RETURN(const Trade decoded, TradeFrom(proto));
      if (decoded.id != trade) continue;
      return TradeOrigin{decoded.id,     proto.bid(),   proto.offer(),
                         market::v1::Trade::Origin_Name(proto.origin()),
                         decoded.energy, decoded.price, decoded.network_fee};
    }
  }
  return std::optional<TradeOrigin>();
}

}  // namespace peerwatt::settlement
