#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/metering/formats/reading_import.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/file_sink.h"
#include "tests/unit/metering/memory_store.h"

namespace peerwatt::metering::testing {
namespace {

constexpr int kRounds = 60;
constexpr const char* kZones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                  "Asia/Kolkata", "Etc/UTC"};

/// A random file and what is in it.
struct Case {
  FileHead head;
  std::vector<Reading> readings;
};

/// Readings with gaps around a change of the clocks, or anywhere.
Case RandomCase(std::mt19937_64& random) {
  const auto below = [&random](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  Case made;
  made.head.metering_point = MeteringPointId(absl::StrCat("m-", below(1000), "x"));
  made.head.interval =
      absl::Minutes(std::vector<int>{5, 15, 30, 60}[static_cast<size_t>(below(4))]);
  EXPECT_TRUE(absl::LoadTimeZone(kZones[below(5)], &made.head.time_zone));
  absl::TimeZone::CivilTransition change;
  absl::Time start = absl::FromUnixSeconds(1'700'000'000 + below(100'000'000));
  if (below(4) > 0 && made.head.time_zone.NextTransition(start, &change)) {
    start = made.head.time_zone.At(change.to).trans - absl::Hours(below(24));
  }
  start = FloorToGrid(start, made.head.interval);
  for (int64_t i = 0; i < 400; ++i) {
    if (below(20) == 0) {
      continue;
    }
    const bool large = below(50) == 0;
    made.readings.push_back(
        {.start = start + made.head.interval * i,
         .imported = Energy::WattHours(below(large ? 100'000'000'000'000 : 5000)),
         .exported = Energy::WattHours(below(3) == 0 ? below(5000) : 0),
         .quality = static_cast<Quality>(1 + below(3)),
         .revision = static_cast<int32_t>(1 + below(9)),
         .created_at = {},
         .method = static_cast<Method>(below(7))});
  }
  made.head.span = {start, start + made.head.interval * 400};
  made.head.written_at = start;
  return made;
}

std::string Written(const Case& made, FileFormat format) {
  const auto writer = NewWriter(format, made.head);
  std::string text;
  writer->Begin(text);
  for (const Reading& reading : made.readings) {
    writer->Add(reading, text);
  }
  writer->End(text);
  return text;
}

std::string Shown(const std::string& point, absl::Time start, absl::Duration length, int64_t in,
                  int64_t out, Quality quality, Method method) {
  return absl::StrJoin({point, absl::FormatTime(start, absl::UTCTimeZone()),
                        absl::FormatDuration(length), absl::StrCat(in), absl::StrCat(out),
                        absl::StrCat(static_cast<int>(quality)),
                        absl::StrCat(static_cast<int>(method))},
                       " ");
}

TEST(FilesPropertyTest, EveryFileReadsAsItWasWritten) {
  const uint64_t seed = std::random_device()();
  RecordProperty("seed", absl::StrCat(seed));
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    const Case made = RandomCase(random);
    std::vector<std::string> expected;
    for (const Reading& reading : made.readings) {
      expected.push_back(Shown(made.head.metering_point.value(), reading.start, made.head.interval,
                               reading.imported.wh(), reading.exported.wh(), reading.quality,
                               reading.method));
    }
    for (const FileFormat format : {FileFormat::kCsv, FileFormat::kEspi}) {
      FakeSink sink;
      ASSERT_EQ(ReadFile(format, Written(made, format), sink, 1 + random() % 5000), "");
      ASSERT_THAT(sink.errors, ::testing::IsEmpty());
      std::vector<std::string> read;
      for (const FileReading& one : sink.readings) {
        read.push_back(Shown(one.point, one.interval.start, one.interval.length(),
                             one.import_wh.value(), one.export_wh.value(), one.quality,
                             one.method));
      }
      ASSERT_EQ(read, expected) << made.head.time_zone.name();
    }
  }
}

TEST(FilesPropertyTest, BadLinesTakeNothingElseWithThem) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> bad_lines = {
      "x", "m1,2026-07-01T00:00:00,2026-07-01T00:15:00Z,1",
      "m1,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,-1",
      "m1,2026-07-01T00:07:00Z,2026-07-01T00:22:00Z,1",
      "nobody,2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,1",
      "m1,2036-07-01T00:00:00Z,2036-07-01T00:15:00Z,1"};
  const absl::Time start = absl::FromUnixSeconds(1'782'864'000);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> lines = {"metering_point,start_time,end_time,import_wh"};
    std::vector<int64_t> bad;
    const size_t batch = 1 + random() % 40;
    for (int i = 0; i < 200; ++i) {
      if (random() % 12 == 0) {
        lines.push_back(bad_lines[random() % bad_lines.size()]);
        bad.push_back(static_cast<int64_t>(lines.size()));
      }
      lines.push_back(absl::StrCat(
          "m1,", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", start + absl::Minutes(15) * i,
                                  absl::UTCTimeZone()),
          ",", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", start + absl::Minutes(15) * (i + 1),
                                absl::UTCTimeZone()),
          ",", i));
    }
    for (const bool skip : {false, true}) {
      FakeDirectory directory;
      directory.Add("m1");
      MemoryStore store;
      ManualClock clock(start + absl::Hours(100));
      DirectLane lane(directory, store, clock.Now());
      ReadingImport import({.skip = skip, .metering_point = {}, .batch_readings = batch}, lane,
                           directory, store, clock);
      const auto reader = NewReader(FileFormat::kCsv);
      ASSERT_TRUE(reader->Read(absl::StrJoin(lines, "\n"), import).ok());
      ASSERT_TRUE(reader->Finish(import).ok());
      import.Finish(/*whole=*/true);
      std::vector<int64_t> told;
      for (const auto& [line, error] : import.result().errors) {
        told.push_back(line);
      }
      if (skip) {
        EXPECT_EQ(told, bad);
        EXPECT_EQ(store.readings.size(), 200u);
        continue;
      }
      // Whole batches, all of them before the first error.
      ASSERT_EQ(told, std::vector<int64_t>(bad.begin(), bad.begin() + (bad.empty() ? 0 : 1)));
      const size_t stored = store.readings.size();
      const size_t before = bad.empty() ? 200 : static_cast<size_t>(bad[0] - 2);
      // A line for an interval that came before ends a batch early.
      EXPECT_TRUE(stored == before / batch * batch || stored == before) << stored;
      for (size_t i = 0; i < stored; ++i) {
        EXPECT_TRUE(store.readings.contains(
            {"m1", start + absl::Minutes(15) * static_cast<int64_t>(i)}));
      }
    }
  }
}

}  // namespace
}  // namespace peerwatt::metering::testing
