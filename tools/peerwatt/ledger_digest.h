#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/peerwatt/json_fields.h"

namespace peerwatt::tool {

/// Brings a journal into a form that two runs of the same story share: entries without their ids
/// and times of creation, in an order of their own.
class LedgerDigest {
 public:
  /// Adds an entry as `ListJournalEntries` shows it.
  void Add(const Json& entry);
  /// One line per entry: `kind idempotency_key period account=micros …`, sorted, as are the
  /// postings of each.
  std::vector<std::string> Lines() const;
  /// SHA-256 over the lines, each ended by a newline, as hexadecimal digits.
  std::string Hex() const;
  int64_t entry_count() const { return static_cast<int64_t>(lines_.size()); }
  /// Entries whose postings do not sum to zero.
  int64_t unbalanced_count() const { return unbalanced_count_; }

 private:
  std::vector<std::string> lines_;
  int64_t unbalanced_count_ = 0;
};

}  // namespace peerwatt::tool
