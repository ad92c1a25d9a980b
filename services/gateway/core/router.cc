#include "services/gateway/core/router.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peerwatt::gateway {

absl::Status Router::Add(absl::string_view method, PathTemplate path_template, size_t target) {
  for (const Route& route : routes_) {
    if (route.method == method && route.path_template.text() == path_template.text()) {
      return absl::AlreadyExistsError(absl::StrCat(method, " ", path_template.text()));
    }
  }
  const auto after = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.path_template.literal_count() < path_template.literal_count();
  });
  routes_.insert(after, Route{std::string(method), std::move(path_template), target});
  return absl::OkStatus();
}

Router::Result Router::Find(absl::string_view method, absl::string_view path) const {
  Result result;
  const std::optional<RequestPath> split = SplitPath(path);
  if (!split.has_value()) return result;
  for (const Route& route : routes_) {
    auto bindings = route.path_template.Match(*split);
    if (!bindings.has_value()) continue;
    if (route.method == method) {
      result.match = Match{route.target, *std::move(bindings)};
      return result;
    }
    if (std::find(result.allowed.begin(), result.allowed.end(), route.method) ==
        result.allowed.end()) {
      result.allowed.push_back(route.method);
    }
  }
  std::sort(result.allowed.begin(), result.allowed.end());
  return result;
}

}  // namespace peerwatt::gateway
