#include "services/registry/core/users.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "services/registry/core/errors.h"
#include "services/registry/core/text.h"

namespace peerwatt::registry {
namespace {

constexpr int kDisplayNameMax = 63;
constexpr size_t kEmailMax = 254;
constexpr size_t kPasswordMin = 10;
constexpr size_t kPasswordMax = 128;

// The form only; whether a mailbox exists shows when mail arrives.
bool IsEmail(const std::string& text) {
  const size_t at = text.find('@');
  if (text.size() > kEmailMax || at == 0 || at == std::string::npos || at + 1 == text.size() ||
      text.find('@', at + 1) != std::string::npos) {
    return false;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isspace(byte) || absl::ascii_iscntrl(byte)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<NewUser> CheckNewUser(NewUser asked) {
  if (!IsResourceId(asked.id.value())) {
    return FieldInvalid("user_id", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
  }
  if (!IsEmail(asked.email)) return FieldInvalid("user.email", "must be an email address");
  PW_RETURN_IF_ERROR(CheckText(asked.display_name, 0, kDisplayNameMax, "user.display_name"));
  if (asked.password.size() < kPasswordMin || asked.password.size() > kPasswordMax) {
    return FieldInvalid("password", "must have 10 to 128 bytes");
  }
  asked.email = absl::AsciiStrToLower(asked.email);
  asked.roles = RolesOrDefault(std::move(asked.roles));
  return asked;
}

Rotation DecideRotation(const PresentedToken& presented, const std::string& next_sha256,
                        absl::Time now) {
  if (presented.family_revoked) return Rotation::kRefuse;
  if (!presented.successor_sha256.empty()) {
    return presented.successor_sha256 == next_sha256 ? Rotation::kAlreadyRotated
                                                     : Rotation::kRevokeFamily;
  }
  return now < presented.expires_at ? Rotation::kRotate : Rotation::kRefuse;
}

absl::StatusOr<User> Accounts::CreateUser(const NewUser& user, const Actor& actor) {
  const auto taken = Error(kUserExists, "the user id or the email is taken");
  PW_ASSIGN_OR_RETURN(std::optional<StoredUser> existing, users_.FindById(user.id));
  if (!existing) {
    const User fresh{user.id, user.email, user.display_name, user.roles, {}, actor.at};
    PW_ASSIGN_OR_RETURN(std::string phc, hasher_.Hash(user.password));
    PW_ASSIGN_OR_RETURN(const bool stored, users_.Insert({fresh, std::move(phc)}, actor));
    if (stored) return fresh;
    // Somebody was faster: with this id, perhaps a retry of this request, or with this email.
    PW_ASSIGN_OR_RETURN(existing, users_.FindById(user.id));
  }
  if (!existing || existing->user.email != user.email) return taken;
  PW_ASSIGN_OR_RETURN(const bool same, hasher_.Verify(user.password, existing->password_phc));
  if (!same) return taken;
  return existing->user;
}

absl::StatusOr<User> Accounts::GetUser(const UserId& id) {
  PW_ASSIGN_OR_RETURN(const std::optional<StoredUser> found, users_.FindById(id));
  if (!found) return Error(kNotFound, "there is no such user", {{"user", id.value()}});
  return found->user;
}

Accounts::NewToken Accounts::MakeRefreshToken(absl::Time now) {
  NewToken token;
  token.secret = secrets_.NewSecret();
  token.stored = {secrets_.Fingerprint(token.secret), now, now + kRefreshTokenLife};
  return token;
}

absl::StatusOr<Session> Accounts::SignIn(const std::string& email, const std::string& password,
                                         absl::Time now) {
  PW_ASSIGN_OR_RETURN(const std::optional<StoredUser> found,
                      users_.FindByEmail(absl::AsciiStrToLower(email)));
  PW_ASSIGN_OR_RETURN(const bool matches,
                      hasher_.Verify(password, found ? found->password_phc : ""));
  if (!found || !matches) return Error(kCredentialsInvalid, "email or password is wrong");
  const NewToken refresh = MakeRefreshToken(now);
  PW_RETURN_IF_ERROR(sessions_.Open(found->user.id, refresh.stored));
  return Session{tokens_.Issue(found->user, now), refresh.secret, found->user.id};
}

absl::StatusOr<Session> Accounts::Refresh(const std::string& refresh_token, absl::Time now) {
  const NewToken next = MakeRefreshToken(now);
  PW_ASSIGN_OR_RETURN(const std::optional<User> user,
                      sessions_.Rotate(secrets_.Fingerprint(refresh_token), next.stored));
  if (!user) return Error(kRefreshTokenInvalid, "the refresh token does not work; sign in again");
  return Session{tokens_.Issue(*user, now), next.secret, user->id};
}

absl::Status Accounts::EnsureAdministrator(const std::string& email, const std::string& password,
                                           absl::Time now) {
  const UserId id("admin");
  PW_ASSIGN_OR_RETURN(const std::optional<StoredUser> existing, users_.FindById(id));
  if (existing) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(
      const NewUser user,
      CheckNewUser({id, email, "Administrator",
                    {Role::kOperator, Role::kRegulator, Role::kAdmin}, password}));
  return CreateUser(user, Actor{"system", now}).status();
}

}  // namespace peerwatt::registry
