// Wallets and payments of participants; files and statements are in payment_files_service.cc.

#include "services/settlement/rpc/payments_service.h"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/rpc/payment_codec.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
constexpr size_t kFailureMax = 140;

/// Reads the participant of a name, and checks that the caller is it or staff.
/// Errors: FIELD_INVALID, PERMISSION_DENIED.
absl::StatusOr<std::vector<std::string>> OwnedBy(const grpc::ServerContext& context,
                                                 const std::string& name,
                                                 absl::string_view pattern,
                                                 absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids, rpc::ParseName(name, pattern, field));
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, absl::StrCat("participants/", ids[0])));
  return ids;
}

/// OK for operators. Errors: PERMISSION_DENIED.
absl::Status RequireOperator(const grpc::ServerContext& context) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (rpc::HasRole(caller, peerwatt::access::v1::OPERATOR) ||
      rpc::HasRole(caller, peerwatt::access::v1::ADMIN)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, "only operators say what the bank did");
}

/// OK for the participant itself and operators: regulators see no bank accounts.
absl::Status RequireOwnerOrOperator(const grpc::ServerContext& context,
                                    const std::string& participant) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (caller.participant() == absl::StrCat("participants/", participant)) return absl::OkStatus();
  return RequireOperator(context);
}

absl::Status CheckFailure(const std::string& failure) {
  if (failure.size() <= kFailureMax) return absl::OkStatus();
  return FieldInvalid("failure", "must have at most 140 characters");
}

/// Lines of the owner by entry, for a page of entries.
absl::StatusOr<std::map<int64_t, std::vector<PostedBillLine>>> LinesOf(
    PaymentStore& store, const ParticipantContext& owner,
    const std::vector<PostedEntry>& entries) {
  std::set<absl::Time> periods;
  std::vector<int64_t> numbers;
  for (const PostedEntry& entry : entries) {
    if (!entry.entry.period_start.has_value()) continue;
    periods.insert(*entry.entry.period_start);
    numbers.push_back(entry.number);
  }
  std::map<int64_t, std::vector<PostedBillLine>> lines;
  if (numbers.empty()) return lines;
  PW_ASSIGN_OR_RETURN(
      std::vector<PostedBillLine> found,
      store.ListLinesOfEntries(owner.community, owner.participant,
                               {periods.begin(), periods.end()}, numbers));
  for (PostedBillLine& line : found) lines[*line.entry_number].push_back(std::move(line));
  return lines;
}

/// Fills a page of one participant's payments of a kind.
template <typename Request, typename Add>
absl::StatusOr<std::string> ListPage(const grpc::ServerContext& context,
                                     const PaymentParts& parts, const Request& request,
                                     PaymentKind kind, const Add& add) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                      OwnedBy(context, request.parent(), "participants/*", "parent"));
  PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                      parts.ledgers.ContextOf(ParticipantId(std::move(ids[0]))));
  PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(request));
  PW_ASSIGN_OR_RETURN(
      std::vector<Payment> payments,
      parts.store.List({owner.community, kind, owner.participant, page.after}, page.size + 1));
  const bool more = payments.size() > static_cast<size_t>(page.size);
  if (more) payments.pop_back();
  for (const Payment& payment : payments) add(payment);
  return more ? rpc::NextPageToken(request, payments.back().name.id) : std::string();
}

}  // namespace

