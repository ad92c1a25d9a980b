#include "services/metering/core/vee/registers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/metering/core/validation.h"
#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/split.h"

namespace peerwatt::metering {
namespace {

/// One direction's energy in an interval, and how it was made.
struct Part {
  int64_t energy_wh = 0;
  Method method = Method::kRegisterDifference;
};

using Parts = std::map<absl::Time, Part>;

/// The energy between two values of one meter; nothing when the register runs backwards.
std::optional<int64_t> DifferenceOf(const RegisterValue& first, const RegisterValue& second,
                                    int64_t max_wh) {
  if (second.energy_wh >= first.energy_wh) {
    return second.energy_wh - first.energy_wh;
  }
  const int64_t rolled_wh = second.rollover_wh - first.energy_wh + second.energy_wh;
  if (second.rollover_wh > first.energy_wh && rolled_wh <= max_wh) {
    return rolled_wh;
  }
  return std::nullopt;
}

Parts PartsOf(const std::vector<RegisterPair>& pairs, absl::Duration interval) {
  Parts parts;
  for (const RegisterPair& pair : pairs) {
    if (!IsSplittable(pair.span.length(), interval)) {
      continue;
    }
    const int64_t count = pair.span.length() / interval;
    const std::vector<int64_t> split = SplitWithCarry(pair.difference.wh(), count);
    for (int64_t i = 0; i < count; ++i) {
      parts[pair.span.start + interval * i] = {
          split[static_cast<size_t>(i)], count == 1 ? Method::kRegisterDifference : Method::kSplit};
    }
  }
  return parts;
}

/// The part of a direction at an interval; zero where nothing can flow.
std::optional<Part> PartAt(const Parts& parts, int64_t capacity_w, absl::Time start) {
  if (capacity_w == 0) {
    return Part{};
  }
  const auto part = parts.find(start);
  return part == parts.end() ? std::nullopt : std::optional<Part>(part->second);
}

/// The sum of a column over a span; nothing when an interval has no value or lies outside.
std::optional<int64_t> SumOver(Interval span, absl::Duration interval, absl::Time column_start,
                               const ReadingColumn& column, RegisterKind kind) {
  const int64_t first = (span.start - column_start) / interval;
  const int64_t last = (span.end - column_start) / interval;
  if (span.start < column_start || last > std::ssize(column.qualities)) {
    return std::nullopt;
  }
  int64_t sum = 0;
  for (int64_t i = first; i < last; ++i) {
    const size_t at = static_cast<size_t>(i);
    if (column.qualities[at] == Quality::kMissing) {
      return std::nullopt;
    }
    sum += kind == RegisterKind::kImport ? column.import_wh[at] : column.export_wh[at];
  }
  return sum;
}

const char* NameOf(RegisterKind kind) {
  return kind == RegisterKind::kImport ? "import" : "export";
}

}  // namespace

RegisterPairs PairsOf(const std::vector<RegisterValue>& values, RegisterKind kind,
                      int64_t capacity_w) {
  std::vector<const RegisterValue*> sorted;
  for (const RegisterValue& value : values) {
    if (value.kind == kind) {
      sorted.push_back(&value);
    }
  }
  std::sort(sorted.begin(), sorted.end(), [](const RegisterValue* a, const RegisterValue* b) {
    return std::tie(a->meter, a->at) < std::tie(b->meter, b->at);
  });
  RegisterPairs result;
  for (size_t i = 1; i < sorted.size(); ++i) {
    const RegisterValue& first = *sorted[i - 1];
    const RegisterValue& second = *sorted[i];
    if (first.meter != second.meter) {
      continue;
    }
    const Interval span{first.at, second.at};
    const int64_t max_wh = EnergyMax(capacity_w, span.length()).wh();
    const std::optional<int64_t> difference = DifferenceOf(first, second, max_wh);
    if (!difference.has_value()) {
      result.findings.push_back({Rule::kRegisterBackwards, span,
                                 absl::StrCat("the ", NameOf(kind), " register fell")});
    } else if (*difference > max_wh) {
      result.findings.push_back(
          {Rule::kRegisterMismatch, span,
           absl::StrCat("the ", NameOf(kind),
                        " register moved more than the capacity lets through")});
    } else {
      result.pairs.push_back({span, Energy::WattHours(*difference)});
    }
  }
  // Two meters that overlap in time contradict each other: the pair that starts first counts.
  std::stable_sort(result.pairs.begin(), result.pairs.end(),
                   [](const RegisterPair& a, const RegisterPair& b) {
                     return a.span.start < b.span.start;
                   });
  std::vector<RegisterPair> disjoint;
  for (const RegisterPair& pair : result.pairs) {
    if (disjoint.empty() || pair.span.start >= disjoint.back().span.end) {
      disjoint.push_back(pair);
    }
  }
  result.pairs = std::move(disjoint);
  return result;
}

std::vector<RegisterValue> OnGrid(const std::vector<RegisterValue>& values,
                                  absl::Duration interval, std::optional<Interval> filled) {
  std::vector<const RegisterValue*> sorted;
  for (const RegisterValue& value : values) {
    sorted.push_back(&value);
  }
  std::sort(sorted.begin(), sorted.end(), [](const RegisterValue* a, const RegisterValue* b) {
    return std::tie(a->kind, a->meter, a->at) < std::tie(b->kind, b->meter, b->at);
  });
  std::vector<RegisterValue> shown;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const RegisterValue& value = *sorted[i];
    if (IsOnGrid(value.at, interval)) {
      shown.push_back(value);
    }
    if (i + 1 == sorted.size() || sorted[i + 1]->kind != value.kind ||
        sorted[i + 1]->meter != value.meter || sorted[i + 1]->energy_wh != value.energy_wh) {
      continue;
    }
    const RegisterValue& next = *sorted[i + 1];
    const auto add = [&](absl::Time at) {
      if (value.at < at && at < next.at && (shown.empty() || shown.back().at != at ||
                                            shown.back().kind != value.kind ||
                                            shown.back().meter != value.meter)) {
        shown.push_back(value);
        shown.back().at = at;
      }
    };
    const absl::Time first = CeilToGrid(value.at, interval);
    const absl::Time last = FloorToGrid(next.at, interval);
    if (first != value.at) {
      add(first);
    }
    if (filled.has_value()) {
      for (absl::Time at = std::max(first, CeilToGrid(filled->start, interval));
           at <= std::min(last, filled->end); at += interval) {
        add(at);
      }
    }
    if (last != next.at) {
      add(last);
    }
  }
  return shown;
}

