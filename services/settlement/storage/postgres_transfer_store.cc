#include "services/settlement/storage/postgres_transfer_store.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_queries.h"
#include "services/settlement/storage/ledger_session.h"

namespace peerwatt::settlement {
namespace {

using ledger::Book;
using ledger::Decision;
using ledger::Hold;
using ledger::HoldState;
using ledger::Outcome;
using ledger::Transfer;
using ledger::TransferKind;
using ledger::TransferResult;
using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;
using Calls = ledger::TransferStore::Calls;

// After a known key was met, so many transactions ask for keys before they try.
constexpr int kCarefulTransactions = 64;

// Transfers that are decided while the database stores those before.
constexpr size_t kGroupSize = 500;

constexpr std::pair<HoldState, absl::string_view> kHoldStates[] = {
    {HoldState::kOpen, "OPEN"},
    {HoldState::kCaptured, "CAPTURED"},
    {HoldState::kVoided, "VOIDED"},
    {HoldState::kExpired, "EXPIRED"},
    // Of the market: released when its period was settled.
    {HoldState::kVoided, "ENDED"},
};

HoldState StateFrom(const std::string& text) {
  for (const auto& [state, name] : kHoldStates) {
    if (name == text) return state;
  }
  PW_CHECK(false, "a hold has a known state");
}

std::string TextOf(HoldState wanted) {
  for (const auto& [state, name] : kHoldStates) {
    if (state == wanted) return std::string(name);
  }
  PW_CHECK(false, "a hold has a known state");
}

/// What the calls name.
struct Names {
  std::vector<AccountId> accounts;
  std::vector<std::string> keys;
  std::vector<std::string> holds;
};

Names NamesOf(const Calls& calls) {
  Names names;
  absl::flat_hash_set<absl::string_view> accounts;
  const auto add = [&](const AccountId& id) {
    if (!id.empty() && accounts.insert(id.value()).second) names.accounts.push_back(id);
  };
  for (const auto& call : calls) {
    for (const Transfer& transfer : call) {
      names.keys.push_back(transfer.key);
      for (const Posting& posting : transfer.postings) add(posting.account);
      add(transfer.debit);
      add(transfer.credit);
      if (transfer.kind == TransferKind::kHold) names.holds.push_back(transfer.key);
      if (!transfer.hold.empty()) names.holds.push_back(transfer.hold);
    }
  }
  return names;
}

bool AnyRefused(const Decision& decision) {
  return std::any_of(
      decision.results.begin(), decision.results.end(),
      [](const TransferResult& result) { return result.outcome == Outcome::kRefused; });
}

/// The same transfers in groups of some size. Chains stay together.
std::vector<Calls> Groups(const Calls& calls) {
  std::vector<Calls> groups(1);
  size_t size = 0;
  for (const auto& call : calls) {
    for (size_t begin = 0, end = 1; end <= call.size(); ++end) {
      const bool is_full = size + end - begin >= kGroupSize && !call[end - 1].linked;
      if (!is_full && end < call.size()) continue;
      groups.back().push_back(call.subspan(begin, end - begin));
      size += end - begin;
      begin = end;
      if (size < kGroupSize) continue;
      groups.emplace_back();
      size = 0;
    }
  }
  if (groups.back().empty()) groups.pop_back();
  return groups;
}

/// Reads and writes what `Decide` needs and says, for one transaction.
class Ledgering {
 public:
  Ledgering(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
            const Names& names)
      : tx_(tx), ledger_(ledger), community_(community), names_(names) {}

  Book ReadBook(bool asks_for_keys) {
    Book book;
    book.now = ledger_.now();
    book.entry_count = ledger_.position().entry_count;
    if (!names_.holds.empty() || ledger_.has_due_holds()) ReadHolds(book);
    ledger_.Load(names_.accounts);
    // Not copied: who reads the book once more loads them again.
    book.accounts = std::move(ledger_.accounts());
    ledger_.accounts().clear();
    if (ledger_.position().key_count > 0) ReadKeys(book);
    if (asks_for_keys) ReadEntryKeys(book);
    return book;
  }

  void ReadEntryKeys(Book& book) {
    for (const auto& row :
         Exec(tx_, kSelectEntryKeys, community_.value(), ToSqlArray(names_.keys))) {
      book.keys[TextFrom(row["idempotency_key"])] = {postgres::BytesFrom(row["content_hash"]),
                                                     nullptr, Int64From(row["entry_no"])};
    }
  }

