#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering::testing {

/// Readings in memory, all revisions.
class MemoryReadingStore final : public ReadingStore {
 public:
  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time now) override {
    if (!failure.ok()) {
      return failure;
    }
    std::vector<StoredCounts> counts;
    for (const AcceptedBatch& batch : batches) {
      StoredCounts one;
      for (size_t s = 0; s < batch.batch->series.size(); ++s) {
        StoreSeries(batch.batch->series[s], batch.communities[s], now, one);
      }
      counts.push_back(one);
    }
    return counts;
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId&) override { return 0; }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) override {
    std::vector<Reading> readings;
    for (const auto& [key, revisions] : readings_) {
      if (key.first == query.metering_point) {
        readings.push_back(revisions.back());
      }
    }
    return readings;
  }
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override {
    ++columns_calls;
    ReadingColumns answer;
    for (const MeteringPointId& point : points) {
      ReadingColumn& column = answer.columns.emplace_back();
      for (absl::Time at = span.start; at < span.end; at += resolution) {
        const auto found = readings_.find({point, at});
        const bool known = found != readings_.end();
        column.import_wh.push_back(known ? found->second.back().imported.wh() : 0);
        column.export_wh.push_back(known ? found->second.back().exported.wh() : 0);
        column.qualities.push_back(known ? found->second.back().quality : Quality::kMissing);
        column.revisions.push_back(known ? found->second.back().revision : 0);
      }
    }
    return answer;
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId& point) override {
    std::optional<Reading> latest;
    for (const auto& [key, revisions] : readings_) {
      if (key.first == point) {
        latest = revisions.back();
      }
    }
    return latest;
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t cursor, int32_t limit) override {
    std::vector<Change> changes;
    for (const Change& change : changes_) {
      if (change.cursor > cursor && std::ssize(changes) < limit) {
        changes.push_back(change);
      }
    }
    return changes;
  }
  /// The latest revision; revision 0 when there is none.
  Reading At(const std::string& point, absl::Time start) const {
    const auto found = readings_.find({MeteringPointId(point), start});
    return found == readings_.end() ? Reading() : found->second.back();
  }

  absl::Status failure;
  int columns_calls = 0;

 private:
  void StoreSeries(const Series& series, const CommunityId& community, absl::Time now,
                   StoredCounts& counts) {
    bool changed = false;
    for (size_t i = 0; i < series.size(); ++i) {
      std::vector<Reading>& revisions = readings_[{series.metering_point, series.StartOf(i)}];
      Reading reading{.start = series.StartOf(i),
                      .imported = Energy::WattHours(series.import_wh[i]),
                      .exported = Energy::WattHours(series.ExportWhOf(i)),
                      .quality = series.QualityOf(i),
                      .revision = static_cast<int32_t>(revisions.size()) + 1,
                      .created_at = now,
                      .method = series.method,
                      .length = series.resolution};
      if (series.yields && !revisions.empty()) {
        const auto measured =
            std::find_if(revisions.rbegin(), revisions.rend(), [](const Reading& one) {
              return one.quality == Quality::kMeasured;
            });
        const bool by_hand = revisions.back().method == Method::kManual;
        if (by_hand || measured != revisions.rend()) {
          const Reading& stronger = by_hand ? revisions.back() : *measured;
          reading.imported = stronger.imported;
          reading.exported = stronger.exported;
          reading.quality = stronger.quality;
          reading.method = stronger.method;
        }
      }
      if (!revisions.empty() && revisions.back().imported == reading.imported &&
          revisions.back().exported == reading.exported &&
          revisions.back().quality == reading.quality) {
        ++counts.unchanged;
        continue;
      }
      revisions.push_back(reading);
      ++counts.stored;
      changed = true;
    }
    if (changed) {
      changes_.push_back({.cursor = std::ssize(changes_) + 1,
                          .metering_point = series.metering_point,
                          .community = community,
                          .span = series.Span()});
    }
  }

  std::map<std::pair<MeteringPointId, absl::Time>, std::vector<Reading>> readings_;
  std::vector<Change> changes_;
};

