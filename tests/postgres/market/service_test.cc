// The public and the internal service behind mTLS, as the gateway and settlement call them.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/clock.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/market/v1/market.grpc.pb.h"
#include "services/market/rpc/market_service.h"
#include "tests/postgres/market/peers.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;

using access::v1::OPERATOR;
using access::v1::PROSUMER;

constexpr char kAuction[] = "communities/c1/auctions/20270115t080000z";

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest()
      : clock_(world_.start - absl::Hours(3)),
        intake_(world_.desk, clock_, {}),
        public_({world_.rules, world_.desk, intake_, world_.orders, world_.view, world_.registry,
                 clock_}),
        internal_(world_.rules, world_.view) {
    grpc::ServerBuilder builder;
    const rpc::TlsFiles own = Certificates::Instance().Of("market");
    builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(own), &port_);
    builder.RegisterService(&public_);
    builder.RegisterService(&internal_);
    server_ = builder.BuildAndStart();
    gateway_ = v1::Market::NewStub(ChannelOf("gateway"));
    world_.RunUntilDone(clock_.Now());
  }
  ~ServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& service) {
    const std::string address = "127.0.0.1:" + std::to_string(port_);
    return rpc::MutualTlsChannel(address, Certificates::Instance().Of(service), "market");
  }

  // Calls one method as a participant, or as an operator without one.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::Market::Stub::*method)(grpc::ClientContext*,
                                                                         const Request&, Response*),
                                const Request& request, const std::string& participant) {
    grpc::ClientContext context;
    ActAs(context, participant);
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((gateway_.get()->*method)(&context, request, &response));
    if (!status.ok()) {
      return status;
    }
    return response;
  }
  static void ActAs(grpc::ClientContext& context, const std::string& participant) {
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(participant.empty() ? OPERATOR : PROSUMER);
    if (!participant.empty()) {
      principal.set_participant("participants/" + participant);
    }
    rpc::SetPrincipal(context, principal.SerializeAsString());
  }

  static v1::CreateOrderRequest Bid(const std::string& id) {
    v1::CreateOrderRequest request;
    request.set_parent(kAuction);
    request.set_order_id(id);
    request.mutable_order()->set_side(v1::Order::BID);
    request.mutable_order()->set_metering_point("meteringPoints/m1");
    request.mutable_order()->set_energy_wh(400);
    *request.mutable_order()->mutable_limit_price_per_kwh() =
        rpc::ToProto(Price::MicrosPerKwh(200'000), "EUR");
    return request;
  }
  absl::StatusOr<v1::Order> Create(const v1::CreateOrderRequest& request,
                                   const std::string& participant) {
    return Call(&v1::Market::Stub::CreateOrder, request, participant);
  }
  void CloseGate() {
    clock_.Set(world_.start - absl::Hours(1));
    world_.RunUntilDone(clock_.Now());
  }

  World world_;
  ManualClock clock_;
  OrderIntake intake_;
  MarketService public_;
  MarketInternalService internal_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Market::Stub> gateway_;
};

TEST_F(ServiceTest, PlacesAndShowsAnOrder) {
  const auto created = Create(Bid("b1"), "p1");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->name(), std::string(kAuction) + "/orders/b1");
  EXPECT_EQ(created->state(), v1::Order::ACTIVE);
  EXPECT_EQ(created->participant(), "participants/p1");
  EXPECT_EQ(created->limit_price_per_kwh().nanos(), 200'000'000);
  v1::GetOrderRequest get;
  get.set_name(created->name());
  const auto method = &v1::Market::Stub::GetOrder;
  EXPECT_EQ(Call(method, get, "p1")->SerializeAsString(), created->SerializeAsString());
  EXPECT_TRUE(Call(method, get, "").ok()) << "an operator";
  EXPECT_EQ(ReasonOf(Call(method, get, "p2").status()), "PERMISSION_DENIED");
  get.set_name(std::string(kAuction) + "/orders/b9");
  EXPECT_EQ(ReasonOf(Call(method, get, "p2").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Call(method, get, "").status()), "NOT_FOUND");
}

