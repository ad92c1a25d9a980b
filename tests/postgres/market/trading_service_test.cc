// Continuous trading behind mTLS, as the gateway calls it.

#include "services/market/rpc/trading_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "tests/postgres/market/trading_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;

constexpr char kAuction[] = "communities/c1/auctions/20270115t080000z";
constexpr char kBook[] = "communities/c1/auctions/20270115t080000z/orderBook";

class TradingServiceTest : public ::testing::Test {
 protected:
  TradingServiceTest()
      : intake_(world_.desk, world_.clock, {}),
        backends_{world_.rules, world_.desk,     intake_,     world_.orders,
                  world_.view,  world_.registry, world_.clock},
        market_(backends_),
        trading_(backends_, world_.trading, world_.books) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("market")), &port_);
    builder.RegisterService(&market_);
    builder.RegisterService(&trading_);
    server_ = builder.BuildAndStart();
    const auto channel = rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                                               Certificates::Instance().Of("gateway"), "market");
    stub_ = v1::Trading::NewStub(channel);
    market_stub_ = v1::Market::NewStub(channel);
  }
  ~TradingServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  static void ActAs(grpc::ClientContext& context, const std::string& participant) {
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(access::v1::PROSUMER);
    principal.set_participant("participants/" + participant);
    rpc::SetPrincipal(context, principal.SerializeAsString());
  }
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const std::string& participant) {
    grpc::ClientContext context;
    ActAs(context, participant);
    Response response;
    const absl::Status status = rpc::FromGrpcStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) {
      return status;
    }
    return response;
  }
  static v1::PlaceOrderRequest Wanted(const std::string& participant, const std::string& id,
                                      v1::Order::Side side, int64_t wh, int64_t price) {
    v1::PlaceOrderRequest request;
    request.set_parent(kAuction);
    request.set_order_id(id);
    request.mutable_order()->set_side(side);
    request.mutable_order()->set_metering_point("meteringPoints/m" + participant.substr(1));
    request.mutable_order()->set_energy_wh(wh);
    request.mutable_order()->set_time_in_force(v1::Order::GOOD_TILL_CLOSURE);
    *request.mutable_order()->mutable_limit_price_per_kwh() =
        rpc::ToProto(Price::MicrosPerKwh(price * 1000), "EUR");
    return request;
  }
  absl::StatusOr<v1::Order> Place(const v1::PlaceOrderRequest& request,
                                  const std::string& participant) {
    return Call(*stub_, &v1::Trading::Stub::PlaceOrder, request, participant);
  }

  // Reads until an event of this number, or the end; says what came.
  static std::string ReadUntil(grpc::ClientReader<v1::WatchOrderBookResponse>& reader,
                               int64_t number) {
    std::string story;
    int64_t last = 0;
    v1::WatchOrderBookResponse response;
    while (last < number && reader.Read(&response)) {
      if (response.has_snapshot()) {
        last = response.snapshot().event_number();
        absl::StrAppend(&story, "[", response.snapshot().orders_size(), " at ", last, "] ");
      }
      for (const v1::OrderBookEvent& event : response.events()) {
        last = event.event_number();
        absl::StrAppend(&story, last, " ", v1::OrderBookEvent::Kind_Name(event.kind()), " ",
                        event.order_number(), " ", event.energy_wh(), " ");
      }
      absl::StrAppend(&story, response.closed() ? "closed" : "");
    }
    return story;
  }

  TradingWorld world_;
  OrderIntake intake_;
  const MarketBackends backends_;
  MarketService market_;
  TradingService trading_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Trading::Stub> stub_;
  std::unique_ptr<v1::Market::Stub> market_stub_;
};

