#include "services/settlement/storage/postgres_books_reader.h"

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/grid_loss_rows.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;

constexpr char kEver[] = "-infinity";
constexpr char kNever[] = "infinity";

std::string StartOf(const std::optional<absl::Time>& time) {
  return time.has_value() ? ToSql(*time) : kEver;
}
std::string EndOf(const std::optional<absl::Time>& time) {
  return time.has_value() ? ToSql(*time) : kNever;
}

Account AccountFrom(const pqxx::row& row) {
  return {AccountId(TextFrom(row["account_id"])), Money::Micros(Int64From(row["balance_micros"])),
          Money::Micros(Int64From(row["held_micros"]))};
}

SettledPeriod PeriodFrom(const pqxx::row& row) {
  const auto energy = [&](const char* column) { return Energy::WattHours(Int64From(row[column])); };
  SettledPeriod period;
  period.period = {TimeFrom(row["period_start_at"]), TimeFrom(row["period_end_at"])};
  period.run_count = Int32From(row["run_count"]);
  period.totals = {energy("drawn_wh"),     energy("fed_in_wh"), energy("self_consumed_wh"),
                   energy("delivered_wh"), energy("retail_wh"), energy("surplus_wh"),
                   energy("imbalance_bought_wh"), energy("imbalance_sold_wh")};
  period.scheme = SchemeId(TextFrom(row["scheme_id"]));
  period.substituted_count = Int32From(row["substituted_count"]);
  period.price_missing_count = Int32From(row["price_missing_count"]);
  period.grid_loss = GridLossFrom(row);
  return period;
}

PostedBillLine LineFrom(const pqxx::row& row) {
  PostedBillLine posted;
  posted.period_start = TimeFrom(row["period_start_at"]);
  posted.run = Int32From(row["run"]);
  posted.number = Int32From(row["line_no"]);
  posted.entry_number = postgres::OptionalInt64From(row["entry_no"]);
  Line& line = posted.line;
  line.key.participant = ParticipantId(TextFrom(row["participant_id"]));
  line.key.connection = GridConnectionId(TextFrom(row["connection_id"]));
  line.key.kind = static_cast<LineKind>(Int32From(row["kind"]));
  line.key.trade = TradeId(TextFrom(row["trade_id"]));
  line.energy = Energy::WattHours(Int64From(row["energy_wh"]));
  line.price = Price::MicrosPerKwh(Int64From(row["price_micros_per_kwh"]));
  line.amount = Money::Micros(Int64From(row["amount_micros"]));
  line.substituted = postgres::BoolFrom(row["substituted"]);
  line.rule_id = TextFrom(row["rule_id"]);
  line.key.is_taxable = postgres::BoolFrom(row["is_taxable"]);
  line.key.is_price_missing = postgres::BoolFrom(row["is_price_missing"]);
  return posted;
}

/// Runs one reading statement and turns each of its rows into a value.
template <typename T>
absl::StatusOr<std::vector<T>> ReadAll(postgres::Pool& pool, T (*from)(const pqxx::row&),
                                       absl::FunctionRef<pqxx::result(pqxx::work&)> select) {
  std::vector<T> values;
  PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) {
    values.clear();
    for (const auto& row : select(tx)) values.push_back(from(row));
    return absl::OkStatus();
  }));
  return values;
}

template <typename T>
std::optional<T> FirstOf(std::vector<T> values) {
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

LedgerHead HeadFrom(const pqxx::row& row) {
  return {TextFrom(row["currency_code"]), TimeFrom(row["settled_through_at"]),
          Int32From(row["dirty_count"])};
}

TrialBalance TrialBalanceFrom(const pqxx::row& row) {
  return {Money::Micros(Int64From(row["postings_micros"])),
          Money::Micros(Int64From(row["balances_micros"])), Int64From(row["mismatched_count"]),
          Int64From(row["entry_count"]), Money::Micros(Int64From(row["held_micros"]))};
}

Money ImbalanceFrom(const pqxx::row& row) {
  return Money::Micros(Int64From(row["imbalance_micros"]));
}

BillItem ItemFrom(const pqxx::row& row) {
  return {static_cast<LineKind>(Int32From(row["kind"])),
          Energy::WattHours(Int64From(row["energy_wh"])),
          Money::Micros(Int64From(row["amount_micros"])),
          Energy::WattHours(Int64From(row["price_missing_wh"]))};
}

}  // namespace

PostedBillLine BillLineFrom(const pqxx::row& row) { return LineFrom(row); }

absl::StatusOr<LedgerHead> PostgresBooksReader::GetHead(const CommunityId& community) {
  PW_ASSIGN_OR_RETURN(const std::vector<LedgerHead> heads,
                      ReadAll<LedgerHead>(pool_, HeadFrom, [&](pqxx::work& tx) {
                        return Exec(tx, kSelectHead, community.value());
                      }));
  if (heads.empty()) return LedgerNotFound(community);
  return heads.front();
}

