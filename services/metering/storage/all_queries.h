#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/storage/evidence_queries.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/vee_queries.h"

namespace peerwatt::metering {

/// All statements of the service, to be prepared on each connection.
inline std::vector<postgres::Query> AllQueries() {
  std::vector<postgres::Query> all = Queries();
  for (const auto& part : {EvidenceQueries(), VeeQueries()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace peerwatt::metering
