#include "services/settlement/core/explain/line_steps.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/settlement/core/explain/sharing_steps.h"
#include "services/settlement/core/trades_in_order.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kWhPerKwh = 1000;
constexpr int64_t kMillion = 1'000'000;
constexpr StepUnit kWh = StepUnit::kWattHours;
constexpr StepUnit kMicros = StepUnit::kMicros;

// Whether the participant pays what a line of this kind comes to.
bool IsPaid(LineKind kind) {
  switch (kind) {
    case LineKind::kSale:
    case LineKind::kFeedIn:
    case LineKind::kImbalanceSale:
    case LineKind::kPoolSale:
    case LineKind::kSelfConsumption:
      return false;
    default:
      return true;
  }
}

// Indexes of the connections by participant and connection, as ties are broken.
std::vector<size_t> ById(const std::vector<Connection>& connections) {
  std::vector<size_t> order(connections.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(connections[a].participant, connections[a].id) <
           std::tie(connections[b].participant, connections[b].id);
  });
  return order;
}

// The steps of one line, and the steps whose results others use.
class Explainer {
 public:
  explicit Explainer(const LineBasis& basis)
      : basis_(basis),
        input_(*basis.input),
        result_(Settle(input_)),
        list_(steps_),
        own_(input_.connections.size()) {
    for (size_t i = 0; i < input_.connections.size(); ++i) {
      const Connection& connection = input_.connections[i];
      if (connection.participant == basis.line.key.participant &&
          connection.id == basis.line.key.connection) {
        own_ = i;
      }
    }
  }

  std::vector<Step> Explain() {
    const LineKey& key = basis_.line.key;
    const Line* computed = Computed(key);
    std::vector<Operand> operands;
    if (key.kind == LineKind::kSubscription || key.kind == LineKind::kPieceFee) {
      AddCharges(operands);
    } else if (computed == nullptr) {
      list_.Given("the run charges nothing of this kind any more", 0, kMicros);
    } else if (key.is_price_missing) {
      list_.Given("no price is in force", 0, kMicros);
    } else {
      const size_t magnitude = Amount(key.kind);
      const Operand amount = list_.From(magnitude);
      operands.push_back(IsPaid(key.kind) ? StepList::Minus(amount) : amount);
    }
    if (operands.empty()) operands.push_back(list_.From(steps_.size()));
    for (const Line& earlier : basis_.earlier) {
      operands.push_back(
          StepList::Minus(StepList::Of("posted by an earlier run", earlier.amount.micros())));
    }
    list_.Sum("what the account changes by", std::move(operands), kMicros);
    return std::move(steps_);
  }

 private:
  const Line* Computed(const LineKey& key) const {
    const auto found = std::find_if(result_.lines.begin(), result_.lines.end(),
                                    [&](const Line& line) { return line.key == key; });
    return found == result_.lines.end() ? nullptr : &*found;
  }

  // What is charged besides energy: each part, in the order in which it is charged.
  void AddCharges(std::vector<Operand>& operands) {
    std::vector<ChargePart> parts;
    if (basis_.charges != nullptr) {
      parts = PartsOfCharge(*basis_.charges, result_.lines, basis_.line.key);
    }
    if (parts.empty()) list_.Given("the run charges nothing of this kind any more", 0, kMicros);
    for (const ChargePart& part : parts) {
      const size_t step =
          part.days == 1
              ? list_.Given(absl::StrCat("the fee of ", part.rule_id), part.price.micros(), kMicros)
              : list_.Product(absl::StrCat("one day of ", part.rule_id),
                              StepList::Of("price of the month", part.price.micros()),
                              StepList::Of("days charged", 1), part.days, kMicros,
                              Rounding::kHalfAway);
      operands.push_back(StepList::Minus(list_.From(step)));
    }
  }

  bool UsesTrades() const { return input_.terms.mechanism == Mechanism::kTrading; }
  bool IsFirm() const { return UsesTrades() && input_.terms.policy == DeliveryPolicy::kFirm; }

  void Net() {
    std::vector<Operand> drawn, fed_in;
    for (const OwnReading& reading : basis_.readings) {
      drawn.push_back(StepList::Of(reading.point.value(), reading.import_energy.wh()));
      fed_in.push_back(StepList::Of(reading.point.value(), reading.export_energy.wh()));
    }
    const size_t in = list_.Sum("drawn by the points", std::move(drawn), kWh);
    const size_t out = list_.Sum("fed in by the points", std::move(fed_in), kWh);
    self_ = list_.Minimum("consumed behind the connection", {list_.From(in), list_.From(out)}, kWh);
    draw_ = list_.Sum("drawn by the connection",
                      {list_.From(in), StepList::Minus(list_.From(self_))}, kWh);
    feed_in_ = list_.Sum("fed in by the connection",
                         {list_.From(out), StepList::Minus(list_.From(self_))}, kWh);
  }

