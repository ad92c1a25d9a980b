// How auctions were cleared, and cleared again, as the gateway asks for it.

#include "services/market/rpc/clearing_service.h"

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
#include "tests/postgres/market/peers.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;

constexpr char kClearing[] = "communities/c1/auctions/20270115t080000z/clearing";

class ClearingServiceTest : public ::testing::Test {
 protected:
  ClearingServiceTest()
      : replay_(world_.auctions, world_.view, crypto::Sha256Hex),
        service_(world_.rules, world_.auctions, world_.view, replay_) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("market")), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    gateway_ = v1::Clearings::NewStub(rpc::MutualTlsChannel(
        "127.0.0.1:" + std::to_string(port), Certificates::Instance().Of("gateway"), "market"));
    NetworkVersion network;
    network.id = NetworkId("two");
    network.zones = {ZoneId("south"), ZoneId("north")};
    network.lines = {2, {{0, 1, 20'000, Energy::WattHours(400), Energy::WattHours(400)}}};
    world_.registry.networks = {network};
    world_.registry.snapshot.members[0].zone = ZoneId("north");
    world_.registry.snapshot.members[1].zone = ZoneId("south");
    world_.AddStandingOrders();
    world_.RunUntilDone(world_.Key(2).delivery_start - absl::Hours(1));
  }
  ~ClearingServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  static void ActAs(grpc::ClientContext& context, access::v1::Role role) {
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(role);
    if (role == access::v1::PROSUMER) {
      principal.set_participant("participants/p1");
    }
    rpc::SetPrincipal(context, principal.SerializeAsString());
  }
  absl::StatusOr<v1::Clearing> Get(const std::string& name) {
    grpc::ClientContext context;
    ActAs(context, access::v1::PROSUMER);
    v1::GetClearingRequest request;
    request.set_name(name);
    v1::Clearing response;
    const absl::Status status =
        rpc::FromGrpcStatus(gateway_->GetClearing(&context, request, &response));
    return status.ok() ? absl::StatusOr<v1::Clearing>(response) : status;
  }
  absl::StatusOr<v1::ReplayAuctionsResponse> Replayed(
      const std::function<void(v1::ReplayAuctionsRequest&)>& change = [](auto&) {},
      access::v1::Role role = access::v1::REGULATOR) {
    grpc::ClientContext context;
    ActAs(context, role);
    v1::ReplayAuctionsRequest request;
    request.set_parent("communities/c1");
    *request.mutable_start_time() = rpc::ToProto(world_.start);
    *request.mutable_end_time() = rpc::ToProto(world_.start + absl::Hours(1));
    change(request);
    v1::ReplayAuctionsResponse response;
    const absl::Status status =
        rpc::FromGrpcStatus(gateway_->ReplayAuctions(&context, request, &response));
    return status.ok() ? absl::StatusOr<v1::ReplayAuctionsResponse>(response) : status;
  }

  World world_;
  Replay replay_;
  ClearingService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Clearings::Stub> gateway_;
};

TEST_F(ClearingServiceTest, ShowsZonesLinesVerdictAndHash) {
  const auto clearing = Get(kClearing);
  ASSERT_TRUE(clearing.ok()) << clearing.status();
  // p1 in the north bids 0.30 for 400 Wh, p2 in the south 0.28 for 300 Wh; p3 in the south offers
  // 500 Wh. The fee makes p1's bid worth 0.28 in the south: both are at the margin there.
  ASSERT_EQ(clearing->zones_size(), 2);
  EXPECT_EQ(clearing->zones(0).zone(), "south");
  EXPECT_EQ(clearing->zones(0).sold_wh(), 500);
  EXPECT_EQ(clearing->zones(0).price_per_kwh().nanos(), 280'000'000);
  EXPECT_EQ(clearing->zones(1).price_per_kwh().nanos(), 300'000'000);
  ASSERT_EQ(clearing->lines_size(), 1);
  EXPECT_EQ(clearing->lines(0).to_zone(), "north");
  EXPECT_EQ(clearing->lines(0).flow_wh(), clearing->zones(1).bought_wh());
  EXPECT_EQ(clearing->network(), "communities/c1/networks/two");
  EXPECT_EQ(clearing->verdict(), "NONE");
  EXPECT_EQ(clearing->sha256().size(), 64u);
}

TEST_F(ClearingServiceTest, NamesWhatIsNotThere) {
  EXPECT_EQ(ReasonOf(Get("communities/c1/auctions/20270115t080000z").status()), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Get("communities/c9/auctions/20270115t080000z/clearing").status()),
            "NOT_FOUND");
  EXPECT_EQ(ReasonOf(Get("communities/c1/auctions/20270115t083000z/clearing").status()), "");
  EXPECT_EQ(ReasonOf(Get("communities/c1/auctions/20270115t084500z/clearing").status()),
            "AUCTION_NOT_CLEARED");
}

