#pragma once

#include <vector>

#include "services/metering/core/series.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// A batch and the readings in it, in the order of its series.
struct FileBatch {
  Batch batch;
  std::vector<FileReading> readings;
};

/// Makes a batch of `readings` up to the first that overlaps with one before it, which is a
/// correction; what is left stays there for the next batch.
FileBatch TakeBatch(std::vector<FileReading>& readings);
/// A reading as a series of its own.
Series SeriesOf(const FileReading& reading);
/// The metering points of readings, each once.
std::vector<MeteringPointId> PointsOf(const std::vector<FileReading>& readings);

}  // namespace peerwatt::metering
