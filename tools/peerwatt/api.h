#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/peerwatt/http_client.h"
#include "tools/peerwatt/json_fields.h"

namespace peerwatt::tool {

/// A user whose token is renewed before it ends.
struct Account {
  std::string email;
  std::string password;
  std::string token;
  absl::Time token_end = absl::InfinitePast();
};

/// PeerWatt's public REST API, as any client sees it.
class Api {
 public:
  /// address: of the gateway's HTTP port. trouble: told why a call is tried again.
  /// stopped: when it says so, no call is tried again.
  Api(std::string address, std::function<void(absl::string_view)> trouble,
      std::function<bool()> stopped);

  /// Calls once. account: null for a public method.
  /// Errors: what the server answered, with reason; kUnavailable when it can help to try again.
  absl::StatusOr<Json> Once(const std::string& method, const std::string& target, const Json& body,
                            Account* account);
  /// Calls and, while the servers are away, calls again for up to two minutes. Every write has an
  /// id that makes this safe.
  absl::StatusOr<Json> Get(const std::string& target, Account* account);
  absl::StatusOr<Json> Post(const std::string& target, const Json& body, Account* account);
  /// Reads all pages of a list. target: has a query already; each: called with every element of the
  /// array `field`.
  absl::Status ForEach(const std::string& target, const char* field, Account* account,
                       const std::function<void(const Json&)>& each);
  /// Signs in again at the next call, so that the token shows the newest roles and participant.
  static void Renew(Account& account) { account.token_end = absl::InfinitePast(); }

 private:
  absl::Status SignIn(Account& account);
  absl::StatusOr<Json> Persist(const std::string& method, const std::string& target,
                               const Json& body, Account* account);
  absl::StatusOr<Json> Send(const HttpRequest& request);

  HttpClient client_;
  std::function<void(absl::string_view)> trouble_;
  std::function<bool()> stopped_;
};

}  // namespace peerwatt::tool
