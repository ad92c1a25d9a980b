// Broken on purpose: storing an hour as it came turns AnHourIsSplit red; answering a refusal whose
// finding could not be stored, ARefusalIsAnsweredOnceItsFindingIsDurable; deriving only from the
// batch's own values, RegistersOfTwoBatchesMeet; leaving out Settle, OwnEstimateGivesWay.
#include "services/metering/core/ingest.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/memory_stores.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;

const absl::Time kStart = absl::FromUnixSeconds(1'782'864'000);
const absl::Time kNow = kStart + absl::Hours(24);

class VeeIngestTest : public ::testing::Test {
 protected:
  VeeIngestTest() {
    // Import only, so that one register tells all.
    directory_.Add("m", "c1", 100'000, 0);
  }

  BatchOutcome Run(const Batch& batch) {
    const IngestRequest request{1, &batch};
    return Ingest(directory_, readings_, &registers_, &findings_).Run({&request, 1}, kNow).at(0);
  }
  static Batch Registers(int quarter, std::vector<int64_t> values, const std::string& meter = "A") {
    Batch batch;
    batch.device = DeviceId("d");
    batch.registers.push_back({.metering_point = MeteringPointId("m"),
                               .meter = meter,
                               .kind = RegisterKind::kImport,
                               .start = At(quarter),
                               .resolution = absl::Minutes(15),
                               .energy_wh = std::move(values),
                               .rollover_wh = 1'000'000});
    return batch;
  }
  static Batch SeriesOf(Series series) {
    Batch batch;
    batch.device = DeviceId("d");
    batch.series.push_back(std::move(series));
    return batch;
  }
  static absl::Time At(int quarter) { return kStart + absl::Minutes(15) * quarter; }
  int64_t Import(int quarter) const { return readings_.At("m", At(quarter)).imported.wh(); }
  Quality QualityAt(int quarter) const { return readings_.At("m", At(quarter)).quality; }

  testing::FakeDirectory directory_;
  testing::MemoryReadingStore readings_;
  testing::MemoryRegisterStore registers_;
  testing::MemoryFindingStore findings_;
};

TEST_F(VeeIngestTest, AnHourIsSplit) {
  Series hour = Quarters("m", kStart, 1, 20'003);
  hour.resolution = absl::Hours(1);
  const BatchOutcome outcome = Run(SeriesOf(hour));
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.counts.stored, 4);
  EXPECT_EQ(Import(0), 5001);
  EXPECT_EQ(Import(2), 5000);
  EXPECT_EQ(QualityAt(3), Quality::kCalculated);
  EXPECT_EQ(readings_.At("m", At(3)).method, Method::kSplit);
}

TEST_F(VeeIngestTest, TooManyIntervalsAfterTheSplitAreRefused) {
  Series hours = Quarters("m", kStart - absl::Hours(30'000), 25'001, 0);
  hours.resolution = absl::Hours(1);
  std::fill(hours.import_wh.begin(), hours.import_wh.end(), 1);
  EXPECT_EQ(ReasonOf(Run(SeriesOf(hours)).status), "BATCH_TOO_LARGE");
  hours.import_wh.pop_back();
  EXPECT_TRUE(Run(SeriesOf(hours)).status.ok());
}

TEST_F(VeeIngestTest, RegistersOfTwoBatchesMeet) {
  EXPECT_TRUE(Run(Registers(0, {1000})).status.ok());
  EXPECT_EQ(QualityAt(0), Quality::kMissing);
  const BatchOutcome outcome = Run(Registers(1, {1100, 1300}));
  EXPECT_EQ(outcome.counts.stored, 2);
  EXPECT_EQ(Import(0), 100);
  EXPECT_EQ(Import(1), 200);
  EXPECT_EQ(readings_.At("m", At(1)).method, Method::kRegisterDifference);
}

TEST_F(VeeIngestTest, AReplayChangesNothing) {
  EXPECT_EQ(Run(Registers(0, {0, 10, 30})).counts.stored, 2);
  EXPECT_EQ(Run(Registers(0, {0, 10, 30})).counts.stored, 0);
  EXPECT_EQ(readings_.At("m", At(1)).revision, 1);
}

TEST_F(VeeIngestTest, AReplayCompletesWhatACrashCutOff) {
  readings_.failure = Error(kDatabaseUnavailable, "gone after the register values were kept");
  EXPECT_TRUE(IsUndecided(Run(Registers(0, {0, 10, 30})).status));
  readings_.failure = absl::OkStatus();
  EXPECT_EQ(Run(Registers(0, {0, 10, 30})).counts.stored, 2);
}

TEST_F(VeeIngestTest, ACorrectedRegisterValueRevisesBothNeighbours) {
  EXPECT_TRUE(Run(Registers(0, {0, 10, 30})).status.ok());
  EXPECT_EQ(Run(Registers(1, {12})).counts.stored, 2);
  EXPECT_EQ(Import(0), 12);
  EXPECT_EQ(Import(1), 18);
  EXPECT_EQ(readings_.At("m", At(0)).revision, 2);
}

TEST_F(VeeIngestTest, MeasuredReadingsWinInAnyOrder) {
  EXPECT_TRUE(Run(SeriesOf(Quarters("m", At(0), 1, 77))).status.ok());
  EXPECT_TRUE(Run(Registers(0, {0, 10, 30})).status.ok());
  EXPECT_EQ(Import(0), 77);
  EXPECT_EQ(Import(1), 20);
  EXPECT_TRUE(Run(SeriesOf(Quarters("m", At(1), 1, 88))).status.ok());
  EXPECT_EQ(Import(1), 88);
  EXPECT_EQ(QualityAt(1), Quality::kMeasured);
}

TEST_F(VeeIngestTest, OwnEstimateGivesWay) {
  Batch batch = Registers(0, {0, 10, 30});
  batch.series.push_back(Quarters("m", At(0), 1, 5));
  batch.series[0].qualities = {Quality::kEstimated};
  EXPECT_TRUE(Run(batch).status.ok());
  EXPECT_EQ(Import(0), 10);
  EXPECT_EQ(QualityAt(0), Quality::kCalculated);
}

TEST_F(VeeIngestTest, AnyOrderOfBatchesGivesTheSameReadings) {
  constexpr uint32_t kSeed = 20260704;
  std::mt19937 random(kSeed);
  SCOPED_TRACE(kSeed);
  std::vector<Batch> batches;
  int64_t wh = 999'700;
  for (int quarter = 0; quarter < 24; ++quarter) {
    batches.push_back(Registers(quarter, {wh % 1'000'000}));
    wh += 37 + quarter;
  }
  for (int round = 0; round < 50; ++round) {
    testing::MemoryReadingStore readings;
    testing::MemoryRegisterStore registers;
    Ingest ingest(directory_, readings, &registers, &findings_);
    std::shuffle(batches.begin(), batches.end(), random);
    for (const Batch& batch : batches) {
      for (auto copies = random() % 3 + 1; copies > 0; --copies) {
        const IngestRequest request{1, &batch};
        EXPECT_TRUE(ingest.Run({&request, 1}, kNow)[0].status.ok());
      }
    }
    for (int quarter = 0; quarter < 23; ++quarter) {
      EXPECT_EQ(readings.At("m", At(quarter)).imported.wh(), 37 + quarter);
    }
    EXPECT_EQ(readings.At("m", At(23)).revision, 0);
  }
}

// One interval each for every set of what may be said of it: measured, by registers, calculated,
// estimated. Whatever comes first, and however often, the strongest is what stands there.
TEST_F(VeeIngestTest, TheStrongestValueStandsWhateverCameFirst) {
  constexpr uint32_t kSeed = 20260815;
  std::mt19937 random(kSeed);
  constexpr int kMeasured = 1, kRegister = 2, kCalculated = 4, kEstimated = 8;
  const auto one = [](int quarter, int64_t wh, Quality quality) {
    Series series = Quarters("m", At(quarter), 1, wh);
    series.qualities = {quality};
    return SeriesOf(std::move(series));
  };
  std::vector<std::pair<int, Batch>> batches;  // with the quarter
  for (int said = 1; said < 16; ++said) {
    const int quarter = 3 * said;
    if (said & kMeasured) {
      batches.emplace_back(quarter, one(quarter, 1, Quality::kMeasured));
    }
    if (said & kRegister) {
      batches.emplace_back(quarter, Registers(quarter, {1000 * said}));
      batches.emplace_back(quarter, Registers(quarter + 1, {1000 * said + 2}));
    }
    if (said & kCalculated) {
      batches.emplace_back(quarter, one(quarter, 3, Quality::kCalculated));
    }
    // Of what registers say nothing, the last word counts.
    if ((said & kEstimated) && (said & kRegister)) {
      batches.emplace_back(quarter, one(quarter, 4, Quality::kEstimated));
    }
  }
  for (int round = 0; round < 60; ++round) {
    testing::MemoryReadingStore readings;
    testing::MemoryRegisterStore registers;
    Ingest ingest(directory_, readings, &registers, &findings_);
    std::shuffle(batches.begin(), batches.end(), random);
    const auto send = [&](const Batch& batch) {
      const IngestRequest request{1, &batch};
      EXPECT_TRUE(ingest.Run({&request, 1}, kNow)[0].status.ok());
    };
    for (const auto& [quarter, batch] : batches) {
      for (auto copies = random() % 2 + 1; copies > 0; --copies) {
        send(batch);
      }
    }
    std::map<int, int32_t> revisions;
    for (int said = 1; said < 16; ++said) {
      const Reading reading = readings.At("m", At(3 * said));
      revisions[said] = reading.revision;
      if (said & kRegister) {
        const bool measured = said & kMeasured;
        EXPECT_EQ(reading.imported.wh(), measured ? 1 : 2) << said << ", round " << round;
        EXPECT_EQ(reading.quality, measured ? Quality::kMeasured : Quality::kCalculated) << said;
      }
    }
    // Where registers speak, a replay of everything in any order changes nothing.
    std::shuffle(batches.begin(), batches.end(), random);
    for (const auto& [quarter, batch] : batches) {
      if ((quarter / 3) & kRegister) {
        send(batch);
      }
    }
    for (int said = 1; said < 16; ++said) {
      if (said & kRegister) {
        EXPECT_EQ(readings.At("m", At(3 * said)).revision, revisions[said]) << said;
      }
    }
  }
}

TEST_F(VeeIngestTest, WhatIsWeakerThanRegistersIsCountedAsUnchanged) {
  EXPECT_TRUE(Run(Registers(0, {0, 10, 30})).status.ok());
  Series estimated = Quarters("m", At(0), 3, 5);
  estimated.qualities = {Quality::kEstimated};
  const BatchOutcome outcome = Run(SeriesOf(estimated));
  EXPECT_EQ(outcome.counts.stored, 1) << "the third, of which registers say nothing";
  EXPECT_EQ(outcome.counts.unchanged, 2);
  EXPECT_EQ(Import(0), 10);
  EXPECT_EQ(Import(2), 7);
}

TEST_F(VeeIngestTest, WhatWasEnteredByHandStays) {
  EXPECT_TRUE(Run(Registers(0, {0, 10, 30})).status.ok());
  Series manual = Quarters("m", At(0), 1, 5);
  manual.qualities = {Quality::kEstimated};
  manual.method = Method::kManual;
  EXPECT_EQ(Run(SeriesOf(manual)).counts.stored, 1);
  EXPECT_EQ(Run(Registers(0, {0, 10, 30})).counts.stored, 0);
  EXPECT_EQ(Import(0), 5);
}

TEST_F(VeeIngestTest, ARegisterThatStandsStillSaysThatNothingFlowed) {
  EXPECT_TRUE(Run(Registers(0, {700})).status.ok());
  EXPECT_EQ(Run(Registers(40, {700})).counts.stored, 40);
  EXPECT_EQ(Import(39), 0);
  EXPECT_EQ(QualityAt(39), Quality::kCalculated);
  EXPECT_EQ(QualityAt(40), Quality::kMissing);
}

TEST_F(VeeIngestTest, ARefusedBatchLeavesAFindingAndNothingElse) {
  Series future = Quarters("m", kNow, 2);
  EXPECT_EQ(ReasonOf(Run(SeriesOf(future)).status), "READING_IN_FUTURE");
  ASSERT_EQ(findings_.findings.size(), 1U);
  const Finding& finding = findings_.findings.begin()->second;
  EXPECT_EQ(finding.found.rule, Rule::kFuture);
  EXPECT_EQ(finding.found.span, future.Span());
  EXPECT_TRUE(finding.at_ingest);
  EXPECT_EQ(readings_.At("m", kNow).revision, 0);
}

TEST_F(VeeIngestTest, EachRefusalHasItsRule) {
  const auto rule = [&](void (*spoil)(Series&)) {
    findings_.findings.clear();
    Series series = Quarters("m", kStart, 2);
    spoil(series);
    EXPECT_FALSE(Run(SeriesOf(series)).status.ok());
    return findings_.findings.empty()
               ? std::string()
               : std::string(RuleName(findings_.findings.begin()->second.found.rule));
  };
  EXPECT_EQ(rule([](Series& s) { s.import_wh[1] = -1; }), "NEGATIVE_ON_ONE_WAY");
  EXPECT_EQ(rule([](Series& s) { s.export_wh = {0, 1}; }), "NEGATIVE_ON_ONE_WAY");
  EXPECT_EQ(rule([](Series& s) { s.import_wh[1] = 25'001; }), "IMPLAUSIBLE");
  EXPECT_EQ(rule([](Series& s) { s.export_wh = {0}; }), "WRONG_LENGTH");
  EXPECT_EQ(rule([](Series& s) { s.start += absl::Minutes(1); }), "REFUSED");
  EXPECT_EQ(rule([](Series& s) { s.metering_point = MeteringPointId("x"); }), "");
  EXPECT_EQ(rule([](Series& s) { s.import_wh.clear(); }), "");
}

TEST_F(VeeIngestTest, AnOverlapInABatchIsAFinding) {
  Batch batch = SeriesOf(Quarters("m", kStart, 2));
  batch.series.push_back(Quarters("m", At(1), 2));
  EXPECT_EQ(ReasonOf(Run(batch).status), "OVERLAP");
  ASSERT_EQ(findings_.findings.size(), 1U);
  EXPECT_EQ(findings_.findings.begin()->second.found.rule, Rule::kOverlap);
  EXPECT_EQ(findings_.findings.begin()->second.found.span, (Interval{At(1), At(3)}));
}

TEST_F(VeeIngestTest, ARefusalIsAnsweredOnceItsFindingIsDurable) {
  findings_.failure = Error(kDatabaseUnavailable, "down");
  const Batch bad = SeriesOf(Quarters("m", kNow, 1));
  const Batch good = SeriesOf(Quarters("m", kStart, 1));
  const std::vector<IngestRequest> requests = {{1, &bad}, {1, &good}};
  const auto outcomes =
      Ingest(directory_, readings_, &registers_, &findings_).Run(requests, kNow);
  EXPECT_TRUE(IsUndecided(outcomes[0].status));
  EXPECT_TRUE(IsUndecided(outcomes[1].status)) << "nothing overtakes in a lane";
  EXPECT_EQ(readings_.At("m", kStart).revision, 0);
}

TEST_F(VeeIngestTest, AnOperatorsRefusalIsNoFinding) {
  Batch batch = SeriesOf(Quarters("m", kNow, 1));
  batch.device = DeviceId();
  EXPECT_FALSE(Run(batch).status.ok());
  EXPECT_TRUE(findings_.findings.empty());
}

}  // namespace
}  // namespace peerwatt::metering
