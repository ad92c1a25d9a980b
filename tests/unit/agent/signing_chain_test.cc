#include "agent/signing_chain.h"

#include <fcntl.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::Scratch;

std::string Digest(char c) { return std::string(32, c); }

std::unique_ptr<SigningChain> Open(const Scratch& scratch, int64_t last_index) {
  auto chain = SigningChain::Open(scratch.path(), last_index, /*sync=*/false);
  EXPECT_TRUE(chain.ok()) << chain.status();
  return *std::move(chain);
}

// Appends so many batches, one per record.
void Append(SigningChain& chain, int64_t first_record, int count) {
  for (int i = 0; i < count; ++i) {
    const auto digest = Digest(static_cast<char>('a' + chain.next_counter()));
    ASSERT_TRUE(chain.Prepare(digest, first_record + i).ok());
    chain.Take();
  }
}

TEST(SigningChainTest, BeginsWithOneAndZeros) {
  const Scratch scratch;
  const auto chain = Open(scratch, 5);
  EXPECT_EQ(chain->next_counter(), 1);
  EXPECT_EQ(chain->previous_digest(), std::string(32, '\0'));
}

TEST(SigningChainTest, GoesOnWhereItStoodForAnyNumberOfSteps) {
  for (int steps = 0; steps < 6; ++steps) {
    const Scratch scratch;
    Append(*Open(scratch, 10), 11, steps);
    const auto chain = Open(scratch, 10 + steps);
    EXPECT_EQ(chain->next_counter(), steps + 1);
    EXPECT_EQ(chain->previous_digest(),
              steps == 0 ? std::string(32, '\0') : Digest(static_cast<char>('a' + steps)));
  }
}

TEST(SigningChainTest, AStepWhoseRecordIsNotThereDoesNotCount) {
  for (int steps = 0; steps < 4; ++steps) {
    const Scratch scratch;
    {
      const auto chain = Open(scratch, 0);
      Append(*chain, 1, steps);
      ASSERT_TRUE(chain->Prepare(Digest('x'), steps + 1).ok());  // dies before the record
    }
    const auto chain = Open(scratch, steps);
    EXPECT_EQ(chain->next_counter(), steps + 1);
    EXPECT_NE(chain->previous_digest(), Digest('x'));
    // The same counter for another content: the first was never sent.
    ASSERT_TRUE(chain->Prepare(Digest('y'), steps + 1).ok());
    EXPECT_EQ(Open(scratch, steps)->next_counter(), steps + 1);
    EXPECT_EQ(Open(scratch, steps + 1)->next_counter(), steps + 2);
    EXPECT_EQ(Open(scratch, steps + 1)->previous_digest(), Digest('y'));
  }
}

TEST(SigningChainTest, APreparedStepMayBeGivenUp) {
  const Scratch scratch;
  const auto chain = Open(scratch, 0);
  Append(*chain, 1, 3);
  ASSERT_TRUE(chain->Prepare(Digest('x'), 4).ok());  // the buffer is full
  EXPECT_EQ(chain->next_counter(), 4);
  ASSERT_TRUE(chain->Prepare(Digest('y'), 4).ok());
  chain->Take();
  EXPECT_EQ(chain->previous_digest(), Digest('y'));
  EXPECT_EQ(Open(scratch, 4)->previous_digest(), Digest('y'));
}

TEST(SigningChainTest, ATornStepLeavesTheOneBefore) {
  for (int steps = 1; steps < 4; ++steps) {
    const Scratch scratch;
    Append(*Open(scratch, 0), 1, steps);
    const std::string path = scratch.path() + "/chain";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((steps % 2) * 64 + 20);
    file << "torn";
    file.close();
    EXPECT_EQ(Open(scratch, steps - 1)->next_counter(), steps);
  }
}

TEST(SigningChainTest, ALostBufferGivesNoCounterTwice) {
  const Scratch scratch;
  Append(*Open(scratch, 0), 1, 7);
  EXPECT_EQ(Open(scratch, 0)->next_counter(), 8);
}

TEST(SigningChainTest, ADamagedFileIsNotBegunAnew) {
  const Scratch scratch;
  Append(*Open(scratch, 0), 1, 2);
  std::filesystem::resize_file(scratch.path() + "/chain", 10);
  EXPECT_EQ(ReasonOf(SigningChain::Open(scratch.path(), 2, false).status()), "BUFFER_DAMAGED");
}

}  // namespace
}  // namespace peerwatt::agent
