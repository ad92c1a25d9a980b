#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/settlement/core/books.h"

namespace peerwatt::settlement::reconciliation {

/// A part of the books that is written as a file. The numbers are those of the protocol.
enum class BooksPart { kJournal = 1, kAccounts = 2, kPeriods = 3 };

/// An account as of an entry of its ledger.
struct AccountSums {
  AccountId account;
  int64_t entry_number = 0;
  Money debits_posted;
  Money credits_posted;
  Money debits_pending;
  Money credits_pending;
};

/// Lines of CSV (RFC 4180, columns: docs/reconciliation.md), appended to a text.
void AppendHeader(BooksPart part, std::string& out);
void AppendLine(const PostedEntry& entry, std::string& out);
void AppendLine(const AccountSums& account, std::string& out);
void AppendLine(const SettledPeriod& period, std::string& out);

/// Gives the parts of the books page by page.
class BooksFile {
 public:
  virtual ~BooksFile() = default;
  /// Appends the lines after `after`, which is empty at first. Returns what the next page comes
  /// after, or empty when this was the last.
  virtual absl::StatusOr<std::string> AppendPage(const CommunityId& community, BooksPart part,
                                                 const std::string& after, std::string& out) = 0;
};

}  // namespace peerwatt::settlement::reconciliation
