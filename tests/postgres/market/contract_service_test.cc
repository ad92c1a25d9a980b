// Contracts behind mTLS, as the gateway calls them.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/market/v1/contracts.grpc.pb.h"
#include "peerwatt/market/v1/market.grpc.pb.h"
#include "services/market/rpc/contracts_service.h"
#include "services/market/rpc/market_service.h"
#include "tests/postgres/market/contract_world.h"
#include "tests/support/certificates.h"

namespace peerwatt::market {
namespace {

using peerwatt::testing::Certificates;
using Stub = v1::Contracts::Stub;

constexpr char kContract[] = "communities/c1/contracts/k1";

class ContractServiceTest : public ::testing::Test {
 protected:
  ContractServiceTest()
      : clock_(world_.start - absl::Hours(3)),
        store_(world_.pool),
        desk_(store_, world_.registry),
        contracts_(world_.rules, desk_, store_, clock_),
        internal_(world_.rules, world_.view) {
    grpc::ServerBuilder builder;
    const rpc::TlsFiles own = Certificates::Instance().Of("market");
    builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(own), &port_);
    builder.RegisterService(&contracts_);
    builder.RegisterService(&internal_);
    server_ = builder.BuildAndStart();
    stub_ = v1::Contracts::NewStub(ChannelOf("gateway"));
    world_.RunUntilDone(clock_.Now());
  }
  ~ContractServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& service) {
    return rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                                 Certificates::Instance().Of(service), "market");
  }

  // Calls one method as a participant, or as an operator without one.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
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
        rpc::FromGrpcStatus((stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) {
      return status;
    }
    return response;
  }

  google::type::Money Euros(int64_t micros) const {
    return rpc::ToProto(Price::MicrosPerKwh(micros), "EUR");
  }
  v1::ContractTerms Terms() const {
    v1::ContractTerms terms;
    *terms.mutable_valid_from_time() = rpc::ToProto(world_.start);
    *terms.mutable_end_time() = rpc::ToProto(world_.start + absl::Hours(24));
    terms.mutable_profile()->set_time_zone("Europe/Berlin");
    v1::ContractTerms::Window& window = *terms.mutable_profile()->add_windows();
    for (int day = 1; day <= 7; ++day) {
      window.add_weekdays(static_cast<v1::ContractTerms::Weekday>(day));
    }
    window.set_end_minute(1440);
    window.set_energy_wh(100);
    *terms.mutable_price()->mutable_fixed_per_kwh() = Euros(200'000);
    terms.mutable_cancellation()->add_parties(v1::ContractTerms::BUYER);
    terms.mutable_cancellation()->set_effect(v1::ContractTerms::Cancellation::END_OF_DAY);
    return terms;
  }
  v1::CreateContractRequest Offer(const std::string& id) const {
    v1::CreateContractRequest request;
    request.set_parent("communities/c1");
    request.set_contract_id(id);
    v1::Contract& contract = *request.mutable_contract();
    contract.set_buyer("participants/p1");
    contract.set_seller("participants/p3");
    contract.set_seller_metering_point("meteringPoints/m4");
    *contract.mutable_terms() = Terms();
    return request;
  }
  absl::StatusOr<v1::Contract> Accept(const std::string& participant, const std::string& point) {
    v1::AcceptContractRequest request;
    request.set_name(kContract);
    request.set_version(1);
    request.set_metering_point(point);
    return Call(&Stub::AcceptContract, request, participant);
  }
  absl::StatusOr<v1::Contract> Get(const std::string& participant) {
    v1::GetContractRequest request;
    request.set_name(kContract);
    return Call(&Stub::GetContract, request, participant);
  }
  absl::StatusOr<v1::ListContractExecutionsResponse> Executions(const std::string& participant) {
    v1::ListContractExecutionsRequest request;
    request.set_parent(kContract);
    return Call(&Stub::ListContractExecutions, request, participant);
  }

  World world_;
  ManualClock clock_;
  PostgresContractStore store_;
  ContractDesk desk_;
  ContractsService contracts_;
  MarketInternalService internal_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(ContractServiceTest, FromOfferToTrade) {
  const auto offered = Call(&Stub::CreateContract, Offer("k1"), "p3");
  ASSERT_TRUE(offered.ok()) << offered.status();
  EXPECT_EQ(offered->name(), kContract);
  EXPECT_EQ(offered->state(), v1::Contract::OFFERED);
  EXPECT_EQ(offered->proposer(), "participants/p3");
  EXPECT_EQ(offered->buyer_metering_point(), "");
  EXPECT_EQ(offered->terms().SerializeAsString(), Terms().SerializeAsString());

  const auto accepted = Accept("p1", "meteringPoints/m1");
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  EXPECT_EQ(accepted->state(), v1::Contract::ACTIVE);
  EXPECT_EQ(accepted->buyer_metering_point(), "meteringPoints/m1");
  EXPECT_EQ(accepted->versions(0).state(), v1::ContractVersion::ACCEPTED);
  EXPECT_EQ(Get("p3")->SerializeAsString(), accepted->SerializeAsString());
  EXPECT_EQ(Get("")->SerializeAsString(), accepted->SerializeAsString()) << "an operator";

  clock_.Set(world_.start - absl::Hours(1));
  world_.RunUntilDone(clock_.Now());
  for (const char* viewer : {"p1", "p3", ""}) {
    const auto executions = Executions(viewer);
    ASSERT_TRUE(executions.ok()) << executions.status();
    ASSERT_EQ(executions->executions_size(), 1);
    const v1::ContractExecution& execution = executions->executions(0);
    EXPECT_EQ(execution.auction(), "communities/c1/auctions/20270115t080000z");
    EXPECT_EQ(execution.state(), v1::ContractExecution::EXECUTED);
    EXPECT_EQ(execution.trade(), "communities/c1/auctions/20270115t080000z/trades/t1");
    EXPECT_EQ(execution.energy_wh(), 100);
    EXPECT_EQ(execution.price_per_kwh().nanos(), 200'000'000);
  }
  const auto settlement = v1::MarketInternal::NewStub(ChannelOf("settlement"));
  grpc::ClientContext context;
  v1::ListOutcomesRequest ask;
  ask.set_community("communities/c1");
  *ask.mutable_start_time() = rpc::ToProto(world_.start);
  *ask.mutable_end_time() = rpc::ToProto(world_.start + absl::Hours(1));
  v1::ListOutcomesResponse outcomes;
  ASSERT_TRUE(settlement->ListOutcomes(&context, ask, &outcomes).ok());
  ASSERT_EQ(outcomes.outcomes(0).trades_size(), 1);
  const v1::Trade& trade = outcomes.outcomes(0).trades(0);
  EXPECT_EQ(trade.origin(), v1::Trade::CONTRACT);
  EXPECT_EQ(trade.buyer(), "participants/p1");
  EXPECT_EQ(trade.bid(), "communities/c1/auctions/20270115t080000z/orders/ct-k1-b");

  v1::CancelContractRequest cancel;
  cancel.set_name(kContract);
  cancel.set_reason("moving");
  EXPECT_EQ(ReasonOf(Call(&Stub::CancelContract, cancel, "p3").status()), "CANCELLATION_REFUSED");
  cancel.set_validate_only(true);
  ASSERT_TRUE(Call(&Stub::CancelContract, cancel, "p1").ok());
  EXPECT_FALSE(Get("p1")->has_notice()) << "only asked";
  cancel.set_validate_only(false);
  const auto cancelled = Call(&Stub::CancelContract, cancel, "p1");
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  // 15 January 2027, 08:00 in Berlin; the day ends at 23:00 UTC.
  EXPECT_EQ(cancelled->notice().effective_time().seconds(),
            absl::ToUnixSeconds(world_.start + absl::Hours(15)));
  clock_.Set(world_.start + absl::Hours(15));
  EXPECT_EQ(Get("p1")->state(), v1::Contract::ENDED);
}

TEST_F(ContractServiceTest, StrangersLearnNothing) {
  ASSERT_TRUE(Call(&Stub::CreateContract, Offer("k1"), "p3").ok());
  EXPECT_EQ(ReasonOf(Get("p2").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Executions("p2").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Accept("p2", "meteringPoints/m2").status()), "PERMISSION_DENIED");
  v1::GetContractRequest unknown;
  unknown.set_name("communities/c1/contracts/k9");
  EXPECT_EQ(ReasonOf(Call(&Stub::GetContract, unknown, "p2").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Call(&Stub::GetContract, unknown, "").status()), "NOT_FOUND");
  v1::ListContractsRequest list;
  list.set_parent("communities/c1");
  EXPECT_EQ(Call(&Stub::ListContracts, list, "p2")->contracts_size(), 0);
  EXPECT_EQ(Call(&Stub::ListContracts, list, "p1")->contracts_size(), 1);
  EXPECT_EQ(Call(&Stub::ListContracts, list, "")->contracts_size(), 1);
  EXPECT_EQ(ReasonOf(Accept("", "meteringPoints/m1").status()), "PERMISSION_DENIED")
      << "operators only look";
}

TEST_F(ContractServiceTest, ProposesAndDeclinesAndPages) {
  for (const char* id : {"k1", "k2", "k3"}) {
    ASSERT_TRUE(Call(&Stub::CreateContract, Offer(id), "p3").ok());
  }
  ASSERT_TRUE(Accept("p1", "meteringPoints/m1").ok());
  v1::AmendContractRequest amend;
  amend.set_name(kContract);
  amend.set_version(2);
  *amend.mutable_terms() = Terms();
  amend.mutable_terms()->mutable_profile()->mutable_windows(0)->set_output_share_ppm(500'000);
  v1::ContractTerms::Index& index = *amend.mutable_terms()->mutable_price()->mutable_index();
  index.set_zone_of(v1::ContractTerms::SELLER);
  index.set_factor_ppm(900'000);
  *index.mutable_cap_per_kwh() = Euros(300'000);
  *index.mutable_offset_per_kwh() = Euros(0);
  const auto proposed = Call(&Stub::AmendContract, amend, "p1");
  ASSERT_TRUE(proposed.ok()) << proposed.status();
  EXPECT_EQ(proposed->versions(1).terms().SerializeAsString(), amend.terms().SerializeAsString());
  EXPECT_EQ(proposed->terms().SerializeAsString(), Terms().SerializeAsString())
      << "what counts is the newest accepted";
  v1::DeclineContractRequest decline;
  decline.set_name(kContract);
  decline.set_version(2);
  EXPECT_EQ(ReasonOf(Call(&Stub::DeclineContract, decline, "p1").status()), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&Stub::DeclineContract, decline, "p3")->versions(1).state(),
            v1::ContractVersion::DECLINED);
  v1::WithdrawContractRequest withdraw;
  withdraw.set_name("communities/c1/contracts/k2");
  withdraw.set_version(1);
  EXPECT_EQ(Call(&Stub::WithdrawContract, withdraw, "p3")->state(), v1::Contract::WITHDRAWN);

  v1::ListContractsRequest list;
  list.set_parent("communities/c1");
  list.set_page_size(2);
  const auto first = Call(&Stub::ListContracts, list, "p1");
  ASSERT_EQ(first->contracts_size(), 2);
  list.set_page_token(first->next_page_token());
  const auto second = Call(&Stub::ListContracts, list, "p1");
  ASSERT_EQ(second->contracts_size(), 1);
  EXPECT_EQ(second->contracts(0).name(), "communities/c1/contracts/k3");
  EXPECT_EQ(second->next_page_token(), "");
}

TEST_F(ContractServiceTest, RefusesBadInputWithAReason) {
  struct Bad {
    const char* name;
    std::function<void(v1::CreateContractRequest&)> apply;
    const char* reason;
  };
  const auto terms = [](v1::CreateContractRequest& r) {
    return r.mutable_contract()->mutable_terms();
  };
  const std::vector<Bad> cases = {
      {"id", [](auto& r) { r.set_contract_id("K"); }, "FIELD_INVALID"},
      {"long id", [](auto& r) { r.set_contract_id(std::string(59, 'a')); }, "FIELD_INVALID"},
      {"parent", [](auto& r) { r.set_parent("c1"); }, "FIELD_INVALID"},
      {"community", [](auto& r) { r.set_parent("communities/c9"); }, "NOT_FOUND"},
      {"buyer", [](auto& r) { r.mutable_contract()->set_buyer("p1"); }, "FIELD_INVALID"},
      {"no party", [](auto& r) { r.mutable_contract()->set_seller("participants/p2"); },
       "PERMISSION_DENIED"},
      {"both points",
       [](auto& r) { r.mutable_contract()->set_buyer_metering_point("meteringPoints/m1"); },
       "FIELD_INVALID"},
      {"another's point",
       [](auto& r) { r.mutable_contract()->set_seller_metering_point("meteringPoints/m1"); },
       "PERMISSION_DENIED"},
      {"unknown point",
       [](auto& r) { r.mutable_contract()->set_seller_metering_point("meteringPoints/m9"); },
       "METERING_POINT_UNKNOWN"},
      {"oneself", [](auto& r) { r.mutable_contract()->set_buyer("participants/p3"); },
       "SELF_DEALING"},
      {"no start", [&](auto& r) { terms(r)->clear_valid_from_time(); }, "FIELD_INVALID"},
      {"zone", [&](auto& r) { terms(r)->mutable_profile()->set_time_zone("Mars/North"); },
       "FIELD_INVALID"},
      {"date", [&](auto& r) { terms(r)->mutable_profile()->add_holidays("2026-02-30"); },
       "FIELD_INVALID"},
      {"weekday",
       [&](auto& r) {
         terms(r)->mutable_profile()->mutable_windows(0)->set_weekdays(
             0, static_cast<v1::ContractTerms::Weekday>(8));
       },
       "FIELD_INVALID"},
      {"price", [&](auto& r) { terms(r)->clear_price(); }, "FIELD_INVALID"},
      {"currency",
       [&](auto& r) {
         terms(r)->mutable_price()->mutable_fixed_per_kwh()->set_currency_code("USD");
       },
       "FIELD_INVALID"},
      {"beyond the bounds",
       [&](auto& r) { *terms(r)->mutable_price()->mutable_fixed_per_kwh() = Euros(400'001); },
       "PRICE_OUT_OF_RANGE"},
  };
  for (const Bad& bad : cases) {
    v1::CreateContractRequest request = Offer("k1");
    bad.apply(request);
    EXPECT_EQ(ReasonOf(Call(&Stub::CreateContract, request, "p3").status()), bad.reason)
        << bad.name;
  }
  EXPECT_EQ(ReasonOf(Get("").status()), "NOT_FOUND") << "nothing was kept";
}

}  // namespace
}  // namespace peerwatt::market
