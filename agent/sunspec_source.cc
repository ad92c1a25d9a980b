#include "agent/sunspec_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "agent/modbus.h"
#include "agent/sunspec.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

// A device that refuses so often in a row has changed: its models are looked up again.
constexpr int kRefusalsMax = 3;
// An answer that took longer may show a value of another moment.
constexpr absl::Duration kAnswerMax = absl::Seconds(5);

}  // namespace

SunSpecSource::SunSpecSource(std::string name, SunSpecOptions options, const Clock& clock,
                             ObservationSink sink)
    : MeterSource(std::move(name), std::move(sink)), options_(std::move(options)), clock_(clock) {}

absl::Status SunSpecSource::Session() {
  PW_ASSIGN_OR_RETURN(
      const std::unique_ptr<ModbusTcp> modbus,
      ModbusTcp::Connect(options_.host, options_.port, options_.unit, options_.answer_timeout));
  PW_ASSIGN_OR_RETURN(const SunSpecDevice device, ScanSunSpec(*modbus));
  PW_ASSIGN_OR_RETURN(const SunSpecModel model, EnergyModelOf(device, options_.model));
  int refusals = 0;
  do {
    const absl::Time asked = clock_.Now();
    const absl::StatusOr<SunSpecEnergy> energy = ReadSunSpecEnergy(*modbus, model);
    const absl::Duration took = clock_.Now() - asked;
    if (!energy.ok()) {
      if (ReasonOf(energy.status()) == kModbusFailed.name || ++refusals >= kRefusalsMax) {
        return energy.status();
      }
      Malformed(energy.status());
    } else if (took < absl::ZeroDuration() || took > kAnswerMax) {
      Malformed(Error(kSunSpecInvalid, "an answer came too late to say when it was true"));
    } else {
      refusals = 0;
      Observed({asked, device.meter, energy->imported, energy->exported});
    }
  } while (stop().Pause(options_.poll_interval));
  return absl::OkStatus();
}

}  // namespace peerwatt::agent
