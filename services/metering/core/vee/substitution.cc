#include "services/metering/core/vee/substitution.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "absl/time/civil_time.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/allocation.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/vee/calendar.h"

namespace peerwatt::metering {
namespace {

/// Import and export of an interval, or weights for them.
using Energies = std::array<int64_t, 2>;

bool IsWeekend(absl::CivilDay day) {
  const absl::Weekday weekday = absl::GetWeekday(day);
  return weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
}

/// The sum of some values, for their mean.
struct Mean {
  int64_t sum[2] = {0, 0};
  int64_t count = 0;

  void Add(const Energies& energies) {
    sum[0] += energies[0];
    sum[1] += energies[1];
    ++count;
  }
  Energies Value() const {
    return {MulDiv(sum[0], 1, count, Rounding::kHalfEven),
            MulDiv(sum[1], 1, count, Rounding::kHalfEven)};
  }
};

/// One attempt to fill a span by one method.
class Filling {
 public:
  Filling(const SubstitutionInput& input, Method method)
      : input_(input),
        method_(method),
        step_(input.member.interval),
        size_(std::ssize(input.column->qualities)),
        zone_(ZoneOf(input.member.time_zone)) {
    for (int64_t i = 0; i < size_; ++i) {
      if (!HasValue(i)) {
        const absl::Time start = TimeOf(i);
        if (start >= input.span.start && start < input.span.end) {
          asked_.push_back(i);
        }
      }
    }
  }

  absl::StatusOr<Substitution> Run() {
    LoadPairs();
    if (method_ == Method::kProfile) {
      LearnProfile();
    }
    for (const int64_t i : asked_) {
      PW_ASSIGN_OR_RETURN(filled_[i], OwnValues(i));
    }
    for (const size_t kind : {size_t{0}, size_t{1}}) {
      for (const RegisterPair& pair : pairs_[kind]) {
        PW_RETURN_IF_ERROR(ShareOut(pair, kind));
      }
    }
    return Encode();
  }

 private:
  absl::Time TimeOf(int64_t i) const { return input_.column_start + step_ * i; }
  int64_t IndexOf(absl::Time time) const { return (time - input_.column_start) / step_; }
  bool HasValue(int64_t i) const {
    return input_.column->qualities[static_cast<size_t>(i)] != Quality::kMissing;
  }
  bool IsMeasured(int64_t i) const {
    return i >= 0 && i < size_ &&
           input_.column->qualities[static_cast<size_t>(i)] == Quality::kMeasured;
  }
  Energies ValueAt(int64_t i) const {
    return {input_.column->import_wh[static_cast<size_t>(i)],
            input_.column->export_wh[static_cast<size_t>(i)]};
  }
  int64_t CapacityOf(size_t kind) const {
    return kind == 0 ? input_.member.import_capacity_w : input_.member.export_capacity_w;
  }
  bool IsLinear() const { return method_ == Method::kLinear; }

  /// Keeps the register pairs that lie in the column.
  void LoadPairs() {
    for (const size_t kind : {size_t{0}, size_t{1}}) {
      const RegisterKind register_kind = kind == 0 ? RegisterKind::kImport : RegisterKind::kExport;
      for (const RegisterPair& pair :
           PairsOf(input_.registers, register_kind, CapacityOf(kind)).pairs) {
        if (pair.span.start >= input_.column_start && pair.span.end <= TimeOf(size_)) {
          pairs_[kind].push_back(pair);
        }
      }
    }
  }

  bool IsEnclosed(int64_t i, size_t kind) const {
    const absl::Time start = TimeOf(i);
    return std::any_of(pairs_[kind].begin(), pairs_[kind].end(), [&](const RegisterPair& pair) {
      return pair.span.start <= start && start + step_ <= pair.span.end;
    });
  }

  /// The values, or the weights, that the method gives an interval.
  absl::StatusOr<Energies> OwnValues(int64_t i) {
    switch (method_) {
      case Method::kReferenceDay:
        return ReferenceValues(i);
      case Method::kProfile:
        return ProfileValues(i);
      default:
        break;
    }
    for (const size_t kind : {size_t{0}, size_t{1}}) {
      if (CapacityOf(kind) > 0 && !IsEnclosed(i, kind)) {
        return Impossible("no register values enclose the gap");
      }
    }
    return Energies{0, 0};
  }

  static absl::Status Impossible(absl::string_view why) {
    return Error(kSubstituteImpossible, why);
  }

  bool IsDayMeasured(absl::CivilDay day) {
    const auto known = measured_days_.find(day);
    if (known != measured_days_.end()) {
      return known->second;
    }
    const Interval span = LocalDay(day, zone_, step_);
    bool measured = span.start >= input_.column_start && span.end <= TimeOf(size_);
    for (absl::Time at = span.start; measured && at < span.end; at += step_) {
      measured = IsMeasured(IndexOf(at));
    }
    return measured_days_[day] = measured;
  }

