// Figures of households and communities, by worked examples and against a naive version.

#include "services/settlement/core/billing/kpis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

namespace peerwatt::settlement {
namespace {

Energy Wh(int64_t wh) { return Energy::WattHours(wh); }

TEST(KpisTest, Households) {
  // drawn, fed in, self-consumed, from and to neighbours: expected shares.
  const struct {
    const char* who;
    EnergyBalance energy;
    std::optional<int64_t> sufficiency, local, consumption, use;
    int64_t co2;
  } kCases[] = {
      {"a prosumer",
       {Wh(6'000), Wh(8'000), Wh(4'000), Wh(3'000), Wh(2'000)},
       400'000,
       700'000,
       333'333,
       500'000,
       2'800},
      {"a consumer",
       {Wh(10'000), Wh(0), Wh(0), Wh(2'500), Wh(0)},
       0,
       250'000,
       std::nullopt,
       std::nullopt,
       1'000},
      {"a plant",
       {Wh(0), Wh(9'000), Wh(0), Wh(0), Wh(9'000)},
       std::nullopt,
       std::nullopt,
       0,
       1'000'000,
       0},
      {"an empty house", {}, std::nullopt, std::nullopt, std::nullopt, std::nullopt, 0},
  };
  for (const auto& house : kCases) {
    const Kpis kpis = KpisOf(house.energy, {}, 400);
    EXPECT_EQ(kpis.self_sufficiency_ppm, house.sufficiency) << house.who;
    EXPECT_EQ(kpis.local_share_ppm, house.local) << house.who;
    EXPECT_EQ(kpis.self_consumption_ppm, house.consumption) << house.who;
    EXPECT_EQ(kpis.local_use_ppm, house.use) << house.who;
    EXPECT_EQ(kpis.avoided_co2_g, house.co2) << house.who;
  }
}

TEST(KpisTest, WithoutAFactorNothingIsSaidOfCo2) {
  EXPECT_EQ(KpisOf({Wh(1), {}, Wh(1), {}, {}}, {}, {}).avoided_co2_g, std::nullopt);
  EXPECT_EQ(KpisOf({Wh(1), {}, Wh(1), {}, {}}, {}, 0).avoided_co2_g, 0);
}

TEST(KpisTest, WithoutAPriceNothingIsSaidOfSavings) {
  EXPECT_EQ(KpisOf({}, {Money::Micros(5), Money::Micros(3), true}, {}).savings, std::nullopt);
}

TEST(KpisTest, SavingsMayBeNegative) {
  const auto savings = [](int64_t with, int64_t without) {
    return KpisOf({}, {Money::Micros(with), Money::Micros(without)}, {}).savings->micros();
  };
  EXPECT_EQ(savings(-7'000'000, -9'000'000), 2'000'000);
  EXPECT_EQ(savings(-9'000'000, -7'000'000), -2'000'000);
}

TEST(GiniTest, WorkedExamples) {
  const auto gini = [](std::vector<int64_t> micros) {
    std::vector<Money> values;
    for (const int64_t value : micros) {
      values.push_back(Money::Micros(value));
    }
    return GiniPpm(values);
  };
  EXPECT_EQ(gini({5, 5, 5, 5}), 0);
  EXPECT_EQ(gini({0, 0, 0, 8}), 750'000);
  EXPECT_EQ(gini({1, 3}), 250'000);
  EXPECT_EQ(gini({3, 1}), 250'000);
  EXPECT_EQ(gini({-9, 4}), 500'000);
  EXPECT_EQ(gini({7}), 0);
  EXPECT_EQ(gini({}), std::nullopt);
  EXPECT_EQ(gini({0, -1}), std::nullopt);
}

TEST(GiniTest, AsAllPairsSay) {
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<Money> values(1 + random() % 30);
    int64_t sum = 0;
    int64_t differences = 0;
    for (Money& value : values) {
      value = Money::Micros(static_cast<int64_t>(random() % 1'000));
      sum += value.micros();
    }
    for (const Money a : values) {
      for (const Money b : values) {
        differences += std::abs(a.micros() - b.micros());
      }
    }
    if (sum == 0) {
      continue;
    }
    const auto count = static_cast<int64_t>(values.size());
    EXPECT_EQ(GiniPpm(values), differences * 1'000'000 / (2 * count * sum));
    std::shuffle(values.begin(), values.end(), random);
    EXPECT_EQ(GiniPpm(values), differences * 1'000'000 / (2 * count * sum));
  }
}

TEST(SharePpmTest, OfAnOptimum) {
  EXPECT_EQ(SharePpm(Money::Micros(2), Money::Micros(3)), 666'666);
  EXPECT_EQ(SharePpm(Money::Micros(-1), Money::Micros(2)), -500'000);
  EXPECT_EQ(SharePpm(Money::Micros(0), Money()), std::nullopt);
}

}  // namespace
}  // namespace peerwatt::settlement
