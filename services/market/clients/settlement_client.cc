#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/parallel_calls.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace v1 = peerwatt::settlement::v1;

namespace {

// Most holds that one call names: few enough for several calls to share the work of 100,000.
constexpr size_t kHoldsMax = 5'000;

// Names of a community's auctions; that of the same one again costs nothing.
class AuctionName {
 public:
  explicit AuctionName(const CommunityId& community) : community_(community) {}
  const std::string& At(absl::Time delivery_start) {
    if (name_.empty() || delivery_start != delivery_start_) {
      delivery_start_ = delivery_start;
      name_ = absl::StrCat("communities/", community_.value(), "/auctions/",
                           TimeSegment(delivery_start));
    }
    return name_;
  }

 private:
  const CommunityId& community_;
  absl::Time delivery_start_;
  std::string name_;
};

}  // namespace

SettlementClient::SettlementClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(v1::SettlementInternal::NewStub(channel)) {}

absl::StatusOr<std::vector<std::string>> SettlementClient::CreateHolds(
    const CommunityId& community, const std::vector<Hold>& holds) {
  return Ask(community, holds, true);
}

absl::StatusOr<std::vector<std::string>> SettlementClient::CheckHolds(
    const CommunityId& community, const std::vector<Hold>& holds) {
  return Ask(community, holds, false);
}

absl::StatusOr<std::vector<std::string>> SettlementClient::Ask(const CommunityId& community,
                                                               const std::vector<Hold>& holds,
                                                               bool keep) {
  std::vector<std::string> reasons;
  reasons.reserve(holds.size());
  ParallelCalls<v1::BatchCreateHoldsRequest, v1::BatchCreateHoldsResponse> calls(
      [this](grpc::ClientContext* context, const v1::BatchCreateHoldsRequest* request,
             v1::BatchCreateHoldsResponse* response, std::function<void(grpc::Status)> done) {
        stub_->async()->BatchCreateHolds(context, request, response, std::move(done));
      },
      [&](const v1::BatchCreateHoldsResponse& response) -> absl::Status {
        const size_t asked = std::min(kHoldsMax, holds.size() - reasons.size());
        if (static_cast<size_t>(response.failure_reasons_size()) != asked) {
          return absl::InternalError("settlement answered for another number of holds");
        }
        reasons.insert(reasons.end(), response.failure_reasons().begin(),
                       response.failure_reasons().end());
        return absl::OkStatus();
      },
      kPeerTimeout);
  AuctionName auction(community);
  for (size_t from = 0; from < holds.size(); from += kHoldsMax) {
    v1::BatchCreateHoldsRequest request;
    request.set_community(absl::StrCat("communities/", community.value()));
    *request.mutable_period_start_time() = rpc::ToProto(holds[from].delivery_start);
    request.set_validate_only(!keep);
    for (size_t i = from; i < std::min(from + kHoldsMax, holds.size()); ++i) {
      v1::BatchCreateHoldsRequest::Hold& hold = *request.add_holds();
      hold.set_order(
          absl::StrCat(auction.At(holds[i].delivery_start), "/orders/", holds[i].order.value()));
      hold.set_participant(absl::StrCat("participants/", holds[i].participant.value()));
      hold.set_amount_micros(holds[i].amount.micros());
      if (holds[i].delivery_start != holds[from].delivery_start) {
        *hold.mutable_period_start_time() = rpc::ToProto(holds[i].delivery_start);
      }
    }
    PW_RETURN_IF_ERROR(calls.Add(std::move(request)));
  }
  PW_RETURN_IF_ERROR(calls.Finish());
  return reasons;
}

absl::Status SettlementClient::ReduceHolds(const AuctionKey& auction,
                                           const std::vector<HoldReduction>& reductions) {
  ParallelCalls<v1::BatchReduceHoldsRequest, v1::BatchReduceHoldsResponse> calls(
      [this](grpc::ClientContext* context, const v1::BatchReduceHoldsRequest* request,
             v1::BatchReduceHoldsResponse* response, std::function<void(grpc::Status)> done) {
        stub_->async()->BatchReduceHolds(context, request, response, std::move(done));
      },
      [](const v1::BatchReduceHoldsResponse&) { return absl::OkStatus(); }, kPeerTimeout);
  AuctionName name(auction.community);
  for (size_t from = 0; from < reductions.size(); from += kHoldsMax) {
    v1::BatchReduceHoldsRequest request;
    request.set_community(absl::StrCat("communities/", auction.community.value()));
    *request.mutable_period_start_time() = rpc::ToProto(auction.delivery_start);
    for (size_t i = from; i < std::min(from + kHoldsMax, reductions.size()); ++i) {
      v1::BatchReduceHoldsRequest::Reduction& reduction = *request.add_reductions();
      reduction.set_order(absl::StrCat(name.At(auction.delivery_start), "/orders/",
                                       reductions[i].order.value()));
      reduction.set_amount_micros(reductions[i].amount.micros());
    }
    PW_RETURN_IF_ERROR(calls.Add(std::move(request)));
  }
  return calls.Finish();
}

}  // namespace peerwatt::market