  absl::StatusOr<Energies> ReferenceValues(int64_t i) {
    const absl::CivilSecond local = absl::ToCivilSecond(TimeOf(i), zone_);
    for (int week = 1; week <= kReferenceWeeks; ++week) {
      for (const int days : {-7 * week, 7 * week}) {
        const absl::CivilDay day = absl::CivilDay(local) + days;
        if (!IsDayMeasured(day)) {
          continue;
        }
        const absl::CivilSecond same(day.year(), day.month(), day.day(), local.hour(),
                                     local.minute(), local.second());
        const int64_t at = IndexOf(FloorToGrid(zone_.At(same).pre, step_));
        if (IsMeasured(at)) {
          return ValueAt(at);
        }
      }
    }
    return Impossible("no like day was measured throughout");
  }

  void LearnProfile() {
    for (int64_t i = 0; i < size_; ++i) {
      if (IsMeasured(i)) {
        const auto [weekend, second] = SlotOf(i);
        by_slot_[{weekend, second}].Add(ValueAt(i));
        by_time_[second].Add(ValueAt(i));
        all_.Add(ValueAt(i));
      }
    }
  }

  std::pair<bool, int64_t> SlotOf(int64_t i) const {
    const absl::CivilSecond local = absl::ToCivilSecond(TimeOf(i), zone_);
    return {IsWeekend(absl::CivilDay(local)), local - absl::CivilSecond(absl::CivilDay(local))};
  }

  absl::StatusOr<Energies> ProfileValues(int64_t i) const {
    const auto [weekend, second] = SlotOf(i);
    if (const auto slot = by_slot_.find({weekend, second}); slot != by_slot_.end()) {
      return slot->second.Value();
    }
    if (const auto time = by_time_.find(second); time != by_time_.end()) {
      return time->second.Value();
    }
    if (all_.count > 0) {
      return all_.Value();
    }
    return Impossible("the point has no measured value to learn a profile from");
  }

  /// Replaces the values between two register values by shares of what the register moved.
  absl::Status ShareOut(const RegisterPair& pair, size_t kind) {
    int64_t rest_wh = pair.difference.wh();
    std::vector<int64_t> gaps;
    bool asked = false;
    for (int64_t i = IndexOf(pair.span.start); i < IndexOf(pair.span.end); ++i) {
      if (HasValue(i)) {
        rest_wh -= ValueAt(i)[kind];
      } else {
        gaps.push_back(i);
        asked = asked || filled_.contains(i);
      }
    }
    if (!asked) {
      return absl::OkStatus();
    }
    if (rest_wh < 0) {
      return Error(kRegisterContradiction,
                   "the known intervals sum to more than the register moved");
    }
    PW_ASSIGN_OR_RETURN(std::vector<int64_t> weights, WeightsOf(gaps, kind));
    const std::vector<int64_t> shares = AllocateByLargestRemainder(rest_wh, weights);
    for (size_t k = 0; k < gaps.size(); ++k) {
      if (const auto filled = filled_.find(gaps[k]); filled != filled_.end()) {
        filled->second[kind] = shares[k];
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<int64_t>> WeightsOf(const std::vector<int64_t>& gaps, size_t kind) {
    std::vector<int64_t> weights(gaps.size(), 1);
    if (IsLinear()) {
      return weights;
    }
    for (size_t k = 0; k < gaps.size(); ++k) {
      PW_ASSIGN_OR_RETURN(const Energies own, OwnValues(gaps[k]));
      weights[k] = own[kind];
    }
    if (std::accumulate(weights.begin(), weights.end(), int64_t{0}) == 0) {
      weights.assign(gaps.size(), 1);
    }
    return weights;
  }

  Substitution Encode() const {
    Substitution result{.method = method_, .series = {}, .imported = {}, .exported = {}};
    for (const auto& [i, energies] : filled_) {
      if (result.series.empty() || result.series.back().Span().end != TimeOf(i)) {
        result.series.push_back({.metering_point = input_.metering_point,
                                 .start = TimeOf(i),
                                 .resolution = step_,
                                 .import_wh = {},
                                 .export_wh = {},
                                 .qualities = {Quality::kEstimated},
                                 .method = method_});
      }
      result.series.back().import_wh.push_back(energies[0]);
      result.series.back().export_wh.push_back(energies[1]);
      ++result.filled;
      result.imported += Energy::WattHours(energies[0]);
      result.exported += Energy::WattHours(energies[1]);
    }
    return result;
  }

  const SubstitutionInput& input_;
  const Method method_;
  const absl::Duration step_;
  const int64_t size_;
  const absl::TimeZone zone_;
  std::vector<int64_t> asked_;  ///< Intervals to fill.
  std::array<std::vector<RegisterPair>, 2> pairs_;
  std::map<int64_t, Energies> filled_;
  std::map<absl::CivilDay, bool> measured_days_;
  std::map<std::pair<bool, int64_t>, Mean> by_slot_;
  std::map<int64_t, Mean> by_time_;
  Mean all_;
};

}  // namespace

absl::StatusOr<Substitution> Substitute(const SubstitutionInput& input,
                                        std::optional<Method> asked) {
  if (asked.has_value()) {
    return Filling(input, *asked).Run();
  }
  absl::StatusOr<Substitution> best = Error(kSubstituteImpossible, "no method was tried");
  for (const Method method : {Method::kReferenceDay, Method::kProfile, Method::kLinear}) {
    best = Filling(input, method).Run();
    if (best.ok() || ReasonOf(best.status()) != kSubstituteImpossible.name) {
      return best;
    }
  }
  return best;
}

}  // namespace peerwatt::metering
