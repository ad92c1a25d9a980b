#include "libs/domain/time_zone.h"

#include <gtest/gtest.h>

#include <string>

namespace peerwatt {
namespace {

TEST(IanaTimeZoneTest, KnowsTheNamesOfTheDatabase) {
  for (const char* name : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"}) {
    EXPECT_TRUE(IanaTimeZone(name).has_value()) << name;
  }
  const absl::TimeZone berlin = IanaTimeZone("Europe/Berlin").value();
  const absl::Time july = absl::FromCivil(absl::CivilHour(2026, 7, 1, 12), absl::UTCTimeZone());
  EXPECT_EQ(absl::ToCivilHour(july, berlin), absl::CivilHour(2026, 7, 1, 14));
}

TEST(IanaTimeZoneTest, TakesNothingElse) {
  const std::string too_long(65, 'A');
  const absl::string_view texts[] = {"",
                                     "Europe/Atlantis",
                                     "/usr/share/zoneinfo/Europe/Berlin",
                                     ":/etc/localtime",
                                     "localtime",
                                     "Europe/../Europe/Berlin",
                                     "Fixed/UTC+02:00:00",
                                     "Fixed/UTC",
                                     "+02",
                                     "Europe/Berlin ",
                                     absl::string_view("UTC\0", 4),
                                     too_long};
  for (const absl::string_view text : texts) {
    EXPECT_FALSE(IanaTimeZone(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace peerwatt
