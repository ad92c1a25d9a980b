#include "absl/strings/str_cat.h"
#include "services/settlement/core/ledger/transfer.h"

namespace peerwatt::settlement::ledger {
namespace {

// A text with its length before it, so that no two lists of texts look alike.
void Append(const std::string& text, std::string& out) {
  absl::StrAppend(&out, text.size(), ":", text, ",");
}

void Append(const std::vector<Posting>& postings, std::string& out) {
  absl::StrAppend(&out, postings.size(), ";");
  for (const Posting& posting : postings) {
    Append(posting.account.value(), out);
    absl::StrAppend(&out, posting.amount.micros(), ";");
  }
}

}  // namespace

std::string ContentOf(const Transfer& transfer) {
  std::string out;
  absl::StrAppend(&out, static_cast<int>(transfer.kind), ";");
  Append(transfer.key, out);
  Append(transfer.currency, out);
  switch (transfer.kind) {
    case TransferKind::kEntry:
      Append(transfer.postings, out);
      break;
    case TransferKind::kHold:
      Append(transfer.debit.value(), out);
      Append(transfer.credit.value(), out);
      absl::StrAppend(&out, transfer.amount.micros(), ";",
                      transfer.expires_at == absl::InfiniteFuture()
                          ? std::string("never")
                          : absl::StrCat(absl::ToUnixMicros(transfer.expires_at)));
      break;
    case TransferKind::kCapture:
      Append(transfer.hold, out);
      Append(transfer.credit.value(), out);
      absl::StrAppend(&out, transfer.amount.micros());
      break;
    case TransferKind::kVoid:
      Append(transfer.hold, out);
      break;
  }
  return out;
}

std::string ContentOf(const JournalEntry& entry, const std::string& currency) {
  std::string out;
  absl::StrAppend(&out, static_cast<int>(TransferKind::kEntry), ";");
  Append(entry.idempotency_key, out);
  Append(currency, out);
  Append(entry.postings, out);
  return out;
}

}  // namespace peerwatt::settlement::ledger
