#pragma once

#include "absl/strings/string_view.h"

namespace peerwatt::metering {

/// Between the namespace and the name of an element.
inline constexpr char kNameSeparator = ' ';

/// The elements of a feed that mean something here.
enum class EspiTag {
  kOther,
  kFeed,
  kEntry,
  kLink,
  kUsagePoint,
  kMeterReading,
  kReadingType,
  kIntervalBlock,
  kInterval,
  kIntervalReading,
  kReadingQuality,
  kTimePeriod,
  // Elements with a text that is read.
  kAccumulation,
  kCommodity,
  kDefaultQuality,
  kFlowDirection,
  kIntervalLength,
  kKind,
  kPowerOfTen,
  kUnit,
  kDuration,
  kStart,
  kQuality,
  kValue,
  kExtensionMethod,
  kExtensionPoint,
};

/// full_name: namespace, `kNameSeparator` and name.
EspiTag TagOf(absl::string_view full_name);
/// Whether the element's text is read.
inline bool HasText(EspiTag tag) { return tag >= EspiTag::kAccumulation; }

}  // namespace peerwatt::metering
