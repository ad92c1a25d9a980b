#include "services/settlement/core/accounts.h"

#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace peerwatt::settlement {
namespace {

constexpr char kParticipantPrefix[] = "participant-";
// What operators open for themselves.
constexpr char kGeneralPrefix[] = "general-";
constexpr std::array<std::pair<AccountKind, std::string_view>, 8> kSystemAccounts{{
    {AccountKind::kMainGrid, "main-grid"},
    {AccountKind::kNetworkOperator, "network-operator"},
    {AccountKind::kOperatorShare, "operator-share"},
    {AccountKind::kPaymentsInTransit, "payments-in-transit"},
    {AccountKind::kRounding, "rounding"},
    {AccountKind::kSubscriptions, "subscriptions"},
    {AccountKind::kPieceFees, "piece-fees"},
    {AccountKind::kTax, "tax"},
}};

}  // namespace

AccountId ParticipantAccount(const ParticipantId& participant) {
  return AccountId(absl::StrCat(kParticipantPrefix, participant.value()));
}

AccountId SystemAccount(AccountKind kind) {
  for (const auto& [candidate, id] : kSystemAccounts) {
    if (candidate == kind) return AccountId(std::string(id));
  }
  PW_CHECK(false, "a participant's account needs the participant");
}

std::vector<AccountId> SystemAccounts() {
  std::vector<AccountId> accounts;
  for (const auto& [kind, id] : kSystemAccounts) {
    if (kind != AccountKind::kTax) accounts.emplace_back(std::string(id));
  }
  return accounts;
}

std::optional<AccountKind> KindOf(const AccountId& account) {
  for (const auto& [kind, id] : kSystemAccounts) {
    if (account.value() == id) return kind;
  }
  if (!OwnerOf(account).empty()) return AccountKind::kParticipant;
  if (absl::StartsWith(account.value(), kGeneralPrefix) &&
      account.value().size() >= sizeof(kGeneralPrefix)) {
    return AccountKind::kGeneral;
  }
  return std::nullopt;
}

ParticipantId OwnerOf(const AccountId& account) {
  if (!absl::StartsWith(account.value(), kParticipantPrefix)) return ParticipantId();
  return ParticipantId(account.value().substr(sizeof(kParticipantPrefix) - 1));
}

}  // namespace peerwatt::settlement
