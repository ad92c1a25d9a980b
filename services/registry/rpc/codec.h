#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/rpc/paging.h"
#include "peerwatt/registry/v1/registry.pb.h"
#include "services/registry/core/communities.h"
#include "services/registry/core/devices.h"
#include "services/registry/core/metering_points.h"
#include "services/registry/core/networks.h"
#include "services/registry/core/participants.h"
#include "services/registry/core/users.h"

namespace peerwatt::registry {

// Resource names.
inline constexpr char kUserPattern[] = "users/*";
inline constexpr char kCommunityPattern[] = "communities/*";
inline constexpr char kNetworkPattern[] = "communities/*/networks/*";
inline constexpr char kParticipantPattern[] = "participants/*";
inline constexpr char kMeteringPointPattern[] = "meteringPoints/*";
inline constexpr char kDevicePattern[] = "devices/*";

v1::User ToProto(const User& user);
v1::Session ToProto(const Session& session);
v1::Jwks ToProto(const std::vector<PublicKey>& keys);
v1::Community ToProto(const Community& community);
/// currency: of the tariff's community.
v1::Tariff ToProto(const Tariff& tariff, const std::string& currency);
/// currency: of the network's community.
v1::Network ToProto(const Network& network, const std::string& currency);
v1::Participant ToProto(const Participant& participant);
v1::MeteringPoint ToProto(const MeteringPoint& point);
v1::Device ToProto(const Device& device);
v1::DeviceCertificate ToProto(const IssuedCertificate& certificate,
                              const std::string& authority_pem);
v1::ResolveDeviceResponse ToProto(const ResolvedDevice& resolved);
v1::Member ToProto(const Member& member);
v1::CommunitySnapshot ToProto(const CommunitySnapshot& snapshot);
v1::ParticipantContext ToProto(const ParticipantContext& context);

/// Reads what a client may set; the rest is the service's. Errors: FIELD_INVALID when a field is
/// missing or cannot be read; whether its value is allowed is for the core to say.
absl::StatusOr<NewUser> NewUserFrom(const v1::CreateUserRequest& request);
absl::StatusOr<Community> CommunityFrom(const v1::CreateCommunityRequest& request);
/// community: the tariff's, whose currency the prices must have.
absl::StatusOr<Tariff> TariffFrom(const v1::CreateTariffRequest& request,
                                  const Community& community);
/// community: the network's, whose currency the fees must have.
absl::StatusOr<Network> NetworkFrom(const v1::CreateNetworkRequest& request,
                                    const Community& community);
absl::StatusOr<Participant> ParticipantFrom(const v1::CreateParticipantRequest& request);
absl::StatusOr<MeteringPoint> MeteringPointFrom(const v1::CreateMeteringPointRequest& request);
absl::StatusOr<Device> DeviceFrom(const v1::CreateDeviceRequest& request);
/// Reads the filter of a list.
absl::StatusOr<ParticipantFilter> FilterFrom(const v1::ListParticipantsRequest& request);

/// As rpc::ReadPage, for pages that end with an id. Errors: also PAGE_TOKEN_INVALID for another
/// text.
absl::StatusOr<rpc::Page> ReadIdPage(const google::protobuf::Message& request);

/// Where a page of what is listed newest first ends, exclusive: pages end with a start.
/// Errors: PAGE_TOKEN_INVALID.
absl::StatusOr<absl::Time> StartsBefore(const rpc::Page& page);

/// As rpc::CutToPage, for pages that end with an id. Returns the token of the next page, or empty.
template <typename Item>
std::string CutToIdPage(const google::protobuf::Message& request, const rpc::Page& page,
                        std::vector<Item>& items) {
  if (!rpc::CutToPage(page, items)) return "";
  return rpc::NextPageToken(request, items.back().id.value());
}

}  // namespace peerwatt::registry
