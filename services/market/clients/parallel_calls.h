#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"

namespace peerwatt::market {

/// Makes many calls of one method, a few at a time, and takes their answers in the order of the
/// calls. For one thread.
template <typename Request, typename Response>
class ParallelCalls {
 public:
  /// Starts a call of the callback API.
  using Start = std::function<void(grpc::ClientContext*, const Request*, Response*,
                                   std::function<void(grpc::Status)>)>;
  /// Takes an answer.
  using Take = std::function<absl::Status(const Response&)>;

  /// timeout: of each call. take: is not called any more once a call or itself has failed.
  ParallelCalls(Start start, Take take, absl::Duration timeout)
      : start_(std::move(start)), take_(std::move(take)), timeout_(timeout) {}
  ~ParallelCalls() { static_cast<void>(Finish()); }
  ParallelCalls(const ParallelCalls&) = delete;
  ParallelCalls& operator=(const ParallelCalls&) = delete;

  /// Makes a call; waits for the first one of those under way when they are as many as may be.
  /// Returns the first failure so far; then it makes none.
  absl::Status Add(Request request) {
    if (under_way_.size() >= kUnderWayMax) {
      TakeFirst();
    }
    if (!failure_.ok()) {
      return failure_;
    }
    under_way_.push_back(std::make_unique<Call>());
    Call& call = *under_way_.back();
    call.request = std::move(request);
    rpc::SetDeadline(call.context, timeout_);
    start_(&call.context, &call.request, &call.response, [&call](grpc::Status status) {
      call.status = std::move(status);
      call.done.Notify();
    });
    return absl::OkStatus();
  }

  /// Waits for all. Returns the first failure.
  absl::Status Finish() {
    while (!under_way_.empty()) {
      TakeFirst();
    }
    return failure_;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    Request request;
    Response response;
    grpc::Status status;
    absl::Notification done;
  };
  static constexpr size_t kUnderWayMax = 4;

  void TakeFirst() {
    const std::unique_ptr<Call> call = std::move(under_way_.front());
    under_way_.pop_front();
    call->done.WaitForNotification();
    if (failure_.ok()) {
      failure_ = call->status.ok() ? take_(call->response) : rpc::FromGrpcStatus(call->status);
    }
  }

  const Start start_;
  const Take take_;
  const absl::Duration timeout_;
  std::deque<std::unique_ptr<Call>> under_way_;
  absl::Status failure_;
};

}  // namespace peerwatt::market
