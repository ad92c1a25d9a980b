#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/communities.h"

namespace peerwatt::registry {

using SchemeId = Id<struct SchemeTag>;

/// How neighbours get each other's energy. The numbers are those of the protocol.
enum class Mechanism { kTrading = 1, kSharing = 2, kFixedPricePool = 3 };
/// What a trade pays for. The numbers are those of the protocol.
enum class SettlementPolicy { kAsDelivered = 1, kFirm = 2 };
/// Who gets what of shared energy. The numbers are those of the protocol.
enum class SharingKey {
  kStatic = 1,
  kProportional = 2,
  kEqual = 3,
  kCascading = 4,
  kRelative = 5,
  kOptimal = 6
};

/// What a metering point has in a sharing key.
struct SchemeShare {
  MeteringPointId point;
  std::optional<int64_t> coefficient;  ///< millionths
  int32_t rank = 0;                    ///< from 1; 0: none
  bool operator==(const SchemeShare&) const = default;
};

/// How a pool asks for money and hands it on.
struct SchemePaymentRules {
  Energy billing_unit = Energy::WattHours(1);
  std::optional<Money> collection_quantum;  ///< none: any amount
  std::optional<Money> payout_quantum;      ///< none: any amount
  bool operator==(const SchemePaymentRules&) const = default;
};

/// The scheme of a community from an instant on. Never changed. What the mechanism does not use is
/// empty.
struct Scheme {
  CommunityId community;
  SchemeId id;
  absl::Time starts_at;
  Mechanism mechanism = Mechanism::kTrading;
  std::optional<SettlementPolicy> policy;           ///< trading
  std::optional<Price> imbalance_purchase;          ///< firm; none: the retail price
  std::optional<Price> imbalance_sale;              ///< firm; none: the feed-in price
  std::optional<SharingKey> key;                    ///< sharing and pool
  std::vector<SchemeShare> shares;                  ///< keys with coefficients or ranks
  std::optional<Price> internal_price;              ///< sharing
  std::optional<Price> pool_price;                  ///< pool
  std::optional<int64_t> operator_share_ppm;        ///< none: the community's
  std::optional<SchemePaymentRules> payment_rules;  ///< pool
  absl::Time created_at;
};

/// Most shares of a scheme.
inline constexpr size_t kSharesMax = 10'000;
/// The whole of all coefficients: six decimals.
inline constexpr int64_t kCoefficientsWhole = 1'000'000;
/// Highest rank of a cascading key.
inline constexpr int32_t kRankMax = 1'000'000;

/// Reads a coefficient: `0.` or `1.` and exactly six decimals, at most `1.000000`.
/// Errors: FIELD_INVALID for `field`.
absl::StatusOr<int64_t> CoefficientFrom(absl::string_view text, absl::string_view field);
/// Writes a coefficient with six decimals.
std::string CoefficientText(int64_t coefficient);

/// Puts in what a mechanism means when it is absent: policy, key and internal price.
Scheme WithDefaults(Scheme scheme);

/// A scheme has what its mechanism uses and nothing else; it starts with an interval of its
/// community; coefficients sum to exactly 1.000000, each point counts once; quanta are above zero.
/// scheme: with defaults.
/// Errors: FIELD_INVALID, for the first wrong field in the order of the proto; a wrong sum of
/// coefficients after each of them.
absl::Status CheckScheme(const Scheme& scheme, const Community& community);
/// Whether two versions differ at most in their time of creation.
bool SameContent(const Scheme& a, const Scheme& b);

/// Versions of schemes.
class SchemeStore {
 public:
  virtual ~SchemeStore() = default;
  /// Keeps a version and writes down who made it.
  /// opened_until: auctions for intervals up to it may be open; a new version starts later.
  /// Errors, in this order: CONTENT_DIFFERS, SCHEME_START_TOO_SOON, METERING_POINT_UNKNOWN,
  /// SCHEME_START_TAKEN.
  virtual absl::StatusOr<Scheme> Create(const Scheme& scheme, absl::Time opened_until,
                                        const Actor& actor) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Scheme> Get(const CommunityId& community, const SchemeId& id) = 0;
  /// At most `limit` versions that start before `before`, newest first.
  virtual absl::StatusOr<std::vector<Scheme>> List(const CommunityId& community, absl::Time before,
                                                   int limit) = 0;
  /// The version in force at the start of a span and those that start within it, by start.
  virtual absl::StatusOr<std::vector<Scheme>> ListInForce(const CommunityId& community,
                                                          Interval span) = 0;
};

}  // namespace peerwatt::registry
