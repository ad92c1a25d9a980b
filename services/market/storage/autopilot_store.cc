#include "services/market/storage/autopilot_store.h"

#include <string>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/autopilot_rows.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

// One number of each interval of each plan, as the texts of arrays.
template <typename Get>
std::string Numbers(const std::vector<DayPlan>& plans, Get get) {
  return ToSqlColumn(plans, [&](const DayPlan& plan) {
    return ToSqlColumn(plan.intervals,
                       [&](const PlannedInterval& interval) -> int64_t { return get(interval); });
  });
}

void InsertPlans(pqxx::work& tx, const CommunityId& community, const std::vector<DayPlan>& plans) {
  const DayPlan& first = plans.front();
  Exec(tx, kInsertPlans, community.value(), postgres::ToSql(first.day.start),
       postgres::ToSql(first.plan_time), absl::ToInt64Seconds(first.resolution),
       ToSqlColumn(plans, [](const DayPlan& p) { return p.participant.value(); }),
       ToSqlColumn(plans, [](const DayPlan& p) { return p.id.value(); }),
       ToSqlColumn(plans, [](const DayPlan& p) { return p.version; }),
       Numbers(plans, [](const PlannedInterval& i) { return static_cast<int64_t>(i.reason); }),
       Numbers(plans, [](const PlannedInterval& i) { return i.forecast.wh(); }),
       Numbers(plans, [](const PlannedInterval& i) { return i.energy.wh(); }),
       Numbers(plans, [](const PlannedInterval& i) { return i.limit.micros_per_kwh(); }),
       Numbers(plans, [](const PlannedInterval& i) { return i.worst_cost.micros(); }));
}

DayPlan PlanFrom(const ParticipantId& participant, const StandingOrderId& id,
                 const pqxx::row& row) {
  DayPlan plan;
  plan.participant = participant;
  plan.id = id;
  plan.day.start = TimeFrom(row[0]);
  plan.version = postgres::Int32From(row[1]);
  plan.plan_time = TimeFrom(row[2]);
  plan.resolution = absl::Seconds(postgres::Int32From(row[3]));
  const std::vector<int64_t> reasons = postgres::Int64ArrayFrom(row[4]);
  const std::vector<int64_t> forecasts = postgres::Int64ArrayFrom(row[5]);
  const std::vector<int64_t> energies = postgres::Int64ArrayFrom(row[6]);
  const std::vector<int64_t> limits = postgres::Int64ArrayFrom(row[7]);
  const std::vector<int64_t> costs = postgres::Int64ArrayFrom(row[8]);
  for (size_t i = 0; i < reasons.size(); ++i) {
    plan.intervals.push_back({static_cast<SizingReason>(reasons[i]),
                              Energy::WattHours(forecasts[i]), Energy::WattHours(energies[i]),
                              Price::MicrosPerKwh(limits[i]), Money::Micros(costs[i])});
  }
  plan.day.end = plan.day.start + plan.resolution * static_cast<int64_t>(reasons.size());
  return plan;
}

std::vector<DayPlan> ReadPlans(pqxx::work& tx, const CommunityId& community,
                               const ParticipantId& participant, const StandingOrderId& id,
                               Interval span) {
  std::vector<DayPlan> plans;
  for (const auto& row :
       Exec(tx, kSelectPlans, community.value(), participant.value(), id.value(),
            postgres::ToSql(span.start), postgres::ToSql(span.end))) {
    plans.push_back(PlanFrom(participant, id, row));
  }
  return plans;
}

PlacedOrder PlacedOrderFrom(const pqxx::row& row) {
  PlacedOrder order;
  order.delivery_start = TimeFrom(row[0]);
  order.id = OrderId(TextFrom(row[1]));
  order.side = postgres::BoolFrom(row[2]) ? Side::kBid : Side::kOffer;
  order.energy = Energy::WattHours(Int64From(row[3]));
  order.filled = Energy::WattHours(Int64From(row[4]));
  order.limit = Price::MicrosPerKwh(Int64From(row[5]));
  order.hold = Money::Micros(Int64From(row[6]));
  order.state = OrderStateFrom(TextFrom(row[7]));
  order.is_final = postgres::BoolFrom(row[8]);
  return order;
}

PlacedTrade PlacedTradeFrom(const pqxx::row& row) {
  return {TimeFrom(row[0]), postgres::BoolFrom(row[1]) ? Side::kBid : Side::kOffer,
          Energy::WattHours(Int64From(row[2])), Price::MicrosPerKwh(Int64From(row[3])),
          Price::MicrosPerKwh(Int64From(row[4]))};
}

}  // namespace

absl::Status PostgresAutopilotStore::RunAsHolder(
    const CommunityId& community, absl::FunctionRef<absl::Status(pqxx::work&)> body) {
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    if (leases_ != nullptr) {
      PW_RETURN_IF_ERROR(leases_->Require(tx, community));
    }
    return body(tx);
  });
}

absl::StatusOr<bool> PostgresAutopilotStore::IsPlanned(const CommunityId& community,
                                                       absl::Time day_start) {
  bool is_planned = false;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    is_planned =
        !Exec(tx, kSelectPlannedDay, community.value(), postgres::ToSql(day_start)).empty();
    return absl::OkStatus();
  }));
  return is_planned;
}

