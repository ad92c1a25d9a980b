#pragma once

#include <functional>

namespace peerwatt::rpc {

/// Keeps gRPC's threads of the callback API until the process ends. gRPC 1.51 ends them with the
/// last channel or server that uses them, and a race in that end can abort the process or never
/// finish. Call it before the first call of the callback API; later calls do nothing.
void KeepCallbackThreads();

/// Keeps them and leaves work to one of them for good. gRPC 1.51 has several, and with each thing
/// that happens on a connection the one that waited for it wakes another to wait in its place: two
/// threads that change places cost as much as a small call. Whoever calls this must never let
/// callbacks wait. Call it before the first call of the callback API; later calls do nothing.
/// Returns whether only one is left; should gRPC have fewer threads than it says, all stay.
bool KeepOneCallbackThread();

/// Runs `task` soon on a thread of the callback API. What it starts there wakes no other thread
/// of them, while answers given elsewhere wake one each.
void RunOnCallbackThread(std::function<void()> task);

}  // namespace peerwatt::rpc
