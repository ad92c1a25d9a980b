#include "tests/property/settlement/paying_oracle.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/rule_round.h"
#include "services/settlement/core/payments/waterfall.h"

namespace peerwatt::settlement {
namespace {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t Number(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    std::shuffle(values.begin(), values.end(), random_);
  }

 private:
  std::mt19937_64 random_;
};

/// What somebody has, in plain numbers.
struct Plain {
  int64_t balance = 0;
  int64_t held = 0;
  int64_t advanced = 0;
};

/// One micro-unit at a time, in proportion: whoever is furthest behind its part gets the next one.
std::map<std::string, int64_t> LendSlowly(int64_t available, int64_t limit,
                                          const std::map<std::string, Plain>& people) {
  std::map<std::string, int64_t> needs;
  int64_t needed = 0;
  for (const auto& [name, one] : people) {
    const int64_t need =
        std::max<int64_t>(0, std::min(-one.balance, limit - one.advanced));
    if (need > 0) needs[name] = need;
    needed += need;
  }
  const int64_t lent = std::min(needed, available);
  std::map<std::string, int64_t> got;
  int64_t left = lent;
  for (const auto& [name, need] : needs) left -= got[name] = lent * need / needed;
  while (left > 0) {
    std::string next;
    int64_t most = -1;
    for (const auto& [name, need] : needs) {
      if (got[name] != lent * need / needed) continue;
      const int64_t remainder = lent * need % needed;
      if (remainder > most) {
        most = remainder;
        next = name;
      }
    }
    ++got[next];
    --left;
  }
  return got;
}

class WaterfallLife {
 public:
  explicit WaterfallLife(uint64_t seed) : dice_(seed), fund_(dice_.Number(0, 300)) {
    for (int64_t i = dice_.Number(1, 5); i > 0; --i) people_[absl::StrCat("p", i)] = {};
  }

  std::string Fault() {
    for (int run = 0; run < 15; ++run) {
      const int64_t limit = dice_.Number(0, 60);
      for (auto& [name, one] : people_) {
        one.balance += dice_.Number(-60, 55);
        one.held = std::max<int64_t>(0, dice_.Number(-30, 40));
      }
      const std::string fault = RunOnce(limit);
      if (!fault.empty()) return absl::StrCat("run ", run, ": ", fault);
    }
    return "";
  }

 private:
  std::vector<WaterfallAccount> Accounts() {
    std::vector<WaterfallAccount> accounts;
    for (const auto& [name, one] : people_) {
      accounts.push_back({ParticipantId(name), Money::Micros(one.balance),
                          Money::Micros(one.held), Money::Micros(one.advanced)});
    }
    dice_.Shuffle(accounts);
    return accounts;
  }

  std::string RunOnce(int64_t limit) {
    // By hand: first everybody gives back what is free, then the fund lends.
    std::map<std::string, Plain> wanted = people_;
    int64_t fund = fund_;
    for (auto& [name, one] : wanted) {
      const int64_t back = std::max<int64_t>(0, std::min(one.balance - one.held, one.advanced));
      one.balance -= back;
      one.advanced -= back;
      fund += back;
    }
    for (const auto& [name, got] : LendSlowly(fund, limit, wanted)) {
      wanted[name].balance += got;
      wanted[name].advanced += got;
      fund -= got;
    }
    const MutualFund before{Money::Micros(fund_), Money::Micros(limit)};
    for (const FundMove& move : PlanWaterfall(before, Accounts())) {
      Plain& one = people_[move.participant.value()];
      if (move.amount == Money()) return "a move of nothing";
      one.balance += move.amount.micros();
      one.advanced += move.amount.micros();
      fund_ -= move.amount.micros();
    }
    if (fund_ < 0) return "the fund is overdrawn";
    if (fund_ != fund) return "the fund has another balance than by hand";
    for (const auto& [name, one] : people_) {
      if (one.advanced < 0) return absl::StrCat(name, " gave back too much");
      if (one.balance != wanted[name].balance) return absl::StrCat(name, " has another balance");
    }
    if (!PlanWaterfall({Money::Micros(fund_), Money::Micros(limit)}, Accounts()).empty()) {
      return "something is left to move";
    }
    return "";
  }

