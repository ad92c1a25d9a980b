#include "services/metering/core/vee/completeness.h"

namespace peerwatt::metering {

Completeness CompletenessOf(const ReadingColumn& column) {
  Completeness counts;
  for (const Quality quality : column.qualities) {
    ++counts.expected;
    switch (quality) {
      case Quality::kMeasured:
        ++counts.measured;
        break;
      case Quality::kCalculated:
        ++counts.calculated;
        break;
      case Quality::kEstimated:
        ++counts.estimated;
        break;
      case Quality::kMissing:
        ++counts.missing;
        break;
    }
  }
  return counts;
}

}  // namespace peerwatt::metering
