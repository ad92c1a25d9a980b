#include "services/settlement/storage/postgres_round_store.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/payments/payment_effects.h"
#include "services/settlement/core/payments/rule_round.h"
#include "services/settlement/core/payments/waterfall.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/payment_queries.h"
#include "services/settlement/storage/payment_rows.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

Money MoneyFrom(const pqxx::field& field) { return Money::Micros(Int64From(field)); }

/// What the mutual fund has lent, by participant.
std::map<ParticipantId, Money> SelectAdvances(pqxx::work& tx, const CommunityId& community) {
  std::map<ParticipantId, Money> advances;
  for (const auto& row : Exec(tx, kSelectFundAdvances, community.value())) {
    advances[ParticipantId(TextFrom(row["participant_id"]))] = MoneyFrom(row["advanced_micros"]);
  }
  return advances;
}

/// Loads the accounts of all participants. Returns their ids.
std::vector<AccountId> LoadParticipants(pqxx::work& tx, LedgerSession& ledger,
                                        const CommunityId& community) {
  std::vector<AccountId> ids;
  for (const auto& row : Exec(tx, kListParticipantAccounts, community.value())) {
    ids.emplace_back(TextFrom(row["account_id"]));
  }
  ledger.Load(ids);
  return ids;
}

/// One round of payment rules within a transaction.
class RuleSession {
 public:
  RuleSession(pqxx::work& tx, LedgerSession& ledger, const LedgerCache& cache,
              const RuleTerms& terms, PaymentHash hash, absl::Time now)
      : tx_(tx), ledger_(ledger), cache_(cache), terms_(terms), hash_(hash), now_(now) {}

  absl::StatusOr<int64_t> Run() {
    const std::vector<RuleAccount> accounts = ReadAccounts();
    const Money coin = MinorUnit(ledger_.position().currency);
    const RuleRound round = PlanRuleRound(terms_.rules, coin, pot_, accounts);
    const int64_t collected = Collect(round.collections);
    PW_ASSIGN_OR_RETURN(const int64_t paid_out, HandOn(round.distribution, coin, accounts));
    return collected + paid_out;
  }

 private:
  /// What is kept of one participant besides what the round depends on.
  struct Known {
    RuleAccount account;
    int32_t collection_count = 0;
    int32_t revision = 0;  ///< of its details; 0: none
    bool has_mandate = false;
    int32_t blocked = -1;  ///< revision with which a collection failed
  };

  Known& Of(const pqxx::row& row) {
    const ParticipantId id(TextFrom(row["participant_id"]));
    Known& known = known_[id];
    known.account.participant = id;
    return known;
  }

  std::vector<RuleAccount> ReadAccounts() {
    const std::string& community = terms_.community.value();
    const std::string& scheme = terms_.scheme.value();
    for (const auto& row : Exec(tx_, kSumPoolEnergy, community, ToSql(terms_.validity.start),
                                ToSql(terms_.validity.end))) {
      RuleAccount& account = Of(row).account;
      account.used = Energy::WattHours(Int64From(row["used_wh"]));
      account.contributed = Energy::WattHours(Int64From(row["contributed_wh"]));
    }
    for (const auto& row : Exec(tx_, kSumCollections, community, scheme)) {
      Known& known = Of(row);
      known.account.paid = MoneyFrom(row["paid_micros"]);
      known.account.open = MoneyFrom(row["open_micros"]);
      known.collection_count = Int32From(row["count"]);
      known.blocked = Int32From(row["blocked"]);
    }
    for (const auto& row : Exec(tx_, kSumDistributedParts, community, scheme)) {
      Of(row).account.received = MoneyFrom(row["received_micros"]);
    }
    const pqxx::result sums = Exec(tx_, kSumDistributions, community, scheme);
    distribution_count_ = Int32From(sums[0]["count"]);
    pot_.kept = MoneyFrom(sums[0]["kept_micros"]);
    pot_.distributed = MoneyFrom(sums[0]["distributed_micros"]);
    for (const auto& row : Exec(tx_, kSelectAllPayoutDetails, community)) {
      const auto found = known_.find(ParticipantId(TextFrom(row["participant_id"])));
      if (found == known_.end()) continue;
      found->second.revision = Int32From(row["revision"]);
      found->second.has_mandate = !TextFrom(row["mandate_id"]).empty();
    }
    LoadParticipants(tx_, ledger_, terms_.community);
    std::vector<RuleAccount> accounts;
    for (auto& [id, known] : known_) {
      const auto account = ledger_.accounts().find(ParticipantAccount(id));
      if (account != ledger_.accounts().end()) {
        known.account.balance = account->second.counters.Balance();
      }
      known.account.can_be_charged = (known.has_mandate || !terms_.uses_files) &&
                                     known.blocked != known.revision;
      accounts.push_back(known.account);
    }
    return accounts;
  }

