#include "services/market/rpc/controls_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

constexpr size_t kReasonMax = 500;

absl::StatusOr<CommunityId> CommunityOf(const std::string& name) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, "communities/*/controls", "name"));
  return CommunityId(std::move(id));
}

absl::StatusOr<ParticipantId> OwnerOf(const std::string& name) {
  PW_ASSIGN_OR_RETURN(std::string id,
                      rpc::ParseName1(name, "participants/*/killSwitch", "name"));
  return ParticipantId(std::move(id));
}

bool IsOperator(const rpc::Principal& caller) {
  return rpc::HasRole(caller, peerwatt::access::v1::OPERATOR) ||
         rpc::HasRole(caller, peerwatt::access::v1::ADMIN);
}

absl::StatusOr<Act> ActOf(const rpc::Principal& caller, const std::string& reason,
                          absl::Time now) {
  if (reason.empty() || reason.size() > kReasonMax) {
    return FieldInvalid("reason", "must have 1 to 500 characters");
  }
  return Act{caller.subject(), reason, now, IsOperator(caller)};
}

absl::Status RequireOperator(const rpc::Principal& caller) {
  return IsOperator(caller) ? absl::OkStatus()
                            : Error(kPermissionDenied, "only operators may do this");
}

absl::Status RequireOwnerOrOperator(const rpc::Principal& caller, const ParticipantId& owner) {
  if (IsOperator(caller) || caller.participant() == NameOf(owner)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, "the switch belongs to another participant");
}

absl::StatusOr<LimitsVersion> LimitsFrom(const v1::OrderLimits& proto,
                                         const std::string& currency) {
  LimitsVersion version;
  version.version = proto.version();
  PW_ASSIGN_OR_RETURN(version.valid_from,
                      rpc::TimeFrom(proto.valid_from_time(), "order_limits.valid_from_time"));
  PW_ASSIGN_OR_RETURN(version.limits.price_min,
                      rpc::PriceFrom(proto.price_min_per_kwh(), currency,
                                     "order_limits.price_min_per_kwh"));
  PW_ASSIGN_OR_RETURN(version.limits.price_max,
                      rpc::PriceFrom(proto.price_max_per_kwh(), currency,
                                     "order_limits.price_max_per_kwh"));
  version.limits.energy_min = Energy::WattHours(proto.energy_wh_min());
  version.limits.energy_max = Energy::WattHours(proto.energy_wh_max());
  version.limits.open_orders_max = proto.open_orders_max();
  version.limits.continuous_trading = proto.continuous_trading();
  PW_RETURN_IF_ERROR(CheckLimits(version));
  return version;
}

}  // namespace

absl::Status ControlsService::Describe(const CommunityId& community,
                                       v1::CommunityControls& response) {
  PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(community));
  PW_ASSIGN_OR_RETURN(const Controls controls, store_.Get(community));
  response.set_name(absl::StrCat("communities/", community.value(), "/controls"));
  response.set_halted(controls.halted);
  response.set_halt_reason(controls.halt_reason);
  for (const LimitsVersion& version : controls.limits) {
    v1::OrderLimits& proto = *response.add_order_limits();
    proto.set_version(version.version);
    *proto.mutable_valid_from_time() = rpc::ToProto(version.valid_from);
    *proto.mutable_price_min_per_kwh() = rpc::ToProto(version.limits.price_min, rules.currency);
    *proto.mutable_price_max_per_kwh() = rpc::ToProto(version.limits.price_max, rules.currency);
    proto.set_energy_wh_min(version.limits.energy_min.wh());
    proto.set_energy_wh_max(version.limits.energy_max.wh());
    proto.set_open_orders_max(version.limits.open_orders_max);
    proto.set_continuous_trading(version.limits.continuous_trading);
  }
  return absl::OkStatus();
}

template <typename Request>
grpc::Status ControlsService::SetHalt(const grpc::ServerContext& context, const Request& request,
                                      bool halted, v1::CommunityControls& response) {
  return rpc::Handle(context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
    PW_ASSIGN_OR_RETURN(const CommunityId community, CommunityOf(request.name()));
    PW_ASSIGN_OR_RETURN(const Act act, ActOf(caller, request.reason(), clock_.Now()));
    PW_RETURN_IF_ERROR(RequireOperator(caller));
    PW_RETURN_IF_ERROR(rules_.Find(community).status());
    PW_RETURN_IF_ERROR(store_.SetHalt(community, halted, act));
    return Describe(community, response);
  });
}

