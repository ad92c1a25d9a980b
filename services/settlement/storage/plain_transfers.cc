#include "services/settlement/storage/plain_transfers.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/binary_call.h"
#include "services/settlement/core/ledger/decide.h"
#include "services/settlement/storage/plain_queries.h"

namespace peerwatt::settlement {
namespace {

using ledger::AppendedEntry;
using ledger::Decision;
using ledger::Transfer;
using ledger::TransferKind;
using ledger::TransferResult;
using Calls = ledger::TransferStore::Calls;

// More are copied.
constexpr size_t kEntriesMax = 512;

/// The accounts of the calls, once each; nothing unless all are entries of two postings.
std::optional<std::vector<AccountId>> PlainAccounts(const Calls& calls) {
  std::vector<AccountId> accounts;
  absl::flat_hash_set<absl::string_view> seen;
  size_t count = 0;
  for (const auto& call : calls) {
    count += call.size();
    if (count > kEntriesMax) return std::nullopt;
    for (const Transfer& transfer : call) {
      if (transfer.kind != TransferKind::kEntry || transfer.postings.size() != 2) {
        return std::nullopt;
      }
      for (const Posting& posting : transfer.postings) {
        if (seen.insert(posting.account.value()).second) accounts.push_back(posting.account);
      }
    }
  }
  if (count == 0) return std::nullopt;
  return accounts;
}

/// Whether entries are all that was decided: one for each transfer.
bool IsPlain(const Decision& decision) {
  return decision.entries.size() == decision.results.size() && decision.keys.empty();
}

postgres::BinaryCall CallFor(const CommunityId& community, const LedgerPosition& before,
                             absl::Time now, const std::vector<AppendedEntry>& entries) {
  std::vector<absl::string_view> keys, hashes;
  std::vector<int32_t> accounts;
  std::vector<int64_t> amounts, closing;
  keys.reserve(entries.size());
  hashes.reserve(entries.size());
  accounts.reserve(2 * entries.size());
  amounts.reserve(entries.size());
  closing.reserve(4 * entries.size());
  for (const AppendedEntry& entry : entries) {
    keys.push_back(entry.entry.idempotency_key);
    hashes.push_back(entry.content_hash);
    accounts.insert(accounts.end(), entry.accounts.begin(), entry.accounts.end());
    amounts.push_back(entry.entry.postings.back().amount.micros());
    closing.insert(closing.end(), entry.closing.begin(), entry.closing.end());
  }
  postgres::BinaryCall call(kPostPlain);
  call.Add(community.value());
  call.Add(before.version);
  call.Add(now);
  call.Add(before.entry_count);
  call.Add(before.key_count > 0);
  call.AddTexts(keys);
  call.AddBytes(hashes);
  call.Add(absl::MakeConstSpan(accounts));
  call.Add(absl::MakeConstSpan(amounts));
  call.Add(absl::MakeConstSpan(closing));
  call.Add(entries.back().number);
  return call;
}

}  // namespace

absl::StatusOr<std::optional<std::vector<TransferResult>>> PostPlain(postgres::Pool& pool,
                                                                     LedgerCache& cache,
                                                                     const CommunityId& community,
                                                                     absl::Time now,
                                                                     const Calls& calls) {
  const std::optional<std::vector<AccountId>> accounts = PlainAccounts(calls);
  if (!accounts.has_value()) return std::nullopt;
  CachedLedger& cached = cache.Of(community);
  absl::MutexLock writing(&cached.writing());
  LedgerPosition position = cached.position();
  ledger::Book book;
  if (position.version < 0 || !cached.Take(*accounts, book.accounts).empty()) return std::nullopt;
  book.now = std::max(position.clock_at, now);
  book.entry_count = position.entry_count;
  Decision decision = Decide(calls, std::move(book));
  if (!IsPlain(decision)) return std::nullopt;
  const postgres::BinaryCall call =
      CallFor(community, position, decision.book.now, decision.entries);
  std::vector<ClosingRow> appended;
  appended.reserve(decision.entries.size());
  for (AppendedEntry& entry : decision.entries) {
    appended.push_back({entry.number, std::move(entry.accounts), std::move(entry.closing)});
  }
  position.entry_count = appended.back().number;
  position.clock_at = decision.book.now;
  if (!cached.PlanFold(appended, position, cache.TailMax(position.account_count)).first.empty()) {
    return std::nullopt;
  }
  const absl::Status posted = pool.RunAlone([&](pqxx::nontransaction& tx) {
    return call.Run(tx) > 0 ? absl::OkStatus() : absl::CancelledError();
  });
  if (absl::IsCancelled(posted)) return std::nullopt;
  PW_RETURN_IF_ERROR(posted);
  ++position.version;
  cached.Publish(position, std::move(decision.book.accounts), appended, {});
  return std::move(decision.results);
}

}  // namespace peerwatt::settlement
