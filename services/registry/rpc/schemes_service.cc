#include "services/registry/rpc/schemes_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"
#include "services/registry/rpc/scheme_codec.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

constexpr char kSchemePattern[] = "communities/*/schemes/*";

}  // namespace

grpc::Status SchemesService::CreateScheme(grpc::ServerContext* context,
                                          const v1::CreateSchemeRequest* request,
                                          v1::Scheme* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    // The rest can be read only with the community's currency and interval.
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(Scheme scheme, SchemeFrom(*request, community));
    PW_RETURN_IF_ERROR(CheckScheme(scheme, community));
    scheme.created_at = StoredNow(clock_);
    // An interval more than what is open now: the market may look before this is committed.
    const absl::Time opened_until =
        scheme.created_at + community.opening_lead + community.interval;
    PW_ASSIGN_OR_RETURN(const Scheme stored,
                        schemes_.Create(scheme, opened_until,
                                        Actor{caller.subject(), scheme.created_at}));
    *response = ToProto(stored, community.currency_code);
    return absl::OkStatus();
  });
}

grpc::Status SchemesService::GetScheme(grpc::ServerContext* context,
                                       const v1::GetSchemeRequest* request, v1::Scheme* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        rpc::ParseName(request->name(), kSchemePattern, "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(ids[0])));
    PW_ASSIGN_OR_RETURN(const Scheme scheme, schemes_.Get(community.id, SchemeId(ids[1])));
    *response = ToProto(scheme, community.currency_code);
    return absl::OkStatus();
  });
}

grpc::Status SchemesService::ListSchemes(grpc::ServerContext* context,
                                         const v1::ListSchemesRequest* request,
                                         v1::ListSchemesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const absl::Time before, StartsBefore(page));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(auto schemes, schemes_.List(community.id, before, page.limit()));
    if (rpc::CutToPage(page, schemes)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(absl::ToUnixMicros(schemes.back().starts_at))));
    }
    for (const Scheme& scheme : schemes) {
      *response->add_schemes() = ToProto(scheme, community.currency_code);
    }
    return absl::OkStatus();
  });
}

grpc::Status SchemesInternalService::ListSchemesInForce(
    grpc::ServerContext* context, const v1::ListSchemesInForceRequest* request,
    v1::ListSchemesInForceResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->community(), kCommunityPattern, "community"));
    Interval span;
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request->start_time(), "start_time"));
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request->end_time(), "end_time"));
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market", "settlement"}));
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(const std::vector<Scheme> schemes,
                        schemes_.ListInForce(community.id, span));
    for (const Scheme& scheme : schemes) {
      *response->add_schemes() = ToProto(scheme, community.currency_code);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
