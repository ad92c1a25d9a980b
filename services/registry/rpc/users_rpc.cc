#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

constexpr size_t kEmailMax = 254;
constexpr size_t kPasswordMax = 128;
constexpr size_t kRefreshTokenMax = 128;

absl::Status CheckSize(const std::string& text, size_t max, absl::string_view field) {
  if (!text.empty() && text.size() <= max) return absl::OkStatus();
  return FieldInvalid(field, absl::StrCat("must have 1 to ", max, " bytes"));
}

}  // namespace

absl::Status RequireRole(const rpc::Principal& caller, std::initializer_list<rpc::Role> roles) {
  for (const rpc::Role role : roles) {
    if (rpc::HasRole(caller, role)) return absl::OkStatus();
  }
  return Error(kPermissionDenied, "the caller does not have the role for this");
}

absl::Time StoredNow(const Clock& clock) {
  return absl::FromUnixMicros(absl::ToUnixMicros(clock.Now()));
}

grpc::Status RegistryService::CreateUser(grpc::ServerContext* context,
                                         const v1::CreateUserRequest* request,
                                         v1::User* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(NewUser asked, NewUserFrom(*request));
    PW_ASSIGN_OR_RETURN(const NewUser user, CheckNewUser(std::move(asked)));
    // Anyone may sign up; the caller matters only for roles that must be granted.
    const auto caller = rpc::CallerOf(*context);
    if (NeedAdministrator(user.roles)) {
      PW_RETURN_IF_ERROR(
          RequireRole(caller.ok() ? *caller : rpc::Principal(), {access::ADMIN}));
    }
    const Actor actor{caller.ok() ? caller->subject() : absl::StrCat("users/", user.id.value()),
                      StoredNow(rooms_.real_clock)};
    PW_ASSIGN_OR_RETURN(const User created, rooms_.accounts.CreateUser(user, actor));
    *response = ToProto(created);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetUser(grpc::ServerContext* context,
                                      const v1::GetUserRequest* request, v1::User* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kUserPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (caller.subject() != request->name()) {
      PW_RETURN_IF_ERROR(RequireRole(caller, {access::ADMIN}));
    }
    PW_ASSIGN_OR_RETURN(const User user, rooms_.accounts.GetUser(UserId(id)));
    *response = ToProto(user);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::SignIn(grpc::ServerContext* context,
                                     const v1::SignInRequest* request, v1::Session* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(CheckSize(request->email(), kEmailMax, "email"));
    PW_RETURN_IF_ERROR(CheckSize(request->password(), kPasswordMax, "password"));
    PW_ASSIGN_OR_RETURN(const Session session,
                        rooms_.accounts.SignIn(request->email(), request->password(),
                                               StoredNow(rooms_.real_clock)));
    *response = ToProto(session);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::RefreshSession(grpc::ServerContext* context,
                                             const v1::RefreshSessionRequest* request,
                                             v1::Session* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(CheckSize(request->refresh_token(), kRefreshTokenMax, "refresh_token"));
    PW_ASSIGN_OR_RETURN(const Session session,
                        rooms_.accounts.Refresh(request->refresh_token(),
                                                StoredNow(rooms_.real_clock)));
    *response = ToProto(session);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetJwks(grpc::ServerContext* context, const v1::GetJwksRequest*,
                                      v1::Jwks* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    *response = ToProto(rooms_.tokens.keys());
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