  Payment NewPayment(PaymentKind kind, const ParticipantId& participant, int32_t number,
                     Money amount) const {
    // A full stop is in no id that a participant gives.
    const PaymentName name{terms_.community, kind, participant,
                           absl::StrCat(terms_.scheme.value(), ".", number)};
    Payment payment = NewPayout(name, amount, ledger_.position().currency, terms_.uses_files,
                                hash_, now_);
    payment.scheme = terms_.scheme;
    return payment;
  }

  int64_t Collect(const std::vector<RuleCollection>& collections) {
    std::vector<Payment> payments;
    std::vector<int32_t> revisions;
    for (const RuleCollection& collection : collections) {
      Known& known = known_.at(collection.participant);
      for (const auto& [amount, is_wallet] :
           {std::pair(collection.from_wallet, true), std::pair(collection.charged, false)}) {
        if (amount == Money()) continue;
        Payment& payment = payments.emplace_back(
            NewPayment(PaymentKind::kCollection, collection.participant,
                       ++known.collection_count, amount));
        revisions.push_back(known.revision);
        if (!is_wallet) continue;
        // The books took the money from the wallet when the energy was settled.
        payment.method = CollectionMethod::kWallet;
        payment.state = PaymentState::kSucceeded;
      }
    }
    InsertPayments(tx_, payments, revisions, now_);
    return static_cast<int64_t>(payments.size());
  }

  absl::StatusOr<int64_t> HandOn(const Distribution& distribution, Money coin,
                                 const std::vector<RuleAccount>& accounts) {
    if (distribution.kept == Money() && distribution.distributed == Money()) return 0;
    const int32_t number = distribution_count_ + 1;
    std::vector<std::string> participants;
    std::vector<int64_t> parts;
    std::vector<Payment> payouts;
    std::vector<int32_t> revisions;
    PaymentEffects effects;
    const std::map<ParticipantId, Money> advances = SelectAdvances(tx_, terms_.community);
    for (size_t i = 0; i < accounts.size(); ++i) {
      const Money part = distribution.parts[i];
      if (part == Money()) continue;
      const Known& known = known_.at(accounts[i].participant);
      participants.push_back(accounts[i].participant.value());
      parts.push_back(part.micros());
      // Banks pay coins; parts of them stay in the wallet, as does what it owes otherwise.
      const Money paid = Money::Micros(part.micros() / coin.micros() * coin.micros());
      if (paid == Money() || (terms_.uses_files && known.revision == 0)) continue;
      if (WithdrawableOf(accounts[i].participant, advances) < paid) continue;
      payouts.push_back(
          NewPayment(PaymentKind::kPayout, accounts[i].participant, number, paid));
      revisions.push_back(known.revision);
      HoldMoney(payouts.back(), effects);
    }
    Exec(tx_, kInsertDistribution, terms_.community.value(), terms_.scheme.value(), number,
         distribution.kept.micros(), distribution.distributed.micros(),
         ToSqlArray(participants), ToSqlArray(parts), ToSql(now_));
    PW_RETURN_IF_ERROR(Apply(tx_, ledger_, terms_.community, cache_, std::move(effects)));
    InsertPayments(tx_, payouts, revisions, now_);
    return static_cast<int64_t>(payouts.size());
  }

