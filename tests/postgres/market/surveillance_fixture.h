#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/postgres/codec.h"
#include "services/market/core/surveillance/surveyor.h"
#include "services/market/storage/surveillance_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {

/// A market whose auctions are final, in a fresh database, as surveillance finds it.
struct WatchedWorld : World {
  WatchedWorld() : surveys(pool), survey_view(pool), source(pool) {
    registry.snapshot.rules.trading_start = day;
    Require(rules.Refresh());
  }

  void Run(const std::string& sql) {
    pqxx::connection connection(database->dsn());
    pqxx::work tx(connection);
    tx.exec("SET TIME ZONE 'UTC'");
    tx.exec(sql);
    tx.commit();
  }
  int64_t Count(const std::string& of) {
    pqxx::connection connection(database->dsn());
    pqxx::work tx(connection);
    return tx.exec("SELECT count(*) FROM " + of)[0][0].as<int64_t>();
  }

  /// Opens and finishes all auctions of so many days.
  void AddDays(int first, int count) {
    Run(
        absl::StrCat("INSERT INTO auctions (community_id, delivery_start_at, delivery_end_at, "
                     "gate_closure_at, state, network_fee_micros, holds_reduced) "
                     "SELECT 'c1', t, t + interval '15 minutes', t - interval '1 hour', "
                     "'CLEARED', 0, true FROM generate_series(",
                     Sql(Day(first)), ", ", Sql(Day(first + count) - absl::Minutes(15)),
                     ", interval '15 minutes') AS t"));
  }
  void AddTrade(absl::Time delivery, int number, const std::string& seller,
                const std::string& buyer, int64_t energy_wh) {
    Run(
        absl::StrCat("INSERT INTO trades (community_id, delivery_start_at, trade_number, "
                     "bid_order_id, offer_order_id, energy_wh, price_micros, "
                     "buyer_metering_point_id, seller_metering_point_id, buyer_id, seller_id, "
                     "buyer_price_micros, network_fee_micros) "
                     "VALUES ('c1', ",
                     Sql(delivery), ", ", number, ", 'b', 'o', ", energy_wh, ", 123450, 'm-", buyer,
                     "', 'm-", seller, "', '", buyer, "', '", seller, "', 123450, 0)"));
  }
  /// state: with its own columns, as `'CANCELLED'`.
  void AddOrders(absl::Time delivery, int first, int count, const std::string& participant,
                 const std::string& state) {
    Run(absl::StrCat(
        "INSERT INTO orders (community_id, delivery_start_at, order_id, side, "
        "metering_point_id, grid_connection_id, participant_id, energy_wh, "
        "limit_micros, hold_micros, state, rejection_reason, created_at) "
        "SELECT 'c1', ",
        Sql(delivery), ", 'o' || i, 'BID', 'm', 'g', '", participant, "', 600, 200000, 0, '", state,
        "', '", state == "REJECTED" ? "NO" : "", "', ", Sql(delivery - absl::Hours(3)),
        " FROM generate_series(", first, ", ", first + count - 1, ") AS i"));
  }
  static std::string Sql(absl::Time time) {
    return absl::StrCat("timestamptz '", postgres::ToSql(time), "'");
  }
  absl::Time Day(int number) const { return day + absl::Hours(24) * number; }

  /// A day on which p1 and p2 sell each other 1000 Wh.
  void AddReturn(int number) {
    AddTrade(Day(number) + absl::Hours(10), 1, "p1", "p2", 1'000);
    AddTrade(Day(number) + absl::Minutes(615), 1, "p2", "p1", 1'000);
  }

  const absl::Time day = absl::FromUnixSeconds(1'799'971'200);
  PostgresSurveyStore surveys;
  PostgresSurveyView survey_view;
  PostgresExportSource source;
};

/// Counts what was kept.
class CountingProbe final : public SurveyProbe {
 public:
  void DaySurveyed(const SurveyResult& result) override {
    ++days;
    findings += static_cast<int>(result.findings.size());
  }
  int days = 0;
  int findings = 0;
};

}  // namespace peerwatt::market
