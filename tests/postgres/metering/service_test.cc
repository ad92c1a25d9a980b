#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::ServiceTest;

class ApiTest : public ServiceTest {
 protected:
  grpc::Status Create(const std::vector<Series>& series, v1::BatchCreateReadingsResponse* response,
                      access::v1::Role role = access::v1::OPERATOR) {
    v1::BatchCreateReadingsRequest request;
    for (const Series& one : series) {
      *request.add_series() = ToProto(one);
    }
    grpc::ClientContext context;
    ActAs(context, "users/u1", role);
    return Public()->BatchCreateReadings(&context, request, response);
  }
  grpc::Status List(const v1::ListReadingsRequest& request, v1::ListReadingsResponse* response,
                    access::v1::Role role = access::v1::OPERATOR,
                    const std::string& participant = "") {
    grpc::ClientContext context;
    ActAs(context, "users/u1", role, participant);
    return Public()->ListReadings(&context, request, response);
  }
  grpc::Status Query(v1::QueryReadingsRequest request, v1::QueryReadingsResponse* response,
                     const std::string& peer = "settlement") {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    return Internal(peer)->QueryReadings(&context, request, response);
  }
  v1::QueryReadingsRequest QueryOf(int first, int count) {
    v1::QueryReadingsRequest request;
    request.add_metering_points("meteringPoints/m1");
    *request.mutable_start_time() = rpc::ToProto(Quarter(first));
    *request.mutable_end_time() = rpc::ToProto(Quarter(first + count));
    *request.mutable_resolution() = rpc::ToProto(absl::Minutes(15));
    return request;
  }

  v1::BatchCreateReadingsResponse created_;
};

TEST_F(ApiTest, UnaryBatchCountsStoredAndUnchanged) {
  EXPECT_TRUE(Create({Quarters("m1", StoreTest::Start(), 4)}, &created_).ok());
  EXPECT_EQ(created_.stored_count(), 4);
  EXPECT_TRUE(Create({Quarters("m1", Quarter(2), 4, 12)}, &created_).ok());
  EXPECT_EQ(created_.stored_count(), 2);
  EXPECT_EQ(created_.unchanged_count(), 2);
}

TEST_F(ApiTest, UnaryBatchIsRefusedWithAReasonAndStoresNothing) {
  const grpc::Status status = Create(
      {Quarters("m1", StoreTest::Start(), 4), Quarters("unknown", Quarter(0), 1)}, &created_);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "METERING_POINT_UNKNOWN");
  EXPECT_TRUE(Revisions("m1").empty());
  EXPECT_EQ(ReasonOf(Create({}, &created_)), "SERIES_EMPTY");
  EXPECT_EQ(ReasonOf(Create({Quarters("m1", now_, 1)}, &created_)), "READING_IN_FUTURE");
}

TEST_F(ApiTest, UnaryBatchIsToldToTryAgainWhenRegistryOrDatabaseAreDown) {
  directory_.SetDown(Error(kPeerUnavailable, "down"), {"m1"});
  EXPECT_EQ(ReasonOf(Create({Quarters("m1", Quarter(0), 1)}, &created_)), "PEER_UNAVAILABLE");
  gated_.FailNext(1, Error(kDatabaseUnavailable, "down"));
  EXPECT_EQ(ReasonOf(Create({Quarters("m2", Quarter(0), 1)}, &created_)), "DATABASE_UNAVAILABLE");
}

TEST_F(ApiTest, ConsumersMayNotStoreReadings) {
  EXPECT_EQ(ReasonOf(Create({Quarters("m1", Quarter(0), 1)}, &created_, access::v1::CONSUMER)),
            "PERMISSION_DENIED");
}

