#pragma once

#include <string>

#include "agent/identity_keeper.h"
#include "agent/meter_box.h"

namespace peerwatt::agent {

/// Where a box stands, in Prometheus' text format: for the textfile collector of a node exporter.
std::string BoxMetrics(const MeterBoxState& box, const IdentityState& identity);

}  // namespace peerwatt::agent
