#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "absl/strings/string_view.h"

namespace peerwatt::gateway::testing {

/// The client's side of an HTTP/2 connection in memory: bytes in, bytes out. Its windows open only
/// when it is told.
class Http2Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// What was heard of a call.
  struct Heard {
    std::map<std::string, std::string> headers;  ///< of the response and its trailers
    std::string body;
    bool closed = false;
    uint32_t error_code = 0;
  };

  /// window_bytes: that the server may send per call before it is told to go on.
  explicit Http2Client(uint32_t window_bytes = 65'535);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// The headers of a gRPC call.
  static Headers Grpc(const std::string& path);
  /// Begins a call that stays open for `Send`.
  int32_t Begin(const Headers& headers);
  /// Appends bytes to the request; `last` ends it.
  void Send(int32_t call, absl::string_view bytes, bool last = false);
  void Reset(int32_t call);
  void Ping();
  /// Lets the server send so many bytes more.
  void OpenWindow(int32_t call, int32_t bytes);
  /// Bytes given to `Send` that the server's windows have not let through.
  size_t held_back(int32_t call) const { return outgoing_.at(call).bytes.size(); }

  /// What is to be sent to the server.
  std::string Take();
  /// Hears bytes of the server. Returns whether they could be read.
  bool Hear(absl::string_view bytes);
  const Heard& heard(int32_t call) { return heard_[call]; }
  bool told_to_go() const { return told_to_go_; }
  uint32_t go_away_code() const { return go_away_code_; }
  int pings_answered() const { return pings_answered_; }

 private:
  struct Outgoing {
    std::string bytes;
    bool last = false;
  };
  struct Callbacks;

  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Outgoing> outgoing_;
  std::map<int32_t, Heard> heard_;
  bool told_to_go_ = false;
  uint32_t go_away_code_ = 0;
  int pings_answered_ = 0;
};

}  // namespace peerwatt::gateway::testing
