// The calendar of runs behind mTLS, as the gateway calls it.

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/settlement/v1/runs.grpc.pb.h"
#include "services/settlement/rpc/runs_service.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::Certificates;
using Stub = v1::SettlementRuns::Stub;

class RunsServiceTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    replica_ = std::make_unique<Replica>(*this);
    desk_ = std::make_unique<RunDesk>(replica_->ledgers, replica_->settler, runs_, clock_, clock_);
    service_ = std::make_unique<RunsService>(
        RunParts{runs_, log_, *desk_, replica_->runner, replica_->ledgers}, clock_);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("settlement")),
                             &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gateway_ = v1::SettlementRuns::NewStub(
        rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port),
                              Certificates::Instance().Of("gateway"), "settlement"));
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    RunTest::TearDown();
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request,
                                access::v1::Role role = access::v1::OPERATOR) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(role);
    rpc::SetPrincipal(context, principal.SerializeAsString());
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((gateway_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::RunCalendar> Update(const v1::RunCalendar& calendar,
                                         access::v1::Role role = access::v1::OPERATOR) {
    v1::UpdateRunCalendarRequest request;
    request.set_name("communities/hamlet/runCalendar");
    *request.mutable_run_calendar() = calendar;
    return Call(&Stub::UpdateRunCalendar, request, role);
  }
  absl::StatusOr<v1::ListRunsResponse> List(v1::Run::Kind kind = v1::Run::KIND_UNSPECIFIED) {
    v1::ListRunsRequest request;
    request.set_parent("communities/hamlet");
    request.set_kind(kind);
    return Call(&Stub::ListRuns, request);
  }
  v1::RunNowRequest RunNowOf(absl::Duration length) {
    v1::RunNowRequest request;
    request.set_parent("communities/hamlet");
    *request.mutable_start_time() = rpc::ToProto(Start());
    *request.mutable_end_time() = rpc::ToProto(Start() + length);
    return request;
  }

  PostgresRunLog log_{pool_};
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<RunDesk> desk_;
  std::unique_ptr<RunsService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> gateway_;
};

TEST_F(RunsServiceTest, ACalendarIsReadChangedAndObeyed) {
  v1::GetRunCalendarRequest get;
  get.set_name("communities/hamlet/runCalendar");
  auto calendar = Call(&Stub::GetRunCalendar, get, access::v1::CONSUMER);
  ASSERT_TRUE(calendar.ok()) << calendar.status();
  EXPECT_EQ(calendar->version(), 0);
  EXPECT_EQ(calendar->correction_mode(), v1::RunCalendar::AS_CHANGES_ARRIVE);
  EXPECT_EQ(calendar->correction_window_days(), 1096);
  EXPECT_FALSE(calendar->has_first_run_delay());
  replica_->CatchUp();
  calendar->set_correction_mode(v1::RunCalendar::BY_CALENDAR);
  calendar->set_monthly_run_day(3);
  const auto first = Update(*calendar);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->version(), 1);
  EXPECT_EQ(Update(*calendar)->version(), 1) << "the answer was lost, the same again";
  EXPECT_EQ(Call(&Stub::GetRunCalendar, get)->monthly_run_day(), 3);
  metering_.Store("buyer", Quarter(0), 1500, 0);
  replica_->CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  calendar->set_version(1);
  calendar->set_correction_mode(v1::RunCalendar::AS_CHANGES_ARRIVE);
  ASSERT_TRUE(Update(*calendar).ok());
  replica_->runner.Step();
  EXPECT_EQ(PeriodAt(0).run_count, 2) << "the runner hears of the new version at once";
}

