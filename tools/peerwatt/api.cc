#include "tools/peerwatt/api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr absl::Duration kQuiet = absl::Seconds(2);
constexpr absl::Duration kRenewBefore = absl::Minutes(5);

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kAlreadyExists;
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

std::string PathOf(const HttpRequest& request) {
  return request.target.substr(0, request.target.find('?'));
}

absl::Status ErrorOf(const HttpRequest& request, const HttpResponse& response) {
  return absl::Status(CodeOf(response.status),
                      absl::StrCat(request.method, " ", PathOf(request), ": HTTP ", response.status,
                                   " ", response.body.substr(0, 400)));
}

}  // namespace

Api::Api(std::string address, std::function<void(absl::string_view)> trouble,
         std::function<bool()> stopped)
    : client_(std::move(address)), trouble_(std::move(trouble)), stopped_(std::move(stopped)) {}

absl::StatusOr<Json> Api::Send(const HttpRequest& request) {
  PW_ASSIGN_OR_RETURN(const HttpResponse response, client_.Call(request, kCallTimeout));
  if (response.status < 200 || response.status > 299) return ErrorOf(request, response);
  Json answer = Json::parse(response.body, nullptr, false);
  if (answer.is_discarded()) {
    return absl::DataLossError(absl::StrCat(request.target, " answered with malformed JSON"));
  }
  return answer;
}

absl::Status Api::SignIn(Account& account) {
  const Json body = {{"email", account.email}, {"password", account.password}};
  PW_ASSIGN_OR_RETURN(const Json session, Send({"POST", "/v1/users:signIn", body.dump(), ""}));
  account.token = TextField(session, "accessToken");
  account.token_end = TimeField(session, "expireTime");
  return absl::OkStatus();
}

absl::StatusOr<Json> Api::Once(const std::string& method, const std::string& target,
                               const Json& body, Account* account) {
  HttpRequest request{method, target, body.is_null() ? "" : body.dump(), ""};
  if (account != nullptr) {
    if (account->token_end - absl::Now() < kRenewBefore) PW_RETURN_IF_ERROR(SignIn(*account));
    request.bearer_token = account->token;
  }
  return Send(request);
}

absl::StatusOr<Json> Api::Persist(const std::string& method, const std::string& target,
                                  const Json& body, Account* account) {
  const absl::Time deadline = absl::Now() + kPatience;
  absl::Time speak_at = absl::Now() + kQuiet;
  absl::Duration pause = absl::Milliseconds(20);
  while (true) {
    auto answer = Once(method, target, body, account);
    if (!absl::IsUnavailable(answer.status()) || absl::Now() > deadline || stopped_()) {
      return answer;
    }
    if (absl::Now() > speak_at) {
      trouble_(answer.status().message());
      speak_at = absl::Now() + kQuiet;
    }
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Milliseconds(500));
  }
}

absl::StatusOr<Json> Api::Get(const std::string& target, Account* account) {
  return Persist("GET", target, nullptr, account);
}

absl::StatusOr<Json> Api::Post(const std::string& target, const Json& body, Account* account) {
  return Persist("POST", target, body, account);
}

absl::Status Api::ForEach(const std::string& target, const char* field, Account* account,
                          const std::function<void(const Json&)>& each) {
  std::string token;
  do {
    const std::string page = token.empty() ? target : absl::StrCat(target, "&pageToken=", token);
    PW_ASSIGN_OR_RETURN(const Json answer, Get(page, account));
    for (const Json& element : ArrayField(answer, field)) each(element);
    token = TextField(answer, "nextPageToken");
  } while (!token.empty());
  return absl::OkStatus();
}

}  // namespace peerwatt::tool
