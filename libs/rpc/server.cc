#include "libs/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/support/server_interceptor.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "libs/rpc/call_probe.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"

namespace peerwatt::rpc {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingIntervalMinMs = 5'000;
constexpr int kHandshakeTimeoutMs = 10'000;

absl::string_view TypeName(grpc::experimental::ServerRpcInfo::Type type) {
  switch (type) {
    case grpc::experimental::ServerRpcInfo::Type::UNARY:
      return "unary";
    case grpc::experimental::ServerRpcInfo::Type::CLIENT_STREAMING:
      return "client_stream";
    case grpc::experimental::ServerRpcInfo::Type::SERVER_STREAMING:
      return "server_stream";
    case grpc::experimental::ServerRpcInfo::Type::BIDI_STREAMING:
      return "bidi_stream";
  }
  return "unary";
}

class ProbeInterceptor final : public grpc::experimental::Interceptor {
 public:
  ProbeInterceptor(CallProbe& probe, grpc::experimental::ServerRpcInfo* info)
      : probe_(probe), method_(CallProbe::LabelOf(info->method())), type_(TypeName(info->type())) {
    probe_.Started(method_, type_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      probe_.Handled(
          method_, type_, static_cast<int>(methods->GetSendStatus().error_code()),
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
    }
    methods->Proceed();
  }

 private:
  CallProbe& probe_;
  std::string method_;
  absl::string_view type_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class ProbeInterceptorFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ProbeInterceptorFactory(std::shared_ptr<CallProbe> probe) : probe_(std::move(probe)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new ProbeInterceptor(*probe_, info);
  }

 private:
  std::shared_ptr<CallProbe> probe_;
};

std::unique_ptr<grpc::Server> StartMain(const ServerOptions& options,
                                        const std::vector<grpc::Service*>& services,
                                        std::shared_ptr<CallProbe> probe, int* port) {
  grpc::ServerBuilder builder;
  if (!options.address.empty()) {
    builder.AddListeningPort(options.address, options.credentials, port);
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(options.message_bytes_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.concurrent_streams_max);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  // Two processes on one port would share its connections without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("peerwatt");
  quota.SetMaxThreads(options.threads_max);
  builder.SetResourceQuota(quota);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<ProbeInterceptorFactory>(std::move(probe)));
  builder.experimental().SetInterceptorCreators(std::move(factories));
  if (options.customise) options.customise(builder);
  return builder.BuildAndStart();
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<CallProbe> probe;
  std::unique_ptr<grpc::Server> main;
  std::unique_ptr<grpc::Server> health;
  int port = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      telemetry::Metrics& metrics) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto impl = std::make_unique<Impl>();
  impl->probe = std::make_shared<CallProbe>(metrics);
  int port = 0;
  impl->main = StartMain(options, services, impl->probe, &port);
  if (impl->main == nullptr || (port == 0 && !options.address.empty())) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address));
  }
  impl->port = port;
  if (!options.health_address.empty()) {
    grpc::ServerBuilder builder;
    int health_port = 0;
    builder.AddListeningPort(options.health_address, grpc::InsecureServerCredentials(),
                             &health_port);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 16);
    builder.SetMaxReceiveMessageSize(4096);
    impl->health = builder.BuildAndStart();
    if (impl->health == nullptr || health_port == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options.health_address));
    }
    impl->health->GetHealthCheckService()->SetServingStatus(kLiveService, true);
  }
  auto server = std::unique_ptr<Server>(new Server(std::move(impl)));
  server->SetServing(false);
  Log(Severity::kInfo, "listening", {{"address", options.address}, {"port", port}});
  return server;
}

int Server::port() const { return impl_->port; }

void Server::SetServing(bool serving) {
  for (grpc::Server* server : {impl_->main.get(), impl_->health.get()}) {
    // By name: the overload without one would end `live` as well.
    if (server != nullptr) server->GetHealthCheckService()->SetServingStatus("", serving);
  }
}

void Server::Drain(absl::Duration grace) {
  if (impl_->main == nullptr) return;
  SetServing(false);
  const auto deadline = absl::ToChronoTime(absl::Now() + grace);
  impl_->main->Shutdown(deadline);
  impl_->main->Wait();
  impl_->main.reset();
  if (impl_->health != nullptr) {
    impl_->health->Shutdown(deadline);
    impl_->health->Wait();
    impl_->health.reset();
  }
}

grpc::Status Handle(const grpc::ServerContextBase& context, absl::string_view domain,
                    const std::function<absl::Status()>& body) {
  const absl::Status status = body();
  if (!status.ok()) {
    Log(Severity::kDebug, "request refused",
        {{"peer", context.peer()}, {"domain", domain}, {"error", status.ToString()}});
  }
  return ToGrpcStatus(status, domain);
}

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

void SetPrincipal(grpc::ClientContext& context, const std::string& serialized_principal) {
  context.AddMetadata(kPrincipalKey, serialized_principal);
}

}  // namespace peerwatt::rpc
