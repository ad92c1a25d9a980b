#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

}  // namespace

grpc::Status RegistryService::CreateMeteringPoint(grpc::ServerContext* context,
                                                  const v1::CreateMeteringPointRequest* request,
                                                  v1::MeteringPoint* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(MeteringPoint asked, MeteringPointFrom(*request));
    PW_ASSIGN_OR_RETURN(MeteringPoint point, CheckNewMeteringPoint(std::move(asked)));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    point.created_at = StoredNow(rooms_.clock);
    PW_ASSIGN_OR_RETURN(const MeteringPoint stored, rooms_.metering_points.Create(point));
    *response = ToProto(stored);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetMeteringPoint(grpc::ServerContext* context,
                                               const v1::GetMeteringPointRequest* request,
                                               v1::MeteringPoint* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kMeteringPointPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    const auto point = rooms_.metering_points.Get(MeteringPointId(id));
    if (!point.ok() && !absl::IsNotFound(point.status())) return point.status();
    // Whose it is stands in the point itself. Who may not see it learns not even whether it is.
    const std::string owner =
        point.ok() ? absl::StrCat("participants/", point->participant.value()) : "";
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, owner));
    PW_RETURN_IF_ERROR(point.status());
    *response = ToProto(*point);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListMeteringPoints(grpc::ServerContext* context,
                                                 const v1::ListMeteringPointsRequest* request,
                                                 v1::ListMeteringPointsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, ReadIdPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    std::string participant = request->participant();
    if (participant.empty() && !rpc::IsStaff(caller)) {
      participant = caller.participant();
      // A user who stands for nobody has no metering points.
      if (participant.empty()) return absl::OkStatus();
    }
    ParticipantId owner;
    if (!participant.empty()) {
      PW_ASSIGN_OR_RETURN(std::string id,
                          rpc::ParseName1(participant, kParticipantPattern, "participant"));
      PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, participant));
      owner = ParticipantId(std::move(id));
    }
    PW_ASSIGN_OR_RETURN(auto points,
                        rooms_.metering_points.List(owner, MeteringPointId(page.after),
                                                    page.limit()));
    response->set_next_page_token(CutToIdPage(*request, page, points));
    for (const MeteringPoint& point : points) *response->add_metering_points() = ToProto(point);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
