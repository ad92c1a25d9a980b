#include "services/settlement/core/payments/bank_account.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/payments/errors.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMicrosPerUnit = 1'000'000;

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpperOrDigit(char c) { return IsUpper(c) || IsDigit(c); }

// Letters of Latin-1 Supplement from U+00C0 on as banks write them; nullptr for none.
const char* Plain(unsigned code) {
  static constexpr std::array<const char*, 64> kLetters = {
      "A", "A", "A", "A", "Ae", "A", "Ae", "C", "E", "E", "E", "E", "I",  "I", "I",  "I",
      "D", "N", "O", "O", "O",  "O", "Oe", ".", "O", "U", "U", "U", "Ue", "Y", "Th", "ss",
      "a", "a", "a", "a", "ae", "a", "ae", "c", "e", "e", "e", "e", "i",  "i", "i",  "i",
      "d", "n", "o", "o", "o",  "o", "oe", ".", "o", "u", "u", "u", "ue", "y", "th", "y"};
  return code >= 0xC0 && code <= 0xFF ? kLetters[code - 0xC0] : nullptr;
}

}  // namespace

bool HasIdentifierForm(absl::string_view text) {
  return text.size() >= 4 && IsUpper(text[0]) && IsUpper(text[1]) && IsDigit(text[2]) &&
         IsDigit(text[3]) && std::all_of(text.begin(), text.end(), IsUpperOrDigit);
}

bool HasValidCheckDigits(absl::string_view text) {
  int remainder = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[(i + 4) % text.size()];
    remainder =
        IsDigit(c) ? (remainder * 10 + (c - '0')) % 97 : (remainder * 100 + (c - 'A' + 10)) % 97;
  }
  return remainder == 1;
}

absl::Status CheckIban(absl::string_view iban) {
  const auto refused = [](absl::string_view why) {
    return Error(kIbanInvalid, absl::StrCat("the IBAN ", why), {}, {{"iban", std::string(why)}});
  };
  if (iban.size() < 15 || iban.size() > 34) {
    return refused("must have 15 to 34 characters");
  }
  if (!HasIdentifierForm(iban)) {
    return refused("must be two letters, two digits, then capital letters and digits");
  }
  return HasValidCheckDigits(iban) ? absl::OkStatus() : refused("has wrong check digits");
}

absl::Status CheckBic(absl::string_view bic) {
  const bool is_bic = (bic.size() == 8 || bic.size() == 11) &&
                      std::all_of(bic.begin(), bic.begin() + 6, IsUpper) &&
                      std::all_of(bic.begin() + 6, bic.end(), IsUpperOrDigit);
  return is_bic ? absl::OkStatus()
                : Error(kBicInvalid, "the BIC must have 8 or 11 letters and digits", {},
                        {{"bic", "must have 8 or 11 letters and digits"}});
}

absl::Status CheckBankAccount(const BankAccount& account) {
  PW_RETURN_IF_ERROR(CheckIban(account.iban));
  if (!account.bic.empty()) {
    PW_RETURN_IF_ERROR(CheckBic(account.bic));
  }
  if (absl::StripAsciiWhitespace(account.name).empty()) {
    return Error(kPaymentInvalid, "an account needs the name of its holder", {},
                 {{"name", "must not be empty"}});
  }
  return absl::OkStatus();
}

int MinorDigits(absl::string_view currency) {
  static constexpr std::array<absl::string_view, 15> kNone = {"BIF", "CLP", "DJF", "GNF", "ISK",
                                                              "JPY", "KMF", "KRW", "PYG", "RWF",
                                                              "UGX", "VND", "VUV", "XAF", "XOF"};
  static constexpr std::array<absl::string_view, 7> kThree = {"BHD", "IQD", "JOD", "KWD",
                                                              "LYD", "OMR", "TND"};
  if (std::find(kNone.begin(), kNone.end(), currency) != kNone.end()) {
    return 0;
  }
  return std::find(kThree.begin(), kThree.end(), currency) != kThree.end() ? 3 : 2;
}

Money MinorUnit(absl::string_view currency) {
  int64_t micros = kMicrosPerUnit;
  for (int digit = 0; digit < MinorDigits(currency); ++digit) {
    micros /= 10;
  }
  return Money::Micros(micros);
}

bool IsWholeMinor(Money amount, absl::string_view currency) {
  return amount.micros() % MinorUnit(currency).micros() == 0;
}

std::string FormatMinor(Money amount, absl::string_view currency) {
  PW_CHECK(IsWholeMinor(amount, currency), "an amount that is paid is whole in its coin");
  const int digits = MinorDigits(currency);
  // At least two decimals, at most six, none of them lost.
  std::string text = FormatMicros(amount.micros());
  const size_t point = text.find('.');
  if (digits == 0) {
    return text.substr(0, point);
  }
  text.resize(point + 1 + static_cast<size_t>(digits), '0');
  return text;
}

std::string BankText(absl::string_view text, size_t max) {
  static constexpr absl::string_view kMarks = "/-?:().,'+ ";
  std::string out;
  for (size_t i = 0; i < text.size() && out.size() < max; ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (absl::ascii_isalnum(c) || kMarks.find(text[i]) != absl::string_view::npos) {
      out.push_back(text[i]);
      continue;
    }
    const bool has_next = i + 1 < text.size();
    const unsigned char next = has_next ? static_cast<unsigned char>(text[i + 1]) : 0;
    const char* plain =
        (c == 0xC3 && (next & 0xC0) == 0x80) ? Plain(0xC0U + (next & 0x3FU)) : nullptr;
    if (plain != nullptr) {
      out += plain;
      ++i;
      continue;
    }
    out.push_back('.');
    // The rest of one well-formed character beyond Latin-1.
    const size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC2 ? 1 : 0;
    const bool is_whole =
        i + more < text.size() &&
        std::all_of(text.begin() + static_cast<ptrdiff_t>(i) + 1,
                    text.begin() + static_cast<ptrdiff_t>(i + more) + 1,
                    [](char x) { return (static_cast<unsigned char>(x) & 0xC0) == 0x80; });
    i += is_whole ? more : 0;
  }
  if (out.size() > max) {
    out.resize(max);
  }
  return out;
}

}  // namespace peerwatt::settlement
