#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/standing_order_name.h"

namespace peerwatt::market {

grpc::Status MarketService::CreateStandingOrder(grpc::ServerContext* context,
                                                const v1::CreateStandingOrderRequest* request,
                                                v1::StandingOrder* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const std::string participant,
                        rpc::ParseName1(request->parent(), "participants/*", "parent"));
    PW_RETURN_IF_ERROR(RequireOwner(caller, ParticipantId(participant)));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(request->standing_order_id(), "standing_order_id"));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(ParticipantId(participant)));
    PW_ASSIGN_OR_RETURN(StandingOrder order,
                        StandingOrderFrom(request->standing_order(), owner.currency));
    if (order.metering_point.empty()) {
      return FieldInvalid("standing_order.metering_point", "is required");
    }
    order.participant = ParticipantId(participant);
    order.id = StandingOrderId(request->standing_order_id());
    order.create_time = backends_.clock.Now();
    PW_ASSIGN_OR_RETURN(const StandingOrder kept, backends_.desk.CreateStanding(std::move(order)));
    *response = ToProto(kept, owner.currency);
    return absl::OkStatus();
  });
}

grpc::Status MarketService::GetStandingOrder(grpc::ServerContext* context,
                                             const v1::GetStandingOrderRequest* request,
                                             v1::StandingOrder* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const StandingOrderRef name, StandingOrderNameFrom(request->name()));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, NameOf(name.participant)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(name.participant));
    PW_ASSIGN_OR_RETURN(const StandingOrder order,
                        backends_.view.GetStandingOrder(owner.community, name.participant,
                                                        name.id));
    *response = ToProto(order, owner.currency);
    return absl::OkStatus();
  });
}

grpc::Status MarketService::ListStandingOrders(grpc::ServerContext* context,
                                               const v1::ListStandingOrdersRequest* request,
                                               v1::ListStandingOrdersResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const std::string participant,
                        rpc::ParseName1(request->parent(), "participants/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, request->parent()));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(ParticipantId(participant)));
    PW_ASSIGN_OR_RETURN(
        std::vector<StandingOrder> orders,
        backends_.view.ListStandingOrders(owner.community, owner.participant,
                                          {page.after, page.limit()}));
    if (rpc::CutToPage(page, orders)) {
      response->set_next_page_token(rpc::NextPageToken(*request, orders.back().id.value()));
    }
    for (const StandingOrder& order : orders) {
      *response->add_standing_orders() = ToProto(order, owner.currency);
    }
    return absl::OkStatus();
  });
}

grpc::Status MarketService::CancelStandingOrder(grpc::ServerContext* context,
                                                const v1::CancelStandingOrderRequest* request,
                                                v1::StandingOrder* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const StandingOrderRef name, StandingOrderNameFrom(request->name()));
    PW_RETURN_IF_ERROR(RequireOwner(caller, name.participant));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(name.participant));
    PW_ASSIGN_OR_RETURN(const StandingOrder order,
                        backends_.orders.CancelStandingOrder(owner.community, name.participant,
                                                             name.id, backends_.clock.Now()));
    *response = ToProto(order, owner.currency);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
