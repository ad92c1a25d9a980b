#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/peerwatt/proofs.h"
#include "tools/peerwatt/report.h"

namespace peerwatt::tool {
namespace {

Json ScenarioJson(const Scenario& scenario) {
  const DemoRules& rules = scenario.rules;
  return {{"community", rules.community},
          {"currency", rules.currency},
          {"time_zone", rules.time_zone},
          {"data", scenario.data_folder.empty() ? "generated" : "measured"},
          {"seed", scenario.seed},
          {"start_time", TimeText(scenario.timetable.start)},
          {"end_time", TimeText(scenario.timetable.end)},
          {"interval_seconds", absl::ToInt64Seconds(rules.interval)},
          {"interval_count", scenario.interval_count()},
          {"household_count", scenario.households.size()},
          {"network_fee_micros_per_kwh", rules.network_fee.micros_per_kwh()},
          {"operator_share_ppm", rules.operator_share_ppm},
          {"retail_price_micros_per_kwh", rules.retail.micros_per_kwh()},
          {"feed_in_price_micros_per_kwh", rules.feed_in.micros_per_kwh()}};
}

Json RunJson(const RunFigures& run) {
  const double seconds = absl::ToDoubleSeconds(run.duration);
  Json waited = Json::object();
  for (const auto& [part, duration] : run.waited) waited[part] = absl::ToDoubleSeconds(duration);
  return {{"duration_seconds", seconds},
          {"readings_acknowledged", run.readings_acknowledged},
          {"readings_refused", run.readings_refused},
          {"readings_per_second",
           seconds > 0 ? static_cast<double>(run.readings_acknowledged) / seconds : 0.0},
          {"reconnects", run.reconnects},
          {"outages", run.outages},
          {"restarts", run.restarts},
          {"waited_seconds", std::move(waited)}};
}

Json HouseholdJson(const HouseholdFigures& household) {
  Json points = Json::array();
  for (const PointFigures& point : household.points) {
    points.push_back({{"name", point.name},
                      {"import_wh", point.imported.wh()},
                      {"export_wh", point.exported.wh()},
                      {"reading_count", point.reading_count},
                      {"input_wh", point.input.wh()}});
  }
  return {{"participant", absl::StrCat("participants/", household.id)},
          {"pv_peak_w", household.pv_peak_w},
          {"bid_price_micros_per_kwh", household.bid_price.micros_per_kwh()},
          {"offer_price_micros_per_kwh",
           household.pv_peak_w > 0 ? Json(household.offer_price.micros_per_kwh()) : Json(nullptr)},
          {"consumed_wh", household.Imported().wh()},
          {"produced_wh", household.Exported().wh()},
          {"self_consumed_wh", household.Item("SELF_CONSUMPTION").energy.wh()},
          {"bought_wh", household.Item("PURCHASE").energy.wh()},
          {"sold_wh", household.Item("SALE").energy.wh()},
          {"from_main_grid_wh", household.Item("RETAIL").energy.wh()},
          {"to_main_grid_wh", household.Item("FEED_IN").energy.wh()},
          {"bill_micros", -household.total.micros()},
          {"bill_without_trading_micros", -household.total_without_trading.micros()},
          {"saving_micros", (household.total - household.total_without_trading).micros()},
          {"metering_points", std::move(points)}};
}

Json CommunityJson(const CommunityShares& shares) {
  return {{"consumed_wh", shares.consumed.wh()},
          {"produced_wh", shares.produced.wh()},
          {"self_consumed_wh", shares.own.wh()},
          {"traded_wh", shares.local.wh()},
          {"self_sufficiency_ppm", shares.self_sufficiency_ppm},
          {"self_consumption_ppm", shares.self_consumption_ppm},
          {"local_share_ppm", shares.local_share_ppm}};
}

Json PricesJson(const Scenario& scenario, const std::vector<AuctionFigures>& auctions) {
  const PriceRange range = RangeOf(auctions);
  absl::TimeZone zone;
  absl::LoadTimeZone(scenario.rules.time_zone, &zone);
  Json days = Json::array();
  for (const auto& day : ByLocalDay(auctions, zone)) {
    Json prices = Json::array();
    for (const AuctionFigures& auction : day) {
      prices.push_back(auction.price.has_value() ? Json(auction.price->micros_per_kwh())
                                                 : Json(nullptr));
    }
    days.push_back({{"day", absl::FormatTime("%Y-%m-%d", day.front().start, zone)},
                    {"prices_micros_per_kwh", std::move(prices)}});
  }
  const bool traded = range.auction_count > 0;
  return {{"auction_count", auctions.size()},
          {"auctions_with_trades", range.auction_count},
          {"min_micros_per_kwh", traded ? Json(range.min.micros_per_kwh()) : Json(nullptr)},
          {"mean_micros_per_kwh", traded ? Json(range.mean.micros_per_kwh()) : Json(nullptr)},
          {"max_micros_per_kwh", traded ? Json(range.max.micros_per_kwh()) : Json(nullptr)},
          {"by_day", std::move(days)}};
}

Json EnergyJson(const EnergyProof& proof) {
  return {{"holds", proof.holds},
          {"metered_import_wh", proof.imported.wh()},
          {"metered_export_wh", proof.exported.wh()},
          {"drawn_wh", proof.drawn.wh()},
          {"fed_in_wh", proof.fed_in.wh()},
          {"self_consumed_wh", proof.self_consumed.wh()},
          {"delivered_wh", proof.delivered.wh()},
          {"retail_wh", proof.retail.wh()},
          {"surplus_wh", proof.surplus.wh()},
          {"bought_billed_wh", proof.bought.wh()},
          {"sold_billed_wh", proof.sold.wh()},
          {"retail_billed_wh", proof.retail_billed.wh()},
          {"surplus_billed_wh", proof.surplus_billed.wh()},
          {"self_consumed_billed_wh", proof.self_consumed_billed.wh()},
          {"period_count", proof.period_count},
          {"period_count_expected", proof.period_count_expected},
          {"periods_unbalanced", proof.periods_unbalanced},
          {"households_unbalanced", proof.households_unbalanced},
          {"substituted_count", proof.substituted_count}};
}

Json LedgerProofJson(const LedgerFigures& ledger) {
  return {{"holds", LedgerSumsToZero(ledger)},
          {"postings_sum_micros", ledger.postings_sum.micros()},
          {"balances_sum_micros", ledger.balances_sum.micros()},
          {"mismatched_account_count", ledger.mismatched_account_count},
          {"unbalanced_entry_count", ledger.unbalanced_entry_count},
          {"entry_count", ledger.entry_count},
          {"trial_balance_entry_count", ledger.balance_entry_count}};
}

Json ReadingsJson(const ReadingsProof& proof) {
  return {{"holds", proof.holds},
          {"point_count", proof.point_count},
          {"points_differing", proof.points_differing},
          {"reading_count", proof.reading_count},
          {"reading_count_expected", proof.reading_count_expected},
          {"stored_wh", proof.stored.wh()},
          {"input_wh", proof.input.wh()}};
}

}  // namespace

Json ReportJson(const Scenario& scenario, const DemoFigures& figures) {
  Json households = Json::array();
  for (const HouseholdFigures& household : figures.households) {
    households.push_back(HouseholdJson(household));
  }
  const int64_t intervals = scenario.interval_count();
  return {{"scenario", ScenarioJson(scenario)},
          {"run", RunJson(figures.run)},
          {"households", std::move(households)},
          {"community", CommunityJson(SharesOf(figures))},
          {"kpis", KpisJson(figures.kpis)},
          {"prices", PricesJson(scenario, figures.auctions)},
          {"proofs",
           {{"energy_accounted", EnergyJson(ProveEnergy(figures, intervals))},
            {"ledger_sum_zero", LedgerProofJson(figures.ledger)},
            {"readings_equal_input", ReadingsJson(ProveReadings(figures, intervals))}}},
          {"ledger",
           {{"entry_count", figures.ledger.entry_count},
            {"digest_sha256", figures.ledger.digest_sha256}}}};
}

bool ProofsHold(const Scenario& scenario, const DemoFigures& figures) {
  const int64_t intervals = scenario.interval_count();
  return ProveEnergy(figures, intervals).holds && LedgerSumsToZero(figures.ledger) &&
         ProveReadings(figures, intervals).holds;
}

}  // namespace peerwatt::tool
