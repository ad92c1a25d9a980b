#pragma once

#include <memory>

#include <grpcpp/grpcpp.h>

#include "absl/time/time.h"
#include "peerwatt/metering/v1/forecast.grpc.pb.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "peerwatt/registry/v1/schemes.grpc.pb.h"
#include "peerwatt/settlement/v1/settlement.grpc.pb.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// Longest wait for a peer's answer. Callers decide whether to ask again.
inline constexpr absl::Duration kPeerTimeout = absl::Seconds(5);
/// The same for a whole community, which may have 100,000 metering points.
inline constexpr absl::Duration kSnapshotTimeout = absl::Seconds(30);
/// The same for forecasts, for which metering reads weeks of each metering point.
inline constexpr absl::Duration kForecastTimeout = absl::Seconds(30);

/// The registry over gRPC.
class RegistryClient final : public Registry {
 public:
  explicit RegistryClient(const std::shared_ptr<grpc::Channel>& channel);
  absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() override;
  absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& community,
                                                absl::Time time) override;
  absl::StatusOr<std::optional<Member>> FindMember(const MeteringPointId& point) override;
  absl::StatusOr<ParticipantContext> GetParticipant(const ParticipantId& participant) override;
  absl::StatusOr<std::vector<NetworkVersion>> ListNetworks(const CommunityRules& rules,
                                                           Interval span) override;
  absl::StatusOr<std::vector<TradingPhase>> ListPhases(const CommunityRules& rules,
                                                       Interval span) override;

 private:
  std::unique_ptr<peerwatt::registry::v1::RegistryInternal::Stub> stub_;
  std::unique_ptr<peerwatt::registry::v1::SchemesInternal::Stub> schemes_;
};

/// Metering over gRPC.
class MeteringClient final : public Metering {
 public:
  explicit MeteringClient(const std::shared_ptr<grpc::Channel>& channel);
  absl::StatusOr<ForecastsByPoint> ForecastInterval(const std::vector<MeteringPointId>& points,
                                                    Interval interval,
                                                    absl::Time data_end) override;

 private:
  std::unique_ptr<peerwatt::metering::v1::ForecastsInternal::Stub> stub_;
};

/// Settlement over gRPC.
class SettlementClient final : public Settlement {
 public:
  explicit SettlementClient(const std::shared_ptr<grpc::Channel>& channel);
  absl::StatusOr<std::vector<std::string>> CreateHolds(const CommunityId& community,
                                                       const std::vector<Hold>& holds) override;
  absl::StatusOr<std::vector<std::string>> CheckHolds(const CommunityId& community,
                                                      const std::vector<Hold>& holds) override;
  absl::Status ReduceHolds(const AuctionKey& auction,
                           const std::vector<HoldReduction>& reductions) override;

 private:
  absl::StatusOr<std::vector<std::string>> Ask(const CommunityId& community,
                                               const std::vector<Hold>& holds, bool keep);

  std::unique_ptr<peerwatt::settlement::v1::SettlementInternal::Stub> stub_;
};

}  // namespace peerwatt::market
