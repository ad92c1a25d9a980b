#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/payments/payment.h"
#include "services/settlement/core/payments/payment_effects.h"
#include "services/settlement/storage/ledger_cache.h"
#include "services/settlement/storage/ledger_session.h"

namespace peerwatt::settlement {

/// Reads rows as the statements of payments return them.
Payment PaymentFrom(const pqxx::row& row);
PayoutDetails PayoutDetailsFrom(const CommunityId& community, const pqxx::row& row);

/// The newest settings; empty ones with revision 0 when there are none.
struct KeptSettings {
  PaymentSettings settings;
  int32_t revision = 0;
};
KeptSettings SelectSettings(pqxx::work& tx, const CommunityId& community);
/// The newest details; nothing when there are none.
std::optional<PayoutDetails> SelectDetails(pqxx::work& tx, const CommunityId& community,
                                           const ParticipantId& participant);
/// Nothing when there is none.
std::optional<Payment> SelectPayment(pqxx::work& tx, const PaymentName& name);
/// What the mutual fund has lent a participant.
Money SelectFundAdvance(pqxx::work& tx, const CommunityId& community,
                        const ParticipantId& participant);

/// Keeps new payments of one community, kind and scheme. revisions: of the details, by payment.
void InsertPayments(pqxx::work& tx, const std::vector<Payment>& payments,
                    const std::vector<int32_t>& revisions, absl::Time now);
/// Keeps the states of payments of one community.
void UpdateStates(pqxx::work& tx, const std::vector<Payment>& payments, absl::Time now);
/// Makes the transfers, then posts the entries. Errors: INTERNAL when a transfer is refused: what
/// payments do was checked before.
absl::Status Apply(pqxx::work& tx, LedgerSession& ledger, const CommunityId& community,
                   const LedgerCache& cache, PaymentEffects effects);

/// `2026-08-03`, and the day that it means.
std::string DayText(absl::CivilDay day);
using postgres::DayFrom;

}  // namespace peerwatt::settlement
