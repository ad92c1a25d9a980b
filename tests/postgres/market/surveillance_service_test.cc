// Surveillance behind mTLS, as the gateway calls it.

#include "services/market/rpc/surveillance_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_split.h"
#include "libs/base/clock.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "tests/postgres/market/surveillance_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Stub = v1::Surveillance::Stub;

/// Waits with the first page until it may go on.
class GatedSource final : public ExportSource {
 public:
  explicit GatedSource(ExportSource& source) : source_(source) {}
  absl::StatusOr<std::vector<ExportedOrder>> ListOrders(const AuctionKey& auction,
                                                        const OrderId& after, absl::Time end,
                                                        int32_t limit) override {
    if (gated) {
      asked.count_down();
      open.wait();
    }
    return source_.ListOrders(auction, after, end, limit);
  }
  absl::StatusOr<std::vector<ExportedTrade>> ListTrades(const AuctionKey& auction, int32_t after,
                                                        absl::Time end, int32_t limit) override {
    return source_.ListTrades(auction, after, end, limit);
  }
  bool gated = false;
  std::latch asked{1};
  std::latch open{1};

 private:
  ExportSource& source_;
};

class SurveillanceServiceTest : public ::testing::Test {
 protected:
  SurveillanceServiceTest()
      : clock_(world_.Day(2)),
        source_(world_.source),
        service_(world_.rules, world_.survey_view, source_, clock_,
                 {.exports_max = 1, .page_rows = 100}) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("market")), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::Surveillance::NewStub(rpc::MutualTlsChannel(
        "127.0.0.1:" + std::to_string(port_), Certificates::Instance().Of("gateway"), "market"));
    world_.AddDays(0, 2);
    world_.AddReturn(0);
    world_.AddReturn(1);
    CountingProbe probe;
    Surveyor surveyor(world_.rules, world_.surveys, probe);
    World::Require(surveyor.RunOnce(clock_.Now(), [] { return false; }));
  }
  ~SurveillanceServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  static void ActAs(grpc::ClientContext& context, rpc::Role role) {
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(role);
    principal.set_participant("participants/p1");
    rpc::SetPrincipal(context, principal.SerializeAsString());
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, rpc::Role role) {
    grpc::ClientContext context;
    ActAs(context, role);
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) {
      return status;
    }
    return response;
  }
  v1::ListSurveillanceFindingsRequest Asked() const {
    v1::ListSurveillanceFindingsRequest request;
    request.set_parent("communities/c1");
    return request;
  }
  absl::StatusOr<v1::ListSurveillanceFindingsResponse> List(
      const v1::ListSurveillanceFindingsRequest& request, rpc::Role role = access::v1::OPERATOR) {
    return Call(&Stub::ListSurveillanceFindings, request, role);
  }
  template <typename Request>
  Request Span(v1::ExportFormat format) const {
    Request request;
    request.set_parent("communities/c1");
    *request.mutable_start_time() = rpc::ToProto(world_.Day(0));
    *request.mutable_end_time() = rpc::ToProto(world_.Day(1));
    request.set_format(format);
    return request;
  }
  /// A file and how it came.
  struct Received {
    std::string text;
    std::string content_type;
    int pieces = 0;
    absl::Status status;
  };
  static Received ReadAll(grpc::ClientReader<google::api::HttpBody>& reader) {
    Received received;
    google::api::HttpBody piece;
    while (reader.Read(&piece)) {
      received.text += piece.data();
      received.content_type = piece.content_type();
      ++received.pieces;
    }
    received.status = rpc::FromGrpcStatus(reader.Finish());
    return received;
  }
  Received Orders(const v1::ExportOrdersRequest& request, rpc::Role role = access::v1::OPERATOR) {
    grpc::ClientContext context;
    ActAs(context, role);
    return ReadAll(*stub_->ExportOrders(&context, request));
  }
  Received Trades(const v1::ExportTradesRequest& request, rpc::Role role = access::v1::OPERATOR) {
    grpc::ClientContext context;
    ActAs(context, role);
    return ReadAll(*stub_->ExportTrades(&context, request));
  }

  WatchedWorld world_;
  ManualClock clock_;
  GatedSource source_;
  SurveillanceService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(SurveillanceServiceTest, ListsFindingsForOperatorsAndRegulators) {
  for (const rpc::Role role : {access::v1::OPERATOR, access::v1::REGULATOR}) {
    const auto listed = List(Asked(), role);
    ASSERT_TRUE(listed.ok()) << listed.status();
    ASSERT_EQ(listed->surveillance_findings_size(), 2);
    const v1::SurveillanceFinding& finding = listed->surveillance_findings(0);
    EXPECT_EQ(finding.name(), "communities/c1/surveillanceFindings/20270115t000000z-1");
    EXPECT_EQ(finding.rule(), v1::SurveillanceFinding::RETURN_TRADE);
    EXPECT_EQ(finding.side(), v1::SurveillanceFinding::SIDE_UNSPECIFIED);
    EXPECT_THAT(finding.owners(), ElementsAre("p1", "p2"));
    EXPECT_THAT(finding.participants(), ElementsAre("participants/p1", "participants/p2"));
    EXPECT_EQ(finding.energy_wh(), 1'000);
    EXPECT_EQ(finding.measure(), 1'000'000);
    EXPECT_THAT(finding.references(),
                ElementsAre("communities/c1/auctions/20270115t100000z/trades/t1",
                            "communities/c1/auctions/20270115t101500z/trades/t1"));
    EXPECT_EQ(finding.reference_count(), 2);
    EXPECT_EQ(listed->surveyed_through_time().seconds(), absl::ToUnixSeconds(world_.Day(2)));
    EXPECT_EQ(listed->incomplete_day_times_size(), 0);
  }
}

TEST_F(SurveillanceServiceTest, PagesAndFilters) {
  v1::ListSurveillanceFindingsRequest request = Asked();
  request.set_page_size(1);
  const auto first = List(request);
  ASSERT_EQ(first->surveillance_findings_size(), 1);
  request.set_page_token(first->next_page_token());
  const auto second = List(request);
  ASSERT_EQ(second->surveillance_findings_size(), 1);
  EXPECT_EQ(second->surveillance_findings(0).name(),
            "communities/c1/surveillanceFindings/20270116t000000z-1");
  EXPECT_EQ(second->next_page_token(), "");
  request.set_rule(v1::SurveillanceFinding::RING);
  EXPECT_EQ(ReasonOf(List(request).status()), "PAGE_TOKEN_INVALID");
  request.clear_page_token();
  EXPECT_EQ(List(request)->surveillance_findings_size(), 0);
  request.set_rule(v1::SurveillanceFinding::RETURN_TRADE);
  *request.mutable_start_time() = rpc::ToProto(world_.Day(1));
  EXPECT_EQ(List(request)->surveillance_findings(0).name(),
            second->surveillance_findings(0).name());
}

TEST_F(SurveillanceServiceTest, RefusesWhoMayNotBeforeItLooks) {
  for (const rpc::Role role :
       {access::v1::PROSUMER, access::v1::CONSUMER, access::v1::ADMIN, access::v1::DEVICE}) {
    for (const char* community : {"communities/c1", "communities/nowhere"}) {
      v1::ListSurveillanceFindingsRequest request = Asked();
      request.set_parent(community);
      EXPECT_EQ(ReasonOf(List(request, role).status()), "PERMISSION_DENIED");
      auto orders = Span<v1::ExportOrdersRequest>(v1::CSV);
      orders.set_parent(community);
      EXPECT_EQ(ReasonOf(Orders(orders, role).status), "PERMISSION_DENIED");
      auto trades = Span<v1::ExportTradesRequest>(v1::CSV);
      trades.set_parent(community);
      EXPECT_EQ(ReasonOf(Trades(trades, role).status), "PERMISSION_DENIED");
    }
  }
  v1::RecordBeneficialOwnerRequest record;
  record.set_parent("communities/c1");
  record.mutable_beneficial_owner()->set_participant("participants/p1");
  record.mutable_beneficial_owner()->set_owner("firm");
  EXPECT_EQ(ReasonOf(Call(&Stub::RecordBeneficialOwner, record, access::v1::PROSUMER).status()),
            "PERMISSION_DENIED");
  v1::ListBeneficialOwnersRequest list;
  list.set_parent("communities/c1");
  EXPECT_EQ(ReasonOf(Call(&Stub::ListBeneficialOwners, list, access::v1::PROSUMER).status()),
            "PERMISSION_DENIED");
}

TEST_F(SurveillanceServiceTest, RefusesBadInputWithAReason) {
  v1::ListSurveillanceFindingsRequest list = Asked();
  list.set_parent("communities/nowhere");
  EXPECT_EQ(ReasonOf(List(list).status()), "NOT_FOUND");
  list.set_parent("c1");
  EXPECT_EQ(ReasonOf(List(list).status()), "FIELD_INVALID");
  list = Asked();
  list.set_rule(static_cast<v1::SurveillanceFinding::Rule>(77));
  EXPECT_EQ(ReasonOf(List(list).status()), "FIELD_INVALID");
  const std::pair<const char*, std::function<void(v1::ExportOrdersRequest&)>> cases[] = {
      {"FIELD_INVALID", [](auto& r) { r.set_parent("c1"); }},
      {"FIELD_INVALID", [](auto& r) { r.clear_start_time(); }},
      {"FIELD_INVALID", [](auto& r) { r.clear_end_time(); }},
      {"FIELD_INVALID", [](auto& r) { *r.mutable_end_time() = r.start_time(); }},
      {"FIELD_INVALID", [](auto& r) { r.clear_format(); }},
      {"NOT_FOUND", [](auto& r) { r.set_parent("communities/nowhere"); }}};
  for (const auto& [reason, change] : cases) {
    auto request = Span<v1::ExportOrdersRequest>(v1::CSV);
    change(request);
    EXPECT_EQ(ReasonOf(Orders(request).status), reason) << request.DebugString();
  }
}

TEST_F(SurveillanceServiceTest, KeepsWhoStandsBehindWhom) {
  v1::RecordBeneficialOwnerRequest record;
  record.set_parent("communities/c1");
  record.mutable_beneficial_owner()->set_participant("participants/p2");
  record.mutable_beneficial_owner()->set_owner("Firm, of sorts");
  const auto method = &Stub::RecordBeneficialOwner;
  EXPECT_EQ(ReasonOf(Call(method, record, access::v1::OPERATOR).status()), "FIELD_INVALID");
  record.mutable_beneficial_owner()->set_owner("firm");
  const auto kept = Call(method, record, access::v1::OPERATOR);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->record_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  clock_.Set(clock_.Now() + absl::Seconds(1));
  const auto again = Call(method, record, access::v1::OPERATOR);
  EXPECT_EQ(again->SerializeAsString(), kept->SerializeAsString());
  clock_.Set(clock_.Now() - absl::Hours(1));
  record.mutable_beneficial_owner()->set_owner("p1");
  EXPECT_TRUE(Call(method, record, access::v1::REGULATOR).ok());
  v1::ListBeneficialOwnersRequest list;
  list.set_parent("communities/c1");
  const auto listed = Call(&Stub::ListBeneficialOwners, list, access::v1::REGULATOR);
  ASSERT_EQ(listed->beneficial_owners_size(), 1);
  EXPECT_EQ(listed->beneficial_owners(0).owner(), "p1");
  EXPECT_EQ(world_.Count("beneficial_owners"), 2);
}

TEST_F(SurveillanceServiceTest, SendsOrdersInPiecesFromPages) {
  constexpr int kOrders = 2'000;
  world_.AddOrders(world_.Day(0), 1, kOrders, "p1", "EXPIRED");
  world_.AddOrders(world_.Day(1), 1, 1, "p1", "EXPIRED");
  const Received csv = Orders(Span<v1::ExportOrdersRequest>(v1::CSV));
  EXPECT_TRUE(csv.status.ok()) << csv.status;
  EXPECT_EQ(csv.content_type, "text/csv");
  EXPECT_GT(csv.pieces, 1);
  const std::vector<std::string> lines = absl::StrSplit(csv.text, "\r\n");
  ASSERT_THAT(lines, SizeIs(kOrders + 2));
  EXPECT_THAT(lines[0], StartsWith("community,delivery_start,"));
  EXPECT_EQ(lines[1],
            "c1,2027-01-15T00:00:00Z,2027-01-15T00:15:00Z,o1,BID,p1,m,600,0.20,EUR,0,EXPIRED,,,"
            "2027-01-14T21:00:00Z");
  EXPECT_EQ(lines.back(), "");
  const Received xml = Orders(Span<v1::ExportOrdersRequest>(v1::REMIT_XML));
  EXPECT_EQ(xml.content_type, "application/xml");
  EXPECT_THAT(xml.text, HasSubstr(absl::StrCat("<recordSeqNumber>", kOrders, "<")));
  EXPECT_THAT(xml.text, ::testing::EndsWith("</report>\n"));
}

TEST_F(SurveillanceServiceTest, SendsTrades) {
  const Received csv = Trades(Span<v1::ExportTradesRequest>(v1::CSV), access::v1::REGULATOR);
  EXPECT_TRUE(csv.status.ok()) << csv.status;
  const std::vector<std::string> lines = absl::StrSplit(csv.text, "\r\n");
  ASSERT_THAT(lines, SizeIs(4)) << csv.text;
  EXPECT_EQ(lines[1],
            "c1,2027-01-15T10:00:00Z,2027-01-15T10:15:00Z,t1,p1,p2,m-p1,m-p2,o,b,1000,0.12345,"
            "0.12345,0.00,EUR,2027-01-15T09:00:00Z,AUCTION");
  const Received xml = Trades(Span<v1::ExportTradesRequest>(v1::REMIT_XML));
  EXPECT_THAT(xml.text, HasSubstr("<recordSeqNumber>4<"));
}

TEST_F(SurveillanceServiceTest, SendsOnlySoManyFilesAtATime) {
  source_.gated = true;
  Received first;
  std::jthread other([&] { first = Orders(Span<v1::ExportOrdersRequest>(v1::CSV)); });
  source_.asked.wait();
  EXPECT_EQ(ReasonOf(Trades(Span<v1::ExportTradesRequest>(v1::CSV)).status), "EXPORTS_EXCEEDED");
  source_.open.count_down();
  other.join();
  EXPECT_TRUE(first.status.ok()) << first.status;
  EXPECT_TRUE(Trades(Span<v1::ExportTradesRequest>(v1::CSV)).status.ok()) << "there is room again";
}

}  // namespace
}  // namespace peerwatt::market
