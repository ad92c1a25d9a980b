#pragma once

#include <string>

#include "tools/peerwatt/figures.h"
#include "tools/peerwatt/json_fields.h"
#include "tools/peerwatt/scenario.h"

namespace peerwatt::tool {

/// The report as JSON; its keys are described in `docs/demo-report.md`.
Json ReportJson(const Scenario& scenario, const DemoFigures& figures);
/// The report for people.
std::string ReportText(const Scenario& scenario, const DemoFigures& figures);
/// Whether all three proofs hold.
bool ProofsHold(const Scenario& scenario, const DemoFigures& figures);

/// A row of bars, one per two auctions of a local day: the mean of their prices between `low` and
/// `high`, a dot where nothing was traded.
std::string PriceBars(const std::vector<AuctionFigures>& day, Price low, Price high);
/// The auctions of each local day, in order.
std::vector<std::vector<AuctionFigures>> ByLocalDay(const std::vector<AuctionFigures>& auctions,
                                                    absl::TimeZone zone);

}  // namespace peerwatt::tool
