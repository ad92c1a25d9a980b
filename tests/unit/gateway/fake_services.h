#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/synchronization/notification.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/error.h"
#include "libs/crypto/jwt.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "peerwatt/market/v1/market.grpc.pb.h"
#include "peerwatt/metering/v1/exchange.grpc.pb.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "peerwatt/metering/v1/relay.grpc.pb.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"

namespace peerwatt::gateway::testing {

inline constexpr ErrorReason kCommunityUnknown{"COMMUNITY_UNKNOWN", absl::StatusCode::kNotFound};

/// Answers with what it was asked, and remembers who asked.
class FakeRegistry final : public registry::v1::Registry::Service {
 public:
  grpc::Status GetJwks(grpc::ServerContext*, const registry::v1::GetJwksRequest*,
                       registry::v1::Jwks* response) override {
    ++jwks_calls;
    const absl::MutexLock lock(&mutex);
    if (keys.empty()) return {grpc::StatusCode::UNAVAILABLE, "no keys yet"};
    for (const crypto::PublicJwk& key : keys) {
      auto& out = *response->add_keys();
      out.set_kty("EC");
      out.set_crv("P-256");
      out.set_kid(key.kid);
      out.set_x(key.x);
      out.set_y(key.y);
    }
    return grpc::Status::OK;
  }
  grpc::Status CreateCommunity(grpc::ServerContext* context,
                               const registry::v1::CreateCommunityRequest* request,
                               registry::v1::Community* response) override {
    Remember(*context);
    *response = request->community();
    response->set_name("communities/" + request->community_id());
    return grpc::Status::OK;
  }
  grpc::Status GetCommunity(grpc::ServerContext* context,
                            const registry::v1::GetCommunityRequest* request,
                            registry::v1::Community* response) override {
    Remember(*context);
    return rpc::Handle(*context, "registry.peerwatt.dev", [&]() -> absl::Status {
      if (request->name() == "communities/none") {
        return Error(kCommunityUnknown, "there is no such community");
      }
      response->set_name(request->name());
      return absl::OkStatus();
    });
  }
  grpc::Status ListTariffs(grpc::ServerContext*, const registry::v1::ListTariffsRequest* request,
                           registry::v1::ListTariffsResponse* response) override {
    response->set_next_page_token(request->parent() + "|" + std::to_string(request->page_size()) +
                                  "|" + request->page_token());
    return grpc::Status::OK;
  }
  grpc::Status SignIn(grpc::ServerContext* context, const registry::v1::SignInRequest*,
                      registry::v1::Session* response) override {
    Remember(*context);
    response->set_user("users/u1");
    return grpc::Status::OK;
  }
  grpc::Status RenewDeviceCertificate(grpc::ServerContext* context,
                                      const registry::v1::RenewDeviceCertificateRequest* request,
                                      registry::v1::DeviceCertificate* response) override {
    Remember(*context);
    response->set_certificate_pem("for " + request->name());
    return grpc::Status::OK;
  }
  void Remember(const grpc::ServerContext& context) {
    const auto principal = rpc::CallerOf(context);
    const absl::MutexLock lock(&mutex);
    caller = principal.ok() ? principal->ShortDebugString() : "nobody";
    metadata.clear();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata[std::string(key.data(), key.size())] = std::string(value.data(), value.size());
    }
  }
  std::string Caller() {
    const absl::MutexLock lock(&mutex);
    return caller;
  }
  std::map<std::string, std::string> Metadata() {
    const absl::MutexLock lock(&mutex);
    return metadata;
  }

  std::atomic<int> jwks_calls{0};
  absl::Mutex mutex;
  std::vector<crypto::PublicJwk> keys ABSL_GUARDED_BY(mutex);
  std::string caller ABSL_GUARDED_BY(mutex);
  std::map<std::string, std::string> metadata ABSL_GUARDED_BY(mutex);
};

