#include "services/gateway/h2/http2_call.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

constexpr char kContentType[] = "application/grpc";
constexpr int kCancelled = 1;
// What a header costs beyond its letters (RFC 9113, 6.5.2).
constexpr size_t kHeaderOverheadBytes = 32;
constexpr size_t kKeptValueBytesMax = 256;
// An answer's memory beyond this is given back.
constexpr size_t kIdleAnswerBytes = 512;

nghttp2_nv Field(const std::string& name, const std::string& value) {
  // nghttp2 copies both.
  auto bytes = [](const std::string& text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

bool IsGrpc(absl::string_view content_type) {
  if (!absl::ConsumePrefix(&content_type, kContentType)) return false;
  return content_type.empty() || content_type[0] == '+' || content_type[0] == ';';
}

}  // namespace

Http2Call::Http2Call(Http2Session& session, int32_t stream)
    : session_(session), stream_(stream), begun_at_(absl::Now()),
      reader_(session.setting_.limits.message_bytes_max) {}

Http2Call::~Http2Call() { End(); }

void Http2Call::OnHeader(absl::string_view name, absl::string_view value) {
  header_bytes_ += name.size() + value.size() + kHeaderOverheadBytes;
  if (value.size() > kKeptValueBytesMax) return;
  if (name == ":path") {
    head_.path.assign(value.data(), value.size());
  } else if (name == ":method") {
    method_.assign(value.data(), value.size());
  } else if (name == "content-type") {
    content_type_.assign(value.data(), value.size());
  } else if (name == "grpc-encoding") {
    encoding_.assign(value.data(), value.size());
  } else if (name == "grpc-timeout") {
    const auto timeout = ParseTimeout(value);
    timeout_readable_ = timeout.ok();
    if (timeout.ok()) head_.deadline = begun_at_ + *timeout;
  } else if (name == "x-request-id") {
    head_.request_id.assign(value.data(), value.size());
  } else if (name == "traceparent") {
    head_.trace_parent.assign(value.data(), value.size());
  }
}

absl::Status Http2Call::CheckHead() const {
  if (header_bytes_ > session_.setting_.limits.header_bytes_max) {
    return Error(kHeadersTooLarge, "the headers are too large");
  }
  if (!timeout_readable_) return Error(kMalformedRequest, "grpc-timeout is no timeout");
  if (!encoding_.empty() && encoding_ != "identity") {
    return Error(kCompressionUnsupported, "messages must not be compressed");
  }
  return absl::OkStatus();
}

void Http2Call::OnHead() {
  if (method_ != "POST") {
    AnswerPlainly("405");
    return;
  }
  if (!IsGrpc(content_type_)) {
    AnswerPlainly("415");
    return;
  }
  session_.setting_.router.Started(head_.path);
  absl::Status status = CheckHead();
  std::shared_ptr<CallHandler> handler;
  if (status.ok()) status = session_.setting_.router.Route(head_, handler);
  if (!status.ok()) {
    Finish(session_.setting_.router.EndOf(status));
    session_.setting_.router.Ended(head_.path, end_->code, absl::ZeroDuration());
    return;
  }
  handler_ = std::move(handler);
  for (std::string* read : {&method_, &content_type_, &encoding_}) std::string().swap(*read);
  if (head_.deadline != absl::InfiniteFuture()) session_.host_.OnDeadline(head_.deadline);
  const std::shared_ptr<CallHandler> held = handler_;
  held->OnStart(*this);
}

void Http2Call::OnBytes(absl::string_view bytes) {
  unread_bytes_ += bytes.size();
  if (handler_ == nullptr || end_.has_value()) {
    // Nobody will read it; the client may go on and hear how the call has ended.
    nghttp2_session_consume_stream(session_.session_, stream_, std::exchange(unread_bytes_, 0));
    return;
  }
  reader_.Push(bytes);
  Deliver();
  reader_.Keep();
}

void Http2Call::OnHalfClose() {
  half_closed_ = true;
  Deliver();
}

void Http2Call::Read() {
  wanted_ = true;
  Deliver();
}

void Http2Call::Deliver() {
  if (delivering_) return;
  delivering_ = true;
  while (wanted_ && handler_ != nullptr && !end_.has_value()) {
    // It stays until it has returned, whatever it does.
    const std::shared_ptr<CallHandler> handler = handler_;
    absl::string_view message;
    const MessageReader::Result result = reader_.Next(message);
    if (result == MessageReader::Result::kMessage) {
      wanted_ = false;
      handler->OnMessage(message);
    } else if (result == MessageReader::Result::kTooLarge) {
      FinishWith(Error(kMessageTooLarge,
                       absl::StrCat("a message may have ",
                                    session_.setting_.limits.message_bytes_max, " bytes")));
    } else if (result == MessageReader::Result::kCompressed) {
      FinishWith(Error(kCompressionUnsupported, "messages must not be compressed"));
    } else if (!half_closed_) {
      nghttp2_session_consume_stream(session_.session_, stream_, std::exchange(unread_bytes_, 0));
      session_.host_.OnOutput();
      break;
    } else if (!reader_.empty()) {
      FinishWith(Error(kMalformedRequest, "the last message is not whole"));
    } else {
      wanted_ = false;
      if (!std::exchange(told_half_close_, true)) handler->OnHalfClose();
    }
  }
  delivering_ = false;
}

void Http2Call::Write(absl::string_view message) {
  if (end_.has_value()) return;
  writing_ = true;
  outgoing_ = FrameMessage(message);
  sent_ = 0;
  if (answering_) {
    Resume();
    return;
  }
  answering_ = true;
  Submit({{":status", "200"}, {"content-type", kContentType}, {"grpc-accept-encoding", "identity"}},
         /*with_body=*/true);
}

ssize_t Http2Call::Fill(uint8_t* to, size_t size, uint32_t* flags) {
  size_t filled = 0;
  while (filled < size) {
    const size_t part = std::min(size - filled, outgoing_.size() - sent_);
    std::memcpy(to + filled, outgoing_.data() + sent_, part);
    filled += part;
    sent_ += part;
    if (sent_ < outgoing_.size() || !writing_) break;
    writing_ = false;
    sent_ = 0;
    if (outgoing_.capacity() > kIdleAnswerBytes) std::string().swap(outgoing_);
    outgoing_.clear();
    // It may write the next message, which goes into the same frame.
    if (const std::shared_ptr<CallHandler> handler = handler_; handler != nullptr) {
      handler->OnWritten();
    }
  }
  if (end_.has_value() && !writing_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    SubmitTrailers();
  } else if (filled == 0) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(filled);
}

void Http2Call::AddTrailer(absl::string_view name, absl::string_view value) {
  trailers_.emplace_back(std::string(name), std::string(value));
}

void Http2Call::Finish(CallEnd end) {
  if (end_.has_value()) return;
  end_ = std::move(end);
  if (answering_) {
    Resume();
    return;
  }
  answering_ = true;
  Headers headers = {{":status", "200"}, {"content-type", kContentType}};
  for (auto& header : EndHeaders()) headers.push_back(std::move(header));
  Submit(headers, /*with_body=*/false);
}

void Http2Call::FinishWith(const absl::Status& error) {
  Finish(session_.setting_.router.EndOf(error));
  if (const std::shared_ptr<CallHandler> handler = std::move(handler_); handler != nullptr) {
    session_.setting_.router.Ended(head_.path, end_->code, absl::Now() - begun_at_);
    handler->OnDone();
  }
}

void Http2Call::Cancel() {
  if (!end_.has_value()) end_ = CallEnd{kCancelled, "", ""};
  writing_ = false;
  nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, stream_, NGHTTP2_CANCEL);
  session_.host_.OnOutput();
  End();
}

