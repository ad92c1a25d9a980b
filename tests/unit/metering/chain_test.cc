#include "services/metering/core/evidence/chain.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::metering {
namespace {

const std::string kZeros(32, '\0');

std::string Digest(char c) { return std::string(32, c); }

struct LinkCase {
  const char* name;
  ChainLink link;
  ChainSurroundings kept;
  const char* result;  // a reason, or what is noted
};

const LinkCase kCases[] = {
    {"the first", {1, kZeros, Digest('a')}, {}, "new"},
    {"the first names another before it", {1, Digest('x'), Digest('a')}, {}, "new broken"},
    {"the next",
     {3, Digest('b'), Digest('c')},
     {.last_counter = 2, .same = {}, .before = ChainLink{2, Digest('a'), Digest('b')}, .after = {}},
     "new"},
    {"the next names another before it",
     {3, Digest('x'), Digest('c')},
     {.last_counter = 2, .same = {}, .before = ChainLink{2, Digest('a'), Digest('b')}, .after = {}},
     "new broken"},
    {"one is left out",
     {4, Digest('c'), Digest('d')},
     {.last_counter = 2, .same = {}, .before = {}, .after = {}},
     "new gap"},
    {"a device begins later", {7, Digest('c'), Digest('d')}, {}, "new gap"},
    {"what was left out comes late",
     {3, Digest('b'), Digest('c')},
     {.last_counter = 4,
      .same = {},
      .before = ChainLink{2, Digest('a'), Digest('b')},
      .after = ChainLink{4, Digest('c'), Digest('d')}},
     "new"},
    {"what comes late is not what the next one names",
     {3, Digest('b'), Digest('y')},
     {.last_counter = 4,
      .same = {},
      .before = ChainLink{2, Digest('a'), Digest('b')},
      .after = ChainLink{4, Digest('c'), Digest('d')}},
     "new broken"},
    {"a replay",
     {2, Digest('a'), Digest('b')},
     {.last_counter = 2, .same = ChainLink{2, Digest('a'), Digest('b')}, .before = {}, .after = {}},
     "known"},
    {"a replay of what was noted before",
     {4, Digest('c'), Digest('d')},
     {.last_counter = 4, .same = ChainLink{4, Digest('c'), Digest('d')}, .before = {}, .after = {}},
     "known"},
    {"other content",
     {2, Digest('a'), Digest('z')},
     {.last_counter = 2, .same = ChainLink{2, Digest('a'), Digest('b')}, .before = {}, .after = {}},
     "SIGNATURE_COUNTER_REUSED"},
    {"the largest counter", {INT64_MAX, Digest('a'), Digest('b')}, {}, "new gap"},
};

TEST(ChainTest, DecidesByWhatIsKeptAround) {
  for (const LinkCase& one : kCases) {
    const auto decision = DecideLink(one.link, one.kept);
    std::string result = ReasonOf(decision.status());
    if (decision.ok()) {
      result = std::string(decision->known ? "known" : "new") +
               (decision->events.counter_gap ? " gap" : "") +
               (decision->events.chain_broken ? " broken" : "");
    }
    EXPECT_EQ(result, one.result) << one.name;
  }
}

TEST(ChainTest, ASignatureHasAFormBeforeItHasAMeaning) {
  EXPECT_TRUE(CheckForm({.counter = 1, .previous_digest = kZeros, .signature = ""}).ok());
  for (const BatchSignature& bad :
       {BatchSignature{.counter = 0, .previous_digest = kZeros, .signature = ""},
        BatchSignature{.counter = -1, .previous_digest = kZeros, .signature = ""},
        BatchSignature{.counter = 1, .previous_digest = "", .signature = ""},
        BatchSignature{.counter = 1, .previous_digest = kZeros + "x", .signature = ""}}) {
    EXPECT_EQ(ReasonOf(CheckForm(bad)), "SIGNATURE_MALFORMED");
  }
}

}  // namespace
}  // namespace peerwatt::metering