absl::Status ControlsService::DescribeSwitch(const ParticipantContext& owner,
                                             v1::KillSwitch& response) {
  PW_ASSIGN_OR_RETURN(const std::optional<KillSwitch> found,
                      store_.GetKillSwitch(owner.community, owner.participant));
  response.set_name(absl::StrCat(NameOf(owner.participant), "/killSwitch"));
  response.set_set(found.has_value());
  if (found.has_value()) {
    response.set_reason(found->reason);
    *response.mutable_set_time() = rpc::ToProto(found->set_at);
  }
  return absl::OkStatus();
}

grpc::Status ControlsService::GetCommunityControls(grpc::ServerContext* context,
                                                   const v1::GetCommunityControlsRequest* request,
                                                   v1::CommunityControls* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community, CommunityOf(request->name()));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    return Describe(community, *response);
  });
}

grpc::Status ControlsService::HaltMarket(grpc::ServerContext* context,
                                         const v1::HaltMarketRequest* request,
                                         v1::CommunityControls* response) {
  return SetHalt(*context, *request, true, *response);
}

grpc::Status ControlsService::ResumeMarket(grpc::ServerContext* context,
                                           const v1::ResumeMarketRequest* request,
                                           v1::CommunityControls* response) {
  return SetHalt(*context, *request, false, *response);
}

grpc::Status ControlsService::AddOrderLimits(grpc::ServerContext* context,
                                             const v1::AddOrderLimitsRequest* request,
                                             v1::CommunityControls* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const CommunityId community, CommunityOf(request->name()));
    PW_RETURN_IF_ERROR(RequireOperator(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(community));
    PW_ASSIGN_OR_RETURN(const LimitsVersion limits,
                        LimitsFrom(request->order_limits(), rules.currency));
    const Act act = {caller.subject(), absl::StrCat("version ", limits.version), clock_.Now(),
                     true};
    PW_RETURN_IF_ERROR(store_.AddLimits(community, limits, act));
    return Describe(community, *response);
  });
}

grpc::Status ControlsService::SetKillSwitch(grpc::ServerContext* context,
                                            const v1::SetKillSwitchRequest* request,
                                            v1::KillSwitch* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, OwnerOf(request->name()));
    PW_ASSIGN_OR_RETURN(const Act act, ActOf(caller, request->reason(), clock_.Now()));
    PW_RETURN_IF_ERROR(RequireOwnerOrOperator(caller, participant));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, registry_.GetParticipant(participant));
    PW_ASSIGN_OR_RETURN(
        const std::vector<CancelledOrder> cancelled,
        KillAndRelease(store_, settlement_, owner.community, participant, act));
    response->set_cancelled_order_count(static_cast<int32_t>(cancelled.size()));
    return DescribeSwitch(owner, *response);
  });
}

grpc::Status ControlsService::LiftKillSwitch(grpc::ServerContext* context,
                                             const v1::LiftKillSwitchRequest* request,
                                             v1::KillSwitch* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, OwnerOf(request->name()));
    PW_ASSIGN_OR_RETURN(const Act act, ActOf(caller, request->reason(), clock_.Now()));
    PW_RETURN_IF_ERROR(RequireOwnerOrOperator(caller, participant));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, registry_.GetParticipant(participant));
    PW_RETURN_IF_ERROR(store_.Lift(owner.community, participant, act));
    return DescribeSwitch(owner, *response);
  });
}

grpc::Status ControlsService::ListControlEvents(grpc::ServerContext* context,
                                                const v1::ListControlEventsRequest* request,
                                                v1::ListControlEventsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int64_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed");
    }
    if (!rpc::IsStaff(caller)) {
      return Error(kPermissionDenied, "only staff may look");
    }
    PW_RETURN_IF_ERROR(rules_.Find(CommunityId(id)).status());
    PW_ASSIGN_OR_RETURN(std::vector<ControlEvent> events,
                        store_.ListEvents(CommunityId(id), after, page.limit()));
    if (rpc::CutToPage(page, events)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(events.back().number)));
    }
    for (const ControlEvent& event : events) {
      v1::ControlEvent& proto = *response->add_control_events();
      proto.set_name(absl::StrCat(request->parent(), "/controlEvents/", event.number));
      proto.set_action(event.action);
      if (!event.participant.empty()) {
        proto.set_participant(NameOf(event.participant));
      }
      proto.set_reason(event.reason);
      proto.set_actor(event.actor);
      *proto.mutable_create_time() = rpc::ToProto(event.time);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
