#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Seconds of a day. A day here is one of UTC: every one has the same number of intervals.
inline constexpr int64_t kDaySeconds = 86'400;

/// Which values lie together: those of one metering point, by its number, on one UTC day, with one
/// interval length.
struct DayKey {
  int32_t day = 0;  ///< Days since 1970-01-01.
  int64_t point_no = 0;
  int32_t resolution_s = 0;

  auto operator<=>(const DayKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const DayKey& key) {
    return H::combine(std::move(hash), key.day, key.point_no, key.resolution_s);
  }
  size_t SlotCount() const { return static_cast<size_t>(kDaySeconds / resolution_s); }
  absl::Time StartOf(size_t slot) const {
    return absl::FromUnixSeconds(day * kDaySeconds + static_cast<int64_t>(slot) * resolution_s);
  }
};

/// What one writing of values says of all of them.
struct Provenance {
  int64_t created_us = 0;  ///< When they were stored, microseconds since 1970.
  Quality quality = Quality::kMeasured;
  Method method = Method::kNone;

  bool operator==(const Provenance&) const = default;
};

/// A value of one interval. Energies in watt hours.
struct DayValue {
  int32_t import_wh = 0;
  int32_t export_wh = 0;
  int32_t revision = 0;  ///< 0: there is none.
  Provenance provenance;
};

/// An interval's value before its present one.
struct SupersededValue {
  uint16_t slot = 0;
  int32_t revision = 0;
  int32_t import_wh = 0;
  int32_t export_wh = 0;
  uint32_t write_no = 0;

  bool operator==(const SupersededValue&) const = default;
};

/// All that is known of one metering point on one UTC day: the present value of each interval and
/// every earlier revision. Made by writing values one after the other; the same sequence of
/// writings gives the same day.
class Day {
 public:
  /// A day without values. slot_count: intervals of the day.
  explicit Day(size_t slot_count) : slot_count_(static_cast<uint16_t>(slot_count)) {}

  /// Writes the value of an interval: a first one, or one that differs from the present one in
  /// energy or quality, becomes the next revision; another changes nothing. Returns whether it
  /// was new. Energies are from 0 to `kIntervalEnergyWhMax`.
  bool Write(size_t slot, int32_t import_wh, int32_t export_wh, const Provenance& provenance);
  /// Writes values of all intervals at once into a day that is empty. export_wh: empty when all 0.
  void WriteWhole(std::vector<int32_t> import_wh, std::vector<int32_t> export_wh,
                  const Provenance& provenance);

  /// The present value; revision 0 if there is none.
  DayValue At(size_t slot) const;
  /// The value as it was known at an instant; revision 0 if there was none.
  DayValue AsOf(size_t slot, int64_t time_us) const;
  /// Every revision that was known at an instant, in their order.
  std::vector<DayValue> Revisions(size_t slot, int64_t time_us) const;
  /// The last interval that has a value.
  std::optional<size_t> LastSlot() const;

  bool empty() const { return writes_.empty(); }
  size_t slot_count() const { return slot_count_; }
  /// Highest block whose values are in this day: a block up to it must not be written again.
  int64_t last_block_no = 0;

 private:
  friend class DayCodec;

  int32_t ExportOf(size_t slot) const { return export_wh_.empty() ? 0 : export_wh_[slot]; }
  int32_t RevisionOf(size_t slot) const;
  uint32_t WriteOf(size_t slot) const { return write_of_.empty() ? 0 : write_of_[slot]; }
  uint32_t WriteNumber(const Provenance& provenance);
  void Spread();

  uint16_t slot_count_;
  std::vector<int32_t> import_wh_;  ///< `kNoValue` where there is none; empty in an empty day.
  std::vector<int32_t> export_wh_;  ///< Empty: all 0.
  std::vector<Provenance> writes_;
  std::vector<uint32_t> write_of_;    ///< Index into writes_; empty: all 0.
  std::vector<int32_t> revision_of_;  ///< Empty: 1 where there is a value.
  std::vector<SupersededValue> superseded_;
};

/// Stands for "no value" among energies.
inline constexpr int32_t kNoValue = -1;
/// Most energy of one interval in one direction, in watt hours.
inline constexpr int64_t kIntervalEnergyWhMax = 2'000'000'000;

}  // namespace peerwatt::metering
