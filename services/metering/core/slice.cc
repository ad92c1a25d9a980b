#include "services/metering/core/slice.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace peerwatt::metering {
namespace {

std::vector<int32_t> Narrow(const std::vector<int64_t>& wide, size_t first, size_t count) {
  std::vector<int32_t> narrow(count);
  for (size_t i = 0; i < count; ++i) {
    narrow[i] = static_cast<int32_t>(wide[first + i]);
  }
  return narrow;
}

/// What stands in a day for an interval whose registers say `derived`.
DayValue StrongestOf(const Day& day, size_t slot, const DayValue& derived) {
  const DayValue present = day.At(slot);
  if (present.revision == 0) {
    return derived;
  }
  if (present.provenance.quality == Quality::kMeasured ||
      present.provenance.method == Method::kManual) {
    return present;
  }
  const std::vector<DayValue> revisions = day.Revisions(slot, INT64_MAX);
  const auto measured = std::find_if(revisions.rbegin(), revisions.rend(), [](const DayValue& one) {
    return one.provenance.quality == Quality::kMeasured;
  });
  return measured == revisions.rend() ? derived : *measured;
}

/// Whether the slice is all there is of its day and nothing distinguishes its values.
bool FillsDay(const Slice& slice, const Day& day) {
  return day.empty() && slice.count == day.slot_count() && slice.series->qualities.size() <= 1;
}

}  // namespace

void RunWriter::Add(size_t slot, int32_t import_wh, int32_t export_wh,
                    const Provenance& provenance) {
  if (!imports_.empty() &&
      (slot != first_slot_ + imports_.size() || !(provenance == provenance_))) {
    Flush();
  }
  if (imports_.empty()) {
    first_slot_ = slot;
    provenance_ = provenance;
  }
  imports_.push_back(import_wh);
  exports_.push_back(export_wh);
  has_export_ = has_export_ || export_wh != 0;
}

void RunWriter::AddAll(size_t slot, const Provenance& provenance,
                       absl::Span<const int32_t> imports, absl::Span<const int32_t> exports) {
  Flush();
  block_.Add(key_, slot, provenance.quality, provenance.method, imports, exports);
}

void RunWriter::Flush() {
  if (imports_.empty()) {
    return;
  }
  block_.Add(key_, first_slot_, provenance_.quality, provenance_.method, imports_,
             has_export_ ? absl::MakeConstSpan(exports_) : absl::Span<const int32_t>());
  imports_.clear();
  exports_.clear();
  has_export_ = false;
}

SliceResult WriteSlice(const Slice& slice, int64_t created_us, Day& day, RunWriter& runs) {
  const Series& series = *slice.series;
  if (FillsDay(slice, day)) {
    std::vector<int32_t> imports = Narrow(series.import_wh, slice.first, slice.count);
    std::vector<int32_t> exports;
    if (!series.export_wh.empty()) {
      exports = Narrow(series.export_wh, slice.first, slice.count);
    }
    const Provenance provenance{created_us, series.QualityOf(slice.first), series.method};
    runs.AddAll(slice.slot, provenance, imports, exports);
    day.WriteWhole(std::move(imports), std::move(exports), provenance);
    return {.stored = static_cast<int32_t>(slice.count),
            .first_stored = slice.first,
            .last_stored = slice.first + slice.count - 1};
  }
  SliceResult result;
  for (size_t i = 0; i < slice.count; ++i) {
    const size_t index = slice.first + i;
    DayValue value{.import_wh = static_cast<int32_t>(series.import_wh[index]),
                   .export_wh = static_cast<int32_t>(series.ExportWhOf(index)),
                   .revision = 0,
                   .provenance = {created_us, series.QualityOf(index), series.method}};
    if (series.yields) {
      value = StrongestOf(day, slice.slot + i, value);
      value.provenance.created_us = created_us;
    }
    if (!day.Write(slice.slot + i, value.import_wh, value.export_wh, value.provenance)) {
      continue;
    }
    runs.Add(slice.slot + i, value.import_wh, value.export_wh, value.provenance);
    if (result.stored++ == 0) {
      result.first_stored = index;
    }
    result.last_stored = index;
  }
  return result;
}

}  // namespace peerwatt::metering
