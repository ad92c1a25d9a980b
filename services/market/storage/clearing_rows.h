#pragma once

#include <pqxx/pqxx>

#include "absl/status/statusor.h"
#include "services/market/core/clearing_record.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// Keeps a version of a network; one that is there stays as it is.
void InsertNetwork(pqxx::work& tx, const CommunityId& community, const NetworkVersion& network);
/// Reads a version; the empty id is one zone. Errors: NOT_FOUND.
absl::StatusOr<NetworkVersion> ReadNetwork(pqxx::work& tx, const CommunityId& community,
                                           const NetworkId& id);
/// Keeps who stood behind the participants of an auction at gate closure, as recorded until then.
void KeepOwners(pqxx::work& tx, const AuctionKey& key);
/// Puts the owners that were kept into an auction's orders.
void ReadOwners(pqxx::work& tx, const AuctionKey& key, std::vector<Order>& orders);
/// Keeps how an auction was cleared.
void InsertClearing(pqxx::work& tx, const AuctionKey& key, const ClearingRecord& record);
/// Errors: NOT_FOUND.
absl::StatusOr<ClearingRecord> ReadClearing(pqxx::work& tx, const AuctionKey& key);

}  // namespace peerwatt::market
