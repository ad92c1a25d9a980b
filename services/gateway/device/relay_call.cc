#include "services/gateway/device/relay_call.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>
#include <vector>

#include "libs/base/log.h"
#include "libs/rpc/status.h"
#include "services/gateway/api/wire_error.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;
using peerwatt::metering::v1::RelayRequest;
using peerwatt::metering::v1::RelayResponse;
using Frame = RelayRequest::Frame;

constexpr char kMethod[] = "/peerwatt.metering.v1.RelayInternal/Relay";
// A message is full at this size; one frame may make it larger.
constexpr size_t kMessageBytes = 256 << 10;
// What may wait for the writes before streams are no longer read.
constexpr size_t kWaitingBytesMax = 4 << 20;

constexpr uint32_t TagOf(int field, WireFormatLite::WireType type) {
  return static_cast<uint32_t>(field) << 3 | static_cast<uint32_t>(type);
}

uint8_t* PutNumber(uint32_t tag, uint64_t value, uint8_t* at) {
  return CodedOutputStream::WriteVarint64ToArray(value,
                                                 CodedOutputStream::WriteTagToArray(tag, at));
}

// A slice that owns the text.
grpc::Slice SliceOf(std::string text) {
  auto* owned = new std::string(std::move(text));
  return {owned->data(), owned->size(), [](void* held) { delete static_cast<std::string*>(held); },
          owned};
}

}  // namespace

std::shared_ptr<RelayCall> RelayCall::Start(Stub& stub, std::function<void()> on_done) {
  std::shared_ptr<RelayCall> call(new RelayCall(std::move(on_done)));
  call->self_ = call;
  {
    const absl::MutexLock lock(&call->mutex_);
    stub.PrepareBidiStreamingCall(&*call->context_, kMethod, {}, call.get());
  }
  // Writes are started by the streams; the hold keeps the call for them.
  call->AddHold();
  call->StartRead(&call->incoming_);
  call->StartCall();
  return call;
}

