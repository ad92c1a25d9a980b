#include "services/metering/rpc/new_readings_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/errors.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

constexpr int32_t kChangesPerPage = 1000;
constexpr size_t kReadingsPerMessage = 1000;
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

absl::Status Draining() { return Error(kDraining, "the service stops; connect again"); }

/// Whether both together are one span that fits into a message.
bool CanJoin(const Interval& first, const Interval& second, absl::Duration resolution) {
  const absl::Time start = std::min(first.start, second.start);
  const absl::Time end = std::max(first.end, second.end);
  return first.start < first.end && second.start < second.end && second.start <= first.end &&
         first.start <= second.end &&
         end - start <= resolution * static_cast<int64_t>(kReadingsPerMessage - 1);
}

}  // namespace

NewReadingsFeed::NewReadingsFeed(ReadingStore& store, MemberDirectory& directory,
                                 ChangeSignal& changed, const NewReadingsOptions& options)
    : store_(store),
      directory_(directory),
      changed_(changed),
      options_(options),
      admission_([this] { Admit(); }),
      follower_([this] { Follow(); }) {}

NewReadingsFeed::~NewReadingsFeed() { Stop(); }

void NewReadingsFeed::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;
    }
    stopped_ = true;
  }
  asked_.notify_all();
  changed_.Stop();
  admission_.join();
  follower_.join();
  // The threads are gone and none joins any more.
  for (const auto& [number, subscriber] : subscribers_) {
    subscriber->sink->End(Draining());
  }
  for (const SubscriberPtr& subscriber : asking_) {
    subscriber->sink->End(Draining());
  }
  for (const SubscriberPtr& subscriber : arrived_) {
    subscriber->sink->End(Draining());
  }
  subscribers_.clear();
  asking_.clear();
  arrived_.clear();
}

absl::StatusOr<int64_t> NewReadingsFeed::Join(NewReadingsQuery query,
                                              std::shared_ptr<NewReadingsSink> sink) {
  auto subscriber = std::make_unique<Subscriber>();
  subscriber->query = std::move(query);
  subscriber->sink = std::move(sink);
  const std::lock_guard lock(mutex_);
  if (stopped_) {
    return Draining();
  }
  if (open_.size() >= options_.streams_max) {
    return Error(kTooManyStreams, "as many streams of new readings are open as may be",
                 {{"streams_max", absl::StrCat(options_.streams_max)}});
  }
  subscriber->number = ++last_number_;
  open_[last_number_] = {subscriber->query.caller, subscriber->query.point, subscriber->sink};
  asking_.push_back(std::move(subscriber));
  asked_.notify_one();
  return last_number_;
}

void NewReadingsFeed::Leave(int64_t number) {
  const std::lock_guard lock(mutex_);
  open_.erase(number);
  gone_.push_back(number);
}

void NewReadingsFeed::Admit() {
  using SteadyClock = std::chrono::steady_clock;
  const auto interval = absl::ToChronoNanoseconds(options_.permission_interval);
  auto ask_again_at = SteadyClock::now() + interval;
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait_until(lock, ask_again_at, [this] { return stopped_ || !asking_.empty(); });
    if (stopped_) {
      return;
    }
    if (SteadyClock::now() >= ask_again_at) {
      lock.unlock();
      AskAgain();
      ask_again_at = SteadyClock::now() + interval;
      lock.lock();
    }
    if (asking_.empty()) continue;
    SubscriberPtr subscriber = std::move(asking_.front());
    asking_.pop_front();
    lock.unlock();
    const absl::StatusOr<Member> member =
        VisibleMember(subscriber->query.caller, directory_, subscriber->query.point);
    if (member.ok()) {
      subscriber->resolution = member->interval;
    } else {
      subscriber->sink->End(member.status());
    }
    lock.lock();
    if (member.ok()) {
      arrived_.push_back(std::move(subscriber));
    }
  }
}

void NewReadingsFeed::AskAgain() {
  std::vector<Watched> open;
  std::vector<MeteringPointId> points;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, watched] : open_) {
      open.push_back(watched);
      points.push_back(watched.point);
    }
  }
  const MemberLookup lookup = directory_.Find(points);
  for (const Watched& watched : open) {
    const absl::Status status = VisibleMember(watched.caller, lookup, watched.point).status();
    if (!status.ok() && !absl::IsUnavailable(status)) {
      watched.sink->End(status);
    }
  }
}

