#include "services/metering/formats/espi_model.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/exchange_errors.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kResourcesMax = 1000;
constexpr int64_t kDurationMaxS = 366 * 86'400;
constexpr int64_t kYear10000 = 253'402'300'800;

absl::Status TooMany() {
  return Error(kFileXmlInvalid, "a feed has at most 1000 usage points, meter readings or types");
}

/// Whether `inner` is below `outer`: `/UsagePoint/1/MeterReading/2` below `/UsagePoint/1`.
bool IsBelow(absl::string_view inner, absl::string_view outer) {
  return !outer.empty() && inner.size() > outer.size() && absl::StartsWith(inner, outer) &&
         inner[outer.size()] == '/';
}

bool BelongsTo(const EspiLinks& inner, const EspiLinks& outer) {
  return IsBelow(inner.self, outer.self) || IsBelow(inner.up, outer.self);
}

/// Whether an optional code is absent, 0 ("none") or `expected`.
bool Fits(std::optional<int64_t> code, int64_t expected) {
  return !code.has_value() || *code == 0 || *code == expected;
}

absl::Status CheckType(const EspiReadingType& type) {
  const auto unsupported = [](absl::string_view message) {
    return Error(kFileReadingTypeUnsupported, message);
  };
  if (type.unit != kUnitWattHours) {
    return unsupported("the unit must be 72, watt hours");
  }
  if (type.flow != kFlowForward && type.flow != kFlowReverse) {
    return unsupported("the flow direction must be 1, forward, or 19, reverse");
  }
  if (!Fits(type.commodity, kCommodityElectricity) && type.commodity != 2) {
    return unsupported("the commodity must be electricity");
  }
  if (!Fits(type.accumulation, kAccumulationDelta)) {
    return unsupported("the accumulation behaviour must be 4, the energy of each interval");
  }
  if (!Fits(type.kind, kKindEnergy)) {
    return unsupported("the kind must be 12, energy");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileReading> ReadingOf(const EspiReading& reading, const EspiSeries& series,
                                      std::optional<int64_t> block_start_s, int64_t number) {
  PW_RETURN_IF_ERROR(reading.error);
  if (!reading.value.has_value()) {
    return Error(kFileLineInvalid, "a reading has no value");
  }
  const std::optional<int64_t> duration_s =
      reading.duration_s.has_value() ? reading.duration_s : series.interval_s;
  if (!duration_s.has_value() || *duration_s <= 0 || *duration_s > kDurationMaxS) {
    return Error(kFileLineInvalid, "a reading's duration is missing or out of bounds");
  }
  std::optional<int64_t> start_s = reading.start_s;
  if (!start_s.has_value() && block_start_s.has_value()) {
    start_s = *block_start_s + number * *duration_s;
  }
  if (!start_s.has_value() || *start_s < 0 || *start_s >= kYear10000) {
    return Error(kFileLineInvalid, "a reading's start is missing or out of bounds");
  }
  FileReading taken;
  taken.point = series.point;
  taken.interval.start = absl::FromUnixSeconds(*start_s);
  taken.interval.end = taken.interval.start + absl::Seconds(*duration_s);
  PW_ASSIGN_OR_RETURN((series.forward ? taken.import_wh : taken.export_wh),
                      TimesPowerOfTen(*reading.value, series.power_of_ten));
  const Provenance provenance = reading.provenance.value_or(series.provenance);
  taken.quality = provenance.quality;
  taken.method = provenance.method;
  taken.line = reading.line;
  return taken;
}

absl::Status EspiResources::AddUsagePoint(EspiLinks links, std::string metering_point) {
  if (usage_points_.size() == kResourcesMax) {
    return TooMany();
  }
  usage_points_.push_back({std::move(links), std::move(metering_point)});
  return absl::OkStatus();
}

absl::Status EspiResources::AddMeterReading(EspiLinks links) {
  if (meter_readings_.size() == kResourcesMax) {
    return TooMany();
  }
  meter_readings_.push_back(std::move(links));
  return absl::OkStatus();
}

absl::Status EspiResources::AddReadingType(EspiLinks links, const EspiReadingType& type) {
  if (reading_types_.size() == kResourcesMax) {
    return TooMany();
  }
  reading_types_.push_back({std::move(links), type});
  return absl::OkStatus();
}

const EspiLinks* EspiResources::MeterReadingOf(const EspiLinks& block) const {
  for (const EspiLinks& links : meter_readings_) {
    if (BelongsTo(block, links)) {
      return &links;
    }
  }
  return meter_readings_.size() == 1 ? &meter_readings_[0] : nullptr;
}

const EspiReadingType* EspiResources::TypeOf(const EspiLinks& meter_reading) const {
  for (const ReadingType& one : reading_types_) {
    for (const std::string& href : meter_reading.related) {
      if (!href.empty() && href == one.links.self) {
        return &one.type;
      }
    }
  }
  return reading_types_.size() == 1 ? &reading_types_[0].type : nullptr;
}

std::optional<size_t> EspiResources::UsagePointOf(const EspiLinks& meter_reading) const {
  for (size_t i = 0; i < usage_points_.size(); ++i) {
    if (BelongsTo(meter_reading, usage_points_[i].links)) {
      return i;
    }
  }
  return usage_points_.size() == 1 ? std::optional<size_t>(0) : std::nullopt;
}

bool EspiResources::HasDirection(size_t usage_point, int64_t flow) const {
  for (const EspiLinks& links : meter_readings_) {
    const EspiReadingType* type = TypeOf(links);
    if (type != nullptr && type->flow == flow && UsagePointOf(links) == usage_point) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<EspiSeries> EspiResources::SeriesOf(const EspiLinks& block) const {
  const EspiLinks* const meter_reading = MeterReadingOf(block);
  if (meter_reading == nullptr) {
    return Error(kFileReferenceUnknown, "no meter reading before the block is the block's");
  }
  const std::optional<size_t> usage_point = UsagePointOf(*meter_reading);
  if (!usage_point.has_value()) {
    return Error(kFileReferenceUnknown, "no usage point before the block is the block's");
  }
  const EspiReadingType* const type = TypeOf(*meter_reading);
  if (type == nullptr) {
    return Error(kFileReferenceUnknown, "no reading type before the block is the block's");
  }
  PW_RETURN_IF_ERROR(CheckType(*type));
  EspiSeries series;
  const UsagePoint& point = usage_points_[*usage_point];
  series.point = point.metering_point.empty() ? point.links.self : point.metering_point;
  series.forward = type->flow == kFlowForward;
  series.both_directions =
      HasDirection(*usage_point, series.forward ? kFlowReverse : kFlowForward);
  series.power_of_ten = type->power_of_ten;
  PW_ASSIGN_OR_RETURN(series.provenance, ProvenanceOf(type->default_quality));
  series.interval_s = type->interval_s;
  return series;
}

void DirectionMerge::Add(FileReading reading, FileSink& sink) {
  Key key(reading.interval.start, reading.interval.end, reading.point);
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) {
    waiting_.emplace(std::move(key), std::move(reading));
    if (waiting_.size() > waits_max_) {
      Flush(sink);
    }
    return;
  }
  FileReading& first = found->second;
  if (first.import_wh.has_value() == reading.import_wh.has_value()) {
    // The same direction again: both are told, the later one is a correction.
    sink.OnReading(std::exchange(first, std::move(reading)));
    return;
  }
  if (first.quality > reading.quality) {
    reading.quality = first.quality;
    reading.method = first.method;
  }
  (reading.import_wh.has_value() ? reading.export_wh : reading.import_wh) =
      reading.import_wh.has_value() ? first.export_wh : first.import_wh;
  waiting_.erase(found);
  sink.OnReading(std::move(reading));
}

void DirectionMerge::Flush(FileSink& sink) {
  for (auto& [key, reading] : std::exchange(waiting_, {})) {
    sink.OnReading(std::move(reading));
  }
}

}  // namespace peerwatt::metering
