#pragma once

#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/billing/statement_store.h"

namespace peerwatt::settlement {

// How statements and who is on them stand in the database.

/// Days and months as `date` parameters: `2026-07-31`; a month is its first day.
std::string ToSqlDay(absl::CivilDay day);
using postgres::DayFrom;

/// Texts of a party; with its id first where `with_id`.
std::string ToSqlParty(const Party& party, bool with_id);
std::string ToSqlAccount(const BankAccount& account);

Issuer IssuerFrom(const pqxx::row& row, const CommunityId& community);
/// Keeps a version. Returns whether nothing was in its way.
bool InsertIssuer(pqxx::work& tx, const CommunityId& community, const Issuer& issuer);

BillingDetails BillingDetailsFrom(const pqxx::row& row);
void InsertBillingDetails(pqxx::work& tx, const CommunityId& community,
                          const BillingDetails& details, int32_t version);

/// A tax class out of `tax_category`, `tax_rate_ppm` and `tax_exemption_reason`.
TaxClass TaxClassFrom(const pqxx::row& row);

/// A document that is about to be written.
struct NumberedDraft {
  const StatementDraft* draft = nullptr;
  Statement statement;
  std::string series;
  int64_t serial_no = 0;
  int32_t sequence_no = 1;
};

/// Writes documents with their lines and taxes.
void InsertStatements(pqxx::work& tx, const CommunityId& community, const std::string& request_id,
                      const std::vector<NumberedDraft>& drafts);

/// Reads documents with their lines and taxes. rows: of the table `statements`.
std::vector<Statement> StatementsFrom(pqxx::work& tx, const CommunityId& community,
                                      const pqxx::result& rows);

}  // namespace peerwatt::settlement
