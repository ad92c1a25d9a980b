// The ledger's service behind mTLS, as the gateway and other services call it.

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
#include "peerwatt/settlement/v1/ledger.grpc.pb.h"
#include "services/settlement/rpc/ledger_service.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::Certificates;

constexpr char kStaff[] = "";

class LedgerServiceTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("settlement")),
                             &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gateway_ = v1::Ledger::NewStub(ChannelOf("gateway"));
    Fund("buyer", 1000);
    v1::OpenAccountsRequest open;
    open.set_parent("communities/hamlet");
    v1::Account& account = *open.add_accounts();
    account.set_name("communities/hamlet/accounts/general-fund");
    *account.mutable_debit_limit() = rpc::ToProto(Money::Micros(50), "EUR");
    const auto opened = Call(&v1::Ledger::Stub::OpenAccounts, open, kStaff);
    ASSERT_TRUE(opened.ok()) << opened.status();
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    RunTest::TearDown();
  }
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& service) {
    return rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                                 Certificates::Instance().Of(service), "settlement");
  }

  /// Calls one method as a participant, or as an operator without one.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::Ledger::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
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

  static std::string LedgerName(const std::string& account) {
    return "communities/hamlet/ledgerAccounts/" + account;
  }
  static void AddEntry(v1::CreateTransfersRequest& request, const std::string& key,
                       const std::string& debit, const std::string& credit, int64_t micros) {
    request.set_parent("communities/hamlet");
    v1::Transfer& transfer = *request.add_transfers();
    transfer.set_key(key);
    for (const bool is_debit : {true, false}) {
      v1::Posting& posting = *transfer.mutable_entry()->add_postings();
      posting.set_ledger_account(LedgerName(is_debit ? debit : credit));
      *posting.mutable_amount() = rpc::ToProto(Money::Micros(is_debit ? -micros : micros), "EUR");
    }
  }
  absl::StatusOr<v1::CreateTransfersResponse> Create(const v1::CreateTransfersRequest& request,
                                                     const std::string& caller = kStaff) {
    return Call(&v1::Ledger::Stub::CreateTransfers, request, caller);
  }
  absl::StatusOr<v1::Balance> GetBalance(const v1::GetBalanceRequest& request,
                                         const std::string& caller) {
    return Call(&v1::Ledger::Stub::GetBalance, request, caller);
  }

  PostgresTransferStore store_{pool_, cache_, clock_};
  LedgerReader reader_{pool_, cache_};
  ledger::TransferQueue queue_{store_};
  Ledgers ledgers_{registry_, runs_};
  LedgerService service_{queue_, store_, reader_, ledgers_, crypto::Sha256};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Ledger::Stub> gateway_;
};

