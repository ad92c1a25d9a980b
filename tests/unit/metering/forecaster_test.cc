#include "services/metering/core/forecast/forecaster.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/forecast_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Local;

/// Answers Columns: a constant per point, from a first day on. Notes what it was asked.
class ColumnStore final : public ReadingStore {
 public:
  std::map<std::string, int64_t> constant_wh;
  std::vector<std::pair<size_t, Interval>> asked;
  absl::Status failure;

  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override {
    if (!failure.ok()) {
      return failure;
    }
    asked.emplace_back(points.size(), span);
    const auto count = static_cast<size_t>(span.length() / resolution);
    ReadingColumns answer;
    for (const MeteringPointId& point : points) {
      const auto found = constant_wh.find(point.value());
      const bool known = found != constant_wh.end();
      ReadingColumn& column = answer.columns.emplace_back(ReadingColumn::Missing(count));
      if (known) {
        column.import_wh.assign(count, found->second);
        column.qualities.assign(count, Quality::kMeasured);
        column.revisions.assign(count, 1);
      }
    }
    return answer;
  }
  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch>,
                                                  absl::Time) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId&) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery&) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId&) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t, int32_t) override {
    return absl::UnimplementedError("not asked for");
  }
};

class ForecasterTest : public ::testing::Test {
 protected:
  ForecastQuery QueryOf(const std::vector<std::string>& names) {
    ForecastQuery query;
    for (const std::string& name : names) {
      query.points.emplace_back(name);
    }
    query.span = {Local(2026, 7, 10, 12), Local(2026, 7, 10, 13)};
    query.data_end = Local(2026, 7, 10, 11);
    return query;
  }

  testing::FakeDirectory directory_;
  ColumnStore store_;
  Forecaster forecaster_{directory_, store_};
};

TEST_F(ForecasterTest, AnswersInTheOrderAsked) {
  directory_.Add("a");
  directory_.Add("b");
  directory_.Add("empty");
  store_.constant_wh = {{"a", 10}, {"b", 20}};
  const auto forecasts = forecaster_.Run(QueryOf({"b", "unknown", "empty", "a"}));
  ASSERT_TRUE(forecasts.ok()) << forecasts.status();
  ASSERT_EQ(forecasts->size(), 4U);
  EXPECT_EQ((*forecasts)[0].forecast.import_wh, std::vector<int64_t>(4, 20));
  EXPECT_EQ((*forecasts)[0].resolution, absl::Minutes(15));
  EXPECT_EQ((*forecasts)[1].forecast, PointForecast());
  EXPECT_EQ((*forecasts)[1].resolution, absl::ZeroDuration());
  EXPECT_EQ((*forecasts)[2].forecast, PointForecast());
  EXPECT_EQ((*forecasts)[2].resolution, absl::Minutes(15));
  EXPECT_EQ((*forecasts)[3].forecast.import_wh, std::vector<int64_t>(4, 10));
}

TEST_F(ForecasterTest, ReadsManyPointsInPartsAndNothingAfterTheEndOfData) {
  std::vector<std::string> names;
  for (int i = 0; i < 400; ++i) {
    names.push_back("p" + std::to_string(i));
    directory_.Add(names.back());
    store_.constant_wh[names.back()] = i + 1;
  }
  const auto forecasts = forecaster_.Run(QueryOf(names));
  ASSERT_TRUE(forecasts.ok()) << forecasts.status();
  for (int i = 0; i < 400; ++i) {
    EXPECT_EQ((*forecasts)[static_cast<size_t>(i)].forecast.import_wh.front(), i + 1);
  }
  size_t points = 0;
  for (const auto& [count, span] : store_.asked) {
    EXPECT_LE(static_cast<int64_t>(count) * (span.length() / absl::Minutes(15)), 500'000);
    EXPECT_LE(span.end, Local(2026, 7, 10, 11));
    points += count;
  }
  EXPECT_EQ(points, 400U);
  EXPECT_GT(store_.asked.size(), 1U);
}

TEST_F(ForecasterTest, RefusesASpanOffTheGrid) {
  directory_.Add("a");
  ForecastQuery query = QueryOf({"a"});
  query.span.start += absl::Minutes(5);
  EXPECT_EQ(ReasonOf(forecaster_.Run(query).status()), "FIELD_INVALID");
  query = QueryOf({"a"});
  query.span.end += absl::Minutes(5);
  EXPECT_EQ(ReasonOf(forecaster_.Run(query).status()), "FIELD_INVALID");
  EXPECT_TRUE(store_.asked.empty());
}

TEST_F(ForecasterTest, FailsWhenTheRegistryOrTheDatabaseDoes) {
  directory_.Add("a");
  store_.failure = Error(kDatabaseUnavailable, "no database");
  EXPECT_EQ(ReasonOf(forecaster_.Run(QueryOf({"a"})).status()), "DATABASE_UNAVAILABLE");
  directory_.SetDown(Error(kPeerUnavailable, "no registry"), {"a"});
  EXPECT_EQ(ReasonOf(forecaster_.Run(QueryOf({"a"})).status()), "PEER_UNAVAILABLE");
}

}  // namespace
}  // namespace peerwatt::metering
