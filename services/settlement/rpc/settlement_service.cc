#include "services/settlement/rpc/settlement_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/rpc/callers.h"
#include "services/settlement/rpc/encode.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";

/// A community and an account of its ledger.
struct AccountPath {
  CommunityId community;
  AccountId account;
};

absl::StatusOr<AccountPath> AccountFrom(const std::string& name, absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                      rpc::ParseName(name, "communities/*/ledgerAccounts/*", field));
  return AccountPath{CommunityId(std::move(ids[0])), AccountId(std::move(ids[1]))};
}

/// OK when the account is the caller's own, or the caller is staff. Errors: PERMISSION_DENIED.
absl::Status RequireAccountAccess(const rpc::Principal& caller, const AccountId& account) {
  const ParticipantId owner = OwnerOf(account);
  return rpc::RequireOwnerOrStaff(
      caller, owner.empty() ? "" : absl::StrCat("participants/", owner.value()));
}

/// Reads the optional ends of a span. Errors: FIELD_INVALID.
template <typename Request>
absl::StatusOr<OptionalSpan> SpanFrom(const Request& request) {
  OptionalSpan span;
  if (request.has_start_time()) {
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  }
  if (request.has_end_time()) {
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  }
  if (span.start.has_value() && span.end.has_value() && *span.end < *span.start) {
    return FieldInvalid("end_time", "lies before start_time");
  }
  return span;
}

absl::Status TokenInvalid() { return Error(kPageTokenInvalid, "the page token is malformed"); }

absl::StatusOr<int64_t> NumberFrom(absl::string_view text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) return TokenInvalid();
  return number;
}

std::string TokenOf(const LinePosition& position) {
  return absl::StrCat(absl::ToUnixMicros(position.period_start), " ", position.run, " ",
                      position.number);
}

absl::StatusOr<std::optional<LinePosition>> LinePositionFrom(const std::string& after) {
  if (after.empty()) return std::optional<LinePosition>();
  const std::vector<std::string> parts = absl::StrSplit(after, ' ');
  if (parts.size() != 3) return TokenInvalid();
  LinePosition position;
  PW_ASSIGN_OR_RETURN(const int64_t micros, NumberFrom(parts[0]));
  PW_ASSIGN_OR_RETURN(const int64_t run, NumberFrom(parts[1]));
  PW_ASSIGN_OR_RETURN(const int64_t number, NumberFrom(parts[2]));
  position.period_start = absl::FromUnixMicros(micros);
  position.run = static_cast<int32_t>(run);
  position.number = static_cast<int32_t>(number);
  return std::optional<LinePosition>(position);
}

}  // namespace

grpc::Status SettlementService::GetLedgerAccount(grpc::ServerContext* context,
                                                 const v1::GetLedgerAccountRequest* request,
                                                 v1::LedgerAccount* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const AccountPath path, AccountFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireAccountAccess(caller, path.account));
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(path.community));
    PW_ASSIGN_OR_RETURN(const Account account, AccountOrEmpty(path.community, path.account));
    Encode(path.community, head.currency, account, *response);
    return absl::OkStatus();
  });
}

absl::StatusOr<Account> SettlementService::AccountOrEmpty(const CommunityId& community,
                                                          const AccountId& account) {
  PW_ASSIGN_OR_RETURN(const std::optional<Account> found, books_.FindAccount(community, account));
  if (found.has_value()) return *found;
  const ParticipantId owner = OwnerOf(account);
  bool belongs = false;
  if (!owner.empty()) {
    PW_ASSIGN_OR_RETURN(const ParticipantContext where, ledgers_.ContextOf(owner));
    belongs = where.community == community;
  }
  if (belongs) return Account{account, Money(), Money()};
  const std::string name =
      absl::StrCat("communities/", community.value(), "/ledgerAccounts/", account.value());
  return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
}

