#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/metering/formats/text.h"
#include "tests/unit/metering/file_sink.h"

namespace peerwatt::metering::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kHead[] = "start_time,end_time,import_wh\n";
constexpr char kGood[] = "2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,5\n";

FakeSink Read(const std::string& text, size_t piece_bytes = 1 << 20) {
  FakeSink sink;
  EXPECT_EQ(ReadFile(FileFormat::kCsv, text, sink, piece_bytes), "");
  return sink;
}

TEST(CsvReaderTest, ReadsColumnsInAnyOrder) {
  const FakeSink sink = Read(
      "\xEF\xBB\xBFquality,export_wh,end_time,metering_point,import_wh,revision,start_time,"
      "method\r\n"
      "ESTIMATED,7,2026-07-01T02:15:00+02:00,meteringPoints/m1,5,3,2026-07-01T00:00:00Z,LINEAR\r\n"
      "\r\n"
      ",0,2026-07-01T00:30:00Z,\"m2\",6,,2026-06-30T20:15:00-04:00,");
  EXPECT_THAT(sink.errors, IsEmpty());
  ASSERT_EQ(sink.readings.size(), 2u);
  const FileReading& first = sink.readings[0];
  EXPECT_EQ(first.point, "m1");
  EXPECT_EQ(first.interval.start, absl::FromUnixSeconds(1'782'864'000));
  EXPECT_EQ(first.interval.length(), absl::Minutes(15));
  EXPECT_EQ(first.import_wh, 5);
  EXPECT_EQ(first.export_wh, 7);
  EXPECT_EQ(first.quality, Quality::kEstimated);
  EXPECT_EQ(first.method, Method::kLinear);
  EXPECT_EQ(first.line, 2);
  const FileReading& second = sink.readings[1];
  EXPECT_EQ(second.point, "m2");
  EXPECT_EQ(second.interval.start, absl::FromUnixSeconds(1'782'864'900));
  EXPECT_EQ(second.quality, Quality::kMeasured);
  EXPECT_EQ(second.line, 4);
}

TEST(CsvReaderTest, ReadsTheSameInPiecesOfAnySize) {
  const std::string text =
      "\xEF\xBB\xBFstart_time,end_time,import_kwh,metering_point\r\n"
      "2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,1.5,\"a\"\"\nb\"\r\n"
      "2026-07-01T00:15:00Z,2026-07-01T00:30:00Z,x,c\r\n"
      "2026-07-01T00:30:00Z,2026-07-01T00:45:00Z,-0.025,d\r\n";
  for (size_t piece = 1; piece < text.size(); ++piece) {
    const FakeSink sink = Read(text, piece);
    EXPECT_THAT(sink.errors, ElementsAre("4 FILE_LINE_INVALID")) << piece;
    ASSERT_EQ(sink.readings.size(), 2u) << piece;
    EXPECT_EQ(sink.readings[0].point, "a\"\nb");
    EXPECT_EQ(sink.readings[0].import_wh, 1500);
    EXPECT_EQ(sink.readings[0].export_wh, 0);
    EXPECT_EQ(sink.readings[1].import_wh, -25);
    EXPECT_EQ(sink.readings[1].line, 5);
  }
}

TEST(CsvReaderTest, RefusesAHeaderThatIsNotClear) {
  for (const char* header :
       {"", "\n", "start_time,end_time\n", "start_time,import_wh\n",
        "start_time,end_time,import_wh,import_kwh\n", "start_time,end_time,import_wh,colour\n",
        "start_time,end_time,import_wh,import_wh\n", "Start_Time,end_time,import_wh\n",
        "start_time,end_time,import_wh,export_wh,export_kwh\n", "\xEF\xBBstart_time\n"}) {
    FakeSink sink;
    EXPECT_THAT(ReadFile(FileFormat::kCsv, header, sink),
                ::testing::EndsWith(" FILE_HEADER_INVALID"))
        << header;
  }
}

TEST(CsvReaderTest, TellsTheLineOfEachError) {
  const struct {
    std::string line;
    const char* reason;
  } cases[] = {
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,5,6", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00,2026-07-01T00:15:00Z,5", "FILE_TIME_WITHOUT_OFFSET"},
      {"2026-07-01T00:00:00+2:00,2026-07-01T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00+24:00,2026-07-01T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"2026-02-29T00:00:00Z,2026-07-01T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"2026-07-01T24:00:00Z,2026-07-02T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"1969-12-31T23:45:00Z,1970-01-01T00:00:00Z,5", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00.5Z,2026-07-01T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"2026-07-01,2026-07-02,5", "FILE_LINE_INVALID"},
      {"2026-07-01T00:15:00Z,2026-07-01T00:15:00Z,5", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,+5", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,5e3", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,5.0", "ENERGY_NOT_WHOLE"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,1234567890123456", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,\"5\"x", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z,5\"", "FILE_LINE_INVALID"},
      {"2026-07-01T00:00:00Z,2026-07-01T00:15:00Z\r,5", "FILE_LINE_INVALID"},
      {std::string((64 << 10) + 1, '5'), "FILE_LINE_TOO_LONG"},
  };
  for (const auto& one : cases) {
    const FakeSink sink = Read(absl::StrCat(kHead, kGood, one.line, "\n", kGood));
    EXPECT_THAT(sink.errors, ElementsAre(absl::StrCat("3 ", one.reason))) << one.line.substr(0, 99);
    ASSERT_EQ(sink.readings.size(), 2u);
    EXPECT_EQ(sink.readings[1].line, 4);
  }
}

TEST(CsvReaderTest, FindsTheNextLineAfterAQuoteThatDoesNotClose) {
  const std::string quoted = "\"" + std::string(64 << 10, '\n');
  const FakeSink sink = Read(absl::StrCat(kHead, quoted, "\n", kGood));
  EXPECT_THAT(sink.errors, ElementsAre("2 FILE_LINE_TOO_LONG"));
  ASSERT_EQ(sink.readings.size(), 1u);
  EXPECT_EQ(sink.readings[0].line, 2 + (64 << 10) + 1);
  EXPECT_THAT(Read(absl::StrCat(kHead, "\"5")).errors, ElementsAre("2 FILE_LINE_INVALID"));
}

TEST(CsvReaderTest, NeverRoundsKilowattHours) {
  const struct {
    const char* text;
    int64_t wh;
  } good[] = {{"0", 0}, {"1", 1000}, {"1.2", 1200}, {"1.23", 1230}, {"0.001", 1}, {"-1.5", -1500},
              {"999999999.999", 999'999'999'999}};
  for (const auto& one : good) {
    EXPECT_EQ(ParseKilowattHours(one.text).value(), one.wh) << one.text;
  }
  for (const char* bad : {"1.2340", "1.2345", "0.0001"}) {
    EXPECT_EQ(ReasonOf(ParseKilowattHours(bad).status()), "ENERGY_NOT_WHOLE") << bad;
  }
  for (const char* bad : {"", ".5", "1.", "1,5", "1.x", "--1", "1e3", " 1"}) {
    EXPECT_EQ(ReasonOf(ParseKilowattHours(bad).status()), "FILE_LINE_INVALID") << bad;
  }
}

TEST(CsvWriterTest, WritesWhatItReads) {
  const auto writer = NewWriter(FileFormat::kCsv, {.metering_point = MeteringPointId("m1"),
                                                   .interval = absl::Minutes(15),
                                                   .span = {},
                                                   .written_at = {}});
  std::string out;
  writer->Begin(out);
  writer->Add({.start = absl::FromUnixSeconds(1'782'864'000),
               .imported = Energy::WattHours(5),
               .exported = Energy::WattHours(7),
               .quality = Quality::kEstimated,
               .revision = 2,
               .created_at = {},
               .method = Method::kReferenceDay,
               .length = absl::Hours(1)},
              out);
  writer->End(out);
  EXPECT_EQ(out,
            "metering_point,start_time,end_time,import_wh,export_wh,quality,method,revision\r\n"
            "m1,2026-07-01T00:00:00Z,2026-07-01T01:00:00Z,5,7,ESTIMATED,REFERENCE_DAY,2\r\n");
  EXPECT_EQ(Read(out).readings.at(0).method, Method::kReferenceDay);
}

}  // namespace
}  // namespace peerwatt::metering::testing
