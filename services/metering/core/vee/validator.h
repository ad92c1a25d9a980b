#pragma once

#include <map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// How a validator goes about it.
struct ValidatorOptions {
  /// How long after its end a day without later readings is waited for before its gaps count.
  absl::Duration grace = absl::Hours(6);
  int32_t changes_max = 10'000;  ///< Changes, due points and wishes of one step.
  int32_t points_max = 100;
  int32_t wishes_max = 100;
  int days_max = 31;           ///< Days of one point in one step.
};

/// Examines local days of metering points as they end, and again when readings of them change.
///
/// A point is declared from its first reading on. A day is examined when it is over and the point
/// has later readings, or `grace` has passed; then all rules apply to it, and the spans between
/// register values that overlap it are judged. A change in a day that was examined takes the point
/// back to that day: everything from there on is examined again, since later days look at earlier
/// ones. What is stored depends on stored data and the time only. Many validators may run: one
/// commits.
class Validator {
 public:
  Validator(ReadingStore& readings, RegisterStore& registers, FindingStore& findings,
            MemberDirectory& directory, const ValidatorOptions& options)
      : readings_(readings),
        registers_(registers),
        findings_(findings),
        directory_(directory),
        options_(options) {}

  /// Follows the next changes and examines what is due at `now`; costs three look-ups when there
  /// is nothing. Returns whether there may be more to do at once.
  /// Errors: DATABASE_UNAVAILABLE, PEER_UNAVAILABLE; nothing is stored then.
  absl::StatusOr<bool> Step(absl::Time now);

 private:
  /// Points by what is known of them; those that the registry does not know are left out.
  struct Scene {
    absl::flat_hash_map<MeteringPointId, Member> members;
    std::map<MeteringPointId, PointState> states;
  };

  absl::StatusOr<Scene> Load(const std::vector<Change>& changes,
                             const std::vector<WantedExamination>& wanted,
                             const std::vector<PointState>& due);
  void Follow(const std::vector<Change>& changes, Scene& scene) const;
  void Fulfil(const std::vector<WantedExamination>& wanted, Scene& scene) const;
  /// Takes a point back to the day in which `span` starts, if that was examined.
  static void Rewind(const Member& member, Interval span, PointState& state);
  absl::Status Examine(const std::vector<PointState>& due, absl::Time now, Scene& scene,
                       ValidatorStep& step);
  absl::Time DueAt(const PointState& state, const Member& member) const;

  ReadingStore& readings_;
  RegisterStore& registers_;
  FindingStore& findings_;
  MemberDirectory& directory_;
  const ValidatorOptions options_;
};

}  // namespace peerwatt::metering