grpc::Status SettlementService::ListLedgerAccounts(grpc::ServerContext* context,
                                                   const v1::ListLedgerAccountsRequest* request,
                                                   v1::ListLedgerAccountsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, ""));
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
    PW_ASSIGN_OR_RETURN(std::vector<Account> accounts,
                        books_.ListAccounts(community, AccountId(page.after), page.limit()));
    const bool more = rpc::CutToPage(page, accounts);
    for (const Account& account : accounts) {
      Encode(community, head.currency, account, *response->add_ledger_accounts());
    }
    if (more) {
      response->set_next_page_token(rpc::NextPageToken(*request, accounts.back().id.value()));
    }
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::ListJournalEntries(grpc::ServerContext* context,
                                                   const v1::ListJournalEntriesRequest* request,
                                                   v1::ListJournalEntriesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int64_t after = 0;
    if (!page.after.empty()) {
      PW_ASSIGN_OR_RETURN(after, NumberFrom(page.after));
    }
    AccountPath path;
    if (!request->ledger_account().empty()) {
      PW_ASSIGN_OR_RETURN(path, AccountFrom(request->ledger_account(), "ledger_account"));
      if (path.community != community) {
        return FieldInvalid("ledger_account", "belongs to another community than parent");
      }
    }
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireAccountAccess(caller, path.account));
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
    PW_ASSIGN_OR_RETURN(std::vector<PostedEntry> entries,
                        books_.ListEntries(community, path.account, after, page.limit()));
    const bool more = rpc::CutToPage(page, entries);
    for (const PostedEntry& entry : entries) {
      Encode(community, head.currency, entry, *response->add_journal_entries());
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(entries.back().number)));
    }
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::GetTrialBalance(grpc::ServerContext* context,
                                                const v1::GetTrialBalanceRequest* request,
                                                v1::TrialBalance* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/trialBalance", "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, ""));
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
    PW_ASSIGN_OR_RETURN(const TrialBalance balance, books_.GetTrialBalance(community));
    response->set_name(request->name());
    Encode(head.currency, balance, *response);
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::CreateDeposit(grpc::ServerContext* context,
                                              const v1::CreateDepositRequest* request,
                                              v1::Deposit* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "participants/*", "parent"));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(request->deposit_id(), "deposit_id"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (caller.participant() != request->parent()) {
      return Error(kPermissionDenied, "a deposit is made by the participant itself");
    }
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        ledgers_.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const Money amount, rpc::MoneyFrom(request->deposit().amount(),
                                                           owner.currency, "deposit.amount"));
    if (amount <= Money()) return FieldInvalid("deposit.amount", "must be greater than zero");
    PW_ASSIGN_OR_RETURN(const Deposit deposit,
                        desk_.Create(owner, request->deposit_id(), amount));
    Encode(deposit, *response);
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::GetDeposit(grpc::ServerContext* context,
                                           const v1::GetDepositRequest* request,
                                           v1::Deposit* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        rpc::ParseName(request->name(), "participants/*/deposits/*", "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, absl::StrCat("participants/", ids[0])));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, ledgers_.ContextOf(ParticipantId(ids[0])));
    PW_ASSIGN_OR_RETURN(const Deposit deposit,
                        deposits_.GetDeposit(owner.community, owner.participant, ids[1]));
    Encode(deposit, *response);
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::GetSettlementPeriod(grpc::ServerContext* context,
                                                    const v1::GetSettlementPeriodRequest* request,
                                                    v1::SettlementPeriod* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::vector<std::string> ids,
        rpc::ParseName(request->name(), "communities/*/settlementPeriods/*", "name"));
    const absl::StatusOr<absl::Time> start = ParseTimeSegment(ids[1]);
    if (!start.ok()) return FieldInvalid("name", start.status().message());
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    const CommunityId community(std::move(ids[0]));
    PW_ASSIGN_OR_RETURN(const std::optional<SettledPeriod> period,
                        books_.FindPeriod(community, *start));
    if (!period.has_value()) {
      return Error(kNotFound, absl::StrCat(request->name(), " is not settled"),
                   {{"resource", request->name()}});
    }
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
    Encode(community, head.currency, *period, *response);
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::ListSettlementPeriods(
    grpc::ServerContext* context, const v1::ListSettlementPeriodsRequest* request,
    v1::ListSettlementPeriodsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const OptionalSpan span, SpanFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    std::optional<absl::Time> after;
    if (!page.after.empty()) {
      PW_ASSIGN_OR_RETURN(const int64_t micros, NumberFrom(page.after));
      after = absl::FromUnixMicros(micros);
    }
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(std::vector<SettledPeriod> periods,
                        books_.ListPeriods(community, span, after, page.limit()));
    const bool more = rpc::CutToPage(page, periods);
    std::string currency;
    if (!periods.empty()) {
      PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
      currency = head.currency;
    }
    for (const SettledPeriod& period : periods) {
      Encode(community, currency, period, *response->add_settlement_periods());
    }
    if (more) {
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixMicros(periods.back().period.start))));
    }
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::ListSettlementLines(grpc::ServerContext* context,
                                                    const v1::ListSettlementLinesRequest* request,
                                                    v1::ListSettlementLinesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "participants/*", "parent"));
    PW_ASSIGN_OR_RETURN(const OptionalSpan span, SpanFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const std::optional<LinePosition> after, LinePositionFrom(page.after));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, request->parent()));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        ledgers_.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(
        std::vector<PostedBillLine> lines,
        books_.ListLines(owner.community, owner.participant, span, after, page.limit()));
    const bool more = rpc::CutToPage(page, lines);
    for (const PostedBillLine& line : lines) {
      Encode(owner.community, owner.currency, line, *response->add_settlement_lines());
    }
    if (more) {
      const PostedBillLine& last = lines.back();
      response->set_next_page_token(rpc::NextPageToken(
          *request, TokenOf({last.period_start, last.run, last.number})));
    }
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::GetBill(grpc::ServerContext* context,
                                        const v1::GetBillRequest* request, v1::Bill* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->name(), "participants/*/bill", "name"));
    PW_ASSIGN_OR_RETURN(const OptionalSpan span, SpanFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, absl::StrCat("participants/", id)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        ledgers_.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const std::vector<BillItem> items,
                        books_.SumLines(owner.community, owner.participant, span));
    response->set_name(request->name());
    Encode(owner.currency, items, *response);
    return absl::OkStatus();
  });
}

grpc::Status SettlementService::GetSettlementProgress(
    grpc::ServerContext* context, const v1::GetSettlementProgressRequest* request,
    v1::SettlementProgress* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        const CommunityId community,
        CommunityFrom(request->name(), "communities/*/settlementProgress", "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const LedgerHead head, books_.GetHead(community));
    response->set_name(request->name());
    *response->mutable_settled_through_time() = rpc::ToProto(head.settled_through);
    response->set_dirty_period_count(head.dirty_period_count);
    *response->mutable_current_time() = rpc::ToProto(clock_.Now());
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
