#pragma once

// Deliberate bugs, which the property tests of payments must find. Only the library that is built
// to be broken contains them: everywhere else PW_PAYMENT_MUTANT is its last argument.
#ifdef PW_PAYMENT_MUTANTS

namespace peerwatt::settlement {

/// What can be broken.
enum class PaymentMutant {
  kNone,
  kFundIsOverdrawn,
  kLimitIsPerTransfer,
  kHeldMoneyIsPaidBack,
  kFundIsPaidBackLast,
  kMoreThanLentIsPaidBack,
  kTiesFallByPosition,
  kNeedIsExceeded,
  kWalletIsIgnored,
  kOpenIsAskedAgain,
  kBlockedIsAsked,
  kPartOfACoinIsAsked,
  kReferenceIsNotChecked,
};

/// The bug that is in force.
inline PaymentMutant active_payment_mutant = PaymentMutant::kNone;

}  // namespace peerwatt::settlement

#define PW_PAYMENT_MUTANT(mutant, wrong, right)         \
  (::peerwatt::settlement::active_payment_mutant ==     \
           ::peerwatt::settlement::PaymentMutant::mutant \
       ? (wrong)                                        \
       : (right))

#else

#define PW_PAYMENT_MUTANT(mutant, wrong, right) (right)

#endif
