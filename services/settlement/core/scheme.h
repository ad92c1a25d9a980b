#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/settlement/core/sharing.h"

namespace peerwatt::settlement {

using SchemeId = Id<struct SchemeTag>;

/// How neighbours get each other's energy.
enum class Mechanism {
  kTrading,        ///< by trades agreed in the market
  kSharing,        ///< after delivery, by a key, at an internal price
  kFixedPricePool  ///< after delivery, by a key, at a fixed price that producers divide
};

/// What a trade pays for.
enum class DeliveryPolicy {
  kAsDelivered,  ///< what was delivered
  kFirm          ///< what was traded; deviations are imbalance
};

/// The rank of a point that a cascading key does not name: after all that it names.
inline constexpr int32_t kUnranked = std::numeric_limits<int32_t>::max();

/// What a metering point has in a sharing key.
struct PointShare {
  MeteringPointId point;
  int64_t coefficient = 0;  ///< millionths
  int32_t rank = kUnranked;
  bool operator==(const PointShare&) const = default;
};

/// In what portions a pool asks for money and hands it on.
struct PoolPortions {
  Energy billing_unit = Energy::WattHours(1);   ///< > 0
  Money collection_quantum = Money::Micros(1);  ///< > 0
  Money payout_quantum = Money::Micros(1);      ///< > 0
  bool operator==(const PoolPortions&) const = default;
};

/// A version of a community's scheme, in force from an instant on. Never changed.
struct Scheme {
  SchemeId id;  ///< empty: the community has none yet
  absl::Time starts_at = absl::InfinitePast();
  Mechanism mechanism = Mechanism::kTrading;
  DeliveryPolicy policy = DeliveryPolicy::kAsDelivered;
  std::optional<Price> imbalance_purchase;  ///< what a shortfall costs; none: the retail price
  std::optional<Price> imbalance_sale;      ///< what an excess earns; none: the feed-in price
  SharingKey key = SharingKey::kProportional;
  std::vector<PointShare> shares;             ///< by the key; each point once
  Price local_price;                          ///< of shared or pooled energy
  std::optional<int64_t> operator_share_ppm;  ///< none: the community's
  std::optional<PoolPortions> portions;       ///< of a pool; none: it asks for nothing by itself
  bool operator==(const Scheme&) const = default;
};

/// The version in force at an instant: the one with the latest start; before the first, and where
/// there is none, energy is traded and settled as delivered.
/// versions: by start.
const Scheme& SchemeAt(const std::vector<Scheme>& versions, absl::Time time);

/// Whether energy is settled by trades, so that a period waits for its auction.
inline bool UsesTrades(const Scheme& scheme) { return scheme.mechanism == Mechanism::kTrading; }

/// Errors: SHARING_INVALID when the coefficients that the key needs do not sum to one, one is
/// negative, or a point occurs twice.
absl::Status CheckShares(const Scheme& scheme);

}  // namespace peerwatt::settlement
