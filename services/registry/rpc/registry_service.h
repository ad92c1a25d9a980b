#pragma once

#include <functional>
#include <initializer_list>

#include "libs/base/clock.h"
#include "libs/rpc/security.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/registry/core/communities.h"
#include "services/registry/core/devices.h"
#include "services/registry/core/metering_points.h"
#include "services/registry/core/networks.h"
#include "services/registry/core/participants.h"
#include "services/registry/core/users.h"

namespace peerwatt::registry {

inline constexpr char kErrorDomain[] = "registry.peerwatt.dev";

/// What the registry's doors open to.
struct Rooms {
  Accounts& accounts;
  AccessTokens& tokens;
  CommunityStore& communities;
  ParticipantStore& participants;
  MeteringPointStore& metering_points;
  Devices& devices;
  DeviceStore& device_store;
  NetworkStore& networks;
  const Clock& clock;       ///< of the community; perhaps simulated
  const Clock& real_clock;  ///< for tokens and certificates
};

/// The public API. The gateway has checked the roles of the caller; they are checked again here,
/// with who owns what.
class RegistryService final : public v1::Registry::Service {
 public:
  explicit RegistryService(const Rooms& rooms) : rooms_(rooms) {}

  grpc::Status CreateUser(grpc::ServerContext* context, const v1::CreateUserRequest* request,
                          v1::User* response) override;
  grpc::Status GetUser(grpc::ServerContext* context, const v1::GetUserRequest* request,
                       v1::User* response) override;
  grpc::Status SignIn(grpc::ServerContext* context, const v1::SignInRequest* request,
                      v1::Session* response) override;
  grpc::Status RefreshSession(grpc::ServerContext* context,
                              const v1::RefreshSessionRequest* request,
                              v1::Session* response) override;
  grpc::Status GetJwks(grpc::ServerContext* context, const v1::GetJwksRequest* request,
                       v1::Jwks* response) override;

  grpc::Status CreateCommunity(grpc::ServerContext* context,
                               const v1::CreateCommunityRequest* request,
                               v1::Community* response) override;
  grpc::Status GetCommunity(grpc::ServerContext* context, const v1::GetCommunityRequest* request,
                            v1::Community* response) override;
  grpc::Status ListCommunities(grpc::ServerContext* context,
                               const v1::ListCommunitiesRequest* request,
                               v1::ListCommunitiesResponse* response) override;
  grpc::Status CreateTariff(grpc::ServerContext* context, const v1::CreateTariffRequest* request,
                            v1::Tariff* response) override;
  grpc::Status ListTariffs(grpc::ServerContext* context, const v1::ListTariffsRequest* request,
                           v1::ListTariffsResponse* response) override;

  grpc::Status CreateNetwork(grpc::ServerContext* context, const v1::CreateNetworkRequest* request,
                             v1::Network* response) override;
  grpc::Status GetNetwork(grpc::ServerContext* context, const v1::GetNetworkRequest* request,
                          v1::Network* response) override;
  grpc::Status ListNetworks(grpc::ServerContext* context, const v1::ListNetworksRequest* request,
                            v1::ListNetworksResponse* response) override;

  grpc::Status CreateParticipant(grpc::ServerContext* context,
                                 const v1::CreateParticipantRequest* request,
                                 v1::Participant* response) override;
  grpc::Status GetParticipant(grpc::ServerContext* context,
                              const v1::GetParticipantRequest* request,
                              v1::Participant* response) override;
  grpc::Status ListParticipants(grpc::ServerContext* context,
                                const v1::ListParticipantsRequest* request,
                                v1::ListParticipantsResponse* response) override;
  grpc::Status SubmitParticipantKyc(grpc::ServerContext* context,
                                    const v1::SubmitParticipantKycRequest* request,
                                    v1::Participant* response) override;
  grpc::Status ReviewParticipantKyc(grpc::ServerContext* context,
                                    const v1::ReviewParticipantKycRequest* request,
                                    v1::Participant* response) override;
  grpc::Status ApproveParticipantKyc(grpc::ServerContext* context,
                                     const v1::ApproveParticipantKycRequest* request,
                                     v1::Participant* response) override;
  grpc::Status RejectParticipantKyc(grpc::ServerContext* context,
                                    const v1::RejectParticipantKycRequest* request,
                                    v1::Participant* response) override;
  grpc::Status ExpireParticipantKyc(grpc::ServerContext* context,
                                    const v1::ExpireParticipantKycRequest* request,
                                    v1::Participant* response) override;

  grpc::Status CreateMeteringPoint(grpc::ServerContext* context,
                                   const v1::CreateMeteringPointRequest* request,
                                   v1::MeteringPoint* response) override;
  grpc::Status GetMeteringPoint(grpc::ServerContext* context,
                                const v1::GetMeteringPointRequest* request,
                                v1::MeteringPoint* response) override;
  grpc::Status ListMeteringPoints(grpc::ServerContext* context,
                                  const v1::ListMeteringPointsRequest* request,
                                  v1::ListMeteringPointsResponse* response) override;

  grpc::Status AssignMeteringPointZone(grpc::ServerContext* context,
                                       const v1::AssignMeteringPointZoneRequest* request,
                                       v1::MeteringPoint* response) override;

  grpc::Status CreateDevice(grpc::ServerContext* context, const v1::CreateDeviceRequest* request,
                            v1::CreateDeviceResponse* response) override;
  grpc::Status GetDevice(grpc::ServerContext* context, const v1::GetDeviceRequest* request,
                         v1::Device* response) override;
  grpc::Status ListDevices(grpc::ServerContext* context, const v1::ListDevicesRequest* request,
                           v1::ListDevicesResponse* response) override;
  grpc::Status EnrolDevice(grpc::ServerContext* context, const v1::EnrolDeviceRequest* request,
                           v1::DeviceCertificate* response) override;
  grpc::Status RenewDeviceCertificate(grpc::ServerContext* context,
                                      const v1::RenewDeviceCertificateRequest* request,
                                      v1::DeviceCertificate* response) override;
  grpc::Status RevokeDevice(grpc::ServerContext* context, const v1::RevokeDeviceRequest* request,
                            v1::Device* response) override;

 private:
  /// Takes a step of the identity check, decoded and authorised.
  absl::Status TakeStep(const rpc::Principal& caller, const std::string& participant,
                        const KycRequest& request, v1::Participant* response);

  Rooms rooms_;
};

/// Errors: PERMISSION_DENIED unless the caller has one of the roles.
absl::Status RequireRole(const rpc::Principal& caller, std::initializer_list<rpc::Role> roles);

/// The instant on a clock, to the microsecond that is stored.
absl::Time StoredNow(const Clock& clock);

}  // namespace peerwatt::registry
