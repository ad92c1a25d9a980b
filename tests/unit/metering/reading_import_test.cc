#include "services/metering/formats/reading_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/metering/formats/text.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/memory_store.h"

namespace peerwatt::metering::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReadingImportTest : public ::testing::Test {
 protected:
  ReadingImportTest() {
    directory_.Add("m1");
    directory_.Add("m2");
  }
  static absl::Time Quarter(int i) {
    return absl::FromUnixSeconds(1'782'864'000) + absl::Minutes(15) * i;
  }
  static std::string Line(int quarter, const std::string& wh, const std::string& point = "m1") {
    std::string line = point + ",";
    AppendInstant(Quarter(quarter), line);
    line += ',';
    AppendInstant(Quarter(quarter + 1), line);
    return line + "," + wh + "\n";
  }
  /// Imports lines with batches of `batch` readings; the errors are kept as line and reason.
  ImportResult Import(const std::string& lines, bool skip, size_t batch = 3,
                      const std::string& point = "") {
    return Run("metering_point,start_time,end_time,import_wh\n" + lines, FileFormat::kCsv,
               {.skip = skip, .metering_point = MeteringPointId(point), .batch_readings = batch});
  }
  ImportResult Run(const std::string& text, FileFormat format, const ImportOptions& options) {
    ReadingImport import(options, lane_, directory_, store_, clock_);
    const auto reader = NewReader(format);
    absl::Status status = reader->Read(text, import);
    if (status.ok()) {
      status = reader->Finish(import);
    }
    if (!status.ok()) {
      import.OnError(reader->line(), status);
    }
    import.Finish(status.ok());
    errors_.clear();
    for (const auto& [line, error] : import.result().errors) {
      errors_.push_back(absl::StrCat(line, " ", ReasonOf(error)));
    }
    interruption_ = ReasonOf(import.interruption());
    return import.result();
  }
  int64_t StoredWh(int quarter, const std::string& point = "m1") {
    const auto found = store_.readings.find({point, Quarter(quarter)});
    return found == store_.readings.end() ? -1 : found->second.imported.wh();
  }

  FakeDirectory directory_;
  MemoryStore store_;
  ManualClock clock_{Quarter(100)};
  DirectLane lane_{directory_, store_, Quarter(100)};
  std::vector<std::string> errors_;
  std::string interruption_;
};

TEST_F(ReadingImportTest, StoresWholeBatchesOfTheGivenSize) {
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    lines += Line(i, absl::StrCat(i));
  }
  const ImportResult first = Import(lines, /*skip=*/false);
  EXPECT_EQ(first.stored, 8);
  EXPECT_THAT(store_.batch_sizes, ElementsAre(3, 3, 2));
  const ImportResult again = Import(lines, /*skip=*/false, 5);
  EXPECT_EQ(again.stored, 0);
  EXPECT_EQ(again.unchanged, 8);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ReadingImportTest, StopsBeforeTheBatchWithTheFirstError) {
  const std::string lines = Line(0, "1") + Line(1, "2") + Line(2, "3") +  //
                            Line(3, "4") + Line(4, "x") + Line(5, "6") + Line(6, "7");
  const ImportResult result = Import(lines, /*skip=*/false);
  EXPECT_EQ(result.stored, 3);
  EXPECT_EQ(result.refused, 1);
  EXPECT_THAT(errors_, ElementsAre("6 FILE_LINE_INVALID"));
  EXPECT_THAT(store_.batch_sizes, ElementsAre(3));
}

TEST_F(ReadingImportTest, StopsBeforeABatchThatBreaksARule) {
  const std::string lines = Line(0, "1") + Line(1, "2") + Line(2, "3") +        //
                            Line(3, "4") + Line(4, "-5") + Line(5, "-6") +      //
                            Line(6, "7") + Line(7, "8") + Line(8, "9") + Line(9, "x");
  const ImportResult result = Import(lines, /*skip=*/false);
  EXPECT_EQ(result.stored, 3);
  EXPECT_THAT(errors_, ElementsAre("6 ENERGY_NEGATIVE"));
  EXPECT_THAT(store_.batch_sizes, ElementsAre(3));
  EXPECT_EQ(StoredWh(6), -1);
}

TEST_F(ReadingImportTest, SkipsOnlyWhatIsWrong) {
  const std::string lines = Line(0, "1") + Line(1, "x") + Line(2, "-3") + Line(3, "4") +
                            Line(4, "5", "nobody") + Line(200, "6") + Line(6, "7") +
                            Line(7, "8", "m2") +
                            "m1,2026-07-01T00:01:00Z,2026-07-01T00:16:00Z,1\n" +
                            "m1,2026-07-01T02:00:00Z,2026-07-01T02:05:00Z,1\n" + Line(8, "9");
  const ImportResult result = Import(lines, /*skip=*/true, 4);
  EXPECT_EQ(result.stored, 5);
  EXPECT_EQ(result.refused, 6);
  EXPECT_THAT(errors_, ElementsAre("3 FILE_LINE_INVALID", "4 ENERGY_NEGATIVE",
                                   "6 METERING_POINT_UNKNOWN", "7 READING_IN_FUTURE",
                                   "10 READING_OFF_GRID", "11 RESOLUTION_MISMATCH"));
  EXPECT_EQ(StoredWh(0), 1);
  EXPECT_EQ(StoredWh(3), 4);
  EXPECT_EQ(StoredWh(6), 7);
  EXPECT_EQ(StoredWh(8), 9);
  EXPECT_EQ(StoredWh(7, "m2"), 8);
}

