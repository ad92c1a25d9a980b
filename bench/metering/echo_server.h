#pragma once

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

namespace peerwatt::bench {

/// Serves every method by sending each message back, until the process is told to stop. The limit
/// of what a stream of small messages can do over gRPC. Prints its port first.
void ServeEcho(const std::shared_ptr<grpc::ServerCredentials>& credentials);

}  // namespace peerwatt::bench
