// Forecasts from a real store, asked over mTLS as the market does.
#include "services/metering/rpc/forecast_service.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Certificates;

class ForecastServiceTest : public testing::StoreTest {
 protected:
  void SetUp() override {
    directory_.Add("m1");
    directory_.Add("m2");
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("metering")), &port_);
    builder.RegisterService(&public_);
    builder.RegisterService(&internal_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
  }

  /// Stores `count` quarters of m1 from `first`, each of `import_wh`.
  void Fill(int first, int count, int64_t import_wh) {
    const auto size = static_cast<size_t>(count);
    Store(BatchOf({{.metering_point = MeteringPointId("m1"),
                    .start = Quarter(first),
                    .resolution = absl::Minutes(15),
                    .import_wh = std::vector<int64_t>(size, import_wh),
                    .export_wh = {},
                    .qualities = {}}}));
  }
  static v1::QueryForecastsRequest QueryOf(std::vector<std::string> points, int first, int count,
                                           int data_end) {
    v1::QueryForecastsRequest request;
    for (const std::string& point : points) {
      request.add_metering_points("meteringPoints/" + point);
    }
    *request.mutable_start_time() = rpc::ToProto(Quarter(first));
    *request.mutable_end_time() = rpc::ToProto(Quarter(first + count));
    *request.mutable_data_end_time() = rpc::ToProto(Quarter(data_end));
    return request;
  }
  grpc::Status Query(const v1::QueryForecastsRequest& request, v1::QueryForecastsResponse* response,
                     const std::string& peer = "market") {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    return v1::ForecastsInternal::NewStub(ChannelOf(peer))
        ->QueryForecasts(&context, request, response);
  }
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& peer) {
    return rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                                 Certificates::Instance().Of(peer), "metering");
  }
  static std::string ReasonOf(const grpc::Status& status) {
    return peerwatt::ReasonOf(rpc::FromGrpcStatus(status));
  }

  testing::FakeDirectory directory_;
  ManualClock clock_{Quarter(5 * 96)};
  ForecastService public_{directory_, store_, clock_};
  InternalForecastService internal_{directory_, store_};
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

TEST_F(ForecastServiceTest, TheMarketGetsTheSameAnswerWhateverCameAfterTheEndOfData) {
  Fill(0, 4 * 96, 50);
  const v1::QueryForecastsRequest request = QueryOf({"m2", "m1"}, 4 * 96 + 4, 2, 4 * 96);
  v1::QueryForecastsResponse before;
  ASSERT_TRUE(Query(request, &before).ok());
  ASSERT_EQ(before.forecasts_size(), 2);
  EXPECT_EQ(before.forecasts(0).model(), v1::FORECAST_MODEL_UNSPECIFIED);
  EXPECT_EQ(before.forecasts(0).import_energy_wh_size(), 0);
  EXPECT_EQ(before.forecasts(1).model(), v1::SMOOTHED);
  EXPECT_THAT(before.forecasts(1).import_energy_wh(), ::testing::ElementsAre(50, 50));
  EXPECT_THAT(before.forecasts(1).export_energy_wh(), ::testing::ElementsAre(0, 0));
  Fill(4 * 96, 96, 5000);
  v1::QueryForecastsResponse after;
  ASSERT_TRUE(Query(request, &after, "settlement").ok());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  Fill(0, 4 * 96, 60);  // Corrections count.
  ASSERT_TRUE(Query(request, &after).ok());
  EXPECT_THAT(after.forecasts(1).import_energy_wh(), ::testing::ElementsAre(60, 60));
}

TEST_F(ForecastServiceTest, OnlyTheMarketAndSettlementMayQuery) {
  v1::QueryForecastsResponse response;
  EXPECT_EQ(ReasonOf(Query(QueryOf({"m1"}, 4, 1, 0), &response, "gateway")), "CALLER_UNKNOWN");
}

TEST_F(ForecastServiceTest, RefusesQueriesThatCannotBeAnswered) {
  const auto refused = [&](const v1::QueryForecastsRequest& request) {
    v1::QueryForecastsResponse response;
    return ReasonOf(Query(request, &response)) == "FIELD_INVALID";
  };
  EXPECT_TRUE(refused(QueryOf({"m1"}, 4, 0, 0)));
  EXPECT_TRUE(refused(QueryOf({"m1"}, 4, 7 * 96 + 1, 0)));
  EXPECT_FALSE(refused(QueryOf({"m1"}, 4, 7 * 96, 4)));
  EXPECT_TRUE(refused(QueryOf({"m1"}, 4, 1, 5)));
  v1::QueryForecastsRequest request = QueryOf({"m1"}, 4, 1, 0);
  request.clear_data_end_time();
  EXPECT_TRUE(refused(request));
  request = QueryOf({"m1"}, 4, 1, 0);
  request.set_model(static_cast<v1::ForecastModel>(9));
  EXPECT_TRUE(refused(request));
  request = QueryOf({"m1"}, 4, 1, 0);
  request.mutable_start_time()->set_seconds(request.start_time().seconds() - 300);
  EXPECT_TRUE(refused(request));
  EXPECT_TRUE(refused(QueryOf(std::vector<std::string>(10'001, "m1"), 4, 1, 0)));
  EXPECT_TRUE(refused(QueryOf(std::vector<std::string>(10'000, "m1"), 4, 101, 0)));
  request = QueryOf({"m1"}, 4, 1, 0);
  request.add_metering_points("somethingElse/m1");
  EXPECT_TRUE(refused(request));
}

TEST_F(ForecastServiceTest, AnOwnerSeesWhatIsKnownNow) {
  Fill(0, 5 * 96, 50);
  Fill(5 * 96, 96, 70);  // After now: not looked at.
  v1::ForecastReadingsRequest request;
  request.set_parent("meteringPoints/m1");
  *request.mutable_start_time() = rpc::ToProto(Quarter(5 * 96));
  *request.mutable_end_time() = rpc::ToProto(Quarter(5 * 96 + 1));
  const auto forecast = [&](const std::string& participant, v1::ForecastReadingsResponse* answer) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(access::v1::PROSUMER);
    principal.set_participant(participant);
    rpc::SetPrincipal(context, principal.SerializeAsString());
    rpc::SetDeadline(context, absl::Seconds(30));
    return v1::Forecasts::NewStub(ChannelOf("gateway"))
        ->ForecastReadings(&context, request, answer);
  };
  v1::ForecastReadingsResponse answer;
  ASSERT_TRUE(forecast("participants/p-m1", &answer).ok());
  EXPECT_THAT(answer.import_energy_wh(), ::testing::ElementsAre(50));
  EXPECT_EQ(answer.model(), v1::SMOOTHED);
  EXPECT_EQ(ReasonOf(forecast("participants/p-m2", &answer)), "PERMISSION_DENIED");
}

}  // namespace
}  // namespace peerwatt::metering
