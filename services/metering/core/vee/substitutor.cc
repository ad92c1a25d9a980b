#include "services/metering/core/vee/substitutor.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"

namespace peerwatt::metering {
namespace {

constexpr absl::Duration kContext = absl::Hours(24 * (7 * kReferenceWeeks + 1));

}  // namespace

absl::Status Substitutor::Store(std::vector<Series> series, absl::Time now) {
  Batch batch;
  batch.series = std::move(series);
  const IngestRequest request{.lane = 0, .batch = &batch};
  return ingest_.Run({&request, 1}, now).at(0).status;
}

/// Finds intervals in which a value came between the look and the store, and puts it on top again.
absl::Status Substitutor::GiveWay(const Substitution& made, const Member& member, absl::Time now) {
  std::vector<Series> overtaken;
  for (const Series& series : made.series) {
    PW_ASSIGN_OR_RETURN(const std::vector<Reading> revisions,
                        readings_.List({.metering_point = series.metering_point,
                                        .start = series.start,
                                        .end = series.Span().end,
                                        .resolution = member.interval,
                                        .revisions = true,
                                        .as_of = std::nullopt,
                                        .after = std::nullopt,
                                        .after_revision = INT32_MAX,
                                        .limit = 1'000'000}));
    for (size_t i = 1; i < revisions.size(); ++i) {
      const Reading& before = revisions[i - 1];
      const Reading& last = revisions[i];
      const bool is_last = i + 1 == revisions.size() || revisions[i + 1].start != last.start;
      if (is_last && before.start == last.start && last.quality == Quality::kEstimated &&
          last.method == made.method && before.quality < Quality::kEstimated) {
        overtaken.push_back({.metering_point = series.metering_point,
                             .start = before.start,
                             .resolution = member.interval,
                             .import_wh = {before.imported.wh()},
                             .export_wh = {before.exported.wh()},
                             .qualities = {before.quality},
                             .method = before.method});
      }
    }
  }
  return overtaken.empty() ? absl::OkStatus() : Store(std::move(overtaken), now);
}

absl::StatusOr<Substitution> Substitutor::Fill(const MeteringPointId& point, const Member& member,
                                               Interval span, std::optional<Method> method,
                                               absl::Time now) {
  const Interval around{FloorToGrid(span.start - kContext, member.interval),
                        FloorToGrid(span.end + kContext, member.interval)};
  PW_ASSIGN_OR_RETURN(const ReadingColumns columns,
                      readings_.Columns({point}, around, member.interval));
  PW_ASSIGN_OR_RETURN(const std::vector<RegisterValue> registers, registers_.Around(point, span));
  PW_ASSIGN_OR_RETURN(Substitution made, Substitute({.metering_point = point,
                                                     .member = member,
                                                     .span = span,
                                                     .column_start = around.start,
                                                     .column = &columns.columns.at(0),
                                                     .registers = OnGrid(registers,
                                                                         member.interval)},
                                                    method));
  if (made.series.empty()) {
    return made;
  }
  PW_RETURN_IF_ERROR(Store(made.series, now));
  PW_RETURN_IF_ERROR(GiveWay(made, member, now));
  return made;
}

}  // namespace peerwatt::metering
