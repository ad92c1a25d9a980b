// The public and the internal service behind mTLS, as the gateway and the market call them.

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/settlement/v1/settlement.grpc.pb.h"
#include "services/settlement/core/deposits.h"
#include "services/settlement/rpc/settlement_internal_service.h"
#include "services/settlement/rpc/settlement_service.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::Certificates;

constexpr char kStaff[] = "";

class ServiceTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    grpc::ServerBuilder builder;
    const rpc::TlsFiles own = Certificates::Instance().Of("settlement");
    builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(own), &port_);
    builder.RegisterService(&public_);
    builder.RegisterService(&internal_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gateway_ = v1::Settlement::NewStub(ChannelOf("gateway"));
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    RunTest::TearDown();
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& service) {
    const std::string address = "127.0.0.1:" + std::to_string(port_);
    return rpc::MutualTlsChannel(address, Certificates::Instance().Of(service), "settlement");
  }

  /// Calls one method as a participant, or as an operator without one.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::Settlement::Stub::*method)(grpc::ClientContext*, const Request&,
                                                   Response*),
      const Request& request, const std::string& participant) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(participant == kStaff ? access::v1::OPERATOR : access::v1::PROSUMER);
    if (participant != kStaff) principal.set_participant("participants/" + participant);
    rpc::SetPrincipal(context, principal.SerializeAsString());
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((gateway_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  static v1::CreateDepositRequest DepositOf(const std::string& participant, Money amount) {
    v1::CreateDepositRequest request;
    request.set_parent("participants/" + participant);
    request.set_deposit_id("first");
    *request.mutable_deposit()->mutable_amount() = rpc::ToProto(amount, "EUR");
    return request;
  }
  absl::StatusOr<v1::Deposit> Deposit(const v1::CreateDepositRequest& request,
                                      const std::string& participant) {
    return Call(&v1::Settlement::Stub::CreateDeposit, request, participant);
  }
  absl::StatusOr<v1::LedgerAccount> GetAccount(const std::string& account,
                                               const std::string& participant) {
    v1::GetLedgerAccountRequest request;
    request.set_name("communities/hamlet/ledgerAccounts/" + account);
    return Call(&v1::Settlement::Stub::GetLedgerAccount, request, participant);
  }

  FakePayments payments_;
  Ledgers ledgers_{registry_, runs_};
  DepositDesk desk_{ledgers_, payments_, deposits_, clock_};
  SettlementService public_{books_, ledgers_, desk_, deposits_, clock_};
  SettlementInternalService internal_{holds_, ledgers_};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Settlement::Stub> gateway_;
};

TEST_F(ServiceTest, TakesADepositAndShowsTheAccount) {
  const auto deposit = Deposit(DepositOf("buyer", Money::Micros(50'000'000)), "buyer");
  ASSERT_TRUE(deposit.ok()) << deposit.status();
  EXPECT_EQ(deposit->name(), "participants/buyer/deposits/first");
  EXPECT_EQ(deposit->state(), v1::Deposit::SUCCEEDED);
  const auto account = GetAccount("participant-buyer", "buyer");
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->balance().units(), 50);
  EXPECT_EQ(account->available().units(), 50);
  v1::GetDepositRequest get;
  get.set_name(deposit->name());
  EXPECT_TRUE(Call(&v1::Settlement::Stub::GetDeposit, get, "buyer").ok());
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::GetDeposit, get, "seller").status()),
            "PERMISSION_DENIED");
}

