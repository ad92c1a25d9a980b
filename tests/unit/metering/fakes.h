#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "services/metering/core/ports.h"

namespace peerwatt::metering::testing {

/// A registry in memory. Safe for many threads.
class FakeDirectory final : public MemberDirectory {
 public:
  void Add(const std::string& point, const std::string& community = "c1",
           int64_t import_capacity_w = 100'000, int64_t export_capacity_w = 100'000,
           bool signed_readings_required = false) {
    const std::lock_guard lock(mutex_);
    members_[MeteringPointId(point)] = {.participant = ParticipantId("p-" + point),
                                        .community = CommunityId(community),
                                        .import_capacity_w = import_capacity_w,
                                        .export_capacity_w = export_capacity_w,
                                        .interval = absl::Minutes(15),
                                        .time_zone = "Europe/Berlin",
                                        .signed_readings_required = signed_readings_required};
  }
  /// The point belongs to another participant from now on.
  void MoveTo(const std::string& point, const std::string& participant) {
    const std::lock_guard lock(mutex_);
    members_.at(MeteringPointId(point)).participant = ParticipantId(participant);
  }
  /// Points that are not remembered cannot be found while the registry is down.
  void SetDown(absl::Status failure, std::vector<std::string> forgotten) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    forgotten_ = std::move(forgotten);
  }
  MemberLookup Find(const std::vector<MeteringPointId>& points) override {
    const std::lock_guard lock(mutex_);
    MemberLookup lookup;
    for (const MeteringPointId& point : points) {
      const bool forgotten =
          std::find(forgotten_.begin(), forgotten_.end(), point.value()) != forgotten_.end();
      if (forgotten) {
        lookup.failure = failure_;
      } else if (const auto member = members_.find(point); member != members_.end()) {
        lookup.members.insert(*member);
      }
    }
    return lookup;
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<MeteringPointId, Member> members_;
  absl::Status failure_;
  std::vector<std::string> forgotten_;
};

/// `count` quarters of a metering point from `start`, the first of `first_wh`, each 1 Wh more.
inline Series Quarters(const std::string& point, absl::Time start, size_t count,
                       int64_t first_wh = 10) {
  Series series{.metering_point = MeteringPointId(point),
                .start = start,
                .resolution = absl::Minutes(15),
                .import_wh = {},
                .export_wh = {},
                .qualities = {}};
  for (size_t i = 0; i < count; ++i) {
    series.import_wh.push_back(first_wh + static_cast<int64_t>(i));
  }
  return series;
}

}  // namespace peerwatt::metering::testing