  Money WithdrawableOf(const ParticipantId& participant,
                       const std::map<ParticipantId, Money>& advances) {
    const auto account = ledger_.accounts().find(ParticipantAccount(participant));
    if (account == ledger_.accounts().end()) return Money();
    const auto advance = advances.find(participant);
    Wallet wallet;
    wallet.balance = account->second.counters.Balance();
    wallet.held = account->second.counters.debits_pending;
    wallet.fund_advance = advance == advances.end() ? Money() : advance->second;
    return wallet.Withdrawable();
  }

  pqxx::work& tx_;
  LedgerSession& ledger_;
  const LedgerCache& cache_;
  const RuleTerms& terms_;
  const PaymentHash hash_;
  const absl::Time now_;
  std::map<ParticipantId, Known> known_;
  PaymentPot pot_;
  int32_t distribution_count_ = 0;
};

/// Moves the fund's money. Returns the number of moves.
int64_t Move(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community, Money limit,
             absl::Time settled_through) {
  std::map<ParticipantId, Money> advances = SelectAdvances(tx, community);
  std::vector<WaterfallAccount> accounts;
  for (const AccountId& id : LoadParticipants(tx, ledger, community)) {
    const ledger::Counters& counters = ledger.accounts().at(id).counters;
    const Money advanced = advances[OwnerOf(id)];
    if (advanced == Money() && counters.Balance() >= Money()) continue;
    accounts.push_back({OwnerOf(id), counters.Balance(), counters.debits_pending, advanced});
  }
  const AccountId fund_id(kMutualFundAccount);
  ledger.Load({fund_id});
  const auto fund = ledger.accounts().find(fund_id);
  const Money available =
      fund == ledger.accounts().end()
          ? Money()
          : std::max(Money(), fund->second.counters.Balance() -
                                  fund->second.counters.debits_pending);
  const std::vector<FundMove> moves = PlanWaterfall({available, limit}, accounts);
  if (moves.empty()) return 0;
  std::vector<JournalEntry> entries;
  std::vector<std::string> participants;
  std::vector<int64_t> amounts, numbers;
  for (const FundMove& move : moves) {
    entries.push_back(FundEntry(move.participant, move.amount, settled_through));
    participants.push_back(move.participant.value());
    amounts.push_back(move.amount.micros());
  }
  const int64_t first = ledger.Post(entries);
  for (size_t i = 0; i < moves.size(); ++i) numbers.push_back(first + static_cast<int64_t>(i));
  Exec(tx, kInsertFundMoves, community.value(), ToSql(settled_through), ToSqlArray(participants),
       ToSqlArray(amounts), ToSqlArray(numbers));
  return static_cast<int64_t>(moves.size());
}

}  // namespace

absl::StatusOr<int64_t> PostgresRoundStore::VersionOf(const CommunityId& community) {
  int64_t version = 0;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectRoundVersion, community.value());
    if (rows.empty()) return LedgerNotFound(community);
    version = Int64From(rows[0]["version"]);
    return absl::OkStatus();
  }));
  return version;
}

absl::StatusOr<int64_t> PostgresRoundStore::RunWaterfall(const CommunityId& community,
                                                         absl::Time now) {
  int64_t moves = 0;
  const auto run = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    moves = 0;
    const KeptSettings kept = SelectSettings(tx, community);
    // Where there never was a fund, nothing was lent.
    if (kept.revision == 0) return absl::OkStatus();
    const pqxx::result due = Exec(tx, kSelectWaterfallDue, community.value());
    if (due.empty()) return absl::OkStatus();
    const absl::Time settled_through = postgres::TimeFrom(due[0]["settled_through_at"]);
    moves = Move(tx, ledger, community, kept.settings.fund_limit, settled_through);
    Exec(tx, kInsertWaterfallRun, community.value(), ToSql(settled_through), ToSql(now));
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, community, now, run));
  return moves;
}

absl::StatusOr<int64_t> PostgresRoundStore::RunRules(const RuleTerms& terms, absl::Time now) {
  int64_t payments = 0;
  const auto run = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    PW_ASSIGN_OR_RETURN(payments,
                        RuleSession(tx, ledger, cache_, terms, hash_, now).Run());
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, terms.community, now, run));
  return payments;
}

}  // namespace peerwatt::settlement
