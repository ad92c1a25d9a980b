#pragma once

#include <map>
#include <memory>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "peerwatt/registry/v1/handovers.grpc.pb.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "peerwatt/registry/v1/schemes.grpc.pb.h"
#include "peerwatt/registry/v1/tariffs.grpc.pb.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Asks the registry over gRPC.
class RegistryClient final : public RegistryPort {
 public:
  explicit RegistryClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(registry::v1::RegistryInternal::NewStub(channel)),
        schemes_(registry::v1::SchemesInternal::NewStub(channel)),
        handovers_(registry::v1::HandoversInternal::NewStub(channel)),
        tariffs_(registry::v1::TariffsInternal::NewStub(channel)) {}

  absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() override;
  absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& community,
                                                absl::Time time) override;
  absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& participant) override;
  absl::StatusOr<std::vector<Scheme>> ListSchemes(const CommunityRules& rules,
                                                  Interval span) override;
  absl::StatusOr<Tariffs> ListTariffs(const CommunityRules& rules, Interval span) override;
  absl::StatusOr<std::map<CommunityId, int64_t>> ListTariffCounts() override;

 private:
  /// Fills in who was responsible for which point at an instant.
  absl::Status ReadMembership(const CommunityId& community, absl::Time time,
                              CommunitySnapshot& snapshot);

  std::unique_ptr<registry::v1::RegistryInternal::Stub> stub_;
  std::unique_ptr<registry::v1::SchemesInternal::Stub> schemes_;
  std::unique_ptr<registry::v1::HandoversInternal::Stub> handovers_;
  std::unique_ptr<registry::v1::TariffsInternal::Stub> tariffs_;
};

}  // namespace peerwatt::settlement
