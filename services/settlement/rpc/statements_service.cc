#include "services/settlement/rpc/statements_service.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/formats/document_text.h"
#include "services/settlement/formats/ubl_document.h"
#include "services/settlement/rpc/encode.h"
#include "services/settlement/rpc/explanation_codec.h"
#include "services/settlement/rpc/statement_codec.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
constexpr int kParticipantsMax = 1000;
constexpr size_t kPieceBytes = 256 << 10;

/// OK for operators. Errors: PERMISSION_DENIED, CALLER_UNKNOWN.
absl::Status RequireOperator(const grpc::ServerContext& context) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  return rpc::HasRole(caller, access::v1::OPERATOR) || rpc::HasRole(caller, access::v1::ADMIN)
             ? absl::OkStatus()
             : Error(kPermissionDenied, "statements are an operator's to issue");
}

/// Reads a participant's id out of a name, and lets itself and staff pass.
/// Errors: FIELD_INVALID, PERMISSION_DENIED, CALLER_UNKNOWN.
absl::StatusOr<std::vector<std::string>> OwnIds(const grpc::ServerContext& context,
                                                const std::string& name, absl::string_view pattern,
                                                absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids, rpc::ParseName(name, pattern, field));
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, absl::StrCat("participants/", ids[0])));
  return ids;
}

/// Whether a page that was asked for with one more than its size is not the last. Drops the rest.
template <typename T>
bool DropLookAhead(std::vector<T>& values, int32_t size) {
  if (values.size() <= static_cast<size_t>(size)) return false;
  values.erase(values.begin() + size, values.end());
  return true;
}

/// A statement as a file, with its media type.
absl::StatusOr<google::api::HttpBody> FileOf(const CommunityId& community,
                                             const Statement& statement,
                                             v1::DownloadStatementRequest::Format format,
                                             const PdfWriter& pdf) {
  google::api::HttpBody file;
  switch (format) {
    case v1::DownloadStatementRequest::JSON: {
      v1::Statement proto;
      Encode(community, statement, proto);
      google::protobuf::util::JsonPrintOptions options;
      options.always_print_primitive_fields = true;
      options.add_whitespace = true;
      if (!google::protobuf::util::MessageToJsonString(proto, file.mutable_data(), options).ok()) {
        return Error(kInternalError, "the statement cannot be written as JSON");
      }
      file.set_content_type("application/json");
      return file;
    }
    case v1::DownloadStatementRequest::CSV:
      file.set_data(WriteDocumentCsv(statement.document));
      file.set_content_type("text/csv; charset=utf-8");
      return file;
    case v1::DownloadStatementRequest::PDF: {
      PW_ASSIGN_OR_RETURN(*file.mutable_data(), pdf.Write(statement.document));
      file.set_content_type("application/pdf");
      return file;
    }
    case v1::DownloadStatementRequest::UBL: {
      PW_ASSIGN_OR_RETURN(*file.mutable_data(), WriteUbl(statement.document));
      file.set_content_type("application/xml");
      return file;
    }
    default:
      return FieldInvalid("format", "must be JSON, CSV, PDF or UBL");
  }
}

}  // namespace

absl::StatusOr<CommunityRules> StatementsService::RulesOf(const ParticipantId& participant) {
  PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(participant));
  return ledgers_.RulesOf(owner.community);
}

absl::StatusOr<Statement> StatementsService::StatementOf(const grpc::ServerContext& context,
                                                         const std::string& name,
                                                         CommunityId& community) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      OwnIds(context, name, "participants/*/statements/*", "name"));
  PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(ParticipantId(ids[0])));
  community = owner.community;
  return store_.GetStatement(community, owner.participant, ids[1]);
}

