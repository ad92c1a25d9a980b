#include "services/registry/rpc/internal_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/registry/core/errors.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

constexpr int kDevicesMax = 1000;
constexpr int kMembersMax = 10'000;
constexpr int kCommunitiesPerRead = 1000;
constexpr size_t kSerialDigitsMax = 40;  // 20 bytes, RFC 5280

absl::Status RequireService(const grpc::ServerContext& context) {
  return rpc::RequirePeer(context, {"gateway", "metering", "market", "settlement"});
}

absl::StatusOr<ShownCertificate> ShownFrom(const v1::ResolveDeviceRequest& request,
                                           const std::string& path) {
  PW_ASSIGN_OR_RETURN(std::string id,
                      rpc::ParseName1(request.name(), kDevicePattern, absl::StrCat(path, "name")));
  const std::string& serial = request.certificate_serial();
  if (serial.empty() || serial.size() > kSerialDigitsMax ||
      serial.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return FieldInvalid(absl::StrCat(path, "certificate_serial"),
                        "must be 1 to 40 lower-case hexadecimal digits");
  }
  return ShownCertificate{DeviceId(std::move(id)), serial};
}

}  // namespace

grpc::Status RegistryInternalService::ResolveDevice(grpc::ServerContext* context,
                                                    const v1::ResolveDeviceRequest* request,
                                                    v1::ResolveDeviceResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const ShownCertificate shown, ShownFrom(*request, ""));
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const auto resolved, devices_.Resolve({shown}));
    if (!resolved[0].has_value()) {
      return Error(kDeviceUnknown, "there is no such device", {{"device", shown.device.value()}});
    }
    *response = ToProto(*resolved[0]);
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::BatchResolveDevices(
    grpc::ServerContext* context, const v1::BatchResolveDevicesRequest* request,
    v1::BatchResolveDevicesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    if (request->requests_size() > kDevicesMax) {
      return FieldInvalid("requests", "must name at most 1000 devices");
    }
    std::vector<ShownCertificate> shown;
    for (int i = 0; i < request->requests_size(); ++i) {
      PW_ASSIGN_OR_RETURN(shown.emplace_back(),
                          ShownFrom(request->requests(i), absl::StrCat("requests[", i, "].")));
    }
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const auto resolved, devices_.Resolve(shown));
    for (const auto& device : resolved) {
      *response->add_devices() = device ? ToProto(*device) : v1::ResolveDeviceResponse();
    }
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::ListDeviceCertificates(
    grpc::ServerContext* context, const v1::ListDeviceCertificatesRequest* request,
    v1::ListDeviceCertificatesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->name(), kDevicePattern, "name"));
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(std::vector<std::string> certificates,
                        devices_.ListCertificates(DeviceId(std::move(id)), real_clock_.Now()));
    for (std::string& pem : certificates) response->add_certificate_pems(std::move(pem));
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::BatchGetMembers(grpc::ServerContext* context,
                                                      const v1::BatchGetMembersRequest* request,
                                                      v1::BatchGetMembersResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    if (request->metering_points_size() > kMembersMax) {
      return FieldInvalid("metering_points", "must name at most 10000 metering points");
    }
    std::vector<MeteringPointId> ids;
    for (const std::string& name : request->metering_points()) {
      PW_ASSIGN_OR_RETURN(std::string id,
                          rpc::ParseName1(name, kMeteringPointPattern, "metering_points"));
      ids.emplace_back(std::move(id));
    }
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const auto members, metering_points_.BatchGetMembers(ids));
    for (const Member& member : members) *response->add_members() = ToProto(member);
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::GetCommunitySnapshot(
    grpc::ServerContext* context, const v1::GetCommunitySnapshotRequest* request,
    v1::CommunitySnapshot* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->community(), kCommunityPattern, "community"));
    if (!request->has_time()) return FieldInvalid("time", "is required");
    PW_ASSIGN_OR_RETURN(const absl::Time time, rpc::TimeFrom(request->time(), "time"));
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                        communities_.Snapshot(CommunityId(id), time));
    *response = ToProto(snapshot);
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::GetParticipantContext(
    grpc::ServerContext* context, const v1::GetParticipantContextRequest* request,
    v1::ParticipantContext* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        const std::string id,
        rpc::ParseName1(request->participant(), kParticipantPattern, "participant"));
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const ParticipantContext found,
                        participants_.GetContext(ParticipantId(id)));
    *response = ToProto(found);
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::ListCommunityRules(grpc::ServerContext* context,
                                                         const v1::ListCommunityRulesRequest*,
                                                         v1::ListCommunityRulesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(RequireService(*context));
    std::vector<Community> read;
    CommunityId last;
    do {
      PW_ASSIGN_OR_RETURN(read, communities_.List(last, kCommunitiesPerRead));
      for (const Community& community : read) *response->add_communities() = ToProto(community);
      if (!read.empty()) last = read.back().id;
    } while (read.size() == kCommunitiesPerRead);
    return absl::OkStatus();
  });
}

grpc::Status RegistryInternalService::ListNetworksInForce(
    grpc::ServerContext* context, const v1::ListNetworksInForceRequest* request,
    v1::ListNetworksInForceResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->community(), kCommunityPattern, "community"));
    Interval span;
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request->start_time(), "start_time"));
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request->end_time(), "end_time"));
    PW_RETURN_IF_ERROR(RequireService(*context));
    PW_ASSIGN_OR_RETURN(const Community community, communities_.Get(CommunityId(id)));
    PW_ASSIGN_OR_RETURN(const std::vector<Network> networks,
                        networks_.ListInForce(community.id, span));
    for (const Network& network : networks) {
      *response->add_networks() = ToProto(network, community.currency_code);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
