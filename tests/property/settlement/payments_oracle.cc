#include <algorithm>
#include <random>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "services/settlement/core/payment_rules.h"
#include "tests/property/settlement/policies_oracle.h"

namespace peerwatt::settlement {
namespace {

/// A pool that is looked at after every few readings, with sums of its own beside.
class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed) {
    rules_.price = Price::MicrosPerKwh(Number(1, 9'000));
    rules_.billing_unit = Energy::WattHours(Number(0, 1) == 0 ? 1000 : Number(1, 5000));
    rules_.collection_quantum = Money::Micros(Number(1, 25'000));
    rules_.payout_quantum = Money::Micros(Number(1, 40'000));
    rules_.operator_share_ppm = Number(0, 4) * 250'000;
    for (int64_t i = Number(1, 4); i > 0; --i) {
      accounts_.emplace_back().participant = ParticipantId(absl::StrCat("p", i));
    }
  }

  std::string Fault() {
    for (int look = 0; look < 12; ++look) {
      PaymentAccount& one =
          accounts_[static_cast<size_t>(Number(0, static_cast<int64_t>(accounts_.size()) - 1))];
      one.used += Energy::WattHours(Number(0, 9000));
      one.contributed += Energy::WattHours(Number(0, 9000));
      std::string fault = FaultOfCollection();
      if (fault.empty()) fault = FaultOfDistribution();
      if (!fault.empty()) return fault;
    }
    return "";
  }

 private:
  int64_t Number(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  std::string FaultOfCollection() {
    for (PaymentAccount& account : accounts_) {
      account.requested += NextRequest(rules_, account);
      // One unit after the other, as a person would count them.
      int64_t units = 0;
      while ((units + 1) * rules_.billing_unit.wh() <= account.used.wh()) ++units;
      const Money asked = AmountOf(Energy::WattHours(units * rules_.billing_unit.wh()),
                                   rules_.price, Rounding::kHalfEven);
      if (account.requested != asked) return "asked is what whole units cost";
      const Money paid = NextCollection(rules_, OutstandingOf(account));
      account.paid += paid;
      pot_.paid += paid;
      if (account.paid.micros() % rules_.collection_quantum.micros() != 0) {
        return "payments are multiples of the quantum";
      }
      const Money left = OutstandingOf(account);
      if (left < Money() || left >= rules_.collection_quantum)
        return "what is left is less than one";
    }
    return "";
  }

  std::string FaultOfDistribution() {
    const Distribution next = NextDistribution(rules_, pot_, accounts_);
    pot_.kept += next.kept;
    pot_.distributed += next.distributed;
    // Twice the operator's share is within half a unit of the exact one.
    const absl::int128 twice =
        static_cast<absl::int128>(pot_.paid.micros()) * rules_.operator_share_ppm * 2 -
        static_cast<absl::int128>(pot_.kept.micros()) * 2'000'000;
    if (twice > 1'000'000 || twice < -1'000'000) return "the operator keeps its share";
    if (twice == 1'000'000 && pot_.kept.micros() % 2 != 0) return "a half goes to the even unit";
    if (twice == -1'000'000 && pot_.kept.micros() % 2 != 0) return "a half goes to the even unit";
    const Money left = pot_.paid - pot_.kept - pot_.distributed;
    if (left < Money()) return "more is given than was paid";
    absl::int128 contributed = 0;
    for (const PaymentAccount& account : accounts_) contributed += account.contributed.wh();
    if (contributed > 0 && left >= rules_.payout_quantum) return "what can be given is given";
    return Receive(next, contributed);
  }

  /// Adds what was distributed. Nobody is farther from its part than the roundings of all, unless
  /// somebody has more than its part.
  std::string Receive(const Distribution& next, absl::int128 contributed) {
    Money sum;
    bool somebody_has_more = false;
    for (size_t i = 0; i < accounts_.size(); ++i) {
      if (next.parts[i] < Money()) return "nobody pays back";
      accounts_[i].received += next.parts[i];
      sum += next.parts[i];
    }
    if (sum != next.distributed) return "the parts sum to what is distributed";
    if (contributed == 0 || next.distributed == Money()) return "";
    const auto excess = [&](const PaymentAccount& account) {
      return account.received.micros() * contributed -
             static_cast<absl::int128>(pot_.distributed.micros()) * account.contributed.wh();
    };
    for (const PaymentAccount& account : accounts_) {
      somebody_has_more = somebody_has_more || excess(account) >= contributed;
    }
    const absl::int128 rounding = contributed * static_cast<int64_t>(accounts_.size());
    for (const PaymentAccount& account : accounts_) {
      if (!somebody_has_more && excess(account) <= -rounding) return "parts follow contributions";
    }
    // Who has more than its part got nothing this time.
    for (size_t i = 0; i < accounts_.size(); ++i) {
      if (excess(accounts_[i]) >= contributed && next.parts[i] > Money()) {
        return "who has enough gets more";
      }
    }
    return "";
  }

  std::mt19937_64 random_;
  PaymentRules rules_;
  PaymentPot pot_;
  std::vector<PaymentAccount> accounts_;
};

}  // namespace

std::string FirstPaymentFault(uint64_t seed, int lives) {
  for (int i = 0; i < lives; ++i) {
    const std::string fault = Life(seed + static_cast<uint64_t>(i)).Fault();
    if (!fault.empty()) return absl::StrCat("life ", i, ": ", fault);
  }
  return "";
}

}  // namespace peerwatt::settlement
