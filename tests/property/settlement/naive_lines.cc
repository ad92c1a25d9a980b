#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <tuple>

#include "absl/numeric/int128.h"
#include "tests/property/settlement/policies_oracle.h"

namespace peerwatt::settlement {
namespace {

using Wide = absl::int128;

int64_t HalfEven(Wide product, int64_t divisor) {
  Wide quotient = product / divisor;
  Wide rest = product % divisor;
  if (rest < 0) {
    rest += divisor;
    --quotient;
  }
  const bool up = rest * 2 > divisor || (rest * 2 == divisor && quotient % 2 != 0);
  return static_cast<int64_t>(quotient + (up ? 1 : 0));
}

Money Worth(int64_t wh, Price price) {
  return Money::Micros(HalfEven(Wide{wh} * price.micros_per_kwh(), 1000));
}

/// Gives one unit after the other to whom the most is missing of its exact part; the first of
/// equals.
std::vector<int64_t> Split(int64_t total, const std::vector<int64_t>& weights) {
  const Wide sum = std::accumulate(weights.begin(), weights.end(), Wide{0});
  std::vector<int64_t> parts(weights.size(), 0);
  if (sum == 0) return parts;
  int64_t left = total;
  for (size_t i = 0; i < weights.size(); ++i) {
    parts[i] = static_cast<int64_t>(Wide{total} * weights[i] / sum);
    left -= parts[i];
  }
  for (; left > 0; --left) {
    size_t most = 0;
    const auto missing = [&](size_t i) { return Wide{total} * weights[i] - Wide{parts[i]} * sum; };
    for (size_t i = 1; i < weights.size(); ++i) {
      if (missing(i) > missing(most)) most = i;
    }
    ++parts[most];
  }
  return parts;
}

struct Party {
  const Connection* connection = nullptr;
  int64_t draw = 0;
  int64_t feed = 0;
  int64_t taken = 0;
  int64_t given = 0;
  int64_t coefficient = 0;
  int32_t rank = 0;
  int64_t NeedLeft() const { return draw - taken; }
};

/// By participant and connection.
std::vector<Party> PartiesOf(const SettlementInput& input) {
  std::vector<Party> parties;
  for (const Connection& c : input.connections) {
    const int64_t net = c.import_energy.wh() - c.export_energy.wh();
    parties.push_back(
        {&c, std::max<int64_t>(net, 0), std::max<int64_t>(-net, 0), 0, 0, c.coefficient, c.rank});
  }
  std::sort(parties.begin(), parties.end(), [](const Party& a, const Party& b) {
    return std::tie(a.connection->participant, a.connection->id) <
           std::tie(b.connection->participant, b.connection->id);
  });
  return parties;
}

/// Offers what is left of the pool by weights; `spare` is the weight of those that are not there.
void Offer(std::vector<Party>& parties, int64_t& left, int64_t spare,
           const std::function<int64_t(const Party&)>& weight) {
  std::vector<int64_t> weights = {spare};
  for (const Party& party : parties) weights.push_back(weight(party));
  const std::vector<int64_t> offers = Split(left, weights);
  for (size_t i = 0; i < parties.size(); ++i) {
    const int64_t taken = std::min(offers[i + 1], parties[i].NeedLeft());
    parties[i].taken += taken;
    left -= taken;
  }
}

/// Fills needs of those chosen in proportion to them.
void Fill(std::vector<Party>& parties, int64_t& left,
          const std::function<bool(const Party&)>& chosen) {
  std::vector<int64_t> needs;
  for (const Party& party : parties) needs.push_back(chosen(party) ? party.NeedLeft() : 0);
  const int64_t all = std::accumulate(needs.begin(), needs.end(), int64_t{0});
  const std::vector<int64_t> parts = Split(std::min(left, all), needs);
  for (size_t i = 0; i < parties.size(); ++i) {
    parties[i].taken += parts[i];
    left -= parts[i];
  }
}

void SharePool(SharingKey key, std::vector<Party>& parties) {
  int64_t left = 0;
  int64_t spare = 1'000'000;
  for (const Party& party : parties) {
    left += party.feed;
    spare -= party.coefficient;
  }
  const int64_t pool = left;
  const auto coefficient = [](const Party& party) { return party.coefficient; };
  const auto all = [](const Party&) { return true; };
  switch (key) {
    case SharingKey::kStatic:
      Offer(parties, left, spare, coefficient);
      break;
    case SharingKey::kProportional:
      Fill(parties, left, all);
      break;
    case SharingKey::kEqual:
      Offer(parties, left, 0, [](const Party& party) { return int64_t{party.draw > 0}; });
      break;
    case SharingKey::kCascading: {
      std::map<int32_t, bool> ranks;
      for (const Party& party : parties) ranks[party.rank] = true;
      for (const auto& [rank, present] : ranks) {
        Fill(parties, left, [&](const Party& party) { return party.rank == rank; });
      }
      break;
    }
    case SharingKey::kRelative:
      for (int64_t before = -1; before != left;) {
        before = left;
        Offer(parties, left, 0,
              [](const Party& party) { return party.NeedLeft() > 0 ? party.coefficient : 0; });
      }
      break;
    case SharingKey::kOptimal:
      Offer(parties, left, spare, coefficient);
      Fill(parties, left, all);
      break;
  }
  std::vector<int64_t> feeds;
  for (const Party& party : parties) feeds.push_back(party.feed);
  const std::vector<int64_t> given = Split(pool - left, feeds);
  for (size_t i = 0; i < parties.size(); ++i) parties[i].given = given[i];
}

/// Splits money by what parties give; a negative sum splits like its opposite.
std::vector<int64_t> SplitMoney(int64_t micros, const std::vector<Party>& parties) {
  std::vector<int64_t> weights;
  for (const Party& party : parties) weights.push_back(party.given);
  std::vector<int64_t> parts = Split(std::abs(micros), weights);
  if (micros < 0) {
    for (int64_t& part : parts) part = -part;
  }
  return parts;
}

class Writer {
 public:
  void Add(const Connection& at, LineKind kind, const TradeId& trade, int64_t wh, Price price,
           Money amount, const std::string& rule = "") {
    if (wh == 0) return;
    lines.push_back({{at.participant, at.id, kind, trade},
                     Energy::WattHours(wh),
                     price,
                     amount,
                     at.substituted,
                     rule});
  }
  /// What is bought (`sign` -1) or sold at a price that may be missing.
  void AddPriced(const Connection& at, LineKind kind, int64_t wh, const EnergyPrice& price,
                 int sign) {
    if (wh == 0) return;
    Line& line = lines.emplace_back();
    line.key = {at.participant, at.id, kind, TradeId(), price.is_taxable, !price.price};
    line.energy = Energy::WattHours(wh);
    line.substituted = at.substituted;
    line.rule_id = price.rule;
    if (!price.price) return;
    line.price = *price.price;
    line.amount = sign < 0 ? -Worth(wh, line.price) : Worth(wh, line.price);
  }
  std::vector<Line> lines;
};

void WritePool(const SettlementInput& input, Writer& writer) {
  std::vector<Party> parties = PartiesOf(input);
  SharePool(input.terms.key, parties);
  const TradeId none;
  const Price price = input.terms.local_price;
  int64_t paid = 0;
  for (const Party& party : parties) {
    const Money amount = Worth(party.taken, price);
    paid += amount.micros();
    writer.Add(*party.connection, LineKind::kPoolPurchase, none, party.taken, price, -amount,
               input.terms.rule);
    if (input.fees.network_fee != Price()) {
      writer.Add(*party.connection, LineKind::kNetworkFee, none, party.taken,
                 input.fees.network_fee, -Worth(party.taken, input.fees.network_fee));
    }
    const int64_t retail = party.draw - party.taken;
    const int64_t surplus = party.feed - party.given;
    writer.AddPriced(*party.connection, LineKind::kRetail, retail, input.tariff.retail, -1);
    writer.AddPriced(*party.connection, LineKind::kFeedIn, surplus, input.tariff.feed_in, 1);
  }
  const int64_t ppm = input.fees.operator_share_ppm;
  const bool is_pool = input.terms.mechanism == Mechanism::kFixedPricePool;
  const int64_t kept = is_pool && paid > 0 ? HalfEven(Wide{paid} * ppm, 1'000'000) : 0;
  const std::vector<int64_t> net = SplitMoney(paid - kept, parties);
  std::vector<int64_t> shares = SplitMoney(kept, parties);
  for (size_t i = 0; i < parties.size(); ++i) {
    const int64_t gross = net[i] + shares[i];
    if (!is_pool && gross > 0) shares[i] = HalfEven(Wide{gross} * ppm, 1'000'000);
    writer.Add(*parties[i].connection, LineKind::kPoolSale, none, parties[i].given, price,
               Money::Micros(gross), input.terms.rule);
    const bool has_share = is_pool ? kept != 0 : ppm != 0 && gross > 0;
    if (!has_share) continue;
    writer.Add(*parties[i].connection, LineKind::kOperatorShare, none, parties[i].given, Price(),
               Money::Micros(-shares[i]), input.fees.operator_share_rule);
  }
}

void WriteFirm(const SettlementInput& input, Writer& writer) {
  for (const ConnectedTrade& trade : input.trades) {
    const Connection& buyer = input.connections[trade.buyer];
    const Connection& seller = input.connections[trade.seller];
    const Money amount = Worth(trade.energy.wh(), trade.price);
    writer.Add(buyer, LineKind::kPurchase, trade.id, trade.energy.wh(), trade.price, -amount);
    writer.Add(seller, LineKind::kSale, trade.id, trade.energy.wh(), trade.price, amount);
    if (trade.network_fee != Price()) {
      writer.Add(buyer, LineKind::kNetworkFee, trade.id, trade.energy.wh(), trade.network_fee,
                 -Worth(trade.energy.wh(), trade.network_fee));
    }
    if (amount > Money() && input.fees.operator_share_ppm != 0) {
      const int64_t share =
          HalfEven(Wide{amount.micros()} * input.fees.operator_share_ppm, 1'000'000);
      writer.Add(seller, LineKind::kOperatorShare, trade.id, trade.energy.wh(), Price(),
                 Money::Micros(-share), input.fees.operator_share_rule);
    }
  }
  for (const Party& party : PartiesOf(input)) {
    const Connection& at = *party.connection;
    int64_t due = 0;  // what it agreed to draw, net
    bool trades = false;
    for (const ConnectedTrade& trade : input.trades) {
      if (&input.connections[trade.buyer] == &at) due += trade.energy.wh();
      if (&input.connections[trade.seller] == &at) due -= trade.energy.wh();
      trades = trades || &input.connections[trade.buyer] == &at ||
               &input.connections[trade.seller] == &at;
    }
    const int64_t drew = party.draw - party.feed;
    const int64_t bought = std::max<int64_t>(0, drew - due);
    const int64_t sold = std::max<int64_t>(0, due - drew);
    writer.AddPriced(at, trades ? LineKind::kImbalancePurchase : LineKind::kRetail, bought,
                     trades ? input.terms.imbalance_purchase : input.tariff.retail, -1);
    writer.AddPriced(at, trades ? LineKind::kImbalanceSale : LineKind::kFeedIn, sold,
                     trades ? input.terms.imbalance_sale : input.tariff.feed_in, 1);
  }
}

}  // namespace

std::vector<Line> NaiveLines(const SettlementInput& input) {
  Writer writer;
  if (input.terms.mechanism == Mechanism::kTrading) {
    WriteFirm(input, writer);
  } else {
    WritePool(input, writer);
  }
  std::sort(writer.lines.begin(), writer.lines.end(),
            [](const Line& a, const Line& b) { return a.key < b.key; });
  return writer.lines;
}

}  // namespace peerwatt::settlement
