// Backtests standing orders: measured households and plants trade each quarter-hour by what was
// known one interval before gate closure, and the settlement of what really flowed says what the
// neighbours save. Beside it the same with perfect foresight, and with the value of the day before.
//
//   bench_autopilot [FOLDER]   measured profiles in FOLDER; made-up ones if none
//
// Prints one JSON object per kind of foresight.
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "bench/metering/backtest.h"
#include "bench/metering/neighbourhood.h"
#include "libs/base/check.h"
#include "services/market/core/controls.h"
#include "services/market/core/forecast.h"
#include "services/market/core/gate_closure.h"
#include "services/metering/core/forecast/forecast.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::market {
namespace {

using metering::Neighbourhood;
using metering::ReadingColumn;

constexpr uint64_t kSeed = 1;
const Price kRetail = Price::MicrosPerKwh(320'000);
const Price kFeedIn = Price::MicrosPerKwh(80'000);
const Price kNetworkFee = Price::MicrosPerKwh(20'000);
constexpr absl::Duration kGateClosureLead = absl::Hours(1);

/// A house: what it draws, and its plant if it has one.
struct House {
  const ReadingColumn* load = nullptr;
  const ReadingColumn* plant = nullptr;
};

/// Every fifth house has a plant, as long as there are plants.
std::vector<House> HousesOf(const Neighbourhood& in) {
  std::vector<House> houses;
  for (size_t i = 0; i < in.households.size(); ++i) {
    const bool has_plant = i % 5 == 0 && i / 5 < in.plants.size();
    houses.push_back({&in.households[i], has_plant ? &in.plants[i / 5] : nullptr});
  }
  return houses;
}

std::string LoadOf(size_t house) { return absl::StrCat("load-", house); }
std::string PlantOf(size_t house) { return absl::StrCat("plant-", house); }

/// The community and a standing order of each house, which takes whatever beats the main grid.
struct Community {
  explicit Community(const std::vector<House>& houses) {
    snapshot.rules.id = CommunityId("street");
    snapshot.rules.interval = absl::Minutes(15);
    snapshot.rules.time_zone = "Europe/Berlin";
    for (size_t i = 0; i < houses.size(); ++i) {
      AddPoint(LoadOf(i), i, 30'000, 0);
      if (houses[i].plant != nullptr) {
        AddPoint(PlantOf(i), i, 0, 30'000);
      }
      StandingOrder order;
      order.participant = snapshot.members.back().participant;
      order.id = StandingOrderId("auto");
      order.metering_point = MeteringPointId(LoadOf(i));
      order.bid_price = kRetail - kNetworkFee;
      order.offer_price = kFeedIn;
      standing.push_back(order);
    }
    candidates = Candidates(standing, snapshot);
  }
  void AddPoint(const std::string& point, size_t house, int64_t import_w, int64_t export_w) {
    Member member;
    member.metering_point = MeteringPointId(point);
    member.participant = ParticipantId(absl::StrCat("p", house));
    member.community = snapshot.rules.id;
    member.grid_connection = GridConnectionId(absl::StrCat("g", house));
    member.approved = true;
    member.import_capacity_w = import_w;
    member.export_capacity_w = export_w;
    snapshot.members.push_back(member);
  }

  CommunitySnapshot snapshot;
  std::vector<StandingOrder> standing;
  std::vector<Candidate> candidates;
};

/// What is foreseen; none: what really flows.
using Model = std::optional<metering::ForecastModel>;

int64_t TrueWh(const Neighbourhood& in, absl::Span<const int64_t> column, absl::Time start) {
  return column[static_cast<size_t>((start - in.span.start) / in.resolution)];
}

/// What is likely to flow in one interval, by what had ended one interval before gate closure.
ForecastsByPoint Foresee(const Neighbourhood& in, const std::vector<House>& houses,
                         Interval interval, const Model& model) {
  const metering::ForecastPlan plan(
      interval, interval.start - kGateClosureLead - in.resolution, in.resolution, in.zone);
  const auto forecast = [&](const ReadingColumn& column) -> Forecast {
    if (!model.has_value()) {
      return {Energy::WattHours(TrueWh(in, column.import_wh, interval.start)),
              Energy::WattHours(TrueWh(in, column.export_wh, interval.start))};
    }
    const metering::PointForecast found =
        plan.Compute(Cut(in, column, plan.history()), *model);
    PW_CHECK(found.import_wh.size() == 1, "enough is known");
    return {Energy::WattHours(found.import_wh[0]), Energy::WattHours(found.export_wh[0])};
  };
  ForecastsByPoint forecasts;
  for (size_t i = 0; i < houses.size(); ++i) {
    forecasts[MeteringPointId(LoadOf(i))] = forecast(*houses[i].load);
    if (houses[i].plant != nullptr) {
      forecasts[MeteringPointId(PlantOf(i))] = forecast(*houses[i].plant);
    }
  }
  return forecasts;
}

/// Clears what the standing orders order.
std::vector<Trade> TradesOf(const Community& community, Interval interval,
                            const ForecastsByPoint& forecasts, clearing::TieRule tie_rule) {
  Auction auction;
  auction.key = {community.snapshot.rules.id, interval.start};
  auction.delivery_end = interval.end;
  auction.gate_closure = interval.start - kGateClosureLead;
  auction.network_fee = kNetworkFee;
  std::vector<Order> orders =
      PlaceStandingOrders(auction, community.candidates, community.snapshot, forecasts, {},
                          {kRampSteps, auction.gate_closure, nullptr});
  for (Order& order : orders) {
    order.state = OrderState::kActive;
  }
  NetworkVersion one_zone;
  one_zone.rules.tie_rule = tie_rule;
  const absl::StatusOr<AuctionOutcome> outcome = DecideOutcome(auction, one_zone, orders);
  PW_CHECK(outcome.ok(), "an outcome");
  return outcome->trades;
}

size_t HouseOf(const ParticipantId& participant) {
  return static_cast<size_t>(std::stoul(participant.value().substr(1)));
}

/// Settles what really flowed.
settlement::SettlementResult SettleInterval(const Neighbourhood& in,
                                            const std::vector<House>& houses, absl::Time start,
                                            const std::vector<Trade>& trades) {
  settlement::SettlementInput input;
  input.tariff = {kRetail, kFeedIn};
  for (size_t i = 0; i < houses.size(); ++i) {
    settlement::Connection connection;
    connection.participant = ParticipantId(absl::StrCat("p", i));
    connection.id = GridConnectionId(absl::StrCat("g", i));
    connection.import_energy = Energy::WattHours(TrueWh(in, houses[i].load->import_wh, start));
    if (houses[i].plant != nullptr) {
      connection.export_energy = Energy::WattHours(TrueWh(in, houses[i].plant->export_wh, start));
    }
    input.connections.push_back(connection);
  }
  for (const Trade& trade : trades) {
    input.trades.push_back({TradeId(absl::StrCat("t", trade.number)), trade.energy, trade.price,
                            trade.network_fee, HouseOf(trade.buyer), HouseOf(trade.seller)});
  }
  return Settle(input);
}

/// What a kind of foresight came to.
struct Result {
  int64_t intervals = 0;
  int64_t traded_wh = 0;
  int64_t delivered_wh = 0;
  int64_t saved_micros = 0;
};

Result Replay(const Neighbourhood& in, const Model& model, clearing::TieRule tie_rule) {
  const std::vector<House> houses = HousesOf(in);
  const Community community(houses);
  const absl::CivilDay first(in.zone.At(in.span.start).cs);
  const Interval judged = {
      absl::FromCivil(first + metering::kJudgementDays.first, in.zone),
      absl::FromCivil(first + metering::kJudgementDays.end, in.zone)};
  Result result;
  for (absl::Time start = judged.start; start < judged.end; start += in.resolution) {
    const Interval interval = {start, start + in.resolution};
    const std::vector<Trade> trades =
        TradesOf(community, interval, Foresee(in, houses, interval, model), tie_rule);
    const settlement::SettlementResult settled = SettleInterval(in, houses, start, trades);
    ++result.intervals;
    for (const Trade& trade : trades) {
      result.traded_wh += trade.energy.wh();
    }
    result.delivered_wh += settled.totals.delivered.wh();
    for (const settlement::Line& line : settled.lines) {
      result.saved_micros += settlement::IsReference(line.key.kind) ? -line.amount.micros()
                                                                    : line.amount.micros();
    }
  }
  return result;
}

int Run(const std::string& folder) {
  const auto neighbourhood = folder.empty() ? metering::GeneratedNeighbourhood(kSeed)
                                            : metering::MeasuredNeighbourhood(folder);
  if (!neighbourhood.ok()) {
    std::cerr << neighbourhood.status() << "\n";
    return 1;
  }
  struct Kind {
    const char* name;
    Model model;
    clearing::TieRule tie_rule;
  };
  const Kind kinds[] = {
      {"perfect", std::nullopt, clearing::TieRule::kTime},
      {"forecast", metering::ForecastModel::kSmoothed, clearing::TieRule::kTime},
      {"forecast_pro_rata", metering::ForecastModel::kSmoothed, clearing::TieRule::kProRata},
      {"yesterday", metering::ForecastModel::kPersistence, clearing::TieRule::kTime},
      {"yesterday_pro_rata", metering::ForecastModel::kPersistence, clearing::TieRule::kProRata}};
  for (const Kind& kind : kinds) {
    const Result result = Replay(*neighbourhood, kind.model, kind.tie_rule);
    std::cout << absl::StrCat(R"({"data": ")", folder.empty() ? "generated" : "measured",
                              R"(", "foresight": ")", kind.name, R"(", "intervals": )",
                              result.intervals, R"(, "traded_wh": )", result.traded_wh,
                              R"(, "delivered_wh": )", result.delivered_wh,
                              R"(, "saved_micros": )", result.saved_micros, "}\n");
  }
  return 0;
}

}  // namespace
}  // namespace peerwatt::market

int main(int argc, char** argv) { return peerwatt::market::Run(argc > 1 ? argv[1] : ""); }
