#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/caller.h"
#include "services/market/rpc/placing.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

// All that the request says but the owner and what needs the community's currency.
absl::StatusOr<AuctionKey> KeyOf(const PlacingRequest& request) {
  PW_ASSIGN_OR_RETURN(AuctionKey key, AuctionKeyFrom(request.parent, "parent"));
  PW_RETURN_IF_ERROR(rpc::CheckResourceId(request.order_id, "order_id"));
  if (absl::StartsWith(request.order_id, kStandingOrderPrefix)) {
    return FieldInvalid("order_id", "must not start with so-, which standing orders use");
  }
  return key;
}

absl::StatusOr<Order> OrderOf(const PlacingRequest& request, const AuctionKey& key,
                              const ParticipantId& participant, const std::string& currency) {
  PW_ASSIGN_OR_RETURN(Order order, OrderFrom(request.order, currency));
  if (IsContinuous(order) != request.is_continuous) {
    return FieldInvalid("order.time_in_force", request.is_continuous
                                                   ? "is required"
                                                   : "is for orders of Trading.PlaceOrder");
  }
  order.auction = key;
  order.id = OrderId(request.order_id);
  order.participant = participant;
  return order;
}

void Answer(grpc::ServerUnaryReactor& reactor, const absl::StatusOr<Order>& placed,
            const std::string& currency, v1::Order& response) {
  if (placed.ok()) {
    response = ToProto(*placed, currency);
  }
  reactor.Finish(rpc::ToGrpcStatus(placed.status(), kErrorDomain));
}

}  // namespace

grpc::ServerUnaryReactor* MarketService::CreateOrder(grpc::CallbackServerContext* context,
                                                     const v1::CreateOrderRequest* request,
                                                     v1::Order* response) {
  return StartPlacing(backends_, *context,
                      {request->parent(), request->order_id(), request->order(),
                       request->validate_only(), false},
                      response);
}

// Decoding happens on gRPC's own threads, of which there are few: they never wait. Whatever may
// wait for a peer or the database is the intake's.
grpc::ServerUnaryReactor* StartPlacing(const MarketBackends& backends,
                                       grpc::CallbackServerContext& context,
                                       const PlacingRequest& request, v1::Order* response) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  const auto start = [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, Trader(context));
    PW_ASSIGN_OR_RETURN(const AuctionKey key, KeyOf(request));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, ParticipantOf(caller));
    const std::optional<std::string> known = backends.rules.KnownCurrency(key.community);
    if (known.has_value() && !request.validate_only) {
      PW_ASSIGN_OR_RETURN(Order order, OrderOf(request, key, participant, *known));
      backends.intake.Submit(std::move(order), [=](const absl::StatusOr<Order>& placed) {
        Answer(*reactor, placed, *known, *response);
      });
      return absl::OkStatus();
    }
    return backends.intake.RunApart([=, &backends] {
      std::string currency;
      const auto place = [&]() -> absl::StatusOr<Order> {
        PW_ASSIGN_OR_RETURN(CommunityRules rules, backends.rules.Find(key.community));
        currency = std::move(rules.currency);
        PW_ASSIGN_OR_RETURN(Order order, OrderOf(request, key, participant, currency));
        return backends.desk.Create(std::move(order), request.validate_only,
                                    backends.clock.Now());
      };
      const absl::StatusOr<Order> placed = place();
      Answer(*reactor, placed, currency, *response);
    });
  };
  const absl::Status started = start();
  if (!started.ok()) {
    reactor->Finish(rpc::ToGrpcStatus(started, kErrorDomain));
  }
  return reactor;
}

}  // namespace peerwatt::market