/// Knows the devices it is told of.
class FakeRegistryInternal final : public registry::v1::RegistryInternal::Service {
 public:
  grpc::Status BatchResolveDevices(grpc::ServerContext* context,
                                   const registry::v1::BatchResolveDevicesRequest* request,
                                   registry::v1::BatchResolveDevicesResponse* response) override {
    const absl::Status peer = rpc::RequirePeer(*context, {"gateway"});
    if (!peer.ok()) return {grpc::StatusCode::UNAUTHENTICATED, "not the gateway"};
    const absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&answers));
    ++calls;
    asked += request->requests_size();
    for (const auto& one : request->requests()) {
      auto& out = *response->add_devices();
      const auto found = devices.find(one.name());
      if (found == devices.end()) continue;
      out = found->second;
      out.set_certificate_known(serial == one.certificate_serial());
    }
    return grpc::Status::OK;
  }
  void Set(const std::string& device, registry::v1::Device::State state,
           const std::vector<std::string>& points) {
    const absl::MutexLock lock(&mutex);
    auto& entry = devices[device];
    entry.set_state(state);
    entry.clear_metering_points();
    for (const std::string& point : points) entry.add_metering_points(point);
  }

  absl::Mutex mutex;
  bool answers ABSL_GUARDED_BY(mutex) = true;
  int calls ABSL_GUARDED_BY(mutex) = 0;
  int asked ABSL_GUARDED_BY(mutex) = 0;
  std::string serial ABSL_GUARDED_BY(mutex);
  std::map<std::string, registry::v1::ResolveDeviceResponse> devices ABSL_GUARDED_BY(mutex);
};

/// Sends versions 1 to `version_max`, then an error or nothing more.
class FakeMarket final : public market::v1::Market::Service {
 public:
  grpc::Status WatchAuction(grpc::ServerContext* context,
                            const market::v1::WatchAuctionRequest* request,
                            grpc::ServerWriter<market::v1::WatchAuctionResponse>* out) override {
    market::v1::WatchAuctionResponse response;
    for (int64_t version = request->version() + 1; version <= 3; ++version) {
      response.set_version(version);
      if (!out->Write(response)) {
        cancelled.Notify();
        return grpc::Status::CANCELLED;
      }
    }
    if (request->name() == "communities/c1/auctions/open") {
      // gRPC's synchronous server offers no event for this: look now and then.
      absl::Notification never;
      while (!context->IsCancelled()) never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
      cancelled.Notify();
      return grpc::Status::CANCELLED;
    }
    if (request->name() == "communities/c1/auctions/bad") {
      return rpc::Handle(*context, "market.peerwatt.dev",
                         [] { return Error(kCommunityUnknown, "gone"); });
    }
    return grpc::Status::OK;
  }
  absl::Notification cancelled;
};

/// Acknowledges every batch: each, or all of a message together. Answers may be held back.
class FakeMetering final : public metering::v1::RelayInternal::Service {
 public:
  using Response = metering::v1::StreamReadingsResponse;
  using Call =
      grpc::ServerReaderWriter<metering::v1::RelayResponse, metering::v1::RelayRequest>;

  grpc::Status Relay(grpc::ServerContext* context, Call* call) override {
    if (!rpc::RequirePeer(*context, {"gateway"}).ok()) {
      return {grpc::StatusCode::UNAUTHENTICATED, "nobody"};
    }
    {
      const absl::MutexLock lock(&mutex);
      ++calls;
      contexts.insert(context);
    }
    metering::v1::RelayRequest request;
    while (call->Read(&request)) {
      metering::v1::RelayResponse response;
      const absl::MutexLock lock(&mutex);
      for (const auto& frame : request.frames()) Take(frame, response);
      if (open) {
        call->Write(response);
      } else {
        held.emplace_back(call, std::move(response));
      }
    }
    const absl::MutexLock lock(&mutex);
    contexts.erase(context);
    return grpc::Status::OK;
  }
  void Take(const metering::v1::RelayRequest::Frame& frame, metering::v1::RelayResponse& out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (frame.close()) {
      devices.erase(frame.stream());
      return;
    }
    Response response;
    auto* answer = out.frames_size() == 0 ? nullptr : out.mutable_frames(out.frames_size() - 1);
    const bool together = merges && frame.has_batch() && answer != nullptr &&
                          answer->stream() == frame.stream() && last_was_batch;
    last_was_batch = frame.has_batch();
    if (!together) {
      answer = out.add_frames();
      answer->set_stream(frame.stream());
    }
    answer->set_frame_count(answer->frame_count() + 1);
    if (frame.has_open()) {
      devices[frame.stream()] = frame.open().device();
      response.mutable_opened()->set_acknowledged_sequence(7);
      response.mutable_opened()->set_batches_in_flight_max(frame.open().batches_in_flight_max());
    } else if (frame.has_answer()) {
      response.ParseFromString(frame.answer());
    } else {
      metering::v1::Batch batch;
      batch.ParseFromString(frame.batch());
      response.mutable_acknowledgement()->set_sequence(batch.sequence());
      response.mutable_acknowledgement()->set_stored_count(1);
      batches.push_back(devices[frame.stream()] + " " + std::to_string(batch.sequence()));
    }
    answer->set_response(response.SerializeAsString());
    held_count = open ? 0 : held_count + 1;
    held_max = std::max(held_max, held_count);
  }
  std::vector<std::string> Batches() {
    const absl::MutexLock lock(&mutex);
    return batches;
  }
  void Break() {
    const absl::MutexLock lock(&mutex);
    for (grpc::ServerContext* context : contexts) context->TryCancel();
  }
  /// While it is not open, answers are held back.
  void SetOpen(bool value) {
    const absl::MutexLock lock(&mutex);
    open = value;
    if (!open) return;
    for (const auto& [call, response] : held) {
      call->Write(response);
    }
    held.clear();
  }

