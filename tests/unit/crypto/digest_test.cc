#include "libs/crypto/digest.h"

#include <gtest/gtest.h>

namespace peerwatt::crypto {
namespace {

TEST(Sha256Test, AgreesWithFips180Examples) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abc").size(), 32U);
}

TEST(EqualInConstantTimeTest, ComparesContentAndLength) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("secret", "secret"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secreT"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secret1"));
  EXPECT_FALSE(EqualInConstantTime("secret", ""));
}

}  // namespace
}  // namespace peerwatt::crypto