  /// Decides the calls and writes what was decided. Errors: kAlreadyExists when it comes out too
  /// late that keys must be asked for: what looks refused may exist.
  absl::StatusOr<std::vector<TransferResult>> Create(const Calls& calls, bool asks_for_keys) {
    Book book = ReadBook(asks_for_keys);
    if (names_.holds.empty() && book.holds.empty()) {
      const std::vector<Calls> groups = Groups(calls);
      if (groups.size() > 1) return CreateInGroups(groups, std::move(book), asks_for_keys);
    }
    Decision decision = Decide(calls, std::move(book));
    if (!asks_for_keys && AnyRefused(decision)) decision = Decide(calls, ReadBook(true));
    ledger_.Append(std::move(decision.entries));
    ledger_.EndEntries(std::move(decision.book.accounts));
    InsertKeys(decision.keys);
    InsertHolds(decision);
    UpdateHolds(decision);
    ledger_.WritePending(decision.changed_pending);
    return std::move(decision.results);
  }

 private:
  /// The same for entries alone: the database stores each group while the next is decided.
  absl::StatusOr<std::vector<TransferResult>> CreateInGroups(const std::vector<Calls>& groups,
                                                             Book book, bool asks_for_keys) {
    std::vector<TransferResult> results;
    std::vector<ledger::RememberedKey> keys;
    for (const Calls& group : groups) {
      Decision decision = Decide(group, std::move(book));
      if (!asks_for_keys && AnyRefused(decision)) {
        return absl::AlreadyExistsError("a transfer is refused, or its key is known");
      }
      results.insert(results.end(), decision.results.begin(), decision.results.end());
      std::move(decision.keys.begin(), decision.keys.end(), std::back_inserter(keys));
      ledger_.Append(std::move(decision.entries));
      book = std::move(decision.book);
    }
    ledger_.EndEntries(std::move(book.accounts));
    InsertKeys(keys);
    return results;
  }

  void ReadHolds(Book& book) {
    std::vector<AccountId> accounts;
    for (const auto& row : Exec(tx_, kSelectLedgerHolds, community_.value(),
                                ToSqlArray(names_.holds), ToSql(book.now))) {
      Hold hold;
      hold.key = TextFrom(row["order_name"]);
      hold.debit = AccountId(TextFrom(row["debit_id"]));
      hold.credit = AccountId(TextFrom(row["credit_id"]));
      hold.open = Money::Micros(Int64From(row["amount_micros"]));
      hold.state = StateFrom(TextFrom(row["state"]));
      hold.expires_at = postgres::TimeFrom(row["expires_at"]);
      accounts.push_back(hold.debit);
      if (!hold.credit.empty()) accounts.push_back(hold.credit);
      book.holds.emplace(hold.key, hold);
    }
    ledger_.Load(accounts);
  }

  void ReadKeys(Book& book) {
    for (const auto& row :
         Exec(tx_, kSelectTransferKeys, community_.value(), ToSqlArray(names_.keys))) {
      const std::string refusal = TextFrom(row["refusal"]);
      book.keys[TextFrom(row["idempotency_key"])] = {
          postgres::BytesFrom(row["content_hash"]),
          refusal.empty() ? nullptr : &ledger::ReasonNamed(refusal), 0};
    }
  }

  void InsertKeys(const std::vector<ledger::RememberedKey>& remembered) {
    if (remembered.empty()) return;
    std::vector<std::string> keys, hashes, refusals;
    std::vector<int32_t> kinds;
    for (const ledger::RememberedKey& key : remembered) {
      keys.push_back(key.key);
      kinds.push_back(static_cast<int32_t>(key.kind));
      hashes.push_back(absl::BytesToHexString(key.content_hash));
      refusals.emplace_back(key.refusal == nullptr ? "" : key.refusal->name);
    }
    Exec(tx_, kInsertTransferKeys, community_.value(), ToSql(ledger_.now()), ToSqlArray(keys),
         ToSqlArray(kinds), ToSqlArray(hashes), ToSqlArray(refusals));
    ledger_.AddKeys(remembered.size());
  }