void Http2Call::End() {
  const std::shared_ptr<CallHandler> handler = std::move(handler_);
  if (handler == nullptr) return;
  session_.setting_.router.Ended(head_.path, end_.has_value() ? end_->code : kCancelled,
                                 absl::Now() - begun_at_);
  handler->OnDone();
}

void Http2Call::AnswerPlainly(const char* http_status) {
  end_ = CallEnd{};
  answering_ = true;
  Submit({{":status", http_status}}, /*with_body=*/false);
}

Http2Call::Headers Http2Call::EndHeaders() const {
  Headers headers = {{"grpc-status", absl::StrCat(end_->code)}};
  if (!end_->message.empty()) headers.emplace_back("grpc-message", PercentEncode(end_->message));
  if (!end_->details.empty()) {
    headers.emplace_back("grpc-status-details-bin", EncodeBinaryHeader(end_->details));
  }
  headers.insert(headers.end(), trailers_.begin(), trailers_.end());
  return headers;
}

void Http2Call::Submit(const Headers& headers, bool with_body) {
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : headers) fields.push_back(Field(name, value));
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = [](nghttp2_session*, int32_t, uint8_t* to, size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    return static_cast<Http2Call*>(source->ptr)->Fill(to, size, flags);
  };
  nghttp2_submit_response(session_.session_, stream_, fields.data(), fields.size(),
                          with_body ? &body : nullptr);
  session_.host_.OnOutput();
}

void Http2Call::SubmitTrailers() {
  if (std::exchange(trailers_submitted_, true)) return;
  const Headers headers = EndHeaders();
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : headers) fields.push_back(Field(name, value));
  nghttp2_submit_trailer(session_.session_, stream_, fields.data(), fields.size());
}

void Http2Call::Resume() {
  if (!std::exchange(deferred_, false)) return;
  nghttp2_session_resume_data(session_.session_, stream_);
  session_.host_.OnOutput();
}

}  // namespace peerwatt::gateway
