#include "services/registry/rpc/handovers_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

absl::StatusOr<Handover> HandoverFrom(const v1::HandOverMeteringPointRequest& request) {
  Handover asked;
  PW_ASSIGN_OR_RETURN(std::string point,
                      rpc::ParseName1(request.name(), kMeteringPointPattern, "name"));
  asked.point = MeteringPointId(std::move(point));
  if (!request.participant().empty()) {
    PW_ASSIGN_OR_RETURN(
        std::string participant,
        rpc::ParseName1(request.participant(), kParticipantPattern, "participant"));
    asked.participant = ParticipantId(std::move(participant));
  }
  const std::string& connection = request.grid_connection();
  if (!connection.empty() && (asked.participant.empty() || !IsResourceId(connection))) {
    return FieldInvalid("grid_connection",
                        "must match [a-z][a-z0-9-]{0,61}[a-z0-9], and needs a participant");
  }
  asked.grid_connection = GridConnectionId(connection);
  return asked;
}

}  // namespace

grpc::Status HandoversService::HandOverMeteringPoint(
    grpc::ServerContext* context, const v1::HandOverMeteringPointRequest* request,
    v1::MeteringPointHandover* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Handover asked, HandoverFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    PW_ASSIGN_OR_RETURN(const Handover handover,
                        handovers_.HandOver(asked, Actor{caller.subject(), StoredNow(clock_)}));
    response->set_metering_point(request->name());
    response->set_participant(request->participant());
    response->set_grid_connection(handover.grid_connection.value());
    if (handover.starts_at != absl::InfinitePast()) {
      *response->mutable_start_time() = rpc::ToProto(handover.starts_at);
    }
    return absl::OkStatus();
  });
}

grpc::Status HandoversInternalService::GetMembership(grpc::ServerContext* context,
                                                     const v1::GetMembershipRequest* request,
                                                     v1::Membership* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->community(), kCommunityPattern, "community"));
    PW_ASSIGN_OR_RETURN(const absl::Time time, rpc::TimeFrom(request->time(), "time"));
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"settlement"}));
    PW_ASSIGN_OR_RETURN(const Membership membership,
                        handovers_.MembershipAt(CommunityId(std::move(id)), time));
    response->set_version(membership.version);
    for (const Holder& holder : membership.holders) {
      v1::Membership::Holder& proto = *response->add_holders();
      proto.set_metering_point(absl::StrCat("meteringPoints/", holder.point.value()));
      proto.set_participant(absl::StrCat("participants/", holder.participant.value()));
      proto.set_grid_connection(holder.grid_connection.value());
      *proto.mutable_create_time() = rpc::ToProto(holder.created_at);
      proto.set_is_boundary(holder.is_boundary);
      if (holder.held_since != absl::InfinitePast()) {
        *proto.mutable_start_time() = rpc::ToProto(holder.held_since);
      }
    }
    for (const FormerHolder& holder : membership.former) {
      v1::Membership::FormerHolder& proto = *response->add_former_holders();
      proto.set_metering_point(absl::StrCat("meteringPoints/", holder.point.value()));
      proto.set_participant(absl::StrCat("participants/", holder.participant.value()));
      proto.set_grid_connection(holder.grid_connection.value());
      *proto.mutable_start_time() = rpc::ToProto(holder.starts_at);
      *proto.mutable_end_time() = rpc::ToProto(holder.ends_at);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
