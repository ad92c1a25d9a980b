#include "services/metering/core/validation.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "libs/domain/arithmetic.h"
#include "services/metering/core/day.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/vee/register_rules.h"
#include "services/metering/core/vee/split.h"

namespace peerwatt::metering {
namespace {

/// An error about one field of a series, with the metering point in its metadata.
absl::Status SeriesError(const ErrorReason& reason, size_t series_no, const Series& series,
                         absl::string_view field, absl::string_view message) {
  std::string path = absl::StrCat("series[", series_no, "].", field);
  return Error(reason, message, {{"metering_point", series.metering_point.value()}},
               {{std::move(path), std::string(message)}});
}

std::string ElementOf(absl::string_view column, size_t i) {
  return absl::StrCat(column, "[", i, "]");
}

absl::Status CheckNotNegative(size_t series_no, const Series& series, absl::string_view column,
                              const std::vector<int64_t>& values) {
  const auto at = std::find_if(values.begin(), values.end(), [](int64_t wh) { return wh < 0; });
  if (at == values.end()) {
    return absl::OkStatus();
  }
  return SeriesError(kEnergyNegative, series_no, series,
                     ElementOf(column, static_cast<size_t>(at - values.begin())),
                     "energy must not be negative");
}

absl::Status CheckPlausible(size_t series_no, const Series& series, absl::string_view column,
                            const std::vector<int64_t>& values, int64_t capacity_w) {
  const int64_t max_wh =
      std::min(EnergyMax(capacity_w, series.resolution).wh(), kIntervalEnergyWhMax);
  const auto at =
      std::find_if(values.begin(), values.end(), [max_wh](int64_t wh) { return wh > max_wh; });
  if (at == values.end()) {
    return absl::OkStatus();
  }
  const std::string message = absl::StrCat("energy is above the ", max_wh,
                                           " Wh that the capacity lets through in an interval");
  const std::string element = ElementOf(column, static_cast<size_t>(at - values.begin()));
  return Error(kReadingImplausible, message,
               {{"metering_point", series.metering_point.value()},
                {"capacity_w", absl::StrCat(capacity_w)}},
               {{absl::StrCat("series[", series_no, "].", element), message}});
}

bool IsBatchQuality(Quality quality) {
  return quality >= Quality::kMeasured && quality <= Quality::kEstimated;
}

absl::Status CheckQualities(size_t series_no, const Series& series) {
  const auto at = std::find_if_not(series.qualities.begin(), series.qualities.end(),
                                   IsBatchQuality);
  if (at == series.qualities.end()) {
    return absl::OkStatus();
  }
  return SeriesError(kQualityInvalid, series_no, series,
                     ElementOf("qualities", static_cast<size_t>(at - series.qualities.begin())),
                     "quality must be MEASURED, CALCULATED or ESTIMATED");
}

absl::Status ValidateSeries(size_t series_no, const Series& series, const Member& member,
                            absl::Time now) {
  if (!IsSplittable(series.resolution, member.interval)) {
    return SeriesError(kResolutionMismatch, series_no, series, "resolution",
                       absl::StrCat("resolution must be the community's interval of ",
                                    absl::FormatDuration(member.interval),
                                    " or a multiple of it up to an hour"));
  }
  if (!IsOnGrid(series.start, series.resolution)) {
    return SeriesError(kReadingOffGrid, series_no, series, "start_time",
                       "start must be a multiple of the resolution");
  }
  PW_RETURN_IF_ERROR(
      CheckNotNegative(series_no, series, "import_energy_wh", series.import_wh));
  PW_RETURN_IF_ERROR(
      CheckNotNegative(series_no, series, "export_energy_wh", series.export_wh));
  if (!series.export_wh.empty() && series.export_wh.size() != series.size()) {
    return SeriesError(kColumnLengthMismatch, series_no, series, "export_energy_wh",
                       "export must be empty or as long as import");
  }
  if (series.qualities.size() > 1 && series.qualities.size() != series.size()) {
    return SeriesError(kColumnLengthMismatch, series_no, series, "qualities",
                       "qualities must be none, one or as many as import");
  }
  PW_RETURN_IF_ERROR(CheckQualities(series_no, series));
  if (series.Span().end > now) {
    return SeriesError(kReadingInFuture, series_no, series, "start_time",
                       "the last interval is not over yet");
  }
  PW_RETURN_IF_ERROR(CheckPlausible(series_no, series, "import_energy_wh", series.import_wh,
                                    member.import_capacity_w));
  return CheckPlausible(series_no, series, "export_energy_wh", series.export_wh,
                        member.export_capacity_w);
}

absl::Status CheckOverlap(const Batch& batch) {
  std::vector<size_t> order(batch.series.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Series& left = batch.series[a];
    const Series& right = batch.series[b];
    return std::tie(left.metering_point, left.start, a) <
           std::tie(right.metering_point, right.start, b);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const Series& before = batch.series[order[i - 1]];
    const Series& series = batch.series[order[i]];
    if (before.metering_point == series.metering_point && series.start < before.Span().end) {
      return SeriesError(kOverlap, order[i], series, "start_time",
                         absl::StrCat("overlaps series[", order[i - 1], "]"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

Energy EnergyMax(int64_t capacity_w, absl::Duration interval) {
  return Energy::WattHours(
      MulDiv(capacity_w, absl::ToInt64Seconds(interval), 3600, Rounding::kUp));
}

absl::Status CheckBatchSize(const Batch& batch) {
  if (batch.series.empty() && batch.registers.empty() && batch.ocmf_records.empty()) {
    return Error(kSeriesEmpty, "a batch needs at least one series or record", {},
                 {{"series", "must not be empty"}});
  }
  if (batch.series.size() + batch.registers.size() > kBatchSeriesMax) {
    return Error(kBatchTooLarge,
                 absl::StrCat("a batch has at most ", kBatchSeriesMax, " series"), {},
                 {{"series", "too many"}});
  }
  size_t count = 0;
  for (size_t i = 0; i < batch.series.size(); ++i) {
    if (batch.series[i].import_wh.empty()) {
      return SeriesError(kSeriesEmpty, i, batch.series[i], "import_energy_wh",
                         "a series needs at least one value");
    }
    count += batch.series[i].size();
  }
  for (size_t i = 0; i < batch.registers.size(); ++i) {
    if (batch.registers[i].energy_wh.empty()) {
      return RegisterError(kSeriesEmpty, i, batch.registers[i], "energy_wh",
                           "a register series needs at least one value");
    }
    count += batch.registers[i].size();
  }
  if (count > kBatchReadingsMax) {
    return Error(kBatchTooLarge,
                 absl::StrCat("a batch has at most ", kBatchReadingsMax, " readings"), {},
                 {{"series", "too many readings"}});
  }
  return absl::OkStatus();
}

absl::Status ValidateBatch(const Batch& batch,
                           const absl::flat_hash_map<MeteringPointId, Member>& members,
                           absl::Time now) {
  PW_RETURN_IF_ERROR(CheckBatchSize(batch));
  int64_t intervals = 0;
  for (size_t i = 0; i < batch.series.size(); ++i) {
    const Series& series = batch.series[i];
    const auto member = members.find(series.metering_point);
    if (member == members.end()) {
      return SeriesError(kMeteringPointUnknown, i, series, "metering_point",
                         "the metering point is not registered");
    }
    PW_RETURN_IF_ERROR(ValidateSeries(i, series, member->second, now));
    intervals += series.Span().length() / member->second.interval;
    if (intervals > static_cast<int64_t>(kBatchReadingsMax)) {
      return SeriesError(kBatchTooLarge, i, series, "import_energy_wh",
                         "too many readings in the batch when split into intervals");
    }
  }
  PW_RETURN_IF_ERROR(ValidateRegisters(batch, members, now));
  return CheckOverlap(batch);
}

}  // namespace peerwatt::metering
