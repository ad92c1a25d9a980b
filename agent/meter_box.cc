#include "agent/meter_box.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/batch_content.h"
#include "agent/buffer_salvage.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"
#include "nlohmann/json.hpp"

namespace peerwatt::agent {
namespace {

using nlohmann::json;

// A batch stays far below what a device may send in one message.
constexpr int64_t kReadingsPerBatchMax = 5000;
constexpr absl::Duration kRetryPause = absl::Seconds(1);

absl::Time ThroughOf(const std::vector<std::unique_ptr<PointRecorder>>& recorders) {
  absl::Time through = absl::UnixEpoch();
  for (const auto& recorder : recorders) {
    through = std::max(through, recorder->state().recorded_through);
  }
  return through;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MeterBox>> MeterBox::New(MeterBoxOptions options) {
  PW_RETURN_IF_ERROR(MakeFolder(options.folder));
  options.stream.device = options.device;  // one name in everything that is signed
  PW_ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, OpenOrSalvage(options.buffer));
  std::unique_ptr<MeterBox> box(new MeterBox(std::move(options)));
  box->buffer_ = std::move(buffer);
  std::set<std::string> names;
  for (const BoxSource& source : box->options_.sources) {
    std::vector<PointRecorder*> recorders;
    for (const RecorderOptions& point : source.points) {
      if (!names.insert(point.metering_point).second) {
        return Error(kSettingsInvalid, absl::StrCat(point.metering_point, " is listed twice"));
      }
      recorders.push_back(
          box->recorders_.emplace_back(std::make_unique<PointRecorder>(point)).get());
    }
    box->sources_.push_back(source.make([recorders](const Observation& observation) {
      for (PointRecorder* recorder : recorders) recorder->Observe(observation);
    }));
    if (!names.insert(box->sources_.back()->name()).second) {
      return Error(kSettingsInvalid,
                   absl::StrCat("source ", box->sources_.back()->name(), " is listed twice"));
    }
  }
  if (names.empty()) return Error(kSettingsInvalid, "a box needs a source");
  PW_RETURN_IF_ERROR(box->Recover());
  box->client_ = std::make_unique<StreamClient>(box->options_.stream, *box->buffer_, *box);
  return box;
}

MeterBox::~MeterBox() {
  for (const auto& source : sources_) source->Stop();
  client_.reset();
}

absl::Status MeterBox::Connect(std::shared_ptr<grpc::Channel> channel, const Identity& identity) {
  PW_ASSIGN_OR_RETURN(std::shared_ptr<const crypto::Signer> signer,
                      crypto::Signer::FromPem(identity.key_pem));
  client_->Connect(std::move(channel), std::move(signer));
  return absl::OkStatus();
}

void MeterBox::Start() {
  for (const auto& source : sources_) source->Start();
}

absl::Status MeterBox::Recover() {
  const absl::StatusOr<std::string> text = ReadWholeFile(CheckpointPath());
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  PW_RETURN_IF_ERROR(text.status());
  const json document = json::parse(text->begin(), text->end(), nullptr, false);
  const auto is = [&](const char* name, bool (*check)(const json&)) {
    return document.is_object() && document.contains(name) && check(document[name]);
  };
  const auto number = [](const json& value) { return value.is_number_integer(); };
  Pending pending;
  if (!is("record", number) || !is("through", number) ||
      !is("batch", [](const json& value) { return value.is_string(); }) ||
      !is("points", [](const json& value) { return value.is_object(); }) ||
      !absl::Base64Unescape(document["batch"].get<std::string>(), &pending.payload)) {
    return Error(kBufferDamaged, absl::StrCat(CheckpointPath(), " is no checkpoint"));
  }
  for (const auto& recorder : recorders_) {
    const auto at = document["points"].find(recorder->metering_point());
    if (at != document["points"].end()) PW_RETURN_IF_ERROR(recorder->Resume(*at));
  }
  // Absent: nothing was ever signed.
  if (document.contains("signed_counter")) {
    if (!is("signed_counter", number) ||
        !is("signed_digest", [](const json& value) { return value.is_string(); }) ||
        !absl::Base64Unescape(document["signed_digest"].get<std::string>(), &chain_.digest) ||
        chain_.digest.size() != kBatchDigestSize) {
      return Error(kBufferDamaged, absl::StrCat(CheckpointPath(), " has no chain of signatures"));
    }
    chain_.counter = document["signed_counter"].get<int64_t>();
  }
  pending.chain = chain_;
  pending.record = document["record"].get<int64_t>();
  pending.through = absl::FromUnixSeconds(document["through"].get<int64_t>());
  pending.stored = true;
  // The process died between the checkpoint and the buffer.
  if (buffer_->state().last_index < pending.record) pending_ = std::move(pending);
  return absl::OkStatus();
}

// Takes from every point what is finished and makes a batch of it.
void MeterBox::Collect() {
  metering::v1::Batch batch;
  int64_t room = kReadingsPerBatchMax;
  for (const auto& recorder : recorders_) {
    if (room > 0) room -= recorder->Fill(room, batch);
  }
  if (room == kReadingsPerBatchMax && batch.registers_size() == 0) return;
  ChainEnd chain = options_.sign_batches ? Link(batch) : chain_;
  pending_ = Pending{batch.SerializeAsString(), std::move(chain), buffer_->state().last_index + 1,
                     ThroughOf(recorders_), false};
}

// Gives a batch its place in the chain of what is signed, and returns where the chain ends then.
MeterBox::ChainEnd MeterBox::Link(metering::v1::Batch& batch) const {
  batch.mutable_signature()->set_counter(chain_.counter + 1);
  batch.mutable_signature()->set_previous_digest(chain_.digest);
  return {chain_.counter + 1,
          crypto::Sha256(EncodeSignedBatch(ContentOf(options_.device, batch)))};
}

absl::Status MeterBox::StorePending() {
  if (!pending_->stored) {
    json points = json::object();
    for (const auto& recorder : recorders_) {
      points[recorder->metering_point()] = recorder->Checkpoint();
    }
    json document{{"record", pending_->record},
                  {"through", absl::ToUnixSeconds(pending_->through)},
                  {"batch", absl::Base64Escape(pending_->payload)},
                  {"points", std::move(points)}};
    // Also kept while nothing is signed, for the time when it is again.
    if (pending_->chain.counter > 0) {
      document["signed_counter"] = pending_->chain.counter;
      document["signed_digest"] = absl::Base64Escape(pending_->chain.digest);
    }
    PW_RETURN_IF_ERROR(ReplaceFile(CheckpointPath(), document.dump(), 0600, options_.buffer.sync));
    pending_->stored = true;
    chain_ = pending_->chain;
  }
  PW_RETURN_IF_ERROR(buffer_->Append(pending_->payload, pending_->through));
  pending_.reset();
  return absl::OkStatus();
}

void MeterBox::Tick(absl::Time now) {
  while (now >= retry_at_) {
    if (!pending_.has_value()) Collect();
    if (!pending_.has_value()) break;
    const absl::Status stored = StorePending();
    if (stored.ok()) continue;
    if (disk_failures_++ == 0) {
      Log(Severity::kError, "what the meters count waits until the disk takes it",
          {{"device", options_.device}, {"cause", std::string(stored.message())}});
    }
    retry_at_ = now + kRetryPause;
  }
  client_->Poll(now);
}

MeterBoxState MeterBox::state() const {
  MeterBoxState state;
  state.buffer = buffer_->state();
  state.stream = client_->state();
  for (const auto& source : sources_) state.sources[source->name()] = source->state();
  for (const auto& recorder : recorders_) {
    state.points[recorder->metering_point()] = recorder->state();
  }
  state.disk_failures = disk_failures_;
  return state;
}

}  // namespace peerwatt::agent
