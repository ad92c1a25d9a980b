#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Asks the registry for metering points and remembers the known ones for a while of real time.
/// An unknown one is asked for again, since it may be registered at any moment. Safe for many
/// threads.
class RegistryMemberDirectory final : public MemberDirectory {
 public:
  /// life: how long an answer counts.
  explicit RegistryMemberDirectory(const std::shared_ptr<grpc::Channel>& channel,
                                   absl::Duration life = absl::Seconds(30));
  /// Errors in `failure`: PEER_UNAVAILABLE, whatever the registry's trouble is.
  MemberLookup Find(const std::vector<MeteringPointId>& points) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Entry {
    Member member;
    SteadyTime expires_at;
  };

  /// Fills what is remembered into `lookup` and returns the rest, each once.
  std::vector<MeteringPointId> Remembered(const std::vector<MeteringPointId>& points,
                                          MemberLookup& lookup);
  /// Asks for at most one request's worth of points.
  absl::Status Ask(const MeteringPointId* begin, const MeteringPointId* end, MemberLookup& lookup);

  const std::unique_ptr<registry::v1::RegistryInternal::StubInterface> stub_;
  const std::chrono::steady_clock::duration life_;
  std::mutex mutex_;
  absl::flat_hash_map<MeteringPointId, Entry> entries_;
};

}  // namespace peerwatt::metering
