#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

struct _modbus;

namespace peerwatt::testing {

/// How a fake device misbehaves, from the next request on.
enum class ModbusFault {
  kNone,
  kException,  ///< "server device failure"
  kShort,      ///< fewer registers than asked
  kCut,        ///< half an answer, then the connection ends
  kSilent,     ///< no answer
  kGarbage,    ///< bytes that are no answer
};

/// A Modbus/TCP device in a thread of this process, served by libmodbus.
class FakeModbus {
 public:
  /// registers: holding registers from `base` on.
  FakeModbus(uint16_t base, std::vector<uint16_t> registers);
  ~FakeModbus();

  std::string port() const { return std::to_string(port_); }
  void SetRegisters(std::vector<uint16_t> registers);
  void SetFault(ModbusFault fault);
  int connections() const;
  int requests() const;

 private:
  void Run();
  void Serve();
  bool Answer(const std::vector<uint8_t>& request);

  const uint16_t base_;
  _modbus* context_;
  int listener_;
  int stop_fd_;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<uint16_t> registers_ ABSL_GUARDED_BY(mutex_);
  ModbusFault fault_ ABSL_GUARDED_BY(mutex_) = ModbusFault::kNone;
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace peerwatt::testing
