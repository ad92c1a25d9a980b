#pragma once

#include "services/settlement/core/period_books.h"

namespace peerwatt::settlement {

/// Settles trades by what was delivered.
///
/// What a seller fed in, at most what it sold, is shared over its trades in proportion to their
/// energy by largest remainder, equal remainders to the smaller trade id; the same for what a buyer
/// drew. A trade delivers the lesser of its two shares, at its own price, and the buyer pays the
/// trade's own network fee on it. The rest is bought at the retail price and sold at the feed-in
/// price.
/// Stops the process when a trade occurs twice.
void SettleAsDelivered(PeriodBooks& books);

/// Settles trades by what was agreed.
///
/// Each trade pays for all its energy. What the connection of a party drew beyond what it bought,
/// or fed in less than it sold, is a shortfall at the imbalance price; the other way round it is an
/// excess: against that party alone, by its own meter. A connection without trades in the period
/// has agreed to nothing and pays retail and feed-in. Stops the process when a trade occurs twice.
void SettleFirm(PeriodBooks& books);

/// Settles energy that is shared after delivery.
///
/// All that is fed in is the pool; the key decides what each connection that drew gets of it, at
/// the internal price. Connections that fed in deliver in proportion to what they fed in, by
/// largest remainder, and what was paid is divided over what they deliver by largest remainder. The
/// operator's share is taken from each producer's amount. The consumer pays the flat network fee.
/// The rest is bought at the retail price and sold at the feed-in price.
void SettleSharing(PeriodBooks& books);

/// Settles energy that is pooled at a fixed price.
///
/// As `SettleSharing`, but the operator's share is taken once, from all that was paid, and what is
/// left is distributed over what the producers contributed; the parts of share and distribution
/// stand on each producer's bill. 50 paid at 20 %: 10 kept, 40 distributed 30 and 10 to those who
/// contributed 75 and 25 %.
void SettlePool(PeriodBooks& books);

}  // namespace peerwatt::settlement