std::optional<int64_t> RelayCall::Open(std::weak_ptr<RelayedStream> stream,
                                       const std::string& device, int32_t batches_in_flight_max) {
  const absl::MutexLock lock(&mutex_);
  if (ended_) return std::nullopt;
  streams_[++last_stream_] = std::move(stream);
  RelayRequest::Open open;
  open.set_device(device);
  open.set_batches_in_flight_max(batches_in_flight_max);
  Append(last_stream_, TagOf(Frame::kOpenFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
         open.SerializeAsString());
  return last_stream_;
}

bool RelayCall::HasRoom(const std::weak_ptr<RelayedStream>& stream) {
  const absl::MutexLock lock(&mutex_);
  // A call that is over takes everything: its streams are about to hear of it.
  if (ended_ || waiting_bytes_ < kWaitingBytesMax) return true;
  waiters_.push_back(stream);
  return false;
}

void RelayCall::SendBatch(int64_t stream, absl::string_view batch) {
  const absl::MutexLock lock(&mutex_);
  Append(stream, TagOf(Frame::kBatchFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED), batch);
}

void RelayCall::SendAnswer(int64_t stream, absl::string_view answer) {
  const absl::MutexLock lock(&mutex_);
  Append(stream, TagOf(Frame::kAnswerFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
         answer);
}

void RelayCall::Close(int64_t stream) {
  const absl::MutexLock lock(&mutex_);
  if (streams_.erase(stream) == 0) return;
  Append(stream, TagOf(Frame::kCloseFieldNumber, WireFormatLite::WIRETYPE_VARINT), "");
}

void RelayCall::Cancel() {
  const absl::MutexLock lock(&mutex_);
  if (context_.has_value()) context_->TryCancel();
}

bool RelayCall::ended() const {
  const absl::MutexLock lock(&mutex_);
  return ended_;
}

void RelayCall::Append(int64_t stream, uint32_t kind, absl::string_view bytes) {
  if (ended_) return;
  uint8_t member[2 * 10];
  uint8_t* at = PutNumber(TagOf(Frame::kStreamFieldNumber, WireFormatLite::WIRETYPE_VARINT),
                          static_cast<uint64_t>(stream), member);
  const bool flag = (kind & 7) == WireFormatLite::WIRETYPE_VARINT;
  at = PutNumber(kind, flag ? 1 : bytes.size(), at);
  const auto head_size = static_cast<size_t>(at - member);
  uint8_t head[10];
  const uint8_t* const head_end = PutNumber(
      TagOf(RelayRequest::kFramesFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
      head_size + bytes.size(), head);
  if (waiting_.empty() || waiting_.back().size() >= kMessageBytes) waiting_.emplace_back();
  std::string& message = waiting_.back();
  const size_t before = message.size();
  message.append(reinterpret_cast<const char*>(head), static_cast<size_t>(head_end - head));
  message.append(reinterpret_cast<const char*>(member), head_size);
  message.append(bytes.data(), bytes.size());
  waiting_bytes_ += message.size() - before;
  WriteNext();
}

void RelayCall::WriteNext() {
  if (writing_ || ended_ || waiting_.empty()) return;
  writing_ = true;
  waiting_bytes_ -= waiting_.front().size();
  const grpc::Slice slice = SliceOf(std::move(waiting_.front()));
  waiting_.pop_front();
  outgoing_ = grpc::ByteBuffer(&slice, 1);
  StartWrite(&outgoing_);
}

void RelayCall::OnWriteDone(bool ok) {
  {
    const absl::MutexLock lock(&mutex_);
    writing_ = false;
    outgoing_.Clear();
    // When it is not: the read ends too and says why.
    if (ok) WriteNext();
  }
  TellWaiters();
}

void RelayCall::TellWaiters() {
  while (true) {
    std::shared_ptr<RelayedStream> stream;
    {
      const absl::MutexLock lock(&mutex_);
      if (waiters_.empty() || (!ended_ && waiting_bytes_ >= kWaitingBytesMax)) return;
      stream = waiters_.front().lock();
      waiters_.pop_front();
    }
    if (stream != nullptr) stream->OnRoom();
  }
}

void RelayCall::OnReadDone(bool ok) {
  bool readable = ok;
  if (ok) {
    grpc::ProtoBufferReader reader(&incoming_);
    readable = response_.ParseFromZeroCopyStream(&reader);
    incoming_.Clear();
  }
  if (!readable) {
    {
      const absl::MutexLock lock(&mutex_);
      ended_ = true;
      if (ok) context_->TryCancel();
    }
    RemoveHold();
    return;
  }
  for (auto& frame : *response_.mutable_frames()) Deliver(frame);
  StartRead(&incoming_);
}

void RelayCall::Deliver(RelayResponse::Frame& frame) {
  const std::shared_ptr<RelayedStream> stream = Find(frame.stream());
  if (stream == nullptr) return;
  if (frame.has_end()) {
    Close(frame.stream());
    stream->OnRelayEnd(CallError(frame.end()));
  } else {
    stream->OnAnswer(std::move(*frame.mutable_response()), frame.frame_count());
  }
}

std::shared_ptr<RelayedStream> RelayCall::Find(int64_t stream) {
  const absl::MutexLock lock(&mutex_);
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.lock();
}

void RelayCall::OnDone(const grpc::Status& status) {
  const std::shared_ptr<RelayCall> self = std::move(self_);
  std::vector<std::shared_ptr<RelayedStream>> open;
  {
    const absl::MutexLock lock(&mutex_);
    ended_ = true;
    for (const auto& [number, weak] : streams_) {
      if (auto stream = weak.lock(); stream != nullptr) open.push_back(std::move(stream));
    }
    streams_.clear();
    waiting_.clear();
    waiters_.clear();
    // It holds the channel, whose last owner may not be a thread of gRPC's.
    context_.reset();
  }
  // However it came: the devices did nothing wrong and are to come again.
  const bool said = status.error_code() == grpc::StatusCode::UNAVAILABLE;
  const grpc::Status end =
      CallError(WireError(said ? status : grpc::Status(grpc::StatusCode::UNAVAILABLE, "")));
  if (!open.empty()) {
    Log(Severity::kWarning, "a relay call ended, and its device streams with it",
        {{"streams", open.size()}, {"cause", rpc::FromGrpcStatus(status).ToString()}});
  }
  for (const auto& stream : open) stream->OnRelayEnd(end);
  open.clear();
  on_done_();
}

}  // namespace peerwatt::gateway