void NewReadingsFeed::Follow() {
  bool goes_on = true;
  while (goes_on) {
    const uint64_t seen = changed_.Count();
    const absl::StatusOr<bool> more = Step();
    if (!more.ok()) {
      Log(Severity::kWarning, "streams of new readings wait and will be tried again",
          {{"cause", more.status().message()}});
    }
    absl::Duration pause = options_.idle_poll;
    if (!more.ok()) {
      pause = std::max(pause, kRetryAfter);
    } else if (*more) {
      pause = absl::ZeroDuration();
    }
    goes_on = changed_.Wait(seen, pause);
  }
}

absl::StatusOr<bool> NewReadingsFeed::Step() {
  TakeArrivals();
  if (subscribers_.empty()) {
    head_.reset();
    return false;
  }
  PW_ASSIGN_OR_RETURN(const bool found, FindChanges());
  PW_ASSIGN_OR_RETURN(const bool caught_up, CatchUp());
  PW_ASSIGN_OR_RETURN(const bool sent, SendWaiting());
  return found || caught_up || sent;
}

absl::StatusOr<int64_t> NewReadingsFeed::Horizon() {
  const Interval any{absl::UnixEpoch(), absl::UnixEpoch() + absl::Hours(1)};
  PW_ASSIGN_OR_RETURN(const ReadingColumns nothing, store_.Columns({}, any, absl::Hours(1)));
  return nothing.cursor;
}

void NewReadingsFeed::TakeArrivals() {
  std::vector<SubscriberPtr> arrived;
  std::vector<int64_t> gone;
  {
    const std::lock_guard lock(mutex_);
    if (!arrived_.empty()) {
      arrived = std::exchange(arrived_, {});
    }
    gone = std::exchange(gone_, {});
  }
  if (!arrived.empty()) {
    const absl::StatusOr<int64_t> horizon = Horizon();
    if (!horizon.ok()) {
      for (const SubscriberPtr& subscriber : arrived) {
        subscriber->sink->End(horizon.status());
      }
    } else {
      for (SubscriberPtr& subscriber : arrived) {
        Begin(std::move(subscriber), *horizon);
      }
    }
  }
  // Who left before it arrived has ended, and was not let in.
  for (const int64_t number : gone) {
    Remove(number);
  }
}

void NewReadingsFeed::Begin(SubscriberPtr subscriber, int64_t now_cursor) {
  if (!subscriber->sink->IsOpen()) {
    return;
  }
  if (subscriber->query.cursor.value_or(0) > now_cursor) {
    subscriber->sink->End(FieldInvalid("cursor", "must be the cursor of a message"));
    return;
  }
  if (!head_.has_value()) {
    head_ = now_cursor;
  }
  Subscriber& begun = *subscriber;
  begun.cursor = begun.query.cursor.value_or(now_cursor);
  begun.sent_cursor = begun.cursor;
  by_point_[begun.query.point].insert(begun.number);
  busy_.insert(begun.number);
  subscribers_[begun.number] = std::move(subscriber);
  if (begun.cursor >= *head_) {
    GoLive(begun);
  }
}

void NewReadingsFeed::Remove(int64_t number) {
  const auto found = subscribers_.find(number);
  if (found == subscribers_.end()) {
    return;
  }
  const auto point = by_point_.find(found->second->query.point);
  point->second.erase(number);
  if (point->second.empty()) {
    by_point_.erase(point);
  }
  busy_.erase(number);
  subscribers_.erase(found);
}

void NewReadingsFeed::GoLive(Subscriber& subscriber) {
  subscriber.live = true;
  subscriber.cursor = std::max(subscriber.cursor, *head_);
  subscriber.waiting.push_back({.cursor = subscriber.cursor, .span = {}});
}

absl::StatusOr<bool> NewReadingsFeed::FindChanges() {
  PW_ASSIGN_OR_RETURN(const std::vector<Change> changes,
                      store_.ChangesAfter(*head_, kChangesPerPage));
  std::set<int64_t> behind;
  for (const Change& change : changes) {
    const auto point = by_point_.find(change.metering_point);
    if (point == by_point_.end()) {
      continue;
    }
    for (const int64_t number : point->second) {
      Subscriber& subscriber = *subscribers_.at(number);
      ++subscriber.unread;
      if (subscriber.live && change.cursor > subscriber.cursor) {
        subscriber.cursor = change.cursor;
        subscriber.waiting.push_back({change.cursor, change.span});
        busy_.insert(number);
      }
      if (subscriber.unread > options_.waiting_changes_max) {
        behind.insert(number);
      }
    }
  }
  if (!changes.empty()) {
    head_ = changes.back().cursor;
  }
  for (const int64_t number : behind) {
    Subscriber& subscriber = *subscribers_.at(number);
    if (!subscriber.sink->HasRoom()) {
      subscriber.sink->End(
          Error(kReaderTooSlow, "too many changes wait to be read; resume with the last cursor"));
      Remove(number);
    } else if (subscriber.live && subscriber.waiting.size() > options_.waiting_changes_max) {
      // The client reads, but changes come faster: what follows is looked up when these are sent.
      subscriber.live = false;
      subscriber.cursor = std::max(subscriber.cursor, *head_);
    }
  }
  return !changes.empty();
}