TEST_F(ServiceTest, RefusesBadInputWithAReason) {
  struct Bad {
    const char* name;
    std::function<void(v1::CreateOrderRequest&)> apply;
    const char* reason;
  };
  const std::vector<Bad> cases = {
      {"id", [](auto& r) { r.set_order_id("B"); }, "FIELD_INVALID"},
      {"reserved id", [](auto& r) { r.set_order_id("so-m1"); }, "FIELD_INVALID"},
      {"parent", [](auto& r) { r.set_parent("communities/c1"); }, "FIELD_INVALID"},
      {"auction", [](auto& r) { r.set_parent("communities/c1/auctions/x"); }, "FIELD_INVALID"},
      {"community", [](auto& r) { r.set_parent("communities/c9/auctions/20270115t080000z"); },
       "NOT_FOUND"},
      {"side", [](auto& r) { r.mutable_order()->clear_side(); }, "FIELD_INVALID"},
      {"price", [](auto& r) { r.mutable_order()->clear_limit_price_per_kwh(); }, "FIELD_INVALID"},
      {"currency",
       [](auto& r) { r.mutable_order()->mutable_limit_price_per_kwh()->set_currency_code("USD"); },
       "FIELD_INVALID"},
      {"point", [](auto& r) { r.mutable_order()->set_metering_point("m1"); }, "FIELD_INVALID"},
      {"energy", [](auto& r) { r.mutable_order()->set_energy_wh(-1); }, "ENERGY_OUT_OF_RANGE"},
      {"another's point",
       [](auto& r) { r.mutable_order()->set_metering_point("meteringPoints/m2"); },
       "PERMISSION_DENIED"},
  };
  for (const Bad& bad : cases) {
    v1::CreateOrderRequest request = Bid("b1");
    bad.apply(request);
    EXPECT_EQ(ReasonOf(Create(request, "p1").status()), bad.reason) << bad.name;
  }
  EXPECT_EQ(ReasonOf(Create(Bid("b1"), "").status()), "PERMISSION_DENIED");
  EXPECT_TRUE(world_.auctions.OrdersOf(world_.Key())->empty());
}

TEST_F(ServiceTest, BelievesOnlyTheGatewayAndSettlement) {
  const auto stub = v1::Market::NewStub(ChannelOf("metering"));
  grpc::ClientContext context;
  ActAs(context, "p1");
  v1::GetAuctionRequest request;
  request.set_name(kAuction);
  v1::Auction response;
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(stub->GetAuction(&context, request, &response))),
            "CALLER_UNKNOWN");
  const auto internal = v1::MarketInternal::NewStub(ChannelOf("gateway"));
  grpc::ClientContext second;
  v1::ListOutcomesResponse outcomes;
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(internal->ListOutcomes(&second, {}, &outcomes))),
            "CALLER_UNKNOWN");
}

TEST_F(ServiceTest, WatchSendsEachVersionUntilTheEnd) {
  grpc::ClientContext context;
  ActAs(context, "p1");
  v1::WatchAuctionRequest request;
  request.set_name(kAuction);
  const auto reader = gateway_->WatchAuction(&context, request);
  v1::WatchAuctionResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.version(), 1);
  EXPECT_EQ(response.auction().state(), v1::Auction::OPEN);
  CloseGate();
  int64_t last = 1;
  while (reader->Read(&response)) {
    EXPECT_GT(response.version(), last);
    last = response.version();
  }
  EXPECT_EQ(last, 3);
  EXPECT_EQ(response.auction().state(), v1::Auction::CLEARED);
  EXPECT_TRUE(reader->Finish().ok());

  grpc::ClientContext resumed;
  ActAs(resumed, "p1");
  request.set_version(3);
  const auto again = gateway_->WatchAuction(&resumed, request);
  EXPECT_FALSE(again->Read(&response)) << "nothing is new";
  EXPECT_TRUE(again->Finish().ok());
}

TEST_F(ServiceTest, WatchEndsWhenTheCallerLeavesAndRefusesTheUnknown) {
  v1::WatchAuctionRequest request;
  request.set_name(kAuction);
  v1::WatchAuctionResponse response;
  {
    grpc::ClientContext context;
    ActAs(context, "p1");
    const auto reader = gateway_->WatchAuction(&context, request);
    ASSERT_TRUE(reader->Read(&response));
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  grpc::ClientContext context;
  ActAs(context, "p1");
  request.set_name("communities/c1/auctions/20260101t000000z");
  const auto reader = gateway_->WatchAuction(&context, request);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(reader->Finish())), "NOT_FOUND");
}

