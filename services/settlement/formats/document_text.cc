#include "services/settlement/formats/document_text.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::settlement {
namespace {

int64_t PowerOfTen(int exponent) {
  int64_t power = 1;
  for (int i = 0; i < exponent; ++i) {
    power *= 10;
  }
  return power;
}

// Digits without a decimal point as a number with `decimals`.
std::string Decimal(int64_t value, int decimals) {
  const int64_t unit = PowerOfTen(decimals);
  return absl::StrFormat("%s%d.%0*d", value < 0 ? "-" : "", std::abs(value / unit), decimals,
                         std::abs(value % unit));
}

std::string WithoutTrailingZeros(std::string text) {
  while (text.back() == '0') {
    text.pop_back();
  }
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

std::string KilowattHours(Energy energy) { return Decimal(energy.wh(), 3); }

std::string Percent(int64_t rate_ppm) { return WithoutTrailingZeros(Decimal(rate_ppm, 4)); }

std::string UnitPrice(const DocumentLine& line, int decimals) {
  constexpr int64_t kWhPerKwh = 1000;
  constexpr int kMicroDecimals = 6;
  if (line.energy == Energy()) {
    return "0";
  }
  const int64_t energy = std::abs(line.energy.wh());
  const int64_t net = line.energy < Energy() ? -line.net.micros() : line.net.micros();
  const bool is_finer = decimals > kMicroDecimals;
  const int64_t step = PowerOfTen(std::abs(decimals - kMicroDecimals));
  const int64_t price = is_finer ? MulDiv(net, kWhPerKwh * step, energy, Rounding::kHalfEven)
                                 : MulDiv(net, kWhPerKwh, energy * step, Rounding::kHalfEven);
  const std::string text = Decimal(price, decimals);
  return is_finer ? WithoutTrailingZeros(text) : text;
}

std::string Title(const Document& document) {
  const bool is_invoice = document.kind == DocumentKind::kInvoice;
  if (document.corrects.empty()) {
    return is_invoice ? "Invoice" : "Self-billed invoice";
  }
  return is_invoice ? "Corrected invoice" : "Corrected self-billed invoice";
}

absl::CivilDay FirstDay(const Document& document) { return absl::CivilDay(document.month); }

absl::CivilDay LastDay(const Document& document) { return absl::CivilDay(document.month + 1) - 1; }

std::string WriteDocumentCsv(const Document& document) {
  std::string out =
      "document,kind,key,description,energy_kwh,tax_category,tax_percent,amount,currency\r\n";
  const auto add = [&](absl::string_view kind, absl::string_view key, absl::string_view description,
                       const std::string& energy, const TaxClass* tax, Money amount) {
    absl::StrAppend(&out, document.number, ",", kind, ",", key, ",", Quoted(description), ",",
                    energy, ",", tax == nullptr ? "" : tax->category, ",",
                    tax == nullptr ? "" : Percent(tax->rate_ppm), ",",
                    FormatMinor(amount, document.currency), ",", document.currency, "\r\n");
  };
  for (const DocumentLine& line : document.amounts.lines) {
    add("charge", line.key, line.description,
        line.energy == Energy() ? "" : KilowattHours(line.energy), &line.tax, line.net);
  }
  for (const TaxLine& line : document.amounts.taxes) {
    add("tax", "", line.tax.exemption_reason, "", &line.tax, line.amount);
  }
  add("net", "", "", "", nullptr, document.amounts.net);
  add("total", "", "", "", nullptr, document.amounts.gross);
  return out;
}

}  // namespace peerwatt::settlement
