#include <grpcpp/alarm.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

constexpr std::chrono::milliseconds kLookEvery{50};

// What a caller wants to watch.
struct Wanted {
  AuctionKey key;
  std::string currency;
  int64_t version = 0;
};

// Looks at one auction until it is final or the caller is gone, and sends each new version. One
// thing happens at a time: a look, a write or a wait for the next look. Looks may wait for the
// database, so none is on a thread of gRPC's callbacks.
class AuctionWatch final : public grpc::ServerWriteReactor<v1::WatchAuctionResponse> {
 public:
  // begin: says what is wanted, or why it is refused; may wait.
  AuctionWatch(grpc::CallbackServerContext& context, MarketView& view,
               std::function<absl::StatusOr<Wanted>()> begin)
      : context_(context), view_(view), begin_(std::move(begin)) {
    After(std::chrono::milliseconds::zero(), [this] { Begin(); });
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
  void Begin() {
    absl::StatusOr<Wanted> wanted = begin_();
    if (!wanted.ok()) {
      Finish(rpc::ToGrpcStatus(wanted.status(), kErrorDomain));
      return;
    }
    wanted_ = *std::move(wanted);
    Look();
  }

  void Look() {
    if (context_.IsCancelled()) {
      Finish(grpc::Status::CANCELLED);
      return;
    }
    const absl::StatusOr<Auction> auction = view_.GetAuction(wanted_.key);
    if (!auction.ok()) {
      Finish(rpc::ToGrpcStatus(auction.status(), kErrorDomain));
      return;
    }
    is_final_ = auction->state == AuctionState::kCleared;
    if (auction->version > wanted_.version) {
      wanted_.version = auction->version;
      response_.set_version(wanted_.version);
      *response_.mutable_auction() = ToProto(*auction, wanted_.currency);
      StartWrite(&response_);
    } else if (is_final_) {
      Finish(grpc::Status::OK);
    } else {
      Wait();
    }
  }

  void Wait() {
    After(kLookEvery, [this] { Look(); });
  }

  // An alarm of its own each time: that of the last look may not have returned from it yet.
  void After(std::chrono::milliseconds pause, std::function<void()> step) {
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + pause,
                [step = std::move(step)](bool) { step(); });
  }

  grpc::CallbackServerContext& context_;
  MarketView& view_;
  const std::function<absl::StatusOr<Wanted>()> begin_;
  Wanted wanted_;
  bool is_final_ = false;
  v1::WatchAuctionResponse response_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchAuctionResponse>* MarketService::WatchAuction(
    grpc::CallbackServerContext* context, const v1::WatchAuctionRequest* request) {
  const auto begin = [this, context, name = request->name(),
                      version = request->version()]() -> absl::StatusOr<Wanted> {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(AuctionKey key, AuctionKeyFrom(name, "name"));
    if (version < 0) {
      return FieldInvalid("version", "must not be negative");
    }
    PW_ASSIGN_OR_RETURN(std::string currency, CurrencyOf(key.community));
    PW_RETURN_IF_ERROR(backends_.view.GetAuction(key).status());
    return Wanted{std::move(key), std::move(currency), version};
  };
  return new AuctionWatch(*context, backends_.view, begin);
}

}  // namespace peerwatt::market