TEST_F(ReadingImportTest, HalvesABatchThatTheStoreRefuses) {
  store_.failure = Error(kContentDiffers, "the store refuses everything");
  const ImportResult result = Import(Line(0, "1") + Line(1, "2") + Line(2, "3"), /*skip=*/true);
  EXPECT_EQ(result.refused, 3);
  EXPECT_THAT(errors_, ElementsAre("2 CONTENT_DIFFERS", "3 CONTENT_DIFFERS", "4 CONTENT_DIFFERS"));
}

TEST_F(ReadingImportTest, TakesALaterLineForTheSameIntervalAsACorrection) {
  const ImportResult result =
      Import(Line(1, "1") + Line(0, "2") + Line(1, "3") + Line(1, "4"), /*skip=*/false, 100);
  EXPECT_EQ(result.stored, 4);
  EXPECT_EQ(StoredWh(1), 4);
  EXPECT_THAT(store_.batch_sizes, ElementsAre(2, 1, 1));
}

TEST_F(ReadingImportTest, TakesThePointOfTheRequestForAFileAboutOne) {
  EXPECT_EQ(Import(Line(0, "1", "other") + Line(1, "2", "other"), false, 3, "m2").stored, 2);
  EXPECT_EQ(StoredWh(1, "m2"), 2);
  Import(Line(2, "1", "a") + Line(3, "2", "b"), false, 3, "m2");
  EXPECT_THAT(errors_, ElementsAre("3 FILE_METERING_POINT_DIFFERS"));
  EXPECT_EQ(StoredWh(2, "m2"), -1);
  Import(Line(0, "1", "") + Line(0, "1", "Not An Id"), true);
  EXPECT_THAT(errors_,
              ElementsAre("2 FILE_METERING_POINT_MISSING", "3 FILE_METERING_POINT_MISSING"));
}

TEST_F(ReadingImportTest, IsInterruptedWhenNothingCanBeDecided) {
  store_.failure = Error(kDatabaseUnavailable, "away");
  const ImportResult result = Import(Line(0, "1") + Line(1, "2"), /*skip=*/true);
  EXPECT_EQ(interruption_, "DATABASE_UNAVAILABLE");
  EXPECT_EQ(result.refused, 0);
  store_.failure = absl::OkStatus();
  directory_.SetDown(Error(kPeerUnavailable, "away"), {"m1"});
  Import(Line(0, "1"), /*skip=*/false);
  EXPECT_EQ(interruption_, "PEER_UNAVAILABLE");
}

TEST_F(ReadingImportTest, KeepsTheFirstHundredErrors) {
  std::string lines;
  for (int i = 0; i < 250; ++i) {
    lines += "bad\n";
  }
  const ImportResult result = Import(lines + Line(0, "1"), /*skip=*/true);
  EXPECT_EQ(result.refused, 250);
  EXPECT_EQ(result.stored, 1);
  ASSERT_EQ(errors_.size(), kImportErrorsMax);
  EXPECT_EQ(errors_.back(), "101 FILE_LINE_INVALID");
}

/// A feed with one direction of `m1`, as others write them.
std::string OneDirection(int flow, int64_t start, int64_t duration, const std::vector<int>& wh) {
  std::string readings;
  for (const int value : wh) {
    absl::StrAppend(&readings, "<e:IntervalReading><e:timePeriod><e:duration>", duration,
                    "</e:duration><e:start>", start, "</e:start></e:timePeriod><e:value>", value,
                    "</e:value></e:IntervalReading>\n");
    start += duration;
  }
  return absl::StrCat(
      "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:e='http://naesb.org/espi'><entry><content>"
      "<e:UsagePoint/></content></entry><entry><content><e:ReadingType><e:flowDirection>",
      flow, "</e:flowDirection><e:uom>72</e:uom></e:ReadingType></content></entry><entry><content>",
      "<e:MeterReading/></content></entry><entry><content><e:IntervalBlock>\n", readings,
      "</e:IntervalBlock></content></entry></feed>");
}

TEST_F(ReadingImportTest, LeavesTheDirectionThatTheFileDoesNotSay) {
  const ImportOptions options{.skip = true, .metering_point = MeteringPointId("m1")};
  const int64_t start = absl::ToUnixSeconds(Quarter(0));
  const std::string forward = OneDirection(1, start, 900, {5, 6, 7});
  const std::string reverse = OneDirection(19, start + 900, 900, {1, 2});
  EXPECT_EQ(Run(forward, FileFormat::kEspi, options).stored, 3);
  EXPECT_EQ(Run(reverse, FileFormat::kEspi, options).stored, 2);
  const Reading& both = store_.readings.at({"m1", Quarter(2)});
  EXPECT_EQ(both.imported.wh(), 7);
  EXPECT_EQ(both.exported.wh(), 2);
  EXPECT_EQ(Run(forward, FileFormat::kEspi, options).unchanged, 3);
  EXPECT_EQ(Run(reverse, FileFormat::kEspi, options).unchanged, 2);
  // Hours cannot keep what is stored in quarters.
  Run(OneDirection(1, start, 3600, {20}), FileFormat::kEspi, options);
  EXPECT_THAT(errors_, ElementsAre("2 FILE_DIRECTION_MISSING"));
}

}  // namespace
}  // namespace peerwatt::metering::testing
