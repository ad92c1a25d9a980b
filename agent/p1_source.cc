#include "agent/p1_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "agent/p1_telegram.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
// Six digits before the point, in kilowatt hours.
constexpr int64_t kRolloverMwh = 1'000'000'000'000;

std::optional<RegisterValue> ValueOf(const std::optional<int64_t>& wh) {
  if (!wh.has_value()) return std::nullopt;
  return RegisterValue{*wh * 1000, kRolloverMwh};
}

}  // namespace

P1Source::P1Source(std::string name, P1Options options, const Clock& clock, ObservationSink sink)
    : MeterSource(std::move(name), std::move(sink)), options_(std::move(options)), clock_(clock) {}

void P1Source::Take(const std::string& telegram) {
  const absl::StatusOr<P1Telegram> parsed = ParseP1Telegram(telegram, options_.standard_offset);
  if (!parsed.ok()) return Malformed(parsed.status());
  const absl::Time now = clock_.Now();
  const absl::Time time = parsed->time.value_or(now);
  if (absl::AbsDuration(time - now) > options_.clock_difference_max) {
    return Malformed(Error(kTelegramInvalid, absl::StrCat("the meter's clock differs from ours by ",
                                                          absl::FormatDuration(time - now))));
  }
  Observed({time, parsed->meter, ValueOf(parsed->import_wh), ValueOf(parsed->export_wh)});
}

absl::Status P1Source::Session() {
  PW_ASSIGN_OR_RETURN(const Line line, Line::Open(options_.line, kConnectTimeout, stop()));
  P1Framer framer;
  while (true) {
    PW_ASSIGN_OR_RETURN(const std::string bytes, line.Read(options_.silence_max, stop()));
    framer.Push(bytes);
    while (const std::optional<std::string> telegram = framer.Next()) Take(*telegram);
  }
}

}  // namespace peerwatt::agent
