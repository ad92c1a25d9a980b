#pragma once

#include <string>

#include "peerwatt/settlement/v1/kpis.grpc.pb.h"
#include "services/settlement/core/billing/kpi_report.h"
#include "services/settlement/core/ledgers.h"

namespace peerwatt::settlement {

/// Figures of households and communities, through the gateway.
class KpisService final : public v1::Kpis::Service {
 public:
  KpisService(KpiReader& reader, Ledgers& ledgers) : reader_(reader), ledgers_(ledgers) {}

  grpc::Status GetHouseholdKpis(grpc::ServerContext* context,
                                const v1::GetHouseholdKpisRequest* request,
                                v1::HouseholdKpis* response) override;
  grpc::Status GetCommunityKpis(grpc::ServerContext* context,
                                const v1::GetCommunityKpisRequest* request,
                                v1::CommunityKpis* response) override;
  grpc::Status ListHouseholdKpis(grpc::ServerContext* context,
                                 const v1::ListHouseholdKpisRequest* request,
                                 v1::ListHouseholdKpisResponse* response) override;

 private:
  KpiReader& reader_;
  Ledgers& ledgers_;
};

}  // namespace peerwatt::settlement
