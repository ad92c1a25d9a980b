// Settings, files for the bank and its statements: what operators do.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/formats/bank_statement_file.h"
#include "services/settlement/rpc/payment_codec.h"
#include "services/settlement/rpc/payments_service.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";

absl::StatusOr<CommunityId> CommunityFrom(const std::string& name, absl::string_view pattern,
                                          absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, pattern, field));
  return CommunityId(std::move(id));
}

/// OK for operators, and for regulators who only look. Errors: PERMISSION_DENIED.
absl::Status RequireStaff(const grpc::ServerContext& context, bool changes) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (!changes) return rpc::RequireOwnerOrStaff(caller, "");
  if (rpc::HasRole(caller, peerwatt::access::v1::OPERATOR) ||
      rpc::HasRole(caller, peerwatt::access::v1::ADMIN)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, "payments of a community are for its operators");
}

/// A page of what a community has, for its staff. list: gives values of a community after an id;
/// id_of: of a value; add: puts a value, with the ledger's currency, into the answer.
template <typename Request, typename List, typename IdOf, typename Add>
absl::StatusOr<std::string> ListPage(const grpc::ServerContext& context, Ledgers& ledgers,
                                     const Request& request, const List& list, const IdOf& id_of,
                                     const Add& add) {
  PW_ASSIGN_OR_RETURN(const CommunityId community,
                      CommunityFrom(request.parent(), "communities/*", "parent"));
  PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(request));
  PW_RETURN_IF_ERROR(RequireStaff(context, /*changes=*/false));
  PW_ASSIGN_OR_RETURN(const std::string currency, ledgers.CurrencyOf(community));
  PW_ASSIGN_OR_RETURN(auto values, list(community, page.after, page.size + 1));
  const bool more = values.size() > static_cast<size_t>(page.size);
  if (more) values.pop_back();
  for (const auto& value : values) add(community, currency, value);
  return more ? rpc::NextPageToken(request, id_of(values.back())) : std::string();
}

}  // namespace

grpc::Status PaymentsService::GetPaymentSettings(grpc::ServerContext* context,
                                                 const v1::GetPaymentSettingsRequest* request,
                                                 v1::PaymentSettings* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/paymentSettings", "name"));
    PW_RETURN_IF_ERROR(RequireStaff(*context, /*changes=*/false));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const PaymentSettings settings, parts_.store.GetSettings(community));
    Encode(settings, currency, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::UpdatePaymentSettings(
    grpc::ServerContext* context, const v1::UpdatePaymentSettingsRequest* request,
    v1::PaymentSettings* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        const CommunityId community,
        CommunityFrom(request->payment_settings().name(), "communities/*/paymentSettings",
                      "payment_settings.name"));
    PW_RETURN_IF_ERROR(RequireStaff(*context, /*changes=*/true));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const PaymentSettings settings,
                        SettingsFrom(request->payment_settings(), community, currency));
    PW_ASSIGN_OR_RETURN(const PaymentSettings kept,
                        parts_.store.PutSettings(settings, parts_.clock.Now()));
    Encode(kept, currency, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::CreatePaymentFile(grpc::ServerContext* context,
                                                const v1::CreatePaymentFileRequest* request,
                                                v1::PaymentFile* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(request->payment_file_id(), "payment_file_id"));
    PW_ASSIGN_OR_RETURN(const PaymentFile wanted, FileFrom(request->payment_file(), community,
                                                           request->payment_file_id()));
    PW_RETURN_IF_ERROR(RequireStaff(*context, /*changes=*/true));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const PaymentFile file, parts_.bank_desk.CreateFile(wanted));
    Encode(file, currency, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::GetPaymentFile(grpc::ServerContext* context,
                                             const v1::GetPaymentFileRequest* request,
                                             v1::PaymentFile* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        rpc::ParseName(request->name(), "communities/*/paymentFiles/*", "name"));
    PW_RETURN_IF_ERROR(RequireStaff(*context, /*changes=*/true));
    const CommunityId community(std::move(ids[0]));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const PaymentFile file, parts_.bank.GetFile(community, ids[1]));
    Encode(file, currency, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListPaymentFiles(grpc::ServerContext* context,
                                               const v1::ListPaymentFilesRequest* request,
                                               v1::ListPaymentFilesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::string token,
        ListPage(
            *context, parts_.ledgers, *request,
            [&](const CommunityId& community, const std::string& after, int32_t limit) {
              return parts_.bank.ListFiles(community, after, limit);
            },
            [](const PaymentFile& file) { return file.id; },
            [&](const CommunityId&, const std::string& currency,
                const PaymentFile& file) {
              Encode(file, currency, *response->add_payment_files());
            }));
    response->set_next_page_token(std::move(token));
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ImportBankStatement(grpc::ServerContext* context,
                                                  const v1::ImportBankStatementRequest* request,
                                                  v1::ImportBankStatementResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(RequireStaff(*context, /*changes=*/true));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(std::vector<BankStatement> statements,
                        ReadBankStatements(request->content()));
    PW_ASSIGN_OR_RETURN(
        const std::vector<KeptStatement> kept,
        parts_.bank_desk.Import(community, request->content(), std::move(statements)));
    for (const KeptStatement& statement : kept) {
      Encode(community, currency, statement, *response->add_bank_statements());
    }
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListBankStatements(grpc::ServerContext* context,
                                                 const v1::ListBankStatementsRequest* request,
                                                 v1::ListBankStatementsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::string token,
        ListPage(
            *context, parts_.ledgers, *request,
            [&](const CommunityId& community, const std::string& after, int32_t limit) {
              return parts_.bank.ListStatements(community, after, limit);
            },
            [](const KeptStatement& statement) { return statement.id; },
            [&](const CommunityId& community, const std::string& currency,
                const KeptStatement& statement) {
              Encode(community, currency, statement, *response->add_bank_statements());
            }));
    response->set_next_page_token(std::move(token));
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListBankFindings(grpc::ServerContext* context,
                                               const v1::ListBankFindingsRequest* request,
                                               v1::ListBankFindingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::string token,
        ListPage(
            *context, parts_.ledgers, *request,
            [&](const CommunityId& community, const std::string& after, int32_t limit) {
              return parts_.bank.ListFindings(community, after, limit);
            },
            [](const BankFinding& finding) { return finding.id; },
            [&](const CommunityId& community, const std::string& currency,
                const BankFinding& finding) {
              Encode(community, currency, finding, *response->add_bank_findings());
            }));
    response->set_next_page_token(std::move(token));
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
