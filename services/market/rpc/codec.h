#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "peerwatt/market/v1/market.pb.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

// Resource names.
std::string NameOf(const AuctionKey& key);
std::string NameOf(const AuctionKey& key, const OrderId& order);
std::string NameOf(const MeteringPointId& point);
/// Empty for the empty id.
std::string NameOf(const CommunityId& community, const NetworkId& network);
std::string NameOf(const ParticipantId& participant);
std::string NameOf(const ParticipantId& participant, const StandingOrderId& order);

/// Reads `communities/*/auctions/*`. Errors: FIELD_INVALID.
absl::StatusOr<AuctionKey> AuctionKeyFrom(absl::string_view name, absl::string_view field);

/// An auction and what follows it in a name.
struct OrderName {
  AuctionKey auction;
  OrderId order;
};
/// Reads `communities/*/auctions/*/orders/*`. Errors: FIELD_INVALID.
absl::StatusOr<OrderName> OrderNameFrom(absl::string_view name, absl::string_view field);

peerwatt::market::v1::Order::EnergySource ToProto(EnergySource source);
peerwatt::market::v1::Auction ToProto(const Auction& auction, const std::string& currency);
peerwatt::market::v1::Order ToProto(const Order& order, const std::string& currency);
peerwatt::market::v1::Trade ToProto(const Trade& trade, const AuctionKey& key,
                                    const std::string& currency);
peerwatt::market::v1::StandingOrder ToProto(const StandingOrder& order,
                                            const std::string& currency);

/// Reads requirements and premium of an order. Errors: FIELD_INVALID.
absl::Status ReadPreference(const peerwatt::market::v1::Order& proto, const std::string& currency,
                            Order& order);
/// Shows them, and zone and source.
void WritePreference(const Order& order, const std::string& currency,
                     peerwatt::market::v1::Order& proto);

/// Reads what a client says about an order: side, metering point, energy, limit, preference, and
/// when it trades.
/// Errors: FIELD_INVALID.
absl::StatusOr<Order> OrderFrom(const peerwatt::market::v1::Order& proto,
                                const std::string& currency);
/// Reads metering point and prices; at least one price is set. Errors: FIELD_INVALID.
absl::StatusOr<StandingOrder> StandingOrderFrom(const peerwatt::market::v1::StandingOrder& proto,
                                                const std::string& currency);

}  // namespace peerwatt::market
