#include "services/metering/core/slice.h"

#include <vector>

namespace peerwatt::metering {
namespace {

/// Collects new values as long as they follow each other and came to be in the same way.
class RunWriter {
 public:
  RunWriter(const Slice& slice, BlockWriter& block) : slice_(slice), block_(block) {}

  void Add(size_t slot, int32_t import_wh, int32_t export_wh, Quality quality) {
    if (!imports_.empty() && (slot != first_slot_ + imports_.size() || quality != quality_)) {
      Flush();
    }
    if (imports_.empty()) {
      first_slot_ = slot;
      quality_ = quality;
    }
    imports_.push_back(import_wh);
    exports_.push_back(export_wh);
    has_export_ = has_export_ || export_wh != 0;
  }
  void Flush() {
    if (imports_.empty()) {
      return;
    }
    block_.Add(slice_.key, first_slot_, quality_, slice_.series->method, imports_,
               has_export_ ? absl::MakeConstSpan(exports_) : absl::Span<const int32_t>());
    imports_.clear();
    exports_.clear();
    has_export_ = false;
  }

 private:
  const Slice& slice_;
  BlockWriter& block_;
  size_t first_slot_ = 0;
  Quality quality_ = Quality::kMeasured;
  bool has_export_ = false;
  std::vector<int32_t> imports_;
  std::vector<int32_t> exports_;
};

std::vector<int32_t> Narrow(const std::vector<int64_t>& wide, size_t first, size_t count) {
  std::vector<int32_t> narrow(count);
  for (size_t i = 0; i < count; ++i) {
    narrow[i] = static_cast<int32_t>(wide[first + i]);
  }
  return narrow;
}

/// Whether the slice is all there is of its day and nothing distinguishes its values.
bool FillsDay(const Slice& slice, const Day& day) {
  return day.empty() && slice.count == day.slot_count() && slice.series->qualities.size() <= 1;
}

}  // namespace

SliceResult WriteSlice(const Slice& slice, int64_t created_us, Day& day, BlockWriter& block) {
  const Series& series = *slice.series;
  if (FillsDay(slice, day)) {
    std::vector<int32_t> imports = Narrow(series.import_wh, slice.first, slice.count);
    std::vector<int32_t> exports;
    if (!series.export_wh.empty()) {
      exports = Narrow(series.export_wh, slice.first, slice.count);
    }
    const Provenance provenance{created_us, series.QualityOf(slice.first), series.method};
    block.Add(slice.key, slice.slot, provenance.quality, provenance.method, imports, exports);
    day.WriteWhole(std::move(imports), std::move(exports), provenance);
    return {.stored = static_cast<int32_t>(slice.count),
            .first_stored = slice.first,
            .last_stored = slice.first + slice.count - 1};
  }
  SliceResult result;
  RunWriter runs(slice, block);
  for (size_t i = 0; i < slice.count; ++i) {
    const size_t index = slice.first + i;
    const auto import_wh = static_cast<int32_t>(series.import_wh[index]);
    const auto export_wh = static_cast<int32_t>(series.ExportWhOf(index));
    const Quality quality = series.QualityOf(index);
    if (!day.Write(slice.slot + i, import_wh, export_wh, {created_us, quality, series.method})) {
      continue;
    }
    runs.Add(slice.slot + i, import_wh, export_wh, quality);
    if (result.stored++ == 0) {
      result.first_stored = index;
    }
    result.last_stored = index;
  }
  runs.Flush();
  return result;
}

}  // namespace peerwatt::metering