absl::StatusOr<std::optional<Account>> PostgresBooksReader::FindAccount(
    const CommunityId& community, const AccountId& account) {
  const absl::StatusOr<ledger::AccountState> found =
      LedgerReader(pool_, cache_).GetAccount(community, account);
  if (absl::IsNotFound(found.status())) return std::optional<Account>();
  PW_RETURN_IF_ERROR(found.status());
  return Account{account, found->counters.Balance(), found->counters.debits_pending};
}

absl::StatusOr<std::vector<Account>> PostgresBooksReader::ListAccounts(
    const CommunityId& community, const AccountId& after, int32_t limit) {
  return ReadAll<Account>(pool_, AccountFrom, [&](pqxx::work& tx) {
    return Exec(tx, kListAccounts, community.value(), after.value(), limit);
  });
}

absl::StatusOr<std::vector<PostedEntry>> PostgresBooksReader::ListEntries(
    const CommunityId& community, const AccountId& account, int64_t after, int32_t limit) {
  if (account.empty()) {
    return ReadAll<PostedEntry>(pool_, EntryFrom, [&](pqxx::work& tx) {
      return Exec(tx, kListEntries, community.value(), after, limit);
    });
  }
  absl::StatusOr<std::vector<PostedEntry>> entries =
      LedgerReader(pool_, cache_).ListEntries(community, account, after, limit);
  // An account that was never touched has no entries.
  if (absl::IsNotFound(entries.status())) return std::vector<PostedEntry>();
  return entries;
}

absl::StatusOr<TrialBalance> PostgresBooksReader::GetTrialBalance(const CommunityId& community) {
  PW_ASSIGN_OR_RETURN(const std::vector<TrialBalance> balances,
                      ReadAll<TrialBalance>(pool_, TrialBalanceFrom, [&](pqxx::work& tx) {
                        return Exec(tx, kSelectTrialBalance, community.value());
                      }));
  return balances.front();
}

absl::StatusOr<Money> PostgresBooksReader::ImbalanceOfAll() {
  PW_ASSIGN_OR_RETURN(const std::vector<Money> sums,
                      ReadAll<Money>(pool_, ImbalanceFrom, [&](pqxx::work& tx) {
                        return Exec(tx, kSumOfAllBalances);
                      }));
  return sums.front();
}

absl::StatusOr<int64_t> PostgresBooksReader::CountPriceMissing() {
  int64_t count = 0;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    count = Int64From(Exec(tx, kCountPriceMissing)[0]["period_count"]);
    return absl::OkStatus();
  }));
  return count;
}

absl::StatusOr<std::optional<SettledPeriod>> PostgresBooksReader::FindPeriod(
    const CommunityId& community, absl::Time period_start) {
  PW_ASSIGN_OR_RETURN(std::vector<SettledPeriod> periods,
                      ReadAll<SettledPeriod>(pool_, PeriodFrom, [&](pqxx::work& tx) {
                        return Exec(tx, kSelectPeriod, community.value(), ToSql(period_start));
                      }));
  return FirstOf(std::move(periods));
}

absl::StatusOr<std::vector<SettledPeriod>> PostgresBooksReader::ListPeriods(
    const CommunityId& community, const OptionalSpan& span, std::optional<absl::Time> after,
    int32_t limit) {
  return ReadAll<SettledPeriod>(pool_, PeriodFrom, [&](pqxx::work& tx) {
    return Exec(tx, kListPeriods, community.value(), StartOf(span.start), EndOf(span.end),
                StartOf(after), limit);
  });
}

absl::StatusOr<std::vector<PostedBillLine>> PostgresBooksReader::ListLines(
    const CommunityId& community, const ParticipantId& participant, const OptionalSpan& span,
    const std::optional<LinePosition>& after, int32_t limit) {
  return ReadAll<PostedBillLine>(pool_, LineFrom, [&](pqxx::work& tx) {
    return Exec(tx, kListLines, community.value(), participant.value(), StartOf(span.start),
                EndOf(span.end), after.has_value() ? ToSql(after->period_start) : kEver,
                after.has_value() ? after->run : 0, after.has_value() ? after->number : 0, limit);
  });
}

absl::StatusOr<std::vector<BillItem>> PostgresBooksReader::SumLines(
    const CommunityId& community, const ParticipantId& participant, const OptionalSpan& span) {
  return ReadAll<BillItem>(pool_, ItemFrom, [&](pqxx::work& tx) {
    return Exec(tx, kSumLines, community.value(), participant.value(), StartOf(span.start),
                EndOf(span.end));
  });
}

}  // namespace peerwatt::settlement
