#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

constexpr absl::Duration kSpanMax = absl::Hours(24 * 7);

absl::StatusOr<Interval> SpanOf(const v1::ListOutcomesRequest& request) {
  Interval span;
  PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (span.end <= span.start || span.length() > kSpanMax) {
    return FieldInvalid("end_time", "must be after start_time by at most 7 days");
  }
  return span;
}

}  // namespace

grpc::Status MarketInternalService::ListOutcomes(grpc::ServerContext* context,
                                                 const v1::ListOutcomesRequest* request,
                                                 v1::ListOutcomesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"settlement"}));
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->community(), "communities/*", "community"));
    PW_ASSIGN_OR_RETURN(const Interval span, SpanOf(*request));
    const CommunityId community(id);
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(community));
    PW_ASSIGN_OR_RETURN(const std::vector<Outcome> outcomes, view_.ListOutcomes(community, span));
    for (const Outcome& outcome : outcomes) {
      v1::ListOutcomesResponse::Outcome& proto = *response->add_outcomes();
      *proto.mutable_delivery_start_time() = rpc::ToProto(outcome.delivery_start);
      proto.set_welfare_micros(outcome.welfare.micros());
      for (size_t i = 0; i < outcome.trades.size(); ++i) {
        *proto.add_trades() =
            ToProto(outcome.trades[i], {community, outcome.delivery_start}, rules.currency);
        proto.add_trade_gains_micros_per_kwh(outcome.gains[i].micros_per_kwh());
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
