#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace v1 = peerwatt::settlement::v1;

namespace {

// Most holds that one call may name.
constexpr size_t kHoldsMax = 10'000;

std::string CommunityName(const AuctionKey& auction) {
  return absl::StrCat("communities/", auction.community.value());
}

std::string OrderName(const AuctionKey& auction, const OrderId& order) {
  return absl::StrCat(CommunityName(auction), "/auctions/", TimeSegment(auction.delivery_start),
                      "/orders/", order.value());
}

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
  for (size_t from = 0; from < holds.size(); from += kHoldsMax) {
    const size_t to = std::min(from + kHoldsMax, holds.size());
    grpc::ClientContext context;
    rpc::SetDeadline(context, kPeerTimeout);
    v1::BatchCreateHoldsRequest request;
    request.set_community(absl::StrCat("communities/", community.value()));
    *request.mutable_period_start_time() = rpc::ToProto(holds[from].delivery_start);
    request.set_validate_only(!keep);
    for (size_t i = from; i < to; ++i) {
      const AuctionKey auction = {community, holds[i].delivery_start};
      v1::BatchCreateHoldsRequest::Hold& hold = *request.add_holds();
      hold.set_order(OrderName(auction, holds[i].order));
      hold.set_participant(absl::StrCat("participants/", holds[i].participant.value()));
      hold.set_amount_micros(holds[i].amount.micros());
      if (holds[i].delivery_start != holds[from].delivery_start) {
        *hold.mutable_period_start_time() = rpc::ToProto(holds[i].delivery_start);
      }
    }
    v1::BatchCreateHoldsResponse response;
    PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->BatchCreateHolds(&context, request, &response)));
    if (static_cast<size_t>(response.failure_reasons_size()) != to - from) {
      return absl::InternalError("settlement answered for another number of holds");
    }
    reasons.insert(reasons.end(), response.failure_reasons().begin(),
                   response.failure_reasons().end());
  }
  return reasons;
}

absl::Status SettlementClient::ReduceHolds(const AuctionKey& auction,
                                           const std::vector<HoldReduction>& reductions) {
  for (size_t from = 0; from < reductions.size(); from += kHoldsMax) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kPeerTimeout);
    v1::BatchReduceHoldsRequest request;
    request.set_community(CommunityName(auction));
    *request.mutable_period_start_time() = rpc::ToProto(auction.delivery_start);
    for (size_t i = from; i < std::min(from + kHoldsMax, reductions.size()); ++i) {
      v1::BatchReduceHoldsRequest::Reduction& reduction = *request.add_reductions();
      reduction.set_order(OrderName(auction, reductions[i].order));
      reduction.set_amount_micros(reductions[i].amount.micros());
    }
    v1::BatchReduceHoldsResponse response;
    PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->BatchReduceHolds(&context, request, &response)));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market
