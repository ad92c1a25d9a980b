#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "libs/base/clock.h"
#include "services/metering/core/ingest.h"
#include "services/metering/rpc/change_signal.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/probe.h"

namespace peerwatt::metering {

/// How batches are put together.
struct IngestOptions {
  int workers = 2;
  size_t batches_per_commit = 64;
  size_t readings_per_commit = 100'000;
};

/// Threads that take batches from the queue, store them in groups and answer after the commit.
/// They never wait for a group to fill: what came while one commit ran is the next group.
class IngestWorkers {
 public:
  /// Starts the threads. All references must outlive them.
  IngestWorkers(const IngestOptions& options, IngestQueue& queue, Ingest& ingest,
                ReadingStore& store, const Clock& clock, IngestProbe& probe,
                ChangeSignal& changed);
  ~IngestWorkers();
  IngestWorkers(const IngestWorkers&) = delete;
  IngestWorkers& operator=(const IngestWorkers&) = delete;
  /// Ends after the groups at hand; what waits stays unanswered. Call it once.
  void Stop();

 private:
  void Run();
  void StoreGroup(std::vector<LaneWork>& works);
  void Answer(LaneWork work, std::vector<LaneAnswer> outcomes);

  const IngestOptions options_;
  IngestQueue& queue_;
  Ingest& ingest_;
  ReadingStore& store_;
  const Clock& clock_;
  IngestProbe& probe_;
  ChangeSignal& changed_;
  std::vector<std::thread> threads_;
};

}  // namespace peerwatt::metering
