// The service of payments behind mTLS: who may do what, fields that are wrong, pages.

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/settlement/v1/payments.grpc.pb.h"
#include "services/settlement/rpc/payments_service.h"
#include "tests/postgres/settlement/payments_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::Certificates;

constexpr char kOperator[] = "operator";
constexpr char kRegulator[] = "regulator";

class PaymentsServiceTest : public PaymentsTest {
 protected:
  using Stub = v1::Payments::Stub;

  void SetUp() override {
    PaymentsTest::SetUp();
    UseBank();
    Fund("buyer", 10'000'000);
    service_ = std::make_unique<PaymentsService>(
        PaymentParts{process_->ledgers, reader_, process_->desk, process_->payments,
                     process_->bank_desk, process_->bank, clock_});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("settlement")),
                             &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gateway_ = v1::Payments::NewStub(
        rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                              Certificates::Instance().Of("gateway"), "settlement"));
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    PaymentsTest::TearDown();
  }

  /// Calls one method as a participant, or as an operator or regulator.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const std::string& caller) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    if (caller == kOperator) {
      principal.add_roles(access::v1::OPERATOR);
    } else if (caller == kRegulator) {
      principal.add_roles(access::v1::REGULATOR);
    } else {
      principal.add_roles(access::v1::PROSUMER);
      principal.set_participant("participants/" + caller);
    }
    rpc::SetPrincipal(context, principal.SerializeAsString());
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((gateway_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  static v1::UpdatePayoutDetailsRequest Details(const std::string& participant,
                                                const std::string& iban = kMemberIban) {
    v1::UpdatePayoutDetailsRequest request;
    v1::PayoutDetails& details = *request.mutable_payout_details();
    details.set_name("participants/" + participant + "/payoutDetails");
    details.mutable_bank_account()->set_holder_name("Ada");
    details.mutable_bank_account()->set_iban(iban);
    return request;
  }
  static v1::CreatePayoutRequest PayoutOf(const std::string& id, int64_t micros) {
    v1::CreatePayoutRequest request;
    request.set_parent("participants/buyer");
    request.set_payout_id(id);
    *request.mutable_payout()->mutable_amount() = rpc::ToProto(Money::Micros(micros), "EUR");
    return request;
  }
  /// Reason and field of an answer.
  template <typename T>
  static std::string Refusal(const absl::StatusOr<T>& answer) {
    std::string text = ReasonOf(answer.status());
    for (const FieldViolation& violation : DetailOf(answer.status()).violations) {
      absl::StrAppend(&text, " ", violation.field);
    }
    return text;
  }

  LedgerReader reader_{pool_, cache_};
  std::unique_ptr<PaymentsService> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Stub> gateway_;
};

TEST_F(PaymentsServiceTest, AWalletIsItsOwners) {
  v1::GetWalletRequest request;
  request.set_name("participants/buyer/wallet");
  for (const char* caller : {"buyer", kOperator, kRegulator}) {
    const auto wallet = Call(&Stub::GetWallet, request, caller);
    ASSERT_TRUE(wallet.ok()) << wallet.status();
    EXPECT_EQ(wallet->balance().units(), 10);
    EXPECT_EQ(wallet->withdrawable().units(), 10);
    EXPECT_EQ(wallet->ledger_account(), "communities/hamlet/ledgerAccounts/participant-buyer");
  }
  EXPECT_EQ(Refusal(Call(&Stub::GetWallet, request, "seller")), "PERMISSION_DENIED");
  request.set_name("participants/buyer");
  EXPECT_EQ(Refusal(Call(&Stub::GetWallet, request, "buyer")), "FIELD_INVALID name");
  request.set_name("participants/seller/wallet");
  const auto empty = Call(&Stub::GetWallet, request, "seller");
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->balance().units(), 0);
  v1::ListWalletEntriesRequest entries;
  entries.set_parent("participants/seller");
  EXPECT_EQ(Call(&Stub::ListWalletEntries, entries, "seller")->wallet_entries_size(), 0);
}

TEST_F(PaymentsServiceTest, BankDetailsAreForTheOwnerAndOperators) {
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePayoutDetails, Details("buyer", "DE00"), "buyer")),
            "IBAN_INVALID payout_details.bank_account.iban");
  auto mandate = Details("buyer");
  mandate.mutable_payout_details()->mutable_mandate()->set_id("M_1");
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePayoutDetails, mandate, "buyer")),
            "FIELD_INVALID payout_details.mandate.id");
  mandate.mutable_payout_details()->mutable_mandate()->set_id("M-1");
  mandate.mutable_payout_details()->mutable_mandate()->set_signed_date("2026-02-30");
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePayoutDetails, mandate, "buyer")),
            "FIELD_INVALID payout_details.mandate.signed_date");
  mandate.mutable_payout_details()->mutable_mandate()->set_signed_date("2026-02-28");
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePayoutDetails, mandate, "seller")), "PERMISSION_DENIED");
  const auto kept = Call(&Stub::UpdatePayoutDetails, mandate, "buyer");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->revision(), 1);
  EXPECT_EQ(Call(&Stub::UpdatePayoutDetails, mandate, "buyer")->revision(), 1) << "the same";
  v1::GetPayoutDetailsRequest get;
  get.set_name("participants/buyer/payoutDetails");
  EXPECT_EQ(Call(&Stub::GetPayoutDetails, get, kOperator)->mandate().id(), "M-1");
  EXPECT_EQ(Refusal(Call(&Stub::GetPayoutDetails, get, kRegulator)), "PERMISSION_DENIED");
  get.set_name("participants/seller/payoutDetails");
  EXPECT_EQ(Refusal(Call(&Stub::GetPayoutDetails, get, "seller")), "NOT_FOUND");
}

