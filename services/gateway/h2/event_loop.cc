#include "services/gateway/h2/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace peerwatt::gateway {
namespace {

constexpr int kEventsPerRound = 128;
constexpr int64_t kWaitMsMax = 60'000;

}  // namespace

LoopQueue::LoopQueue() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LoopQueue::~LoopQueue() { close(wake_); }

void LoopQueue::Post(Task task) {
  bool wake = false;
  {
    const absl::MutexLock lock(&mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
    wake = std::exchange(asleep_, false);
  }
  if (wake) eventfd_write(wake_, 1);
}

std::vector<LoopQueue::Task> LoopQueue::Take(bool sleepy) {
  std::vector<Task> tasks;
  const absl::MutexLock lock(&mutex_);
  tasks.swap(tasks_);
  asleep_ = sleepy && tasks.empty();
  return tasks;
}

void LoopQueue::Close() {
  std::vector<Task> dropped;
  const absl::MutexLock lock(&mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

EventLoop::EventLoop(std::function<void()> after_round)
    : after_round_(std::move(after_round)), queue_(std::make_shared<LoopQueue>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, queue_->wake_, &event);
}

EventLoop::~EventLoop() {
  queue_->Close();
  if (epoll_ >= 0) close(epoll_);
}

bool EventLoop::Watch(int fd, Watcher& watcher, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::Change(int fd, Watcher& watcher, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Forget(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::At(Time when, std::function<void()> task) {
  timers_.push_back({when, ++last_timer_, std::move(task)});
  std::push_heap(timers_.begin(), timers_.end(), &Later);
}

void EventLoop::RunTimers() {
  const Time now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.front().when <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), &Later);
    const std::function<void()> task = std::move(timers_.back().task);
    timers_.pop_back();
    task();
  }
}

int EventLoop::WaitMs() const {
  if (timers_.empty()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      timers_.front().when - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, kWaitMsMax));
}

void EventLoop::Run() {
  epoll_event events[kEventsPerRound];
  while (!stopped_) {
    std::vector<LoopQueue::Task> tasks = queue_->Take(/*sleepy=*/true);
    const int count = epoll_wait(epoll_, events, kEventsPerRound, tasks.empty() ? WaitMs() : 0);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        eventfd_t woken = 0;
        eventfd_read(queue_->wake_, &woken);
      } else {
        static_cast<Watcher*>(events[i].data.ptr)->OnEvents(events[i].events);
      }
    }
    for (const auto& task : tasks) task();
    // What came meanwhile belongs to the same round: its answers leave together.
    for (const auto& task : queue_->Take(/*sleepy=*/false)) task();
    RunTimers();
    after_round_();
  }
}

}  // namespace peerwatt::gateway
