#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {

/// A stream that answers nothing but a status. It deletes itself when it is done.
template <typename Response>
class Refusal final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit Refusal(const absl::Status& status) {
    this->Finish(rpc::ToGrpcStatus(status, kErrorDomain));
  }
  void OnDone() override { delete this; }
};

}  // namespace peerwatt::market