TEST_F(ServiceTest, ChecksADepositInOrder) {
  v1::CreateDepositRequest request = DepositOf("buyer", Money::Micros(-1));
  EXPECT_EQ(ReasonOf(Deposit(request, "seller").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Deposit(request, kStaff).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Deposit(request, "buyer").status()), "FIELD_INVALID");
  *request.mutable_deposit()->mutable_amount() = rpc::ToProto(Money::Micros(1), "USD");
  EXPECT_EQ(ReasonOf(Deposit(request, "buyer").status()), "FIELD_INVALID");
  request = DepositOf("buyer", Money::Micros(5));
  request.set_deposit_id("No Id");
  EXPECT_EQ(ReasonOf(Deposit(request, "buyer").status()), "FIELD_INVALID");
  EXPECT_EQ(
      ReasonOf(Deposit(DepositOf("buyer", Money::Micros(2'000'000'000)), "buyer").status()),
      "PAYMENT_DECLINED");
}

TEST_F(ServiceTest, ShowsAnAccountOnlyToItsOwnerAndToStaff) {
  EXPECT_TRUE(GetAccount("participant-buyer", "buyer").ok()) << "zeros before the first posting";
  EXPECT_EQ(ReasonOf(GetAccount("participant-buyer", "seller").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(GetAccount("participant-nobody", "seller").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(GetAccount("main-grid", "buyer").status()), "PERMISSION_DENIED");
  EXPECT_TRUE(GetAccount("main-grid", kStaff).ok());
  EXPECT_EQ(ReasonOf(GetAccount("elsewhere", kStaff).status()), "NOT_FOUND");
}

TEST_F(ServiceTest, ABillIsTheSumOfItsLinesAndKnowsTheBillWithoutTrading) {
  Replica replica(*this);
  replica.CatchUp();
  v1::GetBillRequest request;
  request.set_name("participants/buyer/bill");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::GetBill, request, "seller").status()),
            "PERMISSION_DENIED");
  const auto bill = Call(&v1::Settlement::Stub::GetBill, request, "buyer");
  ASSERT_TRUE(bill.ok()) << bill.status();
  ASSERT_EQ(bill->items_size(), 2);
  EXPECT_EQ(bill->items(0).kind(), v1::SettlementLine::PURCHASE);
  EXPECT_EQ(bill->items(1).kind(), v1::SettlementLine::NETWORK_FEE);
  EXPECT_EQ(bill->total().nanos(), -220'000'000);
  EXPECT_EQ(bill->total_without_trading().nanos(), -300'000'000);

  v1::ListSettlementLinesRequest list;
  list.set_parent("participants/buyer");
  list.set_page_size(1);
  std::vector<v1::SettlementLine> lines;
  do {
    const auto page = Call(&v1::Settlement::Stub::ListSettlementLines, list, "buyer");
    ASSERT_TRUE(page.ok()) << page.status();
    ASSERT_LE(page->settlement_lines_size(), 1);
    lines.insert(lines.end(), page->settlement_lines().begin(), page->settlement_lines().end());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].trade(), "communities/hamlet/auctions/20260701t000000z/trades/t1");
  EXPECT_EQ(lines[0].journal_entry(), "communities/hamlet/journalEntries/1");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::ListSettlementLines, list, "seller").status()),
            "PERMISSION_DENIED");
}

TEST_F(ServiceTest, ListsEntriesOfAnAccountPageByPage) {
  Replica replica(*this);
  replica.CatchUp();
  v1::ListJournalEntriesRequest request;
  request.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::ListJournalEntries, request, "seller").status()),
            "PERMISSION_DENIED")
      << "a participant names its own account";
  request.set_ledger_account("communities/hamlet/ledgerAccounts/participant-seller");
  request.set_page_size(1);
  const auto first = Call(&v1::Settlement::Stub::ListJournalEntries, request, "seller");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->journal_entries_size(), 1);
  EXPECT_EQ(first->journal_entries(0).kind(), "trade");
  EXPECT_EQ(first->journal_entries(0).postings_size(), 4);
  request.set_page_token(first->next_page_token());
  const auto second = Call(&v1::Settlement::Stub::ListJournalEntries, request, "seller");
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->journal_entries_size(), 1);
  EXPECT_EQ(second->journal_entries(0).kind(), "feed-in");
  EXPECT_EQ(second->next_page_token(), "");
  request.set_ledger_account("");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::ListJournalEntries, request, kStaff).status()),
            "PAGE_TOKEN_INVALID")
      << "the token of another request";
}

