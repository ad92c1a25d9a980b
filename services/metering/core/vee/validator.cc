#include "services/metering/core/vee/validator.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "libs/base/status_macros.h"
#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/registers.h"
#include "services/metering/core/vee/rules.h"

namespace peerwatt::metering {
namespace {

/// Consecutive days of one point to be examined, and what is needed for it.
struct Assignment {
  PointState* state = nullptr;
  const Member* member = nullptr;
  std::vector<Interval> days;
  std::vector<RegisterValue> registers;
  Interval columns;  ///< The readings to load.
};

Interval DaysOf(const Assignment& assignment) {
  return {assignment.days.front().start, assignment.days.back().end};
}

/// The spans between register values that are judged with the days of an assignment.
std::vector<Interval> RegisterSpans(const Assignment& assignment) {
  std::vector<Interval> spans;
  const Interval days = DaysOf(assignment);
  for (const RegisterKind kind : {RegisterKind::kImport, RegisterKind::kExport}) {
    const int64_t capacity_w = kind == RegisterKind::kImport
                                   ? assignment.member->import_capacity_w
                                   : assignment.member->export_capacity_w;
    const RegisterPairs registers = PairsOf(assignment.registers, kind, capacity_w);
    const auto add = [&](Interval span) {
      if (span.start < days.end && span.end > days.start && span.length() <= kRegisterSpanMax) {
        spans.push_back(span);
      }
    };
    for (const RegisterPair& pair : registers.pairs) {
      add(pair.span);
    }
    for (const Found& found : registers.findings) {
      add(found.span);
    }
  }
  return spans;
}

/// What the rules need to see: the days before, a little behind, and all between register values.
Interval ColumnsFor(const Assignment& assignment) {
  const Interval days = DaysOf(assignment);
  Interval columns{days.start - absl::Hours(24) * kContextDays, days.end + kOverrun};
  for (const Interval& span : RegisterSpans(assignment)) {
    columns = {std::min(columns.start, span.start), std::max(columns.end, span.end)};
  }
  return {FloorToGrid(columns.start, assignment.member->interval),
          CeilToGrid(columns.end, assignment.member->interval)};
}

void AddFindings(const Assignment& assignment, const ReadingColumn& column, ValidatorStep& step) {
  const MeteringPointId& point = assignment.state->metering_point;
  const Interval all = DaysOf(assignment);
  const auto add = [&](std::vector<Found> found) {
    for (Found& one : found) {
      step.found.push_back({.metering_point = point,
                            .found = std::move(one),
                            .at_ingest = false,
                            .created_at = {},
                            .resolved_at = std::nullopt});
    }
  };
  for (const Interval& day : assignment.days) {
    add(ExamineDay({.day = day,
                    .declared = {assignment.state->begins_at, all.end},
                    .column_start = assignment.columns.start,
                    .column = &column,
                    .member = assignment.member}));
  }
  add(CheckRegisters(all, *assignment.member, assignment.registers, assignment.columns.start,
                     column));
  step.examined.push_back({.metering_point = point, .span = all, .registers = false});
  step.examined.push_back({.metering_point = point, .span = all, .registers = true});
  for (const Interval& span : RegisterSpans(assignment)) {
    if (span.start < all.start) {
      step.examined.push_back({.metering_point = point,
                               .span = {span.start, span.start + assignment.member->interval},
                               .registers = true});
    }
  }
}

}  // namespace

absl::Time Validator::DueAt(const PointState& state, const Member& member) const {
  const absl::Time end =
      LocalDayAround(state.next_day_at, ZoneOf(member.time_zone), member.interval).end;
  return state.latest_at > end ? end : end + options_.grace;
}

absl::StatusOr<Validator::Scene> Validator::Load(const std::vector<Change>& changes,
                                                 const std::vector<WantedExamination>& wanted,
                                                 const std::vector<PointState>& due) {
  std::vector<MeteringPointId> points;
  for (const Change& change : changes) {
    points.push_back(change.metering_point);
  }
  for (const WantedExamination& one : wanted) {
    points.push_back(one.metering_point);
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  Scene scene;
  if (!points.empty()) {
    PW_ASSIGN_OR_RETURN(const std::vector<PointState> states, findings_.Points(points));
    for (const PointState& state : states) {
      scene.states.emplace(state.metering_point, state);
    }
  }
  for (const PointState& state : due) {
    points.push_back(state.metering_point);
    scene.states.emplace(state.metering_point, state);
  }
  MemberLookup lookup = directory_.Find(points);
  PW_RETURN_IF_ERROR(lookup.failure);
  scene.members = std::move(lookup.members);
  return scene;
}

void Validator::Rewind(const Member& member, Interval span, PointState& state) {
  const absl::TimeZone zone = ZoneOf(member.time_zone);
  const absl::Time first = LocalDayAround(span.start, zone, member.interval).start;
  // The day before looks at how the next one begins.
  const absl::Time from = span.start < first + kOverrun ? first - member.interval : first;
  const absl::Time begin = LocalDayAround(state.begins_at, zone, member.interval).start;
  state.next_day_at = std::min(
      state.next_day_at, std::max(begin, LocalDayAround(from, zone, member.interval).start));
}

void Validator::Follow(const std::vector<Change>& changes, Scene& scene) const {
  for (const Change& change : changes) {
    const auto member = scene.members.find(change.metering_point);
    if (member == scene.members.end()) {
      continue;
    }
    const absl::Time day = LocalDayAround(change.span.start, ZoneOf(member->second.time_zone),
                                          member->second.interval)
                               .start;
    auto [entry, is_new] = scene.states.try_emplace(
        change.metering_point, PointState{.metering_point = change.metering_point,
                                          .begins_at = change.span.start,
                                          .latest_at = change.span.end,
                                          .next_day_at = day,
                                          .due_at = {}});
    PointState& state = entry->second;
    state.begins_at = std::min(state.begins_at, change.span.start);
    state.latest_at = std::max(state.latest_at, change.span.end);
    if (!is_new) {
      Rewind(member->second, change.span, state);
    }
    state.due_at = DueAt(state, member->second);
  }
}

void Validator::Fulfil(const std::vector<WantedExamination>& wanted, Scene& scene) const {
  for (const WantedExamination& one : wanted) {
    const auto member = scene.members.find(one.metering_point);
    if (member == scene.members.end()) {
      continue;
    }
    const absl::Time day =
        LocalDayAround(one.span.start, ZoneOf(member->second.time_zone), member->second.interval)
            .start;
    // A point that has register values only is declared from the first one on.
    PointState& state =
        scene.states
            .try_emplace(one.metering_point,
                         PointState{.metering_point = one.metering_point,
                                    .begins_at = one.span.start,
                                    .latest_at = one.span.end + member->second.interval,
                                    .next_day_at = day,
                                    .due_at = {}})
            .first->second;
    Rewind(member->second, one.span, state);
    state.due_at = DueAt(state, member->second);
  }
}

absl::Status Validator::Examine(const std::vector<PointState>& due, absl::Time now, Scene& scene,
                                ValidatorStep& step) {
  // Points with the same days and zone are loaded by one call.
  std::map<std::tuple<absl::Time, absl::Time, absl::Duration>, std::vector<Assignment>> groups;
  for (const PointState& one : due) {
    PointState& state = scene.states.at(one.metering_point);
    const auto member = scene.members.find(one.metering_point);
    if (member == scene.members.end()) {
      state.due_at = now + absl::Hours(24);  // The registry does not know it any more.
      continue;
    }
    const absl::TimeZone zone = ZoneOf(member->second.time_zone);
    Assignment assignment{.state = &state, .member = &member->second, .days = {}, .registers = {},
                          .columns = {}};
    const absl::Time first = state.next_day_at;
    state.due_at = DueAt(state, member->second);
    while (state.due_at <= now && std::ssize(assignment.days) < options_.days_max) {
      assignment.days.push_back(
          LocalDayAround(state.next_day_at, zone, member->second.interval));
      state.next_day_at = assignment.days.back().end;
      state.due_at = DueAt(state, member->second);
    }
    if (assignment.days.empty()) {
      continue;
    }
    PW_ASSIGN_OR_RETURN(assignment.registers,
                        registers_.Around(one.metering_point, {first, state.next_day_at}));
    assignment.columns = ColumnsFor(assignment);
    groups[{assignment.columns.start, assignment.columns.end, member->second.interval}].push_back(
        std::move(assignment));
  }
  for (const auto& [key, assignments] : groups) {
    std::vector<MeteringPointId> points;
    for (const Assignment& assignment : assignments) {
      points.push_back(assignment.state->metering_point);
    }
    PW_ASSIGN_OR_RETURN(
        const ReadingColumns columns,
        readings_.Columns(points, assignments[0].columns, assignments[0].member->interval));
    for (size_t i = 0; i < assignments.size(); ++i) {
      AddFindings(assignments[i], columns.columns.at(i), step);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Validator::Step(absl::Time now) {
  PW_ASSIGN_OR_RETURN(const ValidatorPosition position, findings_.Position());
  PW_ASSIGN_OR_RETURN(const std::vector<Change> changes,
                      readings_.ChangesAfter(position.cursor, options_.changes_max));
  PW_ASSIGN_OR_RETURN(std::vector<WantedExamination> wanted,
                      findings_.Wanted(options_.wishes_max));
  PW_ASSIGN_OR_RETURN(const std::vector<PointState> due,
                      findings_.DuePoints(now, options_.points_max));
  if (changes.empty() && wanted.empty() && due.empty()) {
    return false;
  }
  PW_ASSIGN_OR_RETURN(Scene scene, Load(changes, wanted, due));
  ValidatorStep step;
  step.from = position;
  step.cursor = changes.empty() ? position.cursor : changes.back().cursor;
  Follow(changes, scene);
  Fulfil(wanted, scene);
  PW_RETURN_IF_ERROR(Examine(due, now, scene, step));
  for (const auto& [point, state] : scene.states) {
    step.points.push_back(state);
  }
  for (const Change& change : changes) {
    step.stored.push_back(
        {.metering_point = change.metering_point, .span = change.span, .registers = false});
  }
  step.done = std::move(wanted);
  PW_RETURN_IF_ERROR(findings_.Commit(step, now).status());
  return true;
}

}  // namespace peerwatt::metering
