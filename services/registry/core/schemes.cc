#include "services/registry/core/schemes.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::registry {
namespace {

constexpr char kIdForm[] = "must match [a-z][a-z0-9-]{0,61}[a-z0-9]";
constexpr char kCoefficientForm[] = "must have six decimals, from 0.000000 to 1.000000";
constexpr size_t kCoefficientLength = 8;  // 0.123456
// A billing unit beyond any year's use of a community, and a quantum beyond any bill.
constexpr Energy kBillingUnitMax = Energy::WattHours(1'000'000'000);
constexpr Money kQuantumMax = Money::Micros(1'000'000'000'000);

bool IsPool(const Scheme& scheme) { return scheme.mechanism == Mechanism::kFixedPricePool; }
bool IsTrading(const Scheme& scheme) { return scheme.mechanism == Mechanism::kTrading; }

bool UsesCoefficients(SharingKey key) {
  return key == SharingKey::kStatic || key == SharingKey::kRelative || key == SharingKey::kOptimal;
}

/// Errors: FIELD_INVALID when a field is there that the mechanism does not use.
absl::Status RequireAbsent(bool is_there, bool is_used, absl::string_view field,
                           absl::string_view user) {
  if (!is_there || is_used) return absl::OkStatus();
  return FieldInvalid(field, absl::StrCat("is for ", user, " only"));
}

absl::Status CheckTrading(const Scheme& s) {
  const bool is_firm = s.policy == SettlementPolicy::kFirm;
  PW_RETURN_IF_ERROR(
      RequireAbsent(s.policy.has_value(), IsTrading(s), "scheme.settlement_policy", "TRADING"));
  PW_RETURN_IF_ERROR(RequireAbsent(s.imbalance_purchase.has_value(), is_firm,
                                   "scheme.imbalance_purchase_price_per_kwh", "FIRM"));
  return RequireAbsent(s.imbalance_sale.has_value(), is_firm, "scheme.imbalance_sale_price_per_kwh",
                       "FIRM");
}

absl::Status CheckShare(const SchemeShare& share, SharingKey key, const std::string& field) {
  if (share.coefficient.has_value() != UsesCoefficients(key)) {
    return FieldInvalid(field + "coefficient", UsesCoefficients(key)
                                                   ? "is required by the key"
                                                   : "is for STATIC, RELATIVE and OPTIMAL only");
  }
  if (key == SharingKey::kCascading && (share.rank < 1 || share.rank > kRankMax)) {
    return FieldInvalid(field + "rank", "must be 1 to 1000000");
  }
  return RequireAbsent(share.rank != 0, key == SharingKey::kCascading, field + "rank", "CASCADING");
}

absl::Status CheckShares(const Scheme& s) {
  const bool names_points =
      s.key.has_value() && *s.key != SharingKey::kProportional && *s.key != SharingKey::kEqual;
  PW_RETURN_IF_ERROR(RequireAbsent(!s.shares.empty(), names_points, "scheme.shares",
                                   "keys with coefficients or ranks"));
  if (!names_points) return absl::OkStatus();
  if (s.shares.empty() || s.shares.size() > kSharesMax) {
    return FieldInvalid("scheme.shares", "must be 1 to 10000 shares");
  }
  std::set<MeteringPointId> points;
  int64_t sum = 0;
  for (size_t i = 0; i < s.shares.size(); ++i) {
    const std::string field = absl::StrCat("scheme.shares[", i, "].");
    if (!points.insert(s.shares[i].point).second) {
      return FieldInvalid(field + "metering_point", "is there twice");
    }
    PW_RETURN_IF_ERROR(CheckShare(s.shares[i], *s.key, field));
    sum += s.shares[i].coefficient.value_or(0);
  }
  if (UsesCoefficients(*s.key) && sum != kCoefficientsWhole) {
    return FieldInvalid("scheme.shares", absl::StrCat("coefficients must sum to 1.000000, not to ",
                                                      FormatMicros(sum)));
  }
  return absl::OkStatus();
}

absl::Status CheckQuantum(const std::optional<Money>& quantum, absl::string_view field) {
  if (!quantum.has_value() || (*quantum > Money() && *quantum <= kQuantumMax)) {
    return absl::OkStatus();
  }
  return FieldInvalid(field, "must be above zero and at most 1000000");
}

absl::Status CheckPrices(const Scheme& s) {
  PW_RETURN_IF_ERROR(RequireAbsent(s.internal_price.has_value(), s.mechanism == Mechanism::kSharing,
                                   "scheme.internal_price_per_kwh", "SHARING"));
  PW_RETURN_IF_ERROR(RequireAbsent(s.pool_price.has_value(), IsPool(s), "scheme.pool_price_per_kwh",
                                   "FIXED_PRICE_POOL"));
  if (IsPool(s) && !s.pool_price.has_value()) {
    return FieldInvalid("scheme.pool_price_per_kwh", "is required by FIXED_PRICE_POOL");
  }
  if (s.operator_share_ppm.has_value() &&
      (*s.operator_share_ppm < 0 || *s.operator_share_ppm > kCoefficientsWhole)) {
    return FieldInvalid("scheme.operator_share_ppm", "must be 0 to 1000000");
  }
  return absl::OkStatus();
}

absl::Status CheckPaymentRules(const Scheme& s) {
  PW_RETURN_IF_ERROR(RequireAbsent(s.payment_rules.has_value(), IsPool(s), "scheme.payment_rules",
                                   "FIXED_PRICE_POOL"));
  if (!s.payment_rules.has_value()) return absl::OkStatus();
  const SchemePaymentRules& rules = *s.payment_rules;
  if (rules.billing_unit <= Energy() || rules.billing_unit > kBillingUnitMax) {
    return FieldInvalid("scheme.payment_rules.billing_unit_wh", "must be 1 to 1000000000");
  }
  PW_RETURN_IF_ERROR(
      CheckQuantum(rules.collection_quantum, "scheme.payment_rules.collection_quantum"));
  return CheckQuantum(rules.payout_quantum, "scheme.payment_rules.payout_quantum");
}

}  // namespace

absl::StatusOr<int64_t> CoefficientFrom(absl::string_view text, absl::string_view field) {
  const bool has_form =
      text.size() == kCoefficientLength && text[1] == '.' && (text[0] == '0' || text[0] == '1');
  if (!has_form) return FieldInvalid(field, kCoefficientForm);
  int64_t value = text[0] - '0';
  for (const char digit : text.substr(2)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) {
      return FieldInvalid(field, kCoefficientForm);
    }
    value = value * 10 + (digit - '0');
  }
  if (value > kCoefficientsWhole) return FieldInvalid(field, kCoefficientForm);
  return value;
}