TEST_F(LedgerServiceTest, TransfersHaveResultsEach) {
  v1::CreateTransfersRequest request;
  AddEntry(request, "k1", "participant-buyer", "general-fund", 400);
  AddEntry(request, "k2", "participant-buyer", "general-fund", 601);
  v1::Transfer& hold = *request.add_transfers();
  hold.set_key("h1");
  hold.mutable_hold()->set_debit(LedgerName("general-fund"));
  *hold.mutable_hold()->mutable_amount() = rpc::ToProto(Money::Micros(450), "EUR");
  v1::Transfer& capture = *request.add_transfers();
  capture.set_key("c1");
  capture.mutable_capture()->set_hold("h1");
  capture.mutable_capture()->set_credit(LedgerName("participant-buyer"));
  v1::Transfer& release = *request.add_transfers();
  release.set_key("v1");
  release.mutable_void_()->set_hold("h1");
  const auto answer = Create(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->results_size(), 5);
  EXPECT_EQ(answer->results(0).outcome(), v1::TransferResult::APPLIED);
  EXPECT_EQ(answer->results(0).journal_entry(), "communities/hamlet/journalEntries/2");
  EXPECT_EQ(answer->results(1).reason(), "DEBIT_LIMIT_EXCEEDED");
  EXPECT_TRUE(answer->results(1).transient());
  EXPECT_EQ(answer->results(2).outcome(), v1::TransferResult::APPLIED);
  EXPECT_EQ(answer->results(3).outcome(), v1::TransferResult::APPLIED);
  EXPECT_EQ(answer->results(4).reason(), "HOLD_ENDED");
  const auto again = Create(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->results(0).outcome(), v1::TransferResult::EXISTS);
  EXPECT_EQ(again->results(0).journal_entry(), "communities/hamlet/journalEntries/2");
  EXPECT_EQ(again->results(1).reason(), "DEBIT_LIMIT_EXCEEDED");
  v1::GetAccountRequest get;
  get.set_name("communities/hamlet/accounts/general-fund");
  const auto account = Call(&v1::Ledger::Stub::GetAccount, get, kStaff);
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->debits_posted().nanos(), 450'000);
  EXPECT_EQ(account->credits_posted().nanos(), 400'000);
  EXPECT_EQ(account->balance().nanos(), -50'000);
  EXPECT_EQ(account->debit_limit().nanos(), 50'000);
  EXPECT_FALSE(account->has_credit_limit());
}

TEST_F(LedgerServiceTest, BadTransfersNameTheirField) {
  struct Case {
    const char* field;
    void (*spoil)(v1::Transfer&);
  };
  const Case cases[] = {
      {"transfers[0].key", [](v1::Transfer& t) { t.clear_key(); }},
      {"transfers[0].key", [](v1::Transfer& t) { t.set_key(std::string(101, 'k')); }},
      {"transfers[0].action", [](v1::Transfer& t) { t.clear_entry(); }},
      {"transfers[0].entry.postings",
       [](v1::Transfer& t) { t.mutable_entry()->mutable_postings()->RemoveLast(); }},
      {"transfers[0].entry.postings",
       [](v1::Transfer& t) {
         t.mutable_entry()->mutable_postings(0)->mutable_amount()->set_units(-2);
       }},
      {"transfers[0].entry.postings[1].ledger_account",
       [](v1::Transfer& t) {
         t.mutable_entry()->mutable_postings(1)->set_ledger_account(
             t.entry().postings(0).ledger_account());
       }},
      {"transfers[0].entry.postings[0].ledger_account",
       [](v1::Transfer& t) {
         t.mutable_entry()->mutable_postings(0)->set_ledger_account(
             "communities/other/ledgerAccounts/main-grid");
       }},
      {"transfers[0].entry.postings[0].amount.currency_code",
       [](v1::Transfer& t) {
         t.mutable_entry()->mutable_postings(0)->mutable_amount()->set_currency_code("USD");
       }},
      {"transfers[0].hold.amount.currency_code",
       [](v1::Transfer& t) { t.mutable_hold()->set_debit(LedgerName("general-fund")); }},
      {"transfers[0].hold.credit",
       [](v1::Transfer& t) {
         t.mutable_hold()->set_debit(LedgerName("general-fund"));
         t.mutable_hold()->set_credit(LedgerName("general-fund"));
       }},
      {"transfers[0].void.hold", [](v1::Transfer& t) { t.mutable_void_(); }},
  };
  for (const Case& wrong : cases) {
    v1::CreateTransfersRequest request;
    AddEntry(request, "k1", "participant-buyer", "general-fund", 1'000'000);
    wrong.spoil(*request.mutable_transfers(0));
    const auto answer = Create(request);
    EXPECT_EQ(ReasonOf(answer.status()), "FIELD_INVALID") << wrong.field;
    const ErrorDetail detail = DetailOf(answer.status());
    ASSERT_EQ(detail.violations.size(), 1U) << wrong.field;
    EXPECT_EQ(detail.violations[0].field, wrong.field);
  }
  v1::CreateTransfersRequest none;
  none.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Create(none).status()), "FIELD_INVALID");
}

TEST_F(LedgerServiceTest, OnlyOperatorsAndServicesMoveMoney) {
  v1::CreateTransfersRequest request;
  AddEntry(request, "k1", "participant-buyer", "general-fund", 1);
  EXPECT_EQ(ReasonOf(Create(request, "buyer").status()), "PERMISSION_DENIED");
  v1::OpenAccountsRequest open;
  open.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Call(&v1::Ledger::Stub::OpenAccounts, open, "buyer").status()),
            "PERMISSION_DENIED");
  for (const char* service : {"market", "gateway"}) {
    grpc::ClientContext context;
    v1::CreateTransfersResponse response;
    const absl::Status status = rpc::FromGrpcStatus(
        v1::Ledger::NewStub(ChannelOf(service))->CreateTransfers(&context, request, &response));
    EXPECT_EQ(ReasonOf(status), std::string(service) == "market" ? "" : "CALLER_UNKNOWN");
  }
}

