#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/verify/books.h"

namespace peerwatt::verify {

/// The contents of the files that are read; docs/reconciliation.md says how to get them.
struct Inputs {
  absl::string_view community;  ///< JSON
  absl::string_view tariffs;    ///< JSON
  absl::string_view schemes;    ///< JSON
  absl::string_view points;     ///< JSON
  absl::string_view journal;    ///< CSV, as are the others
  absl::string_view accounts;   ///< empty: sums of accounts are not compared
  absl::string_view periods;
  absl::string_view trades;
  std::vector<absl::string_view> readings;
};

/// What was checked and found.
struct Result {
  Findings findings;
  JournalCounts journal;
  int64_t periods = 0;
  int64_t trades = 0;
  int64_t readings = 0;
};

/// Recomputes every settled period from trades, readings and the community's rules, and every
/// balance from the journal, and compares. Errors: kInvalidArgument when a file is not what it
/// should be.
absl::StatusOr<Result> Verify(const Inputs& inputs);

/// Reads a folder: community.json, tariffs.json, schemes.json, metering-points.json, journal.csv,
/// accounts.csv (may be absent), periods.csv, trades.csv, and every CSV file in readings/.
/// Errors: kNotFound, kInvalidArgument.
absl::StatusOr<Result> VerifyFolder(const std::string& folder);

}  // namespace peerwatt::verify