TEST_F(ApiTest, ListsPageByPage) {
  Create({Quarters("m1", StoreTest::Start(), 5, 100)}, &created_);
  v1::ListReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  request.set_page_size(2);
  std::vector<int64_t> imports;
  do {
    v1::ListReadingsResponse response;
    const grpc::Status status = List(request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_LE(response.readings_size(), 2);
    for (const v1::Reading& reading : response.readings()) {
      imports.push_back(reading.import_energy_wh());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(imports, std::vector<int64_t>({100, 101, 102, 103, 104}));
}

TEST_F(ApiTest, ListedReadingSaysEverything) {
  Create({Quarters("m1", Quarter(41), 1, 7)}, &created_);
  v1::ListReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  v1::ListReadingsResponse response;
  ASSERT_TRUE(List(request, &response).ok());
  ASSERT_EQ(response.readings_size(), 1);
  const v1::Reading& reading = response.readings(0);
  EXPECT_EQ(reading.name(), "meteringPoints/m1/readings/20260701t101500z");
  EXPECT_EQ(*rpc::TimeFrom(reading.start_time(), ""), Quarter(41));
  EXPECT_EQ(*rpc::TimeFrom(reading.end_time(), ""), Quarter(42));
  EXPECT_EQ(reading.import_energy_wh(), 7);
  EXPECT_EQ(reading.quality(), v1::MEASURED);
  EXPECT_EQ(reading.revision(), 1);
  EXPECT_EQ(*rpc::TimeFrom(reading.create_time(), ""), now_);
}

TEST_F(ApiTest, NobodyReadsAnothersMeter) {
  v1::ListReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  v1::ListReadingsResponse response;
  EXPECT_TRUE(List(request, &response, access::v1::CONSUMER, "participants/p-m1").ok());
  EXPECT_TRUE(List(request, &response, access::v1::REGULATOR).ok());
  EXPECT_EQ(ReasonOf(List(request, &response, access::v1::CONSUMER, "participants/p-m2")),
            "PERMISSION_DENIED");
  request.set_parent("meteringPoints/unknown");
  EXPECT_EQ(ReasonOf(List(request, &response, access::v1::CONSUMER, "participants/p-m1")),
            "PERMISSION_DENIED")
      << "existence is not told";
  EXPECT_EQ(ReasonOf(List(request, &response, access::v1::OPERATOR)), "METERING_POINT_UNKNOWN");
}

TEST_F(ApiTest, AggregatesLocalDays) {
  // 2026-07-01 00:00 UTC is 02:00 in Berlin: 88 quarters are left of that day.
  Create({Quarters("m1", StoreTest::Start(), 96, 0)}, &created_);
  v1::AggregateReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  *request.mutable_start_time() = rpc::ToProto(Quarter(-96));
  *request.mutable_end_time() = rpc::ToProto(Quarter(96));
  request.set_step(v1::AggregateReadingsRequest::DAY);
  request.set_time_zone("Europe/Berlin");
  grpc::ClientContext context;
  ActAs(context, "users/u1", access::v1::OPERATOR);
  v1::AggregateReadingsResponse response;
  ASSERT_TRUE(Public()->AggregateReadings(&context, request, &response).ok());
  ASSERT_EQ(response.buckets_size(), 2);
  EXPECT_EQ(response.buckets(0).reading_count(), 88);
  EXPECT_EQ(response.buckets(0).import_energy_wh(), 87 * 88 / 2);
  EXPECT_EQ(response.buckets(1).reading_count(), 8);
  EXPECT_EQ(response.buckets(1).import_energy_wh(), 95 * 96 / 2 - 87 * 88 / 2);
}

TEST_F(ApiTest, AggregationNeedsAKnownZoneAndABoundedSpan) {
  v1::AggregateReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  *request.mutable_start_time() = rpc::ToProto(Quarter(0));
  *request.mutable_end_time() = rpc::ToProto(Quarter(0));
  v1::AggregateReadingsResponse response;
  for (const char* zone : {"", "Mars/Olympus"}) {
    request.set_time_zone(zone);
    grpc::ClientContext context;
    ActAs(context, "users/u1", access::v1::OPERATOR);
    const grpc::Status status = Public()->AggregateReadings(&context, request, &response);
    EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
    *request.mutable_end_time() = rpc::ToProto(Quarter(96));
  }
}

TEST_F(ApiTest, QueryAnswersMarketAndSettlementOnly) {
  Create({Quarters("m1", Quarter(1), 2, 50)}, &created_);
  v1::QueryReadingsResponse response;
  ASSERT_TRUE(Query(QueryOf(0, 4), &response, "market").ok());
  ASSERT_EQ(response.columns_size(), 1);
  const auto& column = response.columns(0);
  const auto& imports = column.import_energy_wh();
  EXPECT_EQ(std::vector<int64_t>(imports.begin(), imports.end()),
            std::vector<int64_t>({0, 50, 51, 0}));
  EXPECT_EQ(column.qualities(0), v1::MISSING);
  EXPECT_EQ(column.qualities(1), v1::MEASURED);
  EXPECT_EQ(ReasonOf(Query(QueryOf(0, 4), &response, "gateway")), "CALLER_UNKNOWN");
}

TEST_F(ApiTest, QueryIsBounded) {
  v1::QueryReadingsResponse response;
  EXPECT_EQ(ReasonOf(Query(QueryOf(0, 0), &response)), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Query(QueryOf(0, 1'000'001), &response)), "FIELD_INVALID");
  v1::QueryReadingsRequest off_grid = QueryOf(0, 4);
  *off_grid.mutable_start_time() = rpc::ToProto(Quarter(0) + absl::Seconds(1));
  EXPECT_EQ(ReasonOf(Query(off_grid, &response)), "FIELD_INVALID");
}

TEST_F(ApiTest, WatchSendsThePastThenWhatComesAndEndsWithTheService) {
  Create({Quarters("m1", Quarter(0), 2)}, &created_);
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(30));
  const auto stub = Internal("settlement");
  const auto reader = stub->WatchReadings(&context, v1::WatchReadingsRequest());
  v1::WatchReadingsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_EQ(response.changes(0).metering_point(), "meteringPoints/m1");
  EXPECT_EQ(response.changes(0).community(), "communities/c1");
  EXPECT_EQ(response.cursor(), response.changes(0).cursor());

  Create({Quarters("m2", Quarter(5), 3)}, &created_);
  const int64_t cursor = response.cursor();
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_GT(response.changes(0).cursor(), cursor);
  EXPECT_EQ(*rpc::TimeFrom(response.changes(0).start_time(), ""), Quarter(5));
  EXPECT_EQ(*rpc::TimeFrom(response.changes(0).end_time(), ""), Quarter(8));

  changed_->Stop();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(ReasonOf(reader->Finish()), "DRAINING");
}

TEST_F(ApiTest, WatchResumesAfterItsCursor) {
  Create({Quarters("m1", Quarter(0), 1)}, &created_);
  v1::QueryReadingsResponse query;
  ASSERT_TRUE(Query(QueryOf(0, 1), &query).ok());
  Create({Quarters("m2", Quarter(0), 1)}, &created_);
  v1::WatchReadingsRequest request;
  request.set_cursor(query.cursor());
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(30));
  const auto stub = Internal("market");
  const auto reader = stub->WatchReadings(&context, request);
  v1::WatchReadingsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_EQ(response.changes(0).metering_point(), "meteringPoints/m2");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace peerwatt::metering
