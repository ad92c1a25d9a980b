#include "services/settlement/core/journal_entry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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

/// What entry the money of a line belongs to. Groups are posted in this order.
enum class Group {
  kTrade,
  kPool,
  kImbalance,
  kRetail,
  kFeedIn,
  kSubscription,
  kPieceFee,
  kNone
};

Group GroupOf(const LineKey& key) {
  switch (key.kind) {
    case LineKind::kNetworkFee:
    case LineKind::kOperatorShare:
    case LineKind::kPurchase:
    case LineKind::kSale:
      return key.trade.empty() ? Group::kPool : Group::kTrade;
    case LineKind::kPoolPurchase:
    case LineKind::kPoolSale:
      return Group::kPool;
    case LineKind::kImbalancePurchase:
    case LineKind::kImbalanceSale:
      return Group::kImbalance;
    case LineKind::kRetail:
      return Group::kRetail;
    case LineKind::kFeedIn:
      return Group::kFeedIn;
    case LineKind::kSubscription:
      return Group::kSubscription;
    case LineKind::kPieceFee:
      return Group::kPieceFee;
    case LineKind::kSelfConsumption:
    case LineKind::kReferenceDraw:
    case LineKind::kReferenceFeedIn:
      return Group::kNone;
  }
  PW_CHECK(false, "a line has a known kind");
}

const char* KindOf(Group group) {
  switch (group) {
    case Group::kTrade:
      return "trade";
    case Group::kPool:
      return "pool";
    case Group::kImbalance:
      return "imbalance";
    case Group::kRetail:
      return "retail";
    case Group::kFeedIn:
      return "feed-in";
    case Group::kSubscription:
      return "subscription";
    case Group::kPieceFee:
      return "piece-fee";
    case Group::kNone:
      break;
  }
  PW_CHECK(false, "an entry has a kind");
}

bool SameSubject(const LineKey& a, const LineKey& b) {
  return a.participant == b.participant && a.connection == b.connection && a.kind == b.kind &&
         a.trade == b.trade;
}

/// The lines of each entry, by their indexes, in the order in which entries are posted: trades by
/// their ids, then the pool, then the others in the order of the lines.
std::vector<std::vector<size_t>> GroupLines(const std::vector<Line>& lines) {
  std::vector<std::vector<size_t>> groups;
  absl::flat_hash_map<absl::string_view, size_t> trades;
  std::vector<std::vector<size_t>> others[5];
  std::vector<size_t> pool;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Group group = GroupOf(lines[i].key);
    if (group == Group::kNone) continue;
    if (group == Group::kTrade) {
      const auto [place, is_new] = trades.try_emplace(lines[i].key.trade.value(), groups.size());
      if (is_new) groups.emplace_back();
      groups[place->second].push_back(i);
    } else if (group == Group::kPool) {
      pool.push_back(i);
    } else {
      auto& singles = others[static_cast<int>(group) - static_cast<int>(Group::kImbalance)];
      // Lines that differ only by their flags share an entry; they come one after the other.
      if (singles.empty() || !SameSubject(lines[singles.back().front()].key, lines[i].key)) {
        singles.emplace_back();
      }
      singles.back().push_back(i);
    }
  }
  std::sort(groups.begin(), groups.end(), [&](const auto& a, const auto& b) {
    return lines[a.front()].key.trade < lines[b.front()].key.trade;
  });
  if (!pool.empty()) groups.push_back(std::move(pool));
  for (std::vector<std::vector<size_t>>& singles : others) {
    std::move(singles.begin(), singles.end(), std::back_inserter(groups));
  }
  return groups;
}

/// The idempotency key of an entry of one of its lines.
std::string KeyOf(const LineKey& key, Group group, absl::string_view period, int32_t run) {
  const auto of_party = [&](absl::string_view kind) {
    return absl::StrCat(kind, ":", period, ":", key.participant.value(), ":",
                        key.connection.value(), ":", run);
  };
  switch (group) {
    case Group::kTrade:
      return absl::StrCat("trade:", period, ":", key.trade.value(), ":", run);
    case Group::kPool:
      return absl::StrCat("pool:", period, ":", run);
    case Group::kImbalance:
      return of_party(key.kind == LineKind::kImbalancePurchase ? "imbalance-purchase"
                                                               : "imbalance-sale");
    case Group::kPieceFee:
      if (!key.trade.empty()) {
        return absl::StrCat("piece-fee:", period, ":", key.participant.value(), ":",
                            key.connection.value(), ":", key.trade.value(), ":", run);
      }
      return of_party("piece-fee");
    default:
      return of_party(KindOf(group));
  }
}

}  // namespace

std::optional<JournalEntry> MakeEntry(std::string kind, std::string idempotency_key,
                                      std::optional<absl::Time> period_start,
                                      std::vector<Posting> postings) {
  Money sum;
  for (const Posting& posting : postings) sum += posting.amount;
  PW_CHECK(sum == Money(), "the postings of an entry sum to zero");
  std::sort(postings.begin(), postings.end(),
            [](const Posting& a, const Posting& b) { return a.account < b.account; });
  size_t kept = 0;
  for (size_t i = 0; i < postings.size();) {
    Posting merged = std::move(postings[i++]);
    for (; i < postings.size() && postings[i].account == merged.account; ++i) {
      merged.amount += postings[i].amount;
    }
    if (merged.amount != Money()) postings[kept++] = std::move(merged);
  }
  if (kept == 0) return std::nullopt;
  postings.erase(postings.begin() + static_cast<std::ptrdiff_t>(kept), postings.end());
  return JournalEntry{std::move(kind), std::move(idempotency_key), period_start,
                      std::move(postings)};
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

Money MovedBy(const std::vector<JournalEntry>& entries) {
  Money moved;
  for (const JournalEntry& entry : entries) {
    for (const Posting& posting : entry.postings) {
      if (posting.amount > Money()) moved += posting.amount;
    }
  }
  return moved;
}

RunEntries EntriesOf(absl::Time period_start, int32_t run, const std::vector<Line>& lines) {
  const std::vector<std::vector<size_t>> groups = GroupLines(lines);
  const std::string period = TimeSegment(period_start);
  RunEntries result;
  result.entry_of_line.resize(lines.size());
  result.entries.reserve(groups.size());
  for (const std::vector<size_t>& members : groups) {
    std::vector<Posting> postings;
    postings.reserve(2 * members.size());
    for (const size_t line : members) AddPostings(lines[line], postings);
    const LineKey& key = lines[members.front()].key;
    const Group group = GroupOf(key);
    std::optional<JournalEntry> entry = MakeEntry(
        KindOf(group), KeyOf(key, group, period, run), period_start, std::move(postings));
    if (!entry.has_value()) continue;
    for (const size_t line : members) {
      if (lines[line].amount != Money()) result.entry_of_line[line] = result.entries.size();
    }
    result.entries.push_back(*std::move(entry));
  }
  return result;
}

}  // namespace peerwatt::settlement
