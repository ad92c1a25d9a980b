#include "libs/crypto/password.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerwatt::crypto {
namespace {

using ::testing::StartsWith;

TEST(PasswordTest, AcceptsOnlyTheHashedPassword) {
  const auto phc = HashPassword("correct horse battery");
  ASSERT_TRUE(phc.ok());
  EXPECT_THAT(*phc, StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
  EXPECT_TRUE(VerifyPassword("correct horse battery", *phc));
  EXPECT_FALSE(VerifyPassword("correct horse batterz", *phc));
  EXPECT_FALSE(VerifyPassword("", *phc));
}

TEST(PasswordTest, SaltsEachHash) {
  EXPECT_NE(HashPassword("same password").value(), HashPassword("same password").value());
}

TEST(PasswordTest, RefusesWhatIsNoHash) {
  EXPECT_FALSE(VerifyPassword("x", ""));
  EXPECT_FALSE(VerifyPassword("x", "x"));
  EXPECT_FALSE(VerifyPassword("x", std::string(10000, '$')));
}

}  // namespace
}  // namespace peerwatt::crypto
