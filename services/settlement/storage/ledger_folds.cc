#include "services/settlement/storage/ledger_folds.h"

#include <memory>
#include <string>

#include "absl/types/span.h"
#include "libs/postgres/binary_copy.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::ToSqlArray;
using Fold = CachedLedger::Fold;

// Entries on one page of an account.
constexpr size_t kPageEntriesMax = 1024;

void WritePages(pqxx::work& tx, const CommunityId& community, const std::vector<Fold>& folds,
                int64_t others_entry_no) {
  // Pages that end with entries which others wrote may be there already.
  std::vector<int32_t> old_accounts;
  std::vector<int64_t> old_lasts;
  std::vector<std::string> old_entries;
  std::unique_ptr<postgres::BinaryCopy> copy;
  for (const Fold& fold : folds) {
    const absl::Span<const int64_t> entries = absl::MakeConstSpan(fold.tail.entry_numbers);
    for (size_t begin = 0; begin < entries.size(); begin += kPageEntriesMax) {
      const absl::Span<const int64_t> page = entries.subspan(begin, kPageEntriesMax);
      if (page.back() <= others_entry_no) {
        old_accounts.push_back(fold.account);
        old_lasts.push_back(page.back());
        old_entries.push_back(ToSqlArray(std::vector<int64_t>(page.begin(), page.end())));
        continue;
      }
      if (copy == nullptr) copy = std::make_unique<postgres::BinaryCopy>(tx, kCopyPages);
      copy->BeginRow(4);
      copy->Add(community.value());
      copy->Add(fold.account);
      copy->Add(page.back());
      copy->Add(page);
    }
  }
  if (copy != nullptr) copy->End();
  if (old_accounts.empty()) return;
  Exec(tx, kInsertPages, community.value(), ToSqlArray(old_accounts), ToSqlArray(old_lasts),
       ToSqlArray(old_entries));
}

}  // namespace

void WriteFolds(pqxx::work& tx, const CommunityId& community, const std::vector<Fold>& folds,
                int64_t others_entry_no) {
  if (folds.empty()) return;
  std::vector<int32_t> numbers;
  std::vector<int64_t> debits, credits, lasts;
  for (const Fold& fold : folds) {
    numbers.push_back(fold.account);
    debits.push_back(fold.tail.debits_posted.micros());
    credits.push_back(fold.tail.credits_posted.micros());
    lasts.push_back(fold.tail.entry_numbers.back());
  }
  Exec(tx, kFoldAccounts, community.value(), ToSqlArray(numbers), ToSqlArray(debits),
       ToSqlArray(credits), ToSqlArray(lasts));
  WritePages(tx, community, folds, others_entry_no);
}

}  // namespace peerwatt::settlement
