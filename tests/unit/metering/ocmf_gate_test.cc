#include "services/metering/core/evidence/ocmf_gate.h"

#include <algorithm>
#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"
#include "services/metering/clients/ocmf_signatures.h"
#include "services/metering/core/evidence/signature_gate.h"
#include "tests/unit/metering/evidence_fakes.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/memory_stores.h"
#include "tests/unit/metering/ocmf_records.h"
#include "tests/unit/metering/recording_store.h"

namespace peerwatt::metering {
namespace {

using testing::FakeChecker;
using testing::FakeDirectory;
using testing::FakeEvidenceStore;
using testing::kFieldKeyHex;
using testing::kFieldRecord;
using testing::Quarters;
using testing::RecordingStore;

const absl::Time kNow = absl::FromUnixSeconds(1'780'000'200);

/// OCMF meters and records in memory.
class FakeOcmfStore final : public OcmfStore {
 public:
  absl::StatusOr<OcmfMeter> CreateMeter(const OcmfMeter& meter) override {
    meters.emplace(meter.serial_number, meter);
    return meter;
  }
  absl::StatusOr<absl::flat_hash_map<std::string, OcmfMeter>> FindMeters(
      const std::vector<std::string>& serial_numbers) override {
    if (!failure.ok()) {
      return failure;
    }
    absl::flat_hash_map<std::string, OcmfMeter> found;
    for (const std::string& serial : serial_numbers) {
      if (const auto meter = meters.find(serial); meter != meters.end()) {
        found.insert(*meter);
      }
    }
    return found;
  }
  absl::Status Keep(absl::Span<const OcmfEntry> entries, absl::Time) override {
    kept.insert(kept.end(), entries.begin(), entries.end());
    return absl::OkStatus();
  }
  absl::StatusOr<OcmfRecordPage> List(const OcmfRecordQuery&) override {
    return absl::UnimplementedError("");
  }

  std::map<std::string, OcmfMeter> meters;
  std::vector<OcmfEntry> kept;
  absl::Status failure;
};

class OcmfGateTest : public ::testing::Test {
 protected:
  OcmfGateTest() {
    directory_.Add("open");
    directory_.Add("signed", "c2", 100'000, 100'000, /*signed_readings_required=*/true);
    Register("17619300", absl::HexStringToBytes(kFieldKeyHex));
    Register("other", "");
  }
  void Register(const std::string& serial, const std::string& key) {
    OcmfMeter meter;
    meter.metering_point = MeteringPointId("point-of-" + serial);
    meter.serial_number = serial;
    meter.public_key_der = key;
    EXPECT_TRUE(store_.CreateMeter(meter).ok());
  }
  Batch& Add(std::vector<std::string> records, const std::string& device = "d") {
    Batch batch;
    batch.device = DeviceId(device);
    batch.sequence = std::ssize(batches_) + 1;
    batch.ocmf_records = std::move(records);
    return batches_.emplace_back(std::move(batch));
  }
  std::vector<std::string> Run() { return RunBy(ingest_); }
  std::vector<std::string> RunBy(Ingest& ingest) {
    std::vector<IngestRequest> requests;
    for (const Batch& batch : batches_) {
      requests.push_back({std::hash<std::string>()(batch.device.value()), &batch});
    }
    std::vector<std::string> reasons;
    for (const BatchOutcome& outcome : ingest.Run(requests, kNow)) {
      reasons.push_back(outcome.status.ok() ? "OK" : ReasonOf(outcome.status));
    }
    batches_.clear();
    return reasons;
  }
  static std::string With(const std::string& from, const std::string& to) {
    return absl::StrReplaceAll(kFieldRecord, {{from, to}});
  }

  FakeDirectory directory_;
  RecordingStore readings_;
  FakeOcmfStore store_;
  FakeChecker checker_;
  FakeEvidenceStore evidence_;
  EcdsaOcmfSignatures signatures_;
  OcmfJudge judge_{store_, signatures_, directory_};
  SignatureGate gate_{checker_, evidence_};
  OcmfKeeper keeper_{store_};
  Ingest ingest_{directory_, readings_, nullptr, nullptr, {&judge_, &gate_, &keeper_}};
  testing::MemoryReadingStore derived_;
  testing::MemoryRegisterStore registers_;
  Ingest deriving_{directory_, derived_, &registers_, nullptr, {&judge_, &gate_, &keeper_}};
  std::deque<Batch> batches_;
};

using Reasons = std::vector<std::string>;

TEST_F(OcmfGateTest, KeepsEveryByteAndSaysWhatWasVerified) {
  const std::string unverified = With("17619300", "other");
  Add({kFieldRecord, unverified});
  EXPECT_EQ(Run(), Reasons{"OK"});
  EXPECT_EQ(readings_.stored, std::vector<int64_t>{1}) << "the device's position moves on";
  ASSERT_EQ(store_.kept.size(), 2u);
  EXPECT_EQ(store_.kept[0].content, kFieldRecord);
  EXPECT_TRUE(store_.kept[0].verified);
  EXPECT_EQ(store_.kept[0].metering_point.value(), "point-of-17619300");
  EXPECT_EQ(store_.kept[1].content, unverified);
  EXPECT_FALSE(store_.kept[1].verified);
}

TEST_F(OcmfGateTest, ARecordThatIsWrongRefusesItsBatchAlone) {
  Add({kFieldRecord, With("0.2597", "0.2598")}, "a");
  Add({With("17619300", "unknown")}, "b");
  Add({kFieldRecord, "no record"}, "c");
  Add(std::vector<std::string>(1001, kFieldRecord), "d");
  Add({kFieldRecord}, "e");
  Add({With("{\"SD\"", "{\"SA\":\"ECDSA-secp384r1-SHA256\",\"SD\"")}, "f");
  EXPECT_EQ(Run(), (Reasons{"OCMF_SIGNATURE_INVALID", "OCMF_METER_UNKNOWN", "OCMF_MALFORMED",
                            "BATCH_TOO_LARGE", "OK", "OCMF_SIGNATURE_INVALID"}));
  EXPECT_EQ(store_.kept.size(), 1u);
  EXPECT_EQ(readings_.stored, std::vector<int64_t>{5});
}

TEST_F(OcmfGateTest, NothingIsKeptOfABatchThatIsRefusedForAnotherReason) {
  Add({kFieldRecord}).series = {Quarters("nowhere", kNow - absl::Hours(24), 4)};
  Add({kFieldRecord}).series = {Quarters("signed", kNow - absl::Hours(24), 4)};
  Batch& forged = Add({kFieldRecord});
  forged.signature = {.counter = 1, .previous_digest = std::string(32, '\0'), .signature = "no"};
  EXPECT_EQ(Run(), (Reasons{"METERING_POINT_UNKNOWN", "SIGNATURE_MISSING", "SIGNATURE_INVALID"}));
  EXPECT_TRUE(store_.kept.empty());
}

TEST_F(OcmfGateTest, ARefusedRecordIsTheReasonOfASignedBatch) {
  Batch& batch = Add({"no record"});
  batch.signature = {.counter = 1, .previous_digest = std::string(32, '\0'), .signature = ""};
  batch.signature->signature =
      FakeChecker::Sign("key-of-d", EncodeSignedBatch(ContentOf(batch)));
  EXPECT_EQ(Run(), Reasons{"OCMF_MALFORMED"});
  EXPECT_EQ(evidence_.List({.device = DeviceId("d")})->at(0).refusal_reason, "OCMF_MALFORMED");
}

TEST_F(OcmfGateTest, WithoutADatabaseNothingIsDecidedNorOvertaken) {
  store_.failure = Error(kDatabaseUnavailable, "down");
  Add({kFieldRecord});
  Add({}).series = {Quarters("open", kNow - absl::Hours(24), 4)};
  Add({}, "e").series = {Quarters("open", kNow - absl::Hours(24), 4)};
  EXPECT_EQ(Run(), (Reasons{"DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE", "OK"}));
  EXPECT_TRUE(store_.kept.empty());
}

TEST_F(OcmfGateTest, ABatchWithoutAnythingIsStillRefused) {
  Add({});
  EXPECT_EQ(Run(), Reasons{"SERIES_EMPTY"});
}

TEST_F(OcmfGateTest, OnlyKeysOnCurvesOfOcmfAreTaken) {
  EXPECT_TRUE(signatures_.CheckKey(absl::HexStringToBytes(kFieldKeyHex)).ok());
  EXPECT_EQ(ReasonOf(signatures_.CheckKey("")), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(signatures_.CheckKey("no key")), "FIELD_INVALID");
}

/// A record of the meter `other`: values of its import register in kWh by minutes of a morning.
std::string SessionOf(const std::string& begin, const std::string& begin_kwh,
                      const std::string& end, const std::string& end_kwh) {
  return absl::StrCat(
      R"(OCMF|{"FV":"1.0","GS":"g","PG":"T1","MS":"other","RD":[{"TM":"2026-05-28T)", begin,
      R"(:00,000+0000 S","TX":"B","RV":)", begin_kwh,
      R"(,"RI":"1-b:1.8.0","RU":"kWh","ST":"G"},{"TM":"2026-05-28T)", end,
      R"(:00,000+0000 S","TX":"E","RV":)", end_kwh, R"(}]}|{"SD":"3000"})");
}

