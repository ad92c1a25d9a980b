#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/metering/formats/espi_names.h"
#include "services/metering/formats/local_time.h"
#include "tests/unit/metering/file_sink.h"

namespace peerwatt::metering::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kStart = 1'782'864'000;  // 2026-07-01 00:00 UTC

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

std::string Entry(const std::string& self, const std::string& related, const std::string& content) {
  return absl::StrCat(
      "<entry><id>urn:uuid:0</id><link rel=\"self\" href=\"", self, "\"/>",
      related.empty() ? "" : absl::StrCat("<link rel=\"related\" href=\"", related, "\"/>"),
      "<title/><updated>2026-07-02T00:00:00Z</updated><content>", content, "</content></entry>\n");
}
std::string Type(const std::string& self, int flow, int power, const std::string& more = "") {
  return Entry(self, "",
               absl::StrCat("<ReadingType xmlns=\"http://naesb.org/espi\">", more,
                            "<flowDirection>", flow,
                            "</flowDirection><intervalLength>900</intervalLength>"
                            "<powerOfTenMultiplier>",
                            power, "</powerOfTenMultiplier><uom>72</uom></ReadingType>"));
}
std::string OneReading(int64_t start, int64_t value, int64_t duration = 900,
                       const std::string& quality = "") {
  return absl::StrCat(
      "<IntervalReading>", quality, "<timePeriod><duration>", duration, "</duration><start>", start,
      "</start></timePeriod><value>", value, "</value></IntervalReading>\n");
}
std::string Block(const std::string& meter, const std::string& readings) {
  return Entry(absl::StrCat(meter, "/IntervalBlock/1"), "",
               absl::StrCat("<IntervalBlock xmlns=\"http://naesb.org/espi\"><interval><duration>"
                            "86400</duration><start>",
                            kStart, "</start></interval>", readings, "</IntervalBlock>"));
}
std::string Meter(const std::string& self, const std::string& type) {
  return Entry(self, type, "<MeterReading xmlns=\"http://naesb.org/espi\"/>");
}
std::string Feed(const std::string& entries) {
  return absl::StrCat("<?xml version=\"1.0\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n",
                      Entry("/U/1", "", "<UsagePoint xmlns=\"http://naesb.org/espi\"/>"), entries,
                      "</feed>");
}
/// A feed with one direction and these readings in one block.
std::string Forward(const std::string& readings, int power = 0, const std::string& more = "") {
  return Feed(absl::StrCat(Type("/T/1", 1, power, more), Meter("/U/1/M/1", "/T/1"),
                           Block("/U/1/M/1", readings)));
}

FakeSink Read(const std::string& text, size_t piece_bytes = 1 << 20) {
  FakeSink sink;
  EXPECT_EQ(ReadFile(FileFormat::kEspi, text, sink, piece_bytes), "");
  return sink;
}
std::string Failure(const std::string& text) {
  FakeSink sink;
  return ReadFile(FileFormat::kEspi, text, sink);
}

TEST(EspiReaderTest, ReadsOneDirection) {
  const FakeSink sink = Read(Forward(OneReading(kStart, 5) + OneReading(kStart + 900, 6)));
  EXPECT_THAT(sink.errors, IsEmpty());
  ASSERT_EQ(sink.readings.size(), 2u);
  EXPECT_EQ(sink.readings[0].point, "/U/1");
  EXPECT_EQ(sink.readings[0].interval.start, absl::FromUnixSeconds(kStart));
  EXPECT_EQ(sink.readings[0].interval.length(), absl::Minutes(15));
  EXPECT_EQ(sink.readings[0].import_wh, 5);
  EXPECT_EQ(sink.readings[0].export_wh, std::nullopt);
  EXPECT_EQ(sink.readings[0].line, 6);
  EXPECT_EQ(sink.readings[1].line, 7);
}

