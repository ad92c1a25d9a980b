#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/domain/arithmetic.h"
#include "tools/peerwatt/proofs.h"
#include "tools/peerwatt/report.h"

namespace peerwatt::tool {
namespace {

constexpr std::array<const char*, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr size_t kAuctionsPerBar = 2;

/// `1234.567`, exact.
std::string Kwh(Energy energy) {
  const int64_t wh = energy.wh();
  const int64_t size = wh < 0 ? -wh : wh;
  return absl::StrFormat("%s%d.%03d", wh < 0 ? "-" : "", size / 1000, size % 1000);
}

/// Rounded to `decimals` digits, half to even; decimals from 2 to 6.
std::string Rounded(int64_t micros, int decimals) {
  int64_t step = 1;
  for (int i = decimals; i < 6; ++i) step *= 10;
  const int64_t value = MulDiv(micros, 1, step, Rounding::kHalfEven);
  const int64_t size = value < 0 ? -value : value;
  int64_t unit = 1'000'000 / step;
  return absl::StrFormat("%s%d.%0*d", value < 0 ? "-" : "", size / unit, decimals, size % unit);
}

std::string Percent(int64_t ppm) {
  const int64_t tenths = MulDiv(ppm, 1, 1000, Rounding::kHalfEven);
  return absl::StrFormat("%d.%d %%", tenths / 10, tenths % 10);
}

void AppendHouseholds(const DemoFigures& figures, std::string& out) {
  absl::StrAppendFormat(&out, "%-12s %5s %10s %10s %9s %9s %9s %10s %10s %9s %9s %8s\n",
                        "household", "kWp", "consumed", "produced", "own use", "bought", "sold",
                        "from grid", "to grid", "bill", "w/o trade", "saving");
  absl::StrAppendFormat(&out, "%-12s %5s %10s %10s %9s %9s %9s %10s %10s %9s %9s %8s\n", "", "",
                        "kWh", "kWh", "kWh", "kWh", "kWh", "kWh", "kWh", "EUR", "EUR", "EUR");
  Money bill;
  Money without;
  for (const HouseholdFigures& one : figures.households) {
    bill += one.total;
    without += one.total_without_trading;
    absl::StrAppendFormat(
        &out, "%-12s %5s %10s %10s %9s %9s %9s %10s %10s %9s %9s %8s\n", one.id,
        one.pv_peak_w > 0 ? absl::StrCat(one.pv_peak_w / 1000) : "-", Kwh(one.Imported()),
        Kwh(one.Exported()), Kwh(one.Item("SELF_CONSUMPTION").energy),
        Kwh(one.Item("PURCHASE").energy), Kwh(one.Item("SALE").energy),
        Kwh(one.Item("RETAIL").energy), Kwh(one.Item("FEED_IN").energy),
        Rounded(-one.total.micros(), 2), Rounded(-one.total_without_trading.micros(), 2),
        Rounded((one.total - one.total_without_trading).micros(), 2));
  }
  const EnergyProof sums = ProveEnergy(figures, static_cast<int64_t>(figures.periods.size()));
  absl::StrAppendFormat(&out, "%-12s %5s %10s %10s %9s %9s %9s %10s %10s %9s %9s %8s\n", "all", "",
                        Kwh(sums.imported), Kwh(sums.exported), Kwh(sums.self_consumed_billed),
                        Kwh(sums.bought), Kwh(sums.sold), Kwh(sums.retail_billed),
                        Kwh(sums.surplus_billed), Rounded(-bill.micros(), 2),
                        Rounded(-without.micros(), 2), Rounded((bill - without).micros(), 2));
}

void AppendPrices(const Scenario& scenario, const DemoFigures& figures, std::string& out) {
  const PriceRange range = RangeOf(figures.auctions);
  if (range.auction_count == 0) {
    absl::StrAppend(&out,
                    "No energy was traded: a day must pass before the autopilots can forecast.\n");
    return;
  }
  absl::TimeZone zone;
  absl::LoadTimeZone(scenario.rules.time_zone, &zone);
  absl::StrAppend(
      &out, "Clearing price in EUR per kWh, two intervals per bar (· no trade), local days:\n");
  for (const auto& day : ByLocalDay(figures.auctions, zone)) {
    const PriceRange of_day = RangeOf(day);
    absl::StrAppend(&out, "  ", absl::FormatTime("%Y-%m-%d", day.front().start, zone), " ",
                    PriceBars(day, range.min, range.max));
    if (of_day.auction_count > 0) {
      absl::StrAppend(&out, "  ", Rounded(of_day.min.micros_per_kwh(), 4), " to ",
                      Rounded(of_day.max.micros_per_kwh(), 4));
    }
    absl::StrAppend(&out, "\n");
  }
  absl::StrAppend(&out, "  min ", Rounded(range.min.micros_per_kwh(), 4), ", mean ",
                  Rounded(range.mean.micros_per_kwh(), 4), ", max ",
                  Rounded(range.max.micros_per_kwh(), 4), ", traded in ", range.auction_count,
                  " of ", figures.auctions.size(), " auctions\n");
}

void AppendProofs(const Scenario& scenario, const DemoFigures& figures, std::string& out) {
  const int64_t intervals = scenario.interval_count();
  const EnergyProof energy = ProveEnergy(figures, intervals);
  const ReadingsProof readings = ProveReadings(figures, intervals);
  const LedgerFigures& ledger = figures.ledger;
  const auto verdict = [](bool holds) { return holds ? "holds " : "BROKEN"; };
  absl::StrAppend(&out, "Proofs\n");
  absl::StrAppend(&out, "  ", verdict(energy.holds),
                  " energy in = energy accounted for: ", Kwh(energy.imported),
                  " kWh consumed = ", Kwh(energy.delivered), " traded + ", Kwh(energy.retail),
                  " main grid + ", Kwh(energy.self_consumed), " own use, in each of ",
                  energy.period_count, " periods\n");
  absl::StrAppend(&out, "  ", verdict(LedgerSumsToZero(ledger)), " all ledger accounts sum to ",
                  Rounded(ledger.balances_sum.micros(), 6), " EUR over ", ledger.entry_count,
                  " entries, ", ledger.mismatched_account_count, " accounts differ\n");
  absl::StrAppend(&out, "  ", verdict(readings.holds),
                  " readings = input: ", readings.reading_count, " readings at ",
                  readings.point_count, " metering points, ", Kwh(readings.stored), " kWh stored, ",
                  Kwh(readings.input), " kWh in the input\n");
}

}  // namespace

std::vector<std::vector<AuctionFigures>> ByLocalDay(const std::vector<AuctionFigures>& auctions,
                                                    absl::TimeZone zone) {
  std::vector<std::vector<AuctionFigures>> days;
  absl::CivilDay last;
  for (const AuctionFigures& auction : auctions) {
    const absl::CivilDay day = absl::ToCivilDay(auction.start, zone);
    if (days.empty() || day != last) days.emplace_back();
    last = day;
    days.back().push_back(auction);
  }
  return days;
}

std::string PriceBars(const std::vector<AuctionFigures>& day, Price low, Price high) {
  std::string out;
  for (size_t first = 0; first < day.size(); first += kAuctionsPerBar) {
    int64_t sum = 0;
    int64_t count = 0;
    for (size_t i = first; i < std::min(first + kAuctionsPerBar, day.size()); ++i) {
      if (!day[i].price.has_value()) continue;
      sum += day[i].price->micros_per_kwh();
      ++count;
    }
    if (count == 0) {
      out += "·";
      continue;
    }
    const int64_t range = std::max<int64_t>((high - low).micros_per_kwh(), 1);
    const int64_t above = sum / count - low.micros_per_kwh();
    const int64_t step = MulDiv(above, int64_t{kBars.size()} - 1, range, Rounding::kHalfEven);
    out += kBars[static_cast<size_t>(std::clamp<int64_t>(step, 0, int64_t{kBars.size()} - 1))];
  }
  return out;
}

std::string ReportText(const Scenario& scenario, const DemoFigures& figures) {
  const DemoRules& rules = scenario.rules;
  const CommunityShares shares = SharesOf(figures);
  const RunFigures& run = figures.run;
  const double seconds = absl::ToDoubleSeconds(run.duration);
  std::string out = absl::StrCat(
      "\nCommunity ", rules.community, ": ", figures.households.size(), " households, ",
      scenario.interval_count(), " intervals from ", TimeText(scenario.timetable.start), " to ",
      TimeText(scenario.timetable.end), ", ",
      scenario.data_folder.empty() ? absl::StrCat("generated profiles, seed ", scenario.seed)
                                   : absl::StrCat("measured profiles, seed ", scenario.seed),
      "\nMain grid: retail ", Rounded(rules.retail.micros_per_kwh(), 2), ", feed-in ",
      Rounded(rules.feed_in.micros_per_kwh(), 2), " EUR/kWh; network fee ",
      Rounded(rules.network_fee.micros_per_kwh(), 2), " EUR/kWh; operator's share ",
      Percent(rules.operator_share_ppm), "; limits: bids 0.20 to 0.27, offers 0.08 to 0.18\n\n");
  AppendHouseholds(figures, out);
  absl::StrAppend(&out, "\nOf what was consumed, ", Percent(shares.self_sufficiency_ppm),
                  " was made here (self-sufficiency); of what was produced, ",
                  Percent(shares.self_consumption_ppm),
                  " stayed here (self-consumption); of what came through the grid, ",
                  Percent(shares.local_share_ppm), " came from neighbours (local share).\n\n",
                  KpisText(figures.kpis), "\n");
  AppendPrices(scenario, figures, out);
  absl::StrAppendFormat(
      &out, "\n%d readings in %.1f s: %.0f readings/s; %d refused, %d reconnects, %d outages\n",
      run.readings_acknowledged, seconds,
      seconds > 0 ? static_cast<double>(run.readings_acknowledged) / seconds : 0.0,
      run.readings_refused, run.reconnects, run.outages);
  absl::StrAppend(&out, "Ledger: ", figures.ledger.entry_count, " entries, digest ",
                  figures.ledger.digest_sha256, "\n\n");
  AppendProofs(scenario, figures, out);
  return out;
}

}  // namespace peerwatt::tool
