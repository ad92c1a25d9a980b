#pragma once

#include "libs/base/clock.h"
#include "peerwatt/registry/v1/schemes.grpc.pb.h"
#include "services/registry/core/schemes.h"

namespace peerwatt::registry {

/// The public API of schemes. The gateway has checked the roles of the caller; they are checked
/// again here.
class SchemesService final : public v1::Schemes::Service {
 public:
  /// clock: of the community; perhaps simulated.
  SchemesService(CommunityStore& communities, SchemeStore& schemes, const Clock& clock)
      : communities_(communities), schemes_(schemes), clock_(clock) {}

  grpc::Status CreateScheme(grpc::ServerContext* context, const v1::CreateSchemeRequest* request,
                            v1::Scheme* response) override;
  grpc::Status GetScheme(grpc::ServerContext* context, const v1::GetSchemeRequest* request,
                         v1::Scheme* response) override;
  grpc::Status ListSchemes(grpc::ServerContext* context, const v1::ListSchemesRequest* request,
                           v1::ListSchemesResponse* response) override;

 private:
  CommunityStore& communities_;
  SchemeStore& schemes_;
  const Clock& clock_;
};

/// What market and settlement ask about schemes.
class SchemesInternalService final : public v1::SchemesInternal::Service {
 public:
  SchemesInternalService(CommunityStore& communities, SchemeStore& schemes)
      : communities_(communities), schemes_(schemes) {}

  grpc::Status ListSchemesInForce(grpc::ServerContext* context,
                                  const v1::ListSchemesInForceRequest* request,
                                  v1::ListSchemesInForceResponse* response) override;

 private:
  CommunityStore& communities_;
  SchemeStore& schemes_;
};

}  // namespace peerwatt::registry
