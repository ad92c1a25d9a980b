#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/charges.h"
#include "services/settlement/core/tariff.h"

namespace peerwatt::settlement {

/// What the periods of one batch depend on, as pulled from the peers.
struct BatchSettler::Batch {
  const CommunityRules& rules;
  const std::vector<absl::Time>& starts;
  const RunRecord& record;
  Interval span;
  CommunitySnapshot first{};  ///< at the first period
  std::map<absl::Time, CommunitySnapshot> own{};  ///< where members change within it
  Tariffs tariffs{};  ///< in force within the batch, as of now
  std::vector<MeteringPointId> points{};
  /// Indexes into `points`.
  struct Rows {
    std::vector<size_t> members;
    std::vector<size_t> boundaries;
  };
  Rows first_rows{};                         ///< of `first`
  std::map<absl::Time, Rows> own_rows{};     ///< of `own`
  std::vector<Scheme> schemes{};                ///< in force within the batch, by start
  ReadingGrid readings{};                  ///< what is in the grid moves to the next
  std::map<absl::Time, PeriodReadings> readings_of{};
  std::map<absl::Time, PeriodReadings> boundary_of{};
  std::optional<ReadingGrid> day_before{};
  std::map<absl::Time, PeriodReadings> day_before_of{};
  PeriodReadings nothing{};
  std::map<absl::Time, std::vector<Trade>> trades{};  ///< by period that need not wait for trades
  std::map<absl::Time, Money> welfare{};            ///< of the trades of a period
  bool has_outcomes = false;                        ///< the market was asked

  /// All points that are members or boundaries at any time of the batch; each once.
  void CollectPoints() {
    absl::flat_hash_map<MeteringPointId, size_t> row_of;
    const auto rows_of = [&](const std::vector<Member>& members) {
      std::vector<size_t> rows;
      rows.reserve(members.size());
      for (const Member& member : members) {
        const auto [row, is_new] = row_of.try_emplace(member.point, points.size());
        if (is_new) points.push_back(member.point);
        rows.push_back(row->second);
      }
      return rows;
    };
    const auto collect = [&](const CommunitySnapshot& snapshot) {
      return Rows{rows_of(snapshot.members), rows_of(snapshot.boundaries)};
    };
    first_rows = collect(first);
    for (const auto& [start, snapshot] : own) own_rows[start] = collect(snapshot);
  }
  /// Takes what was read of members and boundaries apart by period. The grid has none then.
  void TakeReadings() {
    readings_of = ByPeriod(readings, &CommunitySnapshot::members, &Rows::members);
    boundary_of = ByPeriod(readings, &CommunitySnapshot::boundaries, &Rows::boundaries);
    readings.readings.clear();
  }
  /// The same of what members measured a day before.
  void TakeReadingsADayBefore() {
    day_before_of = ByPeriod(*day_before, &CommunitySnapshot::members, &Rows::members);
    day_before->readings.clear();
  }
  const PeriodReadings& ReadingsOf(absl::Time start) const { return readings_of.at(start); }
  const PeriodReadings& BoundaryOf(absl::Time start) const { return boundary_of.at(start); }
  /// Empty when they are not needed.
  const PeriodReadings& ReadingsADayBefore(absl::Time start) const {
    return day_before.has_value() ? day_before_of.at(start) : nothing;
  }
  const CommunitySnapshot& SnapshotOf(absl::Time start) const {
    const auto found = own.find(start);
    return found == own.end() ? first : found->second;
  }
  /// What energy of the main grid costs in a period.
  GridTariff PricesAt(absl::Time start) const {
    return PricesOf(TariffAt(tariffs.versions, start), start, rules.time_zone);
  }
  /// What is charged in a period besides energy. The batch outlives it.
  ChargeInput ChargesAt(absl::Time start) const {
    const CommunitySnapshot& snapshot = SnapshotOf(start);
    return {TariffAt(tariffs.versions, start), snapshot.members,
            snapshot.former,                   {start, start + rules.interval},
            rules.time_zone,                   rules.trading_start};
  }
  int64_t Cursor() const {
    return day_before.has_value() ? std::min(readings.cursor, day_before->cursor)
                                  : readings.cursor;
  }

 private:
  std::map<absl::Time, PeriodReadings> ByPeriod(
      const ReadingGrid& grid, std::vector<Member> CommunitySnapshot::*part,
      std::vector<size_t> Rows::*rows_of_part) const {
    std::map<absl::Time, PeriodReadings> periods;
    for (const absl::Time start : starts) {
      const auto index = static_cast<size_t>((start - span.start) / rules.interval);
      const std::vector<Member>& members = SnapshotOf(start).*part;
      const auto rows = own_rows.find(start);
      const std::vector<size_t>& row_of =
          (rows == own_rows.end() ? first_rows : rows->second).*rows_of_part;
      PeriodReadings& found = periods[start];
      found.reserve(members.size());
      for (size_t i = 0; i < members.size(); ++i) {
        PointReading& reading = found.emplace_back(Screened(grid.readings[row_of[i]].at(index)));
        reading.expected = members[i].joined_at <= start;
      }
    }
    return periods;
  }
};

}  // namespace peerwatt::settlement
