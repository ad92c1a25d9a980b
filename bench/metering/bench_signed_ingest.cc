// CPU of a signed batch against that of the same batch unsigned, service and database together:
// judged, checked, kept as evidence, stored and committed; and of the evidence alone. Batches of 50
// series of 96 values.
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"
#include "libs/postgres/codec.h"
#include "libs/postgres/pool.h"
#include "services/metering/core/evidence/signature_gate.h"
#include "services/metering/core/ingest.h"
#include "services/metering/storage/all_queries.h"
#include "services/metering/storage/evidence_store.h"
#include "services/metering/storage/migrations.h"
#include "services/metering/storage/reading_store.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::metering {
namespace {

constexpr int kPoints = 50;
constexpr int kValues = 96;
constexpr int kGroups = 24;  // of each kind
constexpr int kBatchesPerGroup = 8;
const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);

constexpr postgres::Query kBackend{"backend", "SELECT pg_backend_pid()"};

/// Knows every point.
class Everyone final : public MemberDirectory {
 public:
  MemberLookup Find(const std::vector<MeteringPointId>& points) override {
    MemberLookup lookup;
    for (const MeteringPointId& point : points) {
      lookup.members[point] = {.participant = ParticipantId("p"),
                               .community = CommunityId("c"),
                               .import_capacity_w = 1'000'000,
                               .export_capacity_w = 1'000'000,
                               .interval = absl::Minutes(15)};
    }
    return lookup;
  }
};

/// Has one key, which is remembered.
class OneKey final : public SignatureChecker {
 public:
  explicit OneKey(crypto::VerificationKey key) : key_(std::move(key)) {}
  absl::StatusOr<CheckedSignature> Check(const DeviceId&, absl::string_view encoding,
                                         absl::string_view signature) override {
    std::string digest = crypto::Sha256(encoding);
    PW_CHECK(key_.VerifiesDigest(digest, signature), "a signature that holds");
    return CheckedSignature{std::move(digest), key_.der()};
  }

 private:
  crypto::VerificationKey key_;
};

/// CPU seconds of this process and of the one database backend.
class Cpu {
 public:
  explicit Cpu(int64_t backend) : path_(absl::StrCat("/proc/", backend, "/stat")) {}
  double Seconds() const {
    timespec own{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    std::ifstream stat(path_);
    std::string word;
    int64_t ticks = 0;
    for (int field = 1; field <= 15 && stat >> word; ++field) {
      if (field >= 14) ticks += std::stoll(word);
    }
    return static_cast<double>(own.tv_sec) + static_cast<double>(own.tv_nsec) * 1e-9 +
           static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  std::string path_;
};

enum Kind { kUnsigned, kSigned, kEvidenceOnly, kKinds };

Batch NewBatch(int day, int number, Kind kind) {
  Batch batch;
  batch.device = DeviceId(absl::StrCat(kind == kSigned ? "d" : "e", number));
  batch.sequence = day + 1;
  for (int p = 0; p < kPoints; ++p) {
    Series series;
    series.metering_point = MeteringPointId(absl::StrCat("m", number, "-", p));
    series.start = kStart + absl::Hours(24) * day;
    series.resolution = absl::Minutes(15);
    for (int i = 0; i < kValues; ++i) {
      series.import_wh.push_back((p * 37 + i * 11 + day * 7) % 900);
    }
    series.qualities = {Quality::kMeasured};
    batch.series.push_back(std::move(series));
  }
  return batch;
}

int Main() {
  const auto database = testing::TestDatabase::Create("metering", Migrations());
  std::vector<postgres::Query> queries = AllQueries();
  queries.push_back(kBackend);
  postgres::Pool pool(database->dsn(), queries, 1);
  int64_t backend = 0;
  PW_CHECK(pool.Run([&](pqxx::work& tx) {
                 backend = postgres::Int64From(postgres::Exec(tx, kBackend)[0][0]);
                 return absl::OkStatus();
               }).ok(),
           "a database");
  const Cpu cpu(backend);
  const std::string key_pem = *crypto::NewPrivateKey();
  const auto signer = crypto::Signer::FromPem(key_pem);
  OneKey checker(*crypto::VerificationKey::FromCertificate(
      crypto::NewAuthority(key_pem, "bench", kStart, absl::Hours(1))->pem));
  Everyone directory;
  PostgresReadingStore store(pool);
  PostgresEvidenceStore evidence(pool);
  SignatureGate gate(checker, evidence);
  Ingest ingest(directory, store, nullptr, nullptr, {&gate});
  std::map<DeviceId, ChainLink> last;
  double seconds[kKinds] = {};
  size_t bytes = 0;
  // One group of each kind first, which is not counted.
  for (int day = 0; day < kKinds * (kGroups + 1); ++day) {
    const auto kind = static_cast<Kind>(day % kKinds);
    std::vector<Batch> batches;
    std::vector<IngestRequest> requests;
    for (int n = 0; n < kBatchesPerGroup; ++n) {
      Batch& batch = batches.emplace_back(NewBatch(day, n, kind));
      if (kind == kUnsigned) continue;
      ChainLink& link = last[batch.device];
      if (link.counter == 0) link.digest = std::string(kBatchDigestSize, '\0');
      batch.signature = {
          .counter = ++link.counter, .previous_digest = link.digest, .signature = {}};
      const std::string encoding = EncodeSignedBatch(ContentOf(batch));
      link.digest = crypto::Sha256(encoding);
      batch.signature->signature = (*signer)->Sign(encoding);
      bytes = encoding.size();
    }
    for (const Batch& batch : batches) requests.push_back({1, &batch});
    const double before = cpu.Seconds();
    std::vector<BatchOutcome> outcomes(requests.size());
    if (kind == kEvidenceOnly) {
      gate.Pass(requests, {}, kStart, outcomes);
    } else {
      outcomes = ingest.Run(requests, kStart + absl::Hours(24) * 365);
    }
    if (day >= kKinds) seconds[kind] += cpu.Seconds() - before;
    const int stored = kind == kEvidenceOnly ? 0 : kPoints * kValues;
    for (const BatchOutcome& outcome : outcomes) {
      PW_CHECK(outcome.status.ok() && outcome.counts.stored == stored &&
                   outcome.events == ChainEvents(),
               "every batch is stored");
    }
  }
  constexpr double kCounted = kGroups * kBatchesPerGroup;
  std::cout << "{\"signed_cpu_ms\": " << seconds[kSigned] / kCounted * 1000
            << ", \"unsigned_cpu_ms\": " << seconds[kUnsigned] / kCounted * 1000
            << ", \"evidence_cpu_ms\": " << seconds[kEvidenceOnly] / kCounted * 1000
            << ", \"encoding_bytes\": " << bytes << "}\n";
  return 0;
}

}  // namespace
}  // namespace peerwatt::metering

int main() { return peerwatt::metering::Main(); }