/// Register values in memory, latest revisions.
class MemoryRegisterStore final : public RegisterStore {
 public:
  absl::Status Keep(absl::Span<const RegisterSeries* const> series, absl::Time now) override {
    if (!failure.ok()) {
      return failure;
    }
    for (const RegisterSeries* one : series) {
      for (size_t i = 0; i < one->size(); ++i) {
        RegisterValue& value =
            values_[{one->metering_point, one->kind, one->TimeOf(i), one->meter}];
        value = {.meter = one->meter,
                 .kind = one->kind,
                 .at = one->TimeOf(i),
                 .energy_wh = one->energy_wh[i],
                 .rollover_wh = one->rollover_wh,
                 .revision = 1,
                 .created_at = now};
      }
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<RegisterValue>> Around(const MeteringPointId& point,
                                                    Interval) override {
    std::vector<RegisterValue> values;
    for (const auto& [key, value] : values_) {
      if (std::get<0>(key) == point) {
        values.push_back(value);
      }
    }
    return values;
  }
  absl::StatusOr<std::vector<MeteringPointId>> PointsWithValues(
      const std::vector<MeteringPointId>& points) override {
    std::vector<MeteringPointId> found;
    for (const MeteringPointId& point : points) {
      if (std::any_of(values_.begin(), values_.end(),
                      [&](const auto& value) { return std::get<0>(value.first) == point; })) {
        found.push_back(point);
      }
    }
    return found;
  }
  absl::StatusOr<std::vector<RegisterValue>> List(const RegisterQuery& query) override {
    return Around(query.metering_point, {});
  }

  absl::Status failure;

 private:
  std::map<std::tuple<MeteringPointId, RegisterKind, absl::Time, std::string>, RegisterValue>
      values_;
};

/// Findings and the validator's state in memory.
class MemoryFindingStore final : public FindingStore {
 public:
  using Key = std::tuple<MeteringPointId, Rule, bool, absl::Time>;

  absl::StatusOr<FindingCounts> Note(absl::Span<const Finding> refused) override {
    if (!failure.ok()) {
      return failure;
    }
    FindingCounts counts;
    for (const Finding& finding : refused) {
      Open(finding, finding.created_at, counts);
    }
    return counts;
  }
  absl::StatusOr<std::vector<Finding>> List(const FindingQuery& query) override {
    std::vector<Finding> listed;
    for (const auto& [key, finding] : findings) {
      if (query.resolved || !finding.resolved_at.has_value()) {
        listed.push_back(finding);
      }
    }
    return listed;
  }
  absl::StatusOr<ValidatorPosition> Position() override { return position; }
  absl::StatusOr<std::vector<PointState>> Points(
      const std::vector<MeteringPointId>& points) override {
    std::vector<PointState> found;
    for (const MeteringPointId& point : points) {
      if (const auto state = states.find(point); state != states.end()) {
        found.push_back(state->second);
      }
    }
    return found;
  }
  absl::StatusOr<std::vector<PointState>> DuePoints(absl::Time now, int32_t limit) override {
    std::vector<PointState> due;
    for (const auto& [point, state] : states) {
      if (state.due_at <= now && std::ssize(due) < limit) {
        due.push_back(state);
      }
    }
    return due;
  }
  absl::StatusOr<std::vector<WantedExamination>> Wanted(int32_t) override { return wanted; }
  absl::StatusOr<std::optional<FindingCounts>> Commit(const ValidatorStep& step,
                                                      absl::Time now) override {
    if (step.from.version != position.version) {
      return std::optional<FindingCounts>();
    }
    ++commits;
    position = {step.cursor, position.version + 1};
    for (const PointState& state : step.points) {
      states[state.metering_point] = state;
    }
    wanted.clear();
    FindingCounts counts;
    std::vector<Key> keys;
    for (const Finding& finding : step.found) {
      keys.push_back(KeyOf(finding));
      Open(finding, now, counts);
    }
    for (auto& [key, finding] : findings) {
      if (!finding.resolved_at.has_value() && IsOver(step, finding) &&
          std::find(keys.begin(), keys.end(), key) == keys.end()) {
        finding.resolved_at = now;
        ++counts.resolved[finding.found.rule];
      }
    }
    return std::optional<FindingCounts>(counts);
  }

  absl::Status failure;
  ValidatorPosition position;
  std::map<MeteringPointId, PointState> states;
  std::map<Key, Finding> findings;
  std::vector<WantedExamination> wanted;
  int commits = 0;

 private:
  static Key KeyOf(const Finding& finding) {
    return {finding.metering_point, finding.found.rule, finding.at_ingest,
            finding.found.span.start};
  }
  void Open(const Finding& finding, absl::Time now, FindingCounts& counts) {
    auto [entry, inserted] = findings.try_emplace(KeyOf(finding), finding);
    if (inserted) {
      entry->second.created_at = now;
    }
    counts.opened[finding.found.rule] +=
        inserted || entry->second.resolved_at.has_value() ? 1 : 0;
    entry->second.found = finding.found;
    entry->second.device = finding.device;
    entry->second.reason = finding.reason;
    entry->second.resolved_at.reset();
  }
  static bool IsOver(const ValidatorStep& step, const Finding& finding) {
    const auto covers = [&](const ValidatorStep::Examined& examined) {
      return examined.metering_point == finding.metering_point &&
             examined.span.start <= finding.found.span.start;
    };
    if (finding.at_ingest) {
      return finding.found.rule != Rule::kSignatureChain &&
             std::any_of(step.stored.begin(), step.stored.end(), [&](const auto& stored) {
        return covers(stored) && finding.found.span.end <= stored.span.end;
      });
    }
    const bool registers = IsRegisterRule(finding.found.rule);
    return std::any_of(step.examined.begin(), step.examined.end(), [&](const auto& examined) {
      return covers(examined) && finding.found.span.start < examined.span.end &&
             registers == examined.registers;
    });
  }
};

}  // namespace peerwatt::metering::testing
