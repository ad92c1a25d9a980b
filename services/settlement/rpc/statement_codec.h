#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "peerwatt/settlement/v1/statements.pb.h"
#include "services/settlement/core/billing/statement_store.h"

namespace peerwatt::settlement {

/// Reads what callers say about who issues and to whom, and which document is meant.
/// Errors: FIELD_INVALID, as of CheckIssuer and CheckBillingDetails.
absl::StatusOr<Issuer> IssuerFrom(const v1::CreateIssuerRequest& request,
                                  const CommunityId& community);
absl::StatusOr<BillingDetails> BillingDetailsFrom(const v1::BillingDetails& proto,
                                                  const ParticipantId& participant);
absl::StatusOr<DocumentKind> DocumentKindFrom(v1::Statement::Kind kind);

/// `participants/{participant}/statements/{statement}`, and of one of its lines.
std::string StatementName(const ParticipantId& participant, const std::string& id);
std::string StatementLineName(const StatementLineId& line);

/// The last segment of a settlement line's name.
std::string LineSegment(const LinePosition& position);
/// Reads it. Errors: FIELD_INVALID.
absl::StatusOr<LinePosition> ParseLineSegment(const std::string& segment, absl::string_view field);

void Encode(const CommunityId& community, const Issuer& issuer, v1::Issuer& proto);
void Encode(const BillingDetails& details, v1::BillingDetails& proto);
/// A document that was issued.
void Encode(const CommunityId& community, const Statement& statement, v1::Statement& proto);
/// A preview. Charges without all their prices have no amounts, nor have sums with them.
void Encode(const StatementDraft& draft, v1::Statement& proto);

}  // namespace peerwatt::settlement
