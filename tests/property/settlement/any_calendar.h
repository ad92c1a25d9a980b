#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace peerwatt::settlement {

/// Numbers that follow from a seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t Number(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool OneIn(int64_t n) { return Number(1, n) == 1; }

 private:
  std::mt19937_64 random_;
};

/// A zone and the start of five days around a change of its clock, or around a new month.
struct Calendar {
  const char* zone;
  absl::CivilDay first;
};

inline Calendar AnyCalendar(Dice& dice) {
  constexpr std::array<std::pair<const char*, std::array<int, 3>>, 7> kCalendars{{
      {"Europe/Berlin", {2026, 3, 28}},
      {"Europe/Berlin", {2026, 10, 24}},
      {"Europe/Berlin", {2026, 12, 29}},
      {"UTC", {2028, 2, 27}},
      {"America/Santiago", {2026, 9, 4}},
      {"America/Havana", {2026, 10, 30}},
      {"Asia/Kathmandu", {2026, 6, 29}},
  }};
  const auto& [zone, day] = kCalendars[static_cast<size_t>(dice.Number(0, 6))];
  return {zone, absl::CivilDay(day[0], day[1], day[2])};
}

inline absl::TimeZone Load(const char* name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::LoadTimeZone(name, &zone);
  return zone;
}

}  // namespace peerwatt::settlement
