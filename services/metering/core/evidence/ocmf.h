#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Bytes of the largest record that is read.
inline constexpr size_t kOcmfBytesMax = 64 << 10;

/// One reading of an OCMF record, with what it takes over from the reading before.
struct OcmfReading {
  absl::Time time;
  char time_status = 'U';  ///< U unknown, I informative, S synchronized, R relative
  char transaction = 0;    ///< Why it was read: B, C, X, E, L, R, A, P, S or T; 0 without one
  /// The value in thousandths of a watt hour, where it is an energy.
  std::optional<int64_t> energy_mwh;
  std::string identification;  ///< OBIS code, as it was written
  std::string unit;
  std::string current_type;
  std::string error_flags;  ///< Quantities that are not usable: `E` energy, `t` time
  char status = 'G';        ///< Of the meter; G is good
};

/// What an OCMF record says, and what of it is signed.
struct OcmfRecord {
  std::string format_version, gateway_identification, gateway_serial, gateway_version;
  std::string pagination;  ///< `T` or `F` and a number
  std::string meter_vendor, meter_model, meter_serial, meter_firmware;
  std::optional<bool> identified;  ///< Whether a user was assigned
  std::vector<std::string> identification_flags;
  std::string identification_type, identification;
  std::string charge_point_type, charge_point;
  std::vector<OcmfReading> readings;

  std::string payload;  ///< The signed bytes, as they came.
  std::string signature_algorithm;
  std::string signature;  ///< DER

  /// The serial number by which its key is known: the meter's, or else the gateway's.
  const std::string& serial() const {
    return meter_serial.empty() ? gateway_serial : meter_serial;
  }
};

/// Reads a record in the Open Charge Metering Format, 0.4 to 1.x: `OCMF|payload|signature`.
/// Errors: OCMF_MALFORMED, also when it is larger than `kOcmfBytesMax`, a member occurs twice, or a
/// value has more digits than can be kept.
/// Source: Open Charge Metering Format 1.2, SAFE e.V.
absl::StatusOr<OcmfRecord> ParseOcmf(absl::string_view text);

/// A record that is to be kept: whose it is, every byte of it, and whether its signature was
/// checked with a key that is known for its meter.
struct OcmfEntry {
  MeteringPointId metering_point;
  std::string content;
  bool verified = false;
  /// Register values that it holds, each as a series of its own; none when the registry does not
  /// know the metering point.
  std::vector<RegisterSeries> registers = {};
  std::optional<Member> member = {};  ///< What the registry knows of the point.
};

/// Where a record stands among those of its metering point.
struct OcmfPlace {
  absl::Time created_at;
  std::string digest;  ///< SHA-256 of the record, hexadecimal
};

/// What a register counts.
enum class OcmfRegister { kImport, kExport };

/// A value of a meter's cumulative register.
struct OcmfRegisterValue {
  OcmfRegister kind = OcmfRegister::kImport;
  absl::Time time;
  Energy energy;
  bool operator==(const OcmfRegisterValue&) const = default;
};

/// The register values of a record that can be billed by: total import or export, of a good meter,
/// without an error of energy or time, at a time that is synchronized or counted from one that was.
/// In their order. A fraction of a watt hour is cut off: a register that shows whole watt hours
/// shows that, and differences between values of any records still add up.
std::vector<OcmfRegisterValue> RegisterValuesOf(const OcmfRecord& record);

/// Energy of a charging session.
struct OcmfSession {
  OcmfRegister kind = OcmfRegister::kImport;
  absl::Time start;
  absl::Time end;
  int64_t energy_mwh = 0;  ///< Thousandths of a watt hour.
  bool operator==(const OcmfSession&) const = default;
};

/// The session that a record holds from begin to end; nothing when it has not both, the meter was
/// not good at one of them, energy was lost in between, or the register ran backwards.
std::optional<OcmfSession> SessionOf(const OcmfRecord& record);

}  // namespace peerwatt::metering
