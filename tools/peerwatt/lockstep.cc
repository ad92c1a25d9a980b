#include "tools/peerwatt/lockstep.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/gather.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kPollMin = absl::Microseconds(500);
constexpr absl::Duration kPollMax = absl::Milliseconds(5);
constexpr absl::Duration kPollMaxInTrouble = absl::Milliseconds(100);
constexpr absl::Duration kStall = absl::Minutes(2);
constexpr absl::Duration kQuiet = absl::Seconds(2);
constexpr absl::Duration kRefresh = absl::Milliseconds(250);
constexpr int64_t kMarks = 20;  // without a terminal: a line every 5 %

}  // namespace

void Lockstep::NoteOutage(const std::string& what, const absl::Status& status) {
  if (trouble_.empty()) ++outages_;
  trouble_ = absl::StrCat(what, " (", status.message().substr(0, 100), ")");
}

absl::Status Lockstep::Ask(const std::string& what, const char* field, absl::Time& reached,
                           const std::string& service) {
  const auto answer = parts_.api.Once(
      "GET", absl::StrCat("/v1/communities/", parts_.scenario.rules.community, "/", what), nullptr,
      &parts_.neighbourhood.operator_account);
  if (absl::IsUnavailable(answer.status())) {
    NoteOutage(service, answer.status());
    return absl::OkStatus();
  }
  PW_RETURN_IF_ERROR(answer.status());
  trouble_.clear();
  reached = TimeField(*answer, field);
  if (service == "settlement") reached_.dirty_periods = NumberField(*answer, "dirtyPeriodCount");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Lockstep::Laggard(const Due& due) {
  PW_RETURN_IF_ERROR(parts_.devices.KeepRunning());
  if (reached_.devices.acknowledged_through < due.readings) {
    reached_.devices = parts_.devices.Status();
    if (!reached_.devices.failure.empty()) {
      return absl::FailedPreconditionError(reached_.devices.failure);
    }
    if (reached_.devices.acknowledged_through < due.readings) return "devices";
  }
  if (reached_.auctions < due.auctions) {
    PW_RETURN_IF_ERROR(Ask("marketProgress", "clearedThroughTime", reached_.auctions, "market"));
    if (reached_.auctions < due.auctions) return "market";
  }
  if (reached_.periods < due.periods || reached_.dirty_periods != 0) {
    PW_RETURN_IF_ERROR(
        Ask("settlementProgress", "settledThroughTime", reached_.periods, "settlement"));
    if (reached_.periods < due.periods || reached_.dirty_periods != 0) return "settlement";
  }
  return "";
}

absl::Status Lockstep::WaitFor(absl::Time now) {
  const Due due = DueAt(parts_.scenario.timetable, now);
  absl::Duration pause = kPollMin;
  absl::Time moved_at = absl::Now();
  absl::Time spoken_at = moved_at;
  absl::Time asked_at = moved_at;
  const auto position = [this] {
    return std::make_tuple(reached_.devices.readings_acknowledged, reached_.auctions,
                           reached_.periods, reached_.dirty_periods);
  };
  auto last = position();
  while (true) {
    if (parts_.stopped()) return absl::CancelledError("stopped");
    PW_ASSIGN_OR_RETURN(const std::string laggard, Laggard(due));
    if (laggard.empty()) return absl::OkStatus();
    const absl::Time real = absl::Now();
    waited_[laggard] += real - asked_at;
    asked_at = real;
    if (position() != last) {
      last = position();
      moved_at = real;
    }
    if (real - moved_at > kStall) {
      return absl::DeadlineExceededError(absl::StrCat(
          "nothing has moved for two minutes at ", TimeText(now), ": waiting for ", laggard,
          trouble_.empty() ? "" : absl::StrCat("; ", trouble_), "; logs: ", parts_.logs));
    }
    if (real - std::max(moved_at, spoken_at) > kQuiet) {
      parts_.line.Remark(absl::StrCat("waiting for ", trouble_.empty() ? laggard : trouble_, " …"));
      spoken_at = real;
    }
    absl::SleepFor(pause);
    pause = std::min(pause * 2, trouble_.empty() ? kPollMax : kPollMaxInTrouble);
  }
}

void Lockstep::ShowState(absl::Time now, int64_t step, int64_t steps) {
  const absl::Time real = absl::Now();
  const bool mark = step * kMarks / steps != (step - 1) * kMarks / steps;
  if (!mark && (!parts_.line.is_terminal() || real - shown_ < kRefresh)) return;
  shown_ = real;
  const Scenario& scenario = parts_.scenario;
  Account& account = parts_.neighbourhood.operator_account;
  // What only decorates must not stop the run: an answer that fails shows at the next mark.
  const absl::Time from = std::max(auctions_seen_, scenario.timetable.start);
  const absl::Time to = std::min(reached_.auctions, scenario.timetable.end);
  if ((mark || parts_.line.is_terminal()) && from < to) {
    const auto auctions = ListAuctions(scenario, account, parts_.api, from, to);
    if (auctions.ok()) {
      for (const AuctionFigures& auction : *auctions) {
        traded_ += auction.cleared;
        last_price_ = auction.price.has_value()
                          ? absl::StrFormat(
                                "%.4f", static_cast<double>(auction.price->micros_per_kwh()) / 1e6)
                          : "-";
      }
      auctions_seen_ = to;
    }
  }
  if (mark) {
    const auto balance = parts_.api.Once(
        "GET", absl::StrCat("/v1/communities/", scenario.rules.community, "/trialBalance"), nullptr,
        &account);
    if (balance.ok()) ledger_sum_ = FormatMicros(MoneyField(*balance, "balancesSum").micros());
  }
  absl::TimeZone zone;
  absl::LoadTimeZone(scenario.rules.time_zone, &zone);
  const Timetable& times = scenario.timetable;
  const absl::Time shown_time = std::clamp(now, times.start, times.end - times.interval);
  const int64_t day =
      absl::ToCivilDay(shown_time, zone) - absl::ToCivilDay(scenario.timetable.start, zone) + 1;
  const double seconds = absl::ToDoubleSeconds(real - started_);
  parts_.line.Show(absl::StrFormat(
      "%3d %%  day %d  %s  last price %s EUR/kWh  traded %.1f kWh  ledger sum %s  %.0f readings/s",
      step * 100 / steps, day, absl::FormatTime("%Y-%m-%d %H:%M", now, zone), last_price_,
      static_cast<double>(traded_.wh()) / 1000, ledger_sum_,
      static_cast<double>(reached_.devices.readings_acknowledged) / std::max(seconds, 0.001)));
}

absl::Status Lockstep::Run() {
  const Timetable& timetable = parts_.scenario.timetable;
  const absl::Time first = FirstInstant(timetable);
  const absl::Time last = LastInstant(timetable);
  const int64_t steps = StepCount(timetable);
  started_ = absl::Now();
  int64_t step = 0;
  for (absl::Time now = first; now < last;) {
    now = NextInstant(timetable, now);
    parts_.clock.Set(now);
    PW_RETURN_IF_ERROR(WaitFor(now));
    ShowState(now, ++step, steps);
    if (speed_ <= 0) continue;
    const absl::Time until = started_ + (now - first) / speed_;
    while (absl::Now() < until && !parts_.stopped()) {
      absl::SleepFor(std::min(until - absl::Now(), absl::Milliseconds(20)));
    }
  }
  duration_ = absl::Now() - started_;
  parts_.line.End();
  return absl::OkStatus();
}

}  // namespace peerwatt::tool
