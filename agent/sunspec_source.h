#pragma once

#include "agent/line.h"
#include "agent/meter_source.h"
#include "libs/base/clock.h"

namespace peerwatt::agent {

/// How a SunSpec device is read.
struct SunSpecOptions {
  std::string host;
  std::string port = "502";
  int unit = 1;        ///< 0 to 255
  uint16_t model = 0;  ///< which model is asked; 0: the first that counts energy
  absl::Duration poll_interval = absl::Seconds(5);
  absl::Duration answer_timeout = absl::Seconds(2);
};

/// An inverter or meter that speaks SunSpec over Modbus/TCP. It is asked for its registers every
/// poll interval; an observation has the time of the agent's clock when it was asked.
class SunSpecSource final : public MeterSource {
 public:
  /// clock outlives the source.
  SunSpecSource(std::string name, SunSpecOptions options, const Clock& clock, ObservationSink sink);

 protected:
  absl::Status Session() override;

 private:
  const SunSpecOptions options_;
  const Clock& clock_;
};

}  // namespace peerwatt::agent
