#include "services/settlement/clients/scheme_codec.h"

#include <optional>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"

namespace peerwatt::settlement {
namespace {

namespace v1 = peerwatt::registry::v1;

absl::StatusOr<Mechanism> MechanismFrom(v1::Scheme::Mechanism proto) {
  switch (proto) {
    case v1::Scheme::TRADING:
      return Mechanism::kTrading;
    case v1::Scheme::SHARING:
      return Mechanism::kSharing;
    case v1::Scheme::FIXED_PRICE_POOL:
      return Mechanism::kFixedPricePool;
    default:
      return FieldInvalid("scheme.mechanism", "is not known");
  }
}

absl::StatusOr<SharingKey> KeyFrom(v1::Scheme::SharingKey proto) {
  switch (proto) {
    case v1::Scheme::STATIC:
      return SharingKey::kStatic;
    case v1::Scheme::PROPORTIONAL:
      return SharingKey::kProportional;
    case v1::Scheme::EQUAL:
      return SharingKey::kEqual;
    case v1::Scheme::CASCADING:
      return SharingKey::kCascading;
    case v1::Scheme::RELATIVE:
      return SharingKey::kRelative;
    case v1::Scheme::OPTIMAL:
      return SharingKey::kOptimal;
    default:
      return FieldInvalid("scheme.sharing_key", "is not known");
  }
}

absl::StatusOr<std::optional<Price>> OptionalPrice(bool present, const google::type::Money& proto,
                                                   const std::string& currency,
                                                   absl::string_view field) {
  if (!present) return std::optional<Price>();
  PW_ASSIGN_OR_RETURN(const Price price, rpc::PriceFrom(proto, currency, field));
  return std::optional<Price>(price);
}

absl::Status ReadShares(const v1::Scheme& proto, Scheme& scheme) {
  for (const v1::Scheme::Share& share : proto.shares()) {
    PointShare& read = scheme.shares.emplace_back();
    PW_ASSIGN_OR_RETURN(std::string point,
                        rpc::ParseName1(share.metering_point(), "meteringPoints/*", "shares"));
    read.point = MeteringPointId(std::move(point));
    if (!share.coefficient().empty()) {
      PW_ASSIGN_OR_RETURN(read.coefficient, ParseMicros(share.coefficient()));
    }
    if (share.rank() > 0) read.rank = share.rank();
  }
  return absl::OkStatus();
}

absl::Status ReadTrading(const v1::Scheme& proto, const std::string& currency, Scheme& scheme) {
  scheme.policy = proto.settlement_policy() == v1::Scheme::FIRM ? DeliveryPolicy::kFirm
                                                                : DeliveryPolicy::kAsDelivered;
  if (proto.settlement_policy() > v1::Scheme::FIRM) {
    return FieldInvalid("scheme.settlement_policy", "is not known");
  }
  PW_ASSIGN_OR_RETURN(scheme.imbalance_purchase,
                      OptionalPrice(proto.has_imbalance_purchase_price_per_kwh(),
                                    proto.imbalance_purchase_price_per_kwh(), currency,
                                    "scheme.imbalance_purchase_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(
      scheme.imbalance_sale,
      OptionalPrice(proto.has_imbalance_sale_price_per_kwh(), proto.imbalance_sale_price_per_kwh(),
                    currency, "scheme.imbalance_sale_price_per_kwh"));
  return absl::OkStatus();
}

/// Reads an amount above zero; absent: the least one.
absl::StatusOr<Money> QuantumFrom(bool present, const google::type::Money& proto,
                                  const std::string& currency, absl::string_view field) {
  if (!present) return Money::Micros(1);
  PW_ASSIGN_OR_RETURN(const Money amount, rpc::MoneyFrom(proto, currency, field));
  if (amount <= Money()) return FieldInvalid(field, "must be greater than zero");
  return amount;
}

absl::StatusOr<PoolPortions> PortionsFrom(const v1::Scheme::PaymentRules& proto,
                                          const std::string& currency) {
  PoolPortions portions;
  if (proto.billing_unit_wh() < 0) {
    return FieldInvalid("scheme.payment_rules.billing_unit_wh", "must not be negative");
  }
  if (proto.billing_unit_wh() > 0) {
    portions.billing_unit = Energy::WattHours(proto.billing_unit_wh());
  }
  PW_ASSIGN_OR_RETURN(portions.collection_quantum,
                      QuantumFrom(proto.has_collection_quantum(), proto.collection_quantum(),
                                  currency, "scheme.payment_rules.collection_quantum"));
  PW_ASSIGN_OR_RETURN(portions.payout_quantum,
                      QuantumFrom(proto.has_payout_quantum(), proto.payout_quantum(), currency,
                                  "scheme.payment_rules.payout_quantum"));
  return portions;
}

absl::Status ReadPool(const v1::Scheme& proto, const std::string& currency, Scheme& scheme) {
  PW_ASSIGN_OR_RETURN(scheme.key, KeyFrom(proto.sharing_key()));
  PW_RETURN_IF_ERROR(ReadShares(proto, scheme));
  const bool is_pool = scheme.mechanism == Mechanism::kFixedPricePool;
  const bool has_price = is_pool ? proto.has_pool_price_per_kwh() : true;
  if (!has_price) return FieldInvalid("scheme.pool_price_per_kwh", "is required");
  PW_ASSIGN_OR_RETURN(
      const std::optional<Price> price,
      OptionalPrice(is_pool || proto.has_internal_price_per_kwh(),
                    is_pool ? proto.pool_price_per_kwh() : proto.internal_price_per_kwh(), currency,
                    is_pool ? "scheme.pool_price_per_kwh" : "scheme.internal_price_per_kwh"));
  scheme.local_price = price.value_or(Price());
  if (is_pool && proto.has_payment_rules()) {
    PW_ASSIGN_OR_RETURN(scheme.portions, PortionsFrom(proto.payment_rules(), currency));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Scheme> SchemeFrom(const v1::Scheme& proto, const std::string& currency) {
  Scheme scheme;
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(proto.name(), "communities/*/schemes/*", "scheme.name"));
  scheme.id = SchemeId(ids[1]);
  PW_ASSIGN_OR_RETURN(scheme.starts_at, rpc::TimeFrom(proto.start_time(), "scheme.start_time"));
  PW_ASSIGN_OR_RETURN(scheme.mechanism, MechanismFrom(proto.mechanism()));
  if (proto.has_operator_share_ppm()) scheme.operator_share_ppm = proto.operator_share_ppm();
  if (UsesTrades(scheme)) {
    PW_RETURN_IF_ERROR(ReadTrading(proto, currency, scheme));
  } else {
    PW_RETURN_IF_ERROR(ReadPool(proto, currency, scheme));
  }
  return scheme;
}

}  // namespace peerwatt::settlement
