#include "services/metering/core/validation.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::metering {
namespace {

const absl::Time kNow = absl::FromCivil(absl::CivilHour(2026, 7, 1, 12), absl::UTCTimeZone());
const absl::Duration kQuarter = absl::Minutes(15);

Member House() {
  return {.participant = ParticipantId("p1"),
          .community = CommunityId("c1"),
          .import_capacity_w = 10'001,
          .export_capacity_w = 5'000,
          .interval = kQuarter,
          .time_zone = "Europe/Berlin"};
}

/// Four valid quarters that end now.
Batch ValidBatch() {
  Batch batch;
  batch.series.push_back({.metering_point = MeteringPointId("m1"),
                          .start = kNow - 4 * kQuarter,
                          .resolution = kQuarter,
                          .import_wh = {0, 1, 2, 3},
                          .export_wh = {},
                          .qualities = {}});
  return batch;
}

std::string ReasonFor(const Batch& batch) {
  Member consumer = House();
  consumer.export_capacity_w = 0;
  return ReasonOf(ValidateBatch(
      batch, {{MeteringPointId("m1"), House()}, {MeteringPointId("consumer"), consumer}}, kNow));
}

struct Case {
  const char* name;
  std::string reason;
  std::function<void(Series&)> change;
};

std::vector<Case> Cases() {
  return {
      {"valid", "", [](Series&) {}},
      {"no values", "SERIES_EMPTY", [](Series& s) { s.import_wh.clear(); }},
      {"unknown point", "METERING_POINT_UNKNOWN",
       [](Series& s) { s.metering_point = MeteringPointId("m2"); }},
      {"over an hour", "RESOLUTION_MISMATCH", [](Series& s) { s.resolution = absl::Hours(2); }},
      {"no multiple", "RESOLUTION_MISMATCH", [](Series& s) { s.resolution = absl::Minutes(20); }},
      {"no resolution", "RESOLUTION_MISMATCH",
       [](Series& s) { s.resolution = absl::ZeroDuration(); }},
      {"negative resolution", "RESOLUTION_MISMATCH", [](Series& s) { s.resolution = -kQuarter; }},
      {"a second off the grid", "READING_OFF_GRID", [](Series& s) { s.start -= absl::Seconds(1); }},
      {"a microsecond off the grid", "READING_OFF_GRID",
       [](Series& s) { s.start -= absl::Microseconds(1); }},
      {"on an earlier grid instant", "", [](Series& s) { s.start -= kQuarter; }},
      {"import below zero", "ENERGY_NEGATIVE", [](Series& s) { s.import_wh[3] = -1; }},
      {"export below zero", "ENERGY_NEGATIVE", [](Series& s) { s.export_wh = {0, 0, 0, -1}; }},
      {"export too short", "COLUMN_LENGTH_MISMATCH", [](Series& s) { s.export_wh = {0, 0, 0}; }},
      {"export too long", "COLUMN_LENGTH_MISMATCH",
       [](Series& s) { s.export_wh = {0, 0, 0, 0, 0}; }},
      {"two qualities", "COLUMN_LENGTH_MISMATCH",
       [](Series& s) { s.qualities = {Quality::kMeasured, Quality::kMeasured}; }},
      {"one quality for all", "", [](Series& s) { s.qualities = {Quality::kEstimated}; }},
      {"missing", "QUALITY_INVALID", [](Series& s) { s.qualities = {Quality::kMissing}; }},
      {"quality out of range", "QUALITY_INVALID",
       [](Series& s) { s.qualities = {static_cast<Quality>(0)}; }},
      {"ends a quarter ahead", "READING_IN_FUTURE", [](Series& s) { s.start += kQuarter; }},
      {"one value more", "READING_IN_FUTURE", [](Series& s) { s.import_wh.push_back(0); }},
      // 10001 W for 15 minutes are 2500.25 Wh, rounded up.
      {"import at capacity", "", [](Series& s) { s.import_wh[0] = 2501; }},
      {"import above capacity", "READING_IMPLAUSIBLE", [](Series& s) { s.import_wh[0] = 2502; }},
      {"export at capacity", "", [](Series& s) { s.export_wh = {1250, 0, 0, 0}; }},
      {"export above capacity", "READING_IMPLAUSIBLE",
       [](Series& s) { s.export_wh = {0, 0, 0, 1251}; }},
      {"export of a consumer", "READING_IMPLAUSIBLE",
       [](Series& s) {
         s.metering_point = MeteringPointId("consumer");
         s.export_wh = {0, 0, 0, 1};
       }},
      {"largest number", "READING_IMPLAUSIBLE", [](Series& s) { s.import_wh[0] = INT64_MAX; }},
  };
}

TEST(ValidationTest, JudgesEachRuleAtItsBounds) {
  for (const Case& one : Cases()) {
    Batch batch = ValidBatch();
    one.change(batch.series[0]);
    EXPECT_EQ(ReasonFor(batch), one.reason) << one.name;
  }
}

TEST(ValidationTest, ReportsTheFirstBrokenRuleInTheDocumentedOrder) {
  // Breaks one rule after the other, from the last to the first; each wins over those before.
  Batch batch = ValidBatch();
  batch.series.push_back(batch.series[0]);
  Series& series = batch.series[0];
  const std::vector<Case> steps = {
      {"same twice", "OVERLAP", [](Series&) {}},
      {"implausible", "READING_IMPLAUSIBLE", [](Series& s) { s.import_wh[0] = 9999; }},
      {"future", "READING_IN_FUTURE", [](Series& s) { s.start += 8 * kQuarter; }},
      {"quality", "QUALITY_INVALID", [](Series& s) { s.qualities = {Quality::kMissing}; }},
      {"columns", "COLUMN_LENGTH_MISMATCH", [](Series& s) { s.export_wh = {1}; }},
      {"negative", "ENERGY_NEGATIVE", [](Series& s) { s.import_wh[1] = -1; }},
      {"grid", "READING_OFF_GRID", [](Series& s) { s.start += absl::Seconds(1); }},
      {"resolution", "RESOLUTION_MISMATCH", [](Series& s) { s.resolution = absl::Minutes(5); }},
      {"unknown", "METERING_POINT_UNKNOWN",
       [](Series& s) { s.metering_point = MeteringPointId("m2"); }},
      {"empty", "SERIES_EMPTY", [](Series& s) { s.import_wh.clear(); }},
  };
  for (const Case& step : steps) {
    step.change(series);
    EXPECT_EQ(ReasonFor(batch), step.reason) << step.name;
  }
}

TEST(ValidationTest, RefusesABatchWithoutSeries) {
  EXPECT_EQ(ReasonFor(Batch()), "SERIES_EMPTY");
}

TEST(ValidationTest, BoundsSeriesAndReadingsOfABatch) {
  Batch batch;
  batch.series.assign(kBatchSeriesMax, ValidBatch().series[0]);
  EXPECT_TRUE(CheckBatchSize(batch).ok());
  batch.series.push_back(batch.series[0]);
  EXPECT_EQ(ReasonOf(CheckBatchSize(batch)), "BATCH_TOO_LARGE");

  batch.series.resize(2);
  batch.series[0].import_wh.assign(kBatchReadingsMax - 4, 0);
  EXPECT_TRUE(CheckBatchSize(batch).ok());
  batch.series[0].import_wh.push_back(0);
  EXPECT_EQ(ReasonOf(CheckBatchSize(batch)), "BATCH_TOO_LARGE");
}

TEST(ValidationTest, FindsOverlapOnlyWhereSpansMeet) {
  Batch batch = ValidBatch();
  batch.series.push_back(batch.series[0]);
  batch.series[1].start -= 4 * kQuarter;
  EXPECT_EQ(ReasonFor(batch), "") << "adjacent spans do not overlap";
  batch.series[1].start += kQuarter;
  EXPECT_EQ(ReasonFor(batch), "OVERLAP");
  batch.series[1].metering_point = MeteringPointId("consumer");
  EXPECT_EQ(ReasonFor(batch), "") << "other points have their own intervals";
}

TEST(ValidationTest, NamesTheFieldAtFault) {
  Batch batch = ValidBatch();
  batch.series.push_back(batch.series[0]);
  batch.series[1].import_wh[2] = -5;
  const absl::Status status =
      ValidateBatch(batch, {{MeteringPointId("m1"), House()}}, kNow);
  const ErrorDetail detail = DetailOf(status);
  ASSERT_EQ(detail.violations.size(), 1u);
  EXPECT_EQ(detail.violations[0].field, "series[1].import_energy_wh[2]");
  EXPECT_EQ(detail.metadata.at("metering_point"), "m1");
}

}  // namespace
}  // namespace peerwatt::metering