TEST_F(TradingServiceTest, PlacesAmendsShowsAndCancels) {
  const auto offer = Place(Wanted("p5", "o1", v1::Order::OFFER, 300, 200), "p5");
  ASSERT_TRUE(offer.ok()) << offer.status();
  EXPECT_EQ(offer->state(), v1::Order::ACTIVE);
  EXPECT_EQ(offer->book_number(), 1);
  v1::PlaceOrderRequest market = Wanted("p6", "b1", v1::Order::BID, 100, 0);
  market.mutable_order()->clear_limit_price_per_kwh();
  market.mutable_order()->set_time_in_force(v1::Order::IMMEDIATE_OR_CANCEL);
  market.mutable_order()->set_price_type(v1::Order::MARKET);
  const auto bid = Place(market, "p6");
  ASSERT_TRUE(bid.ok()) << bid.status();
  EXPECT_EQ(bid->state(), v1::Order::FILLED);
  EXPECT_EQ(bid->filled_energy_wh(), 100);
  EXPECT_EQ(bid->limit_price_per_kwh().nanos(), 400'000'000) << "the community's bound";
  EXPECT_EQ(Place(market, "p6")->SerializeAsString(), bid->SerializeAsString());

  v1::AmendOrderRequest amend;
  amend.set_name(std::string(kAuction) + "/orders/o1");
  amend.set_energy_wh(250);
  *amend.mutable_limit_price_per_kwh() = rpc::ToProto(Price::MicrosPerKwh(200'000), "EUR");
  EXPECT_EQ(ReasonOf(Call(*stub_, &v1::Trading::Stub::AmendOrder, amend, "p6").status()),
            "PERMISSION_DENIED");
  const auto amended = Call(*stub_, &v1::Trading::Stub::AmendOrder, amend, "p5");
  ASSERT_TRUE(amended.ok()) << amended.status();
  EXPECT_EQ(amended->energy_wh(), 250);
  EXPECT_EQ(amended->filled_energy_wh(), 100);

  v1::GetOrderBookRequest get;
  get.set_name(kBook);
  const auto book = Call(*stub_, &v1::Trading::Stub::GetOrderBook, get, "p7");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(book->event_number(), 4);
  EXPECT_EQ(book->bids_size(), 0);
  ASSERT_EQ(book->offers_size(), 1);
  EXPECT_EQ(book->offers(0).energy_wh(), 150);
  EXPECT_EQ(book->offers(0).order_count(), 1);

  v1::ListTradesRequest list;
  list.set_parent(kAuction);
  const auto trades = Call(*market_stub_, &v1::Market::Stub::ListTrades, list, "p6");
  ASSERT_EQ(trades->trades_size(), 1);
  EXPECT_EQ(trades->trades(0).origin(), v1::Trade::CONTINUOUS);
  v1::CancelOrderRequest cancel;
  cancel.set_name(amend.name());
  const auto cancelled = Call(*market_stub_, &v1::Market::Stub::CancelOrder, cancel, "p5");
  EXPECT_EQ(cancelled->state(), v1::Order::CANCELLED);
  EXPECT_EQ(cancelled->filled_energy_wh(), 100);
}

TEST_F(TradingServiceTest, RefusesBadInputWithAReason) {
  struct Bad {
    const char* name;
    std::function<void(v1::PlaceOrderRequest&)> apply;
    const char* reason;
  };
  const std::vector<Bad> cases = {
      {"no time in force", [](auto& r) { r.mutable_order()->clear_time_in_force(); },
       "FIELD_INVALID"},
      {"an unknown one",
       [](auto& r) {
         r.mutable_order()->set_time_in_force(static_cast<v1::Order::TimeInForce>(9));
       },
       "FIELD_INVALID"},
      {"a market order that rests",
       [](auto& r) {
         r.mutable_order()->clear_limit_price_per_kwh();
         r.mutable_order()->set_price_type(v1::Order::MARKET);
       },
       "FIELD_INVALID"},
      {"a market order with a limit",
       [](auto& r) {
         r.mutable_order()->set_time_in_force(v1::Order::FILL_OR_KILL);
         r.mutable_order()->set_price_type(v1::Order::MARKET);
       },
       "FIELD_INVALID"},
      {"no limit", [](auto& r) { r.mutable_order()->clear_limit_price_per_kwh(); },
       "FIELD_INVALID"},
      {"reserved id", [](auto& r) { r.set_order_id("so-m1"); }, "FIELD_INVALID"},
      {"another's point",
       [](auto& r) { r.mutable_order()->set_metering_point("meteringPoints/m2"); },
       "PERMISSION_DENIED"},
      {"a preference",
       [](auto& r) { r.mutable_order()->add_requirements()->add_energy_sources(v1::Order::SOLAR); },
       "PREFERENCES_UNSUPPORTED"},
  };
  for (const Bad& bad : cases) {
    v1::PlaceOrderRequest request = Wanted("p5", "b1", v1::Order::BID, 100, 200);
    bad.apply(request);
    EXPECT_EQ(ReasonOf(Place(request, "p5").status()), bad.reason) << bad.name;
  }
  v1::CreateOrderRequest create;
  create.set_parent(kAuction);
  create.set_order_id("b1");
  *create.mutable_order() = Wanted("p5", "b1", v1::Order::BID, 100, 200).order();
  EXPECT_EQ(ReasonOf(Call(*market_stub_, &v1::Market::Stub::CreateOrder, create, "p5").status()),
            "FIELD_INVALID");
  v1::GetOrderBookRequest get;
  for (const char* name : {kAuction, "communities/c1/auctions/x/orderBook"}) {
    get.set_name(name);
    EXPECT_EQ(ReasonOf(Call(*stub_, &v1::Trading::Stub::GetOrderBook, get, "p5").status()),
              "FIELD_INVALID");
  }
  get.set_name("communities/c1/auctions/20260101t000000z/orderBook");
  EXPECT_EQ(ReasonOf(Call(*stub_, &v1::Trading::Stub::GetOrderBook, get, "p5").status()),
            "NOT_FOUND");
}

TEST_F(TradingServiceTest, WatchSendsWhatRestsThenEachEventUntilGateClosure) {
  ASSERT_TRUE(Place(Wanted("p5", "o1", v1::Order::OFFER, 300, 200), "p5").ok());
  grpc::ClientContext context;
  ActAs(context, "p7");
  v1::WatchOrderBookRequest request;
  request.set_name(kBook);
  const auto reader = stub_->WatchOrderBook(&context, request);
  EXPECT_EQ(ReadUntil(*reader, 1), "[1 at 1] ");
  ASSERT_TRUE(Place(Wanted("p6", "b1", v1::Order::BID, 400, 250), "p6").ok());
  EXPECT_EQ(ReadUntil(*reader, 3), "2 ACCEPTED 2 400 3 TRADED 2 300 ");
  v1::CancelOrderRequest cancel;
  cancel.set_name(std::string(kAuction) + "/orders/b1");
  ASSERT_TRUE(Call(*market_stub_, &v1::Market::Stub::CancelOrder, cancel, "p6").ok());
  world_.Do("the gate closes");
  EXPECT_EQ(ReadUntil(*reader, 99), "4 CANCELLED 2 100 closed");
  EXPECT_TRUE(reader->Finish().ok());

  for (const int64_t after : {0, 2, 4}) {
    grpc::ClientContext resumed;
    ActAs(resumed, "p7");
    request.set_event_number(after);
    const auto again = stub_->WatchOrderBook(&resumed, request);
    const std::string story = ReadUntil(*again, 99);
    EXPECT_EQ(story, after == 0   ? "1 ACCEPTED 1 300 2 ACCEPTED 2 400 3 TRADED 2 300 "
                                    "4 CANCELLED 2 100 closed"
                     : after == 2 ? "3 TRADED 2 300 4 CANCELLED 2 100 closed"
                                  : "closed");
    EXPECT_TRUE(again->Finish().ok());
  }
  grpc::ClientContext unknown;
  ActAs(unknown, "p7");
  request.set_name("communities/c1/auctions/20260101t000000z/orderBook");
  const auto none = stub_->WatchOrderBook(&unknown, request);
  v1::WatchOrderBookResponse response;
  EXPECT_FALSE(none->Read(&response));
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(none->Finish())), "NOT_FOUND");
}

}  // namespace
}  // namespace peerwatt::market
