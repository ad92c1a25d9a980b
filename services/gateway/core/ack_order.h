#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace peerwatt::gateway {

/// Keeps answers in the order of what they answer, when some requests are answered here and the
/// others by a peer that answers in order.
template <typename Answer>
class AckOrder {
 public:
  /// A request went to the peer.
  void Forwarded() { waiting_.push_back(std::nullopt); }
  /// A request was answered here. Returns what may be sent now, in order.
  std::vector<Answer> Answered(Answer answer) {
    waiting_.push_back(std::move(answer));
    return Ready();
  }
  /// The peer's next answer. Returns what may be sent now, in order; just the answer when the
  /// peer says more than it was asked.
  std::vector<Answer> FromPeer(Answer answer) {
    std::vector<Answer> out;
    out.push_back(std::move(answer));
    if (!waiting_.empty()) waiting_.pop_front();
    for (Answer& next : Ready()) out.push_back(std::move(next));
    return out;
  }
  size_t size() const { return waiting_.size(); }

 private:
  std::vector<Answer> Ready() {
    std::vector<Answer> out;
    while (!waiting_.empty() && waiting_.front().has_value()) {
      out.push_back(*std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return out;
  }

  /// Empty for what the peer has to answer; the front is always such a one.
  std::deque<std::optional<Answer>> waiting_;
};

}  // namespace peerwatt::gateway
