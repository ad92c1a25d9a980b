// Broken on purpose: accepting before the gates turns WhatAGateRefusesLeavesNoRegisterValue red;
// signing the split series, TheSignatureIsOfTheBatchAsItWasSent; leaving registers out of the
// content, AChangedRegisterValueIsNotSigned; no findings after the gates, those that end with
// IsAFinding.
#include "services/metering/core/ingest.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/metering/core/evidence/signature_gate.h"
#include "tests/unit/metering/evidence_fakes.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/memory_stores.h"

namespace peerwatt::metering {
namespace {

using testing::FakeChecker;

const absl::Time kStart = absl::FromUnixSeconds(1'782'864'000);
const absl::Time kNow = kStart + absl::Hours(24);

/// Registers, splits and findings together with signatures, in a community that asks for them.
class SignedIngestTest : public ::testing::Test {
 protected:
  SignedIngestTest() {
    directory_.Add("m", "c1", 100'000, 0, /*signed_readings_required=*/true);
  }

  static Batch Registers(std::vector<int64_t> values) {
    Batch batch;
    batch.device = DeviceId("d");
    batch.sequence = 1;
    batch.registers.push_back({.metering_point = MeteringPointId("m"),
                               .meter = "A",
                               .kind = RegisterKind::kImport,
                               .start = kStart,
                               .resolution = absl::Minutes(15),
                               .energy_wh = std::move(values),
                               .rollover_wh = 1'000'000});
    return batch;
  }
  static Batch Hour(absl::Time start) {
    Batch batch;
    batch.device = DeviceId("d");
    batch.sequence = 1;
    batch.series.push_back(testing::Quarters("m", start, 1, 20'003));
    batch.series[0].resolution = absl::Hours(1);
    return batch;
  }
  static void Sign(Batch& batch, int64_t counter = 1,
                   const std::string& previous = std::string(32, '\0')) {
    batch.signature = {.counter = counter, .previous_digest = previous, .signature = ""};
    batch.signature->signature =
        FakeChecker::Sign("key-of-d", EncodeSignedBatch(ContentOf(batch)));
  }
  std::string Run(const Batch& batch) {
    const IngestRequest request{1, &batch};
    const auto outcomes = ingest_.Run({&request, 1}, kNow);
    return outcomes[0].status.ok() ? "OK" : ReasonOf(outcomes[0].status);
  }
  std::vector<SignedBatch> Kept() { return *evidence_.List({.device = DeviceId("d")}); }
  /// The revision of the first quarter's reading; 0: there is none.
  int32_t Revision() const { return readings_.At("m", kStart).revision; }

  testing::FakeDirectory directory_;
  testing::MemoryReadingStore readings_;
  testing::MemoryRegisterStore registers_;
  testing::MemoryFindingStore findings_;
  FakeChecker checker_;
  testing::FakeEvidenceStore evidence_;
  SignatureGate gate_{checker_, evidence_};
  Ingest ingest_{directory_, readings_, &registers_, &findings_, {&gate_}};
};

TEST_F(SignedIngestTest, WhatAGateRefusesLeavesNoRegisterValue) {
  EXPECT_EQ(Run(Registers({0, 10})), "SIGNATURE_MISSING");
  Batch next = Registers({30});
  next.registers[0].start += absl::Minutes(15);
  Sign(next);
  EXPECT_EQ(Run(next), "OK");
  EXPECT_EQ(Revision(), 0) << "a value that was refused has made a difference";
}

TEST_F(SignedIngestTest, SignedRegisterValuesBecomeReadings) {
  Batch batch = Registers({0, 10});
  Sign(batch);
  EXPECT_EQ(Run(batch), "OK");
  EXPECT_EQ(readings_.At("m", kStart).imported.wh(), 10);
  ASSERT_EQ(Kept().size(), 1U);
  const auto content = DecodeSignedBatch(Kept()[0].encoding);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->registers,
            (std::vector<SignedRegisterSeries>{{.metering_point = "m",
                                                .meter = "A",
                                                .register_kind = 1,
                                                .start_s = absl::ToUnixSeconds(kStart),
                                                .resolution_s = 900,
                                                .rollover_wh = 1'000'000,
                                                .energy_wh = {0, 10}}}));
  EXPECT_TRUE(content->series.empty());
}

TEST_F(SignedIngestTest, AChangedRegisterValueIsNotSigned) {
  Batch batch = Registers({0, 10});
  Sign(batch);
  batch.registers[0].energy_wh[1] = 9;
  EXPECT_EQ(Run(batch), "SIGNATURE_INVALID");
  EXPECT_EQ(Revision(), 0);
  EXPECT_TRUE(Kept().empty());
}

TEST_F(SignedIngestTest, TheSignatureIsOfTheBatchAsItWasSent) {
  Batch batch = Hour(kStart);
  Sign(batch);
  EXPECT_EQ(Run(batch), "OK");
  EXPECT_EQ(readings_.At("m", kStart).imported.wh(), 5001);
  ASSERT_EQ(Kept().size(), 1U);
  const auto content = DecodeSignedBatch(Kept()[0].encoding);
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->series.size(), 1U);
  EXPECT_EQ(content->series[0].resolution_s, 3600);
  EXPECT_EQ(content->series[0].import_wh, (std::vector<int64_t>{20'003}));
}

TEST_F(SignedIngestTest, ARefusedSignedBatchIsAFindingAndEvidence) {
  Batch batch = Hour(kNow);
  Sign(batch);
  findings_.failure = Error(kDatabaseUnavailable, "down");
  EXPECT_EQ(Run(batch), "DATABASE_UNAVAILABLE");
  EXPECT_TRUE(Kept().empty()) << "nothing is decided yet";
  findings_.failure = absl::OkStatus();
  EXPECT_EQ(Run(batch), "READING_IN_FUTURE");
  EXPECT_EQ(findings_.findings.size(), 1U);
  ASSERT_EQ(Kept().size(), 1U);
  EXPECT_EQ(Kept()[0].refusal_reason, "READING_IN_FUTURE");
  EXPECT_EQ(readings_.At("m", kNow).revision, 0);
}

TEST_F(SignedIngestTest, EachRefusalOfASignatureIsAFinding) {
  const auto expect = [&](const Batch& batch, const std::string& reason) {
    findings_.findings.clear();
    EXPECT_EQ(Run(batch), reason);
    ASSERT_EQ(findings_.findings.size(), 1U) << reason;
    const Finding& finding = findings_.findings.begin()->second;
    EXPECT_EQ(finding.found.rule, Rule::kSignature);
    EXPECT_EQ(finding.found.span, (Interval{kStart, kStart + absl::Minutes(15)}));
    EXPECT_EQ(finding.metering_point.value(), "m");
    EXPECT_EQ(finding.device.value(), "d");
    EXPECT_EQ(finding.reason, reason);
    EXPECT_TRUE(finding.at_ingest);
  };
  expect(Registers({0, 10}), "SIGNATURE_MISSING");
  Batch batch = Registers({0, 10});
  Sign(batch);
  Batch malformed = batch;
  malformed.signature->counter = 0;
  expect(malformed, "SIGNATURE_MALFORMED");
  Batch changed = batch;
  changed.registers[0].energy_wh[1] = 11;
  expect(changed, "SIGNATURE_INVALID");
  findings_.findings.clear();
  EXPECT_EQ(Run(batch), "OK");
  EXPECT_TRUE(findings_.findings.empty());
  Batch fork = Registers({0, 12});
  Sign(fork);
  expect(fork, "SIGNATURE_COUNTER_REUSED");
}

TEST_F(SignedIngestTest, AMissingCounterIsAFindingAndItsBatchIsStored) {
  Batch batch = Registers({0, 10});
  Sign(batch, 3);
  findings_.failure = Error(kDatabaseUnavailable, "down");
  EXPECT_EQ(Run(batch), "DATABASE_UNAVAILABLE");
  EXPECT_EQ(Revision(), 0);
  ASSERT_EQ(Kept().size(), 1U) << "the evidence is kept, and known when the batch comes again";
  findings_.failure = absl::OkStatus();
  EXPECT_EQ(Run(batch), "OK");
  EXPECT_EQ(Revision(), 1);
  ASSERT_EQ(findings_.findings.size(), 1U);
  const Finding& finding = findings_.findings.begin()->second;
  EXPECT_EQ(finding.found.rule, Rule::kSignatureChain);
  EXPECT_EQ(finding.device.value(), "d");
  EXPECT_EQ(finding.reason, "COUNTER_GAP");
}

TEST_F(SignedIngestTest, AnotherPreviousDigestIsAFinding) {
  Batch batch = Registers({0, 10});
  Sign(batch, 1, std::string(32, 'x'));
  EXPECT_EQ(Run(batch), "OK");
  ASSERT_EQ(findings_.findings.size(), 1U);
  EXPECT_EQ(findings_.findings.begin()->second.reason, "CHAIN_BROKEN");
}

TEST_F(SignedIngestTest, AFindingOfASignatureIsForEachMeteringPoint) {
  directory_.Add("n", "c1", 100'000, 0, /*signed_readings_required=*/true);
  Batch batch = Hour(kStart);
  batch.series.push_back(testing::Quarters("n", kStart, 2));
  batch.series.push_back(testing::Quarters("n", kStart + absl::Hours(1), 2));
  EXPECT_EQ(Run(batch), "SIGNATURE_MISSING");
  ASSERT_EQ(findings_.findings.size(), 2U);
  EXPECT_EQ(findings_.findings.rbegin()->second.found.span,
            (Interval{kStart, kStart + absl::Minutes(90)}));
}

TEST_F(SignedIngestTest, WhatAGateHoldsGoesNoFurther) {
  Batch batch = Registers({0, 10});
  Sign(batch);
  evidence_.failure = Error(kDatabaseUnavailable, "down");
  EXPECT_EQ(Run(batch), "DATABASE_UNAVAILABLE");
  EXPECT_EQ(Revision(), 0);
  evidence_.failure = absl::OkStatus();
  EXPECT_EQ(Run(batch), "OK");
  EXPECT_EQ(Revision(), 1);
}

}  // namespace
}  // namespace peerwatt::metering
