#include "services/settlement/storage/ledger_tail.h"

#include <algorithm>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/binary_call.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_queries.h"

namespace peerwatt::settlement {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;

LedgerPosition PositionFrom(const pqxx::row& row) {
  LedgerPosition position;
  position.currency = TextFrom(row["currency_code"]);
  position.entry_count = Int64From(row["entry_count"]);
  position.account_count = Int32From(row["account_count"]);
  position.key_count = Int64From(row["key_count"]);
  position.folded_entry_no = Int64From(row["folded_entry_no"]);
  position.version = Int64From(row["version"]);
  position.clock_at = postgres::TimeFrom(row["clock_at"]);
  return position;
}

ClosingRow ClosingFrom(const pqxx::row& row) {
  ClosingRow closing;
  closing.number = Int64From(row["entry_no"]);
  for (const int64_t number : postgres::Int64ArrayFrom(row["account_nos"])) {
    closing.accounts.push_back(static_cast<ledger::AccountNumber>(number));
  }
  closing.closing = postgres::Int64ArrayFrom(row["closing_micros"]);
  PW_CHECK(closing.closing.size() == 2 * closing.accounts.size(), "an account has two sums");
  return closing;
}

std::vector<ClosingRow> ReadTail(pqxx::transaction_base& tx, const CommunityId& community,
                                 int64_t after, int64_t through) {
  std::vector<ClosingRow> tail;
  if (after >= through) return tail;
  postgres::BinaryCall call(kSelectTail);
  call.Add(absl::string_view(community.value()));
  call.Add(after);
  call.Add(through);
  const auto rows = call.Read(tx);
  tail.reserve(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    ClosingRow& row = tail.emplace_back();
    row.number = rows->Int64At(i, 0);
    row.accounts = rows->Int32sAt(i, 1);
    row.closing = rows->Int64sAt(i, 2);
    PW_CHECK(row.closing.size() == 2 * row.accounts.size(), "an account has two sums");
  }
  return tail;
}

absl::Status LearnTail(postgres::Pool& pool, LedgerCache& cache, const CommunityId& community) {
  CachedLedger& cached = cache.Of(community);
  for (bool is_near = false; !is_near;) {
    // Nobody else of this process adds entries meanwhile.
    absl::MutexLock writing(&cached.writing());
    std::vector<ClosingRow> rows;
    LedgerPosition head;
    PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) {
      rows.clear();
      const pqxx::result found = Exec(tx, kSelectLedgerHead, community.value());
      if (!found.empty()) head = PositionFrom(found[0]);
      const int64_t known = std::max(cached.entry_count(), head.folded_entry_no);
      is_near = head.entry_count - known <= kTailRowsMax;
      if (!is_near) rows = ReadTail(tx, community, known, known + kTailRowsMax);
      return absl::OkStatus();
    }));
    is_near = is_near || rows.empty();
    cached.Learn(head.folded_entry_no, rows);
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
