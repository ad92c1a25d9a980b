#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/gateway/h2/grpc_wire.h"

namespace peerwatt::gateway {
namespace {

using ::testing::ElementsAre;
using Result = MessageReader::Result;

constexpr size_t kMessageBytesMax = 1000;

// Feeds `bytes` in pieces of `size` and takes every message as soon as it can.
std::vector<std::string> ReadInPieces(const std::string& bytes, size_t size, Result* last) {
  MessageReader reader(kMessageBytesMax);
  std::vector<std::string> messages;
  for (size_t at = 0; at < bytes.size(); at += size) {
    const std::string piece = bytes.substr(at, size);
    reader.Push(piece);
    absl::string_view message;
    while ((*last = reader.Next(message)) == Result::kMessage) messages.emplace_back(message);
    if (*last != Result::kMore) break;
    reader.Keep();
  }
  return messages;
}

TEST(MessageReaderTest, ReadsTheSameMessagesHoweverTheyAreCut) {
  const std::string large(kMessageBytesMax, 'x');
  const std::string bytes = FrameMessage("one") + FrameMessage("") + FrameMessage(large) +
                            FrameMessage("four") + FrameMessage("five");
  for (size_t size = 1; size <= bytes.size(); ++size) {
    Result last = Result::kMessage;
    EXPECT_THAT(ReadInPieces(bytes, size, &last), ElementsAre("one", "", large, "four", "five"))
        << size;
    EXPECT_EQ(last, Result::kMore);
  }
}

TEST(MessageReaderTest, KeepsWhatIsNotTakenYet) {
  MessageReader reader(kMessageBytesMax);
  const std::string bytes = FrameMessage("one") + FrameMessage("two") + FrameMessage("three");
  for (const char byte : bytes) {
    reader.Push(absl::string_view(&byte, 1));
    reader.Keep();
  }
  EXPECT_EQ(reader.held(), bytes.size());
  absl::string_view message;
  for (const char* expected : {"one", "two", "three"}) {
    EXPECT_FALSE(reader.empty());
    ASSERT_EQ(reader.Next(message), Result::kMessage);
    EXPECT_EQ(message, expected);
    reader.Push({});
    reader.Keep();
  }
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.Next(message), Result::kMore);
}

TEST(MessageReaderTest, RefusesWhatIsTooLargeBeforeItHasCome) {
  std::string bytes = FrameMessage(std::string(kMessageBytesMax + 1, 'x'));
  Result last = Result::kMessage;
  ReadInPieces(bytes.substr(0, 5), 5, &last);
  EXPECT_EQ(last, Result::kTooLarge);
  ReadInPieces(bytes.substr(0, 5), 1, &last);
  EXPECT_EQ(last, Result::kTooLarge);
  ReadInPieces(std::string("\0\xff\xff\xff\xff", 5), 5, &last);
  EXPECT_EQ(last, Result::kTooLarge);
}

TEST(MessageReaderTest, RefusesCompressedMessages) {
  for (const char flag : {'\1', '\2', '\xff'}) {
    std::string bytes = FrameMessage("one") + FrameMessage("two");
    bytes[8] = flag;
    for (const size_t size : {size_t{1}, bytes.size()}) {
      Result last = Result::kMessage;
      EXPECT_THAT(ReadInPieces(bytes, size, &last), ElementsAre("one"));
      EXPECT_EQ(last, Result::kCompressed);
    }
  }
}

TEST(GrpcWireTest, FramesAMessage) {
  EXPECT_EQ(FrameMessage("ab"), std::string("\0\0\0\0\2ab", 7));
  EXPECT_EQ(FrameMessage(std::string(0x010203, 'x')).substr(0, 5), std::string("\0\0\1\2\3", 5));
}

TEST(GrpcWireTest, ReadsTimeouts) {
  EXPECT_EQ(ParseTimeout("20S").value(), absl::Seconds(20));
  EXPECT_EQ(ParseTimeout("1H").value(), absl::Hours(1));
  EXPECT_EQ(ParseTimeout("2M").value(), absl::Minutes(2));
  EXPECT_EQ(ParseTimeout("3m").value(), absl::Milliseconds(3));
  EXPECT_EQ(ParseTimeout("4u").value(), absl::Microseconds(4));
  EXPECT_EQ(ParseTimeout("99999999n").value(), absl::Nanoseconds(99'999'999));
  for (const char* bad : {"", "S", "1", "1s", "-1S", "+1S", " 1S", "1.5S", "123456789S"}) {
    EXPECT_FALSE(ParseTimeout(bad).ok()) << bad;
  }
}

TEST(GrpcWireTest, EncodesTextsAndBytes) {
  EXPECT_EQ(PercentEncode("plain ~text"), "plain ~text");
  EXPECT_EQ(PercentEncode("50%\n\xc3\xa4\x7f"), "50%25%0A%C3%A4%7F");
  EXPECT_EQ(EncodeBinaryHeader(""), "");
  EXPECT_EQ(EncodeBinaryHeader("a"), "YQ");
  EXPECT_EQ(EncodeBinaryHeader(std::string("\xff\xef\0", 3)), "/+8A");
}

}  // namespace
}  // namespace peerwatt::gateway
