#pragma once

#include <string>
#include <vector>

#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/ledger/transfer.h"
#include "services/settlement/core/payments/payment.h"

namespace peerwatt::settlement {

/// What payments do to the ledger: transfers are made first.
struct PaymentEffects {
  std::vector<ledger::Transfer> transfers;  ///< without hashes
  std::vector<JournalEntry> entries;
};

/// Whether its money is held: a payout that is pending or processing.
bool HoldsMoney(const Payment& payment);

/// Holds the money of a new payout.
void HoldMoney(const Payment& payout, PaymentEffects& effects);
/// The money has moved: captures the hold of a payout, or posts an entry where there is none.
void Succeed(Payment& payment, PaymentEffects& effects);
/// It will not move: releases the hold of a payout. state: failed or canceled.
void Release(Payment& payment, PaymentState state, const std::string& failure,
             PaymentEffects& effects);
/// It moved and came back.
void TakeBack(Payment& payment, const std::string& reason, PaymentEffects& effects);

/// Money that came in by a bank transfer. entry_id: names the bank's entry for ever.
JournalEntry BankDepositEntry(const ParticipantId& participant, const std::string& entry_id,
                              Money amount);
/// A move of the mutual fund, once for each participant and instant.
JournalEntry FundEntry(const ParticipantId& participant, Money amount, absl::Time settled_through);

}  // namespace peerwatt::settlement
