#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// How a charge is taxed.
struct TaxClass {
  /// UNCL 5305: `S` standard, `Z` zero, `E` exempt, `AE` reverse charge, `O` outside the scope.
  std::string category;
  /// Millionths: 200000 is 20 %. 0 unless the category is `S`.
  int64_t rate_ppm = 0;
  /// Why nothing is due, for `E`, `AE` and `O`.
  std::string exemption_reason;
  auto operator<=>(const TaxClass&) const = default;
};

/// All that one kind of charge comes to in a month, from scratch: what the newest runs made of it.
struct Charge {
  /// Names the charge within the documents of the month, such as `purchase`.
  std::string key;
  std::string description;
  /// 0 for charges that are not by energy.
  Energy energy;
  /// To the micro-unit. Positive: the payer owes it to the payee of the document.
  Money exact;
  TaxClass tax;
};

/// What earlier documents of the same month, payer and payee already said.
struct Billed {
  struct Line {
    Energy energy;
    Money exact;
    Money net;
  };
  /// By key and tax class of the charge.
  std::map<std::pair<std::string, TaxClass>, Line> lines;
  std::map<TaxClass, Money> taxes;
};

/// One line of a document: what it adds to the earlier ones.
struct DocumentLine {
  std::string key;
  std::string description;
  Energy energy;
  /// What the ledger moved.
  Money exact;
  /// What the document says: whole in the smallest coin.
  Money net;
  TaxClass tax;
};

/// The tax of one class.
struct TaxLine {
  TaxClass tax;
  Money taxable;
  Money amount;
};

/// What a document comes to; all but `rounding` whole in the smallest coin.
struct DocumentAmounts {
  std::vector<DocumentLine> lines;
  std::vector<TaxLine> taxes;
  Money net;
  Money tax;
  Money gross;
  /// `net` less what the ledger moved: goes to the rounding account.
  Money rounding;
};

/// Rounds an amount to the currency's smallest coin, a half away from zero.
Money RoundToMinor(Money amount, absl::string_view currency);

/// What a document adds to the earlier ones of its month.
///
/// Each charge is rounded once, from its whole; a document says the difference to what was billed.
/// Tax is due on the sum of each class (EN 16931, BR-CO-17), rounded once, and billed by difference
/// too. So all documents of a month add up, to the coin, to the one that a from-scratch bill would
/// be, however often it was corrected. Taxes are linear: a charge below zero lowers them.
/// charges: from scratch; a key and tax class occurs once, order irrelevant. A charge that was
/// billed and is not here any more is billed back. billed: see there; empty for the first. Returns
/// lines by key and class, none without any change.
DocumentAmounts AmountsOf(const std::vector<Charge>& charges, const Billed& billed,
                          absl::string_view currency);

/// Adds a document to what was billed.
void AddTo(Billed& billed, const DocumentAmounts& amounts);

}  // namespace peerwatt::settlement
