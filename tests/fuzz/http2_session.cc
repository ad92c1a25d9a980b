// A connection of the device port against any bytes: it ends, or goes on, and every call that began
// is over when the connection is.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "libs/base/check.h"
#include "services/gateway/h2/http2_session.h"

namespace {

using peerwatt::gateway::CallEnd;
using peerwatt::gateway::CallHandler;
using peerwatt::gateway::CallHead;
using peerwatt::gateway::CallRouter;
using peerwatt::gateway::FrameMemory;
using peerwatt::gateway::Http2Host;
using peerwatt::gateway::Http2Limits;
using peerwatt::gateway::Http2Session;
using peerwatt::gateway::Http2Setting;
using peerwatt::gateway::LoopQueue;
using peerwatt::gateway::PeerCertificate;
using peerwatt::gateway::ServerCall;

int open_calls = 0;

class Echo final : public CallHandler {
 public:
  void OnStart(ServerCall& call) override {
    ++open_calls;
    call_ = &call;
    call.Read();
  }
  void OnMessage(absl::string_view bytes) override {
    if (bytes == "bye") {
      call_->Cancel();
    } else {
      call_->Write(bytes);
    }
  }
  void OnHalfClose() override { call_->Finish({}); }
  void OnWritten() override { call_->Read(); }
  void OnDone() override { --open_calls; }

 private:
  ServerCall* call_ = nullptr;
};

class Router final : public CallRouter {
 public:
  absl::Status Route(const CallHead& head, std::shared_ptr<CallHandler>& handler) override {
    if (head.path != "/e") return absl::UnimplementedError("");
    handler = std::make_shared<Echo>();
    return absl::OkStatus();
  }
  CallEnd EndOf(const absl::Status& error) override {
    return {static_cast<int>(error.code()), "no", "details"};
  }
  void Started(const std::string&) override {}
  void Ended(const std::string&, int, absl::Duration) override {}
};

class Host final : public Http2Host {
 public:
  void OnOutput() override {}
  void OnDeadline(absl::Time) override {}
};

}  // namespace

// The first byte says how much comes at a time.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const Http2Limits limits{.message_bytes_max = 1000, .header_bytes_max = 500,
                                  .window_bytes = 100};
  static const std::shared_ptr<LoopQueue> queue = std::make_shared<LoopQueue>();
  static const PeerCertificate peer;
  static FrameMemory memory;
  Router router;
  Host host;
  const Http2Setting setting{limits, router, queue, memory};
  {
    Http2Session session(setting, peer, host);
    const size_t piece = size_t{data[0]} + 1;
    bool goes_on = true;
    for (size_t at = 1; at < size && goes_on; at += piece) {
      const absl::string_view bytes(reinterpret_cast<const char*>(data + at),
                                    std::min(piece, size - at));
      std::string out;
      goes_on = session.Receive(bytes) && session.Send(out, 1 << 20) && !session.Finished();
      session.Rest();
    }
  }
  PW_CHECK(open_calls == 0, "a call outlives its connection");
  return 0;
}
