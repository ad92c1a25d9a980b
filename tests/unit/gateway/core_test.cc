#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/gateway/core/path_template.h"
#include "services/gateway/core/rate_limit.h"
#include "services/gateway/core/router.h"
#include "services/gateway/core/uri.h"

namespace peerwatt::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// `field=value` per variable, `-` for no match.
std::string MatchOf(const std::string& path_template, const std::string& path) {
  const auto parsed = PathTemplate::Parse(path_template);
  if (!parsed.ok()) return "broken template";
  const auto split = SplitPath(path);
  const auto bindings = split.has_value() ? parsed->Match(*split) : std::nullopt;
  if (!bindings.has_value()) return "-";
  std::string out;
  for (const PathBinding& binding : *bindings) out += binding.field + "=" + binding.value + ";";
  return out;
}

TEST(PathTemplate, MatchesWhatTheAnnotationSays) {
  struct Case {
    std::string path_template, path, expected;
  };
  const std::string name = "/v1/{name=communities/*/auctions/*}";
  const std::vector<Case> cases = {
      {"/v1/users", "/v1/users", ""},
      {"/v1/users", "/v1/users/", "-"},
      {"/v1/users", "/v1/user", "-"},
      {"/v1/users", "/v1/users:signIn", "-"},
      {"/v1/users:signIn", "/v1/users:signIn", ""},
      {"/v1/users:signIn", "/v1/users", "-"},
      {"/v1/{name=users/*}", "/v1/users/u1", "name=users/u1;"},
      {"/v1/{name=users/*}", "/v1/users/u%31%20x", "name=users/u1 x;"},
      {"/v1/{name=users/*}", "/v1/users/a%2Fb", "name=users/a%2Fb;"},
      {"/v1/{id}", "/v1/a%2Fb", "id=a/b;"},
      {"/v1/{name=users/*}", "/v1/users/%zz", "-"},
      {"/v1/{name=users/*}", "/v1/users/%ff", "-"},
      {"/v1/{name=users/*}", "/v1/users//", "-"},
      {name, "/v1/communities/c1/auctions/a1", "name=communities/c1/auctions/a1;"},
      {name, "/v1/communities/c1/auctions/a1:watch", "-"},
      {name, "/v1/communities/c1/auctions", "-"},
      {name, "/v1/communities/c1/auctions/a1/orders", "-"},
      {name + ":watch", "/v1/communities/c1/auctions/a1:watch",
       "name=communities/c1/auctions/a1;"},
      {"/v1/{parent=communities/*}/tariffs", "/v1/communities/c1/tariffs",
       "parent=communities/c1;"},
      {"/v1/{a}/{b}", "/v1/x/y", "a=x;b=y;"},
      {"/v1/{rest=**}", "/v1/x/y/z", "rest=x/y/z;"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(MatchOf(c.path_template, c.path), c.expected) << c.path_template << " " << c.path;
  }
}

TEST(PathTemplate, RefusesWhatIsNone) {
  for (const char* text : {"", "v1", "/", "/v1/{name", "/v1/{=a}", "/v1/{a}b", "/v1//a",
                           "/{a=**}/b", "/v1/a b", "/v1/a:"}) {
    EXPECT_FALSE(PathTemplate::Parse(text).ok()) << text;
  }
}

Router NewRouter() {
  Router router;
  int target = 0;
  for (const auto& [method, text] : std::vector<std::pair<std::string, std::string>>{
           {"GET", "/v1/{name=a/*/*}"},
           {"GET", "/v1/{name=a/*/progress}"},
           {"POST", "/v1/{name=a/*/*}"}}) {
    EXPECT_TRUE(router.Add(method, PathTemplate::Parse(text).value(),
                           static_cast<size_t>(target++)).ok());
  }
  return router;
}

TEST(Router, PrefersTheMoreLiteralTemplate) {
  const Router router = NewRouter();
  EXPECT_EQ(router.Find("GET", "/v1/a/x/progress").match->target, 1u);
  EXPECT_EQ(router.Find("GET", "/v1/a/x/y").match->target, 0u);
  EXPECT_EQ(router.Find("POST", "/v1/a/x/progress").match->target, 2u);
}

TEST(Router, NamesTheAllowedMethodsOfAKnownPath) {
  const Router router = NewRouter();
  EXPECT_FALSE(router.Find("PUT", "/v1/a/x/y").match.has_value());
  EXPECT_THAT(router.Find("PUT", "/v1/a/x/y").allowed, ElementsAre("GET", "POST"));
  EXPECT_THAT(router.Find("GET", "/v1/b").allowed, IsEmpty());
}

TEST(Router, RefusesTheSameRouteTwice) {
  Router router = NewRouter();
  EXPECT_TRUE(absl::IsAlreadyExists(
      router.Add("GET", PathTemplate::Parse("/v1/{name=a/*/*}").value(), 9)));
}

TEST(Uri, SplitsTargetsAndQueries) {
  EXPECT_EQ(SplitTarget("/a?b=c#d").path, "/a");
  EXPECT_EQ(SplitTarget("/a?b=c?d#e").query, "b=c?d");
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(*ParseQuery("a=1&&b=x+y%2B&c&=d"),
              ElementsAre(Pair("a", "1"), Pair("b", "x y+"), Pair("c", ""), Pair("", "d")));
  EXPECT_FALSE(ParseQuery("a=%4").has_value());
  EXPECT_FALSE(ParseQuery("a=%c3").has_value());
}

TEST(Uri, KnowsUtf8) {
  for (const char* good : {"", "a", "ä", "€", "😀"}) EXPECT_TRUE(IsUtf8(good)) << good;
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(RateLimit, LetsABurstThroughAndRefills) {
  RateLimit limit(10, 3);
  const absl::Time start = absl::UnixEpoch();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.Take("a", start), absl::ZeroDuration());
  EXPECT_EQ(limit.Take("a", start), absl::Milliseconds(100));
  EXPECT_EQ(limit.Take("b", start), absl::ZeroDuration());
  EXPECT_EQ(limit.Take("a", start + absl::Milliseconds(99)), absl::Milliseconds(1));
  EXPECT_EQ(limit.Take("a", start + absl::Milliseconds(100)), absl::ZeroDuration());
  EXPECT_GT(limit.Take("a", start + absl::Milliseconds(100)), absl::ZeroDuration());
  const absl::Time later = start + absl::Hours(24 * 365 * 100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.Take("a", later), absl::ZeroDuration());
  EXPECT_GT(limit.Take("a", later), absl::ZeroDuration());
}

TEST(RateLimit, ForgetsTheLeastRecentlyUsedKey) {
  RateLimit limit(1, 1, 2);
  const absl::Time now = absl::UnixEpoch();
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(limit.Take(key, now), absl::ZeroDuration());
  EXPECT_GT(limit.Take("c", now), absl::ZeroDuration());
  EXPECT_EQ(limit.Take("a", now), absl::ZeroDuration());
}

TEST(RateLimit, OfZeroIsNone) {
  RateLimit limit(0, 1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limit.Take("a", absl::UnixEpoch()), absl::ZeroDuration());
  }
}

}  // namespace
}  // namespace peerwatt::gateway