grpc::Status StatementsService::CreateIssuer(grpc::ServerContext* context,
                                             const v1::CreateIssuerRequest* request,
                                             v1::Issuer* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(request->issuer_id(), "issuer_id"));
    const CommunityId community(std::move(id));
    PW_RETURN_IF_ERROR(RequireOperator(*context));
    PW_ASSIGN_OR_RETURN(Issuer issuer, IssuerFrom(*request, community));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    issuer.created_at = clock_.Now();
    PW_ASSIGN_OR_RETURN(const Issuer kept, store_.CreateIssuer(community, issuer));
    Encode(community, kept, *response);
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::ListIssuers(grpc::ServerContext* context,
                                            const v1::ListIssuersRequest* request,
                                            v1::ListIssuersResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::IsStaff(caller)) return Error(kPermissionDenied, "issuers are shown to staff");
    const CommunityId community(std::move(id));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    PW_ASSIGN_OR_RETURN(std::vector<Issuer> issuers, store_.ListIssuers(community));
    // Few versions: they are all read, and the page begins after the day of the last.
    issuers.erase(issuers.begin(),
                  std::find_if(issuers.begin(), issuers.end(), [&](const Issuer& issuer) {
                    return absl::FormatCivilTime(issuer.starts_on) > page.after;
                  }));
    const bool more = DropLookAhead(issuers, page.size);
    for (const Issuer& issuer : issuers) Encode(community, issuer, *response->add_issuers());
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::FormatCivilTime(issuers.back().starts_on)));
    }
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::UpdateBillingDetails(grpc::ServerContext* context,
                                                     const v1::UpdateBillingDetailsRequest* request,
                                                     v1::BillingDetails* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    const v1::BillingDetails& proto = request->billing_details();
    PW_ASSIGN_OR_RETURN(
        std::string id,
        rpc::ParseName1(proto.name(), "participants/*/billingDetails", "billing_details.name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    const bool is_operator =
        rpc::HasRole(caller, access::v1::OPERATOR) || rpc::HasRole(caller, access::v1::ADMIN);
    if (!is_operator && caller.participant() != absl::StrCat("participants/", id)) {
      return Error(kPermissionDenied, "billing details are the participant's and operators'");
    }
    const ParticipantId participant(std::move(id));
    PW_ASSIGN_OR_RETURN(BillingDetails details, BillingDetailsFrom(proto, participant));
    if (details.supply_tax.has_value() && !is_operator) {
      return Error(kPermissionDenied, "the tax on what is sold is an operator's to set");
    }
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(participant));
    details.updated_at = clock_.Now();
    PW_ASSIGN_OR_RETURN(const BillingDetails kept,
                        store_.PutBillingDetails(owner.community, details, is_operator));
    Encode(kept, *response);
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::GetBillingDetails(grpc::ServerContext* context,
                                                  const v1::GetBillingDetailsRequest* request,
                                                  v1::BillingDetails* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        OwnIds(*context, request->name(), "participants/*/billingDetails", "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(ParticipantId(ids[0])));
    PW_ASSIGN_OR_RETURN(const std::optional<BillingDetails> details,
                        store_.FindBillingDetails(owner.community, owner.participant));
    if (!details.has_value()) {
      return Error(kNotFound, absl::StrCat(request->name(), " is not known"),
                   {{"resource", request->name()}});
    }
    Encode(*details, *response);
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::PreviewStatement(grpc::ServerContext* context,
                                                 const v1::PreviewStatementRequest* request,
                                                 v1::Statement* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        OwnIds(*context, request->parent(), "participants/*", "parent"));
    StatementQuery query;
    PW_ASSIGN_OR_RETURN(query.month, ParseMonth(request->month(), "month"));
    PW_ASSIGN_OR_RETURN(query.kind, DocumentKindFrom(request->kind()));
    const ParticipantId participant(ids[0]);
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, RulesOf(participant));
    query.community = rules.id;
    query.zone = rules.time_zone;
    PW_ASSIGN_OR_RETURN(const StatementDraft draft,
                        store_.Preview(query, participant, clock_.Now()));
    Encode(draft, *response);
    return absl::OkStatus();
  });
}

absl::StatusOr<IssueRequest> StatementsService::IssueRequestFrom(
    const v1::IssueStatementsRequest& request, const CommunityRules& rules) {
  IssueRequest issue;
  issue.request_id = request.request_id();
  issue.query.community = rules.id;
  issue.query.zone = rules.time_zone;
  PW_ASSIGN_OR_RETURN(issue.query.month, ParseMonth(request.month(), "month"));
  PW_ASSIGN_OR_RETURN(issue.query.kind, DocumentKindFrom(request.kind()));
  if (request.participants_size() > kParticipantsMax) {
    return FieldInvalid("participants", "must be at most 1000");
  }
  for (int i = 0; i < request.participants_size(); ++i) {
    const std::string field = absl::StrCat("participants[", i, "]");
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request.participants(i), "participants/*", field));
    issue.participants.emplace_back(std::move(id));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        ledgers_.ContextOf(issue.participants.back()));
    if (owner.community != rules.id) return FieldInvalid(field, "is of another community");
  }
  std::sort(issue.participants.begin(), issue.participants.end());
  issue.participants.erase(std::unique(issue.participants.begin(), issue.participants.end()),
                           issue.participants.end());
  return issue;
}

