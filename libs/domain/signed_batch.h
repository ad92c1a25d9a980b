#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt {

/// Bytes of a SHA-256 digest.
inline constexpr size_t kBatchDigestSize = 32;

/// Interval energy of one metering point, as a device signs it. Energies in watt hours.
struct SignedSeries {
  std::string metering_point;       ///< id, the last segment of the name
  int64_t start_s = 0;              ///< of the first interval, seconds since 1970
  int64_t resolution_s = 0;         ///< length of an interval
  uint8_t method = 0;               ///< number on the wire
  std::vector<int64_t> import_wh;
  std::vector<int64_t> export_wh;   ///< none, or as many as import
  std::vector<uint8_t> qualities;   ///< numbers on the wire, never 0: none, one, or one for each
  bool operator==(const SignedSeries&) const = default;
};

/// Values of a cumulative register, as a device signs them, in watt hours.
struct SignedRegisterSeries {
  std::string metering_point;  ///< id
  std::string meter;           ///< serial number
  uint8_t register_kind = 0;   ///< number on the wire
  int64_t start_s = 0;         ///< of the first value, seconds since 1970
  int64_t resolution_s = 0;    ///< time between values
  int64_t rollover_wh = 0;
  std::vector<int64_t> energy_wh;
  bool operator==(const SignedRegisterSeries&) const = default;
};

/// What a device signs: a batch, its place in the device's chain, and nothing else.
struct SignedBatchContent {
  std::string device;           ///< id
  int64_t counter = 0;          ///< from 1
  std::string previous_digest;  ///< SHA-256 of the encoding before; zeros for the first
  std::vector<SignedSeries> series;
  std::vector<SignedRegisterSeries> registers;
  std::vector<std::string> ocmf_records;
  bool operator==(const SignedBatchContent&) const = default;
};

/// The one encoding of a batch, which is signed and hashed; docs/signed-readings.md has the layout.
/// Equal contents have equal encodings, different ones different encodings.
/// batch: `previous_digest` has 32 bytes.
std::string EncodeSignedBatch(const SignedBatchContent& batch);

/// Reads an encoding back. Whatever it accepts, `EncodeSignedBatch` writes byte for byte.
/// Errors: kInvalidArgument, naming the offset of what is wrong.
absl::StatusOr<SignedBatchContent> DecodeSignedBatch(absl::string_view encoding);

}  // namespace peerwatt
