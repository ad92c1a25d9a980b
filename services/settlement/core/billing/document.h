#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "services/settlement/core/billing/amounts.h"
#include "services/settlement/core/payments/bank_account.h"

namespace peerwatt::settlement {

/// What a document is (UNTDID 1001).
enum class DocumentKind {
  /// The community bills a participant: 380, a correction 384.
  kInvoice,
  /// The community writes the invoice that a producer owes it: 389.
  kSelfBilling,
};

/// Who stands on a document.
struct Party {
  /// What the community calls it, such as a participant's id.
  std::string id;
  std::string name;
  std::string street;
  std::string city;
  std::string postal_code;
  /// ISO 3166-1 alpha-2.
  std::string country;
  /// With the country's letters, or empty.
  std::string vat_id;
  /// Of the tax office, where there is no VAT id.
  std::string tax_number;
};

/// Energy of one day, for the chart. All at least 0.
struct DayEnergy {
  Energy from_neighbours;
  Energy from_grid;
  Energy to_neighbours;
  Energy to_grid;
};

/// An invoice or a self-billed one.
struct Document {
  DocumentKind kind = DocumentKind::kInvoice;
  /// Empty: a preview.
  std::string number;
  absl::CivilDay issued_on;
  absl::CivilDay due_on;
  absl::CivilMonth month;
  std::string currency;
  /// Who sells: the community, or on a self-billed invoice the producer.
  Party seller;
  Party buyer;
  /// Where the seller wants the money; no IBAN: the ledger pays.
  BankAccount pay_to;
  DocumentAmounts amounts;
  /// The document that this one corrects, and when it was issued; empty for the first.
  std::string corrects;
  absl::CivilDay corrected_issued_on;
  /// From the first day of the month on.
  std::vector<DayEnergy> days;
};

/// Whether a document can be issued: who is who, what the tax class of each line needs.
/// Errors: FIELD_INVALID with the field.
absl::Status CheckDocument(const Document& document);

/// `R2026-000042`: numbers of an issuer and year count up without a gap. number: from 1.
std::string DocumentNumber(absl::string_view series, int year, int64_t number);

}  // namespace peerwatt::settlement