absl::StatusOr<bool> NewReadingsFeed::CatchUp() {
  const auto may = [this](int64_t number) {
    const Subscriber& subscriber = *subscribers_.at(number);
    return !subscriber.live && subscriber.waiting.empty();
  };
  auto next = std::find_if(busy_.upper_bound(caught_up_last_), busy_.end(), may);
  if (next == busy_.end()) {
    next = std::find_if(busy_.begin(), busy_.end(), may);
  }
  if (next == busy_.end()) {
    return false;
  }
  caught_up_last_ = *next;
  const int64_t from = subscribers_.at(*next)->cursor;
  PW_ASSIGN_OR_RETURN(std::vector<Change> changes, store_.ChangesAfter(from, kChangesPerPage));
  // From the head on, changes are found for all.
  while (!changes.empty() && changes.back().cursor > *head_) {
    changes.pop_back();
  }
  const bool is_last = std::ssize(changes) < kChangesPerPage;
  const int64_t to = is_last ? *head_ : changes.back().cursor;
  std::vector<Subscriber*> together;
  for (const int64_t number : busy_) {
    Subscriber& subscriber = *subscribers_.at(number);
    if (may(number) && subscriber.cursor >= from && subscriber.cursor <= to) {
      together.push_back(&subscriber);
    }
  }
  for (Subscriber* subscriber : together) {
    for (const Change& change : changes) {
      if (change.metering_point == subscriber->query.point && change.cursor > subscriber->cursor) {
        subscriber->waiting.push_back({change.cursor, change.span});
      }
    }
    subscriber->cursor = to;
    if (is_last) {
      GoLive(*subscriber);
    }
  }
  return true;
}

absl::StatusOr<bool> NewReadingsFeed::SendWaiting() {
  bool sent = false;
  const std::vector<int64_t> numbers(busy_.begin(), busy_.end());
  for (const int64_t number : numbers) {
    Subscriber& subscriber = *subscribers_.at(number);
    if (!subscriber.waiting.empty() && subscriber.sink->HasRoom()) {
      PW_RETURN_IF_ERROR(SendPage(subscriber));
      sent = true;
    }
    if (subscriber.live && subscriber.waiting.empty()) {
      busy_.erase(number);
    }
  }
  return sent;
}

absl::Status NewReadingsFeed::SendPage(Subscriber& subscriber) {
  std::deque<Waiting>& waiting = subscriber.waiting;
  while (!subscriber.after.has_value() && waiting.size() > 1 &&
         CanJoin(waiting[0].span, waiting[1].span, subscriber.resolution)) {
    const Interval first = waiting[0].span;
    waiting.pop_front();
    waiting[0].span = {std::min(first.start, waiting[0].span.start),
                       std::max(first.end, waiting[0].span.end)};
  }
  const Waiting& next = waiting.front();
  v1::StreamNewReadingsResponse response;
  bool is_whole = true;
  if (next.span.start < next.span.end) {
    PW_ASSIGN_OR_RETURN(const std::vector<Reading> readings,
                        store_.List({.metering_point = subscriber.query.point,
                                     .start = next.span.start,
                                     .end = next.span.end,
                                     .resolution = subscriber.resolution,
                                     .as_of = std::nullopt,
                                     .after = subscriber.after,
                                     .after_revision = INT32_MAX,
                                     .limit = kReadingsPerMessage}));
    for (const Reading& reading : readings) {
      *response.add_readings() = ToProto(reading, subscriber.query.point);
    }
    is_whole = readings.size() < kReadingsPerMessage;
    if (!is_whole) {
      subscriber.after = readings.back().start;
    }
  }
  if (is_whole) {
    // Who resumes amid a change is sent all of it again.
    subscriber.sent_cursor = next.cursor;
    subscriber.after.reset();
    waiting.pop_front();
  }
  response.set_cursor(absl::StrCat(subscriber.sent_cursor));
  subscriber.unread = 0;
  subscriber.sink->Send(std::move(response));
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
