#include "services/settlement/rpc/ledger_service.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/rpc/callers.h"
#include "services/settlement/rpc/encode.h"
#include "services/settlement/rpc/transfer_codec.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";

/// OK for services of ours that move money, and for operators. Errors: PERMISSION_DENIED,
/// CALLER_UNKNOWN.
absl::Status RequireWriter(const grpc::ServerContext& context) {
  if (rpc::RequirePeer(context, {"market", "metering", "registry"}).ok()) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (rpc::HasRole(caller, peerwatt::access::v1::OPERATOR) ||
      rpc::HasRole(caller, peerwatt::access::v1::ADMIN)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, "transfers are made by operators");
}

/// OK when the account is the caller's own, or the caller is staff. Errors: PERMISSION_DENIED.
absl::Status RequireReader(const grpc::ServerContext& context, const AccountId& account) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  const ParticipantId owner = OwnerOf(account);
  return rpc::RequireOwnerOrStaff(
      caller, owner.empty() ? "" : absl::StrCat("participants/", owner.value()));
}

/// A community and an account of its ledger.
struct AccountPath {
  CommunityId community;
  AccountId account;
};

absl::StatusOr<AccountPath> PathFrom(const std::string& name, absl::string_view pattern,
                                     absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids, rpc::ParseName(name, pattern, field));
  return AccountPath{CommunityId(std::move(ids[0])), AccountId(std::move(ids[1]))};
}

}  // namespace

grpc::Status LedgerService::CreateTransfers(grpc::ServerContext* context,
                                            const v1::CreateTransfersRequest* request,
                                            v1::CreateTransfersResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(RequireWriter(*context));
    PW_ASSIGN_OR_RETURN(const std::string currency, ledgers_.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(std::vector<ledger::Transfer> transfers,
                        TransfersFrom(*request, community, currency));
    for (ledger::Transfer& transfer : transfers) {
      transfer.content_hash = hash_(ledger::ContentOf(transfer));
    }
    PW_ASSIGN_OR_RETURN(const std::vector<ledger::TransferResult> results,
                        queue_.Create(community, transfers));
    for (const ledger::TransferResult& result : results) {
      Encode(community, result, *response->add_results());
    }
    return absl::OkStatus();
  });
}

grpc::Status LedgerService::OpenAccounts(grpc::ServerContext* context,
                                         const v1::OpenAccountsRequest* request,
                                         v1::OpenAccountsResponse* /*response*/) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(RequireWriter(*context));
    PW_ASSIGN_OR_RETURN(const std::string currency, ledgers_.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const std::vector<ledger::AccountOpening> openings,
                        OpeningsFrom(*request, currency));
    return store_.OpenAccounts(community, openings);
  });
}

grpc::Status LedgerService::GetAccount(grpc::ServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::Account* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const AccountPath path,
                        PathFrom(request->name(), "communities/*/accounts/*", "name"));
    PW_RETURN_IF_ERROR(RequireReader(*context, path.account));
    PW_ASSIGN_OR_RETURN(const ledger::AccountState account,
                        reader_.GetAccount(path.community, path.account));
    Encode(path.community, account, *response);
    return absl::OkStatus();
  });
}

grpc::Status LedgerService::ListAccounts(grpc::ServerContext* context,
                                         const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_RETURN_IF_ERROR(RequireReader(*context, AccountId()));
    PW_ASSIGN_OR_RETURN(std::vector<ledger::AccountState> accounts,
                        reader_.ListAccounts(community, AccountId(page.after), page.limit()));
    const bool more = rpc::CutToPage(page, accounts);
    for (const ledger::AccountState& account : accounts) {
      Encode(community, account, *response->add_accounts());
    }
    if (more) {
      response->set_next_page_token(rpc::NextPageToken(*request, accounts.back().id.value()));
    }
    return absl::OkStatus();
  });
}

grpc::Status LedgerService::GetBalance(grpc::ServerContext* context,
                                       const v1::GetBalanceRequest* request,
                                       v1::Balance* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const AccountPath path,
                        PathFrom(request->name(), "communities/*/accounts/*/balance", "name"));
    int64_t entry = std::numeric_limits<int64_t>::max();
    if (request->has_entry_number()) entry = request->entry_number();
    if (entry < 0) return FieldInvalid("entry_number", "must not be negative");
    absl::Time time = absl::InfiniteFuture();
    if (request->has_time()) {
      PW_ASSIGN_OR_RETURN(time, rpc::TimeFrom(request->time(), "time"));
    }
    PW_RETURN_IF_ERROR(RequireReader(*context, path.account));
    if (request->has_time()) {
      PW_ASSIGN_OR_RETURN(entry, reader_.EntryAt(path.community, time));
    }
    PW_ASSIGN_OR_RETURN(const std::string currency, ledgers_.CurrencyOf(path.community));
    PW_ASSIGN_OR_RETURN(const ledger::BalanceAsOf balance,
                        reader_.GetBalance(path.community, path.account, entry));
    response->set_name(request->name());
    Encode(path.community, currency, balance, *response);
    return absl::OkStatus();
  });
}

grpc::Status LedgerService::ListEntries(grpc::ServerContext* context,
                                        const v1::ListEntriesRequest* request,
                                        v1::ListEntriesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const AccountPath path,
                        PathFrom(request->parent(), "communities/*/accounts/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int64_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed");
    }
    PW_RETURN_IF_ERROR(RequireReader(*context, path.account));
    PW_ASSIGN_OR_RETURN(const std::string currency, ledgers_.CurrencyOf(path.community));
    PW_ASSIGN_OR_RETURN(
        std::vector<PostedEntry> entries,
        reader_.ListEntries(path.community, path.account, after, page.limit()));
    const bool more = rpc::CutToPage(page, entries);
    for (const PostedEntry& entry : entries) {
      Encode(path.community, currency, entry, *response->add_journal_entries());
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(entries.back().number)));
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
