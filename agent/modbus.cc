#include "agent/modbus.h"

#include <modbus.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

absl::Status Failed(absl::string_view what) {
  const int error = errno;
  // An exception is an answer: the connection goes on. The library's own errors follow it.
  const bool refused = error > MODBUS_ENOBASE && error < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX;
  return Error(refused ? kModbusRefused : kModbusFailed,
               absl::StrCat(what, ": ", modbus_strerror(error)));
}

}  // namespace

void ModbusTcp::Closer::operator()(_modbus* context) const {
  modbus_close(context);
  modbus_free(context);
}

absl::StatusOr<std::unique_ptr<ModbusTcp>> ModbusTcp::Connect(const std::string& host,
                                                              const std::string& port, int unit,
                                                              absl::Duration timeout) {
  std::unique_ptr<_modbus, Closer> context(modbus_new_tcp_pi(host.c_str(), port.c_str()));
  if (context == nullptr) return Failed(absl::StrCat("no Modbus device ", host));
  const auto micros = static_cast<uint32_t>(absl::ToInt64Microseconds(timeout));
  if (modbus_set_slave(context.get(), unit) != 0 ||
      modbus_set_response_timeout(context.get(), micros / 1'000'000, micros % 1'000'000) != 0) {
    return Failed("a Modbus device cannot be set up");
  }
  if (modbus_connect(context.get()) != 0) {
    return Failed(absl::StrCat("cannot connect to ", host, ":", port));
  }
  return std::unique_ptr<ModbusTcp>(new ModbusTcp(std::move(context)));
}

absl::StatusOr<std::vector<uint16_t>> ModbusTcp::Read(uint16_t address, uint16_t count) {
  if (count == 0 || count > MODBUS_MAX_READ_REGISTERS || address + count > 65536) {
    return Error(kModbusFailed, "a read does not fit");
  }
  std::vector<uint16_t> registers(count);
  const int read = modbus_read_registers(context_.get(), address, count, registers.data());
  if (read < 0) return Failed(absl::StrCat("cannot read from register ", address, " on"));
  if (read != count) return Error(kModbusFailed, "an answer is short");
  return registers;
}

}  // namespace peerwatt::agent
