#include "services/metering/rpc/new_readings_call.h"

#include <utility>

#include "libs/rpc/status.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kMessagesMax = 4;

}  // namespace

NewReadingsCall* NewReadingsCall::Start(NewReadingsFeed& feed, const grpc::Status& decoded,
                                        NewReadingsQuery query) {
  const std::shared_ptr<NewReadingsCall> call(new NewReadingsCall(feed));
  call->self_ = call;
  // A call is not done before this returns it, so nobody needs its number earlier.
  const std::lock_guard lock(call->mutex_);
  if (!decoded.ok()) {
    call->EndWith(decoded);
    return call.get();
  }
  const absl::StatusOr<int64_t> number = feed.Join(std::move(query), call);
  if (number.ok()) {
    call->number_ = *number;
  } else {
    call->EndWith(rpc::ToGrpcStatus(number.status(), kDomain));
  }
  return call.get();
}

bool NewReadingsCall::IsOpen() {
  const std::lock_guard lock(mutex_);
  return !end_.has_value();
}

bool NewReadingsCall::HasRoom() {
  const std::lock_guard lock(mutex_);
  return !end_.has_value() && responses_.size() < kMessagesMax;
}

void NewReadingsCall::Send(v1::StreamNewReadingsResponse response) {
  const std::lock_guard lock(mutex_);
  if (!end_.has_value()) {
    responses_.push_back(std::move(response));
    WriteNext();
  }
}

void NewReadingsCall::End(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  EndWith(rpc::ToGrpcStatus(status, kDomain));
}

void NewReadingsCall::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  responses_.pop_front();
  if (!ok) {
    EndWith(grpc::Status::CANCELLED);
  }
  WriteNext();
  FinishWhenWritten();
}

void NewReadingsCall::OnCancel() {
  const std::lock_guard lock(mutex_);
  EndWith(grpc::Status::CANCELLED);
}

void NewReadingsCall::OnDone() {
  // What ends the object may be this or the feed, which still knows it.
  const std::shared_ptr<NewReadingsCall> self = std::move(self_);
  if (number_.has_value()) {
    feed_.Leave(*number_);
  }
}

void NewReadingsCall::WriteNext() {
  if (!writing_ && !end_.has_value() && !responses_.empty()) {
    writing_ = true;
    StartWrite(&responses_.front());
  }
}

void NewReadingsCall::EndWith(const grpc::Status& status) {
  if (!end_.has_value()) {
    end_ = status;
  }
  FinishWhenWritten();
}

void NewReadingsCall::FinishWhenWritten() {
  if (end_.has_value() && !writing_ && !finished_) {
    finished_ = true;
    responses_.clear();
    Finish(*end_);
  }
}

}  // namespace peerwatt::metering
