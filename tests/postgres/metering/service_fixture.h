#pragma once

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "libs/base/error.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/telemetry/metrics.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "peerwatt/metering/v1/relay.grpc.pb.h"
#include "services/metering/core/ingest.h"
#include "services/metering/rpc/change_signal.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/ingest_workers.h"
#include "services/metering/rpc/internal_service.h"
#include "services/metering/rpc/metering_service.h"
#include "services/metering/rpc/new_readings_feed.h"
#include "services/metering/rpc/probe.h"
#include "services/metering/rpc/relay_service.h"
#include "tests/postgres/metering/gated_store.h"
#include "tests/postgres/metering/store_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::metering::testing {

using peerwatt::testing::Certificates;

/// How a test wants its service.
struct ServiceOptions {
  size_t queue_readings_max = 1'000'000;
  NewReadingsOptions new_readings = {.idle_poll = absl::Milliseconds(5)};
};

/// The whole service on a real database and a registry in memory, behind mTLS on a free port.
class ServiceTest : public StoreTest {
 protected:
  void SetUp() override {
    directory_.Add("m1");
    directory_.Add("m2");
    Start({});
  }
  void TearDown() override { Stop(); }

  void Start(const ServiceOptions& options) {
    Stop();
    queue_ = std::make_unique<IngestQueue>(options.queue_readings_max);
    calls_ = std::make_unique<RelayCalls>();
    changed_ = std::make_unique<ChangeSignal>();
    feed_ = std::make_unique<NewReadingsFeed>(gated_, directory_, *changed_,
                                              options.new_readings);
    public_ = std::make_unique<MeteringService>(*queue_, gated_, directory_, *feed_);
    relay_ = std::make_unique<RelayService>(*queue_, *calls_);
    internal_ = std::make_unique<InternalService>(gated_, *changed_, absl::Milliseconds(5));
    workers_ = std::make_unique<IngestWorkers>(IngestOptions(), *queue_, ingest_, gated_, clock_,
                                               probe_, *changed_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("metering")), &port_);
    builder.RegisterService(public_.get());
    builder.RegisterService(internal_.get());
    builder.RegisterService(relay_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void Stop() {
    if (server_ == nullptr) {
      return;
    }
    gated_.Open();
    calls_->Drain();
    feed_->Stop();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
    server_->Wait();
    server_.reset();
    workers_.reset();
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& service) {
    return rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(port_),
                                 Certificates::Instance().Of(service), "metering");
  }
  std::unique_ptr<v1::Metering::Stub> Public(const std::string& peer = "gateway") {
    return v1::Metering::NewStub(ChannelOf(peer));
  }
  std::unique_ptr<v1::MeteringInternal::Stub> Internal(const std::string& peer) {
    return v1::MeteringInternal::NewStub(ChannelOf(peer));
  }
  /// Makes a call one of a user or a device, as the gateway would.
  static void ActAs(grpc::ClientContext& context, const std::string& subject,
                    access::v1::Role role, const std::string& participant = "") {
    rpc::Principal principal;
    principal.set_subject(subject);
    principal.add_roles(role);
    principal.set_participant(participant);
    rpc::SetPrincipal(context, principal.SerializeAsString());
    rpc::SetDeadline(context, absl::Seconds(30));
  }
  static v1::Series ToProto(const Series& series) {
    v1::Series proto;
    proto.set_metering_point("meteringPoints/" + series.metering_point.value());
    *proto.mutable_start_time() = rpc::ToProto(series.start);
    *proto.mutable_resolution() = rpc::ToProto(series.resolution);
    proto.mutable_import_energy_wh()->Add(series.import_wh.begin(), series.import_wh.end());
    return proto;
  }
  static std::string ReasonOf(const grpc::Status& status) {
    return peerwatt::ReasonOf(rpc::FromGrpcStatus(status));
  }

  FakeDirectory directory_;
  GatedStore gated_{store_};
  ManualClock clock_{now_};
  telemetry::Metrics metrics_;
  IngestProbe probe_{metrics_};
  Ingest ingest_{directory_, gated_};
  std::unique_ptr<IngestQueue> queue_;
  std::unique_ptr<RelayCalls> calls_;
  std::unique_ptr<ChangeSignal> changed_;
  std::unique_ptr<NewReadingsFeed> feed_;
  std::unique_ptr<MeteringService> public_;
  std::unique_ptr<InternalService> internal_;
  std::unique_ptr<RelayService> relay_;
  std::unique_ptr<IngestWorkers> workers_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace peerwatt::metering::testing
