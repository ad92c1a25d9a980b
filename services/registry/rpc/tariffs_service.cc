#include "services/registry/rpc/tariffs_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/tariff_codec.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

constexpr char kTariffVersionPattern[] = "communities/*/tariffVersions/*";

v1::TariffVersion ToProto(const TariffVersion& version, const Community& community) {
  v1::TariffVersion proto;
  proto.set_name(absl::StrCat("communities/", version.community.value(), "/tariffVersions/",
                              version.id.value()));
  proto.set_start_day(StartDayText(version.starts_at, community));
  *proto.mutable_start_time() = rpc::ToProto(version.starts_at);
  rpc::Encode(version.rules, community.currency_code, proto);
  if (version.created_at.has_value()) {
    *proto.mutable_create_time() = rpc::ToProto(*version.created_at);
  }
  proto.set_version_number(version.number);
  return proto;
}

absl::StatusOr<TariffVersion> VersionFrom(const v1::CreateTariffVersionRequest& request,
                                          const Community& community) {
  TariffVersion version;
  version.community = community.id;
  version.id = TariffId(request.tariff_version_id());
  PW_ASSIGN_OR_RETURN(const absl::CivilDay day, StartDayFrom(request.tariff_version().start_day()));
  version.starts_at = DayStart(day, community);
  PW_ASSIGN_OR_RETURN(version.rules,
                      rpc::TariffRulesFrom(request.tariff_version(), community.currency_code));
  return version;
}

}  // namespace

grpc::Status TariffsService::CreateTariffVersion(grpc::ServerContext* context,
                                                 const v1::CreateTariffVersionRequest* request,
                                                 v1::TariffVersion* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    // The rest can be read only with the community's currency and time zone.
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(TariffVersion version, VersionFrom(*request, community));
    PW_RETURN_IF_ERROR(CheckTariffVersion(version, community));
    version.created_at = StoredNow(clock_);
    PW_ASSIGN_OR_RETURN(const TariffVersion stored,
                        tariffs_.Create(version, !request->validate_only(),
                                        Actor{caller.subject(), *version.created_at}));
    *response = ToProto(stored, community);
    return absl::OkStatus();
  });
}

grpc::Status TariffsService::GetTariffVersion(grpc::ServerContext* context,
                                              const v1::GetTariffVersionRequest* request,
                                              v1::TariffVersion* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        rpc::ParseName(request->name(), kTariffVersionPattern, "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(ids[0])));
    PW_ASSIGN_OR_RETURN(const TariffVersion version, tariffs_.Get(community.id, TariffId(ids[1])));
    *response = ToProto(version, community);
    return absl::OkStatus();
  });
}

grpc::Status TariffsService::ListTariffVersions(grpc::ServerContext* context,
                                                const v1::ListTariffVersionsRequest* request,
                                                v1::ListTariffVersionsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->parent(), kCommunityPattern, "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const absl::Time before, StartsBefore(page));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(auto versions, tariffs_.List(community.id, before, page.size + 1));
    if (versions.size() > static_cast<size_t>(page.size)) {
      versions.pop_back();
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixMicros(versions.back().starts_at))));
    }
    for (const TariffVersion& version : versions) {
      *response->add_tariff_versions() = ToProto(version, community);
    }
    return absl::OkStatus();
  });
}

grpc::Status TariffsInternalService::ListTariffVersionsInForce(
    grpc::ServerContext* context, const v1::ListTariffVersionsInForceRequest* request,
    v1::ListTariffVersionsInForceResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->community(), kCommunityPattern, "community"));
    Interval span{absl::InfinitePast(), absl::InfiniteFuture()};
    if (request->has_start_time()) {
      PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request->start_time(), "start_time"));
    }
    if (request->has_end_time()) {
      PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request->end_time(), "end_time"));
    }
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"settlement"}));
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(const TariffsInForce found, tariffs_.ListInForce(community.id, span));
    for (const TariffVersion& version : found.versions) {
      *response->add_tariff_versions() = ToProto(version, community);
    }
    response->set_version_count(found.version_count);
    return absl::OkStatus();
  });
}

grpc::Status TariffsInternalService::ListTariffVersionCounts(
    grpc::ServerContext* context, const v1::ListTariffVersionCountsRequest*,
    v1::ListTariffVersionCountsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"settlement"}));
    PW_ASSIGN_OR_RETURN(const auto counts, tariffs_.Counts());
    for (const auto& [community, count] : counts) {
      auto& shown = *response->add_counts();
      shown.set_community(absl::StrCat("communities/", community.value()));
      shown.set_version_count(count);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
