#include "services/settlement/core/scheme.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/error.h"
#include "services/settlement/clients/scheme_codec.h"

namespace peerwatt::settlement {
namespace {

namespace v1 = peerwatt::registry::v1;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Scheme SchemeOf(const std::string& id, absl::Time starts_at) {
  Scheme scheme;
  scheme.id = SchemeId(id);
  scheme.starts_at = starts_at;
  return scheme;
}

TEST(SchemeAt, IsTheOneWithTheLatestStart) {
  const std::vector<Scheme> versions = {SchemeOf("a", kStart),
                                        SchemeOf("b", kStart + absl::Hours(2))};
  EXPECT_EQ(SchemeAt(versions, kStart - absl::Minutes(15)).id, SchemeId());
  EXPECT_EQ(SchemeAt(versions, kStart - absl::Minutes(15)).mechanism, Mechanism::kTrading);
  EXPECT_EQ(SchemeAt(versions, kStart).id, SchemeId("a"));
  EXPECT_EQ(SchemeAt(versions, kStart + absl::Minutes(105)).id, SchemeId("a"));
  EXPECT_EQ(SchemeAt(versions, kStart + absl::Hours(2)).id, SchemeId("b"));
  EXPECT_EQ(SchemeAt({}, kStart).policy, DeliveryPolicy::kAsDelivered);
}

v1::Scheme MakeProto(v1::Scheme::Mechanism mechanism) {
  v1::Scheme proto;
  proto.set_name("communities/hamlet/schemes/s1");
  proto.mutable_start_time()->set_seconds(absl::ToUnixSeconds(kStart));
  proto.set_mechanism(mechanism);
  return proto;
}

void SetPrice(google::type::Money& money, int64_t micros) {
  money.set_currency_code("EUR");
  money.set_nanos(static_cast<int32_t>(micros * 1000));
}

TEST(SchemeFrom, ReadsFirmTrading) {
  v1::Scheme proto = MakeProto(v1::Scheme::TRADING);
  proto.set_settlement_policy(v1::Scheme::FIRM);
  SetPrice(*proto.mutable_imbalance_purchase_price_per_kwh(), 500'000);
  proto.set_operator_share_ppm(0);
  Scheme expected = SchemeOf("s1", kStart);
  expected.policy = DeliveryPolicy::kFirm;
  expected.imbalance_purchase = Price::MicrosPerKwh(500'000);
  expected.operator_share_ppm = 0;
  const auto read = SchemeFrom(proto, "EUR");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, expected);
}

TEST(SchemeFrom, ReadsSharingAndPool) {
  v1::Scheme proto = MakeProto(v1::Scheme::SHARING);
  proto.set_sharing_key(v1::Scheme::STATIC);
  for (const char* coefficient : {"0.333333", "0.666667"}) {
    v1::Scheme::Share& share = *proto.add_shares();
    share.set_metering_point(std::string("meteringPoints/m") + coefficient[2]);
    share.set_coefficient(coefficient);
  }
  Scheme expected = SchemeOf("s1", kStart);
  expected.mechanism = Mechanism::kSharing;
  expected.key = SharingKey::kStatic;
  expected.shares = {{MeteringPointId("m3"), 333'333}, {MeteringPointId("m6"), 666'667}};
  auto read = SchemeFrom(proto, "EUR");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, expected) << "without an internal price, shared energy costs nothing";
  EXPECT_TRUE(CheckShares(*read).ok());

  proto.set_mechanism(v1::Scheme::FIXED_PRICE_POOL);
  EXPECT_EQ(ReasonOf(SchemeFrom(proto, "EUR").status()), "FIELD_INVALID");
  SetPrice(*proto.mutable_pool_price_per_kwh(), 250'000);
  read = SchemeFrom(proto, "EUR");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->local_price, Price::MicrosPerKwh(250'000));
  EXPECT_EQ(ReasonOf(SchemeFrom(proto, "USD").status()), "FIELD_INVALID");
}

TEST(SchemeFrom, RefusesWhatItDoesNotKnow) {
  v1::Scheme proto = MakeProto(static_cast<v1::Scheme::Mechanism>(99));
  EXPECT_EQ(ReasonOf(SchemeFrom(proto, "EUR").status()), "FIELD_INVALID");
  proto.set_mechanism(v1::Scheme::TRADING);
  proto.set_settlement_policy(static_cast<v1::Scheme::SettlementPolicy>(99));
  EXPECT_EQ(ReasonOf(SchemeFrom(proto, "EUR").status()), "FIELD_INVALID");
  proto.set_mechanism(v1::Scheme::SHARING);
  proto.set_sharing_key(static_cast<v1::Scheme::SharingKey>(99));
  EXPECT_EQ(ReasonOf(SchemeFrom(proto, "EUR").status()), "FIELD_INVALID");
}

TEST(CheckShares, RefusesWhatDoesNotSumToOne) {
  Scheme scheme = SchemeOf("s1", kStart);
  scheme.mechanism = Mechanism::kSharing;
  scheme.key = SharingKey::kStatic;
  scheme.shares = {{MeteringPointId("a"), 500'000}, {MeteringPointId("b"), 499'999}};
  EXPECT_EQ(ReasonOf(CheckShares(scheme)), "SHARING_INVALID");
  scheme.shares[1].coefficient = 500'000;
  EXPECT_TRUE(CheckShares(scheme).ok());
  scheme.shares[1].point = MeteringPointId("a");
  EXPECT_EQ(ReasonOf(CheckShares(scheme)), "SHARING_INVALID");
  scheme.key = SharingKey::kProportional;
  scheme.shares.clear();
  EXPECT_TRUE(CheckShares(scheme).ok());
}

}  // namespace
}  // namespace peerwatt::settlement
