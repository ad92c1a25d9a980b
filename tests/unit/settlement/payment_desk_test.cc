// Small parts of payments: references, what a payment does to the ledger, what entries are called.

#include <gtest/gtest.h>

#include "services/settlement/clients/bank_payment_provider.h"
#include "services/settlement/clients/sandbox_payment_provider.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/payment_effects.h"
#include "services/settlement/rpc/payment_codec.h"

namespace peerwatt::settlement {
namespace {

Payment PaymentIn(PaymentKind kind, PaymentState state) {
  Payment payment;
  payment.name = {CommunityId("hamlet"), kind, ParticipantId("p1"), "first"};
  payment.amount = Money::Micros(5);
  payment.currency = "EUR";
  payment.state = state;
  return payment;
}

TEST(DepositReferenceTest, IsFoundInWhatPeopleWrite) {
  const std::string reference = DepositReference(ParticipantId("ada-1"));
  EXPECT_EQ(reference.substr(0, 2), "PW");
  EXPECT_EQ(reference.substr(4), "-ADA-1");
  for (const std::string& text :
       {reference, "for energy " + reference, reference.substr(0, 6) + "\n" + reference.substr(6),
        "pw" + reference.substr(2), "PW99-X " + reference}) {
    const std::vector<ParticipantId> found = ParticipantsIn(text);
    ASSERT_FALSE(found.empty()) << text;
    EXPECT_EQ(found.back(), ParticipantId("ada-1")) << text;
  }
}

TEST(DepositReferenceTest, NothingIsFoundWhereNothingIs) {
  const std::string reference = DepositReference(ParticipantId("ada"));
  for (const std::string& text :
       {std::string(), std::string("PW"), std::string("PW12"), std::string("PW12-"),
        std::string("PW00-ADA"),
        reference.substr(0, 4) + "ADA"}) {
    EXPECT_TRUE(ParticipantsIn(text).empty()) << text;
  }
}

TEST(PaymentEffectsTest, APayoutIsCapturedReleasedOrTakenBack) {
  PaymentEffects effects;
  Payment payout = PaymentIn(PaymentKind::kPayout, PaymentState::kProcessing);
  HoldMoney(payout, effects);
  Succeed(payout, effects);
  ASSERT_EQ(effects.transfers.size(), 2U);
  EXPECT_EQ(effects.transfers[0].key, "payout-hold:p1:first");
  EXPECT_EQ(effects.transfers[1].kind, ledger::TransferKind::kCapture);
  EXPECT_EQ(effects.transfers[1].hold, effects.transfers[0].key);
  EXPECT_EQ(payout.state, PaymentState::kSucceeded);
  TakeBack(payout, "AC04", effects);
  ASSERT_EQ(effects.entries.size(), 1U);
  EXPECT_EQ(effects.entries[0].kind, "payout-return");
  EXPECT_EQ(effects.entries[0].postings[0].amount, Money::Micros(5)) << "the participant's";
  EXPECT_EQ(payout.failure, "AC04");
  Payment other = PaymentIn(PaymentKind::kPayout, PaymentState::kPending);
  Release(other, PaymentState::kCanceled, "", effects);
  EXPECT_EQ(effects.transfers.back().kind, ledger::TransferKind::kVoid);
}

TEST(PaymentEffectsTest, ACollectionHoldsNothing) {
  PaymentEffects effects;
  Payment collection = PaymentIn(PaymentKind::kCollection, PaymentState::kProcessing);
  EXPECT_FALSE(HoldsMoney(collection));
  Succeed(collection, effects);
  TakeBack(collection, "MD06", effects);
  EXPECT_TRUE(effects.transfers.empty());
  ASSERT_EQ(effects.entries.size(), 2U);
  EXPECT_EQ(effects.entries[0].idempotency_key, "collection:p1:first");
  EXPECT_EQ(effects.entries[0].postings[0].amount, Money::Micros(5));
  EXPECT_EQ(effects.entries[1].postings[0].amount, Money::Micros(-5));
}

TEST(WalletKindTest, EveryKindOfEntryHasAName) {
  struct Case {
    const char* kind;
    const char* key;
    v1::WalletEntry::Kind expected;
  };
  const Case cases[] = {{"deposit", "deposit:p1:d1", v1::WalletEntry::DEPOSIT},
                        {"transfer", "payout:p1:x", v1::WalletEntry::PAYOUT},
                        {"transfer", "mine", v1::WalletEntry::TRANSFER},
                        {"payout-return", "payout-return:p1:x", v1::WalletEntry::PAYOUT_RETURN},
                        {"trade", "trade:1", v1::WalletEntry::TRADE},
                        {"retail", "retail:1", v1::WalletEntry::RETAIL},
                        {"fund-advance", "fund:p1:t", v1::WalletEntry::FUND_ADVANCE},
                        {"rounding", "r", v1::WalletEntry::ROUNDING},
                        {"something new", "s", v1::WalletEntry::OTHER}};
  for (const Case& one : cases) {
    JournalEntry entry;
    entry.kind = one.kind;
    entry.idempotency_key = one.key;
    EXPECT_EQ(WalletKindOf(entry), one.expected) << one.kind << " " << one.key;
  }
}

TEST(PaymentProvidersTest, OnlyTheBankUsesFiles) {
  SandboxPaymentProvider sandbox;
  BankPaymentProvider bank;
  EXPECT_FALSE(sandbox.uses_files());
  EXPECT_TRUE(bank.uses_files());
  EXPECT_EQ(*sandbox.PayOut("k", Money::Micros(5'000'000), "EUR"), ChargeOutcome::kConfirmed);
  EXPECT_EQ(*sandbox.PayOut("k", SandboxPaymentProvider::kAlwaysDeclined, "EUR"),
            ChargeOutcome::kDeclined);
  EXPECT_FALSE(bank.PayOut("k", Money::Micros(5), "EUR").ok());
}

}  // namespace
}  // namespace peerwatt::settlement
