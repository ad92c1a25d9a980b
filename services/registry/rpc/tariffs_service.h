#pragma once

#include "libs/base/clock.h"
#include "peerwatt/registry/v1/tariffs.grpc.pb.h"
#include "services/registry/core/tariff_versions.h"

namespace peerwatt::registry {

/// The public API of versions of tariffs. The gateway has checked the roles of the caller; they are
/// checked again here.
class TariffsService final : public v1::Tariffs::Service {
 public:
  /// clock: of the community; perhaps simulated.
  TariffsService(CommunityStore& communities, TariffVersionStore& tariffs, const Clock& clock)
      : communities_(communities), tariffs_(tariffs), clock_(clock) {}

  grpc::Status CreateTariffVersion(grpc::ServerContext* context,
                                   const v1::CreateTariffVersionRequest* request,
                                   v1::TariffVersion* response) override;
  grpc::Status GetTariffVersion(grpc::ServerContext* context,
                                const v1::GetTariffVersionRequest* request,
                                v1::TariffVersion* response) override;
  grpc::Status ListTariffVersions(grpc::ServerContext* context,
                                  const v1::ListTariffVersionsRequest* request,
                                  v1::ListTariffVersionsResponse* response) override;

 private:
  CommunityStore& communities_;
  TariffVersionStore& tariffs_;
  const Clock& clock_;
};

/// What settlement asks about tariffs.
class TariffsInternalService final : public v1::TariffsInternal::Service {
 public:
  TariffsInternalService(CommunityStore& communities, TariffVersionStore& tariffs)
      : communities_(communities), tariffs_(tariffs) {}

  grpc::Status ListTariffVersionsInForce(grpc::ServerContext* context,
                                         const v1::ListTariffVersionsInForceRequest* request,
                                         v1::ListTariffVersionsInForceResponse* response) override;
  grpc::Status ListTariffVersionCounts(grpc::ServerContext* context,
                                       const v1::ListTariffVersionCountsRequest* request,
                                       v1::ListTariffVersionCountsResponse* response) override;

 private:
  CommunityStore& communities_;
  TariffVersionStore& tariffs_;
};

}  // namespace peerwatt::registry
