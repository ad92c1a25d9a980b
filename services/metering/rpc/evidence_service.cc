#include "services/metering/rpc/evidence_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

// Encodings are large: what is read at a time, and the bytes after which a page ends early.
constexpr size_t kBatchesPerRead = 25;
constexpr size_t kPageBytes = 2 << 20;

v1::SignedBatch ToProto(SignedBatch batch) {
  v1::SignedBatch proto;
  proto.set_name(
      absl::StrCat("devices/", batch.device.value(), "/signedBatches/", batch.link.counter));
  proto.set_counter(batch.link.counter);
  proto.set_encoding(std::move(batch.encoding));
  proto.set_signature(std::move(batch.signature));
  proto.set_public_key_der(std::move(batch.public_key_der));
  proto.set_counter_gap(batch.events.counter_gap);
  proto.set_chain_broken(batch.events.chain_broken);
  proto.set_refusal_reason(std::move(batch.refusal_reason));
  *proto.mutable_create_time() = rpc::ToProto(batch.created_at);
  return proto;
}

}  // namespace

grpc::Status EvidenceService::ListSignedBatches(grpc::ServerContext* context,
                                                const v1::ListSignedBatchesRequest* request,
                                                v1::ListSignedBatchesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(std::string device,
                        rpc::ParseName1(request->parent(), "devices/*", "parent"));
    SignedBatchQuery query{.device = DeviceId(std::move(device)),
                           .after_counter = 0,
                           .events_only = request->events_only()};
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &query.after_counter)) {
      return Error(kPageTokenInvalid, "page_token is malformed");
    }
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::IsStaff(caller)) {
      return Error(kPermissionDenied, "only operators, regulators and admins see signed batches");
    }
    bool more = true;
    size_t bytes = 0;
    int32_t left = page.size;
    while (more && left > 0 && bytes < kPageBytes) {
      query.limit = std::min(kBatchesPerRead, static_cast<size_t>(left)) + 1;
      PW_ASSIGN_OR_RETURN(std::vector<SignedBatch> batches, store_.List(query));
      more = batches.size() == query.limit;
      batches.resize(std::min(batches.size(), query.limit - 1));
      for (size_t i = 0; i < batches.size(); ++i) {
        query.after_counter = batches[i].link.counter;
        bytes += batches[i].encoding.size();
        *response->add_signed_batches() = ToProto(std::move(batches[i]));
        --left;
        if (bytes >= kPageBytes) {
          more = more || i + 1 < batches.size();
          break;
        }
      }
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(query.after_counter)));
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::metering
