#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// Where money goes to or comes from.
struct BankAccount {
  /// Of the holder, as the bank knows it: 1 to 70 characters.
  std::string name;
  /// In electronic form, without blanks.
  std::string iban;
  /// Empty: the bank finds it from the IBAN.
  std::string bic;
};

/// Whether a text is an IBAN in electronic form: two capital letters, two check digits, at most 30
/// letters and digits, remainder 1 (ISO 7064 MOD 97-10). Length by country is not looked at but for
/// the bounds of ISO 13616: 15 to 34. Errors: IBAN_INVALID.
absl::Status CheckIban(absl::string_view iban);

/// Whether a text is two capital letters, two digits, then capital letters and digits.
bool HasIdentifierForm(absl::string_view text);

/// Whether the check digits at positions 2 and 3 fit the rest (ISO 7064 MOD 97-10).
/// text: as HasIdentifierForm wants it.
bool HasValidCheckDigits(absl::string_view text);

/// Whether a text is a BIC: six capital letters, two and perhaps another three letters or digits.
/// Errors: BIC_INVALID.
absl::Status CheckBic(absl::string_view bic);

/// Whether an account can stand in a payment file. Errors: IBAN_INVALID, BIC_INVALID,
/// PAYMENT_INVALID (name).
absl::Status CheckBankAccount(const BankAccount& account);

/// Decimals of a currency's smallest coin: 0, 2 or 3 (ISO 4217).
int MinorDigits(absl::string_view currency);

/// The currency's smallest coin.
Money MinorUnit(absl::string_view currency);

/// Whether an amount is whole in the currency's smallest coin.
bool IsWholeMinor(Money amount, absl::string_view currency);

/// `12.34` with exactly the currency's decimals. amount: whole in its smallest coin.
std::string FormatMinor(Money amount, absl::string_view currency);

/// Writes a text in the characters that banks carry (EPC217-08: letters without accents, digits,
/// `/ - ? : ( ) . , ' +` and blank): accents fall away (`Müller` becomes `Mueller`), others become
/// `.`; cut after `max` characters. Of UTF-8 that is broken, each byte becomes `.`.
std::string BankText(absl::string_view text, size_t max);

}  // namespace peerwatt::settlement
