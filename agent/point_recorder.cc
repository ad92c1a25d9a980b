#include "agent/point_recorder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"

namespace peerwatt::agent {
namespace {

using metering::v1::RegisterSeries;
using nlohmann::json;

constexpr int64_t kMwhPerWh = 1000;

json ToJson(const std::optional<RegisterValue>& value) {
  if (!value.has_value()) return nullptr;
  return json{{"mwh", value->mwh}, {"rollover_mwh", value->rollover_mwh}};
}

bool HasNumber(const json& object, const char* name) {
  return object.contains(name) && object[name].is_number_integer() &&
         object[name].get<int64_t>() >= 0;
}

absl::Status Damaged() { return Error(kBufferDamaged, "a checkpoint of a meter cannot be read"); }

absl::StatusOr<std::optional<RegisterValue>> RegisterFrom(const json& object, const char* name) {
  if (!object.contains(name)) return Damaged();
  const json& value = object[name];
  if (value.is_null()) return std::nullopt;
  if (!value.is_object() || !HasNumber(value, "mwh") || !HasNumber(value, "rollover_mwh")) {
    return Damaged();
  }
  return RegisterValue{value["mwh"].get<int64_t>(), value["rollover_mwh"].get<int64_t>()};
}

}  // namespace

PointRecorder::PointRecorder(const RecorderOptions& options)
    : options_(options), maker_(options.track.interval, options.gap_max), track_(options.track) {}

void PointRecorder::Observe(const Observation& observation) {
  Observation kept = observation;
  if (!options_.imports) kept.imported.reset();
  if (!options_.exports) kept.exported.reset();
  absl::MutexLock lock(&mutex_);
  const int64_t restarts = track_.restarts();
  std::vector<Boundary> decided;
  track_.Observe(kept, decided);
  if (track_.restarts() != restarts) {
    Log(Severity::kWarning, "a meter was exchanged or its time fell back; counting begins anew",
        {{"metering_point", options_.metering_point}});
  }
  for (Boundary& boundary : decided) {
    if (waiting_.size() >= options_.waiting_max) {
      waiting_.pop_back();
      ++given_up_;
    }
    waiting_.push_back(std::move(boundary));
  }
}

int64_t PointRecorder::Fill(int64_t readings_max, metering::v1::Batch& batch) {
  absl::MutexLock lock(&mutex_);
  std::vector<IntervalEnergy> intervals;
  std::vector<Boundary> run;
  int64_t readings = 0;
  while (!waiting_.empty() && readings < readings_max) {
    const Boundary boundary = std::move(waiting_.front());
    waiting_.pop_front();
    const std::optional<Boundary> before = maker_.last();
    maker_.Add(boundary, intervals);
    if (options_.send_as == SendAs::kIntervals) {
      readings = static_cast<int64_t>(intervals.size());
      continue;
    }
    // Each batch stands alone: the value before its first is sent again.
    const bool joins = before.has_value() && before->meter == boundary.meter &&
                       before->time + options_.track.interval == boundary.time;
    if (!joins || run.empty()) {
      AddRegisters(std::exchange(run, {}), batch);
      if (joins) run.push_back(*before);
    }
    run.push_back(boundary);
    ++readings;
  }
  if (options_.send_as == SendAs::kIntervals) {
    AddIntervals(intervals, batch);
  } else {
    AddRegisters(run, batch);
  }
  return readings;
}

void PointRecorder::AddIntervals(const std::vector<IntervalEnergy>& intervals,
                                 metering::v1::Batch& batch) const {
  metering::v1::Series* series = nullptr;
  absl::Time end;
  bool estimated = false;
  for (const IntervalEnergy& interval : intervals) {
    if (series == nullptr || interval.start != end || interval.estimated != estimated) {
      series = batch.add_series();
      series->set_metering_point(options_.metering_point);
      *series->mutable_start_time() = rpc::ToProto(interval.start);
      *series->mutable_resolution() = rpc::ToProto(options_.track.interval);
      estimated = interval.estimated;
      series->add_qualities(estimated ? metering::v1::ESTIMATED : metering::v1::MEASURED);
      if (estimated) series->set_method(metering::v1::LINEAR);
    }
    series->add_import_energy_wh(interval.imported.wh());
    if (options_.exports) series->add_export_energy_wh(interval.exported.wh());
    end = interval.start + options_.track.interval;
  }
}

void PointRecorder::AddRegisters(const std::vector<Boundary>& run,
                                 metering::v1::Batch& batch) const {
  if (run.empty()) return;
  const auto add = [&](RegisterSeries::Register which,
                       std::optional<RegisterValue> Boundary::*member) {
    if (!(run.front().*member).has_value()) return;
    RegisterSeries& series = *batch.add_registers();
    series.set_metering_point(options_.metering_point);
    series.set_meter(run.front().meter);
    series.set_register_(which);
    *series.mutable_start_time() = rpc::ToProto(run.front().time);
    *series.mutable_resolution() = rpc::ToProto(options_.track.interval);
    const int64_t rollover = (run.front().*member)->rollover_mwh;
    if (rollover % kMwhPerWh == 0) series.set_rollover_wh(rollover / kMwhPerWh);
    for (const Boundary& boundary : run) {
      // The track hands on only boundaries with the registers of the one before.
      series.add_energy_wh((boundary.*member).value_or(RegisterValue{}).mwh / kMwhPerWh);
    }
  };
  add(RegisterSeries::IMPORT, &Boundary::imported);
  add(RegisterSeries::EXPORT, &Boundary::exported);
}

json PointRecorder::Checkpoint() const {
  if (!maker_.last().has_value()) return nullptr;
  const Boundary& last = *maker_.last();
  return json{
      {"time", absl::ToUnixSeconds(last.time)},      {"meter", last.meter},
      {"imported", ToJson(last.imported)},           {"exported", ToJson(last.exported)},
      {"import_rest_mwh", maker_.import_rest_mwh()}, {"export_rest_mwh", maker_.export_rest_mwh()}};
}

absl::Status PointRecorder::Resume(const json& checkpoint) {
  if (checkpoint.is_null()) return absl::OkStatus();
  if (!checkpoint.is_object() || !HasNumber(checkpoint, "time") ||
      !HasNumber(checkpoint, "import_rest_mwh") || !HasNumber(checkpoint, "export_rest_mwh") ||
      !checkpoint.contains("meter") || !checkpoint["meter"].is_string()) {
    return Damaged();
  }
  Boundary last;
  last.time = absl::FromUnixSeconds(checkpoint["time"].get<int64_t>());
  last.meter = checkpoint["meter"].get<std::string>();
  PW_ASSIGN_OR_RETURN(last.imported, RegisterFrom(checkpoint, "imported"));
  PW_ASSIGN_OR_RETURN(last.exported, RegisterFrom(checkpoint, "exported"));
  maker_.Resume(last, checkpoint["import_rest_mwh"].get<int64_t>(),
                checkpoint["export_rest_mwh"].get<int64_t>());
  absl::MutexLock lock(&mutex_);
  track_.Resume(last);
  return absl::OkStatus();
}

RecorderState PointRecorder::state() const {
  absl::MutexLock lock(&mutex_);
  RecorderState state{track_.unused(), track_.restarts(), given_up_};
  if (maker_.last().has_value()) state.recorded_through = maker_.last()->time;
  return state;
}

}  // namespace peerwatt::agent
