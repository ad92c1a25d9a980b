#include "services/gateway/doors.h"

#include <utility>

#include <grpcpp/grpcpp.h>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/gateway/api/comments.h"
#include "services/gateway/api/descriptor_set.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/auth/authenticator.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/core/rate_limit.h"
#include "services/gateway/device/device_calls.h"
#include "services/gateway/device/device_gate.h"
#include "services/gateway/device/device_streams.h"
#include "services/gateway/device/message_scanner.h"
#include "services/gateway/device/relay.h"
#include "services/gateway/device/unary_call.h"
#include "services/gateway/forward/forwarding_service.h"
#include "services/gateway/h2/door.h"
#include "services/gateway/http/rest_handler.h"

namespace peerwatt::gateway {
namespace {

constexpr int kMetadataBytesMax = 16 << 10;
constexpr int kPublicMessageBytesMax = 1 << 20;
constexpr int kPublicStreamsMax = 100;
constexpr int kConnectionAgeMaxMs = 3'600'000;
constexpr int kConnectionAgeGraceMs = 60'000;
constexpr int kConnectionIdleMaxMs = 600'000;

std::vector<const ApiMethod*> MethodsOf(const MethodTable& table,
                                        const google::protobuf::ServiceDescriptor* service) {
  std::vector<const ApiMethod*> out;
  for (const ApiMethod& method : table.methods()) {
    if (method.descriptor->service() == service) out.push_back(&method);
  }
  return out;
}

std::vector<const ApiMethod*> DeviceMethods(const MethodTable& table) {
  return {table.Find("/peerwatt.registry.v1.Registry/RenewDeviceCertificate")};
}

std::vector<std::shared_ptr<grpc::Channel>> RelayChannels(const DoorOptions& options) {
  if (!options.relay_channels.empty()) return options.relay_channels;
  return {options.channels[static_cast<size_t>(Upstream::kMetering)]};
}

}  // namespace

struct Doors::Impl {
  Impl(MethodTable table, DoorOptions given, const Clock& clock, telemetry::Metrics& metrics)
      : options(std::move(given)),
        methods(std::move(table)),
        upstreams(options.channels),
        key_source(upstreams.channel(Upstream::kRegistry)),
        keys(options.tokens, key_source, clock),
        authenticator(keys, clock, metrics),
        sign_ins(options.sign_ins_per_second, options.sign_ins_burst),
        gate(upstreams.channel(Upstream::kRegistry), options.device_recheck_interval),
        relay(RelayChannels(options)),
        streams(gate, options.device_recheck_interval, metrics),
        rest(RestParts{methods, authenticator, upstreams, sign_ins, clock, metrics},
             RestOptions{options.deadlines, options.cors_origins,
                         OpenApiDocument(methods, Comments(DescriptorSetBytes()))}),
        stream_parts{gate, relay, streams, scanner, options.device_window},
        unary_parts{gate, upstreams, options.deadlines},
        device_calls(stream_parts, unary_parts, DeviceMethods(methods), metrics) {
    // One for each service: reflection takes a service's name from its methods.
    for (const auto& [service, upstream] : MethodTable::Services()) {
      public_calls.push_back(std::make_unique<ForwardingService>(
          MethodsOf(methods, service), upstreams, options.deadlines,
          TokenAdmission(authenticator, sign_ins, clock)));
    }
  }

  absl::Status Open(telemetry::Metrics& metrics) {
    PW_ASSIGN_OR_RETURN(grpc, OpenGrpc(metrics));
    PW_ASSIGN_OR_RETURN(device, OpenDevice(metrics));
    PW_ASSIGN_OR_RETURN(http, HttpServer::Start(options.http, rest));
    grpc->SetServing(true);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<rpc::Server>> OpenGrpc(telemetry::Metrics& metrics) {
    rpc::ServerOptions server;
    server.address = options.grpc_address;
    server.health_address = options.health_address;
    server.credentials = rpc::TlsServer(options.grpc_tls);
    server.message_bytes_max = kPublicMessageBytesMax;
    server.concurrent_streams_max = kPublicStreamsMax;
    server.customise = [this](grpc::ServerBuilder& builder) {
      builder.RegisterCallbackGenericService(&unknown_public);
      builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kConnectionIdleMaxMs);
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMaxMs);
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGraceMs);
    };
    std::vector<grpc::Service*> services;
    for (const auto& service : public_calls) services.push_back(service.get());
    return rpc::Server::Start(server, services, metrics);
  }

  absl::StatusOr<std::unique_ptr<GrpcDoor>> OpenDevice(telemetry::Metrics& metrics) {
    DoorSettings door;
    door.address = options.device_address;
    door.tls = {options.device_tls.cert_pem, options.device_tls.key_pem,
                options.device_tls.ca_pem};
    door.limits.message_bytes_max = static_cast<size_t>(options.device_message_bytes_max);
    door.threads = options.device_threads;
    door.handshakes_max = options.device_handshakes_max;
    return GrpcDoor::Open(
        door, device_calls,
        metrics.AddGauge("peerwatt_gateway_device_connections", "Connections at the device port."),
        metrics.AddCounter("peerwatt_gateway_device_handshake_failures_total",
                           "Connections at the device port that never showed a certificate."));
  }

  const DoorOptions options;
  const MethodTable methods;
  Upstreams upstreams;
  RegistryKeySource key_source;
  TokenKeys keys;
  Authenticator authenticator;
  RateLimit sign_ins;
  DeviceGate gate;
  Relay relay;
  DeviceStreams streams;
  RestHandler rest;
  std::vector<std::unique_ptr<ForwardingService>> public_calls;
  const MessageScanner scanner{peerwatt::metering::v1::StreamReadingsRequest::descriptor()};
  const DeviceStreamParts stream_parts;
  const UnaryCallParts unary_parts;
  DeviceCalls device_calls;
  UnknownMethods unknown_public;
  std::unique_ptr<rpc::Server> grpc;
  std::unique_ptr<GrpcDoor> device;
  std::unique_ptr<HttpServer> http;
};

Doors::Doors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Doors::~Doors() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Doors>> Doors::Open(DoorOptions options, const Clock& clock,
                                                   telemetry::Metrics& metrics) {
  PW_ASSIGN_OR_RETURN(MethodTable methods, MethodTable::Build());
  auto impl = std::make_unique<Impl>(std::move(methods), std::move(options), clock, metrics);
  PW_RETURN_IF_ERROR(impl->Open(metrics));
  return std::unique_ptr<Doors>(new Doors(std::move(impl)));
}

int Doors::http_port() const { return impl_->http->port(); }
int Doors::grpc_port() const { return impl_->grpc->port(); }
int Doors::device_port() const { return impl_->device->port(); }

void Doors::Drain(absl::Duration grace) {
  impl_->rest.StartDraining();
  if (impl_->grpc != nullptr) impl_->grpc->SetServing(false);
  if (impl_->device != nullptr) impl_->device->StopAccepting();
  impl_->streams.EndAll(Error(kGatewayStopping, "the gateway is about to stop; connect again"));
  if (impl_->http != nullptr) impl_->http->Drain(grace);
  if (impl_->device != nullptr) impl_->device->Drain(grace);
  if (impl_->grpc != nullptr) impl_->grpc->Drain(grace);
}

}  // namespace peerwatt::gateway
