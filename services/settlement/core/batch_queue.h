#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/check.h"

namespace peerwatt::settlement {

/// Groups what callers ask for at the same time, per key, so that they share a transaction. What
/// came while one transaction ran is the next, and one of those who wait runs it. Requests keep the
/// order of arrival. Safe for many threads.
template <typename Key, typename Request, typename Answer>
class BatchQueue {
 public:
  using Calls = std::vector<absl::Span<const Request>>;
  /// Does what the calls ask for and returns one answer per request, in their order, or the
  /// failure that all calls share.
  using Run = std::function<absl::StatusOr<std::vector<Answer>>(const Key&, const Calls&)>;

  /// requests_max: of one transaction; a call with more is run alone.
  /// gather_max: how long a transaction waits for callers who were answered by the one before,
  /// since they often come back at once: together with those who wait they fill one transaction
  /// instead of every second one. A caller who is alone waits for nobody.
  BatchQueue(Run run, size_t requests_max, absl::Duration gather_max = absl::ZeroDuration())
      : run_(std::move(run)), requests_max_(requests_max), gather_max_(gather_max) {}

  /// Returns the answers to `requests`, which stay where they are until then.
  absl::StatusOr<std::vector<Answer>> Submit(const Key& key, absl::Span<const Request> requests) {
    Call call{.requests = requests};
    Lane* lane = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      lane = &lanes_[key];
      lane->waiting.push_back(&call);
      if (!lane->busy) {
        lane->busy = true;
        call.state = State::kRuns;
      }
    }
    call.state.wait(State::kWaits);
    if (call.state == State::kRuns) RunWaiting(key, *lane, call);
    return std::move(call.answers);
  }

 private:
  enum class State { kWaits, kRuns, kDone };
  /// One caller that waits.
  struct Call {
    absl::Span<const Request> requests;
    absl::StatusOr<std::vector<Answer>> answers = absl::UnknownError("not decided");
    std::atomic<State> state = State::kWaits;
  };
  struct Lane {
    std::deque<Call*> waiting;
    bool busy = false;
    size_t expected = 0;  ///< callers who were there when the last transaction ended
  };
  static bool IsComplete(Lane* lane) { return lane->waiting.size() >= lane->expected; }

  /// Runs those who came first, `own` among them, and hands over to the next who waits.
  void RunWaiting(const Key& key, Lane& lane, Call& own) {
    std::vector<Call*> calls;
    {
      absl::MutexLock lock(&mutex_);
      if (gather_max_ > absl::ZeroDuration()) {
        mutex_.AwaitWithTimeout(absl::Condition(&IsComplete, &lane), gather_max_);
      }
      size_t requests = 0;
      while (!lane.waiting.empty() &&
             (calls.empty() ||
              requests + lane.waiting.front()->requests.size() <= requests_max_)) {
        calls.push_back(lane.waiting.front());
        requests += calls.back()->requests.size();
        lane.waiting.pop_front();
      }
    }
    PW_CHECK(calls.front() == &own, "whoever runs a transaction came first");
    Answering(key, calls);
    Call* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      lane.expected = lane.waiting.size() + calls.size();
      lane.busy = !lane.waiting.empty();
      if (lane.busy) next = lane.waiting.front();
    }
    if (next != nullptr) Tell(*next, State::kRuns);
    for (Call* call : calls) {
      if (call != &own) Tell(*call, State::kDone);
    }
  }

  /// A call that was told that it is done may be gone at once.
  static void Tell(Call& call, State state) {
    call.state = state;
    call.state.notify_one();
  }

  void Answering(const Key& key, const std::vector<Call*>& calls) {
    Calls spans;
    spans.reserve(calls.size());
    size_t count = 0;
    for (const Call* call : calls) {
      spans.push_back(call->requests);
      count += call->requests.size();
    }
    absl::StatusOr<std::vector<Answer>> answers = run_(key, spans);
    if (!answers.ok()) {
      for (Call* call : calls) call->answers = answers.status();
      return;
    }
    PW_CHECK(answers->size() == count, "an answer for each request");
    auto next = answers->begin();
    for (Call* call : calls) {
      const auto end = next + static_cast<std::ptrdiff_t>(call->requests.size());
      call->answers = std::vector<Answer>(std::make_move_iterator(next),
                                          std::make_move_iterator(end));
      next = end;
    }
  }

  const Run run_;
  const size_t requests_max_;
  const absl::Duration gather_max_;
  absl::Mutex mutex_;
  std::map<Key, Lane> lanes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::settlement
