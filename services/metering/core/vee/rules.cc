#include "services/metering/core/vee/rules.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "services/metering/core/validation.h"
#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/outlier.h"

namespace peerwatt::metering {
namespace {

/// One examination: positions are indices of the column.
class DayExamination {
 public:
  explicit DayExamination(const DayView& view)
      : view_(view),
        step_(view.member->interval),
        size_(static_cast<int64_t>(view.column->qualities.size())),
        begin_(IndexOf(view.day.start)),
        end_(std::min(IndexOf(view.day.end), size_)),
        per_day_(absl::Hours(24) / step_),
        zone_(ZoneOf(view.member->time_zone)) {}

  std::vector<Found> Run() {
    FindGaps();
    FindOneWay(view_.column->import_wh, view_.member->import_capacity_w, "import");
    FindOneWay(view_.column->export_wh, view_.member->export_capacity_w, "export");
    FindOutliers();
    FindZeroRuns();
    FindWrongLength();
    FindImplausible(view_.column->import_wh, view_.member->import_capacity_w, "import");
    FindImplausible(view_.column->export_wh, view_.member->export_capacity_w, "export");
    return Merged(std::move(found_));
  }

 private:
  int64_t IndexOf(absl::Time time) const { return (time - view_.column_start) / step_; }
  absl::Time TimeOf(int64_t i) const { return view_.column_start + step_ * i; }
  static size_t At(int64_t i) { return static_cast<size_t>(i); }
  Quality QualityAt(int64_t i) const {
    return i < 0 || i >= size_ ? Quality::kMissing : view_.column->qualities[At(i)];
  }
  bool HasValue(int64_t i) const { return QualityAt(i) != Quality::kMissing; }
  bool IsMeasured(int64_t i) const { return QualityAt(i) == Quality::kMeasured; }
  bool IsZero(int64_t i) const {
    return view_.column->import_wh[At(i)] == 0 && view_.column->export_wh[At(i)] == 0;
  }

  void Add(Rule rule, int64_t first, int64_t last, std::string message) {
    found_.push_back({rule, {TimeOf(first), TimeOf(last)}, std::move(message)});
  }

  /// Adds one finding for each longest run in the day of positions that `is` wrong.
  void AddRuns(Rule rule, absl::FunctionRef<bool(int64_t)> is, const std::string& message) {
    for (int64_t i = begin_; i < end_;) {
      int64_t last = i;
      while (last < end_ && is(last)) {
        ++last;
      }
      if (last > i) {
        Add(rule, i, last, absl::StrCat(last - i, last - i == 1 ? " interval" : " intervals",
                                        message));
      }
      i = std::max(last, i + 1);
    }
  }

  void FindGaps() {
    const int64_t first = IndexOf(view_.declared.start);
    const int64_t last = IndexOf(view_.declared.end);
    AddRuns(Rule::kGap,
            [&](int64_t i) { return i >= first && i < last && !HasValue(i); }, " without a value");
  }

  void FindOneWay(absl::Span<const int64_t> values, int64_t capacity_w, const char* direction) {
    if (capacity_w == 0) {
      AddRuns(Rule::kNegativeOnOneWay, [&](int64_t i) { return values[At(i)] > 0; },
              absl::StrCat(" with ", direction, " at a point without capacity for it"));
    }
  }

  void FindImplausible(absl::Span<const int64_t> values, int64_t capacity_w,
                       const char* direction) {
    const int64_t max_wh = EnergyMax(capacity_w, step_).wh();
    if (max_wh > 0) {
      AddRuns(Rule::kImplausible, [&](int64_t i) { return values[At(i)] > max_wh; },
              absl::StrCat(" with more ", direction, " than the capacity lets through"));
    }
  }

  void FindOutliers() {
    for (const bool exported : {false, true}) {
      const absl::Span<const int64_t> values =
          exported ? view_.column->export_wh : view_.column->import_wh;
      const int64_t capacity_w =
          exported ? view_.member->export_capacity_w : view_.member->import_capacity_w;
      const HampelOptions options{
          .deviation_min = std::max<int64_t>(
              1, EnergyMax(capacity_w, step_).wh() / kOutlierFloorDivisor)};
      std::vector<int64_t> window;
      AddRuns(
          Rule::kOutlier,
          [&](int64_t i) {
            return capacity_w > 0 && IsMeasured(i) && FillWindow(i, values, window) &&
                   IsHampelOutlier(values[At(i)], window, options);
          },
          absl::StrCat(" with ", exported ? "export" : "import",
                       " far from that at the same time of the days before"));
    }
  }