  absl::Mutex mutex;
  bool open ABSL_GUARDED_BY(mutex) = true;
  std::vector<std::pair<Call*, metering::v1::RelayResponse>> held ABSL_GUARDED_BY(mutex);
  bool merges ABSL_GUARDED_BY(mutex) = false;  ///< one acknowledgement for batches in a row
  bool last_was_batch ABSL_GUARDED_BY(mutex) = false;
  int calls ABSL_GUARDED_BY(mutex) = 0;
  size_t held_count ABSL_GUARDED_BY(mutex) = 0;
  size_t held_max ABSL_GUARDED_BY(mutex) = 0;  ///< frames that were held back at once
  std::set<grpc::ServerContext*> contexts ABSL_GUARDED_BY(mutex);
  std::map<int64_t, std::string> devices ABSL_GUARDED_BY(mutex);
  std::vector<std::string> batches ABSL_GUARDED_BY(mutex);
};

/// Counts the bytes of a file; writes one of three pieces.
class FakeExchange final : public metering::v1::Exchange::Service {
 public:
  grpc::Status ImportReadings(grpc::ServerContext* context,
                              grpc::ServerReader<metering::v1::ImportReadingsRequest>* reader,
                              metering::v1::ImportReadingsResponse* response) override {
    const auto principal = rpc::CallerOf(*context);
    if (!principal.ok()) return {grpc::StatusCode::UNAUTHENTICATED, "nobody"};
    deadline_seconds =
        absl::ToInt64Seconds(absl::FromChrono(context->deadline()) - absl::Now());
    metering::v1::ImportReadingsRequest request;
    reader->Read(&request);
    if (request.spec().metering_point() == "meteringPoints/early") {
      response->set_refused_count(1);
      return grpc::Status::OK;
    }
    if (request.spec().metering_point() == "meteringPoints/bad") {
      return rpc::Handle(*context, "metering.peerwatt.dev",
                         [] { return Error(kCommunityUnknown, "gone"); });
    }
    if (request.has_spec()) begun.Notify();
    int64_t bytes = 0;
    while (reader->Read(&request)) {
      bytes += static_cast<int64_t>(request.content().size());
      if (request.has_end()) response->set_complete(true);
    }
    response->set_stored_count(bytes);
    ended.Notify();
    return grpc::Status::OK;
  }
  grpc::Status ExportReadings(grpc::ServerContext* context,
                              const metering::v1::ExportReadingsRequest* request,
                              grpc::ServerWriter<google::api::HttpBody>* writer) override {
    if (request->parent() == "meteringPoints/none") {
      return rpc::Handle(*context, "metering.peerwatt.dev",
                         [] { return Error(kCommunityUnknown, "gone"); });
    }
    google::api::HttpBody piece;
    piece.set_content_type("text/csv");
    for (const char* text : {"a,b\r\n", "1,2\r\n", "3,4\r\n"}) {
      piece.set_data(text);
      writer->Write(piece);
    }
    if (request->parent() == "meteringPoints/broken") {
      return {grpc::StatusCode::UNAVAILABLE, "in the middle"};
    }
    return grpc::Status::OK;
  }

  std::atomic<int64_t> deadline_seconds{0};
  absl::Notification begun;
  absl::Notification ended;
};

}  // namespace peerwatt::gateway::testing