  // What a line comes to, without its sign.
  size_t Amount(LineKind kind) {
    Net();
    switch (kind) {
      case LineKind::kSelfConsumption:
        return list_.Given("costs nothing", 0, kMicros);
      case LineKind::kPurchase:
      case LineKind::kNetworkFee:
      case LineKind::kPoolPurchase:
        return Priced(basis_.line.key.trade.empty() ? Taken() : Delivered(true), basis_.line.price);
      case LineKind::kSale:
        return Priced(Delivered(false), basis_.line.price);
      case LineKind::kOperatorShare:
      case LineKind::kPoolSale:
        return basis_.line.key.trade.empty() ? PoolPart(kind) : ShareOfSale();
      case LineKind::kRetail:
        return Priced(Rest(true), basis_.line.price);
      case LineKind::kFeedIn:
        return Priced(Rest(false), basis_.line.price);
      case LineKind::kImbalancePurchase:
      case LineKind::kImbalanceSale:
        return Priced(Deviation(kind == LineKind::kImbalancePurchase), basis_.line.price);
      default:
        return list_.Given("charged by the rule", 0, kMicros);
    }
  }

  size_t Priced(size_t energy, Price price) {
    return list_.Product("energy times price per kWh", list_.From(energy),
                         StepList::Of("price per kWh", price.micros_per_kwh()), kWhPerKwh, kMicros);
  }

  // The trades of the connection on one side, in the order of their ids.
  std::vector<size_t> TradesOf(bool is_buyer) const {
    std::vector<size_t> own;
    for (const size_t index : InIdOrder(input_.trades)) {
      const ConnectedTrade& trade = input_.trades[index];
      if ((is_buyer ? trade.buyer : trade.seller) == own_) own.push_back(index);
    }
    return own;
  }

  // What a trade delivered, by the lines of the run.
  Energy DeliveredBy(const ConnectedTrade& trade) const {
    for (const Line& line : result_.lines) {
      if (line.key.kind == LineKind::kPurchase && line.key.trade == trade.id) return line.energy;
    }
    return Energy();
  }

  size_t Delivered(bool is_buyer) {
    const std::vector<size_t> own = TradesOf(is_buyer);
    std::vector<int64_t> weights;
    std::vector<Operand> traded;
    size_t place = own.size();
    for (size_t i = 0; i < own.size(); ++i) {
      const ConnectedTrade& trade = input_.trades[own[i]];
      weights.push_back(trade.energy.wh());
      traded.push_back(StepList::Of(trade.id.value(), trade.energy.wh()));
      if (trade.id == basis_.line.key.trade) place = i;
    }
    if (place == own.size()) return list_.Given("the trade is not known any more", 0, kWh);
    const ConnectedTrade& trade = input_.trades[own[place]];
    if (IsFirm()) return list_.Given("traded", trade.energy.wh(), kWh);
    const size_t sum = list_.Sum("traded by the connection", std::move(traded), kWh);
    const size_t moved =
        list_.Minimum("of that, what it really moved",
                      {list_.From(sum), list_.From(is_buyer ? draw_ : feed_in_)}, kWh);
    const size_t share = list_.Share("the trade's part", list_.From(moved), weights, place, kWh);
    std::vector<Operand> sides{list_.From(share)};
    const Energy delivered = DeliveredBy(trade);
    if (delivered.wh() < list_.result(share)) {
      sides.push_back(StepList::Of("the other side's part", delivered.wh()));
    }
    return list_.Minimum("delivered", std::move(sides), kWh);
  }

  size_t ShareOfSale() {
    const size_t delivered = Delivered(false);
    Price price;
    for (const ConnectedTrade& trade : input_.trades) {
      if (trade.id == basis_.line.key.trade) price = trade.price;
    }
    return OperatorShareOf(Priced(delivered, price));
  }

  size_t OperatorShareOf(size_t amount) {
    return list_.Product("the operator's share", list_.From(amount),
                         StepList::Of("millionths", input_.fees.operator_share_ppm), kMillion,
                         kMicros);
  }

  // What is bought from or sold to the main grid: what neighbours left.
  size_t Rest(bool is_draw) {
    std::vector<Operand> operands{list_.From(is_draw ? draw_ : feed_in_)};
    if (UsesTrades()) {
      for (const size_t index : TradesOf(is_draw)) {
        const ConnectedTrade& trade = input_.trades[index];
        operands.push_back(StepList::Minus(StepList::Of(
            absl::StrCat("delivered by ", trade.id.value()), DeliveredBy(trade).wh())));
      }
    } else {
      operands.push_back(StepList::Minus(list_.From(is_draw ? Taken() : GivenEnergy())));
    }
    return list_.Sum("left for the main grid", std::move(operands), kWh);
  }

  size_t Deviation(bool is_shortfall) {
    std::vector<Operand> operands{list_.From(draw_), StepList::Minus(list_.From(feed_in_))};
    for (const bool is_buyer : {true, false}) {
      for (const size_t index : TradesOf(is_buyer)) {
        const ConnectedTrade& trade = input_.trades[index];
        const Operand traded =
            StepList::Of(absl::StrCat(is_buyer ? "bought by " : "sold by ", trade.id.value()),
                         trade.energy.wh());
        operands.push_back(is_buyer ? StepList::Minus(traded) : traded);
      }
    }
    if (!is_shortfall) {
      for (Operand& operand : operands) operand = StepList::Minus(operand);
    }
    return list_.Sum(is_shortfall ? "short of the trades" : "beyond the trades",
                     std::move(operands), kWh);
  }

