#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "peerwatt/market/v1/clearing.pb.h"
#include "services/market/core/clearing_record.h"
#include "services/market/core/network.h"
#include "services/market/core/replay.h"

namespace peerwatt::market {

/// network: the auction's.
peerwatt::market::v1::Clearing ToProto(const AuctionKey& key, const ClearingRecord& record,
                                       const NetworkVersion& network, const std::string& currency);
/// what_if: whether it was cleared by other rules.
peerwatt::market::v1::ReplayedAuction ToProto(const ReplayedAuction& replayed, bool what_if,
                                              const std::string& currency);

/// Rules as a client asks for them, and the version of the network that they name, if any.
struct AskedRules {
  WhatIf rules;
  std::optional<NetworkId> network;
};
/// Reads other rules for auctions of a community. Errors: FIELD_INVALID.
absl::StatusOr<AskedRules> RulesFrom(const peerwatt::market::v1::WhatIf& proto,
                                     const CommunityId& community);

}  // namespace peerwatt::market
