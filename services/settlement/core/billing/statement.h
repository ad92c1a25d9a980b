#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/settlement/core/billing/issuer.h"
#include "services/settlement/core/journal_entry.h"

namespace peerwatt::settlement {

/// A month where a community is.
struct LocalMonth {
  absl::CivilMonth month;
  /// Instants at which its days begin, and the one at which the last ends.
  std::vector<absl::Time> day_starts;

  absl::Time start() const { return day_starts.front(); }
  absl::Time end() const { return day_starts.back(); }
};

/// The days of a month in a time zone.
LocalMonth MonthIn(absl::CivilMonth month, absl::TimeZone zone);

/// Reads `2026-07`. Errors: FIELD_INVALID with the field.
absl::StatusOr<absl::CivilMonth> ParseMonth(absl::string_view text, absl::string_view field);
/// Reads `2026-07-31`. Errors: FIELD_INVALID with the field.
absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text, absl::string_view field);

/// What the lines of one kind and local day come to, over all runs.
struct DaySum {
  LineKind kind = LineKind::kRetail;
  /// From 0.
  int32_t day = 0;
  bool is_taxable = true;
  Energy energy;
  /// What the participant's account changed by.
  Money amount;
  /// Of the energy, what has no price.
  Energy unpriced;
};

/// What earlier documents of the same participant, month and kind said.
struct EarlierDocuments {
  Billed billed;
  /// Of the month's first document; empty when there is none.
  std::string first_number;
  absl::CivilDay first_issued_on;
};

/// All that a participant's statement follows from.
struct StatementBasis {
  ParticipantId participant;
  std::vector<DaySum> sums;
  EarlierDocuments earlier;
  /// None: nobody said who the participant is.
  std::optional<BillingDetails> details;
};

/// What statements of a month have in common.
struct StatementFrame {
  CommunityId community;
  std::string currency;
  DocumentKind kind = DocumentKind::kInvoice;
  LocalMonth month;
  absl::CivilDay today;
  /// By day.
  std::vector<Issuer> issuers;
};

/// A document without its number, and what stands in its way.
struct StatementDraft {
  ParticipantId participant;
  Document document;
  /// By key and tax class of the charge: energy without a price.
  std::map<std::pair<std::string, TaxClass>, Energy> unpriced;
  /// By key and tax class, the sums that went into a charge: twice the day, and one if taxable.
  std::map<std::pair<std::string, TaxClass>, std::vector<int32_t>> day_keys;
  /// Whether anything changed since the last document; without a change there is none.
  bool is_changed = false;
};

/// Whether statements of a month can be issued at all.
/// settled_through: every period before it is settled.
/// Errors: MONTH_NOT_OVER, MONTH_NOT_SETTLED.
absl::Status CheckMonth(const LocalMonth& month, absl::Time now, absl::Time settled_through);

/// The statement that a participant would get today. Each charge is taxed as of its day; who issues
/// and when it is due is as of today. Of who is not known, name and country are empty.
/// Errors: ISSUER_MISSING.
absl::StatusOr<StatementDraft> DraftOf(const StatementFrame& frame, const StatementBasis& basis);

/// Whether a draft can be issued.
/// Errors: PRICE_MISSING, BILLING_DETAILS_MISSING, BILLING_DETAILS_INCOMPLETE.
absl::Status CheckDraft(const StatementDraft& draft, const StatementBasis& basis);

/// The series of a kind of document.
const std::string& SeriesOf(const Issuer& issuer, DocumentKind kind);

/// Posts what a document adds to what the ledger had moved: the rounding of its lines and its
/// taxes, so that the participant's balance shows what is owed. Of an invoice they are the
/// participant's to pay, of a self-billed one to get. Nothing when both are zero.
std::optional<JournalEntry> EntryOfStatement(const Document& document,
                                             const ParticipantId& participant);

/// All that a document says, in a fixed form: what its hash is made of. Fields are written as their
/// length in decimal, a colon and their bytes; lists begin with their size.
std::string ContentOfStatement(const Document& document);

}  // namespace peerwatt::settlement
