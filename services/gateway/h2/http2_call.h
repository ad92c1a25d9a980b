#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "absl/strings/string_view.h"
#include "services/gateway/h2/call.h"
#include "services/gateway/h2/grpc_wire.h"
#include "services/gateway/h2/http2_session.h"

namespace peerwatt::gateway {

/// One gRPC call of an HTTP/2 session.
class Http2Call final : public ServerCall {
 public:
  Http2Call(Http2Session& session, int32_t stream);
  ~Http2Call() override;

  int32_t stream() const { return stream_; }
  // What the session reports.
  void OnHeader(absl::string_view name, absl::string_view value);
  /// All headers are there: begins the call, or refuses it.
  void OnHead();
  void OnBytes(absl::string_view bytes);
  void OnHalfClose();
  /// Fills in the next bytes of the answer, as nghttp2 asks for them.
  ssize_t Fill(uint8_t* to, size_t size, uint32_t* flags);
  /// The stream is over, or cut: tells the handler.
  void End();
  bool overdue(absl::Time now) const { return handler_ != nullptr && head_.deadline <= now; }

  const PeerCertificate& peer() const override { return session_.peer_; }
  const CallHead& head() const override { return head_; }
  const std::shared_ptr<LoopQueue>& queue() const override { return session_.setting_.queue; }
  void Read() override;
  void Write(absl::string_view message) override;
  void AddTrailer(absl::string_view name, absl::string_view value) override;
  void Finish(CallEnd end) override;
  void Cancel() override;

 private:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// Hands messages on for as long as the handler asks for them and they are there.
  void Deliver();
  void FinishWith(const absl::Status& error);
  /// Answers with an HTTP status and nothing else: this is no gRPC.
  void AnswerPlainly(const char* http_status);
  Headers EndHeaders() const;
  void Submit(const Headers& headers, bool with_body);
  void SubmitTrailers();
  void Resume();
  absl::Status CheckHead() const;

  Http2Session& session_;
  const int32_t stream_;
  const absl::Time begun_at_;
  std::shared_ptr<CallHandler> handler_;  ///< from the head to the end
  CallHead head_;
  // Of the request's head, until it is there.
  std::string method_;
  std::string content_type_;
  std::string encoding_;
  bool timeout_readable_ = true;
  size_t header_bytes_ = 0;

  MessageReader reader_;
  size_t unread_bytes_ = 0;  ///< that the client may not send again yet
  bool wanted_ = false;      ///< the handler waits for a message
  bool delivering_ = false;
  bool half_closed_ = false;
  bool told_half_close_ = false;

  std::string outgoing_;
  size_t sent_ = 0;  ///< of them
  bool writing_ = false;
  bool answering_ = false;  ///< the response has begun
  bool deferred_ = false;   ///< nghttp2 waits to be resumed
  bool trailers_submitted_ = false;
  std::optional<CallEnd> end_;
  Headers trailers_;
};

}  // namespace peerwatt::gateway