TEST_F(LedgerServiceTest, AParticipantSeesItsOwnAccountOnly) {
  v1::GetAccountRequest get;
  get.set_name("communities/hamlet/accounts/participant-buyer");
  v1::ListEntriesRequest list;
  list.set_parent(get.name());
  v1::GetBalanceRequest balance;
  balance.set_name(get.name() + "/balance");
  EXPECT_TRUE(Call(&v1::Ledger::Stub::GetAccount, get, "buyer").ok());
  EXPECT_TRUE(Call(&v1::Ledger::Stub::ListEntries, list, "buyer").ok());
  EXPECT_TRUE(GetBalance(balance, "buyer").ok());
  EXPECT_EQ(ReasonOf(Call(&v1::Ledger::Stub::GetAccount, get, "seller").status()),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Call(&v1::Ledger::Stub::ListEntries, list, "seller").status()),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(GetBalance(balance, "seller").status()), "PERMISSION_DENIED");
  v1::ListAccountsRequest all;
  all.set_parent("communities/hamlet");
  EXPECT_EQ(ReasonOf(Call(&v1::Ledger::Stub::ListAccounts, all, "buyer").status()),
            "PERMISSION_DENIED");
  get.set_name("communities/hamlet/accounts/elsewhere");
  EXPECT_EQ(ReasonOf(Call(&v1::Ledger::Stub::GetAccount, get, kStaff).status()), "NOT_FOUND");
}

TEST_F(LedgerServiceTest, ABalanceIsAsOfAnEntryOrAnInstant) {
  clock_.Set(Quarter(2));
  for (int i = 1; i <= 3; ++i) {
    clock_.Set(Quarter(2) + absl::Minutes(i));
    v1::CreateTransfersRequest request;
    AddEntry(request, "k" + std::to_string(i), "participant-buyer", "general-fund", i * 100);
    ASSERT_TRUE(Create(request).ok());
  }
  v1::GetBalanceRequest request;
  request.set_name("communities/hamlet/accounts/general-fund/balance");
  EXPECT_EQ(GetBalance(request, kStaff)->balance().nanos(), 600'000);
  request.set_entry_number(3);
  EXPECT_EQ(GetBalance(request, kStaff)->balance().nanos(), 300'000);
  request.set_entry_number(1);
  EXPECT_EQ(GetBalance(request, kStaff)->balance().nanos(), 0);
  EXPECT_EQ(GetBalance(request, kStaff)->journal_entry(), "");
  *request.mutable_time() = rpc::ToProto(Quarter(2) + absl::Minutes(1) + absl::Seconds(1));
  const auto balance = GetBalance(request, kStaff);
  ASSERT_TRUE(balance.ok()) << balance.status();
  EXPECT_EQ(balance->balance().nanos(), 100'000);
  EXPECT_EQ(balance->journal_entry(), "communities/hamlet/journalEntries/2");
  request.set_entry_number(-1);
  EXPECT_EQ(ReasonOf(GetBalance(request, kStaff).status()), "FIELD_INVALID");
}

TEST_F(LedgerServiceTest, ListsComeInPages) {
  for (int i = 1; i <= 3; ++i) {
    v1::CreateTransfersRequest request;
    AddEntry(request, "k" + std::to_string(i), "participant-buyer", "general-fund", i);
    ASSERT_TRUE(Create(request).ok());
  }
  v1::ListEntriesRequest entries;
  entries.set_parent("communities/hamlet/accounts/participant-buyer");
  entries.set_page_size(3);
  const auto first = Call(&v1::Ledger::Stub::ListEntries, entries, "buyer");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->journal_entries_size(), 3);
  EXPECT_EQ(first->journal_entries(0).kind(), "deposit");
  EXPECT_EQ(first->journal_entries(1).kind(), "transfer");
  entries.set_page_token(first->next_page_token());
  const auto second = Call(&v1::Ledger::Stub::ListEntries, entries, "buyer");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->journal_entries_size(), 1);
  EXPECT_EQ(second->next_page_token(), "");
  v1::ListAccountsRequest accounts;
  accounts.set_parent("communities/hamlet");
  const auto all = Call(&v1::Ledger::Stub::ListAccounts, accounts, kStaff);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_GT(all->accounts_size(), 4);
  accounts.set_page_size(all->accounts_size() - 1);
  const auto page = Call(&v1::Ledger::Stub::ListAccounts, accounts, kStaff);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->accounts_size(), all->accounts_size() - 1);
  EXPECT_EQ(page->accounts(0).name(), "communities/hamlet/accounts/general-fund");
  accounts.set_page_token(page->next_page_token());
  const auto last = Call(&v1::Ledger::Stub::ListAccounts, accounts, kStaff);
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_EQ(last->accounts_size(), 1);
  EXPECT_EQ(last->accounts(0).name(), all->accounts(all->accounts_size() - 1).name());
}

}  // namespace
}  // namespace peerwatt::settlement
