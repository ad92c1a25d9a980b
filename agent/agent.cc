#include "agent/agent.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/batch_content.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/digest.h"
#include "libs/domain/interval.h"
#include "libs/rpc/codec.h"

namespace peerwatt::agent {
namespace {

constexpr int64_t kReadingsPerBatchMax = 10'000;
constexpr absl::Duration kPauseWhenRefused = absl::Milliseconds(100);

absl::Status Check(const AgentOptions& options) {
  if (!IsIntervalLength(options.interval)) {
    return Error(kSettingsInvalid, "the interval must be 5, 15, 30 or 60 minutes");
  }
  if (options.points.empty() || options.intervals_per_series_max < 1) {
    return Error(kSettingsInvalid, absl::StrCat(options.device, " needs a metering point and a "
                                                "series of at least one interval"));
  }
  std::set<std::string> names;
  for (const PointSpec& point : options.points) {
    if (!names.insert(point.metering_point).second) {
      return Error(kSettingsInvalid, absl::StrCat(point.metering_point, " is listed twice"));
    }
    if (point.source == nullptr || point.span.start >= point.span.end ||
        !IsOnGrid(point.span.start, options.interval) ||
        !IsOnGrid(point.span.end, options.interval)) {
      return Error(kSettingsInvalid,
                   absl::StrCat(point.metering_point, " needs a source and a span that is not "
                                "empty and on the grid of intervals"));
    }
  }
  return absl::OkStatus();
}

int64_t TotalWh(const metering::v1::Series& series) {
  int64_t total = 0;
  for (const int64_t wh : series.import_energy_wh()) total += wh;
  for (const int64_t wh : series.export_energy_wh()) total += wh;
  return total;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::New(AgentOptions options,
                                                  std::function<void()> on_progress) {
  PW_RETURN_IF_ERROR(Check(options));
  options.stream.device = options.device;  // one name in everything that is signed
  PW_ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, Buffer::Open(options.buffer));
  std::unique_ptr<Agent> agent(
      new Agent(std::move(options), std::move(buffer), std::move(on_progress)));
  if (agent->options_.sign_batches) {
    const BufferOptions& buffered = agent->options_.buffer;
    PW_ASSIGN_OR_RETURN(agent->chain_,
                        SigningChain::Open(buffered.folder, agent->buffer_->state().last_index,
                                           buffered.sync));
  }
  PW_RETURN_IF_ERROR(agent->RestoreTotals());
  return agent;
}

Agent::Agent(AgentOptions options, std::unique_ptr<Buffer> buffer,
             std::function<void()> on_progress)
    : options_(std::move(options)),
      on_progress_(std::move(on_progress)),
      buffer_(std::move(buffer)),
      end_(absl::InfinitePast()),
      produced_through_(absl::InfiniteFuture()),
      client_(std::make_unique<StreamClient>(options_.stream, *buffer_, *this)) {
  for (const PointSpec& point : options_.points) {
    meters_.emplace_back(point, options_.interval);
    produced_through_ = std::min(produced_through_, point.span.start);
    end_ = std::max(end_, point.span.end);
  }
  produced_through_ = buffer_->state().produced_through.value_or(produced_through_);
}

Agent::~Agent() { client_.reset(); }

// What was acknowledged before a restart: what the registers showed then, less what was refused.
absl::Status Agent::RestoreTotals() {
  absl::MutexLock lock(&mutex_);
  const auto through = buffer_->state().acknowledged_through;
  for (Meter& meter : meters_) {
    acknowledged_[meter.spec().metering_point] +=
        through.has_value() ? meter.ShownAt(*through) : Energy();
  }
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> refused, buffer_->RefusedPayloads());
  for (const std::string& payload : refused) {
    metering::v1::Batch batch;
    if (!batch.ParseFromString(payload)) {
      return Error(kBufferDamaged, "a refused batch cannot be read");
    }
    for (const auto& series : batch.series()) {
      acknowledged_[series.metering_point()] -= Energy::WattHours(TotalWh(series));
    }
  }
  return absl::OkStatus();
}

absl::Status Agent::Connect(std::shared_ptr<grpc::Channel> channel, const Identity& identity) {
  PW_ASSIGN_OR_RETURN(std::shared_ptr<const crypto::Signer> signer,
                      crypto::Signer::FromPem(identity.key_pem));
  client_->Connect(std::move(channel), std::move(signer));
  return absl::OkStatus();
}

void Agent::Tick(absl::Time clock_now, absl::Time real_now) {
  const absl::Time until = std::min(FloorToGrid(clock_now, options_.interval), end_);
  absl::Status status;
  while (status.ok() && real_now >= produce_at_) {
    {
      absl::MutexLock lock(&mutex_);
      if (produced_through_ >= until) break;
    }
    status = ProduceNext(until);
  }
  if (!status.ok()) {
    if (produce_at_ == absl::InfinitePast()) {
      Log(Severity::kError, "no interval is read until the buffer takes it",
          {{"device", options_.device}, {"cause", std::string(status.message())}});
    }
    produce_at_ = real_now + kPauseWhenRefused;
  } else if (real_now >= produce_at_) {
    produce_at_ = absl::InfinitePast();
  }
  client_->Poll(real_now);
}

absl::Status Agent::ProduceNext(absl::Time until) {
  absl::Time from;
  {
    absl::MutexLock lock(&mutex_);
    from = produced_through_;
  }
  const int64_t count = std::clamp<int64_t>(
      kReadingsPerBatchMax / static_cast<int64_t>(meters_.size()), 1,
      options_.intervals_per_series_max);
  const Interval span{from, std::min(until, from + count * options_.interval)};
  metering::v1::Batch batch;
  for (Meter& meter : meters_) AddSeries(meter, span, batch);
  // An interval that no source has a value for is passed over; it leaves no record.
  if (batch.series_size() > 0) {
    PW_RETURN_IF_ERROR(Append(batch, span.end));
  }
  absl::MutexLock lock(&mutex_);
  produced_through_ = span.end;
  return absl::OkStatus();
}

// The signature itself is made when the batch is sent; its place in the chain is fixed here.
absl::Status Agent::Append(metering::v1::Batch& batch, absl::Time through) {
  if (chain_ == nullptr) return buffer_->Append(batch.SerializeAsString(), through);
  batch.mutable_signature()->set_counter(chain_->next_counter());
  batch.mutable_signature()->set_previous_digest(chain_->previous_digest());
  const std::string encoding = EncodeSignedBatch(ContentOf(options_.device, batch));
  PW_RETURN_IF_ERROR(
      chain_->Prepare(crypto::Sha256(encoding), buffer_->state().last_index + 1));
  PW_RETURN_IF_ERROR(buffer_->Append(batch.SerializeAsString(), through));
  chain_->Take();
  return absl::OkStatus();
}

void Agent::AddSeries(Meter& meter, const Interval& span, metering::v1::Batch& batch) const {
  const bool imports = meter.spec().direction == Direction::kImport;
  metering::v1::Series* series = nullptr;
  for (absl::Time start = span.start; start < span.end; start += options_.interval) {
    const std::optional<Energy> energy = meter.Read(start);
    if (!energy.has_value()) {
      series = nullptr;  // a series has no gap
      continue;
    }
    if (series == nullptr) {
      series = batch.add_series();
      series->set_metering_point(meter.spec().metering_point);
      *series->mutable_start_time() = rpc::ToProto(start);
      *series->mutable_resolution() = rpc::ToProto(options_.interval);
      series->add_qualities(metering::v1::MEASURED);
    }
    series->add_import_energy_wh(imports ? energy->wh() : 0);
    if (!imports) series->add_export_energy_wh(energy->wh());
  }
}

void Agent::OnHandled(const metering::v1::Batch& batch, bool refused) {
  if (refused) return;
  absl::MutexLock lock(&mutex_);
  for (const auto& series : batch.series()) {
    acknowledged_[series.metering_point()] += Energy::WattHours(TotalWh(series));
  }
}

AgentStatus Agent::status() const {
  AgentStatus status;
  status.stream = client_->state();
  absl::MutexLock lock(&mutex_);
  const BufferState buffer = buffer_->state();
  status.acknowledged_through = produced_through_;
  if (buffer.acknowledged_index < buffer.last_index) {
    absl::Time start = absl::InfiniteFuture();
    for (const PointSpec& point : options_.points) start = std::min(start, point.span.start);
    status.acknowledged_through = buffer.acknowledged_through.value_or(start);
  }
  status.finished = status.acknowledged_through >= end_;
  status.readings_acknowledged = buffer.readings_acknowledged;
  status.readings_refused = buffer.readings_refused;
  status.acknowledged = acknowledged_;
  return status;
}

}  // namespace peerwatt::agent
