#include "services/market/rpc/clearing_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/strip.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/core/errors.h"
#include "services/market/rpc/clearing_codec.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/listing.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

constexpr int32_t kPageSizeMax = 100;
constexpr int32_t kPageSizeDefault = 20;

absl::StatusOr<AuctionKey> KeyOfClearing(const std::string& name) {
  absl::string_view auction = name;
  if (!absl::ConsumeSuffix(&auction, "/clearing")) {
    return FieldInvalid("name", "must have the form communities/*/auctions/*/clearing");
  }
  return AuctionKeyFrom(auction, "name");
}

absl::StatusOr<Interval> SpanOf(const v1::ReplayAuctionsRequest& request, const rpc::Page& page) {
  Interval span;
  PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (!request.has_start_time() || !request.has_end_time() || span.end <= span.start) {
    return FieldInvalid("end_time", "must be after start_time");
  }
  PW_RETURN_IF_ERROR(BeginAfter(page, span));
  return span;
}

}  // namespace

grpc::Status ClearingService::GetClearing(grpc::ServerContext* context,
                                          const v1::GetClearingRequest* request,
                                          v1::Clearing* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(const AuctionKey key, KeyOfClearing(request->name()));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(key.community));
    PW_ASSIGN_OR_RETURN(const Auction auction, view_.GetAuction(key));
    if (auction.state != AuctionState::kCleared) {
      return Error(kAuctionNotCleared, "the auction is not cleared yet");
    }
    PW_ASSIGN_OR_RETURN(const ClearingRecord record, view_.GetClearing(key));
    PW_ASSIGN_OR_RETURN(const NetworkVersion network,
                        auctions_.GetNetwork(key.community, auction.network));
    *response = ToProto(key, record, network, rules.currency);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<WhatIf>> ClearingService::WhatIfOf(
    const v1::ReplayAuctionsRequest& request, const CommunityRules& rules) {
  if (!request.has_what_if()) {
    return std::optional<WhatIf>();
  }
  PW_ASSIGN_OR_RETURN(AskedRules asked, RulesFrom(request.what_if(), rules.id));
  if (asked.network.has_value()) {
    PW_ASSIGN_OR_RETURN(std::vector<NetworkVersion> networks,
                        rules_.Networks(rules, {absl::UnixEpoch(), kEndOfTime}));
    const auto found =
        std::find_if(networks.begin(), networks.end(),
                     [&](const NetworkVersion& version) { return version.id == *asked.network; });
    if (found == networks.end()) {
      return Error(kNotFound, "there is no such network", {{"network", asked.network->value()}});
    }
    asked.rules.network = std::move(*found);
  }
  return std::optional<WhatIf>(std::move(asked.rules));
}

grpc::Status ClearingService::ReplayAuctions(grpc::ServerContext* context,
                                             const v1::ReplayAuctionsRequest* request,
                                             v1::ReplayAuctionsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::IsStaff(caller)) {
      return Error(kPermissionDenied, "only operators and regulators replay auctions");
    }
    PW_ASSIGN_OR_RETURN(const std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const Interval span, SpanOf(*request, page));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(CommunityId(community)));
    PW_ASSIGN_OR_RETURN(const std::optional<WhatIf> what_if, WhatIfOf(*request, rules));
    const int32_t size =
        request->page_size() == 0 ? kPageSizeDefault : std::min(page.size, kPageSizeMax);
    PW_ASSIGN_OR_RETURN(std::vector<Auction> auctions,
                        view_.ListAuctions(rules.id, span, size + 1));
    if (auctions.size() > static_cast<size_t>(size)) {
      auctions.pop_back();
      response->set_next_page_token(
          rpc::NextPageToken(*request, TimeSegment(auctions.back().key.delivery_start)));
    }
    for (const Auction& auction : auctions) {
      if (auction.state != AuctionState::kCleared) {
        continue;
      }
      PW_ASSIGN_OR_RETURN(const ReplayedAuction replayed, replay_.Run(auction, what_if));
      *response->add_auctions() = ToProto(replayed, what_if.has_value(), rules.currency);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
