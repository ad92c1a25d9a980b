#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/source.h"

namespace peerwatt::agent {

/// A made-up household's consumption: the shape of a standard load profile, day by day dynamised,
/// with noise and appliances of its own. Two sources with the same arguments agree in every
/// interval, in any order and in any process.
class HouseholdSource final : public ReadingSource {
 public:
  /// seed: of the neighbourhood; household: any name; annual_kwh: 100 to 100000.
  /// Errors: SETTINGS_INVALID.
  static absl::StatusOr<std::unique_ptr<HouseholdSource>> New(uint64_t seed,
                                                              const std::string& household,
                                                              int64_t annual_kwh);
  std::optional<Power> MeanPower(const Interval& interval) const override;

 private:
  HouseholdSource(uint64_t key, double mean_w) : key_(key), mean_w_(mean_w) {}
  double SlotWatts(int64_t slot) const;

  uint64_t key_;
  double mean_w_;
};

/// A made-up photovoltaic plant: the clear sky at 48° north under clouds that the whole
/// neighbourhood shares (the seed's), with a plant's own scatter.
class PvSource final : public ReadingSource {
 public:
  /// seed: of the neighbourhood; household: any name; peak_w: 1 to 10^7 watts peak.
  /// Errors: SETTINGS_INVALID.
  static absl::StatusOr<std::unique_ptr<PvSource>> New(uint64_t seed, const std::string& household,
                                                       int64_t peak_w);
  std::optional<Power> MeanPower(const Interval& interval) const override;

 private:
  PvSource(uint64_t sky_key, uint64_t plant_key, int64_t peak_w)
      : sky_key_(sky_key), plant_key_(plant_key), peak_w_(peak_w) {}
  double SlotShare(int64_t slot) const;

  uint64_t sky_key_;
  uint64_t plant_key_;
  int64_t peak_w_;
};

}  // namespace peerwatt::agent
