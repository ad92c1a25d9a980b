#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/peerwatt/api.h"
#include "tools/peerwatt/device_process.h"
#include "tools/peerwatt/figures.h"
#include "tools/peerwatt/neighbourhood.h"
#include "tools/peerwatt/scenario.h"

namespace peerwatt::tool {

/// The journal in its comparable form.
struct Gathered {
  DemoFigures figures;
  std::vector<std::string> ledger_lines;
};

/// Reads through the public API everything that the report needs: readings from metering, bills and
/// periods and the journal from settlement, auctions from the market; and the input's totals from
/// the simulator. The run's own figures stay empty.
absl::StatusOr<Gathered> Gather(const Scenario& scenario, Neighbourhood& neighbourhood, Api& api,
                                const DeviceProcess& devices);

/// Auctions with delivery in [start, end), in order.
absl::StatusOr<std::vector<AuctionFigures>> ListAuctions(const Scenario& scenario, Account& account,
                                                         Api& api, absl::Time start,
                                                         absl::Time end);

}  // namespace peerwatt::tool
