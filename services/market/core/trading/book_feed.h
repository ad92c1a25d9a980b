#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/market/core/trading/ports.h"

namespace peerwatt::market {

/// Lets any number of followers share the looks at a book: the newest events are remembered, and
/// what is kept is asked at most once per book and interval. Safe for many threads.
class BookFeed final : public TradingView {
 public:
  /// clock: the machine's time. look_every: how old news may be.
  BookFeed(TradingView& kept, const Clock& clock,
           absl::Duration look_every = absl::Milliseconds(40))
      : kept_(kept), clock_(clock), look_every_(look_every) {}

  absl::StatusOr<BookDepth> GetDepth(const AuctionKey& key, int32_t levels_max) override {
    return kept_.GetDepth(key, levels_max);
  }
  absl::StatusOr<BookOrders> GetOrders(const AuctionKey& key) override {
    return kept_.GetOrders(key);
  }
  absl::StatusOr<BookNews> ListEvents(const AuctionKey& key, int64_t after,
                                      int32_t limit) override;

 private:
  /// The newest events of one book.
  struct Tail {
    std::mutex mutex;
    std::deque<BookEvent> events;
    /// The events are those after this one, up to `last`.
    int64_t first = 0;
    int64_t last = 0;
    bool is_open = true;
    absl::Time looked_at = absl::InfinitePast();
  };

  std::shared_ptr<Tail> TailOf(const AuctionKey& key, int64_t after);
  absl::Status Look(const AuctionKey& key, Tail& tail);

  TradingView& kept_;
  const Clock& clock_;
  const absl::Duration look_every_;
  std::mutex mutex_;
  std::map<AuctionKey, std::shared_ptr<Tail>, AuctionOrder> tails_;
};

}  // namespace peerwatt::market
