#include <cstdio>

#include "tools/peerwatt/services.h"
#include "tools/peerwatt/stack.h"

namespace peerwatt::tool {
namespace {

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "peerwatt: %s\n", std::string(status.message()).c_str());
  return 1;
}

void PrintAddresses(const StatePaths& paths, const State& state) {
  std::printf("REST and OpenAPI: http://%s   (/openapi.json)\n",
              state.Address("gateway_http").c_str());
  std::printf("gRPC over TLS:    %s\n", state.Address("gateway_grpc").c_str());
  std::printf("devices, mTLS:    %s\n", state.Address("gateway_device").c_str());
  std::printf("authority:        %s\n", paths.secret("ca_cert.pem").c_str());
  std::printf("admin:            %s, password in %s\n", kAdminEmail,
              paths.secret("admin_password").c_str());
  std::printf("logs:             %s\n", paths.logs().c_str());
  std::printf("stop:             peerwatt down --state %s\n", paths.root.c_str());
}

}  // namespace

int RunUp(const StackOptions& options) {
  const auto outcome = Up(options);
  if (!outcome.ok()) return Complain(outcome.status());
  const auto state = ReadState(options.paths);
  if (!state.ok()) return Complain(state.status());
  if (*outcome == UpOutcome::kAlreadyRunning) {
    std::printf("already %s: supervisor pid %d\n", state->ready ? "running" : "being started",
                static_cast<int>(state->supervisor.pid));
    if (!state->ready) return 0;
  }
  PrintAddresses(options.paths, *state);
  return 0;
}

int RunDown(const StatePaths& paths) {
  std::printf("stopping … ");
  std::fflush(stdout);
  const auto stopped = Down(paths);
  if (!stopped.ok()) {
    std::printf("failed\n");
    return Complain(stopped.status());
  }
  std::printf("%s\n", *stopped ? "ok, nothing is left" : "nothing is running");
  return 0;
}

int RunStatus(const StatePaths& paths) {
  const auto healthy = PrintStatus(paths);
  if (!healthy.ok()) return Complain(healthy.status());
  return *healthy ? 0 : 3;
}

}  // namespace peerwatt::tool
