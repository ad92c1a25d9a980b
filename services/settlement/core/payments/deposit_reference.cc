#include "services/settlement/core/payments/deposit_reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/settlement/core/payments/bank_account.h"
#include "services/settlement/core/payments/mutant.h"

namespace peerwatt::settlement {
namespace {

constexpr char kPrefix[] = "PW";
// `PW`, digits, `-`.
constexpr size_t kHeadSize = 5;
// Of a participant's id.
constexpr size_t kIdMax = 63;

bool IsIdChar(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Whether the digits after the prefix fit an id in capitals. Check digits know letters and digits
/// only: a hyphen counts as `Z0`.
bool IsReference(absl::string_view digits, absl::string_view id) {
  std::string text = absl::StrCat(kPrefix, digits);
  for (const char c : id) absl::StrAppend(&text, c == '-' ? "Z0" : std::string(1, c));
  return HasIdentifierForm(text) && HasValidCheckDigits(text);
}

}  // namespace

std::string DepositReference(const ParticipantId& participant) {
  const std::string id = absl::AsciiStrToUpper(participant.value());
  for (int number = 2; number < 99; ++number) {
    const std::string digits = absl::StrCat(number / 10, number % 10);
    if (IsReference(digits, id)) return absl::StrCat(kPrefix, digits, "-", id);
  }
  return "";
}

std::vector<ParticipantId> ParticipantsIn(absl::string_view remittance) {
  std::string text = absl::AsciiStrToUpper(remittance);
  text.erase(std::remove_if(text.begin(), text.end(), IsBlank), text.end());
  std::vector<ParticipantId> found;
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at + 1)) {
    if (at + kHeadSize >= text.size() || text[at + kHeadSize - 1] != '-') continue;
    const absl::string_view digits = absl::string_view(text).substr(at + 2, 2);
    size_t end = at + kHeadSize;
    while (end < text.size() && end - at - kHeadSize < kIdMax && IsIdChar(text[end])) ++end;
    for (; end > at + kHeadSize; --end) {
      const std::string id = text.substr(at + kHeadSize, end - at - kHeadSize);
      if (PW_PAYMENT_MUTANT(kReferenceIsNotChecked, true, IsReference(digits, id))) {
        found.emplace_back(absl::AsciiStrToLower(id));
      }
    }
  }
  return found;
}

}  // namespace peerwatt::settlement
