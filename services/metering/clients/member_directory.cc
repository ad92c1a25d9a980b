#include "services/metering/clients/member_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kPointsPerRequest = 10'000;
constexpr absl::Duration kTimeout = absl::Seconds(2);
constexpr char kPointPattern[] = "meteringPoints/*";

absl::StatusOr<std::pair<MeteringPointId, Member>> MemberFrom(const registry::v1::Member& proto) {
  PW_ASSIGN_OR_RETURN(std::string point,
                      rpc::ParseName1(proto.metering_point(), kPointPattern, "metering_point"));
  PW_ASSIGN_OR_RETURN(std::string participant,
                      rpc::ParseName1(proto.participant(), "participants/*", "participant"));
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(proto.community(), "communities/*", "community"));
  PW_ASSIGN_OR_RETURN(const absl::Duration interval,
                      rpc::DurationFrom(proto.interval(), "interval"));
  return std::pair(MeteringPointId(std::move(point)),
                   Member{.participant = ParticipantId(std::move(participant)),
                          .community = CommunityId(std::move(community)),
                          .import_capacity_w = proto.import_capacity_w(),
                          .export_capacity_w = proto.export_capacity_w(),
                          .interval = interval,
                          .time_zone = proto.time_zone(),
                          .signed_readings_required = proto.signed_readings_required()});
}

}  // namespace

RegistryMemberDirectory::RegistryMemberDirectory(const std::shared_ptr<grpc::Channel>& channel,
                                                 absl::Duration life)
    : stub_(registry::v1::RegistryInternal::NewStub(channel)),
      life_(absl::ToChronoMicroseconds(life)) {}

std::vector<MeteringPointId> RegistryMemberDirectory::Remembered(
    const std::vector<MeteringPointId>& points, MemberLookup& lookup) {
  std::vector<MeteringPointId> missing;
  {
    const SteadyTime now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (const MeteringPointId& point : points) {
      const auto entry = entries_.find(point);
      if (entry != entries_.end() && entry->second.expires_at > now) {
        lookup.members.emplace(point, entry->second.member);
      } else {
        missing.push_back(point);
      }
    }
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

absl::Status RegistryMemberDirectory::Ask(const MeteringPointId* begin, const MeteringPointId* end,
                                          MemberLookup& lookup) {
  registry::v1::BatchGetMembersRequest request;
  for (const MeteringPointId* point = begin; point != end; ++point) {
    request.add_metering_points(absl::StrCat("meteringPoints/", point->value()));
  }
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::BatchGetMembersResponse response;
  const grpc::Status status = stub_->BatchGetMembers(&context, request, &response);
  if (!status.ok()) {
    // Whatever it is, it is not the fault of who sent the readings: try again.
    return Error(kPeerUnavailable,
                 absl::StrCat("the registry does not answer: ", status.error_message()));
  }
  const SteadyTime expires_at = std::chrono::steady_clock::now() + life_;
  for (const registry::v1::Member& proto : response.members()) {
    auto member = MemberFrom(proto);
    if (!member.ok()) {
      return Error(kPeerUnavailable, absl::StrCat("the registry's answer is not readable: ",
                                                  member.status().message()));
    }
    const std::lock_guard lock(mutex_);
    entries_.insert_or_assign(member->first, Entry{member->second, expires_at});
    lookup.members.insert_or_assign(std::move(member->first), std::move(member->second));
  }
  return absl::OkStatus();
}

MemberLookup RegistryMemberDirectory::Find(const std::vector<MeteringPointId>& points) {
  MemberLookup lookup;
  const std::vector<MeteringPointId> missing = Remembered(points, lookup);
  for (size_t i = 0; i < missing.size() && lookup.failure.ok(); i += kPointsPerRequest) {
    const size_t count = std::min(kPointsPerRequest, missing.size() - i);
    lookup.failure = Ask(missing.data() + i, missing.data() + i + count, lookup);
  }
  return lookup;
}

}  // namespace peerwatt::metering
