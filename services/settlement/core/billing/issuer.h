#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/settlement/core/billing/amounts.h"
#include "services/settlement/core/billing/document.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/payments/bank_account.h"

namespace peerwatt::settlement {

/// A kind of line that is taxed in its own way.
struct KindTax {
  LineKind kind = LineKind::kRetail;
  TaxClass tax;
  bool operator==(const KindTax&) const = default;
};

/// A version of who issues a community's documents and how. Never changed.
struct Issuer {
  std::string id;
  /// First day on which it counts: for taxes the day of delivery, for the rest the day of issue.
  absl::CivilDay starts_on;
  /// Its `id` is the community's.
  Party party;
  /// No IBAN: the ledger pays.
  BankAccount account;
  std::string invoice_series;
  std::string self_billing_series;
  int32_t payment_days = 0;
  TaxClass tax;
  /// Of lines that are not taxable.
  TaxClass untaxed;
  /// By kind, each once.
  std::vector<KindTax> kind_taxes;
  absl::Time created_at;
};

/// Who a participant is on documents. Each change is a new version.
struct BillingDetails {
  /// Its `id` is the participant's.
  Party party;
  BankAccount account;
  /// How all is taxed that the participant sells; none: as the issuer says.
  std::optional<TaxClass> supply_tax;
  absl::Time updated_at;
};

/// How lines are taxed that are not taxable, unless the issuer says otherwise: exempt, or as all
/// others where nothing is due on those either.
TaxClass UntaxedOf(const TaxClass& tax);

/// Whether a tax class is one. field: for the error. Errors: FIELD_INVALID.
absl::Status CheckTaxClass(const TaxClass& tax, const std::string& field);

/// Whether a version can issue documents. Classes of one kind of document are all outside the scope
/// of VAT or none is, and a category and rate has one reason: other documents are invalid (EN
/// 16931, BR-O-11, BR-E-01). Errors: FIELD_INVALID, IBAN_INVALID, BIC_INVALID, PAYMENT_INVALID (the
/// account's name).
absl::Status CheckIssuer(const Issuer& issuer);

/// Whether details can stand on documents. Errors: as of CheckIssuer.
absl::Status CheckBillingDetails(const BillingDetails& details);

/// The version in force on a day, or null. versions: by day.
const Issuer* IssuerOn(const std::vector<Issuer>& versions, absl::CivilDay day);

/// How a kind of line is taxed by a version. What is outside the scope of VAT is so anyway.
const TaxClass& TaxOf(const Issuer& issuer, LineKind kind, bool is_taxable);

/// What an issuer's or a participant's content is, apart from its time: to tell the same from other
/// content.
bool SameContent(const Issuer& a, const Issuer& b);
bool SameContent(const BillingDetails& a, const BillingDetails& b);

}  // namespace peerwatt::settlement