  /// The values around the same time of this day and those before. False when they are too few.
  bool FillWindow(int64_t i, absl::Span<const int64_t> values, std::vector<int64_t>& window) {
    window.clear();
    const int64_t reach = kOutlierReach / step_;
    int64_t days = 0;
    for (int64_t day = 0; day <= kContextDays; ++day) {
      const int64_t centre = i - day * per_day_;
      days += day > 0 && HasValue(centre) ? 1 : 0;
      for (int64_t k = centre - reach; k <= centre + reach; ++k) {
        if (k < end_ && HasValue(k)) {
          window.push_back(values[At(k)]);
        }
      }
    }
    return days >= kUsualDaysMin;
  }

  /// Whether there is energy at this time on most of the days before. Without enough of them,
  /// where nothing can be fed in, there is: a household never stands still.
  bool IsUsuallyMoving(int64_t i) const {
    int64_t days = 0;
    int64_t moving = 0;
    for (int64_t k = i - per_day_; k >= i - kContextDays * per_day_; k -= per_day_) {
      if (HasValue(k)) {
        ++days;
        moving += IsZero(k) ? 0 : 1;
      }
    }
    return days >= kUsualDaysMin ? 2 * moving > days : view_.member->export_capacity_w == 0;
  }

  void FindZeroRuns() {
    const auto is_zero = [this](int64_t i) { return HasValue(i) && IsZero(i); };
    for (int64_t i = begin_; i < end_; ++i) {
      if (!is_zero(i)) {
        continue;
      }
      // The run may have begun on the day before; its length counts from there, as far as matters.
      int64_t first = i;
      while (first > std::max<int64_t>(0, begin_ - kZeroRunMax / step_) && i == begin_ &&
             is_zero(first - 1)) {
        --first;
      }
      int64_t last = i;
      while (last < end_ && is_zero(last)) {
        ++last;
      }
      int64_t unusual = 0;
      for (int64_t k = first; k < last; ++k) {
        unusual += IsUsuallyMoving(k) ? 1 : 0;
      }
      if (unusual * step_ > kZeroRunMax) {
        Add(Rule::kZeroRun, i, last,
            absl::StrCat(last - i, " intervals of zero where there usually is energy"));
      }
      i = last;
    }
  }

  int64_t CountValues(int64_t first, int64_t last) const {
    int64_t count = 0;
    for (int64_t i = first; i < last; ++i) {
      count += HasValue(i) ? 1 : 0;
    }
    return count;
  }

  /// Days on which clocks change: the calendar's number of values, and how it was missed.
  void FindWrongLength() {
    const std::optional<ClockChange> change = ClockChangeIn(view_.day, zone_);
    if (!change.has_value() || view_.declared.start > view_.day.start ||
        view_.declared.end < view_.day.end) {
      return;
    }
    const int64_t expected = view_.day.length() / step_;
    const int64_t count = CountValues(begin_, end_);
    if (count > 0 && count != expected) {
      Add(Rule::kWrongLength, begin_, end_,
          absl::StrCat(count, " values where the calendar has ", expected));
    }
    const int64_t shift = change->forward / step_;
    if (shift > 0) {
      FindOverrun(IndexOf(change->at), shift, expected);
    } else if (count == expected + shift) {
      FindCollapsedHour(IndexOf(change->at), -shift);
    }
  }

  /// The repeated hour is known once: one of the two, or the last hour of the day, is the only
  /// thing missing.
  void FindCollapsedHour(int64_t change, int64_t length) {
    const std::pair<int64_t, const char*> cases[] = {
        {change - length, "the first of the two repeated hours is missing"},
        {change, "the second of the two repeated hours is missing"},
        {end_ - length, "the day ends an hour early: the repeated hour was sent once"}};
    for (const auto& [first, message] : cases) {
      if (first >= begin_ && CountValues(first, first + length) == 0) {
        Add(Rule::kCollapsedDstHour, first, first + length, message);
        return;
      }
    }
  }

  /// A series of 24 hours for a day of 23: its last hour was overwritten by the next day's first,
  /// while neither this day after the change nor the next hour was ever corrected.
  void FindOverrun(int64_t change, int64_t length, int64_t expected) {
    const auto revision = [this](int64_t i) {
      return i < size_ ? view_.column->revisions[At(i)] : 0;
    };
    bool overrun = revision(end_ + length) <= 1;
    for (int64_t i = change; i < end_; ++i) {
      overrun = overrun && revision(i) == 1;
    }
    for (int64_t i = end_; i < end_ + length; ++i) {
      overrun = overrun && revision(i) == 2;
    }
    if (overrun) {
      Add(Rule::kWrongLength, begin_, end_,
          absl::StrCat(expected + length, " values sent where the calendar has ", expected));
    }
  }

  const DayView& view_;
  const absl::Duration step_;
  const int64_t size_;
  const int64_t begin_;
  const int64_t end_;
  const int64_t per_day_;
  const absl::TimeZone zone_;
  std::vector<Found> found_;
};

}  // namespace

std::vector<Found> ExamineDay(const DayView& view) { return DayExamination(view).Run(); }

}  // namespace peerwatt::metering
