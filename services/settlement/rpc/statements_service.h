#pragma once

#include <string>

#include "libs/base/clock.h"
#include "peerwatt/settlement/v1/statements.grpc.pb.h"
#include "services/settlement/core/billing/statement_store.h"
#include "services/settlement/core/explain/line_explainer.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/formats/pdf_document.h"

namespace peerwatt::settlement {

/// Statements, and how their lines came about, through the gateway.
class StatementsService final : public v1::Statements::Service {
 public:
  StatementsService(StatementStore& store, LineExplainer& explainer, Ledgers& ledgers,
                    const PdfWriter& pdf, const Clock& clock)
      : store_(store), explainer_(explainer), ledgers_(ledgers), pdf_(pdf), clock_(clock) {}

  grpc::Status CreateIssuer(grpc::ServerContext* context, const v1::CreateIssuerRequest* request,
                            v1::Issuer* response) override;
  grpc::Status ListIssuers(grpc::ServerContext* context, const v1::ListIssuersRequest* request,
                           v1::ListIssuersResponse* response) override;
  grpc::Status UpdateBillingDetails(grpc::ServerContext* context,
                                    const v1::UpdateBillingDetailsRequest* request,
                                    v1::BillingDetails* response) override;
  grpc::Status GetBillingDetails(grpc::ServerContext* context,
                                 const v1::GetBillingDetailsRequest* request,
                                 v1::BillingDetails* response) override;
  grpc::Status PreviewStatement(grpc::ServerContext* context,
                                const v1::PreviewStatementRequest* request,
                                v1::Statement* response) override;
  grpc::Status IssueStatements(grpc::ServerContext* context,
                               const v1::IssueStatementsRequest* request,
                               v1::IssueStatementsResponse* response) override;
  grpc::Status GetStatement(grpc::ServerContext* context, const v1::GetStatementRequest* request,
                            v1::Statement* response) override;
  grpc::Status ListStatements(grpc::ServerContext* context,
                              const v1::ListStatementsRequest* request,
                              v1::ListStatementsResponse* response) override;
  grpc::Status ListStatementSettlementLines(
      grpc::ServerContext* context, const v1::ListStatementSettlementLinesRequest* request,
      v1::ListStatementSettlementLinesResponse* response) override;
  grpc::Status DownloadStatement(grpc::ServerContext* context,
                                 const v1::DownloadStatementRequest* request,
                                 grpc::ServerWriter<google::api::HttpBody>* writer) override;
  grpc::Status ExplainLine(grpc::ServerContext* context, const v1::ExplainLineRequest* request,
                           v1::LineExplanation* response) override;

 private:
  /// The rules of the community of a participant. Errors: NOT_FOUND.
  absl::StatusOr<CommunityRules> RulesOf(const ParticipantId& participant);
  /// A statement that the caller may see. Errors: FIELD_INVALID, PERMISSION_DENIED, NOT_FOUND.
  absl::StatusOr<Statement> StatementOf(const grpc::ServerContext& context, const std::string& name,
                                        CommunityId& community);
  /// Reads who is to be billed and when. Errors: FIELD_INVALID.
  absl::StatusOr<IssueRequest> IssueRequestFrom(const v1::IssueStatementsRequest& request,
                                                const CommunityRules& rules);

  StatementStore& store_;
  LineExplainer& explainer_;
  Ledgers& ledgers_;
  const PdfWriter& pdf_;
  const Clock& clock_;
};

}  // namespace peerwatt::settlement