absl::StatusOr<std::vector<LimitsVersion>> PostgresAutopilotStore::ListLimits(
    const CommunityId& community) {
  std::vector<LimitsVersion> limits;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    limits = ReadLimits(tx, community);
    return absl::OkStatus();
  }));
  return limits;
}

absl::Status PostgresAutopilotStore::KeepPlans(const CommunityId& community,
                                               const std::vector<DayPlan>& plans) {
  if (plans.empty()) {
    return absl::OkStatus();
  }
  return RunAsHolder(community, [&](pqxx::work& tx) {
    InsertPlans(tx, community, plans);
    return absl::OkStatus();
  });
}

absl::Status PostgresAutopilotStore::MarkPlanned(const CommunityId& community,
                                                 absl::Time day_start, absl::Time plan_time) {
  return RunAsHolder(community, [&](pqxx::work& tx) {
    Exec(tx, kMarkPlanned, community.value(), postgres::ToSql(day_start),
         postgres::ToSql(plan_time));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<StandingOrder>> PostgresAutopilotStore::ListRamped(
    const CommunityId& community) {
  std::vector<StandingOrder> orders;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    orders.clear();
    for (const auto& row : Exec(tx, kRampedStandingOrders, community.value())) {
      orders.push_back(StandingOrderFrom(row));
    }
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<std::vector<QuotableAuction>> PostgresAutopilotStore::ListQuotable(
    const CommunityId& community, absl::Time now) {
  std::vector<QuotableAuction> auctions;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    auctions.clear();
    for (const auto& row : Exec(tx, kQuotableAuctions, community.value(), postgres::ToSql(now))) {
      auctions.push_back({AuctionFrom(row), postgres::Int32From(row["quoted_steps"])});
    }
    return absl::OkStatus();
  }));
  return auctions;
}

absl::StatusOr<std::optional<NewQuotes>> PostgresAutopilotStore::ReplaceQuotes(
    const AuctionKey& key, int32_t steps, const DayBudgets& budgets,
    absl::FunctionRef<std::vector<Order>(const Closing&)> place) {
  std::optional<NewQuotes> quotes;
  PW_RETURN_IF_ERROR(RunAsHolder(key.community, [&](pqxx::work& tx) {
    quotes.reset();
    // While quotes are placed, halts and kill switches stay as they are.
    if (Exec(tx, kShareControls, key.community.value()).empty()) {
      Exec(tx, kAddControls, key.community.value());
      Exec(tx, kShareControls, key.community.value());
    }
    if (Exec(tx, kBeginStep, key.community.value(), postgres::ToSql(key.delivery_start), steps)
            .empty()) {
      return absl::OkStatus();
    }
    quotes.emplace();
    for (const WithdrawnQuote& quote : WithdrawQuotes(tx, key)) {
      if (quote.hold > Money()) {
        quotes->withdrawn.push_back({quote.id, Money()});
      }
    }
    const std::vector<Order> orders = place(ReadClosing(tx, key, budgets, false));
    if (!orders.empty()) {
      PW_CHECK(InsertOrders(tx, key.community, orders) == orders.size(),
               "clients cannot take the ids of standing orders");
      ReserveCosts(tx, key, budgets, orders);
    }
    quotes->added = static_cast<int64_t>(orders.size());
    return absl::OkStatus();
  }));
  return quotes;
}

absl::StatusOr<std::vector<DayPlan>> PostgresAutopilotView::ListPlans(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
    Interval span) {
  std::vector<DayPlan> plans;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    plans = ReadPlans(tx, community, participant, id, span);
    return absl::OkStatus();
  }));
  return plans;
}

absl::StatusOr<ReportInput> PostgresAutopilotView::ReadReport(const CommunityId& community,
                                                              const ParticipantId& participant,
                                                              const StandingOrderId& id,
                                                              Interval span) {
  ReportInput input;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    input = {};
    input.plans = ReadPlans(tx, community, participant, id, span);
    std::vector<absl::Time> starts;
    std::vector<std::string> ids;
    for (const auto& row :
         Exec(tx, kReportedOrders, community.value(), participant.value(), id.value(),
              postgres::ToSql(span.start), postgres::ToSql(span.end))) {
      input.orders.push_back(PlacedOrderFrom(row));
      if (input.orders.back().filled > Energy()) {
        starts.push_back(input.orders.back().delivery_start);
        ids.push_back(input.orders.back().id.value());
      }
    }
    if (ids.empty()) {
      return absl::OkStatus();
    }
    for (const auto& row :
         Exec(tx, kReportedTrades, community.value(), ToSqlArray(starts), ToSqlArray(ids))) {
      input.trades.push_back(PlacedTradeFrom(row));
    }
    return absl::OkStatus();
  }));
  return input;
}

absl::StatusOr<std::vector<StandingOrder>> PostgresAutopilotView::ListVersions(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
    int32_t after, int32_t limit) {
  std::vector<StandingOrder> versions;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    versions.clear();
    for (const auto& row : Exec(tx, kListVersions, community.value(), participant.value(),
                                id.value(), after, limit)) {
      versions.push_back(StandingOrderFrom(row));
    }
    return absl::OkStatus();
  }));
  return versions;
}

}  // namespace peerwatt::market
