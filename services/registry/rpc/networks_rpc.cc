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

grpc::Status RegistryService::CreateNetwork(grpc::ServerContext* context,
                                            const v1::CreateNetworkRequest* request,
                                            v1::Network* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    // The rest can be read only with the community's currency and interval.
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(Network network, NetworkFrom(*request, community));
    PW_RETURN_IF_ERROR(CheckNetwork(network, community));
    network.created_at = StoredNow(rooms_.clock);
    PW_ASSIGN_OR_RETURN(
        const Network stored,
        rooms_.networks.Create(network, Actor{caller.subject(), network.created_at}));
    *response = ToProto(stored, community.currency_code);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetNetwork(grpc::ServerContext* context,
                                         const v1::GetNetworkRequest* request,
                                         v1::Network* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        rpc::ParseName(request->name(), kNetworkPattern, "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(ids[0])));
    PW_ASSIGN_OR_RETURN(const Network network,
                        rooms_.networks.Get(community.id, NetworkId(ids[1])));
    *response = ToProto(network, community.currency_code);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListNetworks(grpc::ServerContext* context,
                                           const v1::ListNetworksRequest* request,
                                           v1::ListNetworksResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const absl::Time before, StartsBefore(page));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(auto networks, rooms_.networks.List(community.id, before, page.limit()));
    if (rpc::CutToPage(page, networks)) {
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixMicros(networks.back().starts_at))));
    }
    for (const Network& network : networks) {
      *response->add_networks() = ToProto(network, community.currency_code);
    }
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::AssignMeteringPointZone(
    grpc::ServerContext* context, const v1::AssignMeteringPointZoneRequest* request,
    v1::MeteringPoint* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kMeteringPointPattern, "name"));
    PW_RETURN_IF_ERROR(CheckZone(request->zone(), "zone"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    const Actor actor{caller.subject(), StoredNow(rooms_.clock)};
    PW_ASSIGN_OR_RETURN(
        const MeteringPoint point,
        rooms_.metering_points.AssignZone(MeteringPointId(id), request->zone(), actor));
    *response = ToProto(point);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