  Dice dice_;
  int64_t fund_;
  std::map<std::string, Plain> people_;
};

/// A pool whose participants also pay in and draw from the grid, looked at again and again.
class PoolLife {
 public:
  explicit PoolLife(uint64_t seed) : dice_(seed) {
    rules_.price = Price::MicrosPerKwh(dice_.Number(1, 40) * 100'000);
    rules_.billing_unit = Energy::WattHours(dice_.Number(0, 1) == 0 ? 1000 : 1);
    rules_.collection_quantum = Money::Micros(dice_.Number(1, 30) * dice_.Number(1, 100'000));
    rules_.payout_quantum = Money::Micros(dice_.Number(1, 3'000'000));
    rules_.operator_share_ppm = dice_.Number(0, 4) * 250'000;
    for (int64_t i = dice_.Number(1, 4); i > 0; --i) {
      accounts_.emplace_back().participant = ParticipantId(absl::StrCat("p", i));
    }
  }

  std::string Fault() {
    for (int look = 0; look < 12; ++look) {
      Live();
      const std::string fault = Look();
      if (!fault.empty()) return absl::StrCat("look ", look, ": ", fault);
    }
    return "";
  }

 private:
  void Live() {
    for (RuleAccount& account : accounts_) {
      const Energy drawn = Energy::WattHours(dice_.Number(0, 3000));
      account.used += drawn;
      account.contributed += Energy::WattHours(dice_.Number(0, 3000));
      account.balance -= AmountOf(drawn, rules_.price, Rounding::kHalfEven);
      account.balance += Money::Micros(dice_.Number(0, 3) == 0 ? dice_.Number(0, 20'000'000) : 0);
      account.balance -= Money::Micros(dice_.Number(0, 3) == 0 ? dice_.Number(0, 900'000) : 0);
      account.can_be_charged = dice_.Number(0, 4) > 0;
      // The bank answers at times.
      if (account.open > Money() && dice_.Number(0, 1) == 0) {
        account.paid += account.open;
        account.balance += account.open;
        account.open = Money();
      }
    }
  }

  std::string Look() {
    std::vector<RuleAccount> shuffled = accounts_;
    dice_.Shuffle(shuffled);
    const RuleRound round = PlanRuleRound(rules_, kCoin, pot_, shuffled);
    for (const RuleCollection& next : round.collections) {
      RuleAccount& account = *std::find_if(accounts_.begin(), accounts_.end(), [&](auto& one) {
        return one.participant == next.participant;
      });
      const std::string fault = FaultOf(next, account);
      if (!fault.empty()) return fault;
      account.paid += next.from_wallet;
      account.open += next.charged;
    }
    for (const RuleAccount& account : accounts_) {
      const std::string fault = FaultOfRest(account);
      if (!fault.empty()) return fault;
    }
    Money paid, parts;
    for (const RuleAccount& account : accounts_) paid += account.paid;
    for (size_t i = 0; i < shuffled.size(); ++i) {
      for (RuleAccount& account : accounts_) {
        if (account.participant != shuffled[i].participant) continue;
        account.received += round.distribution.parts[i];
        parts += round.distribution.parts[i];
      }
    }
    pot_.kept += round.distribution.kept;
    pot_.distributed += round.distribution.distributed;
    if (parts != round.distribution.distributed) return "parts do not sum to what is handed on";
    if (pot_.kept + pot_.distributed > paid) return "more is handed on than was paid";
    return "";
  }

  std::string FaultOf(const RuleCollection& next, const RuleAccount& account) {
    const auto asks = next.from_wallet + next.charged;
    if (asks <= Money()) return "asks for nothing";
    if (next.from_wallet.micros() % rules_.collection_quantum.micros() != 0) {
      return "pays a part of a quantum from the wallet";
    }
    if (next.charged.micros() % kCoin.micros() != 0) return "charges a part of a coin";
    if (next.charged > Money() && !account.can_be_charged) return "charges who cannot be charged";
    const Money asked = RequestedFor(rules_, account.used);
    if (account.paid + account.open + asks > asked) return "asks more than is owed";
    const Money debt = std::max(Money(), -(account.balance + account.open));
    const Money owed = asked - account.paid - account.open;
    if (next.from_wallet > Money() && next.from_wallet > owed - std::min(owed, debt)) {
      return "the wallet pays what it does not have";
    }
    return "";
  }

  /// What may be left once all is asked: less than a quantum and a coin, of each way to pay.
  std::string FaultOfRest(const RuleAccount& account) {
    const Money owed = RequestedFor(rules_, account.used) - account.paid - account.open;
    const Money debt = std::max(Money(), -(account.balance + account.open));
    const Money slack = rules_.collection_quantum + kCoin;
    if (account.can_be_charged && owed >= slack) return "leaves a charge";
    const bool is_rich = debt == Money();
    if (is_rich && owed >= rules_.collection_quantum) return "leaves what the wallet has";
    return "";
  }

  static constexpr Money kCoin = Money::Micros(10'000);
  Dice dice_;
  PaymentRules rules_;
  PaymentPot pot_;
  std::vector<RuleAccount> accounts_;
};

std::string RandomId(Dice& dice) {
  static constexpr absl::string_view kChars = "abcdefghijklmnopqrstuvwxyz0123456789-";
  std::string id = "p";
  for (int64_t i = dice.Number(0, 20); i > 0; --i) {
    id += kChars[static_cast<size_t>(dice.Number(0, 36))];
  }
  return absl::StrCat(id, "x");
}

}  // namespace

std::string FirstWaterfallFault(uint64_t seed, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const std::string fault = WaterfallLife(seed + static_cast<uint64_t>(i)).Fault();
    if (!fault.empty()) return absl::StrCat("round ", i, ", ", fault);
  }
  return "";
}

std::string FirstRuleRoundFault(uint64_t seed, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const std::string fault = PoolLife(seed + static_cast<uint64_t>(i)).Fault();
    if (!fault.empty()) return absl::StrCat("round ", i, ", ", fault);
  }
  return "";
}

std::string FirstReferenceFault(uint64_t seed, int rounds) {
  Dice dice(seed);
  int mistaken = 0;
  for (int i = 0; i < rounds; ++i) {
    const ParticipantId id(RandomId(dice));
    std::string reference = DepositReference(id);
    std::string text = absl::StrCat("for ", dice.Number(0, 1) == 0
                                                ? reference
                                                : absl::AsciiStrToLower(reference));
    // Banks break lines.
    const auto at = static_cast<size_t>(dice.Number(4, static_cast<int64_t>(text.size())));
    text = absl::StrCat(text.substr(0, at), " ", text.substr(at));
    const std::vector<ParticipantId> found = ParticipantsIn(text);
    if (std::find(found.begin(), found.end(), id) == found.end()) {
      return absl::StrCat(reference, " is not found in ", text);
    }
    // One wrong character in the id is noticed.
    char& wrong = reference[static_cast<size_t>(
        dice.Number(5, static_cast<int64_t>(reference.size()) - 1))];
    if (wrong == '-') continue;
    const bool is_digit = wrong >= '0' && wrong <= '9';
    wrong = is_digit ? (wrong == '0' ? '1' : '0') : (wrong == 'A' ? 'B' : 'A');
    std::string other = absl::AsciiStrToLower(reference.substr(5));
    for (const ParticipantId& one : ParticipantsIn(reference)) {
      mistaken += one.value() == other ? 1 : 0;
    }
  }
  return mistaken > 0 ? absl::StrCat(mistaken, " mistakes are taken for somebody") : "";
}

}  // namespace peerwatt::settlement
