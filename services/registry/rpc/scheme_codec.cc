#include "services/registry/rpc/scheme_codec.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/registry/rpc/codec.h"

namespace peerwatt::registry {
namespace {

/// An enum of the core with the number that the protocol gives it; absent when unspecified.
/// last: the highest number. Errors: FIELD_INVALID for a number that is not known.
template <typename Value>
absl::StatusOr<std::optional<Value>> OptionalEnum(int number, Value last, absl::string_view field) {
  if (number == 0) return std::optional<Value>();
  if (number < 0 || number > static_cast<int>(last)) {
    return FieldInvalid(field, "must be a known value");
  }
  return std::optional(static_cast<Value>(number));
}

absl::StatusOr<std::optional<Price>> OptionalPrice(bool present, const google::type::Money& proto,
                                                   const std::string& currency,
                                                   absl::string_view field) {
  if (!present) return std::optional<Price>();
  PW_ASSIGN_OR_RETURN(const Price price, rpc::PriceFrom(proto, currency, field));
  return std::optional(price);
}

absl::StatusOr<std::optional<Money>> OptionalMoney(bool present, const google::type::Money& proto,
                                                   const std::string& currency,
                                                   absl::string_view field) {
  if (!present) return std::optional<Money>();
  PW_ASSIGN_OR_RETURN(const Money amount, rpc::MoneyFrom(proto, currency, field));
  return std::optional(amount);
}

absl::StatusOr<SchemeShare> ShareFrom(const v1::Scheme::Share& proto, const std::string& field) {
  SchemeShare share;
  PW_ASSIGN_OR_RETURN(
      std::string point,
      rpc::ParseName1(proto.metering_point(), kMeteringPointPattern, field + "metering_point"));
  share.point = MeteringPointId(std::move(point));
  if (!proto.coefficient().empty()) {
    PW_ASSIGN_OR_RETURN(share.coefficient,
                        CoefficientFrom(proto.coefficient(), field + "coefficient"));
  }
  share.rank = proto.rank();
  return share;
}

absl::Status ReadMechanism(const v1::Scheme& proto, const std::string& currency, Scheme& scheme) {
  PW_ASSIGN_OR_RETURN(
      const auto mechanism,
      OptionalEnum(proto.mechanism(), Mechanism::kFixedPricePool, "scheme.mechanism"));
  scheme.mechanism = mechanism.value_or(Mechanism::kTrading);
  PW_ASSIGN_OR_RETURN(
      scheme.policy,
      OptionalEnum(proto.settlement_policy(), SettlementPolicy::kFirm, "scheme.settlement_policy"));
  PW_ASSIGN_OR_RETURN(scheme.imbalance_purchase,
                      OptionalPrice(proto.has_imbalance_purchase_price_per_kwh(),
                                    proto.imbalance_purchase_price_per_kwh(), currency,
                                    "scheme.imbalance_purchase_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(
      scheme.imbalance_sale,
      OptionalPrice(proto.has_imbalance_sale_price_per_kwh(), proto.imbalance_sale_price_per_kwh(),
                    currency, "scheme.imbalance_sale_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(
      scheme.key, OptionalEnum(proto.sharing_key(), SharingKey::kOptimal, "scheme.sharing_key"));
  for (const v1::Scheme::Share& share : proto.shares()) {
    PW_ASSIGN_OR_RETURN(
        scheme.shares.emplace_back(),
        ShareFrom(share, absl::StrCat("scheme.shares[", scheme.shares.size(), "].")));
  }
  return absl::OkStatus();
}

absl::Status ReadPayment(const v1::Scheme& proto, const std::string& currency, Scheme& scheme) {
  PW_ASSIGN_OR_RETURN(scheme.internal_price, OptionalPrice(proto.has_internal_price_per_kwh(),
                                                           proto.internal_price_per_kwh(), currency,
                                                           "scheme.internal_price_per_kwh"));
  PW_ASSIGN_OR_RETURN(scheme.pool_price,
                      OptionalPrice(proto.has_pool_price_per_kwh(), proto.pool_price_per_kwh(),
                                    currency, "scheme.pool_price_per_kwh"));
  if (proto.has_operator_share_ppm()) scheme.operator_share_ppm = proto.operator_share_ppm();
  if (!proto.has_payment_rules()) return absl::OkStatus();
  const v1::Scheme::PaymentRules& rules = proto.payment_rules();
  SchemePaymentRules& read = scheme.payment_rules.emplace();
  if (rules.billing_unit_wh() != 0) {
    read.billing_unit = Energy::WattHours(rules.billing_unit_wh());
  }
  PW_ASSIGN_OR_RETURN(read.collection_quantum,
                      OptionalMoney(rules.has_collection_quantum(), rules.collection_quantum(),
                                    currency, "scheme.payment_rules.collection_quantum"));
  PW_ASSIGN_OR_RETURN(read.payout_quantum,
                      OptionalMoney(rules.has_payout_quantum(), rules.payout_quantum(), currency,
                                    "scheme.payment_rules.payout_quantum"));
  return absl::OkStatus();
}

}  // namespace

v1::Scheme ToProto(const Scheme& scheme, const std::string& currency) {
  v1::Scheme proto;
  proto.set_name(
      absl::StrCat("communities/", scheme.community.value(), "/schemes/", scheme.id.value()));
  *proto.mutable_start_time() = rpc::ToProto(scheme.starts_at);
  proto.set_mechanism(static_cast<v1::Scheme::Mechanism>(scheme.mechanism));
  if (scheme.policy) {
    proto.set_settlement_policy(static_cast<v1::Scheme::SettlementPolicy>(*scheme.policy));
  }
  const auto show = [&](const auto& amount, google::type::Money* (v1::Scheme::*field)()) {
    if (amount) *(proto.*field)() = rpc::ToProto(*amount, currency);
  };
  show(scheme.imbalance_purchase, &v1::Scheme::mutable_imbalance_purchase_price_per_kwh);
  show(scheme.imbalance_sale, &v1::Scheme::mutable_imbalance_sale_price_per_kwh);
  if (scheme.key) proto.set_sharing_key(static_cast<v1::Scheme::SharingKey>(*scheme.key));
  for (const SchemeShare& share : scheme.shares) {
    v1::Scheme::Share& shown = *proto.add_shares();
    shown.set_metering_point(absl::StrCat("meteringPoints/", share.point.value()));
    if (share.coefficient) shown.set_coefficient(CoefficientText(*share.coefficient));
    shown.set_rank(share.rank);
  }
  show(scheme.internal_price, &v1::Scheme::mutable_internal_price_per_kwh);
  show(scheme.pool_price, &v1::Scheme::mutable_pool_price_per_kwh);
  if (scheme.operator_share_ppm) proto.set_operator_share_ppm(*scheme.operator_share_ppm);
  if (scheme.payment_rules) {
    const SchemePaymentRules& rules = *scheme.payment_rules;
    v1::Scheme::PaymentRules& shown = *proto.mutable_payment_rules();
    shown.set_billing_unit_wh(rules.billing_unit.wh());
    if (rules.collection_quantum) {
      *shown.mutable_collection_quantum() = rpc::ToProto(*rules.collection_quantum, currency);
    }
    if (rules.payout_quantum) {
      *shown.mutable_payout_quantum() = rpc::ToProto(*rules.payout_quantum, currency);
    }
  }
  *proto.mutable_create_time() = rpc::ToProto(scheme.created_at);
  return proto;
}

absl::StatusOr<Scheme> SchemeFrom(const v1::CreateSchemeRequest& request,
                                  const Community& community) {
  const v1::Scheme& proto = request.scheme();
  Scheme scheme;
  scheme.community = community.id;
  scheme.id = SchemeId(request.scheme_id());
  if (!proto.has_start_time()) return FieldInvalid("scheme.start_time", "is required");
  PW_ASSIGN_OR_RETURN(scheme.starts_at, rpc::TimeFrom(proto.start_time(), "scheme.start_time"));
  PW_RETURN_IF_ERROR(ReadMechanism(proto, community.currency_code, scheme));
  PW_RETURN_IF_ERROR(ReadPayment(proto, community.currency_code, scheme));
  return WithDefaults(std::move(scheme));
}

}  // namespace peerwatt::registry