TEST_F(ServiceTest, PagesAuctionsAndReportsProgress) {
  v1::ListAuctionsRequest request;
  request.set_parent("communities/c1");
  request.set_page_size(30);
  const auto list = &v1::Market::Stub::ListAuctions;
  size_t seen = 0;
  size_t pages = 0;
  while (true) {
    const auto page = Call(list, request, "p1");
    ASSERT_TRUE(page.ok()) << page.status();
    seen += static_cast<size_t>(page->auctions_size());
    ++pages;
    if (page->next_page_token().empty()) {
      break;
    }
    request.set_page_token(page->next_page_token());
  }
  // Three hours before the first delivery, 21 hours of deliveries are open.
  EXPECT_EQ(seen, 85u);
  EXPECT_EQ(pages, 3u);
  request.set_page_size(10);
  request.set_page_token("made up");
  EXPECT_EQ(ReasonOf(Call(list, request, "p1").status()), "PAGE_TOKEN_INVALID");

  v1::GetMarketProgressRequest ask;
  ask.set_name("communities/c1/marketProgress");
  CloseGate();
  const auto progress = Call(&v1::Market::Stub::GetMarketProgress, ask, "");
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_EQ(progress->cleared_through_time().seconds(),
            absl::ToUnixSeconds(world_.start + absl::Minutes(15)));
  EXPECT_EQ(progress->open_auction_count(), 92);
  EXPECT_EQ(progress->current_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
}

TEST_F(ServiceTest, StandingOrdersTradeAndSettlementSeesTheOutcome) {
  for (const auto& [participant, point] : {std::pair("p1", "m1"), std::pair("p3", "m4")}) {
    v1::CreateStandingOrderRequest request;
    request.set_parent(std::string("participants/") + participant);
    request.set_standing_order_id("auto");
    request.mutable_standing_order()->set_metering_point(std::string("meteringPoints/") + point);
    const auto create = &v1::Market::Stub::CreateStandingOrder;
    EXPECT_EQ(ReasonOf(Call(create, request, participant).status()), "FIELD_INVALID");
    *request.mutable_standing_order()->mutable_bid_price_per_kwh() =
        rpc::ToProto(Price::MicrosPerKwh(300'000), "EUR");
    *request.mutable_standing_order()->mutable_offer_price_per_kwh() =
        rpc::ToProto(Price::MicrosPerKwh(80'000), "EUR");
    EXPECT_EQ(ReasonOf(Call(create, request, "p2").status()), "PERMISSION_DENIED");
    EXPECT_TRUE(Call(create, request, participant).ok());
  }
  CloseGate();
  const auto internal = v1::MarketInternal::NewStub(ChannelOf("settlement"));
  grpc::ClientContext context;
  v1::ListOutcomesRequest request;
  request.set_community("communities/c1");
  *request.mutable_start_time() = rpc::ToProto(world_.start);
  *request.mutable_end_time() = rpc::ToProto(world_.start + absl::Hours(24));
  v1::ListOutcomesResponse response;
  ASSERT_TRUE(internal->ListOutcomes(&context, request, &response).ok());
  ASSERT_EQ(response.outcomes_size(), 1);
  ASSERT_EQ(response.outcomes(0).trades_size(), 1);
  const v1::Trade& trade = response.outcomes(0).trades(0);
  EXPECT_EQ(trade.name(), std::string(kAuction) + "/trades/t1");
  EXPECT_EQ(trade.bid(), std::string(kAuction) + "/orders/so-m1");
  EXPECT_EQ(trade.energy_wh(), 400);
  EXPECT_EQ(trade.seller(), "participants/p3");
  EXPECT_EQ(trade.price_per_kwh().nanos(), 80'000'000) << "the offer is filled in part";

  v1::ListTradesRequest list;
  list.set_parent(kAuction);
  EXPECT_EQ(Call(&v1::Market::Stub::ListTrades, list, "p1")->trades_size(), 1);
  EXPECT_EQ(Call(&v1::Market::Stub::ListTrades, list, "p2")->trades_size(), 0);
  v1::ListOrdersRequest orders;
  orders.set_parent(kAuction);
  EXPECT_EQ(Call(&v1::Market::Stub::ListOrders, orders, "p1")->orders_size(), 1);
  EXPECT_EQ(Call(&v1::Market::Stub::ListOrders, orders, "")->orders_size(), 2);
  v1::CancelStandingOrderRequest cancel;
  cancel.set_name("participants/p1/standingOrders/auto");
  const auto method = &v1::Market::Stub::CancelStandingOrder;
  EXPECT_EQ(ReasonOf(Call(method, cancel, "p3").status()), "PERMISSION_DENIED");
  EXPECT_EQ(Call(method, cancel, "p1")->state(), v1::StandingOrder::CANCELLED);
}

}  // namespace
}  // namespace peerwatt::market
