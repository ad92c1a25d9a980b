#include "bench/metering/echo_server.h"

#include <cstdio>

#include <grpcpp/generic/async_generic_service.h>

#include "libs/base/flags.h"

namespace peerwatt::bench {
namespace {

class EchoCall final : public grpc::ServerGenericBidiReactor {
 public:
  EchoCall() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new EchoCall;
  }
};

}  // namespace

void ServeEcho(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("{\"port\": %d}\n", port);
  std::fflush(stdout);
  WaitForStopSignal();
  server->Shutdown(std::chrono::system_clock::now());
}

}  // namespace peerwatt::bench