// Left out: filling between equal values turns the idle hours red; taking values off the grid as
// they are, the one quarter within which a session lies.
TEST_F(OcmfGateTest, RecordsBecomeReadingsWhereTheyAreExact) {
  directory_.Add("point-of-other", "c1", 22'000, 0);
  std::vector<std::string> records = {SessionOf("09:40", "99", "09:50", "100"),
                                      SessionOf("10:02", "100", "10:11", "101.5"),
                                      SessionOf("12:20", "101.5", "14:25", "121.9")};
  const absl::Time ten = absl::FromUnixSeconds(1'779'962'400);
  for (int order = 0; order < 6; ++order) {
    testing::MemoryReadingStore readings;
    testing::MemoryRegisterStore registers;
    Ingest ingest(directory_, readings, &registers, nullptr, {&judge_, &gate_, &keeper_});
    for (int copies = 0; copies < 2; ++copies) {
      for (const std::string& record : records) {
        Batch batch;
        batch.device = DeviceId("d");
        batch.ocmf_records = {record};
        const IngestRequest request{1, &batch};
        const auto outcomes = ingest.Run({&request, 1}, kNow);
        ASSERT_TRUE(outcomes[0].status.ok()) << outcomes[0].status;
      }
    }
    const auto at = [&](int quarter) {
      return readings.At("point-of-other", ten + absl::Minutes(15) * quarter);
    };
    EXPECT_EQ(at(-1).revision, 0) << "what flowed before the first record is not known";
    EXPECT_EQ(at(0).imported.wh(), 1500);
    EXPECT_EQ(at(0).quality, Quality::kCalculated);
    for (int quarter = 1; quarter < 9; ++quarter) {
      EXPECT_EQ(at(quarter).revision, 1) << quarter;
      EXPECT_EQ(at(quarter).imported.wh(), 0) << quarter;
    }
    EXPECT_EQ(at(9).revision, 0) << "a session of more than an hour is not shared out";
    std::next_permutation(records.begin(), records.end());
  }
}

TEST_F(OcmfGateTest, AValueOfTheFutureIsRefused) {
  directory_.Add("point-of-other", "c1", 22'000, 0);
  Add({SessionOf("20:10", "1", "20:34", "2")});
  Add({SessionOf("20:10", "1", "20:36", "2")});
  EXPECT_EQ(RunBy(deriving_), (Reasons{"OK", "READING_IN_FUTURE"}));
  EXPECT_EQ(store_.kept.size(), 1U);
}

TEST_F(OcmfGateTest, WhereSignaturesAreRequiredAVerifiedRecordIsSignedByItself) {
  for (const char* point : {"point-of-other", "point-of-17619300"}) {
    directory_.Add(point, "c2", 22'000, 0, /*signed_readings_required=*/true);
  }
  const std::string unverified = SessionOf("10:02", "100", "10:11", "101.5");
  Add({kFieldRecord}, "a");
  Add({unverified}, "b");
  Add({kFieldRecord, unverified}, "c");
  Batch& with_series = Add({kFieldRecord}, "e");
  with_series.series.push_back(Quarters("signed", kNow - absl::Hours(3), 1));
  Batch& by_operator = Add({unverified}, "");
  by_operator.sequence = 0;
  EXPECT_EQ(RunBy(deriving_), (Reasons{"OK", "SIGNATURE_MISSING", "SIGNATURE_MISSING",
                                       "SIGNATURE_MISSING", "OK"}));
}

}  // namespace
}  // namespace peerwatt::metering
