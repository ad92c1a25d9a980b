#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/core/path_template.h"

namespace peerwatt::gateway {

/// Finds what serves an HTTP method and path.
class Router {
 public:
  /// What a request meets.
  struct Match {
    size_t target = 0;
    std::vector<PathBinding> bindings;
  };
  /// Either a match, or the methods that the path allows (none: the path is unknown).
  struct Result {
    std::optional<Match> match;
    std::vector<std::string> allowed;
  };

  /// Adds a route. target: what the caller knows it by. The more literal of two templates that
  /// match goes first. Errors: kAlreadyExists when method and template are taken.
  absl::Status Add(absl::string_view method, PathTemplate path_template, size_t target);
  Result Find(absl::string_view method, absl::string_view path) const;
  size_t size() const { return routes_.size(); }

 private:
  struct Route {
    std::string method;
    PathTemplate path_template;
    size_t target = 0;
  };
  std::vector<Route> routes_;
};

}  // namespace peerwatt::gateway
