#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/unit/gateway/gateway_fixture.h"

namespace peerwatt::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// The reason in the one ErrorInfo of an error body; checks the rest of its shape.
std::string ReasonIn(const HttpAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  if (body.is_discarded() || !body.contains("details")) return "no error: " + answer.body;
  std::string reason;
  int count = 0;
  for (const Json& detail : body["details"]) {
    if (detail["@type"] != "type.googleapis.com/google.rpc.ErrorInfo") continue;
    reason = detail["reason"];
    ++count;
    EXPECT_FALSE(detail["domain"].get<std::string>().empty());
  }
  EXPECT_EQ(count, 1) << answer.body;
  return reason;
}

class RestDoorTest : public GatewayFixture {};

TEST_F(RestDoorTest, BindsBodyPathAndQueryAndHandsTheCallerOn) {
  const HttpAnswer answer =
      Send("POST", "/v1/communities?communityId=hamlet",
           R"({"displayName":"Hamlet","interval":"900s","operatorSharePpm":"25000"})",
           {Bearer({"OPERATOR"}), "X-Request-Id: r-1", "peerwatt-principal-bin: forged",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"});
  ASSERT_EQ(answer.code, 200) << answer.body;
  const Json body = Json::parse(answer.body);
  EXPECT_EQ(body["name"], "communities/hamlet");
  EXPECT_EQ(body["displayName"], "Hamlet");
  EXPECT_EQ(body["interval"], "900s");
  EXPECT_EQ(body["operatorSharePpm"], "25000");
  EXPECT_EQ(body["timeZone"], "");
  EXPECT_EQ(answer.headers.at("x-request-id"), "r-1");
  EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(registry_.Caller(), HasSubstr("subject: \"users/u1\" roles: OPERATOR"));
  EXPECT_EQ(registry_.Metadata().at("x-request-id"), "r-1");
  EXPECT_EQ(registry_.Metadata().at("traceparent").size(), 55u);
}

TEST_F(RestDoorTest, PassesQueryAndPathOfAGet) {
  const HttpAnswer answer = Send("GET", "/v1/communities/c%31/tariffs?pageSize=7&page_token=a%20b",
                                 "", {Bearer({"CONSUMER"})});
  ASSERT_EQ(answer.code, 200) << answer.body;
  EXPECT_EQ(Json::parse(answer.body)["nextPageToken"], "communities/c1|7|a b");
}

TEST_F(RestDoorTest, PassesAServicesErrorOnUnchanged) {
  const HttpAnswer answer = Send("GET", "/v1/communities/none", "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(answer.code, 404);
  EXPECT_EQ(ReasonIn(answer), "COMMUNITY_UNKNOWN");
  EXPECT_THAT(answer.body, HasSubstr("registry.peerwatt.dev"));
}

TEST_F(RestDoorTest, RefusesWhatItCannotServe) {
  struct Case {
    std::string method, target, body;
    std::vector<std::string> headers;
    int code;
    std::string reason;
  };
  const std::string operator_token = Bearer({"OPERATOR"});
  const std::string create = "/v1/communities?communityId=hamlet";
  const std::vector<Case> cases = {
      {"GET", "/v2/none", "", {}, 404, "ROUTE_UNKNOWN"},
      {"GET", "/v1/communities//tariffs", "", {}, 404, "ROUTE_UNKNOWN"},
      {"DELETE", "/v1/communities/c1", "", {}, 405, "METHOD_NOT_ALLOWED"},
      {"GET", "/v1/communities/c1", "", {}, 401, "TOKEN_MISSING"},
      {"GET", "/v1/communities/c1", "", {"Authorization: Basic eA=="}, 401, "TOKEN_MISSING"},
      {"GET", "/v1/communities/c1", "", {"Authorization: Bearer x.y"}, 401, "TOKEN_MALFORMED"},
      {"GET", "/v1/communities/c1", "", {Bearer({"CONSUMER"}, -absl::Hours(1))}, 401,
       "TOKEN_EXPIRED"},
      {"POST", create, "{}", {Bearer({"CONSUMER"})}, 403, "ROLE_FORBIDS"},
      {"POST", create, "{}", {Bearer({"DEVICE"})}, 403, "ROLE_FORBIDS"},
      {"POST", create, "{\"a\":", {operator_token}, 400, "MALFORMED_JSON"},
      {"POST", create, "{\"name\":\"a\",\"name\":\"b\"}", {operator_token}, 400, "MALFORMED_JSON"},
      {"POST", create, "{\"colour\":1}", {operator_token}, 400, "UNKNOWN_FIELD"},
      {"POST", create, "{\"displayName\":1}", {operator_token}, 400, "WRONG_TYPE"},
      {"POST", create, "{\"operatorSharePpm\":1.5}", {operator_token}, 400, "WRONG_TYPE"},
      {"POST", create, "{\"interval\":\"soon\"}", {operator_token}, 400, "FIELD_INVALID"},
      {"POST", create + "&colour=1", "{}", {operator_token}, 400, "UNKNOWN_FIELD"},
      {"GET", "/v1/communities/c1", "{}", {operator_token}, 400, "BODY_UNEXPECTED"},
      {"GET", "/v1/communities/c1?x=%zz", "", {operator_token}, 400, "MALFORMED_REQUEST"},
      {"POST", create, std::string((1 << 20) + 1, ' '), {operator_token}, 413, "BODY_TOO_LARGE"},
      {"GET", "/v1/communities/c1", "", {"X-Long: " + std::string(20000, 'x')}, 431,
       "HEADERS_TOO_LARGE"},
  };
  for (const Case& c : cases) {
    const HttpAnswer answer = Send(c.method, c.target, c.body, c.headers);
    EXPECT_EQ(answer.code, c.code) << c.method << " " << c.target << " " << answer.body;
    EXPECT_EQ(ReasonIn(answer), c.reason) << c.method << " " << c.target;
    if (c.code == 401) {
      EXPECT_EQ(answer.headers.count("www-authenticate"), 1u);
    }
    if (c.code == 405) {
      EXPECT_EQ(answer.headers.at("allow"), "GET");
    }
  }
}

TEST_F(RestDoorTest, NamesTheFieldAtFault) {
  const HttpAnswer answer =
      Send("POST", "/v1/communities?communityId=hamlet",
           R"({"networkFeePerKwh":{"units":"x"}})", {Bearer({"OPERATOR"})});
  EXPECT_THAT(answer.body, HasSubstr("\"field\":\"community.network_fee_per_kwh.units\""));
}

TEST_F(RestDoorTest, AnswersGarbageWith400) {
  EXPECT_THAT(SendRaw("this is no HTTP\r\n\r\n"), HasSubstr("MALFORMED_REQUEST"));
}

TEST_F(RestDoorTest, KeepsAConnectionForSeveralRequests) {
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n";
  const std::string last = "GET /healthz HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
  const std::string out = SendRaw(one + one + last);
  const std::vector<std::string> parts = absl::StrSplit(out, "HTTP/1.1 200 OK");
  EXPECT_EQ(parts.size(), 4u) << out;
}

TEST_F(RestDoorTest, IgnoresABadTokenOnAPublicMethodAndLimitsSignIns) {
  const auto sign_in = [this](const std::string& authorization) {
    return Send("POST", "/v1/users:signIn", R"({"email":"a@b.c","password":"secret-secret"})",
                {authorization});
  };
  EXPECT_EQ(sign_in("Authorization: Bearer rubbish").code, 200);
  EXPECT_EQ(registry_.Caller(), "nobody");
  EXPECT_EQ(sign_in(Bearer({"CONSUMER"})).code, 200);
  EXPECT_THAT(registry_.Caller(), HasSubstr("users/u1"));
  const HttpAnswer third = sign_in("X-A: b");
  EXPECT_EQ(third.code, 429);
  EXPECT_EQ(ReasonIn(third), "SIGN_IN_RATE_EXCEEDED");
}

TEST_F(RestDoorTest, StreamsLinesAndEvents) {
  const std::string target = "/v1/communities/c1/auctions/done:watch?version=1";
  const HttpAnswer lines = Send("GET", target, "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(lines.code, 200);
  EXPECT_EQ(lines.headers.at("content-type"), "application/x-ndjson");
  EXPECT_THAT(lines.body, HasSubstr("{\"result\":{\"version\":\"2\"}}\n"));
  EXPECT_THAT(lines.body, HasSubstr("{\"result\":{\"version\":\"3\"}}\n"));
  EXPECT_THAT(lines.body, Not(HasSubstr("error")));
  EXPECT_THAT(lines.body, ::testing::EndsWith("\r\n0\r\n\r\n"));
  const HttpAnswer events =
      Send("GET", target, "", {Bearer({"CONSUMER"}), "Accept: text/event-stream"});
  EXPECT_EQ(events.headers.at("content-type"), "text/event-stream");
  EXPECT_THAT(events.body, HasSubstr("data: {\"version\":\"3\"}\n\n"));
}

TEST_F(RestDoorTest, EndsABrokenStreamWithItsError) {
  const HttpAnswer late =
      Send("GET", "/v1/communities/c1/auctions/bad:watch", "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(late.code, 200);
  EXPECT_THAT(late.body, HasSubstr("{\"error\":{\"code\":5"));
  const HttpAnswer early =
      Send("GET", "/v1/communities/c1/auctions/bad:watch?version=3", "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(early.code, 404);
  EXPECT_EQ(ReasonIn(early), "COMMUNITY_UNKNOWN");
}

TEST_F(RestDoorTest, CancelsTheServiceWhenTheClientLeaves) {
  const std::string out =
      SendRaw(absl::StrCat("GET /v1/communities/c1/auctions/open:watch HTTP/1.1\r\nHost: g\r\n",
                           Bearer({"CONSUMER"}), "\r\n\r\n"),
              "\"version\":\"3\"");
  EXPECT_THAT(out, HasSubstr("\"version\":\"3\""));
  EXPECT_TRUE(market_.cancelled.WaitForNotificationWithTimeout(absl::Seconds(10)));
}

TEST_F(RestDoorTest, SaysWhenAServiceIsAway) {
  ASSERT_EQ(Send("GET", "/v1/communities/c1", "", {Bearer({"CONSUMER"})}).code, 200);
  StopServices();
  const HttpAnswer answer = Send("GET", "/v1/communities/c1", "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(answer.code, 503);
  EXPECT_EQ(ReasonIn(answer), "PEER_UNAVAILABLE");
}

TEST_F(RestDoorTest, SaysWhenTheKeysAreNotThereYet) {
  StopServices();
  const HttpAnswer answer = Send("GET", "/v1/communities/c1", "", {Bearer({"CONSUMER"})});
  EXPECT_EQ(answer.code, 503);
  EXPECT_EQ(ReasonIn(answer), "TOKEN_KEYS_UNAVAILABLE");
}

TEST_F(RestDoorTest, AnswersPreflightsOfAllowedOriginsOnly) {
  const auto preflight = [this](const std::string& origin) {
    return Send("OPTIONS", "/v1/communities", "",
                {"Origin: " + origin, "Access-Control-Request-Method: POST"});
  };
  EXPECT_EQ(preflight("https://app.test").headers.at("access-control-allow-origin"),
            "https://app.test");
  EXPECT_EQ(preflight("https://evil.test").headers.count("access-control-allow-origin"), 0u);
  EXPECT_EQ(preflight("https://evil.test").code, 204);
}

TEST_F(RestDoorTest, ServesHealthDocumentKeysAndMetrics) {
  EXPECT_EQ(Send("GET", "/healthz").code, 200);
  EXPECT_EQ(Send("POST", "/healthz", "{}").code, 405);
  EXPECT_EQ(Json::parse(Send("GET", "/openapi.json").body)["openapi"], "3.1.0");
  const HttpAnswer keys = Send("GET", "/.well-known/jwks.json");
  EXPECT_EQ(Json::parse(keys.body)["keys"][0]["kid"], signer_->jwk().kid);
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("route=\"/.well-known/jwks.json\""));
  const HttpAnswer head = Send("HEAD", "/healthz");
  EXPECT_EQ(head.code, 405);
  EXPECT_EQ(head.body, "");
}

TEST_F(RestDoorTest, VerifiesATokenOnceAndFetchesTheKeysOnce) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Send("GET", "/v1/communities/c1", "", {Bearer({"CONSUMER"}, absl::Hours(5))}).code,
              200);
  }
  EXPECT_EQ(registry_.jwks_calls, 1);
}

}  // namespace
}  // namespace peerwatt::gateway::testing
