// The autopilot's service behind mTLS, as the gateway calls it.

#include "services/market/rpc/autopilot_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/market_service.h"
#include "tests/postgres/market/autopilot_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;
using Stub = v1::Autopilot::Stub;

constexpr char kName[] = "participants/p1/standingOrders/auto";
constexpr char kUnknown[] = "participants/p1/standingOrders/nine";

google::type::Money Euro(int64_t micros) { return rpc::ToProto(Money::Micros(micros), "EUR"); }

class AutopilotServiceTest : public ::testing::Test {
 protected:
  AutopilotServiceTest()
      : clock_(world_.start - absl::Hours(30)),
        intake_(world_.desk, clock_, {}),
        market_({world_.rules, world_.desk, intake_, world_.orders, world_.view, world_.registry,
                 clock_}),
        service_({world_.rules, world_.desk, world_.view, world_.pilot_view, world_.registry,
                  world_.tariffs, clock_}) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("market")), &port_);
    builder.RegisterService(&market_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    const auto channel =
        rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                              Certificates::Instance().Of("gateway"), "market");
    stub_ = v1::Autopilot::NewStub(channel);
    market_stub_ = v1::Market::NewStub(channel);
  }
  ~AutopilotServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  template <typename S, typename Request, typename Response>
  static absl::StatusOr<Response> CallOn(S& stub,
                                         grpc::Status (S::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                                         const Request& request, const std::string& participant) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(participant.empty() ? access::v1::OPERATOR : access::v1::PROSUMER);
    if (!participant.empty()) {
      principal.set_participant("participants/" + participant);
    }
    rpc::SetPrincipal(context, principal.SerializeAsString());
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) {
      return status;
    }
    return response;
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const std::string& participant = "p1") {
    return CallOn(*stub_, method, request, participant);
  }
  static v1::StandingOrder Wanted() {
    v1::StandingOrder order;
    order.set_metering_point("meteringPoints/m1");
    *order.mutable_bid_price_per_kwh() = Euro(300'000);
    *order.mutable_offer_price_per_kwh() = Euro(80'000);
    return order;
  }
  absl::StatusOr<v1::StandingOrder> Create(const v1::StandingOrder& wanted) {
    v1::CreateStandingOrderRequest request;
    request.set_parent("participants/p1");
    request.set_standing_order_id("auto");
    *request.mutable_standing_order() = wanted;
    return CallOn(*market_stub_, &v1::Market::Stub::CreateStandingOrder, request, "p1");
  }
  absl::StatusOr<v1::StandingOrder> Update(const v1::StandingOrder& wanted,
                                           const std::string& name = kName,
                                           const std::string& participant = "p1") {
    v1::UpdateStandingOrderRequest request;
    request.set_name(name);
    *request.mutable_standing_order() = wanted;
    return Call(&Stub::UpdateStandingOrder, request, participant);
  }
  absl::StatusOr<v1::StandingOrderPlan> Plan(const std::string& day,
                                             const std::string& participant = "p1",
                                             const std::string& name = kName) {
    v1::GetStandingOrderPlanRequest request;
    request.set_name(name + "/plans/" + day);
    return Call(&Stub::GetStandingOrderPlan, request, participant);
  }
  absl::StatusOr<v1::StandingOrderReport> Report(const std::string& first, const std::string& last,
                                                 const std::string& participant = "p1",
                                                 const std::string& name = kName) {
    v1::ReportStandingOrderRequest request;
    request.set_name(name);
    request.set_start_day(first);
    request.set_end_day(last);
    return Call(&Stub::ReportStandingOrder, request, participant);
  }

  PilotWorld world_;
  ManualClock clock_;
  OrderIntake intake_;
  MarketService market_;
  AutopilotService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<v1::Market::Stub> market_stub_;
};

TEST_F(AutopilotServiceTest, ShowsAllThatItsOwnerSet) {
  v1::StandingOrder wanted = Wanted();
  wanted.mutable_bids()->set_share_ppm(900'000);
  wanted.mutable_bids()->set_reserve_wh(50);
  *wanted.mutable_bids()->mutable_start_price_per_kwh() = Euro(100'000);
  wanted.mutable_bids()->add_requirements()->add_energy_sources(v1::Order::SOLAR);
  *wanted.mutable_bids()->mutable_premium()->mutable_price_per_kwh() = Euro(10'000);
  wanted.mutable_bids()->mutable_premium()->set_local(true);
  wanted.mutable_offers()->set_share_ppm(0);
  wanted.mutable_offers()->add_requirements()->add_excluded_partners("participants/p9");
  *wanted.mutable_daily_cost_max() = Euro(2'000'000);
  wanted.mutable_calendar()->add_weekdays(1);
  wanted.mutable_calendar()->add_weekdays(7);
  wanted.mutable_calendar()->add_windows()->set_end_minute(360);
  wanted.mutable_calendar()->add_excluded_days("2026-12-24");
  wanted.mutable_calendar()->set_time_zone("Europe/Vienna");
  const auto created = Create(wanted);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->version(), 1);
  EXPECT_FALSE(created->paused());
  v1::StandingOrder shown = *created;
  for (const char* output : {"name", "state", "create_time", "version", "version_time"}) {
    shown.GetReflection()->ClearField(&shown, shown.GetDescriptor()->FindFieldByName(output));
  }
  wanted.mutable_offers()->set_reserve_wh(0);
  EXPECT_EQ(shown.DebugString(), wanted.DebugString());
  EXPECT_EQ(Create(wanted)->SerializeAsString(), created->SerializeAsString()) << "a retry";
}

TEST_F(AutopilotServiceTest, RefusesBadTermsWithAReason) {
  struct Bad {
    const char* name;
    std::function<void(v1::StandingOrder&)> apply;
    const char* reason;
  };
  const std::vector<Bad> cases = {
      {"point", [](auto& o) { o.clear_metering_point(); }, "FIELD_INVALID"},
      {"prices",
       [](auto& o) {
         o.clear_bid_price_per_kwh();
         o.clear_offer_price_per_kwh();
       },
       "FIELD_INVALID"},
      {"ramp above the prices allowed",
       [](auto& o) { *o.mutable_offers()->mutable_start_price_per_kwh() = Euro(400'001); },
       "PRICE_OUT_OF_RANGE"},
      {"ramp the wrong way",
       [](auto& o) { *o.mutable_bids()->mutable_start_price_per_kwh() = Euro(300'001); },
       "TERMS_INVALID"},
      {"share", [](auto& o) { o.mutable_bids()->set_share_ppm(1'000'001); }, "TERMS_INVALID"},
      {"reserve", [](auto& o) { o.mutable_offers()->set_reserve_wh(-1); }, "TERMS_INVALID"},
      {"cost", [](auto& o) { *o.mutable_daily_cost_max() = Euro(-1); }, "TERMS_INVALID"},
      {"currency", [](auto& o) { o.mutable_daily_cost_max()->set_currency_code("USD"); },
       "FIELD_INVALID"},
      {"weekday", [](auto& o) { o.mutable_calendar()->add_weekdays(0); }, "FIELD_INVALID"},
      {"window", [](auto& o) { o.mutable_calendar()->add_windows(); }, "FIELD_INVALID"},
      {"day", [](auto& o) { o.mutable_calendar()->add_excluded_days("2026-12"); },
       "FIELD_INVALID"},
      {"zone", [](auto& o) { o.mutable_calendar()->set_time_zone("UTC days=1"); },
       "CALENDAR_INVALID"},
      {"premium of an offer",
       [](auto& o) { o.mutable_offers()->mutable_premium()->set_local(true); }, "FIELD_INVALID"},
      {"source of an offer",
       [](auto& o) {
         o.mutable_offers()->add_requirements()->add_energy_sources(v1::Order::SOLAR);
       },
       "FIELD_INVALID"},
      {"empty requirement", [](auto& o) { o.mutable_bids()->add_requirements(); },
       "FIELD_INVALID"},
      {"version", [](auto& o) { o.set_version(-1); }, "FIELD_INVALID"},
  };
  for (const Bad& bad : cases) {
    v1::StandingOrder order = Wanted();
    bad.apply(order);
    EXPECT_EQ(ReasonOf(Create(order).status()), bad.reason) << bad.name;
  }
  EXPECT_EQ(world_.Count("standing_orders"), 0);
}

TEST_F(AutopilotServiceTest, UpdatesPausesAndListsVersions) {
  ASSERT_TRUE(Create(Wanted()).ok());
  clock_.Set(clock_.Now() + absl::Hours(1));
  v1::StandingOrder wanted = Wanted();
  wanted.clear_metering_point();
  *wanted.mutable_bid_price_per_kwh() = Euro(200'000);
  wanted.set_version(1);
  const auto second = Update(wanted);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->version(), 2);
  EXPECT_EQ(second->metering_point(), "meteringPoints/m1") << "stays";
  EXPECT_EQ(second->version_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(Update(wanted)->SerializeAsString(), second->SerializeAsString()) << "a retry";
  wanted.clear_offer_price_per_kwh();
  EXPECT_EQ(ReasonOf(Update(wanted).status()), "STANDING_ORDER_VERSION_STALE");
  v1::PauseStandingOrderRequest pause;
  pause.set_name(kName);
  clock_.Set(clock_.Now() + absl::Hours(1));
  EXPECT_TRUE(Call(&Stub::PauseStandingOrder, pause)->paused());
  EXPECT_EQ(Call(&Stub::PauseStandingOrder, pause)->version(), 3);
  v1::ResumeStandingOrderRequest resume;
  resume.set_name(kName);
  clock_.Set(clock_.Now() + absl::Hours(1));
  EXPECT_EQ(Call(&Stub::ResumeStandingOrder, resume)->version(), 4);
  v1::ListStandingOrderVersionsRequest list;
  list.set_parent(kName);
  list.set_page_size(3);
  const auto first = Call(&Stub::ListStandingOrderVersions, list, "");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->versions_size(), 3);
  EXPECT_EQ(first->versions(0).bid_price_per_kwh().nanos(), 300'000'000);
  EXPECT_TRUE(first->versions(2).paused());
  list.set_page_token(first->next_page_token());
  const auto rest = Call(&Stub::ListStandingOrderVersions, list, "");
  ASSERT_EQ(rest->versions_size(), 1);
  EXPECT_EQ(rest->versions(0).version(), 4);
  EXPECT_EQ(rest->next_page_token(), "");
}

TEST_F(AutopilotServiceTest, ShowsThePlanAndWhatBecameOfIt) {
  v1::StandingOrder wanted = Wanted();
  wanted.mutable_bids()->set_share_ppm(500'000);
  wanted.mutable_bids()->set_reserve_wh(100);
  ASSERT_TRUE(Create(wanted).ok());
  world_.Create(world_.Standing("p3", "m4"));
  EXPECT_EQ(ReasonOf(Plan("20270116").status()), "PLAN_NOT_MADE");
  world_.PlanUntilDone(world_.start + absl::Hours(11));
  const auto plan = Plan("20270116");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->name(), std::string(kName) + "/plans/20270116");
  ASSERT_EQ(plan->intervals_size(), 96);
  const v1::StandingOrderPlan::Interval& interval = plan->intervals(0);
  EXPECT_EQ(interval.start_time().seconds(), absl::ToUnixSeconds(world_.start + absl::Hours(15)));
  EXPECT_EQ(interval.forecast_energy_wh(), -400);
  EXPECT_EQ(interval.side(), v1::Order::BID);
  EXPECT_EQ(interval.reserve_wh(), 100);
  EXPECT_EQ(interval.share_ppm(), 500'000);
  EXPECT_EQ(interval.energy_wh(), 150);
  EXPECT_EQ(interval.limit_price_per_kwh().nanos(), 300'000'000);
  EXPECT_EQ(interval.worst_cost().nanos(), 52'500'000);
  EXPECT_EQ(plan->planned_to_buy_wh(), 96 * 150);
  EXPECT_EQ(plan->worst_cost().units(), 5);
  EXPECT_EQ(Plan("20270116", "")->SerializeAsString(), plan->SerializeAsString()) << "staff";

  world_.RunUntilDone(world_.start + absl::Hours(15));
  const auto report = Report("20270116", "");
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->intervals_size(), 96);
  const v1::StandingOrderReport::Deeds& deeds = report->intervals(0).deeds();
  EXPECT_EQ(deeds.planned_to_buy_wh(), 150);
  EXPECT_EQ(deeds.bought_wh(), 150);
  // p3 offers 500 Wh from 0.08 on and sets the price.
  EXPECT_EQ(deeds.paid().nanos(), 150 * 130'000);
  EXPECT_EQ(deeds.saved().nanos(), 150 * (320'000 - 130'000));
  EXPECT_EQ(report->intervals(0).plan().energy_wh(), 150);
  const auto two_days = Report("20270115", "20270116");
  EXPECT_EQ(two_days->intervals_size(), 0);
  ASSERT_EQ(two_days->days_size(), 2);
  EXPECT_EQ(two_days->days(0).day(), "20270115");
  EXPECT_EQ(two_days->days(0).deeds().planned_to_buy_wh(), 0);
  EXPECT_EQ(two_days->days(0).deeds().bought_wh(), 60 * 150);
  EXPECT_EQ(two_days->total().bought_wh(), 60 * 150 + report->total().bought_wh());
}

TEST_F(AutopilotServiceTest, RefusesWhoMayNotBeforeItLooks) {
  ASSERT_TRUE(Create(Wanted()).ok());
  for (const char* name : {kName, kUnknown}) {
    EXPECT_EQ(ReasonOf(Update(Wanted(), name, "p2").status()), "PERMISSION_DENIED");
    EXPECT_EQ(ReasonOf(Update(Wanted(), name, "").status()), "PERMISSION_DENIED") << "staff looks";
    EXPECT_EQ(ReasonOf(Plan("20270116", "p2", name).status()), "PERMISSION_DENIED");
    EXPECT_EQ(ReasonOf(Report("20270116", "", "p2", name).status()), "PERMISSION_DENIED");
    v1::PauseStandingOrderRequest pause;
    pause.set_name(name);
    EXPECT_EQ(ReasonOf(Call(&Stub::PauseStandingOrder, pause, "p2").status()),
              "PERMISSION_DENIED");
    v1::ListStandingOrderVersionsRequest list;
    list.set_parent(name);
    EXPECT_EQ(ReasonOf(Call(&Stub::ListStandingOrderVersions, list, "p2").status()),
              "PERMISSION_DENIED");
  }
  EXPECT_EQ(ReasonOf(Update(Wanted(), kUnknown).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(Plan("20270116", "p1", kUnknown).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(Report("20270116", "", "p1", kUnknown).status()), "NOT_FOUND");
}

TEST_F(AutopilotServiceTest, RefusesDaysThatAreNone) {
  ASSERT_TRUE(Create(Wanted()).ok());
  for (const char* day : {"2027-01-16", "20270230", "tomorrow", "2027011"}) {
    EXPECT_EQ(ReasonOf(Plan(day).status()), "FIELD_INVALID") << day;
    EXPECT_EQ(ReasonOf(Report(day, "").status()), "FIELD_INVALID") << day;
  }
  EXPECT_EQ(ReasonOf(Report("20270116", "20270115").status()), "FIELD_INVALID");
  EXPECT_TRUE(Report("20270101", "20270131").ok());
  EXPECT_EQ(ReasonOf(Report("20270101", "20270201").status()), "FIELD_INVALID");
}

}  // namespace
}  // namespace peerwatt::market
