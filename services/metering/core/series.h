#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"

namespace peerwatt::metering {

/// How a value came to be. The numbers are those on the wire and in the database; a larger one is
/// weaker, and the weakest wins in an aggregate.
enum class Quality : int16_t { kMeasured = 1, kCalculated = 2, kEstimated = 3, kMissing = 4 };

/// How a value that was not measured was made. The numbers are those on the wire and in storage.
enum class Method : int16_t {
  kNone = 0,
  kSplit = 1,
  kRegisterDifference = 2,
  kLinear = 3,
  kReferenceDay = 4,
  kProfile = 5,
  kManual = 6,
};

/// Readings of one metering point in consecutive intervals, as columns.
struct Series {
  MeteringPointId metering_point;
  absl::Time start;
  absl::Duration resolution;
  std::vector<int64_t> import_wh;
  std::vector<int64_t> export_wh;   ///< Empty: all zero.
  std::vector<Quality> qualities;   ///< Empty: all measured; one: the same for all.
  Method method = Method::kNone;    ///< How all these values were made.
  /// These follow from register values: a measured value, also an earlier one that something weaker
  /// has replaced, and one entered by hand are stronger.
  bool yields = false;

  size_t size() const { return import_wh.size(); }
  absl::Time StartOf(size_t i) const { return start + resolution * static_cast<int64_t>(i); }
  /// From the start of the first to the end of the last interval.
  Interval Span() const { return {start, StartOf(size())}; }
  int64_t ExportWhOf(size_t i) const { return export_wh.empty() ? 0 : export_wh[i]; }
  Quality QualityOf(size_t i) const {
    if (qualities.empty()) {
      return Quality::kMeasured;
    }
    return qualities.size() == 1 ? qualities[0] : qualities[i];
  }
};

/// What a register counts. The numbers are those on the wire and in the database.
enum class RegisterKind : int16_t {
  kImport = 1,  ///< Energy drawn, OBIS 1.8.0.
  kExport = 2,  ///< Energy fed in, OBIS 2.8.0.
};

/// Values of a meter's cumulative register at equidistant instants.
struct RegisterSeries {
  MeteringPointId metering_point;
  std::string meter;  ///< Serial number.
  RegisterKind kind = RegisterKind::kImport;
  absl::Time start;  ///< Instant of the first value.
  absl::Duration resolution;
  std::vector<int64_t> energy_wh;
  int64_t rollover_wh = 0;  ///< The register starts again from 0 when it reaches this; 0: never.

  size_t size() const { return energy_wh.size(); }
  absl::Time TimeOf(size_t i) const { return start + resolution * static_cast<int64_t>(i); }
  /// From the first to the last value; both ends belong to it.
  Interval Span() const { return {start, TimeOf(size() - 1)}; }
};

/// What binds a batch to its device and to the batch before it.
struct BatchSignature {
  int64_t counter = 0;          ///< counts the signed batches of the device, from 1
  std::string previous_digest;  ///< SHA-256 of the encoding of the signed batch before
  std::string signature;        ///< of the batch's encoding, ECDSA, DER
};

/// Series that are stored together or not at all.
struct Batch {
  DeviceId device;       ///< Empty when the batch does not come from a device's stream.
  int64_t sequence = 0;  ///< Counts up per device from 1.
  std::vector<Series> series;
  std::vector<RegisterSeries> registers = {};
  std::vector<std::string> ocmf_records = {};     ///< Signed records of charge points, as sent.
  std::optional<BatchSignature> signature = {};   ///< Of a device.
  bool by_device = false;  ///< Comes from a device, also without a stream of its own.

  /// Number of readings in all series, and of register values.
  size_t ReadingCount() const {
    size_t count = 0;
    for (const Series& one : series) {
      count += one.size();
    }
    for (const RegisterSeries& one : registers) {
      count += one.size();
    }
    return count;
  }
};

/// What metering must know of a metering point; the registry owns it.
struct Member {
  ParticipantId participant;
  CommunityId community;
  int64_t import_capacity_w = 0;
  int64_t export_capacity_w = 0;
  absl::Duration interval;
  std::string time_zone = "Etc/UTC";  ///< IANA name; that of the community.
  bool signed_readings_required = false;  ///< The community's devices sign their batches.
};

/// A stored reading.
struct Reading {
  absl::Time start;
  Energy imported;
  Energy exported;
  Quality quality = Quality::kMissing;
  int32_t revision = 0;
  absl::Time created_at;
  Method method = Method::kNone;
  absl::Duration length = absl::ZeroDuration();  ///< Of the interval.
};

}  // namespace peerwatt::metering