TEST_F(ServiceTest, ShowsPeriodsProgressAndTrialBalance) {
  Replica replica(*this);
  replica.CatchUp();
  v1::GetSettlementPeriodRequest get;
  get.set_name("communities/hamlet/settlementPeriods/20260701t000000z");
  const auto period = Call(&v1::Settlement::Stub::GetSettlementPeriod, get, "consumer");
  ASSERT_TRUE(period.ok()) << period.status();
  EXPECT_EQ(period->drawn_energy_wh(), 1400);
  EXPECT_EQ(period->delivered_energy_wh(), 1000);
  EXPECT_EQ(period->surplus_energy_wh(), 500);
  get.set_name("communities/hamlet/settlementPeriods/20260701t001500z");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::GetSettlementPeriod, get, kStaff).status()),
            "NOT_FOUND");
  get.set_name("communities/hamlet/settlementPeriods/yesterday");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::GetSettlementPeriod, get, kStaff).status()),
            "FIELD_INVALID");
  v1::GetSettlementProgressRequest progress;
  progress.set_name("communities/hamlet/settlementProgress");
  const auto reached = Call(&v1::Settlement::Stub::GetSettlementProgress, progress, "buyer");
  ASSERT_TRUE(reached.ok()) << reached.status();
  EXPECT_EQ(reached->settled_through_time().seconds(), absl::ToUnixSeconds(Quarter(1)));
  v1::GetTrialBalanceRequest balance;
  balance.set_name("communities/hamlet/trialBalance");
  EXPECT_EQ(ReasonOf(Call(&v1::Settlement::Stub::GetTrialBalance, balance, "buyer").status()),
            "PERMISSION_DENIED");
  const auto sums = Call(&v1::Settlement::Stub::GetTrialBalance, balance, kStaff);
  ASSERT_TRUE(sums.ok()) << sums.status();
  EXPECT_EQ(sums->entry_count(), 3);
  EXPECT_EQ(sums->postings_sum().units(), 0);
  EXPECT_EQ(sums->postings_sum().nanos(), 0);
}

TEST_F(ServiceTest, HoldsAreTheMarketsBusiness) {
  Fund("buyer", 1'000'000);
  v1::BatchCreateHoldsRequest request;
  request.set_community("communities/hamlet");
  *request.mutable_period_start_time() = rpc::ToProto(Quarter(0));
  v1::BatchCreateHoldsRequest::Hold& hold = *request.add_holds();
  hold.set_order("communities/hamlet/auctions/20260701t000000z/orders/o1");
  hold.set_participant("participants/buyer");
  hold.set_amount_micros(600'000);
  *request.add_holds() = hold;
  request.mutable_holds(1)->set_order("communities/hamlet/auctions/20260701t000000z/orders/o2");

  const auto create = [&](const std::string& peer) {
    grpc::ClientContext context;
    v1::BatchCreateHoldsResponse response;
    const absl::Status status =
        rpc::FromGrpcStatus(v1::SettlementInternal::NewStub(ChannelOf(peer))
                                ->BatchCreateHolds(&context, request, &response));
    return status.ok() ? absl::StatusOr<v1::BatchCreateHoldsResponse>(response)
                       : absl::StatusOr<v1::BatchCreateHoldsResponse>(status);
  };
  EXPECT_EQ(ReasonOf(create("gateway").status()), "CALLER_UNKNOWN");
  const auto created = create("market");
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_EQ(created->failure_reasons_size(), 2);
  EXPECT_EQ(created->failure_reasons(0), "");
  EXPECT_EQ(created->failure_reasons(1), "FUNDS_INSUFFICIENT");
  EXPECT_EQ(HeldOf("buyer"), 600'000);
  request.mutable_holds(0)->set_amount_micros(0);
  EXPECT_EQ(ReasonOf(create("market").status()), "FIELD_INVALID");
  request.mutable_holds(0)->set_amount_micros(600'000);
  request.set_community("communities/nowhere");
  EXPECT_EQ(ReasonOf(create("market").status()), "NOT_FOUND");
}

TEST_F(ServiceTest, WithoutTheGatewaysWordThereIsNoCaller) {
  grpc::ClientContext context;
  v1::GetSettlementProgressRequest request;
  request.set_name("communities/hamlet/settlementProgress");
  v1::SettlementProgress response;
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(
                gateway_->GetSettlementProgress(&context, request, &response))),
            "CALLER_UNKNOWN");
}

}  // namespace
}  // namespace peerwatt::settlement
