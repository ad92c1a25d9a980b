#include "services/metering/core/vee/register_ingest.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/registers.h"
#include "services/metering/core/vee/split.h"

namespace peerwatt::metering {
namespace {

constexpr int kSettleRounds = 5;

bool IsWeakAt(const Series& series, size_t i) {
  return series.QualityOf(i) != Quality::kMeasured && series.method != Method::kManual;
}

/// The spans of a batch by point in which registers may say something new: around its register
/// values, widened to what a value can change, and where it has weak values.
std::map<MeteringPointId, Interval> SpansOf(const Batch& batch,
                                            const RegisterIngest::Points& weak) {
  std::map<MeteringPointId, Interval> spans;
  const auto add = [&](const MeteringPointId& point, Interval wide) {
    Interval& span = spans.try_emplace(point, wide).first->second;
    span = {std::min(span.start, wide.start), std::max(span.end, wide.end)};
  };
  for (const RegisterSeries& series : batch.registers) {
    add(series.metering_point,
        {series.Span().start - kSplitMax, series.Span().end + kSplitMax});
  }
  for (const Series& series : batch.series) {
    if (weak.contains(series.metering_point) && IsWeak(series)) {
      add(series.metering_point, series.Span());
    }
  }
  return spans;
}

/// Widens a span to where registers that did not move say that nothing flowed.
Interval WithStandstills(Interval span, std::vector<RegisterValue> values) {
  std::sort(values.begin(), values.end(), [](const RegisterValue& a, const RegisterValue& b) {
    return std::tie(a.kind, a.meter, a.at) < std::tie(b.kind, b.meter, b.at);
  });
  Interval wide = span;
  for (size_t i = 1; i < values.size(); ++i) {
    const RegisterValue& first = values[i - 1];
    const RegisterValue& next = values[i];
    if (first.kind == next.kind && first.meter == next.meter &&
        first.energy_wh == next.energy_wh && first.at < span.end && next.at > span.start) {
      wide = {std::min(wide.start, first.at), std::max(wide.end, next.at)};
    }
  }
  return {std::max(wide.start, span.start - kRegisterSpanMax),
          std::min(wide.end, span.end + kRegisterSpanMax)};
}

/// Takes weak values out of the batch for whose intervals registers have values.
void GiveWay(Batch& batch, const MeteringPointId& point, const std::vector<Series>& implied) {
  std::set<absl::Time> known;
  for (const Series& series : implied) {
    for (size_t i = 0; i < series.size(); ++i) {
      known.insert(series.StartOf(i));
    }
  }
  std::vector<Series> rest;
  for (Series& series : batch.series) {
    if (series.metering_point != point || !IsWeak(series)) {
      rest.push_back(std::move(series));
      continue;
    }
    bool goes_on = false;
    for (size_t i = 0; i < series.size(); ++i) {
      if (IsWeakAt(series, i) && known.contains(series.StartOf(i))) {
        goes_on = false;
        continue;
      }
      if (!goes_on) {
        rest.push_back({.metering_point = point,
                        .start = series.StartOf(i),
                        .resolution = series.resolution,
                        .import_wh = {},
                        .export_wh = {},
                        .qualities = {},
                        .method = series.method});
        goes_on = true;
      }
      rest.back().import_wh.push_back(series.import_wh[i]);
      rest.back().export_wh.push_back(series.ExportWhOf(i));
      rest.back().qualities.push_back(series.QualityOf(i));
    }
  }
  batch.series = std::move(rest);
}

}  // namespace

bool IsWeak(const Series& series) {
  return series.method != Method::kManual &&
         std::any_of(series.qualities.begin(), series.qualities.end(),
                     [](Quality quality) { return quality != Quality::kMeasured; });
}

absl::StatusOr<RegisterIngest::Points> RegisterIngest::WeakPoints(
    const std::vector<const Batch*>& batches) {
  std::set<MeteringPointId> points;
  for (const Batch* batch : batches) {
    for (const Series& series : batch->series) {
      if (IsWeak(series) && !series.yields) {
        points.insert(series.metering_point);
      }
    }
  }
  if (points.empty()) {
    return Points();
  }
  PW_ASSIGN_OR_RETURN(const std::vector<MeteringPointId> found,
                      registers_.PointsWithValues({points.begin(), points.end()}));
  return Points(found.begin(), found.end());
}

absl::StatusOr<std::vector<Series>> RegisterIngest::Derive(Batch& batch, const Members& members,
                                                           const Points& weak) {
  std::vector<Series> all;
  for (const auto& [point, asked] : SpansOf(batch, weak)) {
    const Member& member = members.at(point);
    PW_ASSIGN_OR_RETURN(const std::vector<RegisterValue> values, registers_.Around(point, asked));
    const Interval wide = WithStandstills(asked, values);
    const Interval span{FloorToGrid(wide.start, member.interval),
                        CeilToGrid(wide.end, member.interval)};
    PW_ASSIGN_OR_RETURN(const ReadingColumns columns,
                        readings_.Columns({point}, span, member.interval));
    const ReadingColumn& column = columns.columns.at(0);
    GiveWay(batch, point, DeriveReadings(point, member, values, span.start,
                                         ReadingColumn::Missing(column.qualities.size())));
    for (Series& series : DeriveReadings(point, member, values, span.start, column)) {
      all.push_back(std::move(series));
    }
  }
  return all;
}

absl::Status RegisterIngest::Settle(const Batch& batch, const Members& members,
                                    const Points& weak, absl::Time now, StoredCounts& counts) {
  for (int round = 0; round < kSettleRounds; ++round) {
    Batch spans{.device = {}, .sequence = 0, .series = batch.series, .registers = batch.registers};
    PW_ASSIGN_OR_RETURN(std::vector<Series> derived, Derive(spans, members, weak));
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
    // What is left is weaker than what stands there.
    if (stored.at(0).stored == 0) {
      return absl::OkStatus();
    }
  }
  return Error(kDatabaseUnavailable, "others keep changing the register values");
}

}  // namespace peerwatt::metering
