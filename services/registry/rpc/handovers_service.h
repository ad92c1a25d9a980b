#pragma once

#include "libs/base/clock.h"
#include "peerwatt/registry/v1/handovers.grpc.pb.h"
#include "services/registry/core/handovers.h"

namespace peerwatt::registry {

/// The public API of handovers. The gateway has checked the roles of the caller; they are checked
/// again here.
class HandoversService final : public v1::Handovers::Service {
 public:
  /// clock: of the community; perhaps simulated.
  HandoversService(HandoverStore& handovers, const Clock& clock)
      : handovers_(handovers), clock_(clock) {}

  grpc::Status HandOverMeteringPoint(grpc::ServerContext* context,
                                     const v1::HandOverMeteringPointRequest* request,
                                     v1::MeteringPointHandover* response) override;

 private:
  HandoverStore& handovers_;
  const Clock& clock_;
};

/// What settlement asks about who held metering points when.
class HandoversInternalService final : public v1::HandoversInternal::Service {
 public:
  explicit HandoversInternalService(HandoverStore& handovers) : handovers_(handovers) {}

  grpc::Status GetMembership(grpc::ServerContext* context, const v1::GetMembershipRequest* request,
                             v1::Membership* response) override;

 private:
  HandoverStore& handovers_;
};

}  // namespace peerwatt::registry
