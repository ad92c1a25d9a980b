// The independent checker and the engine settle random periods to the same micro-unit. They share
// no code: each is the other's naive version.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/settlement.h"
#include "tools/verify/period.h"

namespace peerwatt::settlement {
namespace {

using verify::Terms;

constexpr uint64_t kSeed = 20'260'701;
constexpr int kPeriods = 20'000;

class Random {
 public:
  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  bool Is(int percent) { return Between(1, 100) <= percent; }
  Price APrice() { return Price::MicrosPerKwh(Between(-50'000, 400'000)); }

 private:
  std::mt19937_64 engine_{kSeed};
};

SettlementInput InputOf(Random& random) {
  SettlementInput input;
  input.fees.operator_share_ppm = random.Is(20) ? 0 : random.Between(1, 1'000'000);
  input.fees.network_fee = random.Is(30) ? Price() : random.APrice();
  const auto perhaps = [&] {
    return random.Is(10) ? EnergyPrice() : EnergyPrice(random.APrice(), random.Is(50));
  };
  input.tariff = {perhaps(), perhaps()};
  input.terms.mechanism = static_cast<Mechanism>(random.Between(0, 2));
  input.terms.policy = static_cast<DeliveryPolicy>(random.Between(0, 1));
  input.terms.imbalance_purchase = perhaps();
  input.terms.imbalance_sale = perhaps();
  input.terms.key = static_cast<SharingKey>(random.Between(0, 5));
  input.terms.local_price = random.APrice();
  const int64_t size = random.Between(2, 9);
  const int64_t energy_max = random.Is(50) ? 9 : 20'000;
  int64_t coefficients = 1'000'000;
  for (int64_t i = 0; i < size; ++i) {
    Connection& connection = input.connections.emplace_back();
    connection.participant = ParticipantId(absl::StrCat("p", i / 2));
    connection.id = GridConnectionId(absl::StrCat("c", i));
    if (random.Is(70)) {
      connection.import_energy = Energy::WattHours(random.Between(0, energy_max));
    }
    if (random.Is(50)) {
      connection.export_energy = Energy::WattHours(random.Between(0, energy_max));
    }
    connection.coefficient = random.Between(0, coefficients);
    coefficients -= connection.coefficient;
    if (random.Is(70)) connection.rank = static_cast<int32_t>(random.Between(1, 3));
  }
  for (int64_t i = 0; i < random.Between(0, 12); ++i) {
    ConnectedTrade& trade = input.trades.emplace_back();
    trade.id = TradeId(absl::StrCat("t", i));
    trade.energy = Energy::WattHours(random.Between(0, energy_max));
    trade.price = random.APrice();
    trade.network_fee = random.Is(30) ? Price() : random.APrice();
    trade.buyer = static_cast<size_t>(random.Between(0, size - 1));
    trade.seller = static_cast<size_t>(random.Between(0, size - 1));
  }
  std::sort(input.trades.begin(), input.trades.end(),
            [](const ConnectedTrade& a, const ConnectedTrade& b) { return a.id < b.id; });
  return input;
}

verify::Outcome CheckedOutcome(const SettlementInput& input) {
  Terms terms;
  const bool is_firm = input.terms.policy == DeliveryPolicy::kFirm;
  terms.mechanism = input.terms.mechanism == Mechanism::kSharing ? Terms::Mechanism::kSharing
                    : input.terms.mechanism == Mechanism::kFixedPricePool ? Terms::Mechanism::kPool
                    : is_firm ? Terms::Mechanism::kFirmTrading
                              : Terms::Mechanism::kTrading;
  const Terms::Key keys[] = {Terms::Key::kStatic,   Terms::Key::kProportional,
                             Terms::Key::kEqual,    Terms::Key::kCascading,
                             Terms::Key::kRelative, Terms::Key::kOptimal};
  terms.key = keys[static_cast<size_t>(input.terms.key)];
  const auto known = [](const EnergyPrice& price) {
    return price.price.has_value() ? std::optional<int64_t>(price.price->micros_per_kwh())
                                   : std::nullopt;
  };
  terms.retail = known(input.tariff.retail);
  terms.feed_in = known(input.tariff.feed_in);
  terms.imbalance_purchase = known(input.terms.imbalance_purchase);
  terms.imbalance_sale = known(input.terms.imbalance_sale);
  terms.local = input.terms.local_price.micros_per_kwh();
  terms.network_fee = input.fees.network_fee.micros_per_kwh();
  terms.operator_ppm = input.fees.operator_share_ppm;
  std::vector<verify::Site> sites;
  for (const Connection& connection : input.connections) {
    sites.push_back({connection.import_energy.wh(), connection.export_energy.wh(),
                     connection.coefficient, connection.rank});
  }
  std::vector<verify::Deal> deals;
  if (input.terms.mechanism == Mechanism::kTrading) {
    for (const ConnectedTrade& trade : input.trades) {
      deals.push_back({static_cast<uint32_t>(trade.buyer), static_cast<uint32_t>(trade.seller),
                       trade.energy.wh(), trade.price.micros_per_kwh(),
                       trade.network_fee.micros_per_kwh()});
    }
  }
  return verify::Settle(terms, sites, deals);
}

TEST(VerifierAgreement, BothSettleRandomPeriodsToTheSameMicroUnit) {
  Random random;
  for (int period = 0; period < kPeriods; ++period) {
    const SettlementInput input = InputOf(random);
    const SettlementResult result = Settle(input);
    const verify::Outcome outcome = CheckedOutcome(input);
    const PeriodTotals& totals = result.totals;
    const verify::Energies energies{totals.drawn.wh(),
                                    totals.fed_in.wh(),
                                    totals.self_consumed.wh(),
                                    totals.delivered.wh(),
                                    totals.retail.wh(),
                                    totals.surplus.wh(),
                                    totals.imbalance_bought.wh(),
                                    totals.imbalance_sold.wh()};
    ASSERT_TRUE(outcome.energies == energies) << "period " << period << " of seed " << kSeed;
    std::vector<int64_t> due(input.connections.size(), 0);
    for (size_t i = 0; i < outcome.sites.size(); ++i) {
      const verify::SiteAmounts& site = outcome.sites[i];
      due[i] =
          site.retail + site.feed_in + site.imbalance_purchase + site.imbalance_sale + site.pool;
    }
    for (size_t i = 0; i < outcome.deals.size(); ++i) {
      due[input.trades[i].buyer] -= outcome.deals[i].price + outcome.deals[i].fee;
      due[input.trades[i].seller] += outcome.deals[i].price - outcome.deals[i].share;
    }
    std::vector<int64_t> settled(input.connections.size(), 0);
    int64_t unpriced = 0;
    for (const Line& line : result.lines) {
      if (IsReference(line.key.kind)) continue;
      unpriced += line.key.is_price_missing ? 1 : 0;
      const auto place = std::find_if(
          input.connections.begin(), input.connections.end(),
          [&](const Connection& connection) { return connection.id == line.key.connection; });
      settled[static_cast<size_t>(place - input.connections.begin())] += line.amount.micros();
    }
    ASSERT_EQ(outcome.unpriced, unpriced) << "period " << period << " of seed " << kSeed;
    ASSERT_EQ(due, settled) << "period " << period << " of seed " << kSeed << ", mechanism "
                            << static_cast<int>(input.terms.mechanism) << ", key "
                            << static_cast<int>(input.terms.key);
  }
}

TEST(VerifierAgreement, RoundsAndSplitsByHand) {
  EXPECT_EQ(verify::RoundHalfEven(5, 1, 10), 0);
  EXPECT_EQ(verify::RoundHalfEven(15, 1, 10), 2);
  EXPECT_EQ(verify::RoundHalfEven(-5, 1, 10), 0);
  EXPECT_EQ(verify::RoundHalfEven(-15, 1, 10), -2);
  EXPECT_EQ(verify::RoundHalfEven(-16, 1, 10), -2);
  EXPECT_EQ(verify::RoundHalfEven(INT64_MAX, 1000, 1000), INT64_MAX);
  EXPECT_EQ(verify::SplitByRemainder(10, {1, 1, 1}), (std::vector<int64_t>{4, 3, 3}));
  EXPECT_EQ(verify::SplitByRemainder(2, {0, 5, 5}), (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(verify::SplitByRemainder(7, {0, 0}), std::vector<int64_t>());
}

}  // namespace
}  // namespace peerwatt::settlement
