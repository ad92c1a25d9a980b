#include "services/settlement/core/reconciliation/finding.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "libs/base/check.h"

namespace peerwatt::settlement::reconciliation {
namespace {

struct Named {
  Check check;
  const char* name;
};

constexpr std::array<Named, 16> kNames{{
    {Check::kEntryGap, "entry_gap"},
    {Check::kEntryBalance, "entry_balance"},
    {Check::kClosingSum, "closing_sum"},
    {Check::kClearingAccount, "clearing_account"},
    {Check::kAccountPage, "account_page"},
    {Check::kAccountBalance, "account_balance"},
    {Check::kPendingSum, "pending_sum"},
    {Check::kLedgerBalance, "ledger_balance"},
    {Check::kJournalChanged, "journal_changed"},
    {Check::kHoldExpired, "hold_expired"},
    {Check::kHoldOrphan, "hold_orphan"},
    {Check::kTransferKey, "transfer_key"},
    {Check::kLinePosting, "line_posting"},
    {Check::kLineAmount, "line_amount"},
    {Check::kTradeTransfer, "trade_transfer"},
    {Check::kPeriodEnergy, "period_energy"},
}};

using Identity = std::tuple<Check, std::string, std::string>;

Identity IdentityOf(const Finding& finding) {
  return {finding.check, finding.position, finding.subject};
}

}  // namespace

const std::vector<Check>& AllChecks() {
  static const std::vector<Check>& checks = *[] {
    auto* all = new std::vector<Check>();
    for (const Named& named : kNames) all->push_back(named.check);
    return all;
  }();
  return checks;
}

absl::string_view NameOf(Check check) {
  for (const Named& named : kNames) {
    if (named.check == check) return named.name;
  }
  PW_CHECK(false, "a check has a name");
}

std::optional<Check> CheckNamed(absl::string_view name) {
  for (const Named& named : kNames) {
    if (named.name == name) return named.check;
  }
  return std::nullopt;
}

bool Examined::Covers(const Finding& finding) const {
  if (finding.check != check) return false;
  if (only.has_value()) return only->contains(finding.position);
  return finding.position > after && finding.position <= through;
}

FindingChanges DecideFindings(const std::vector<OpenFinding>& open,
                              const std::vector<Finding>& found,
                              const std::vector<Examined>& examined) {
  std::set<Identity> known;
  for (const OpenFinding& finding : open) known.insert(IdentityOf(finding.finding));
  std::set<Identity> there;
  FindingChanges changes;
  for (const Finding& finding : found) {
    const bool is_first = there.insert(IdentityOf(finding)).second;
    if (is_first && !known.contains(IdentityOf(finding))) changes.found.push_back(finding);
  }
  for (const OpenFinding& finding : open) {
    if (there.contains(IdentityOf(finding.finding))) continue;
    const bool looked_for =
        std::any_of(examined.begin(), examined.end(),
                    [&](const Examined& part) { return part.Covers(finding.finding); });
    if (looked_for) changes.resolved.push_back(finding);
  }
  return changes;
}

}  // namespace peerwatt::settlement::reconciliation