TEST_F(ClearingServiceTest, ReplaysPageByPage) {
  std::vector<std::string> names;
  std::string token;
  do {
    const auto page = Replayed([&](auto& request) {
      request.set_page_size(2);
      request.set_page_token(token);
    });
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::ReplayedAuction& auction : page->auctions()) {
      names.push_back(auction.auction());
      EXPECT_TRUE(auction.identical()) << auction.auction();
      EXPECT_EQ(auction.stored().SerializeAsString(), auction.replayed().SerializeAsString());
    }
    token = page->next_page_token();
  } while (!token.empty());
  EXPECT_EQ(names.size(), 3u) << "the fourth is open";
}

TEST_F(ClearingServiceTest, AnswersWhatIf) {
  const auto one_zone =
      Replayed([](auto& request) { request.mutable_what_if()->set_one_zone(true); });
  ASSERT_TRUE(one_zone.ok()) << one_zone.status();
  ASSERT_EQ(one_zone->auctions_size(), 3);
  EXPECT_EQ(one_zone->auctions(0).stored().cleared_energy_wh(), 500);
  EXPECT_GT(one_zone->auctions(0).replayed().welfare_micros(),
            one_zone->auctions(0).stored().welfare_micros());
  EXPECT_FALSE(one_zone->auctions(0).identical());
  const auto named = Replayed(
      [](auto& request) { request.mutable_what_if()->set_network("communities/c1/networks/two"); });
  EXPECT_EQ(named->auctions(0).stored().SerializeAsString(),
            named->auctions(0).replayed().SerializeAsString());
}

TEST_F(ClearingServiceTest, RefusesBadInputWithAReason) {
  struct Bad {
    const char* name;
    std::function<void(v1::ReplayAuctionsRequest&)> change;
    const char* reason;
  };
  const std::vector<Bad> cases = {
      {"parent", [](auto& r) { r.set_parent("c1"); }, "FIELD_INVALID"},
      {"no start", [](auto& r) { r.clear_start_time(); }, "FIELD_INVALID"},
      {"no end", [](auto& r) { r.clear_end_time(); }, "FIELD_INVALID"},
      {"empty span", [](auto& r) { *r.mutable_end_time() = r.start_time(); }, "FIELD_INVALID"},
      {"community", [](auto& r) { r.set_parent("communities/c9"); }, "NOT_FOUND"},
      {"network", [](auto& r) { r.mutable_what_if()->set_network("communities/c1/networks/x"); },
       "NOT_FOUND"},
      {"another's network",
       [](auto& r) { r.mutable_what_if()->set_network("communities/c2/networks/two"); },
       "FIELD_INVALID"},
      {"network and one zone",
       [](auto& r) {
         r.mutable_what_if()->set_network("communities/c1/networks/two");
         r.mutable_what_if()->set_one_zone(true);
       },
       "FIELD_INVALID"},
      {"mechanism",
       [](auto& r) { r.mutable_what_if()->set_mechanism(static_cast<v1::WhatIf::Mechanism>(9)); },
       "FIELD_INVALID"},
  };
  for (const Bad& bad : cases) {
    EXPECT_EQ(ReasonOf(Replayed(bad.change).status()), bad.reason) << bad.name;
  }
  EXPECT_EQ(ReasonOf(Replayed([](auto&) {}, access::v1::PROSUMER).status()), "PERMISSION_DENIED");
}

}  // namespace
}  // namespace peerwatt::market
