#include "tools/peerwatt/gather.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/ledger_digest.h"

namespace peerwatt::tool {
namespace {

std::string SpanQuery(absl::Time start, absl::Time end) {
  return absl::StrCat("startTime=", TimeText(start), "&endTime=", TimeText(end));
}

/// Reads the figures of one run.
class Gatherer {
 public:
  Gatherer(const Scenario& scenario, Account& account, Api& api)
      : scenario_(scenario),
        account_(&account),
        api_(api),
        span_(SpanQuery(scenario.timetable.start, scenario.timetable.end)),
        community_(absl::StrCat("/v1/communities/", scenario.rules.community)) {}

  absl::StatusOr<HouseholdFigures> Household(const DemoHousehold& household,
                                             const std::map<std::string, Energy>& inputs) const;
  absl::StatusOr<std::vector<PeriodFigures>> Periods() const;
  absl::StatusOr<LedgerFigures> Ledger(std::vector<std::string>& lines) const;

 private:
  absl::StatusOr<PointFigures> Point(const DemoPoint& point,
                                     const std::map<std::string, Energy>& inputs) const;

  const Scenario& scenario_;
  Account* account_;
  Api& api_;
  const std::string span_;
  const std::string community_;
};

absl::StatusOr<PointFigures> Gatherer::Point(const DemoPoint& point,
                                             const std::map<std::string, Energy>& inputs) const {
  PointFigures out;
  out.name = absl::StrCat("meteringPoints/", point.id);
  out.generation = point.generation;
  const auto input = inputs.find(out.name);
  if (input == inputs.end()) {
    return absl::DataLossError(absl::StrCat("the input has no total for ", out.name));
  }
  out.input = input->second;
  PW_ASSIGN_OR_RETURN(
      const Json answer,
      api_.Get(absl::StrCat("/v1/", out.name, "/readings:aggregate?step=TOTAL&", span_), account_));
  for (const Json& bucket : ArrayField(answer, "buckets")) {
    out.imported += EnergyField(bucket, "importEnergyWh");
    out.exported += EnergyField(bucket, "exportEnergyWh");
    out.reading_count += NumberField(bucket, "readingCount");
  }
  return out;
}

absl::StatusOr<HouseholdFigures> Gatherer::Household(
    const DemoHousehold& household, const std::map<std::string, Energy>& inputs) const {
  HouseholdFigures out;
  out.id = household.id;
  out.pv_peak_w = household.pv_peak_w;
  out.bid_price = household.bid_price;
  out.offer_price = household.offer_price;
  for (const DemoPoint& point : household.points) {
    PW_ASSIGN_OR_RETURN(PointFigures figures, Point(point, inputs));
    out.points.push_back(std::move(figures));
  }
  PW_ASSIGN_OR_RETURN(
      const Json bill,
      api_.Get(absl::StrCat("/v1/", household.participant(), "/bill?", span_), account_));
  for (const Json& item : ArrayField(bill, "items")) {
    out.items[TextField(item, "kind")] = {EnergyField(item, "energyWh"),
                                          MoneyField(item, "amount")};
  }
  out.total = MoneyField(bill, "total");
  out.total_without_trading = MoneyField(bill, "totalWithoutTrading");
  return out;
}

absl::StatusOr<std::vector<PeriodFigures>> Gatherer::Periods() const {
  std::vector<PeriodFigures> out;
  PW_RETURN_IF_ERROR(api_.ForEach(
      absl::StrCat(community_, "/settlementPeriods?pageSize=1000&", span_), "settlementPeriods",
      account_, [&](const Json& period) {
        out.push_back(
            {TimeField(period, "startTime"), EnergyField(period, "drawnEnergyWh"),
             EnergyField(period, "fedInEnergyWh"), EnergyField(period, "selfConsumedEnergyWh"),
             EnergyField(period, "deliveredEnergyWh"), EnergyField(period, "retailEnergyWh"),
             EnergyField(period, "surplusEnergyWh"), NumberField(period, "runCount"),
             NumberField(period, "substitutedCount")});
      }));
  return out;
}

absl::StatusOr<LedgerFigures> Gatherer::Ledger(std::vector<std::string>& lines) const {
  LedgerFigures out;
  PW_ASSIGN_OR_RETURN(const Json balance, api_.Get(community_ + "/trialBalance", account_));
  out.postings_sum = MoneyField(balance, "postingsSum");
  out.balances_sum = MoneyField(balance, "balancesSum");
  out.mismatched_account_count = NumberField(balance, "mismatchedAccountCount");
  out.balance_entry_count = NumberField(balance, "entryCount");
  LedgerDigest digest;
  PW_RETURN_IF_ERROR(api_.ForEach(community_ + "/journalEntries?pageSize=1000", "journalEntries",
                                  account_, [&](const Json& entry) { digest.Add(entry); }));
  out.entry_count = digest.entry_count();
  out.unbalanced_entry_count = digest.unbalanced_count();
  out.digest_sha256 = digest.Hex();
  lines = digest.Lines();
  return out;
}

}  // namespace

absl::StatusOr<std::vector<AuctionFigures>> ListAuctions(const Scenario& scenario, Account& account,
                                                         Api& api, absl::Time start,
                                                         absl::Time end) {
  std::vector<AuctionFigures> out;
  PW_RETURN_IF_ERROR(api.ForEach(absl::StrCat("/v1/communities/", scenario.rules.community,
                                              "/auctions?pageSize=1000&", SpanQuery(start, end)),
                                 "auctions", &account, [&](const Json& auction) {
                                   AuctionFigures figures;
                                   figures.start = TimeField(auction, "deliveryStartTime");
                                   figures.cleared = EnergyField(auction, "clearedEnergyWh");
                                   if (figures.cleared > Energy()) {
                                     figures.price = Price::MicrosPerKwh(
                                         MoneyField(auction, "clearingPricePerKwh").micros());
                                   }
                                   out.push_back(figures);
                                 }));
  return out;
}

absl::StatusOr<Gathered> Gather(const Scenario& scenario, Neighbourhood& neighbourhood, Api& api,
                                const DeviceProcess& devices) {
  Gathered out;
  Account& account = neighbourhood.operator_account;
  PW_ASSIGN_OR_RETURN(const auto inputs, devices.InputTotals());
  const Gatherer gatherer(scenario, account, api);
  for (const DemoHousehold& household : scenario.households) {
    PW_ASSIGN_OR_RETURN(HouseholdFigures figures, gatherer.Household(household, inputs));
    out.figures.households.push_back(std::move(figures));
  }
  PW_ASSIGN_OR_RETURN(out.figures.periods, gatherer.Periods());
  PW_ASSIGN_OR_RETURN(
      out.figures.auctions,
      ListAuctions(scenario, account, api, scenario.timetable.start, scenario.timetable.end));
  PW_ASSIGN_OR_RETURN(out.figures.kpis,
                      GatherKpis(scenario.rules.community,
                                 {scenario.timetable.start, scenario.timetable.end}, account, api));
  PW_ASSIGN_OR_RETURN(out.figures.ledger, gatherer.Ledger(out.ledger_lines));
  return out;
}

}  // namespace peerwatt::tool
