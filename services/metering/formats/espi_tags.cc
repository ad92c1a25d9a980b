#include "services/metering/formats/espi_tags.h"

#include <algorithm>
#include <array>

#include "services/metering/formats/espi_names.h"

namespace peerwatt::metering {
namespace {

struct TagName {
  absl::string_view space;
  absl::string_view name;
  EspiTag tag;
};
constexpr std::array<TagName, 25> kTags = {{
    {kEspiNamespace, "IntervalReading", EspiTag::kIntervalReading},
    {kEspiNamespace, "timePeriod", EspiTag::kTimePeriod},
    {kEspiNamespace, "duration", EspiTag::kDuration},
    {kEspiNamespace, "start", EspiTag::kStart},
    {kEspiNamespace, "value", EspiTag::kValue},
    {kEspiNamespace, "ReadingQuality", EspiTag::kReadingQuality},
    {kEspiNamespace, "quality", EspiTag::kQuality},
    {kEspiNamespace, "IntervalBlock", EspiTag::kIntervalBlock},
    {kEspiNamespace, "interval", EspiTag::kInterval},
    {kEspiNamespace, "UsagePoint", EspiTag::kUsagePoint},
    {kEspiNamespace, "MeterReading", EspiTag::kMeterReading},
    {kEspiNamespace, "ReadingType", EspiTag::kReadingType},
    {kEspiNamespace, "accumulationBehaviour", EspiTag::kAccumulation},
    {kEspiNamespace, "commodity", EspiTag::kCommodity},
    {kEspiNamespace, "defaultQuality", EspiTag::kDefaultQuality},
    {kEspiNamespace, "flowDirection", EspiTag::kFlowDirection},
    {kEspiNamespace, "intervalLength", EspiTag::kIntervalLength},
    {kEspiNamespace, "kind", EspiTag::kKind},
    {kEspiNamespace, "powerOfTenMultiplier", EspiTag::kPowerOfTen},
    {kEspiNamespace, "uom", EspiTag::kUnit},
    {kAtomNamespace, "feed", EspiTag::kFeed},
    {kAtomNamespace, "entry", EspiTag::kEntry},
    {kAtomNamespace, "link", EspiTag::kLink},
    {kExtensionNamespace, "method", EspiTag::kExtensionMethod},
    {kExtensionNamespace, "meteringPoint", EspiTag::kExtensionPoint},
}};

}  // namespace

EspiTag TagOf(absl::string_view full_name) {
  const size_t split = std::min(full_name.find(kNameSeparator), full_name.size());
  const absl::string_view space = full_name.substr(0, split);
  const absl::string_view name =
      split < full_name.size() ? full_name.substr(split + 1) : absl::string_view();
  for (const TagName& one : kTags) {
    if (one.name == name && one.space == space) {
      return one.tag;
    }
  }
  return EspiTag::kOther;
}

}  // namespace peerwatt::metering