std::string CoefficientText(int64_t coefficient) {
  return absl::StrFormat("%d.%06d", coefficient / kCoefficientsWhole,
                         coefficient % kCoefficientsWhole);
}

Scheme WithDefaults(Scheme scheme) {
  if (IsTrading(scheme)) {
    if (!scheme.policy.has_value()) scheme.policy = SettlementPolicy::kAsDelivered;
    return scheme;
  }
  if (!scheme.key.has_value()) scheme.key = SharingKey::kProportional;
  if (scheme.mechanism == Mechanism::kSharing && !scheme.internal_price.has_value()) {
    scheme.internal_price = Price();
  }
  return scheme;
}

absl::Status CheckScheme(const Scheme& scheme, const Community& community) {
  if (!IsResourceId(scheme.id.value())) return FieldInvalid("scheme_id", kIdForm);
  if (!IsOnGrid(scheme.starts_at, community.interval)) {
    return FieldInvalid("scheme.start_time", "must be a multiple of the community's interval");
  }
  PW_RETURN_IF_ERROR(CheckTrading(scheme));
  PW_RETURN_IF_ERROR(RequireAbsent(scheme.key.has_value(), !IsTrading(scheme), "scheme.sharing_key",
                                   "SHARING and FIXED_PRICE_POOL"));
  PW_RETURN_IF_ERROR(CheckShares(scheme));
  PW_RETURN_IF_ERROR(CheckPrices(scheme));
  return CheckPaymentRules(scheme);
}

bool SameContent(const Scheme& a, const Scheme& b) {
  return a.community == b.community && a.id == b.id && a.starts_at == b.starts_at &&
         a.mechanism == b.mechanism && a.policy == b.policy &&
         a.imbalance_purchase == b.imbalance_purchase && a.imbalance_sale == b.imbalance_sale &&
         a.key == b.key && a.shares == b.shares && a.internal_price == b.internal_price &&
         a.pool_price == b.pool_price && a.operator_share_ppm == b.operator_share_ppm &&
         a.payment_rules == b.payment_rules;
}

}  // namespace peerwatt::registry
