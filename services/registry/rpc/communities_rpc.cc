#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

}  // namespace

grpc::Status RegistryService::CreateCommunity(grpc::ServerContext* context,
                                              const v1::CreateCommunityRequest* request,
                                              v1::Community* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(Community community, CommunityFrom(*request));
    PW_RETURN_IF_ERROR(CheckCommunity(community));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    community.created_at = StoredNow(rooms_.clock);
    PW_ASSIGN_OR_RETURN(const Community stored, rooms_.communities.Create(community));
    *response = ToProto(stored);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetCommunity(grpc::ServerContext* context,
                                           const v1::GetCommunityRequest* request,
                                           v1::Community* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kCommunityPattern, "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(id)));
    *response = ToProto(community);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListCommunities(grpc::ServerContext* context,
                                              const v1::ListCommunitiesRequest* request,
                                              v1::ListCommunitiesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, ReadIdPage(*request));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(auto communities,
                        rooms_.communities.List(CommunityId(page.after), page.limit()));
    response->set_next_page_token(CutToIdPage(*request, page, communities));
    for (const Community& community : communities) {
      *response->add_communities() = ToProto(community);
    }
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::CreateTariff(grpc::ServerContext* context,
                                           const v1::CreateTariffRequest* request,
                                           v1::Tariff* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    // The rest can be read only with the community's currency and interval.
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(const Tariff tariff, TariffFrom(*request, community));
    PW_RETURN_IF_ERROR(CheckTariff(tariff, community));
    PW_ASSIGN_OR_RETURN(const Tariff stored, rooms_.communities.CreateTariff(tariff));
    *response = ToProto(stored, community.currency_code);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListTariffs(grpc::ServerContext* context,
                                          const v1::ListTariffsRequest* request,
                                          v1::ListTariffsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const absl::Time before, StartsBefore(page));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, rooms_.communities.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(auto tariffs,
                        rooms_.communities.ListTariffs(community.id, before, page.limit()));
    if (rpc::CutToPage(page, tariffs)) {
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixMicros(tariffs.back().starts_at))));
    }
    for (const Tariff& tariff : tariffs) {
      *response->add_tariffs() = ToProto(tariff, community.currency_code);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
