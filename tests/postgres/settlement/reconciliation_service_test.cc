// Reconciliation behind mTLS, as the gateway calls it.

#include "services/settlement/rpc/reconciliation_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "libs/base/error.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/settlement/v1/reconciliation.grpc.pb.h"
#include "services/settlement/rpc/reconciliation_metrics.h"
#include "services/settlement/storage/postgres_books_file.h"
#include "tests/postgres/settlement/reconciliation_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::Certificates;

class ReconciliationServiceTest : public ReconciliationTest {
 protected:
  void SetUp() override {
    ReconciliationTest::SetUp();
    ASSERT_TRUE(ledgers_.Refresh().ok());
    grpc::ServerBuilder builder;
    builder.AddListeningPort(
        "127.0.0.1:0", rpc::MutualTlsServer(Certificates::Instance().Of("settlement")), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gateway_ = v1::Reconciliation::NewStub(
        rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                              Certificates::Instance().Of("gateway"), "settlement"));
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    ReconciliationTest::TearDown();
  }

  static void CallAs(access::v1::Role role, grpc::ClientContext& context) {
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(role);
    if (role == access::v1::PROSUMER) principal.set_participant("participants/buyer");
    rpc::SetPrincipal(context, principal.SerializeAsString());
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::Reconciliation::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*),
                                const Request& request,
                                access::v1::Role role = access::v1::REGULATOR) {
    grpc::ClientContext context;
    CallAs(role, context);
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((gateway_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::ReconciliationStatus> RunAll(access::v1::Role role = access::v1::REGULATOR) {
    v1::RunReconciliationRequest request;
    request.set_name("communities/hamlet/reconciliation");
    request.set_everything(true);
    return Call(&v1::Reconciliation::Stub::RunReconciliation, request, role);
  }
  absl::StatusOr<std::string> Export(v1::ExportBooksRequest::Part part, access::v1::Role role) {
    v1::ExportBooksRequest request;
    request.set_parent("communities/hamlet");
    request.set_part(part);
    grpc::ClientContext context;
    CallAs(role, context);
    const auto reader = gateway_->ExportBooks(&context, request);
    std::string text;
    for (google::api::HttpBody piece; reader->Read(&piece);) {
      EXPECT_EQ(piece.content_type(), text.empty() ? "text/csv" : piece.content_type());
      text += piece.data();
    }
    const absl::Status status = rpc::FromGrpcStatus(reader->Finish());
    if (!status.ok()) return status;
    return text;
  }

  Ledgers ledgers_{registry_, runs_};
  telemetry::Metrics metrics_;
  ReconciliationMetrics probe_of_checks_{metrics_};
  reconciliation::Reconciler reconciler_{ledgers_, checks_, clock_, clock_, probe_of_checks_};
  PostgresBooksFile files_{pool_, 7};
  ReconciliationService service_{reconciler_, checks_, files_, ledgers_};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Reconciliation::Stub> gateway_;
};

TEST_F(ReconciliationServiceTest, FindingsAreListedPageByPage) {
  Corrupt("UPDATE accounts SET debits_pending_micros = debits_pending_micros + 1");
  const auto status = RunAll();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->checked_entry_count(), status->entry_count());
  EXPECT_EQ(status->full_pass_count(), 1);
  EXPECT_GT(status->open_finding_count(), 3);
  v1::ListFindingsRequest list;
  list.set_parent("communities/hamlet");
  list.set_page_size(2);
  list.set_open_only(true);
  int64_t listed = 0;
  do {
    const auto page = Call(&v1::Reconciliation::Stub::ListFindings, list);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::ReconciliationFinding& finding : page->reconciliation_findings()) {
      EXPECT_EQ(finding.check(), "pending_sum");
      EXPECT_EQ(finding.name(),
                "communities/hamlet/reconciliationFindings/" + std::to_string(++listed));
      EXPECT_FALSE(finding.has_resolve_time());
    }
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_EQ(listed, status->open_finding_count());
  EXPECT_NE(metrics_.Serialize().find("peerwatt_settlement_reconciliation_findings{"
                                      "check=\"pending_sum\"} " +
                                      std::to_string(listed)),
            std::string::npos)
      << metrics_.Serialize();
}

TEST_F(ReconciliationServiceTest, BooksAreSentInWhole) {
  const auto journal = Export(v1::ExportBooksRequest::JOURNAL, access::v1::REGULATOR);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(std::count(journal->begin(), journal->end(), '\n'),
            NumberFrom("SELECT count(*) + 1 FROM journal_entries"));
  const auto accounts = Export(v1::ExportBooksRequest::ACCOUNTS, access::v1::OPERATOR);
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ(std::count(accounts->begin(), accounts->end(), '\n'),
            NumberFrom("SELECT count(*) + 1 FROM accounts"));
  EXPECT_NE(Export(v1::ExportBooksRequest::PERIODS, access::v1::ADMIN)
                ->find("2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,2,1400,777,0,777,623,0,0,0,0,"),
            std::string::npos);
}

TEST_F(ReconciliationServiceTest, BooksAreForStaff) {
  EXPECT_EQ(ReasonOf(RunAll(access::v1::PROSUMER).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Export(v1::ExportBooksRequest::JOURNAL, access::v1::PROSUMER).status()),
            "PERMISSION_DENIED");
  v1::ListFindingsRequest list;
  list.set_parent("communities/nowhere");
  EXPECT_EQ(
      ReasonOf(Call(&v1::Reconciliation::Stub::ListFindings, list, access::v1::PROSUMER).status()),
      "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Call(&v1::Reconciliation::Stub::ListFindings, list).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(Export(v1::ExportBooksRequest::PART_UNSPECIFIED, access::v1::ADMIN).status()),
            "FIELD_INVALID");
}

}  // namespace
}  // namespace peerwatt::settlement
