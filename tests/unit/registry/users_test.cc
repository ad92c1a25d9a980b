#include "services/registry/core/users.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

NewUser Good() { return {UserId("u1"), "Ada@Example.org", "Ada", {}, "0123456789"}; }

std::string FieldOf(const NewUser& user) {
  const auto checked = CheckNewUser(user);
  return checked.ok() ? "OK" : DetailOf(checked.status()).violations.at(0).field;
}

TEST(CheckNewUserTest, BringsASignUpIntoItsStoredForm) {
  const auto user = CheckNewUser(Good());
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user->email, "ada@example.org");
  EXPECT_EQ(user->roles, (std::vector<Role>{Role::kConsumer, Role::kProsumer}));
}

TEST(CheckNewUserTest, RefusesInOrderOfThePrecedence) {
  NewUser user = Good();
  user.password = "123456789";
  EXPECT_EQ(FieldOf(user), "password");
  user.display_name = std::string(64, 'x');
  EXPECT_EQ(FieldOf(user), "user.display_name");
  user.email = "nobody";
  EXPECT_EQ(FieldOf(user), "user.email");
  user.id = UserId("U1");
  EXPECT_EQ(FieldOf(user), "user_id");
}

TEST(CheckNewUserTest, KnowsTheBounds) {
  for (const char* email : {"", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"}) {
    NewUser user = Good();
    user.email = email;
    EXPECT_EQ(FieldOf(user), "user.email") << email;
  }
  NewUser user = Good();
  user.email = "a@" + std::string(252, 'b');
  EXPECT_EQ(FieldOf(user), "OK");
  user.email += "b";
  EXPECT_EQ(FieldOf(user), "user.email");
  user = Good();
  user.password = std::string(128, 'x');
  EXPECT_EQ(FieldOf(user), "OK");
  user.password += "x";
  EXPECT_EQ(FieldOf(user), "password");
}

TEST(RolesTest, OnlyConsumerAndProsumerAreFree) {
  EXPECT_FALSE(NeedAdministrator({Role::kConsumer, Role::kProsumer}));
  for (const Role role : {Role::kOperator, Role::kRegulator, Role::kAdmin}) {
    EXPECT_TRUE(NeedAdministrator({Role::kConsumer, role})) << NameOf(role);
  }
}

TEST(RolesTest, AreSortedAndUnique) {
  EXPECT_EQ(RolesOrDefault({Role::kAdmin, Role::kConsumer, Role::kAdmin}),
            (std::vector<Role>{Role::kConsumer, Role::kAdmin}));
}

TEST(RolesTest, ReadWhatTheyWrite) {
  const std::vector<Role> all{Role::kConsumer, Role::kProsumer, Role::kOperator, Role::kRegulator,
                              Role::kAdmin};
  EXPECT_EQ(RolesFromNames(NamesOf(all)).value(), all);
  EXPECT_FALSE(RolesFromNames({"DEVICE"}).ok());
}

TEST(DecideRotationTest, EndsTheFamilyOnASecondUse) {
  const struct {
    const char* name;
    PresentedToken presented;
    Rotation rotation;
  } kCases[] = {
      {"fresh", {kNow + absl::Microseconds(1), "", false}, Rotation::kRotate},
      {"expired", {kNow, "", false}, Rotation::kRefuse},
      {"revoked", {kNow + absl::Hours(1), "", true}, Rotation::kRefuse},
      {"revoked and used", {kNow + absl::Hours(1), "old", true}, Rotation::kRefuse},
      {"used", {kNow + absl::Hours(1), "old", false}, Rotation::kRevokeFamily},
      {"used and expired", {kNow, "old", false}, Rotation::kRevokeFamily},
      {"our own retry", {kNow + absl::Hours(1), "next", false}, Rotation::kAlreadyRotated},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(DecideRotation(c.presented, "next", kNow), c.rotation) << c.name;
  }
}

}  // namespace
}  // namespace peerwatt::registry
