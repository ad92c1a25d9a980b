#include "services/settlement/core/journal_entry.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {
namespace {

/// The account on the other side of a line without a trade partner.
std::optional<AccountKind> CounterAccountOf(LineKind kind) {
  switch (kind) {
    case LineKind::kNetworkFee:
      return AccountKind::kNetworkOperator;
    case LineKind::kOperatorShare:
      return AccountKind::kOperatorShare;
    case LineKind::kRetail:
    case LineKind::kFeedIn:
    case LineKind::kImbalancePurchase:
    case LineKind::kImbalanceSale:
      return AccountKind::kMainGrid;
    case LineKind::kSubscription:
      return AccountKind::kSubscriptions;
    case LineKind::kPieceFee:
      return AccountKind::kPieceFees;
    default:
      return std::nullopt;
  }
}

/// The postings of a line. Those of a purchase and of its sale meet in the entry of the trade, or
/// of the pool.
void AddPostings(const Line& line, std::vector<Posting>& postings) {
  postings.push_back({ParticipantAccount(line.key.participant), line.amount});
  if (const std::optional<AccountKind> other = CounterAccountOf(line.key.kind)) {
    postings.push_back({SystemAccount(*other), -line.amount});
  }
}

/// What groups lines into one entry, in the order in which entries are posted.
struct EntryGroup {
  int rank = 0;
  std::string kind;
  std::string key;      // how the idempotency key begins
  std::string subject;  // and what follows the period; may be empty
  auto operator<=>(const EntryGroup&) const = default;
};

std::optional<EntryGroup> GroupOf(const LineKey& key) {
  const auto subject = [&] {
    return absl::StrCat(key.participant.value(), ":", key.connection.value());
  };
  switch (key.kind) {
    case LineKind::kNetworkFee:
    case LineKind::kOperatorShare:
    case LineKind::kPurchase:
    case LineKind::kSale:
      if (!key.trade.empty()) return EntryGroup{0, "trade", "trade", key.trade.value()};
      return EntryGroup{1, "pool", "pool", ""};
    case LineKind::kPoolPurchase:
    case LineKind::kPoolSale:
      return EntryGroup{1, "pool", "pool", ""};
    case LineKind::kImbalancePurchase:
      return EntryGroup{2, "imbalance", "imbalance-purchase", subject()};
    case LineKind::kImbalanceSale:
      return EntryGroup{2, "imbalance", "imbalance-sale", subject()};
    case LineKind::kRetail:
      return EntryGroup{3, "retail", "retail", subject()};
    case LineKind::kFeedIn:
      return EntryGroup{4, "feed-in", "feed-in", subject()};
    case LineKind::kSubscription:
      return EntryGroup{5, "subscription", "subscription", subject()};
    case LineKind::kPieceFee:
      return EntryGroup{6, "piece-fee", "piece-fee",
                        key.trade.empty() ? subject()
                                          : absl::StrCat(subject(), ":", key.trade.value())};
    case LineKind::kSelfConsumption:
    case LineKind::kReferenceDraw:
    case LineKind::kReferenceFeedIn:
      return std::nullopt;
  }
  PW_CHECK(false, "a line has a known kind");
}

}  // namespace

std::optional<JournalEntry> MakeEntry(std::string kind, std::string idempotency_key,
                                      std::optional<absl::Time> period_start,
                                      std::vector<Posting> postings) {
  std::map<AccountId, Money> amounts;
  Money sum;
  for (const Posting& posting : postings) {
    amounts[posting.account] += posting.amount;
    sum += posting.amount;
  }
  PW_CHECK(sum == Money(), "the postings of an entry sum to zero");
  JournalEntry entry{std::move(kind), std::move(idempotency_key), period_start, {}};
  for (const auto& [account, amount] : amounts) {
    if (amount != Money()) entry.postings.push_back({account, amount});
  }
  if (entry.postings.empty()) return std::nullopt;
  return entry;
}

JournalEntry MakeDepositEntry(const ParticipantId& participant, const std::string& deposit_id,
                              Money amount) {
  PW_CHECK(amount > Money(), "a deposit is above zero");
  std::optional<JournalEntry> entry =
      MakeEntry("deposit", absl::StrCat("deposit:", participant.value(), ":", deposit_id),
                std::nullopt,
                {{SystemAccount(AccountKind::kPaymentsInTransit), -amount},
                 {ParticipantAccount(participant), amount}});
  return *std::move(entry);
}

RunEntries EntriesOf(absl::Time period_start, int32_t run, const std::vector<Line>& lines) {
  std::map<EntryGroup, std::vector<size_t>> groups;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (std::optional<EntryGroup> group = GroupOf(lines[i].key)) {
      groups[*std::move(group)].push_back(i);
    }
  }
  RunEntries result;
  result.entry_of_line.resize(lines.size());
  for (const auto& [group, members] : groups) {
    std::vector<Posting> postings;
    for (const size_t line : members) AddPostings(lines[line], postings);
    std::optional<JournalEntry> entry = MakeEntry(
        group.kind,
        absl::StrCat(group.key, ":", TimeSegment(period_start), group.subject.empty() ? "" : ":",
                     group.subject, ":", run),
        period_start, std::move(postings));
    if (!entry.has_value()) continue;
    for (const size_t line : members) {
      if (lines[line].amount != Money()) result.entry_of_line[line] = result.entries.size();
    }
    result.entries.push_back(*std::move(entry));
  }
  return result;
}

}  // namespace peerwatt::settlement
