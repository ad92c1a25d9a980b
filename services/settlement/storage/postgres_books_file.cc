#include "services/settlement/storage/postgres_books_file.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/grid_loss_rows.h"
#include "services/settlement/storage/queries.h"
#include "services/settlement/storage/reconciliation_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using reconciliation::AccountSums;
using reconciliation::AppendLine;
using reconciliation::BooksPart;

/// What ends a page, and the lines on it.
struct Page {
  std::string text;
  std::string last;
  int32_t rows = 0;
};

int64_t NumberOf(const std::string& after) {
  int64_t number = 0;
  PW_CHECK(after.empty() || absl::SimpleAtoi(after, &number), "a page ends with a number");
  return number;
}

/// The names of the accounts that a page of entries posts to.
absl::flat_hash_map<int64_t, std::string> NamesOf(pqxx::work& tx, const CommunityId& community,
                                                  const pqxx::result& entries) {
  std::vector<int64_t> numbers;
  for (const auto& row : entries) {
    const std::vector<int64_t> own = postgres::Int64ArrayFrom(row["account_nos"]);
    numbers.insert(numbers.end(), own.begin(), own.end());
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  absl::flat_hash_map<int64_t, std::string> names;
  for (const auto& row :
       Exec(tx, kSelectAccountNames, community.value(), postgres::ToSqlArray(numbers))) {
    names[Int64From(row["account_no"])] = TextFrom(row["account_id"]);
  }
  return names;
}

Page JournalPage(pqxx::work& tx, const CommunityId& community, const std::string& after,
                 int32_t rows) {
  Page page;
  const pqxx::result entries = Exec(tx, kExportEntries, community.value(), NumberOf(after), rows);
  const absl::flat_hash_map<int64_t, std::string> names = NamesOf(tx, community, entries);
  for (const auto& row : entries) {
    PostedEntry posted;
    posted.number = Int64From(row["entry_no"]);
    posted.created_at = postgres::TimeFrom(row["created_at"]);
    posted.entry.kind = TextFrom(row["kind"]);
    posted.entry.idempotency_key = TextFrom(row["idempotency_key"]);
    posted.entry.period_start = postgres::OptionalTimeFrom(row["period_start_at"]);
    const std::vector<int64_t> accounts = postgres::Int64ArrayFrom(row["account_nos"]);
    const std::vector<int64_t> amounts = postgres::Int64ArrayFrom(row["amounts_micros"]);
    for (size_t i = 0; i < std::min(accounts.size(), amounts.size()); ++i) {
      const auto name = names.find(accounts[i]);
      posted.entry.postings.push_back(
          {AccountId(name == names.end() ? "?" : name->second), Money::Micros(amounts[i])});
    }
    AppendLine(posted, page.text);
    page.last = absl::StrCat(posted.number);
    ++page.rows;
  }
  return page;
}

Page AccountsPage(pqxx::work& tx, const CommunityId& community, const std::string& after,
                  int32_t rows) {
  Page page;
  for (const auto& row : Exec(tx, kExportAccounts, community.value(), NumberOf(after), rows)) {
    const auto money = [&](const char* column) { return Money::Micros(Int64From(row[column])); };
    AppendLine(AccountSums{AccountId(TextFrom(row["account_id"])), Int64From(row["entry_no"]),
                           money("debits_posted_micros"), money("credits_posted_micros"),
                           money("debits_pending_micros"), money("credits_pending_micros")},
               page.text);
    page.last = absl::StrCat(Int64From(row["account_no"]));
    ++page.rows;
  }
  return page;
}

Page PeriodsPage(pqxx::work& tx, const CommunityId& community, const std::string& after,
                 int32_t rows) {
  Page page;
  const std::string start =
      after.empty() ? "-infinity" : postgres::ToSql(absl::FromUnixMicros(NumberOf(after)));
  for (const auto& row :
       Exec(tx, kListPeriods, community.value(), start, "infinity", start, rows)) {
    const auto energy = [&](const char* column) {
      return Energy::WattHours(Int64From(row[column]));
    };
    SettledPeriod period;
    period.period = {postgres::TimeFrom(row["period_start_at"]),
                     postgres::TimeFrom(row["period_end_at"])};
    period.run_count = Int32From(row["run_count"]);
    period.totals = {energy("drawn_wh"),
                     energy("fed_in_wh"),
                     energy("self_consumed_wh"),
                     energy("delivered_wh"),
                     energy("retail_wh"),
                     energy("surplus_wh"),
                     energy("imbalance_bought_wh"),
                     energy("imbalance_sold_wh")};
    period.substituted_count = Int32From(row["substituted_count"]);
    period.price_missing_count = Int32From(row["price_missing_count"]);
    period.scheme = SchemeId(TextFrom(row["scheme_id"]));
    period.grid_loss = GridLossFrom(row);
    AppendLine(period, page.text);
    page.last = absl::StrCat(absl::ToUnixMicros(period.period.start));
    ++page.rows;
  }
  return page;
}

}  // namespace

absl::StatusOr<std::string> PostgresBooksFile::AppendPage(const CommunityId& community,
                                                          BooksPart part, const std::string& after,
                                                          std::string& out) {
  Page page;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    switch (part) {
      case BooksPart::kJournal:
        page = JournalPage(tx, community, after, page_rows_);
        break;
      case BooksPart::kAccounts:
        page = AccountsPage(tx, community, after, page_rows_);
        break;
      case BooksPart::kPeriods:
        page = PeriodsPage(tx, community, after, page_rows_);
        break;
    }
    return absl::OkStatus();
  }));
  out += page.text;
  return page.rows < page_rows_ ? std::string() : page.last;
}

}  // namespace peerwatt::settlement