TEST(EspiReaderTest, BringsBothDirectionsTogether) {
  const std::string text = Feed(absl::StrCat(
      Type("/T/1", 1, 0), Type("/T/2", 19, 0), Meter("/U/1/M/1", "/T/1"), Meter("/U/1/M/2", "/T/2"),
      Block("/U/1/M/1", OneReading(kStart, 5) + OneReading(kStart + 900, 6)),
      Block("/U/1/M/2",
            OneReading(kStart, 7, 900, "<ReadingQuality><quality>9</quality></ReadingQuality>"))));
  for (const size_t piece : {size_t{1}, size_t{7}, text.size()}) {
    const FakeSink sink = Read(text, piece);
    EXPECT_THAT(sink.errors, IsEmpty());
    ASSERT_EQ(sink.readings.size(), 2u);
    EXPECT_EQ(sink.readings[0].import_wh, 5);
    EXPECT_EQ(sink.readings[0].export_wh, 7);
    EXPECT_EQ(sink.readings[0].quality, Quality::kEstimated);
    EXPECT_EQ(sink.readings[0].method, Method::kLinear);
    EXPECT_EQ(sink.readings[1].import_wh, 6);
    EXPECT_EQ(sink.readings[1].export_wh, std::nullopt);
  }
}

TEST(EspiReaderTest, TakesPowersOfTenExactly) {
  EXPECT_EQ(Read(Forward(OneReading(kStart, 12, 3600), 3)).readings.at(0).import_wh, 12'000);
  EXPECT_EQ(Read(Forward(OneReading(kStart, 12'000), -3)).readings.at(0).import_wh, 12);
  EXPECT_THAT(Read(Forward(OneReading(kStart, 12'345), -3)).errors,
              ElementsAre("6 ENERGY_NOT_WHOLE"));
  EXPECT_THAT(Read(Forward(OneReading(kStart, 1), 13)).errors, ElementsAre("6 FILE_LINE_INVALID"));
  EXPECT_THAT(Read(Forward(OneReading(kStart, 999'999'999'999), 12)).errors,
              ElementsAre("6 FILE_LINE_INVALID"));
}

TEST(EspiReaderTest, CountsIntervalsWhereReadingsHaveNoTime) {
  const std::string bare = "<IntervalReading><value>5</value></IntervalReading>";
  const FakeSink sink = Read(Forward(bare + bare));
  ASSERT_EQ(sink.readings.size(), 2u);
  EXPECT_EQ(sink.readings[1].interval.start, absl::FromUnixSeconds(kStart + 900));
  EXPECT_EQ(sink.readings[1].interval.length(), absl::Minutes(15));
}

TEST(EspiReaderTest, LeavesOutOnlyTheReadingThatIsWrong) {
  for (const std::string bad :
       {"<IntervalReading/>", "<IntervalReading><value>x</value></IntervalReading>",
        "<IntervalReading><ReadingQuality><quality>3</quality></ReadingQuality><value>5</value>"
        "</IntervalReading>",
        "<IntervalReading><timePeriod><duration>0</duration><start>0</start></timePeriod><value>5"
        "</value></IntervalReading>",
        "<IntervalReading><timePeriod><duration>900</duration><start>-900</start></timePeriod>"
        "<value>5</value></IntervalReading>"}) {
    const FakeSink sink = Read(Forward(OneReading(kStart, 5) + bad + "\n" + OneReading(kStart, 6)));
    EXPECT_THAT(sink.errors, ElementsAre("7 FILE_LINE_INVALID")) << bad;
    EXPECT_EQ(sink.readings.size(), 2u) << bad;
  }
}

TEST(EspiReaderTest, LeavesOutABlockThatIsNotEnergy) {
  const std::string good = OneReading(kStart, 5);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    return Read(absl::StrReplaceAll(Forward(good), {{from, to}}));
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"<uom>72<", "<uom>38<"},
           {"<uom>72</uom>", ""},
           {"<flowDirection>1<", "<flowDirection>4<"},
           {"<ReadingType xmlns=\"http://naesb.org/espi\">",
            "<ReadingType xmlns=\"http://naesb.org/espi\"><commodity>7</commodity>"},
           {"<ReadingType xmlns=\"http://naesb.org/espi\">",
            "<ReadingType xmlns=\"http://naesb.org/espi\"><accumulationBehaviour>3"
            "</accumulationBehaviour>"}}) {
    const FakeSink sink = replaced(from, to);
    EXPECT_THAT(sink.errors, ElementsAre("6 FILE_READING_TYPE_UNSUPPORTED")) << to;
    EXPECT_THAT(sink.readings, IsEmpty());
  }
  EXPECT_THAT(Read(Feed(Block("/U/1/M/1", good))).errors, ElementsAre("4 FILE_REFERENCE_UNKNOWN"));
  EXPECT_THAT(Read(Feed(Meter("/U/1/M/1", "/T/1") + Block("/U/1/M/1", good))).errors,
              ElementsAre("5 FILE_REFERENCE_UNKNOWN"));
}

TEST(EspiReaderTest, RefusesWhatCouldHurt) {
  const std::string good = OneReading(kStart, 5);
  EXPECT_THAT(
      Failure("<!DOCTYPE feed [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]>\n<feed>&b;</feed>"),
      HasSubstr("1 FILE_XML_INVALID"));
  EXPECT_EQ(Failure("<!DOCTYPE feed SYSTEM \"file:///etc/passwd\">\n<feed/>"),
            "1 FILE_XML_INVALID");
  EXPECT_EQ(Failure("<feed xmlns=\"http://www.w3.org/2005/Atom\">\n&b;</feed>"),
            "2 FILE_XML_INVALID");
  EXPECT_EQ(Failure("<html/>"), "1 FILE_XML_INVALID");
  EXPECT_EQ(Failure(""), "1 FILE_XML_INVALID");
  EXPECT_EQ(Failure(Forward(good).substr(0, 900)), "6 FILE_XML_INVALID");
  std::string deep;
  for (int i = 0; i < 40; ++i) {
    deep += "<x>\n";
  }
  EXPECT_EQ(Failure(Feed(deep)), "35 FILE_XML_INVALID");
  EXPECT_THAT(Failure(Feed(absl::StrCat("<x a=\"", std::string(90'000, 'x'), "\"/>"))),
              HasSubstr("FILE_LINE_TOO_LONG"));
  EXPECT_THAT(Failure(absl::StrReplaceAll(
                  Forward(good), {{"<value>", "<value>" + std::string(300, '1')}})),
              HasSubstr("6 FILE_XML_INVALID"));
  std::string many;
  for (int i = 0; i < 1001; ++i) {
    many += Meter(absl::StrCat("/U/1/M/", i), "/T/1");
  }
  EXPECT_EQ(Failure(Feed(many)), "1004 FILE_XML_INVALID");
}

TEST(LocalTimeTest, WritesRulesAsEspiDoes) {
  const struct {
    const char* zone;
    int64_t offset_s;
    int64_t daylight_s;
    uint32_t start;
    uint32_t end;
  } cases[] = {
      // Last Sunday of March, 2:00; last Sunday of October, 3:00.
      {"Europe/Berlin", 3600, 3600, 0x3E0E2000, 0xAE0E3000},
      // Second Sunday of March, first Sunday of November, 2:00: the codes of ESPI's own examples.
      {"America/New_York", -18'000, 3600, 0x360E2000, 0xB40E2000},
      {"Australia/Sydney", 36'000, 3600, 0xA40E2000, 0x440E3000},
      {"Asia/Kolkata", 19'800, 0, 0xFFFFFFFF, 0xFFFFFFFF},
      {"Etc/UTC", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF},
  };
  for (const auto& one : cases) {
    const LocalTimeRules rules =
        LocalTimeRulesOf(Zone(one.zone), absl::FromUnixSeconds(kStart));
    EXPECT_EQ(rules.zone_offset_s, one.offset_s) << one.zone;
    EXPECT_EQ(rules.daylight_offset_s, one.daylight_s) << one.zone;
    EXPECT_EQ(rules.daylight_start, one.start) << one.zone << std::hex << rules.daylight_start;
    EXPECT_EQ(rules.daylight_end, one.end) << one.zone << std::hex << rules.daylight_end;
  }
}

TEST(EspiNamesTest, KeepsQualityAndMethodWhereACodeHasThem) {
  for (int64_t code = 0; code < 20; ++code) {
    const auto provenance = ProvenanceOf(code);
    if (code > 0 && code < 7) {
      EXPECT_EQ(ReasonOf(provenance.status()), "FILE_LINE_INVALID");
      continue;
    }
    EXPECT_EQ(ProvenanceOf(CodeOf(*provenance)).value(), *provenance) << code;
  }
  EXPECT_EQ(CodeOf({Quality::kMeasured, Method::kManual}), 0);
  EXPECT_EQ(CodeOf({Quality::kEstimated, Method::kSplit}), 16);
}

/// A file with every quality and method, from the night in which a summer ends.
std::string WrittenFile(size_t count, absl::Duration interval, const char* zone) {
  const absl::Time start = absl::FromCivil(absl::CivilDay(2026, 10, 25), Zone(zone));
  const auto writer =
      NewWriter(FileFormat::kEspi, {.metering_point = MeteringPointId("m-1"),
                                    .interval = interval,
                                    .time_zone = Zone(zone),
                                    .span = {start, start + interval * static_cast<int64_t>(count)},
                                    .written_at = absl::FromUnixSeconds(kStart)});
  std::string out;
  writer->Begin(out);
  for (size_t i = 0; i < count; ++i) {
    writer->Add({.start = start + interval * static_cast<int64_t>(i),
                 .imported = Energy::WattHours(static_cast<int64_t>(i)),
                 .exported = Energy::WattHours(static_cast<int64_t>(i % 7)),
                 .quality = static_cast<Quality>(1 + i % 3),
                 .revision = 1,
                 .created_at = {},
                 .method = static_cast<Method>(i % 7)},
                out);
  }
  writer->End(out);
  return out;
}

TEST(EspiWriterTest, WritesWhatItReads) {
  const FakeSink sink = Read(WrittenFile(150, absl::Minutes(15), "Europe/Berlin"));
  EXPECT_THAT(sink.errors, IsEmpty());
  ASSERT_EQ(sink.readings.size(), 150u);
  for (size_t i = 0; i < 150; ++i) {
    const FileReading& reading = sink.readings[i];
    EXPECT_EQ(reading.point, "m-1");
    EXPECT_EQ(reading.import_wh, static_cast<int64_t>(i));
    EXPECT_EQ(reading.export_wh, static_cast<int64_t>(i % 7));
    EXPECT_EQ(reading.quality, static_cast<Quality>(1 + i % 3)) << i;
    EXPECT_EQ(reading.method, static_cast<Method>(i % 7)) << i;
  }
}

/// Whether xmllint finds a file valid against the schemas of ESPI.
bool IsValid(const std::string& text) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "espi_test.xml";
  std::ofstream(path) << text;
  const std::string command = absl::StrCat("xmllint --nonet --noout --schema ", PW_ESPI_SCHEMA, " ",
                                           path.string(), " >/dev/null 2>&1");
  const int status = std::system(command.c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 127) << "xmllint is needed";
  std::filesystem::remove(path);
  return status == 0;
}

TEST(EspiWriterTest, IsValidAgainstTheSchemas) {
  EXPECT_TRUE(IsValid(WrittenFile(150, absl::Minutes(15), "Europe/Berlin")));
  EXPECT_TRUE(IsValid(WrittenFile(1, absl::Hours(1), "America/New_York")));
  EXPECT_TRUE(IsValid(WrittenFile(0, absl::Minutes(5), "Etc/UTC")));
  // The check itself can fail.
  EXPECT_FALSE(IsValid(absl::StrReplaceAll(WrittenFile(1, absl::Minutes(15), "Etc/UTC"),
                                           {{"<espi:uom>72<", "<espi:uom>watt<"}})));
}

}  // namespace
}  // namespace peerwatt::metering::testing
