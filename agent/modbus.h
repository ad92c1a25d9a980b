#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/sunspec.h"

struct _modbus;

namespace peerwatt::agent {

/// The holding registers of a Modbus/TCP device. A connection is of no more use after
/// MODBUS_FAILED: the next answer may belong to an earlier question.
class ModbusTcp final : public HoldingRegisters {
 public:
  /// unit: address behind the connection, 0 to 255. timeout: for the connection and each answer,
  /// 1 ms to 1 min. Errors: MODBUS_FAILED.
  static absl::StatusOr<std::unique_ptr<ModbusTcp>> Connect(const std::string& host,
                                                            const std::string& port, int unit,
                                                            absl::Duration timeout);
  absl::StatusOr<std::vector<uint16_t>> Read(uint16_t address, uint16_t count) override;

 private:
  struct Closer {
    void operator()(_modbus* context) const;
  };
  explicit ModbusTcp(std::unique_ptr<_modbus, Closer> context) : context_(std::move(context)) {}
  std::unique_ptr<_modbus, Closer> context_;
};

}  // namespace peerwatt::agent
