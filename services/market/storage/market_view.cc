#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/clearing_rows.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;

std::string At(const AuctionKey& key) { return postgres::ToSql(key.delivery_start); }

// Runs one statement and reads each row of its answer.
template <typename Read, typename... Args>
auto ReadAll(postgres::Pool& pool, Read read, const postgres::Query& query, const Args&... args)
    -> absl::StatusOr<std::vector<decltype(read(std::declval<const pqxx::row&>()))>> {
  std::vector<decltype(read(std::declval<const pqxx::row&>()))> values;
  PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) {
    values.clear();
    for (const auto& row : Exec(tx, query, args...)) {
      values.push_back(read(row));
    }
    return absl::OkStatus();
  }));
  return values;
}

// The final auctions at the front of a span. Auctions open one after the other, so where there is
// none the community shares its energy.
std::vector<Outcome> FinalAuctions(const pqxx::result& rows) {
  std::vector<Outcome> outcomes;
  for (const auto& row : rows) {
    const absl::Time start = postgres::TimeFrom(row[0]);
    const bool is_final = postgres::BoolFrom(row[2]);
    if (!is_final) {
      break;
    }
    outcomes.push_back(
        {start, postgres::TimeFrom(row[1]), Money::Micros(postgres::Int64From(row[3])), {}, {}});
  }
  return outcomes;
}

}  // namespace

absl::StatusOr<Auction> PostgresMarketView::GetAuction(const AuctionKey& key) {
  PW_ASSIGN_OR_RETURN(std::vector<Auction> found,
                      ReadAll(pool_, AuctionFrom, kSelectAuction, key.community.value(), At(key)));
  if (found.empty()) {
    return Error(kNotFound, "there is no such auction");
  }
  return std::move(found[0]);
}

absl::StatusOr<ClearingRecord> PostgresMarketView::GetClearing(const AuctionKey& key) {
  ClearingRecord record;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(record, ReadClearing(tx, key));
    return absl::OkStatus();
  }));
  return record;
}

absl::StatusOr<std::vector<Auction>> PostgresMarketView::ListAuctions(const CommunityId& community,
                                                                      Interval span,
                                                                      int32_t limit) {
  return ReadAll(pool_, AuctionFrom, kListAuctions, community.value(), postgres::ToSql(span.start),
                 postgres::ToSql(span.end), limit);
}

absl::StatusOr<std::vector<Order>> PostgresMarketView::ListOrders(const AuctionKey& key,
                                                                  const ParticipantId& owner,
                                                                  const ListSpan& span) {
  return ReadAll(pool_, OrderFrom, kListOrders, key.community.value(), At(key), span.after,
                 owner.value(), span.limit);
}

absl::StatusOr<std::vector<Trade>> PostgresMarketView::ListTrades(const AuctionKey& key,
                                                                  const ParticipantId& owner,
                                                                  int32_t after_number,
                                                                  int32_t limit) {
  return ReadAll(pool_, TradeFrom, kListTrades, key.community.value(), At(key), after_number,
                 owner.value(), limit);
}

absl::StatusOr<StandingOrder> PostgresMarketView::GetStandingOrder(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id) {
  PW_ASSIGN_OR_RETURN(std::vector<StandingOrder> found,
                      ReadAll(pool_, StandingOrderFrom, kSelectStandingOrder, community.value(),
                              participant.value(), id.value()));
  if (found.empty()) {
    return Error(kNotFound, "there is no such standing order");
  }
  return std::move(found[0]);
}

absl::StatusOr<std::vector<StandingOrder>> PostgresMarketView::ListStandingOrders(
    const CommunityId& community, const ParticipantId& participant, const ListSpan& span) {
  return ReadAll(pool_, StandingOrderFrom, kListStandingOrders, community.value(),
                 participant.value(), span.after, span.limit);
}

absl::StatusOr<Progress> PostgresMarketView::GetProgress(const CommunityId& community) {
  PW_ASSIGN_OR_RETURN(
      const std::vector<Progress> rows,
      ReadAll(
          pool_,
          [](const pqxx::row& row) {
            return Progress{postgres::OptionalTimeFrom(row[0]), postgres::Int32From(row[1])};
          },
          kProgress, community.value()));
  return rows[0];
}

absl::StatusOr<std::vector<Outcome>> PostgresMarketView::ListOutcomes(const CommunityId& community,
                                                                      Interval span) {
  std::vector<Outcome> outcomes;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    outcomes = FinalAuctions(Exec(tx, kFinalInSpan, community.value(), postgres::ToSql(span.start),
                                  postgres::ToSql(span.end)));
    if (outcomes.empty()) {
      return absl::OkStatus();
    }
    size_t at = 0;
    for (const auto& row : Exec(tx, kTradesInSpan, community.value(), postgres::ToSql(span.start),
                                postgres::ToSql(outcomes.back().delivery_end))) {
      const absl::Time start = postgres::TimeFrom(row[9]);
      while (outcomes[at].delivery_start != start) {
        ++at;
      }
      Outcome& outcome = outcomes[at];
      const Trade& trade = outcome.trades.emplace_back(TradeFrom(row));
      const Price gain = Price::MicrosPerKwh(postgres::Int64From(row[13]));
      outcome.gains.push_back(gain);
      if (trade.origin != TradeOrigin::kAuction) {
        outcome.welfare += AmountOf(trade.energy, gain, Rounding::kDown);
      }
    }
    return absl::OkStatus();
  }));
  return outcomes;
}

}  // namespace peerwatt::market
