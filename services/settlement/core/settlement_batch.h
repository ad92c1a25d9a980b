#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/settlement/core/batch_settler.h"

namespace peerwatt::settlement {

/// What the periods of one batch depend on, as pulled from the peers.
struct BatchSettler::Batch {
  const CommunityRules& rules;
  const std::vector<absl::Time>& starts;
  const RunRecord& record;
  Interval span;
  CommunitySnapshot first;  ///< at the first period
  std::map<absl::Time, CommunitySnapshot> own;  ///< where tariffs or members change within it
  std::vector<MeteringPointId> points;
  absl::flat_hash_map<MeteringPointId, size_t> row_of;  ///< index into `points`
  std::vector<Scheme> schemes;                  ///< in force within the batch, by start
  ReadingGrid readings;
  std::optional<ReadingGrid> day_before;
  std::map<absl::Time, std::vector<Trade>> trades;  ///< by period that need not wait for trades
  std::map<absl::Time, Money> welfare;              ///< of the trades of a period
  bool has_outcomes = false;                        ///< the market was asked

  /// All points that are members at any time of the batch; each once.
  void CollectPoints() {
    const auto collect = [&](const CommunitySnapshot& snapshot) {
      for (const Member& member : snapshot.members) {
        if (row_of.try_emplace(member.point, points.size()).second) points.push_back(member.point);
      }
    };
    collect(first);
    for (const auto& [start, snapshot] : own) collect(snapshot);
  }
  /// The readings of one period out of a grid, by the members of that period.
  PeriodReadings ReadingsAt(const ReadingGrid& grid, absl::Time start) const {
    const auto index = static_cast<size_t>((start - span.start) / rules.interval);
    const std::vector<Member>& members = SnapshotOf(start).members;
    PeriodReadings found;
    found.reserve(members.size());
    for (const Member& member : members) {
      PointReading& reading =
          found.emplace_back(Screened(grid.readings.at(row_of.at(member.point)).at(index)));
      reading.expected = member.joined_at <= start;
    }
    return found;
  }
  PeriodReadings ReadingsOf(absl::Time start) const { return ReadingsAt(readings, start); }
  PeriodReadings ReadingsADayBefore(absl::Time start) const {
    if (!day_before.has_value()) return {};
    return ReadingsAt(*day_before, start);
  }
  const CommunitySnapshot& SnapshotOf(absl::Time start) const {
    const auto found = own.find(start);
    return found == own.end() ? first : found->second;
  }
  int64_t Cursor() const {
    return day_before.has_value() ? std::min(readings.cursor, day_before->cursor)
                                  : readings.cursor;
  }
};

}  // namespace peerwatt::settlement
