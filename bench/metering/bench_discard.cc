// A metering service that forgets what it is told: how fast the way to it is. Prints its port.
#include <cstdio>
#include <vector>

#include "absl/flags/flag.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/metering/core/ingest.h"
#include "services/metering/rpc/change_signal.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/ingest_workers.h"
#include "services/metering/rpc/probe.h"
#include "services/metering/rpc/relay_service.h"

ABSL_FLAG(int, ingest_workers, 2, "Threads that decide on batches, 1 to 64");

namespace peerwatt::metering {
namespace {

class ForgetfulStore final : public ReadingStore {
 public:
  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time) override {
    std::vector<StoredCounts> counts;
    for (const AcceptedBatch& batch : batches) {
      counts.push_back({static_cast<int32_t>(batch.batch->ReadingCount()), 0});
    }
    return counts;
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId&) override { return 0; }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery&) override {
    return std::vector<Reading>();
  }
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>&, Interval,
                                         absl::Duration) override {
    return ReadingColumns();
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId&) override {
    return std::optional<Reading>();
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t, int32_t) override {
    return std::vector<Change>();
  }
};

class OpenDirectory final : public MemberDirectory {
 public:
  MemberLookup Find(const std::vector<MeteringPointId>& points) override {
    MemberLookup lookup;
    for (const MeteringPointId& point : points) {
      Member& member = lookup.members[point];
      member.participant = ParticipantId("p1");
      member.community = CommunityId("c1");
      member.import_capacity_w = member.export_capacity_w = 1'000'000;
      member.interval = absl::Minutes(15);
      member.time_zone = "Etc/UTC";
    }
    return lookup;
  }
};

int Serve() {
  const SystemClock clock;
  telemetry::Metrics metrics;
  IngestProbe probe(metrics);
  ForgetfulStore store;
  OpenDirectory directory;
  Ingest ingest(directory, store);
  ChangeSignal changed;
  IngestQueue queue(2'000'000);
  RelayCalls calls;
  RelayService service(queue, calls);
  const IngestOptions options{.workers = absl::GetFlag(FLAGS_ingest_workers),
                              .batches_per_commit = 1000};
  IngestWorkers workers(options, queue, ingest, store, clock, probe, changed);
  auto server = rpc::Server::Start({.address = "127.0.0.1:0",
                                    .health_address = "",
                                    .credentials = rpc::MutualTlsServer(rpc::TlsFromFlags())},
                                   {&service}, metrics);
  if (!server.ok()) StopForConfiguration(server.status().message());
  (*server)->SetServing(true);
  std::printf("{\"port\": %d}\n", (*server)->port());
  std::fflush(stdout);
  WaitForStopSignal();
  calls.Drain();
  (*server)->Drain(absl::Seconds(5));
  workers.Stop();
  return 0;
}

}  // namespace
}  // namespace peerwatt::metering

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "bench_discard", "A metering service that forgets.");
  return peerwatt::metering::Serve();
}
