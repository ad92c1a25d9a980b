#include "services/metering/formats/espi_writer.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/metering/formats/espi_names.h"
#include "services/metering/formats/local_time.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {
namespace {

constexpr int kForwardNumber = 1;
constexpr int kReverseNumber = 2;

/// FNV-1a; good enough to tell the entries of a feed apart.
uint64_t Hash(uint64_t basis, absl::string_view text) {
  uint64_t hash = basis;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  return hash;
}

/// The same id for the same entry, always. UUID of version 8 (RFC 9562).
std::string EntryId(absl::string_view path) {
  const uint64_t high = Hash(0xCBF29CE484222325, path);
  const uint64_t low = Hash(high ^ 0x9E3779B97F4A7C15, path);
  return absl::StrFormat("urn:uuid:%08x-%04x-8%03x-%04x-%012x", high >> 32, (high >> 16) & 0xFFFF,
                         high & 0xFFF, 0x8000 | ((low >> 48) & 0x3FFF), low & 0xFFFFFFFFFFFF);
}

std::string Escaped(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void AppendQuality(Provenance provenance, std::string& out) {
  const int64_t code = CodeOf(provenance);
  if (provenance == Provenance()) {
    return;  // The reading type's default.
  }
  out += "<espi:ReadingQuality>";
  if (provenance.method != ProvenanceOf(code)->method) {
    absl::StrAppend(&out, "<espi:extension><method xmlns=\"", kExtensionNamespace, "\">",
                    MethodName(provenance.method), "</method></espi:extension>");
  }
  absl::StrAppend(&out, "<espi:quality>", code, "</espi:quality></espi:ReadingQuality>");
}

}  // namespace

EspiWriter::EspiWriter(FileHead head)
    : head_(std::move(head)),
      point_path_(absl::StrCat("/espi/1_1/resource/UsagePoint/", head_.metering_point.value())) {
  AppendInstant(head_.written_at, updated_);
}

void EspiWriter::AppendEntry(absl::string_view path, absl::string_view up,
                             const std::vector<std::string>& related, absl::string_view title,
                             absl::string_view content, std::string& out) const {
  absl::StrAppend(&out, "<entry><id>", EntryId(path), "</id><link rel=\"self\" href=\"", path,
                  "\"/><link rel=\"up\" href=\"", up, "\"/>");
  for (const std::string& href : related) {
    absl::StrAppend(&out, "<link rel=\"related\" href=\"", href, "\"/>");
  }
  absl::StrAppend(&out, "<title>", title, "</title><updated>", updated_, "</updated><content>\n",
                  content, "\n</content></entry>\n");
}

void EspiWriter::Begin(std::string& out) {
  const std::string name = Escaped(head_.metering_point.value());
  absl::StrAppend(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"",
                  kAtomNamespace, "\" xmlns:espi=\"", kEspiNamespace, "\"><id>",
                  EntryId(absl::StrCat(point_path_, "#", absl::ToUnixSeconds(head_.span.start), "-",
                                       absl::ToUnixSeconds(head_.span.end))),
                  "</id><title>Readings of ", name, "</title><updated>", updated_,
                  "</updated><link rel=\"self\" href=\"", point_path_, "\"/>\n");
  const std::string local_time = absl::StrCat("/espi/1_1/resource/LocalTimeParameters/",
                                              Escaped(head_.metering_point.value()));
  AppendEntry(point_path_, "/espi/1_1/resource/UsagePoint",
              {absl::StrCat(point_path_, "/MeterReading"), local_time}, name,
              absl::StrCat("<espi:UsagePoint><espi:extension><meteringPoint xmlns=\"",
                           kExtensionNamespace, "\">", name,
                           "</meteringPoint></espi:extension><espi:ServiceCategory><espi:kind>0"
                           "</espi:kind></espi:ServiceCategory></espi:UsagePoint>"),
              out);
  const LocalTimeRules rules = LocalTimeRulesOf(head_.time_zone, head_.span.start);
  AppendEntry(local_time, "/espi/1_1/resource/LocalTimeParameters", {},
              Escaped(head_.time_zone.name()),
              absl::StrFormat("<espi:LocalTimeParameters><espi:dstEndRule>%08X</espi:dstEndRule>"
                              "<espi:dstOffset>%d</espi:dstOffset><espi:dstStartRule>%08X"
                              "</espi:dstStartRule><espi:tzOffset>%d</espi:tzOffset>"
                              "</espi:LocalTimeParameters>",
                              rules.daylight_end, rules.daylight_offset_s, rules.daylight_start,
                              rules.zone_offset_s),
              out);
  AppendDirection(kForwardNumber, kFlowForward, "Energy drawn", out);
  AppendDirection(kReverseNumber, kFlowReverse, "Energy fed in", out);
}

void EspiWriter::AppendDirection(int number, int64_t flow, absl::string_view title,
                                 std::string& out) const {
  const std::string meter = absl::StrCat(point_path_, "/MeterReading/", number);
  const std::string type = absl::StrCat("/espi/1_1/resource/ReadingType/",
                                        head_.metering_point.value(), "-", number);
  AppendEntry(type, "/espi/1_1/resource/ReadingType", {}, title,
              absl::StrCat("<espi:ReadingType><espi:accumulationBehaviour>", kAccumulationDelta,
                           "</espi:accumulationBehaviour><espi:commodity>", kCommodityElectricity,
                           "</espi:commodity><espi:defaultQuality>0</espi:defaultQuality>"
                           "<espi:flowDirection>",
                           flow, "</espi:flowDirection><espi:intervalLength>",
                           absl::ToInt64Seconds(head_.interval),
                           "</espi:intervalLength><espi:kind>", kKindEnergy,
                           "</espi:kind><espi:powerOfTenMultiplier>0</espi:powerOfTenMultiplier>"
                           "<espi:uom>",
                           kUnitWattHours, "</espi:uom></espi:ReadingType>"),
              out);
  AppendEntry(meter, absl::StrCat(point_path_, "/MeterReading"),
              {type, absl::StrCat(meter, "/IntervalBlock")}, title, "<espi:MeterReading/>", out);
}

void EspiWriter::Add(const Reading& reading, std::string& out) {
  const absl::CivilDay day = absl::ToCivilDay(reading.start, head_.time_zone);
  if (!readings_.empty() && day != day_) {
    AppendDay(out);
  }
  day_ = day;
  readings_.push_back(reading);
}

void EspiWriter::AppendDay(std::string& out) {
  AppendBlock(kForwardNumber, out);
  AppendBlock(kReverseNumber, out);
  readings_.clear();
}

void EspiWriter::AppendBlock(int number, std::string& out) const {
  const int64_t start_s = absl::ToUnixSeconds(readings_.front().start);
  const int64_t end_s =
      absl::ToUnixSeconds(readings_.back().start + LengthOf(readings_.back(), head_));
  std::string content = absl::StrCat("<espi:IntervalBlock><espi:interval><espi:duration>",
                                     end_s - start_s, "</espi:duration><espi:start>", start_s,
                                     "</espi:start></espi:interval>");
  for (const Reading& reading : readings_) {
    content += "\n<espi:IntervalReading>";
    AppendQuality({reading.quality, reading.method}, content);
    absl::StrAppend(&content, "<espi:timePeriod><espi:duration>",
                    absl::ToInt64Seconds(LengthOf(reading, head_)),
                    "</espi:duration><espi:start>", absl::ToUnixSeconds(reading.start),
                    "</espi:start></espi:timePeriod><espi:value>",
                    (number == kForwardNumber ? reading.imported : reading.exported).wh(),
                    "</espi:value></espi:IntervalReading>");
  }
  content += "\n</espi:IntervalBlock>";
  const std::string up = absl::StrCat(point_path_, "/MeterReading/", number, "/IntervalBlock");
  AppendEntry(absl::StrCat(up, "/", start_s), up, {}, absl::FormatCivilTime(day_), content, out);
}

void EspiWriter::End(std::string& out) {
  if (!readings_.empty()) {
    AppendDay(out);
  }
  out += "</feed>\n";
}

}  // namespace peerwatt::metering
