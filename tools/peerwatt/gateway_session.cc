#include "tools/peerwatt/gateway_session.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "tools/peerwatt/services.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kSignInTimeout = absl::Seconds(10);

absl::StatusOr<std::string> Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  }
  return text;
}

absl::StatusOr<std::string> SignIn(const std::shared_ptr<grpc::Channel>& channel,
                                   const std::string& email, const std::string& password) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kSignInTimeout);
  registry::v1::SignInRequest request;
  request.set_email(email);
  request.set_password(password);
  registry::v1::Session session;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(
      registry::v1::Registry::NewStub(channel)->SignIn(&context, request, &session)));
  return session.access_token();
}

}  // namespace

absl::StatusOr<GatewaySession> GatewaySession::Open(const GatewayOptions& options) {
  const StatePaths paths{options.state_root};
  std::string address = options.address;
  if (address.empty()) {
    PW_ASSIGN_OR_RETURN(const State state, ReadState(paths));
    if (!state.ports.contains("gateway_grpc")) {
      return absl::InvalidArgumentError(
          absl::StrCat("nothing is set up in ", paths.root, "; name it with --state or --gateway"));
    }
    address = state.Address("gateway_grpc");
  } else if (options.token_file.empty()) {
    return absl::InvalidArgumentError("--gateway needs --token_file");
  }
  grpc::SslCredentialsOptions tls;
  if (!options.ca_file.empty() || options.address.empty()) {
    PW_ASSIGN_OR_RETURN(tls.pem_root_certs,
                        Contents(options.ca_file.empty() ? paths.secret("ca_cert.pem")
                                                         : options.ca_file));
  }
  grpc::ChannelArguments arguments;
  if (absl::StartsWith(address, "127.0.0.1:")) {
    arguments.SetSslTargetNameOverride("localhost");
  }
  auto channel = grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
  std::string token;
  if (!options.token_file.empty()) {
    PW_ASSIGN_OR_RETURN(token, Contents(options.token_file));
  } else {
    PW_ASSIGN_OR_RETURN(const std::string password, Contents(paths.secret("admin_password")));
    PW_ASSIGN_OR_RETURN(
        token, SignIn(channel, kAdminEmail, std::string(absl::StripAsciiWhitespace(password))));
  }
  return GatewaySession(std::move(channel), std::string(absl::StripAsciiWhitespace(token)));
}

void GatewaySession::Authorize(grpc::ClientContext& context) const {
  context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
}

}  // namespace peerwatt::tool