  // ---- What is shared or pooled ----

  // What all connections drew or fed in, after netting, in the order of their ids.
  struct Pool {
    std::vector<size_t> order;
    std::vector<int64_t> draws, feed_ins, given;
    int64_t fed_in = 0, taken = 0, paid = 0;
    size_t own = 0;  ///< place in the order
  };

  Pool LoadPool() const {
    Pool pool;
    pool.order = ById(input_.connections);
    std::map<std::pair<ParticipantId, GridConnectionId>, int64_t> given;
    for (const Line& line : result_.lines) {
      if (line.key.kind == LineKind::kPoolSale) {
        given[{line.key.participant, line.key.connection}] += line.energy.wh();
      }
      if (line.key.kind != LineKind::kPoolPurchase) continue;
      pool.taken += line.energy.wh();
      pool.paid -= line.amount.micros();
    }
    for (size_t i = 0; i < pool.order.size(); ++i) {
      const Connection& connection = input_.connections[pool.order[i]];
      const Energy self = std::min(connection.import_energy, connection.export_energy);
      pool.draws.push_back((connection.import_energy - self).wh());
      pool.feed_ins.push_back((connection.export_energy - self).wh());
      pool.given.push_back(given[{connection.participant, connection.id}]);
      pool.fed_in += pool.feed_ins.back();
      if (pool.order[i] == own_) pool.own = i;
    }
    return pool;
  }

  // What the key gives the connection of the pool.
  size_t Taken() {
    const Pool pool = LoadPool();
    const size_t all = list_.Given("fed in by all: the pool", pool.fed_in, kWh);
    SharedPool shared{pool.fed_in, {}, pool.own};
    for (size_t i = 0; i < pool.order.size(); ++i) {
      const Connection& connection = input_.connections[pool.order[i]];
      shared.members.push_back({connection.participant, connection.id,
                                Energy::WattHours(pool.draws[i]), connection.coefficient,
                                connection.rank});
    }
    return StepsOfShare(list_, shared, input_.terms.key, all, draw_);
  }

  // What the connection gives of what all take.
  size_t GivenEnergy() {
    const Pool pool = LoadPool();
    const size_t taken = list_.Given("taken by all from the pool", pool.taken, kWh);
    return list_.Share("in proportion to what is fed in", list_.From(taken), pool.feed_ins,
                       pool.own, kWh);
  }

  // The part of an amount for what the connection gives. A negative one is shared as if positive.
  size_t PartOf(std::string description, size_t amount, const Pool& pool) {
    Operand total = list_.From(amount);
    const bool is_negative = total.value < 0;
    if (is_negative) total = StepList::Minus(total);
    const size_t part = list_.Share(std::move(description), total, pool.given, pool.own, kMicros);
    if (!is_negative) return part;
    return list_.Sum("with its sign", {StepList::Minus(list_.From(part))}, kMicros);
  }

  size_t PoolPart(LineKind kind) {
    GivenEnergy();
    const Pool pool = LoadPool();
    const size_t paid = list_.Given("paid by all for it", pool.paid, kMicros);
    if (input_.terms.mechanism == Mechanism::kSharing) {
      const size_t part = PartOf("the part for what is given", paid, pool);
      return kind == LineKind::kPoolSale ? part : OperatorShareOf(part);
    }
    const size_t kept = pool.paid > 0 ? OperatorShareOf(paid)
                                      : list_.Given("the operator keeps nothing", 0, kMicros);
    const size_t own_kept = PartOf("the part of what the operator keeps", kept, pool);
    if (kind == LineKind::kOperatorShare) return own_kept;
    const size_t left =
        list_.Sum("distributed", {list_.From(paid), StepList::Minus(list_.From(kept))}, kMicros);
    const size_t own_left = PartOf("the part of what is distributed", left, pool);
    return list_.Sum("both parts", {list_.From(own_left), list_.From(own_kept)}, kMicros);
  }

  const LineBasis& basis_;
  const SettlementInput& input_;
  const SettlementResult result_;
  std::vector<Step> steps_;
  StepList list_;
  size_t own_;
  size_t self_ = 0;
  size_t draw_ = 0;
  size_t feed_in_ = 0;
};

}  // namespace

std::vector<Step> StepsOfLine(const LineBasis& basis) { return Explainer(basis).Explain(); }

std::string PolicyName(const SettlementTerms& terms) {
  switch (terms.mechanism) {
    case Mechanism::kSharing:
      return "sharing";
    case Mechanism::kFixedPricePool:
      return "fixed_price_pool";
    case Mechanism::kTrading:
      return terms.policy == DeliveryPolicy::kFirm ? "firm" : "as_delivered";
  }
  PW_CHECK(false, "a mechanism is known");
}

}  // namespace peerwatt::settlement
