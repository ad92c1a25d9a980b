#include "services/metering/core/vee/register_rules.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/domain/quantities.h"
#include "services/metering/core/errors.h"

namespace peerwatt::metering {
namespace {

/// The first value for which `is_bad` holds, as a field; empty when there is none.
template <typename Predicate>
std::string FirstValue(const RegisterSeries& series, Predicate is_bad) {
  const auto at = std::find_if(series.energy_wh.begin(), series.energy_wh.end(), is_bad);
  return at == series.energy_wh.end()
             ? ""
             : absl::StrCat("energy_wh[", at - series.energy_wh.begin(), "]");
}

absl::Status CheckValues(size_t i, const RegisterSeries& series) {
  const std::string negative = FirstValue(series, [](int64_t wh) { return wh < 0; });
  if (!negative.empty()) {
    return RegisterError(kEnergyNegative, i, series, negative, "a register is never negative");
  }
  return absl::OkStatus();
}

absl::Status CheckRegister(size_t i, const RegisterSeries& series) {
  if (series.meter.empty() || series.meter.size() > kMeterSerialMax) {
    return RegisterError(kRegisterInvalid, i, series, "meter",
                         "a serial number of 1 to 63 bytes is needed");
  }
  if (series.kind != RegisterKind::kImport && series.kind != RegisterKind::kExport) {
    return RegisterError(kRegisterInvalid, i, series, "register", "must be IMPORT or EXPORT");
  }
  if (series.rollover_wh < 0 || series.rollover_wh > kEnergyMax.wh() * 1000) {
    return RegisterError(kRegisterInvalid, i, series, "rollover_wh", "is out of bounds");
  }
  const int64_t limit_wh = series.rollover_wh > 0 ? series.rollover_wh : kEnergyMax.wh() * 1000;
  const std::string high = FirstValue(series, [&](int64_t wh) { return wh >= limit_wh; });
  if (!high.empty()) {
    return RegisterError(kRegisterInvalid, i, series, high, "must be below the rollover");
  }
  return absl::OkStatus();
}

absl::Status ValidateOne(size_t i, const RegisterSeries& series, const Member& member,
                         absl::Time now) {
  if (series.resolution < member.interval ||
      series.resolution % member.interval != absl::ZeroDuration()) {
    return RegisterError(kResolutionMismatch, i, series, "resolution",
                         absl::StrCat("resolution must be a multiple of the community's interval ",
                                      "of ", absl::FormatDuration(member.interval)));
  }
  if (!IsOnGrid(series.start, member.interval)) {
    return RegisterError(kReadingOffGrid, i, series, "start_time",
                         "start must be a multiple of the community's interval");
  }
  PW_RETURN_IF_ERROR(CheckValues(i, series));
  if (series.Span().end > now) {
    return RegisterError(kReadingInFuture, i, series, "start_time",
                         "the last value lies in the future");
  }
  return CheckRegister(i, series);
}

absl::Status CheckRegisterOverlap(const Batch& batch) {
  std::vector<size_t> order(batch.registers.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  const auto key = [&](size_t i) {
    const RegisterSeries& series = batch.registers[i];
    return std::tie(series.metering_point, series.kind, series.meter);
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple_cat(key(a), std::tie(batch.registers[a].start, a)) <
           std::tuple_cat(key(b), std::tie(batch.registers[b].start, b));
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const RegisterSeries& before = batch.registers[order[i - 1]];
    const RegisterSeries& series = batch.registers[order[i]];
    if (key(order[i - 1]) == key(order[i]) && series.start <= before.Span().end) {
      return RegisterError(kOverlap, order[i], series, "start_time",
                           absl::StrCat("overlaps registers[", order[i - 1], "]"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RegisterError(const ErrorReason& reason, size_t series_no,
                           const RegisterSeries& series, absl::string_view field,
                           absl::string_view message) {
  std::string path = absl::StrCat("registers[", series_no, "].", field);
  return Error(reason, message, {{"metering_point", series.metering_point.value()}},
               {{std::move(path), std::string(message)}});
}

absl::Status ValidateRegisters(const Batch& batch,
                               const absl::flat_hash_map<MeteringPointId, Member>& members,
                               absl::Time now) {
  for (size_t i = 0; i < batch.registers.size(); ++i) {
    const RegisterSeries& series = batch.registers[i];
    const auto member = members.find(series.metering_point);
    if (member == members.end()) {
      return RegisterError(kMeteringPointUnknown, i, series, "metering_point",
                           "the metering point is not registered");
    }
    PW_RETURN_IF_ERROR(ValidateOne(i, series, member->second, now));
  }
  return CheckRegisterOverlap(batch);
}

}  // namespace peerwatt::metering
