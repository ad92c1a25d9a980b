#pragma once

#include "libs/base/clock.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/registry/core/communities.h"
#include "services/registry/core/devices.h"
#include "services/registry/core/metering_points.h"
#include "services/registry/core/networks.h"
#include "services/registry/core/participants.h"

namespace peerwatt::registry {

/// What the other services ask. Only gateway, metering, market and settlement are answered.
class RegistryInternalService final : public v1::RegistryInternal::Service {
 public:
  RegistryInternalService(CommunityStore& communities, ParticipantStore& participants,
                          MeteringPointStore& metering_points, DeviceStore& devices,
                          NetworkStore& networks, const Clock& real_clock)
      : communities_(communities),
        participants_(participants),
        metering_points_(metering_points),
        devices_(devices),
        networks_(networks),
        real_clock_(real_clock) {}

  grpc::Status ResolveDevice(grpc::ServerContext* context, const v1::ResolveDeviceRequest* request,
                             v1::ResolveDeviceResponse* response) override;
  grpc::Status BatchResolveDevices(grpc::ServerContext* context,
                                   const v1::BatchResolveDevicesRequest* request,
                                   v1::BatchResolveDevicesResponse* response) override;
  grpc::Status ListDeviceCertificates(grpc::ServerContext* context,
                                      const v1::ListDeviceCertificatesRequest* request,
                                      v1::ListDeviceCertificatesResponse* response) override;
  grpc::Status BatchGetMembers(grpc::ServerContext* context,
                               const v1::BatchGetMembersRequest* request,
                               v1::BatchGetMembersResponse* response) override;
  grpc::Status GetCommunitySnapshot(grpc::ServerContext* context,
                                    const v1::GetCommunitySnapshotRequest* request,
                                    v1::CommunitySnapshot* response) override;
  grpc::Status GetParticipantContext(grpc::ServerContext* context,
                                     const v1::GetParticipantContextRequest* request,
                                     v1::ParticipantContext* response) override;
  grpc::Status ListCommunityRules(grpc::ServerContext* context,
                                  const v1::ListCommunityRulesRequest* request,
                                  v1::ListCommunityRulesResponse* response) override;
  grpc::Status ListNetworksInForce(grpc::ServerContext* context,
                                   const v1::ListNetworksInForceRequest* request,
                                   v1::ListNetworksInForceResponse* response) override;

 private:
  CommunityStore& communities_;
  ParticipantStore& participants_;
  MeteringPointStore& metering_points_;
  DeviceStore& devices_;
  NetworkStore& networks_;
  const Clock& real_clock_;
};

}  // namespace peerwatt::registry
