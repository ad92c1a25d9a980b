#include "services/gateway/h2/http2_session.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "services/gateway/h2/http2_call.h"

namespace peerwatt::gateway {
namespace {

// Small frames: what is sent stays in one page of the session's frame buffer.
constexpr ssize_t kDataFrameBytes = 4000;
// So much is read before it is seen that a client is to calm down: fewer frames than nghttp2 would
// answer before it gives up without a word.
constexpr size_t kSliceBytes = 4096;

absl::string_view ViewOf(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

bool IsRequest(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

// Frames that a client can send without end and that carry nothing.
bool IsControl(const nghttp2_frame_hd& head) {
  switch (head.type) {
    case NGHTTP2_DATA:
      return head.length == 0 && (head.flags & NGHTTP2_FLAG_END_STREAM) == 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_WINDOW_UPDATE:
      return false;
    default:
      return true;
  }
}

}  // namespace

bool Pace::Take(absl::Time now, int burst, absl::Duration pace) {
  due_ = std::max(due_, now);
  if (due_ - now > (burst - 1) * pace) return false;
  due_ += pace;
  return true;
}

struct Http2Session::Callbacks {
  static Http2Session& Of(void* session) { return *static_cast<Http2Session*>(session); }

  static int BeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
    Http2Session& session = Of(self);
    const Http2Limits& limits = session.setting_.limits;
    if (IsControl(*head) &&
        !session.control_pace_.Take(absl::Now(), limits.control_burst, limits.control_pace)) {
      session.CalmDown();
    }
    return 0;
  }

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (IsRequest(*frame)) Of(self).Begin(frame->hd.stream_id);
    return 0;
  }

  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* self) {
    // Headers after the messages mean nothing in gRPC.
    Http2Call* call = IsRequest(*frame) ? Of(self).Find(frame->hd.stream_id) : nullptr;
    if (call != nullptr) call->OnHeader(ViewOf(name, name_size), ViewOf(value, value_size));
    return 0;
  }

  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    Http2Call* call = carries ? Of(self).Find(frame->hd.stream_id) : nullptr;
    if (call == nullptr) return 0;
    if (IsRequest(*frame)) call->OnHead();
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->OnHalfClose();
    return 0;
  }

  static int Data(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* bytes,
                  size_t size, void* self) {
    // Only the windows of the calls hold a client back: one that is not read holds up no other.
    nghttp2_session_consume_connection(session, size);
    Http2Call* call = Of(self).Find(stream);
    if (call != nullptr) call->OnBytes(ViewOf(bytes, size));
    return 0;
  }

  static int FrameSent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    const int32_t stream = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, stream) == 0) {
      // The call is over; the client need not send the rest.
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int StreamClosed(nghttp2_session*, int32_t stream, uint32_t, void* self) {
    Of(self).Remove(stream);
    return 0;
  }

  static ssize_t FrameSize(nghttp2_session*, uint8_t, int32_t, int32_t connection_window,
                           int32_t stream_window, uint32_t frame_size, void*) {
    return std::min({static_cast<ssize_t>(connection_window), static_cast<ssize_t>(stream_window),
                     static_cast<ssize_t>(frame_size), kDataFrameBytes});
  }

  static const nghttp2_session_callbacks* All() {
    static const nghttp2_session_callbacks* const all = [] {
      nghttp2_session_callbacks* made = nullptr;
      PW_CHECK(nghttp2_session_callbacks_new(&made) == 0, "no memory");
      nghttp2_session_callbacks_set_on_begin_frame_callback(made, &BeginFrame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, &BeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(made, &Header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, &FrameReceived);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Data);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, &FrameSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, &StreamClosed);
      nghttp2_session_callbacks_set_data_source_read_length_callback(made, &FrameSize);
      return made;
    }();
    return all;
  }

  static const nghttp2_option* Options() {
    static const nghttp2_option* const options = [] {
      nghttp2_option* made = nullptr;
      PW_CHECK(nghttp2_option_new(&made) == 0, "no memory");
      nghttp2_option_set_no_auto_window_update(made, 1);
      nghttp2_option_set_no_closed_streams(made, 1);
      // Answers have few headers, once a call: a table of them would cost more than it saves.
      nghttp2_option_set_max_deflate_dynamic_table_size(made, 0);
      return made;
    }();
    return options;
  }
};

Http2Session::Http2Session(const Http2Setting& setting, const PeerCertificate& peer,
                           Http2Host& host)
    : setting_(setting), peer_(peer), host_(host) {
  PW_CHECK(nghttp2_session_server_new3(&session_, Callbacks::All(), this, Callbacks::Options(),
                                       setting.memory.allocator()) == 0,
           "no memory for a connection");
  frame_place_ = setting.memory.TakeLastPlace();
  const Http2Limits& limits = setting.limits;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.calls_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_bytes_max)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(2 * limits.window_bytes));
}

Http2Session::~Http2Session() {
  for (const auto& call : calls_) call->End();
  nghttp2_session_del(session_);
}

bool Http2Session::Receive(absl::string_view bytes) {
  host_.OnOutput();
  while (!bytes.empty() && !calmed_) {
    const absl::string_view slice = bytes.substr(0, kSliceBytes);
    if (nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(slice.data()),
                                 slice.size()) < 0) {
      return false;
    }
    bytes.remove_prefix(slice.size());
  }
  return true;
}

bool Http2Session::Send(std::string& out, size_t enough) {
  while (out.size() < enough) {
    const uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size < 0) return false;
    if (size == 0) return true;
    out.append(reinterpret_cast<const char*>(frame), static_cast<size_t>(size));
  }
  return true;
}

void Http2Session::GoAway() {
  if (going_) return;
  going_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  host_.OnOutput();
}

bool Http2Session::Finished() const {
  if (nghttp2_session_want_write(session_) != 0) return false;
  return nghttp2_session_want_read(session_) == 0 || calmed_ || (going_ && calls_.empty());
}

void Http2Session::Rest() {
  // nghttp2 fills the buffer anew for every frame.
  if (nghttp2_session_want_write(session_) == 0) FrameMemory::Rest(frame_place_);
}

void Http2Session::CutOverdue(absl::Time now) {
  for (const auto& call : calls_) {
    if (call->overdue(now)) call->Cancel();
  }
}

Http2Call* Http2Session::Find(int32_t stream) const {
  for (const auto& call : calls_) {
    if (call->stream() == stream) return call.get();
  }
  return nullptr;
}

void Http2Session::Begin(int32_t stream) {
  const Http2Limits& limits = setting_.limits;
  if (!calls_pace_.Take(absl::Now(), limits.calls_burst, limits.calls_pace)) {
    CalmDown();
    return;
  }
  calls_.push_back(std::make_unique<Http2Call>(*this, stream));
}

void Http2Session::Remove(int32_t stream) {
  const auto found = std::find_if(calls_.begin(), calls_.end(), [stream](const auto& call) {
    return call->stream() == stream;
  });
  if (found == calls_.end()) return;
  const std::unique_ptr<Http2Call> call = std::move(*found);
  calls_.erase(found);
  call->End();
}

void Http2Session::CalmDown() {
  if (calmed_) return;
  calmed_ = true;
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  host_.OnOutput();
}

}  // namespace peerwatt::gateway
