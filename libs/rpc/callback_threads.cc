#include "libs/rpc/callback_threads.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <grpc/support/cpu.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace peerwatt::rpc {
namespace {

// Longest wait for a thread that has nothing else to do.
constexpr absl::Duration kPickUpMax = absl::Seconds(10);

// One channel that stays for good; it leads nowhere, so its calls fail at once.
struct Nowhere {
  std::shared_ptr<grpc::Channel> channel = grpc::CreateChannel("", nullptr);
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub{channel};
  const grpc::ByteBuffer request = [] {
    const grpc::Slice slice(std::string(1, '\0'));
    return grpc::ByteBuffer(&slice, 1);
  }();
};

Nowhere& TheNowhere() {
  static Nowhere* const nowhere = new Nowhere;
  return *nowhere;
}

// A call that only brings a thread.
struct Errand {
  std::function<void()> task;
  grpc::ClientContext context;
  grpc::ByteBuffer response;
};

// Threads of the callback API (src/cpp/common/completion_queue_cc.cc).
unsigned ThreadCount() { return std::clamp(gpr_cpu_num_cores() / 2, 2U, 16U); }

}  // namespace

void RunOnCallbackThread(std::function<void()> task) {
  auto* errand = new Errand{.task = std::move(task), .context = {}, .response = {}};
  Nowhere& nowhere = TheNowhere();
  nowhere.stub.UnaryCall(&errand->context, "/nobody/Nothing", {}, &nowhere.request,
                         &errand->response, [errand](const grpc::Status&) {
                           errand->task();
                           delete errand;
                         });
}

void KeepCallbackThreads() {
  static const bool kept = [] {
    RunOnCallbackThread([] {});  // With its first call a channel takes part in the threads.
    return true;
  }();
  static_cast<void>(kept);
}

bool KeepOneCallbackThread() {
  static const bool is_one = [] {
    // Outlives the threads that wait for it.
    auto* const released = new absl::Notification;
    for (unsigned others = ThreadCount(); others > 0; --others) {
      const auto picked_up = std::make_shared<absl::Notification>();
      const bool is_last = others == 1;
      RunOnCallbackThread([=] {
        picked_up->Notify();
        if (!is_last) {
          released->WaitForNotification();
        }
      });
      if (!picked_up->WaitForNotificationWithTimeout(kPickUpMax)) {
        released->Notify();
        return false;
      }
    }
    return true;
  }();
  return is_one;
}

}  // namespace peerwatt::rpc