grpc::Status StatementsService::IssueStatements(grpc::ServerContext* context,
                                                const v1::IssueStatementsRequest* request,
                                                v1::IssueStatementsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    const std::string& request_id = request->request_id();
    if (request_id.empty() || request_id.size() > 63 ||
        request_id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") !=
            std::string::npos) {
      return FieldInvalid("request_id", "must have the form [a-z0-9-]{1,63}");
    }
    PW_RETURN_IF_ERROR(RequireOperator(*context));
    const CommunityId community(std::move(id));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, ledgers_.RulesOf(community));
    PW_ASSIGN_OR_RETURN(const IssueRequest issue, IssueRequestFrom(*request, rules));
    PW_ASSIGN_OR_RETURN(const std::vector<Statement> statements, store_.Issue(issue, clock_.Now()));
    for (const Statement& statement : statements) {
      Encode(community, statement, *response->add_statements());
    }
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::GetStatement(grpc::ServerContext* context,
                                             const v1::GetStatementRequest* request,
                                             v1::Statement* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    CommunityId community;
    PW_ASSIGN_OR_RETURN(const Statement statement,
                        StatementOf(*context, request->name(), community));
    Encode(community, statement, *response);
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::ListStatements(grpc::ServerContext* context,
                                               const v1::ListStatementsRequest* request,
                                               v1::ListStatementsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        OwnIds(*context, request->parent(), "participants/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(ParticipantId(ids[0])));
    PW_ASSIGN_OR_RETURN(
        std::vector<Statement> statements,
        store_.ListStatements(owner.community, owner.participant, page.after, page.size + 1));
    const bool more = DropLookAhead(statements, page.size);
    for (const Statement& statement : statements) {
      Encode(owner.community, statement, *response->add_statements());
    }
    if (more) {
      response->set_next_page_token(rpc::NextPageToken(*request, statements.back().id));
    }
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::ListStatementSettlementLines(
    grpc::ServerContext* context, const v1::ListStatementSettlementLinesRequest* request,
    v1::ListStatementSettlementLinesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> ids,
        OwnIds(*context, request->parent(), "participants/*/statements/*/lines/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    StatementLineId line{ParticipantId(ids[0]), ids[1], 0};
    if (!absl::SimpleAtoi(ids[2], &line.line))
      return FieldInvalid("parent", "has no line's number");
    std::optional<LinePosition> after;
    if (!page.after.empty()) {
      const absl::StatusOr<LinePosition> position = ParseLineSegment(page.after, "page_token");
      if (!position.ok()) return Error(kPageTokenInvalid, "the page token is malformed");
      after = *position;
    }
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, RulesOf(line.participant));
    PW_ASSIGN_OR_RETURN(
        std::vector<PostedBillLine> lines,
        store_.ListSettlementLines(rules.id, rules.time_zone, line, after, page.size + 1));
    const bool more = DropLookAhead(lines, page.size);
    for (const PostedBillLine& posted : lines) {
      Encode(rules.id, rules.currency, posted, *response->add_settlement_lines());
    }
    if (more) {
      const PostedBillLine& last = lines.back();
      response->set_next_page_token(
          rpc::NextPageToken(*request, LineSegment({last.period_start, last.run, last.number})));
    }
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::DownloadStatement(
    grpc::ServerContext* context, const v1::DownloadStatementRequest* request,
    grpc::ServerWriter<google::api::HttpBody>* writer) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    CommunityId community;
    PW_ASSIGN_OR_RETURN(const Statement statement,
                        StatementOf(*context, request->name(), community));
    PW_ASSIGN_OR_RETURN(const google::api::HttpBody file,
                        FileOf(community, statement, request->format(), pdf_));
    google::api::HttpBody piece;
    piece.set_content_type(file.content_type());
    for (size_t begin = 0; begin < file.data().size(); begin += kPieceBytes) {
      piece.set_data(file.data().substr(begin, kPieceBytes));
      // A client that has gone needs no more.
      if (!writer->Write(piece)) break;
    }
    return absl::OkStatus();
  });
}

grpc::Status StatementsService::ExplainLine(grpc::ServerContext* context,
                                            const v1::ExplainLineRequest* request,
                                            v1::LineExplanation* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> ids,
        OwnIds(*context, request->name(), "participants/*/settlementLines/*", "name"));
    PW_ASSIGN_OR_RETURN(const LinePosition position, ParseLineSegment(ids[1], "name"));
    const ParticipantId participant(ids[0]);
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, RulesOf(participant));
    PW_ASSIGN_OR_RETURN(const LineExplanation explanation,
                        explainer_.Explain(rules, participant, position));
    PW_ASSIGN_OR_RETURN(const std::optional<StatementPart> part,
                        store_.FindPart(rules.id, rules.time_zone, explanation.line));
    Encode(rules, explanation, part, *response);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
