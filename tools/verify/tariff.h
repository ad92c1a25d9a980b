#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace peerwatt::verify {

/// When a price applies, by the clock on the wall.
struct Window {
  uint32_t weekdays = 0x7F;  ///< bit 0 is Monday
  int64_t from = 0;          ///< minutes of the day
  int64_t until = 1440;      ///< exclusive
  int64_t first_day = 101;   ///< 100 × month + day
  int64_t last_day = 1231;   ///< inclusive; before the first one: of the next year
};

/// A price with its windows; without any, the price outside of all windows.
struct TimedPrice {
  int64_t micros_per_kwh = 0;
  std::vector<Window> windows;
};

/// Something that is charged besides energy.
struct Charge {
  enum class Counts {
    kConnectionDay,
    kParticipantDay,
    kConnectionMonth,
    kParticipantMonth,
    kPurchase,
    kSale
  };
  Counts counts = Counts::kPurchase;
  int64_t micros = 0;  ///< of a day: the price of its month
};

/// A version of a tariff with its start, in seconds since 1970.
struct TariffVersion {
  int64_t start = 0;
  std::vector<TimedPrice> retail;
  std::vector<TimedPrice> feed_in;
  std::vector<Charge> charges;
};

/// Reads a tariff with one price per direction, or a version with prices by time of use.
/// Errors: kInvalidArgument, also for what this checker does not know.
absl::StatusOr<TariffVersion> TariffFrom(const nlohmann::json& json);

/// The price at a time, in micro-units per kilowatt hour; nothing where none is known.
std::optional<int64_t> PriceAt(const std::vector<TimedPrice>& prices, int64_t time,
                               absl::TimeZone zone);

/// What one day of a month costs whose price is given: a half goes away from zero.
int64_t PartOfMonth(int64_t month_micros, absl::CivilDay day);

}  // namespace peerwatt::verify