grpc::Status PaymentsService::GetWallet(grpc::ServerContext* context,
                                        const v1::GetWalletRequest* request,
                                        v1::Wallet* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        OwnedBy(*context, request->name(), "participants/*/wallet", "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        parts_.ledgers.ContextOf(ParticipantId(std::move(ids[0]))));
    PW_ASSIGN_OR_RETURN(const Wallet wallet,
                        parts_.store.GetWallet(owner.community, owner.participant));
    Encode(owner, wallet, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListWalletEntries(grpc::ServerContext* context,
                                                const v1::ListWalletEntriesRequest* request,
                                                v1::ListWalletEntriesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        OwnedBy(*context, request->parent(), "participants/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int64_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed", {},
                   {{"page_token", "is malformed"}});
    }
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        parts_.ledgers.ContextOf(ParticipantId(std::move(ids[0]))));
    absl::StatusOr<std::vector<PostedEntry>> entries = parts_.reader.ListEntries(
        owner.community, ParticipantAccount(owner.participant), after, page.size + 1);
    // No money ever touched the wallet.
    if (absl::IsNotFound(entries.status())) return absl::OkStatus();
    PW_RETURN_IF_ERROR(entries.status());
    const bool more = entries->size() > static_cast<size_t>(page.size);
    if (more) entries->pop_back();
    PW_ASSIGN_OR_RETURN(const auto lines, LinesOf(parts_.store, owner, *entries));
    for (const PostedEntry& entry : *entries) {
      const auto found = lines.find(entry.number);
      Encode(owner, entry,
             found == lines.end() ? std::vector<PostedBillLine>() : found->second,
             *response->add_wallet_entries());
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(entries->back().number)));
    }
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListWalletHolds(grpc::ServerContext* context,
                                              const v1::ListWalletHoldsRequest* request,
                                              v1::ListWalletHoldsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        OwnedBy(*context, request->parent(), "participants/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        parts_.ledgers.ContextOf(ParticipantId(std::move(ids[0]))));
    PW_ASSIGN_OR_RETURN(std::vector<WalletHold> holds,
                        parts_.store.ListHolds(owner.community, owner.participant, page.after,
                                               page.size + 1));
    const bool more = holds.size() > static_cast<size_t>(page.size);
    if (more) holds.pop_back();
    for (const WalletHold& hold : holds) Encode(owner, hold, *response->add_wallet_holds());
    if (more) response->set_next_page_token(rpc::NextPageToken(*request, holds.back().name));
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::GetPayoutDetails(grpc::ServerContext* context,
                                               const v1::GetPayoutDetailsRequest* request,
                                               v1::PayoutDetails* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(request->name(),
                                                        "participants/*/payoutDetails", "name"));
    PW_RETURN_IF_ERROR(RequireOwnerOrOperator(*context, id));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        parts_.ledgers.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const std::optional<PayoutDetails> details,
                        parts_.store.FindDetails(owner.community, owner.participant));
    if (!details.has_value()) {
      return Error(kNotFound, absl::StrCat(request->name(), " are not set"),
                   {{"resource", request->name()}});
    }
    Encode(*details, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::UpdatePayoutDetails(grpc::ServerContext* context,
                                                  const v1::UpdatePayoutDetailsRequest* request,
                                                  v1::PayoutDetails* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->payout_details().name(),
                                        "participants/*/payoutDetails", "payout_details.name"));
    const ParticipantId participant(std::move(id));
    PW_ASSIGN_OR_RETURN(PayoutDetails details, DetailsFrom(request->payout_details(),
                                                           CommunityId(), participant));
    PW_RETURN_IF_ERROR(RequireOwnerOrOperator(*context, participant.value()));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner, parts_.ledgers.ContextOf(participant));
    details.community = owner.community;
    PW_RETURN_IF_ERROR(parts_.ledgers.Require(owner.community));
    PW_ASSIGN_OR_RETURN(const PayoutDetails kept,
                        parts_.store.PutDetails(details, parts_.clock.Now()));
    Encode(kept, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::CreatePayout(grpc::ServerContext* context,
                                           const v1::CreatePayoutRequest* request,
                                           v1::Payout* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "participants/*", "parent"));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(request->payout_id(), "payout_id"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (caller.participant() != request->parent()) {
      return Error(kPermissionDenied, "a payout is made by the participant itself");
    }
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        parts_.ledgers.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const Money amount, rpc::MoneyFrom(request->payout().amount(),
                                                           owner.currency, "payout.amount"));
    if (amount <= Money() || !IsWholeMinor(amount, owner.currency)) {
      return FieldInvalid("payout.amount", "must be whole coins, greater than zero");
    }
    PW_ASSIGN_OR_RETURN(const Payment payout,
                        parts_.desk.CreatePayout(owner, request->payout_id(), amount));
    Encode(payout, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::GetPayout(grpc::ServerContext* context,
                                        const v1::GetPayoutRequest* request,
                                        v1::Payout* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                        OwnedBy(*context, request->name(), "participants/*/payouts/*", "name"));
    PW_ASSIGN_OR_RETURN(const Payment payout,
                        ChangeNamed(request->name(), "participants/*/payouts/*",
                                    PaymentKind::kPayout, [&](const PaymentName& name) {
                                      return parts_.store.Get(name);
                                    }));
    Encode(payout, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListPayouts(grpc::ServerContext* context,
                                          const v1::ListPayoutsRequest* request,
                                          v1::ListPayoutsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::string token,
        ListPage(*context, parts_, *request, PaymentKind::kPayout,
                 [&](const Payment& payment) { Encode(payment, *response->add_payouts()); }));
    response->set_next_page_token(std::move(token));
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::CancelPayout(grpc::ServerContext* context,
                                           const v1::CancelPayoutRequest* request,
                                           v1::Payout* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        rpc::ParseName(request->name(), "participants/*/payouts/*", "name"));
    PW_RETURN_IF_ERROR(RequireOwnerOrOperator(*context, ids[0]));
    PW_ASSIGN_OR_RETURN(const Payment payout,
                        ChangeNamed(request->name(), "participants/*/payouts/*",
                                    PaymentKind::kPayout, [&](const PaymentName& name) {
                                      return parts_.store.Cancel(name, parts_.clock.Now());
                                    }));
    Encode(payout, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::FailPayout(grpc::ServerContext* context,
                                         const v1::FailPayoutRequest* request,
                                         v1::Payout* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Payment payout,
                        FailNamed(*context, request->name(), "participants/*/payouts/*",
                                  PaymentKind::kPayout, request->failure()));
    Encode(payout, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::ListCollections(grpc::ServerContext* context,
                                              const v1::ListCollectionsRequest* request,
                                              v1::ListCollectionsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(
        std::string token,
        ListPage(*context, parts_, *request, PaymentKind::kCollection,
                 [&](const Payment& payment) { Encode(payment, *response->add_collections()); }));
    response->set_next_page_token(std::move(token));
    return absl::OkStatus();
  });
}

grpc::Status PaymentsService::FailCollection(grpc::ServerContext* context,
                                             const v1::FailCollectionRequest* request,
                                             v1::Collection* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Payment collection,
                        FailNamed(*context, request->name(), "participants/*/collections/*",
                                  PaymentKind::kCollection, request->failure()));
    Encode(collection, *response);
    return absl::OkStatus();
  });
}

absl::StatusOr<Payment> PaymentsService::ChangeNamed(
    const std::string& name, absl::string_view pattern, PaymentKind kind,
    absl::FunctionRef<absl::StatusOr<Payment>(const PaymentName&)> change) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids, rpc::ParseName(name, pattern, "name"));
  PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                      parts_.ledgers.ContextOf(ParticipantId(std::move(ids[0]))));
  return change({owner.community, kind, owner.participant, std::move(ids[1])});
}

absl::StatusOr<Payment> PaymentsService::FailNamed(const grpc::ServerContext& context,
                                                   const std::string& name,
                                                   absl::string_view pattern, PaymentKind kind,
                                                   const std::string& failure) {
  PW_RETURN_IF_ERROR(CheckFailure(failure));
  PW_RETURN_IF_ERROR(rpc::ParseName(name, pattern, "name").status());
  PW_RETURN_IF_ERROR(RequireOperator(context));
  return ChangeNamed(name, pattern, kind, [&](const PaymentName& payment) {
    return parts_.store.Fail(payment, failure, parts_.clock.Now());
  });
}

}  // namespace peerwatt::settlement
