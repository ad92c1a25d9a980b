#include "libs/rpc/codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "libs/base/error.h"
#include "libs/rpc/names.h"

namespace peerwatt::rpc {
namespace {

google::type::Money MoneyProto(int64_t units, int32_t nanos, const char* currency = "EUR") {
  google::type::Money proto;
  proto.set_units(units);
  proto.set_nanos(nanos);
  proto.set_currency_code(currency);
  return proto;
}

TEST(CodecTest, MoneyKeepsEveryMicroBothWays) {
  for (const int64_t micros : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'999'999},
                               int64_t{-1'000'001}, std::numeric_limits<int64_t>::max()}) {
    const auto back = MoneyFrom(ToProto(Money::Micros(micros), "EUR"), "EUR", "amount");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->micros(), micros);
  }
}

TEST(CodecTest, RefusesMoneyThatIsNotExactlyMicros) {
  EXPECT_FALSE(MoneyFrom(MoneyProto(1, 1), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(1, -1000), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(-1, 1000), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(1, 0, "USD"), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(1, 0, ""), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(0, 1'000'000'000), "EUR", "m").ok());
  EXPECT_FALSE(MoneyFrom(MoneyProto(std::numeric_limits<int64_t>::max(), 0), "EUR", "m").ok());
  EXPECT_EQ(ReasonOf(MoneyFrom(MoneyProto(1, 1), "EUR", "m").status()), "FIELD_INVALID");
}

TEST(CodecTest, BoundsPrices) {
  EXPECT_TRUE(PriceFrom(MoneyProto(1000, 0), "EUR", "p").ok());
  EXPECT_TRUE(PriceFrom(MoneyProto(-1000, 0), "EUR", "p").ok());
  EXPECT_FALSE(PriceFrom(MoneyProto(1000, 1000), "EUR", "p").ok());
  EXPECT_FALSE(PriceFrom(MoneyProto(-1000, -1000), "EUR", "p").ok());
}

TEST(CodecTest, TimesKeepMicrosecondsAndRefuseFinerOnes) {
  const absl::Time time = absl::FromUnixMicros(1613343600000001);
  EXPECT_EQ(*TimeFrom(ToProto(time), "t"), time);
  google::protobuf::Timestamp proto = ToProto(time);
  proto.set_nanos(proto.nanos() + 1);
  EXPECT_FALSE(TimeFrom(proto, "t").ok());
  proto.set_nanos(0);
  proto.set_seconds(-1);
  EXPECT_FALSE(TimeFrom(proto, "t").ok());
  EXPECT_EQ(*DurationFrom(ToProto(absl::Minutes(15)), "d"), absl::Minutes(15));
}

TEST(NamesTest, TakesIdsOutOfNamesAndRefusesOthers) {
  const auto ids = ParseName("communities/c1/auctions/20260701t101500z",
                             "communities/*/auctions/*", "name");
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_EQ(*ids, (std::vector<std::string>{"c1", "20260701t101500z"}));
  for (const char* bad :
       {"", "communities/c1", "communities//auctions/a", "communities/c1/auctions/A",
        "communities/c1/auctions/a/b", "x/c1/auctions/a", "communities/c 1/auctions/a"}) {
    EXPECT_FALSE(ParseName(bad, "communities/*/auctions/*", "name").ok()) << bad;
  }
}

}  // namespace
}  // namespace peerwatt::rpc
