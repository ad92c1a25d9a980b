#include <grpcpp/alarm.h>

#include <chrono>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/refusal.h"

namespace peerwatt::market {
namespace {

constexpr std::chrono::milliseconds kLookEvery{50};

// Looks at one auction until it is final or the caller is gone, and sends each new version. One
// thing happens at a time: a look, a write or a wait for the next look.
class AuctionWatch final : public grpc::ServerWriteReactor<v1::WatchAuctionResponse> {
 public:
  AuctionWatch(grpc::CallbackServerContext& context, MarketView& view, AuctionKey key,
               std::string currency, int64_t version)
      : context_(context),
        view_(view),
        key_(std::move(key)),
        currency_(std::move(currency)),
        version_(version) {
    Look();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
    } else if (is_final_) {
      Finish(grpc::Status::OK);
    } else {
      Wait();
    }
  }
  void OnDone() override { delete this; }

 private:
  void Look() {
    if (context_.IsCancelled()) {
      Finish(grpc::Status::CANCELLED);
      return;
    }
    const absl::StatusOr<Auction> auction = view_.GetAuction(key_);
    if (!auction.ok()) {
      Finish(rpc::ToGrpcStatus(auction.status(), kErrorDomain));
      return;
    }
    is_final_ = auction->state == AuctionState::kCleared;
    if (auction->version > version_) {
      version_ = auction->version;
      response_.set_version(version_);
      *response_.mutable_auction() = ToProto(*auction, currency_);
      StartWrite(&response_);
    } else if (is_final_) {
      Finish(grpc::Status::OK);
    } else {
      Wait();
    }
  }

  void Wait() {
    alarm_.Set(std::chrono::system_clock::now() + kLookEvery, [this](bool) { Look(); });
  }

  grpc::CallbackServerContext& context_;
  MarketView& view_;
  const AuctionKey key_;
  const std::string currency_;
  int64_t version_;
  bool is_final_ = false;
  v1::WatchAuctionResponse response_;
  grpc::Alarm alarm_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchAuctionResponse>* MarketService::WatchAuction(
    grpc::CallbackServerContext* context, const v1::WatchAuctionRequest* request) {
  const auto watch = [&]() -> absl::StatusOr<AuctionWatch*> {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(AuctionKey key, AuctionKeyFrom(request->name(), "name"));
    if (request->version() < 0) {
      return FieldInvalid("version", "must not be negative");
    }
    PW_ASSIGN_OR_RETURN(std::string currency, CurrencyOf(key.community));
    PW_RETURN_IF_ERROR(backends_.view.GetAuction(key).status());
    return new AuctionWatch(*context, backends_.view, std::move(key), std::move(currency),
                            request->version());
  };
  const absl::StatusOr<AuctionWatch*> started = watch();
  if (!started.ok()) {
    return new Refusal<v1::WatchAuctionResponse>(started.status());
  }
  return *started;
}

}  // namespace peerwatt::market
