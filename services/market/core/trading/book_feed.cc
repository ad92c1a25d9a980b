#include "services/market/core/trading/book_feed.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"

namespace peerwatt::market {
namespace {

// Events of one look, and of one book that are remembered.
constexpr int32_t kLookMax = 1000;
constexpr size_t kTailMax = 10'000;
// Books that nobody has followed for so long are forgotten.
constexpr absl::Duration kForgetAfter = absl::Minutes(1);
constexpr size_t kTailsBeforeForgetting = 1000;

}  // namespace

std::shared_ptr<BookFeed::Tail> BookFeed::TailOf(const AuctionKey& key, int64_t after) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Tail>& tail = tails_[key];
  if (tail != nullptr) {
    return tail;
  }
  tail = std::make_shared<Tail>();
  tail->first = after;
  tail->last = after;
  const std::shared_ptr<Tail> added = tail;
  if (tails_.size() > kTailsBeforeForgetting) {
    const absl::Time oldest = clock_.Now() - kForgetAfter;
    std::erase_if(tails_, [&](const auto& known) {
      const std::lock_guard tail_lock(known.second->mutex);
      return known.second != added && known.second->looked_at < oldest;
    });
  }
  return added;
}

absl::Status BookFeed::Look(const AuctionKey& key, Tail& tail) {
  PW_ASSIGN_OR_RETURN(BookNews news, kept_.ListEvents(key, tail.last, kLookMax));
  for (BookEvent& event : news.events) {
    tail.last = event.number;
    tail.events.push_back(std::move(event));
  }
  while (tail.events.size() > kTailMax) {
    tail.first = tail.events.front().number;
    tail.events.pop_front();
  }
  tail.is_open = news.is_open;
  tail.looked_at = clock_.Now();
  return absl::OkStatus();
}

absl::StatusOr<BookNews> BookFeed::ListEvents(const AuctionKey& key, int64_t after,
                                              int32_t limit) {
  const std::shared_ptr<Tail> tail = TailOf(key, after);
  std::unique_lock lock(tail->mutex);
  if (after < tail->first || after > tail->last) {
    lock.unlock();
    return kept_.ListEvents(key, after, limit);  // Older, or newer, than what is remembered.
  }
  if (clock_.Now() - tail->looked_at >= look_every_) {
    if (const absl::Status looked = Look(key, *tail); !looked.ok()) {
      lock.unlock();
      const std::lock_guard all(mutex_);
      tails_.erase(key);
      return looked;
    }
    if (after < tail->first) {
      lock.unlock();
      return kept_.ListEvents(key, after, limit);
    }
  }
  BookNews news;
  // Numbers have no gap: the place of the next event follows from them.
  const size_t from = static_cast<size_t>(after - tail->first);
  const size_t to = std::min(tail->events.size(), from + static_cast<size_t>(limit));
  news.events.assign(tail->events.begin() + static_cast<std::ptrdiff_t>(from),
                     tail->events.begin() + static_cast<std::ptrdiff_t>(to));
  news.is_open = tail->is_open || to < tail->events.size();
  return news;
}

}  // namespace peerwatt::market
