#include "tools/peerwatt/ledger_digest.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/crypto/digest.h"

namespace peerwatt::tool {

void LedgerDigest::Add(const Json& entry) {
  std::vector<std::string> postings;
  Money sum;
  for (const Json& posting : ArrayField(entry, "postings")) {
    const std::string account = TextField(posting, "ledgerAccount");
    const Money amount = MoneyField(posting, "amount");
    sum += amount;
    postings.push_back(absl::StrCat(account.substr(account.rfind('/') + 1), "=", amount.micros()));
  }
  if (sum != Money()) ++unbalanced_count_;
  std::sort(postings.begin(), postings.end());
  const std::string period = TextField(entry, "periodStartTime");
  lines_.push_back(absl::StrCat(TextField(entry, "kind"), " ", TextField(entry, "idempotencyKey"),
                                " ", period.empty() ? "-" : period, " ",
                                absl::StrJoin(postings, " ")));
}

std::vector<std::string> LedgerDigest::Lines() const {
  std::vector<std::string> sorted = lines_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::string LedgerDigest::Hex() const {
  std::string all;
  for (const std::string& line : Lines()) absl::StrAppend(&all, line, "\n");
  return crypto::Sha256Hex(all);
}

}  // namespace peerwatt::tool
