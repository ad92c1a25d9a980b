#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/observation.h"

namespace peerwatt::agent {

/// Reads a device's holding registers.
class HoldingRegisters {
 public:
  virtual ~HoldingRegisters() = default;
  /// Reads `count` registers (1 to 125) from `address` on; address + count <= 65536.
  /// Errors: MODBUS_REFUSED when the device answers with an exception, MODBUS_FAILED when the
  /// connection is lost or the answer is malformed.
  virtual absl::StatusOr<std::vector<uint16_t>> Read(uint16_t address, uint16_t count) = 0;
};

/// One block of a SunSpec device.
struct SunSpecModel {
  uint16_t id = 0;
  uint16_t address = 0;  ///< of its id, which its length and then its points follow
  uint16_t length = 0;   ///< registers after the length
};

/// A SunSpec device as its chain of models tells.
struct SunSpecDevice {
  std::string meter;  ///< serial number, or `sunspec` when it has none
  std::vector<SunSpecModel> models;
};

/// Energy registers of a device.
struct SunSpecEnergy {
  std::optional<RegisterValue> imported;  ///< drawn from the grid side; absent on an inverter
  std::optional<RegisterValue> exported;  ///< fed in to the grid side
};

/// Finds the mark `SunS` at one of the three well-known places and walks the chain of models.
/// Errors: SUNSPEC_INVALID when there is no mark, or the chain does not end within 65536 registers
/// or 100 models; those of `Read`, except that a refused place is passed over.
absl::StatusOr<SunSpecDevice> ScanSunSpec(HoldingRegisters& registers);

/// The model of a device that is asked for energy: `wanted`, or the first that counts any when
/// that is 0. Errors: SUNSPEC_INVALID when the device has none.
absl::StatusOr<SunSpecModel> EnergyModelOf(const SunSpecDevice& device, uint16_t wanted);

/// Reads the energy registers of a model: 101 to 103 and 111 to 113 (inverter), 201 to 204 and 211
/// to 214 (meter), 701 (DER). A register that the device does not implement is absent.
/// Errors: SUNSPEC_INVALID when the model is no longer there, its scale factor is missing or out
/// of the range -3 to 6, or a value does not fit; those of `Read`.
absl::StatusOr<SunSpecEnergy> ReadSunSpecEnergy(HoldingRegisters& registers,
                                                const SunSpecModel& model);

/// The same from the registers of a model, its id first; as many as `SunSpecEnergySize` says.
absl::StatusOr<SunSpecEnergy> ParseSunSpecEnergy(const SunSpecModel& model,
                                                 absl::Span<const uint16_t> block);
/// Registers that `ParseSunSpecEnergy` needs; 0 for a model that counts no energy.
uint16_t SunSpecEnergySize(uint16_t model_id);

}  // namespace peerwatt::agent
