#pragma once

#include <string>

#include "services/gateway/api/comments.h"
#include "services/gateway/api/method_table.h"

namespace peerwatt::gateway {

/// The public REST API as an OpenAPI 3.1 document, JSON: a path per route, its parameters and
/// bodies, a schema per message, with the comments of the protos.
std::string OpenApiDocument(const MethodTable& methods, const Comments& comments);

/// A template as OpenAPI writes it: each star becomes a parameter named after the collection
/// before it, `/v1/communities/{community}/auctions/{auction}:watch`.
std::string OpenApiPath(const PathTemplate& path);

}  // namespace peerwatt::gateway