  void InsertHolds(const Decision& decision) {
    if (decision.new_holds.empty()) return;
    std::vector<std::string> keys, states;
    std::vector<int32_t> debits, credits;
    std::vector<int64_t> initial, open;
    std::vector<absl::Time> expiries;
    const auto number = [&](const AccountId& id) {
      return id.empty() ? 0 : ledger_.accounts().at(id).number;
    };
    for (const std::string& key : decision.new_holds) {
      const Hold& hold = decision.book.holds.at(key);
      keys.push_back(key);
      debits.push_back(number(hold.debit));
      credits.push_back(number(hold.credit));
      initial.push_back(hold.initial.micros());
      open.push_back(hold.open.micros());
      states.push_back(TextOf(hold.state));
      expiries.push_back(hold.expires_at);
    }
    Exec(tx_, kInsertLedgerHolds, community_.value(), ToSqlArray(keys), ToSqlArray(debits),
         ToSqlArray(credits), ToSqlArray(initial), ToSqlArray(open), ToSqlArray(states),
         ToSqlArray(expiries));
  }

  void UpdateHolds(const Decision& decision) {
    if (decision.changed_holds.empty()) return;
    std::vector<std::string> keys = decision.changed_holds;
    // Rows are changed in one order by all.
    std::sort(keys.begin(), keys.end());
    std::vector<std::string> states;
    std::vector<int64_t> open;
    for (const std::string& key : keys) {
      const Hold& hold = decision.book.holds.at(key);
      open.push_back(hold.open.micros());
      states.push_back(TextOf(hold.state));
    }
    Exec(tx_, kUpdateLedgerHolds, community_.value(), ToSqlArray(keys), ToSqlArray(open),
         ToSqlArray(states));
  }

  pqxx::work& tx_;
  LedgerSession& ledger_;
  const CommunityId& community_;
  const Names& names_;
};

}  // namespace

std::vector<TransferResult> CreateTransfers(pqxx::work& tx, LedgerSession& ledger,
                                            const CommunityId& community,
                                            const LedgerCache& cache,
                                            std::vector<Transfer> transfers) {
  for (Transfer& transfer : transfers) {
    transfer.content_hash = cache.Hash(ledger::ContentOf(transfer));
  }
  const Calls calls{transfers};
  const Names names = NamesOf(calls);
  Ledgering ledgering(tx, ledger, community, names);
  // Who asks for keys at once always gets an answer.
  return *ledgering.Create(calls, /*asks_for_keys=*/true);
}

absl::StatusOr<std::vector<TransferResult>> PostgresTransferStore::CreateOnce(
    const CommunityId& community, const Calls& calls, bool asks_for_keys) {
  std::vector<TransferResult> results;
  const Names names = NamesOf(calls);
  const auto create = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    Ledgering ledgering(tx, ledger, community, names);
    PW_ASSIGN_OR_RETURN(results, ledgering.Create(calls, asks_for_keys));
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, community, clock_.Now(), create));
  return results;
}

absl::StatusOr<std::vector<TransferResult>> PostgresTransferStore::Create(
    const CommunityId& community, const Calls& calls) {
  const bool is_careful = careful_ > 0 && careful_.fetch_sub(1) > 0;
  absl::StatusOr<std::vector<TransferResult>> results = CreateOnce(community, calls, is_careful);
  if (is_careful || !absl::IsAlreadyExists(results.status())) return results;
  careful_ = kCarefulTransactions;
  return CreateOnce(community, calls, true);
}

absl::Status PostgresTransferStore::OpenAccounts(
    const CommunityId& community, const std::vector<ledger::AccountOpening>& accounts) {
  return WriteLedger(pool_, cache_, community, clock_.Now(),
                     [&](pqxx::work&, LedgerSession& ledger) {
                       ledger.Open(accounts);
                       return absl::OkStatus();
                     });
}

absl::Status PostgresTransferStore::ExpireDue() {
  std::vector<CommunityId> due;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    due.clear();
    for (const auto& row : Exec(tx, kSelectLedgersWithDueHolds, ToSql(clock_.Now()))) {
      due.emplace_back(TextFrom(row["community_id"]));
    }
    return absl::OkStatus();
  }));
  for (const CommunityId& community : due) PW_RETURN_IF_ERROR(Create(community, {}).status());
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