TEST_F(RunsServiceTest, ChecksACalendarInOrder) {
  v1::RunCalendar calendar;
  calendar.set_correction_window_days(-1);
  EXPECT_EQ(ReasonOf(Update(calendar, access::v1::CONSUMER).status()), "FIELD_INVALID");
  calendar.set_correction_window_days(30);
  EXPECT_EQ(ReasonOf(Update(calendar, access::v1::CONSUMER).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Update(calendar, access::v1::REGULATOR).status()), "PERMISSION_DENIED");
  calendar.set_version(4);
  EXPECT_EQ(ReasonOf(Update(calendar).status()), "CALENDAR_CHANGED");
  calendar.mutable_run_time()->set_seconds(90'000);
  EXPECT_EQ(ReasonOf(Update(calendar).status()), "FIELD_INVALID");
  v1::GetRunCalendarRequest get;
  get.set_name("communities/nowhere/runCalendar");
  EXPECT_EQ(ReasonOf(Call(&Stub::GetRunCalendar, get).status()), "NOT_FOUND");
}

TEST_F(RunsServiceTest, ARunIsAskedForAndListed) {
  replica_->CatchUp();
  const auto run = Call(&Stub::RunNow, RunNowOf(absl::Hours(1)));
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->kind(), v1::Run::REQUESTED);
  EXPECT_EQ(run->period_count(), 1);
  EXPECT_EQ(run->posted_period_count(), 0);
  EXPECT_EQ(run->difference_posted().currency_code(), "EUR");
  const auto runs = List();
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->runs_size(), 2);
  EXPECT_EQ(List(v1::Run::FIRST)->runs_size(), 1);
  EXPECT_EQ(List(v1::Run::FIRST)->runs(0).entry_count(), 3);
  EXPECT_EQ(List(v1::Run::DAILY)->runs_size(), 0);
  v1::ListRunsRequest page;
  page.set_parent("communities/hamlet");
  page.set_page_size(1);
  page.set_settlement_period("communities/hamlet/settlementPeriods/20260701t000000z");
  const auto first = Call(&Stub::ListRuns, page);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->runs_size(), 1);
  page.set_page_token(first->next_page_token());
  const auto second = Call(&Stub::ListRuns, page);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->runs_size(), 1);
  EXPECT_TRUE(second->next_page_token().empty());
  EXPECT_NE(first->runs(0).name(), second->runs(0).name());
  page.set_settlement_period("communities/other/settlementPeriods/20260701t000000z");
  EXPECT_EQ(ReasonOf(Call(&Stub::ListRuns, page).status()), "PAGE_TOKEN_INVALID");
}

TEST_F(RunsServiceTest, RunsAreStaffs) {
  EXPECT_EQ(ReasonOf(Call(&Stub::RunNow, RunNowOf(absl::Hours(24 * 33))).status()),
            "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Call(&Stub::RunNow, RunNowOf(absl::Hours(1)), access::v1::REGULATOR)
                         .status()),
            "PERMISSION_DENIED");
  v1::ListRunsRequest list;
  list.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Call(&Stub::ListRuns, list, access::v1::PROSUMER).status()),
            "PERMISSION_DENIED");
  v1::ListLateChangesRequest late;
  late.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Call(&Stub::ListLateChanges, late, access::v1::PROSUMER).status()),
            "PERMISSION_DENIED");
}

TEST_F(RunsServiceTest, LateChangesAreListedPageByPage) {
  v1::RunCalendar calendar;
  calendar.set_correction_window_days(1);
  ASSERT_TRUE(Update(calendar).ok());
  replica_->CatchUp();
  clock_.Set(Start() + absl::Hours(48));
  replica_->CatchUp();
  metering_.Store("buyer", Quarter(0), 1700, 0);
  metering_.Store("buyer", Quarter(1), 1700, 0);
  replica_->CatchUp();
  v1::ListLateChangesRequest request;
  request.set_parent("communities/hamlet");
  request.set_page_size(1);
  const auto first = Call(&Stub::ListLateChanges, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->late_changes_size(), 1);
  EXPECT_EQ(first->late_changes(0).settlement_period(),
            "communities/hamlet/settlementPeriods/20260701t000000z");
  request.set_page_token(first->next_page_token());
  const auto second = Call(&Stub::ListLateChanges, request);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->late_changes_size(), 1);
  EXPECT_TRUE(second->next_page_token().empty());
  EXPECT_EQ(PeriodAt(0).run_count, 1);
}

}  // namespace
}  // namespace peerwatt::settlement
