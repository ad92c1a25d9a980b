#pragma once

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/registry/rpc/internal_service.h"
#include "services/registry/rpc/registry_service.h"
#include "services/registry/rpc/schemes_service.h"
#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {

namespace access = peerwatt::access::v1;

/// The registry behind mTLS on a free port, and callers as the gateway hands them on.
class ServiceTest : public RegistryFixture {
 protected:
  ServiceTest()
      : clock_(kNow),
        service_({accounts_, tokens_, communities_, participants_, metering_points_, devices_,
                  device_store_, networks_, clock_, real_clock_}),
        internal_(communities_, participants_, metering_points_, device_store_, networks_,
                  real_clock_),
        schemes_service_(communities_, schemes_, clock_),
        schemes_internal_(communities_, schemes_),
        tls_key_(crypto::NewPrivateKey().value()),
        tls_ca_(crypto::NewAuthority(tls_key_, "Test CA", absl::Now(), absl::Hours(1))->pem) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(TlsOf("registry")), &port);
    builder.RegisterService(&service_);
    builder.RegisterService(&internal_);
    builder.RegisterService(&schemes_service_);
    builder.RegisterService(&schemes_internal_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    gateway_ = v1::Registry::NewStub(ChannelOf("gateway"));
    gateway_schemes_ = v1::Schemes::NewStub(ChannelOf("gateway"));
  }

  rpc::TlsFiles TlsOf(const std::string& service) const {
    crypto::LeafSpec spec;
    spec.common_name = service;
    spec.uri_san = rpc::kServiceIdentityPrefix + service;
    spec.dns_sans = {service + ".peerwatt.internal", "localhost"};
    spec.server = spec.client = true;
    const std::string key = crypto::NewPrivateKey().value();
    return {crypto::IssueLeaf(tls_ca_, tls_key_, key, spec, absl::Now(), absl::Hours(1))->pem, key,
            tls_ca_};
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& peer) const {
    return rpc::MutualTlsChannel(address_, TlsOf(peer), "registry");
  }

  static rpc::Principal CallerOf(const std::string& subject, std::vector<rpc::Role> roles,
                                 const std::string& participant = "") {
    rpc::Principal principal;
    principal.set_subject(subject);
    for (const rpc::Role role : roles) principal.add_roles(role);
    principal.set_participant(participant);
    return principal;
  }
  static rpc::Principal Operator() { return CallerOf("users/op", {access::OPERATOR}); }
  static rpc::Principal Regulator() { return CallerOf("users/reg", {access::REGULATOR}); }
  static rpc::Principal Household(const std::string& n) {
    return CallerOf("users/u" + n, {access::CONSUMER, access::PROSUMER}, "participants/p" + n);
  }

  /// Calls a method as the gateway does for a caller; nobody when there is none. Returns the
  /// reason, or "OK".
  template <typename Method, typename Request, typename Response>
  std::string Call(const rpc::Principal* caller, Method method, const Request& request,
                   Response* response) {
    return CallOn(*gateway_, caller, method, request, response);
  }
  /// The same for a method of another service.
  template <typename OtherStub, typename Method, typename Request, typename Response>
  static std::string CallOn(OtherStub& stub, const rpc::Principal* caller, Method method,
                            const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    if (caller != nullptr) rpc::SetPrincipal(context, caller->SerializeAsString());
    const grpc::Status status = (stub.*method)(&context, request, response);
    if (status.ok()) return "OK";
    return ReasonOf(rpc::FromGrpcStatus(status));
  }

  static v1::CreateCommunityRequest HamletRequest() {
    v1::CreateCommunityRequest request;
    request.set_community_id("hamlet");
    v1::Community& c = *request.mutable_community();
    c.set_display_name("Hamlet");
    c.set_time_zone("Europe/Berlin");
    c.set_currency_code("EUR");
    *c.mutable_trading_start_time() = rpc::ToProto(kNow);
    *c.mutable_price_max_per_kwh() = rpc::ToProto(Price::MicrosPerKwh(400'000), "EUR");
    return request;
  }

  const SystemClock real_clock_;
  ManualClock clock_;
  RegistryService service_;
  RegistryInternalService internal_;
  SchemesService schemes_service_;
  SchemesInternalService schemes_internal_;
  std::string tls_key_;
  std::string tls_ca_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::unique_ptr<v1::Registry::Stub> gateway_;
  std::unique_ptr<v1::Schemes::Stub> gateway_schemes_;
};

using Stub = v1::Registry::Stub;

}  // namespace peerwatt::registry
