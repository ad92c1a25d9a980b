#include "tests/unit/gateway/http2_client.h"

#include <algorithm>
#include <cstring>

namespace peerwatt::gateway::testing {
namespace {

std::string Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* Bytes(const std::string& text) {
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
}

}  // namespace

struct Http2Client::Callbacks {
  static Http2Client& Of(void* client) { return *static_cast<Http2Client*>(client); }

  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* self) {
    Of(self).heard_[frame->hd.stream_id].headers[Text(name, name_size)] = Text(value, value_size);
    return 0;
  }
  static int Data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
                  void* self) {
    Of(self).heard_[stream].body += Text(bytes, size);
    return 0;
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      Of(self).told_to_go_ = true;
      Of(self).go_away_code_ = frame->goaway.error_code;
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      ++Of(self).pings_answered_;
    }
    return 0;
  }
  static int Closed(nghttp2_session*, int32_t stream, uint32_t error_code, void* self) {
    Of(self).heard_[stream].closed = true;
    Of(self).heard_[stream].error_code = error_code;
    return 0;
  }
  static ssize_t Fill(nghttp2_session*, int32_t stream, uint8_t* to, size_t size, uint32_t* flags,
                      nghttp2_data_source*, void* self) {
    Outgoing& outgoing = Of(self).outgoing_[stream];
    const size_t part = std::min(size, outgoing.bytes.size());
    std::memcpy(to, outgoing.bytes.data(), part);
    outgoing.bytes.erase(0, part);
    if (outgoing.bytes.empty() && outgoing.last) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (part == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(part);
  }
};

Http2Client::Http2Client(uint32_t window_bytes) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::Header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::Data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::Frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::Closed);
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

Http2Client::Headers Http2Client::Grpc(const std::string& path) {
  return {{":method", "POST"},          {":scheme", "https"},
          {":path", path},              {":authority", "localhost"},
          {"content-type", "application/grpc"}, {"te", "trailers"}};
}

int32_t Http2Client::Begin(const Headers& headers) {
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : headers) {
    fields.push_back({Bytes(name), Bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider body{};
  body.read_callback = &Callbacks::Fill;
  const int32_t call = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                              &body, nullptr);
  outgoing_[call];
  return call;
}

void Http2Client::Send(int32_t call, absl::string_view bytes, bool last) {
  outgoing_[call].bytes.append(bytes.data(), bytes.size());
  outgoing_[call].last = last;
  nghttp2_session_resume_data(session_, call);
}

void Http2Client::Reset(int32_t call) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call, NGHTTP2_CANCEL);
}

void Http2Client::Ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

void Http2Client::OpenWindow(int32_t call, int32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, call, bytes);
}

std::string Http2Client::Take() {
  std::string out;
  while (true) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) return out;
    out += Text(bytes, static_cast<size_t>(size));
  }
}

bool Http2Client::Hear(absl::string_view bytes) {
  return nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                  bytes.size()) >= 0;
}

}  // namespace peerwatt::gateway::testing
