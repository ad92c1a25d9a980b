#include "services/metering/core/vee/register_ingest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/vee/registers.h"
#include "services/metering/core/vee/split.h"

namespace peerwatt::metering {
namespace {

constexpr int kSettleRounds = 5;

/// The spans of a batch's register values by point, widened to what a value can change.
std::map<MeteringPointId, Interval> SpansOf(const Batch& batch) {
  std::map<MeteringPointId, Interval> spans;
  for (const RegisterSeries& series : batch.registers) {
    const Interval wide{series.Span().start - kSplitMax, series.Span().end + kSplitMax};
    Interval& span = spans.try_emplace(series.metering_point, wide).first->second;
    span = {std::min(span.start, wide.start), std::max(span.end, wide.end)};
  }
  return spans;
}

/// Leaves out what the batch itself says about a point.
std::vector<Series> WithoutOwn(std::vector<Series> derived, const Batch& batch) {
  std::vector<Series> rest;
  for (Series& series : derived) {
    const auto is_own = [&](absl::Time start) {
      return std::any_of(batch.series.begin(), batch.series.end(), [&](const Series& own) {
        return own.metering_point == series.metering_point && own.start <= start &&
               start < own.Span().end;
      });
    };
    Series kept = series;
    kept.import_wh.clear();
    kept.export_wh.clear();
    for (size_t i = 0; i < series.size(); ++i) {
      if (is_own(series.StartOf(i))) {
        continue;
      }
      if (!kept.import_wh.empty() && kept.Span().end != series.StartOf(i)) {
        rest.push_back(kept);
        kept.import_wh.clear();
        kept.export_wh.clear();
      }
      if (kept.import_wh.empty()) {
        kept.start = series.StartOf(i);
      }
      kept.import_wh.push_back(series.import_wh[i]);
      kept.export_wh.push_back(series.export_wh[i]);
    }
    if (!kept.import_wh.empty()) {
      rest.push_back(std::move(kept));
    }
  }
  return rest;
}

}  // namespace

absl::StatusOr<std::vector<Series>> RegisterIngest::Derive(
    const Batch& batch, const absl::flat_hash_map<MeteringPointId, Member>& members) {
  std::vector<Series> all;
  for (const auto& [point, wide] : SpansOf(batch)) {
    const Member& member = members.at(point);
    const Interval span{FloorToGrid(wide.start, member.interval), wide.end};
    PW_ASSIGN_OR_RETURN(const std::vector<RegisterValue> values, registers_.Around(point, span));
    PW_ASSIGN_OR_RETURN(const ReadingColumns columns,
                        readings_.Columns({point}, span, member.interval));
    for (Series& series :
         DeriveReadings(point, member, values, span.start, columns.columns.at(0))) {
      all.push_back(std::move(series));
    }
  }
  return WithoutOwn(std::move(all), batch);
}

absl::Status RegisterIngest::Settle(const Batch& batch,
                                    const absl::flat_hash_map<MeteringPointId, Member>& members,
                                    absl::Time now, StoredCounts& counts) {
  const Batch registers_only{.device = {}, .sequence = 0, .series = {},
                             .registers = batch.registers};
  for (int round = 0; round < kSettleRounds; ++round) {
    PW_ASSIGN_OR_RETURN(std::vector<Series> derived, Derive(registers_only, members));
    if (derived.empty()) {
      return absl::OkStatus();
    }
    const Batch more{.device = {}, .sequence = 0, .series = std::move(derived), .registers = {}};
    AcceptedBatch accepted{.batch = &more, .communities = {}};
    for (const Series& series : more.series) {
      accepted.communities.push_back(members.at(series.metering_point).community);
    }
    PW_ASSIGN_OR_RETURN(const std::vector<StoredCounts> stored,
                        readings_.Store({&accepted, 1}, now));
    counts.stored += stored.at(0).stored;
    counts.unchanged += stored.at(0).unchanged;
  }
  return Error(kDatabaseUnavailable, "others keep changing the register values");
}

}  // namespace peerwatt::metering