TEST_F(PaymentsServiceTest, PayoutsAreCheckedInOrder) {
  auto wrong = PayoutOf("Bad", 1'000'000);
  EXPECT_EQ(Refusal(Call(&Stub::CreatePayout, wrong, "buyer")), "FIELD_INVALID payout_id");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePayout, PayoutOf("good", 1), kOperator)),
            "PERMISSION_DENIED");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePayout, PayoutOf("good", 1'005'000), "buyer")),
            "FIELD_INVALID payout.amount");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePayout, PayoutOf("good", 1'000'000), "buyer")),
            "PAYOUT_DETAILS_MISSING");
  ASSERT_TRUE(Call(&Stub::UpdatePayoutDetails, Details("buyer"), "buyer").ok());
  for (const char* id : {"a1", "a2", "a3"}) {
    const auto made = Call(&Stub::CreatePayout, PayoutOf(id, 1'000'000), "buyer");
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->state(), v1::Payout::PENDING);
  }
  v1::ListPayoutsRequest list;
  list.set_parent("participants/buyer");
  list.set_page_size(2);
  const auto page = Call(&Stub::ListPayouts, list, "buyer");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->payouts_size(), 2);
  list.set_page_token(page->next_page_token());
  const auto last = Call(&Stub::ListPayouts, list, "buyer");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(last->payouts(0).name(), "participants/buyer/payouts/a3");
  EXPECT_EQ(last->next_page_token(), "");
  v1::CancelPayoutRequest cancel;
  cancel.set_name("participants/buyer/payouts/a3");
  EXPECT_EQ(Refusal(Call(&Stub::CancelPayout, cancel, "seller")), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&Stub::CancelPayout, cancel, "buyer")->state(), v1::Payout::CANCELED);
  v1::FailPayoutRequest fail;
  fail.set_name("participants/buyer/payouts/a1");
  EXPECT_EQ(Refusal(Call(&Stub::FailPayout, fail, "buyer")), "PERMISSION_DENIED");
  EXPECT_EQ(Refusal(Call(&Stub::FailPayout, fail, kOperator)), "PAYMENT_NOT_PROCESSING");
  fail.set_failure(std::string(141, 'x'));
  EXPECT_EQ(Refusal(Call(&Stub::FailPayout, fail, kOperator)), "FIELD_INVALID failure");
}

TEST_F(PaymentsServiceTest, FilesAndStatementsAreForOperators) {
  v1::CreatePaymentFileRequest file;
  file.set_parent("communities/hamlet");
  file.set_payment_file_id("f1");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePaymentFile, file, kOperator)),
            "FIELD_INVALID payment_file.kind");
  file.mutable_payment_file()->set_kind(v1::PaymentFile::PAYOUTS);
  EXPECT_EQ(Refusal(Call(&Stub::CreatePaymentFile, file, kOperator)),
            "FIELD_INVALID payment_file.due_date");
  file.mutable_payment_file()->set_due_date("2026-08-05");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePaymentFile, file, kRegulator)), "PERMISSION_DENIED");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePaymentFile, file, "buyer")), "PERMISSION_DENIED");
  EXPECT_EQ(Refusal(Call(&Stub::CreatePaymentFile, file, kOperator)), "PAYMENTS_NONE");
  v1::ImportBankStatementRequest import;
  import.set_parent("communities/hamlet");
  import.set_content("no statement");
  EXPECT_EQ(Refusal(Call(&Stub::ImportBankStatement, import, "buyer")), "PERMISSION_DENIED");
  EXPECT_EQ(Refusal(Call(&Stub::ImportBankStatement, import, kOperator)),
            "STATEMENT_INVALID content");
  import.set_content(StatementFile(
      "S1", 0, {{100, StatementEntry(100, "B1", "", DepositReference(ParticipantId("seller")))}}));
  const auto kept = Call(&Stub::ImportBankStatement, import, kOperator);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->bank_statements(0).closing_balance().units(), 1);
  v1::ListBankStatementsRequest statements;
  statements.set_parent("communities/hamlet");
  EXPECT_EQ(Call(&Stub::ListBankStatements, statements, kRegulator)->bank_statements_size(), 1);
  EXPECT_EQ(Refusal(Call(&Stub::ListBankStatements, statements, "buyer")), "PERMISSION_DENIED");
  v1::UpdatePaymentSettingsRequest settings;
  settings.mutable_payment_settings()->set_name("communities/hamlet/paymentSettings");
  settings.mutable_payment_settings()->set_creditor_id("nonsense");
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePaymentSettings, settings, kOperator)),
            "FIELD_INVALID payment_settings.creditor_id");
  settings.mutable_payment_settings()->clear_creditor_id();
  *settings.mutable_payment_settings()->mutable_fund_limit() =
      rpc::ToProto(Money::Micros(-1), "EUR");
  EXPECT_EQ(Refusal(Call(&Stub::UpdatePaymentSettings, settings, kOperator)),
            "FIELD_INVALID payment_settings.fund_limit");
  settings.mutable_payment_settings()->mutable_fund_limit()->set_nanos(1000);
  ASSERT_TRUE(Call(&Stub::UpdatePaymentSettings, settings, kOperator).ok());
  v1::GetPaymentSettingsRequest get;
  get.set_name("communities/hamlet/paymentSettings");
  EXPECT_EQ(Call(&Stub::GetPaymentSettings, get, kRegulator)->fund_limit().nanos(), 1000);
}

}  // namespace
}  // namespace peerwatt::settlement
