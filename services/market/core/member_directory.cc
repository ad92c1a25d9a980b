#include "services/market/core/member_directory.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace peerwatt::market {

std::optional<Member> Neighbourhood::Find(const MeteringPointId& point) const {
  const auto found = members.find(point);
  return found == members.end() ? std::nullopt : std::optional(found->second);
}

ConnectionLimits Neighbourhood::LimitsOf(const GridConnectionId& connection) const {
  const auto found = connections.find(connection);
  return found == connections.end() ? ConnectionLimits() : found->second;
}

absl::StatusOr<MemberDirectory::Found> MemberDirectory::Get(const CommunityId& community,
                                                            absl::Time now) {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(community);
    if (entry != entries_.end() && clock_.Now() - entry->second.asked_at <= age_max_) {
      return Found{entry->second.neighbourhood, false};
    }
  }
  return Ask(community, now);
}

absl::StatusOr<MemberDirectory::Found> MemberDirectory::Ask(const CommunityId& community,
                                                            absl::Time now) {
  const absl::Time asked_at = clock_.Now();
  PW_ASSIGN_OR_RETURN(CommunitySnapshot snapshot, registry_.GetSnapshot(community, now));
  auto made = std::make_shared<Neighbourhood>();
  made->rules = snapshot.rules;
  made->connections = LimitsOfAll(snapshot);
  for (Member& member : snapshot.members) {
    MeteringPointId point = member.metering_point;
    made->members.insert_or_assign(std::move(point), std::move(member));
  }
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[community];
  if (entry.neighbourhood == nullptr || entry.asked_at <= asked_at) {
    entry = {made, asked_at};
  }
  return Found{std::move(made), true};
}

}  // namespace peerwatt::market