std::vector<Series> DeriveReadings(const MeteringPointId& point, const Member& member,
                                   const std::vector<RegisterValue>& values,
                                   absl::Time existing_start, const ReadingColumn& existing) {
  const Interval span{existing_start, existing_start + member.interval * std::ssize(
                                                                             existing.qualities)};
  const std::vector<RegisterValue> shown = OnGrid(values, member.interval, span);
  const Parts imports = PartsOf(
      PairsOf(shown, RegisterKind::kImport, member.import_capacity_w).pairs, member.interval);
  const Parts exports = PartsOf(
      PairsOf(shown, RegisterKind::kExport, member.export_capacity_w).pairs, member.interval);
  std::vector<Series> derived;
  if (member.import_capacity_w == 0 && member.export_capacity_w == 0) {
    return derived;
  }
  for (size_t i = 0; i < existing.qualities.size(); ++i) {
    const absl::Time start = existing_start + member.interval * static_cast<int64_t>(i);
    const std::optional<Part> imported = PartAt(imports, member.import_capacity_w, start);
    const std::optional<Part> exported = PartAt(exports, member.export_capacity_w, start);
    if (!imported.has_value() || !exported.has_value() ||
        existing.qualities[i] == Quality::kMeasured ||
        (existing.qualities[i] == Quality::kCalculated &&
         existing.import_wh[i] == imported->energy_wh &&
         existing.export_wh[i] == exported->energy_wh)) {
      continue;
    }
    const bool split =
        imported->method == Method::kSplit || exported->method == Method::kSplit;
    const Method method = split ? Method::kSplit : Method::kRegisterDifference;
    if (derived.empty() || derived.back().Span().end != start || derived.back().method != method) {
      derived.push_back({.metering_point = point,
                         .start = start,
                         .resolution = member.interval,
                         .import_wh = {},
                         .export_wh = {},
                         .qualities = {Quality::kCalculated},
                         .method = method,
                         .yields = true});
    }
    derived.back().import_wh.push_back(imported->energy_wh);
    derived.back().export_wh.push_back(exported->energy_wh);
  }
  return derived;
}

std::vector<Found> CheckRegisters(Interval days, const Member& member,
                                  const std::vector<RegisterValue>& values,
                                  absl::Time column_start, const ReadingColumn& column) {
  std::vector<Found> found;
  const std::vector<RegisterValue> shown = OnGrid(values, member.interval);
  const auto is_judged = [&days](const Interval& span) {
    return span.start < days.end && span.end > days.start && span.length() <= kRegisterSpanMax;
  };
  for (const RegisterKind kind : {RegisterKind::kImport, RegisterKind::kExport}) {
    const int64_t capacity_w = kind == RegisterKind::kImport ? member.import_capacity_w
                                                             : member.export_capacity_w;
    for (const Found& one : PairsOf(values, kind, capacity_w).findings) {
      if (is_judged(one.span)) {
        found.push_back(one);
      }
    }
    for (const RegisterPair& pair : PairsOf(shown, kind, capacity_w).pairs) {
      if (!is_judged(pair.span)) {
        continue;
      }
      const std::optional<int64_t> sum =
          SumOver(pair.span, member.interval, column_start, column, kind);
      if (sum.has_value() && *sum != pair.difference.wh()) {
        found.push_back({Rule::kRegisterMismatch, pair.span,
                         absl::StrCat("the intervals' ", NameOf(kind), " is ",
                                      *sum > pair.difference.wh() ? "more" : "less",
                                      " than the register moved")});
      }
    }
  }
  return Merged(std::move(found));
}

}  // namespace peerwatt::metering
