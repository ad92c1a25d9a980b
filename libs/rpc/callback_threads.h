#pragma once

namespace peerwatt::rpc {

/// Keeps gRPC's threads of the callback API until the process ends. gRPC 1.51 ends them with the
/// last channel or server that uses them, and a race in that end can abort the process or never
/// finish. Call it before the first call of the callback API; later calls do nothing.
void KeepCallbackThreads();

}  // namespace peerwatt::rpc
