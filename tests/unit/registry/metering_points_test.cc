#include "services/registry/core/metering_points.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

TEST(CheckNewMeteringPointTest, AcceptsAndRefusesInOrderOfThePrecedence) {
  const struct {
    const char* id;
    const char* connection;
    int64_t import_w;
    int64_t export_w;
    const char* field;
  } kCases[] = {
      {"m1", "", 1, 0, "OK"},
      {"m1", "c1", 0, 1, "OK"},
      {"m1", "c1", 1'000'000'000, 1'000'000'000, "OK"},
      {"M", "C", -1, -1, "metering_point_id"},
      {"m1", "C", -1, -1, "metering_point.grid_connection"},
      {"m1", "c1", -1, -1, "metering_point.import_capacity_w"},
      {"m1", "c1", 1'000'000'001, 1, "metering_point.import_capacity_w"},
      {"m1", "c1", 1, -1, "metering_point.export_capacity_w"},
      {"m1", "c1", 1, 1'000'000'001, "metering_point.export_capacity_w"},
      {"m1", "c1", 0, 0, "metering_point.import_capacity_w"},
  };
  for (const auto& c : kCases) {
    MeteringPoint point;
    point.id = MeteringPointId(c.id);
    point.grid_connection = GridConnectionId(c.connection);
    point.import_capacity_w = c.import_w;
    point.export_capacity_w = c.export_w;
    const auto checked = CheckNewMeteringPoint(point);
    EXPECT_EQ(checked.ok() ? "OK" : DetailOf(checked.status()).violations.at(0).field, c.field);
  }
}

TEST(CheckNewMeteringPointTest, IsItsOwnConnectionByDefault) {
  MeteringPoint point;
  point.id = MeteringPointId("m1");
  point.import_capacity_w = 1;
  EXPECT_EQ(CheckNewMeteringPoint(point)->grid_connection.value(), "m1");
}

TEST(CheckNewMeteringPointTest, ABoundaryHasNoEnergySource) {
  MeteringPoint point;
  point.id = MeteringPointId("b1");
  point.import_capacity_w = 1;
  point.is_boundary = true;
  EXPECT_TRUE(CheckNewMeteringPoint(point).ok());
  point.energy_source = EnergySource::kWind;
  EXPECT_EQ(DetailOf(CheckNewMeteringPoint(point).status()).violations.at(0).field,
            "metering_point.energy_source");
}

}  // namespace
}  // namespace peerwatt::registry
