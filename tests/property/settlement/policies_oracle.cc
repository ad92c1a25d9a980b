#include "tests/property/settlement/policies_oracle.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/journal_entry.h"

namespace peerwatt::settlement {
namespace {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t Number(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool OneIn(int64_t n) { return Number(1, n) == 1; }
  Price Rate(int64_t low, int64_t high) { return Price::MicrosPerKwh(Number(low, high)); }
  std::mt19937_64& bits() { return random_; }

 private:
  std::mt19937_64 random_;
};

/// A price; one in four is missing, some are free of tax.
EnergyPrice AnyPrice(Dice& dice, int64_t low, int64_t high) {
  EnergyPrice price(dice.Rate(low, high), !dice.OneIn(3), dice.OneIn(2) ? "tariffVersions/t" : "");
  if (dice.OneIn(4)) price = EnergyPrice();
  return price;
}

void Measure(Dice& dice, Connection& connection) {
  const int64_t most = dice.OneIn(2) ? 12 : 4000;
  connection.import_energy = Energy::WattHours(dice.OneIn(3) ? 0 : dice.Number(0, most));
  connection.export_energy = Energy::WattHours(dice.OneIn(3) ? 0 : dice.Number(0, most));
}

/// Coefficients of most of the connections; the rest may belong to points that left.
void GiveShares(Dice& dice, std::vector<Connection>& connections) {
  int64_t left = 1'000'000;
  for (Connection& connection : connections) {
    const bool takes_rest = &connection == &connections.back() && !dice.OneIn(3);
    connection.coefficient = takes_rest ? left : dice.Number(0, std::min<int64_t>(left, 400'000));
    left -= connection.coefficient;
    connection.rank = dice.OneIn(3) ? kUnranked : static_cast<int32_t>(dice.Number(1, 3));
  }
}

SettlementInput Make(Dice& dice) {
  SettlementInput input;
  input.fees.operator_share_ppm = dice.OneIn(3) ? 0 : dice.Number(0, 1'000'000);
  input.fees.network_fee = dice.OneIn(2) ? Price() : dice.Rate(-10'000, 50'000);
  input.tariff = {AnyPrice(dice, -100'001, 400'001), AnyPrice(dice, -100'001, 100'001)};
  input.terms.mechanism = static_cast<Mechanism>(dice.Number(0, 2));
  input.terms.policy = dice.OneIn(2) ? DeliveryPolicy::kFirm : DeliveryPolicy::kAsDelivered;
  input.terms.imbalance_purchase = AnyPrice(dice, -100'001, 900'001);
  input.terms.imbalance_sale = AnyPrice(dice, -300'001, 100'001);
  input.terms.rule = dice.OneIn(2) ? "schemes/s" : "";
  input.fees.operator_share_rule = dice.OneIn(2) ? "schemes/s" : "";
  input.terms.key = static_cast<SharingKey>(dice.Number(0, 5));
  input.terms.local_price = dice.OneIn(5) ? Price() : dice.Rate(-200'001, 400'001);
  const int64_t count = dice.Number(1, 8);
  for (int64_t i = 0; i < count; ++i) {
    Connection connection;
    connection.participant = ParticipantId(absl::StrCat("p", i / 2));
    connection.id = GridConnectionId(absl::StrCat("c", i));
    connection.substituted = dice.OneIn(9);
    Measure(dice, connection);
    input.connections.push_back(connection);
  }
  GiveShares(dice, input.connections);
  for (int64_t i = dice.Number(0, 8); i > 0; --i) {
    input.trades.push_back({TradeId(absl::StrCat("t", i)), Energy::WattHours(dice.Number(0, 2000)),
                            dice.Rate(-200'001, 400'001),
                            dice.OneIn(2) ? Price() : dice.Rate(-10'000, 50'000),
                            static_cast<size_t>(dice.Number(0, count - 1)),
                            static_cast<size_t>(dice.Number(0, count - 1))});
  }
  return input;
}

/// The same period with its parts in another order.
SettlementInput Shuffled(const SettlementInput& input, Dice& dice) {
  SettlementInput shuffled = input;
  std::vector<size_t> order(input.connections.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), dice.bits());
  std::vector<size_t> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    shuffled.connections[i] = input.connections[order[i]];
    place[order[i]] = i;
  }
  for (ConnectedTrade& trade : shuffled.trades) {
    trade.buyer = place[trade.buyer];
    trade.seller = place[trade.seller];
  }
  std::shuffle(shuffled.trades.begin(), shuffled.trades.end(), dice.bits());
  return shuffled;
}

bool IsOfTradingAsDelivered(const SettlementInput& input) {
  return input.terms.mechanism == Mechanism::kTrading &&
         input.terms.policy == DeliveryPolicy::kAsDelivered;
}

/// Energy in less energy out at each connection, and bounds of each line.
std::string FaultOfEnergy(const SettlementInput& input, const std::vector<Line>& lines) {
  std::map<std::pair<ParticipantId, GridConnectionId>, int64_t> balance;
  std::map<TradeId, Energy> traded;
  for (const ConnectedTrade& trade : input.trades) traded[trade.id] = trade.energy;
  for (const Connection& c : input.connections) {
    balance[{c.participant, c.id}] = c.import_energy.wh() - c.export_energy.wh();
  }
  for (const Line& line : lines) {
    if (line.energy <= Energy()) return "a line of a first run has energy above zero";
    if (line.key.is_price_missing && line.amount != Money()) return "an amount without a price";
    int64_t& left = balance[{line.key.participant, line.key.connection}];
    switch (line.key.kind) {
      case LineKind::kPurchase:
      case LineKind::kRetail:
      case LineKind::kImbalancePurchase:
      case LineKind::kPoolPurchase:
        left -= line.energy.wh();
        break;
      case LineKind::kSale:
      case LineKind::kFeedIn:
      case LineKind::kImbalanceSale:
      case LineKind::kPoolSale:
        left += line.energy.wh();
        break;
      case LineKind::kOperatorShare:
        if (line.amount > Money()) return "the operator takes a share, and gives none";
        break;
      default:
        break;
    }
    const bool is_traded = !line.key.trade.empty();
    if (is_traded && line.energy > traded[line.key.trade]) return "more is delivered than traded";
  }
  for (const auto& [connection, left] : balance) {
    if (left != 0) return "energy of a connection is not accounted for";
  }
  return "";
}

using Sums = std::map<LineKey, std::pair<Energy, Money>>;

void AddTo(Sums& sums, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    auto& [energy, amount] = sums[line.key];
    energy += line.energy;
    amount += line.amount;
  }
}

std::vector<PostedLine> Posted(const Sums& sums) {
  std::vector<PostedLine> posted;
  for (const auto& [key, sum] : sums) posted.push_back({key, sum.first, sum.second});
  return posted;
}

std::string FaultOfEntries(const std::vector<Line>& lines) {
  const RunEntries entries = EntriesOf(absl::UnixEpoch(), 1, lines);
  std::map<AccountId, Money> booked;
  for (const JournalEntry& entry : entries.entries) {
    Money sum;
    for (const Posting& posting : entry.postings) {
      sum += posting.amount;
      booked[posting.account] += posting.amount;
    }
    if (sum != Money() || entry.postings.size() < 2) return "an entry does not balance";
  }
  for (const Line& line : lines) {
    if (!IsReference(line.key.kind))
      booked[ParticipantAccount(line.key.participant)] -= line.amount;
  }
  for (const auto& [account, left] : booked) {
    if (KindOf(account) == AccountKind::kParticipant && left != Money()) {
      return "a participant's account is not the sum of its lines";
    }
  }
  return "";
}

/// Corrects meters a few times and posts differences; their sum is the newest run from scratch.
std::string FaultOfRuns(SettlementInput input, Dice& dice) {
  Sums posted;
  for (int64_t run = dice.Number(1, 4); run > 0; --run) {
    const std::vector<Line> difference = DifferenceOf(Settle(input).lines, Posted(posted));
    if (std::string fault = FaultOfEntries(difference); !fault.empty()) return fault;
    AddTo(posted, difference);
    if (run > 1) {
      if (dice.OneIn(3)) input.tariff.retail = AnyPrice(dice, -100'001, 400'001);
      Measure(dice, input.connections[static_cast<size_t>(
                        dice.Number(0, static_cast<int64_t>(input.connections.size()) - 1))]);
    }
  }
  Sums scratch;
  AddTo(scratch, Settle(input).lines);
  std::erase_if(posted, [](const auto& sum) { return sum.second == std::pair<Energy, Money>(); });
  return posted == scratch ? "" : "runs do not sum to a settlement from scratch";
}

std::string FaultOf(const SettlementInput& input, Dice& dice) {
  const SettlementResult result = Settle(input);
  if (Settle(Shuffled(input, dice)).lines != result.lines) return "the order of the input counts";
  if (std::string fault = FaultOfEnergy(input, result.lines); !fault.empty()) return fault;
  if (std::string fault = FaultOfEntries(result.lines); !fault.empty()) return fault;
  if (!IsOfTradingAsDelivered(input)) {
    std::vector<Line> lines = result.lines;
    std::erase_if(lines, [](const Line& line) {
      return IsReference(line.key.kind) || line.key.kind == LineKind::kSelfConsumption;
    });
    if (lines != NaiveLines(input)) return "the lines are not those of the slow way";
  }
  return FaultOfRuns(input, dice);
}

}  // namespace

std::string FirstSettlementFault(uint64_t seed, int periods) {
  Dice dice(seed);
  for (int i = 0; i < periods; ++i) {
    const std::string fault = FaultOf(Make(dice), dice);
    if (!fault.empty()) return absl::StrCat("period ", i, ": ", fault);
  }
  return "";
}

}  // namespace peerwatt::settlement
