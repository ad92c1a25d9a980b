#include "agent/buffer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/buffer_salvage.h"
#include "agent/crc32.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::Scratch;

absl::Time At(int64_t index) { return absl::FromUnixSeconds(900 * index); }
std::string PayloadOf(int64_t index) {
  return absl::StrCat("batch ", index, std::string(static_cast<size_t>(index % 7), 'x'));
}

std::unique_ptr<Buffer> OpenOrDie(const BufferOptions& options) {
  auto buffer = Buffer::Open(options);
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  return buffer.ok() ? *std::move(buffer) : nullptr;
}

void AppendUpTo(Buffer& buffer, int64_t last) {
  for (int64_t i = buffer.state().last_index + 1; i <= last; ++i) {
    ASSERT_TRUE(buffer.Append(PayloadOf(i), At(i)).ok());
  }
}

void ExpectRecords(const Buffer& buffer, int64_t first, int64_t last) {
  EXPECT_EQ(buffer.state().last_index, last);
  for (int64_t i = first; i <= last; ++i) {
    const auto record = buffer.Read(i);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->payload, PayloadOf(i));
    EXPECT_EQ(record->through, At(i));
  }
}

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void Spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<std::string> Segments(const std::string& folder) {
  auto names = ListFolder(folder).value();
  std::erase_if(names, [](const std::string& n) { return !absl::StartsWith(n, "segment-"); });
  return names;
}

TEST(Crc32Test, MatchesTheStandardsCheckValue) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(Crc32(""), 0u);
}

TEST(BufferTest, KeepsRecordsAndPositionOverARestart) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  {
    const auto buffer = OpenOrDie(options);
    EXPECT_FALSE(buffer->state().produced_through.has_value());
    AppendUpTo(*buffer, 10);
    for (int64_t i = 1; i <= 4; ++i) ASSERT_TRUE(buffer->Acknowledge(i, 2).ok());
    ASSERT_TRUE(buffer->SetSequenceOffset(100).ok());
  }
  const auto buffer = OpenOrDie(options);
  const BufferState state = buffer->state();
  EXPECT_EQ(state.acknowledged_index, 4);
  EXPECT_EQ(state.acknowledged_through, At(4));
  EXPECT_EQ(state.produced_through, At(10));
  EXPECT_EQ(state.readings_acknowledged, 8);
  EXPECT_EQ(state.sequence_offset, 100);
  ExpectRecords(*buffer, 1, 10);
}

TEST(BufferTest, SurvivesATruncationAtEveryByte) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  std::vector<int64_t> ends;  // size of the file after each record
  {
    const auto buffer = OpenOrDie(options);
    for (int64_t i = 1; i <= 6; ++i) {
      ends.push_back(buffer->state().bytes);
      AppendUpTo(*buffer, i);
    }
    ends.push_back(buffer->state().bytes);
  }
  const std::string path = scratch / "b/" + Segments(options.folder).front();
  const std::string whole = Slurp(path);
  ASSERT_EQ(static_cast<int64_t>(whole.size()), ends.back());
  for (size_t size = 0; size <= whole.size(); ++size) {
    Spill(path, whole.substr(0, size));
    {
      const auto buffer = OpenOrDie(options);
      ASSERT_NE(buffer, nullptr) << size;
      int64_t complete = 0;
      while (complete < 6 &&
             ends[static_cast<size_t>(complete) + 1] <= static_cast<int64_t>(size)) {
        ++complete;
      }
      ExpectRecords(*buffer, 1, complete);
      // It goes on where it was cut.
      AppendUpTo(*buffer, 8);
      ExpectRecords(*buffer, 1, 8);
    }
    const auto again = OpenOrDie(options);
    ASSERT_NE(again, nullptr) << size;
    ExpectRecords(*again, 1, 8);
  }
}

TEST(BufferTest, DropsARecordThatIsDamagedAtAnyByteOfTheTail) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  int64_t before = 0;
  {
    const auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 3);
    before = buffer->state().bytes;
    AppendUpTo(*buffer, 4);
  }
  const std::string path = scratch / "b/" + Segments(options.folder).front();
  const std::string whole = Slurp(path);
  for (size_t at = static_cast<size_t>(before); at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Spill(path, damaged);
    ExpectRecords(*OpenOrDie(options), 1, 3);
  }
}

TEST(BufferTest, SaysWhenAnOldSegmentIsDamaged) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .segment_bytes = 200};
  {
    const auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 20);
  }
  const auto segments = Segments(options.folder);
  ASSERT_GE(segments.size(), 3u);
  const std::string path = scratch / "b/" + segments[1];
  std::string bytes = Slurp(path);
  bytes[bytes.size() / 2] ^= 1;
  Spill(path, bytes);
  EXPECT_EQ(ReasonOf(Buffer::Open(options).status()), "BUFFER_DAMAGED");
}

TEST(BufferTest, ReclaimsOnlyWhatIsAcknowledged) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .bytes_max = 2000, .segment_bytes = 300,
                              .acknowledged_bytes_max = 600, .sync = false};
  auto buffer = OpenOrDie(options);
  int64_t appended = 0;
  absl::Status status;
  while ((status = buffer->Append(PayloadOf(appended + 1), At(appended + 1))).ok()) ++appended;
  EXPECT_EQ(ReasonOf(status), "BUFFER_FULL");
  EXPECT_LE(buffer->state().bytes, options.bytes_max);
  ExpectRecords(*buffer, 1, appended);
  EXPECT_FALSE(buffer->Append("more", At(99)).ok());

  // One acknowledged segment makes room again; what waits stays.
  for (int64_t i = 1; i <= appended / 2; ++i) ASSERT_TRUE(buffer->Acknowledge(i, 1).ok());
  AppendUpTo(*buffer, appended + 1);
  EXPECT_GT(buffer->state().first_index, 1);
  EXPECT_LE(buffer->state().first_index, appended / 2 + 1);
  ExpectRecords(*buffer, appended / 2 + 1, appended + 1);
}

TEST(BufferTest, DropsTheOldestWhenToldToKeepTheNewest) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .bytes_max = 2000,
                              .when_full = WhenFull::kKeepNewest, .segment_bytes = 300,
                              .acknowledged_bytes_max = 600, .sync = false};
  int64_t dropped = 0;
  {
    auto buffer = OpenOrDie(options);
    for (int64_t i = 1; i <= 3; ++i) {
      AppendUpTo(*buffer, i);
      ASSERT_TRUE(buffer->Acknowledge(i, 1).ok());
    }
    AppendUpTo(*buffer, 200);
    const BufferState state = buffer->state();
    EXPECT_LE(state.bytes, options.bytes_max);
    EXPECT_GT(state.first_index, 100);
    // Every record is acknowledged, dropped and counted, or still held.
    dropped = state.batches_dropped;
    EXPECT_EQ(dropped, state.first_index - 1 - 3);
    EXPECT_EQ(state.acknowledged_index, state.first_index - 1);
    EXPECT_EQ(state.acknowledged_through, At(state.first_index - 1));
    ExpectRecords(*buffer, state.first_index, 200);
    EXPECT_TRUE(absl::IsNotFound(buffer->Read(5).status()));
    // An answer to a batch that was dropped while it was under way changes nothing.
    EXPECT_TRUE(buffer->Acknowledge(5, 1).ok());
    EXPECT_TRUE(buffer->Refuse(6, 1, "R", "m").ok());
    EXPECT_EQ(buffer->state().readings_acknowledged, 3);
    EXPECT_EQ(buffer->state().readings_refused, 0);
    ASSERT_TRUE(buffer->Acknowledge(state.first_index, 1).ok());
  }
  auto again = OpenOrDie(options);
  EXPECT_EQ(again->state().batches_dropped, dropped);
  ExpectRecords(*again, again->state().first_index, 200);
}

TEST(BufferTest, GoesOnThroughManyRoundsWithinItsBound) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .bytes_max = 2000, .segment_bytes = 300,
                              .acknowledged_bytes_max = 600, .sync = false};
  auto buffer = OpenOrDie(options);
  for (int64_t i = 1; i <= 2000; ++i) {
    ASSERT_TRUE(buffer->Append(PayloadOf(i), At(i)).ok()) << i;
    if (i > 5) {
      ASSERT_TRUE(buffer->Acknowledge(i - 5, 1).ok());
    }
    EXPECT_LE(buffer->state().bytes, options.bytes_max);
    if (i % 111 == 0) {
      buffer.reset();
      buffer = OpenOrDie(options);
      EXPECT_EQ(buffer->state().last_index, i);
      EXPECT_EQ(buffer->state().acknowledged_index, i - 5);
    }
  }
  EXPECT_GT(buffer->state().first_index, 1900);
  ExpectRecords(*buffer, buffer->state().first_index, 2000);
}

TEST(BufferTest, KeepsRefusedBatchesWithTheReason) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  {
    const auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 3);
    ASSERT_TRUE(buffer->Acknowledge(1, 5).ok());
    ASSERT_TRUE(buffer->Refuse(2, 6, "NOT_FOUND", "no such \"point\"").ok());
    ASSERT_TRUE(buffer->Acknowledge(3, 7).ok());
  }
  EXPECT_TRUE(absl::StrContains(Slurp(scratch / "b/refused.jsonl"),
                                "\"reason\":\"NOT_FOUND\",\"message\":\"no such \\\"point\\\"\""));
  // A line that a crash tore is cut off: its record was not moved past.
  std::ofstream(scratch / "b/refused.jsonl", std::ios::app) << "{\"index\":9,\"bat";
  const auto buffer = OpenOrDie(options);
  EXPECT_EQ(buffer->state().acknowledged_index, 3);
  EXPECT_EQ(buffer->state().readings_acknowledged, 12);
  EXPECT_EQ(buffer->state().readings_refused, 6);
  EXPECT_TRUE(buffer->IsRefused(2));
  EXPECT_FALSE(buffer->IsRefused(3));
  EXPECT_FALSE(buffer->IsRefused(9));
  EXPECT_EQ(*buffer->RefusedPayloads(), std::vector<std::string>{PayloadOf(2)});
}

TEST(BufferTest, ATornPositionFallsBackToTheOneBefore) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  {
    const auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 5);
    for (int64_t i = 1; i <= 4; ++i) ASSERT_TRUE(buffer->Acknowledge(i, 1).ok());
  }
  const std::string path = scratch / "b/position";
  const std::string whole = Slurp(path);
  int fallbacks = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    Spill(path, damaged);
    const auto buffer = OpenOrDie(options);
    const int64_t acknowledged = buffer->state().acknowledged_index;
    EXPECT_TRUE(acknowledged == 4 || acknowledged == 3) << acknowledged;
    fallbacks += acknowledged == 3 ? 1 : 0;
    ExpectRecords(*buffer, 1, 5);
  }
  EXPECT_EQ(fallbacks, 60);  // every byte that counts, of one slot
}

TEST(BufferTest, NumbersStayAheadOfAPositionWhoseRecordsAreGone) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  int64_t size_of_two = 0;
  {
    const auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 2);
    size_of_two = buffer->state().bytes;
    AppendUpTo(*buffer, 5);
    for (int64_t i = 1; i <= 4; ++i) ASSERT_TRUE(buffer->Acknowledge(i, 1).ok());
  }
  std::filesystem::resize_file(scratch / "b/" + Segments(options.folder).front(),
                               static_cast<uintmax_t>(size_of_two));
  const auto buffer = OpenOrDie(options);
  EXPECT_EQ(buffer->state().last_index, 4);
  EXPECT_EQ(buffer->state().produced_through, At(4));
  AppendUpTo(*buffer, 6);
  ExpectRecords(*buffer, 5, 6);
}

TEST(BufferTest, BelongsToOneProcessAtATime) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b"};
  auto first = OpenOrDie(options);
  EXPECT_EQ(ReasonOf(Buffer::Open(options).status()), "FOLDER_IN_USE");
  first.reset();
  EXPECT_TRUE(Buffer::Open(options).ok());
}

// A bit that flips anywhere in an old segment costs the record it is in, and no other.
TEST(BufferSalvageTest, CarriesOverWhatADamagedSegmentStillSays) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .bytes_max = 4000, .segment_bytes = 300,
                              .sync = false};
  {
    auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 30);
    for (int64_t i = 1; i <= 2; ++i) ASSERT_TRUE(buffer->Acknowledge(i, 1).ok());
  }
  std::filesystem::copy(options.folder, scratch / "whole");
  const std::string segment = options.folder + "/" + Segments(options.folder).front();
  const std::string bytes = Slurp(segment);
  ASSERT_GT(bytes.size(), 200u);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::filesystem::remove_all(options.folder);
    std::filesystem::copy(scratch / "whole", options.folder);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    Spill(segment, damaged);
    auto buffer = OpenOrSalvage(options);
    ASSERT_TRUE(buffer.ok()) << at << buffer.status();
    const BufferState state = (*buffer)->state();
    // Four bytes of the head say nothing.
    const bool harmless = at >= 28 && at < 32;
    EXPECT_EQ(std::filesystem::exists(options.folder + ".damaged-1"), !harmless) << at;
    EXPECT_EQ(state.acknowledged_index, harmless ? 2 : 0) << at;
    std::vector<std::string> payloads;
    for (int64_t i = state.acknowledged_index + 1; i <= state.last_index; ++i) {
      payloads.push_back((*buffer)->Read(i)->payload);
    }
    int64_t found = 0;
    for (int64_t i = 3; i <= 30; ++i) {
      found += std::count(payloads.begin(), payloads.end(), PayloadOf(i));
    }
    EXPECT_GE(found, 27) << at;
    EXPECT_EQ(found, static_cast<int64_t>(payloads.size())) << at;
    std::filesystem::remove_all(options.folder + ".damaged-1");
  }
}

TEST(BufferSalvageTest, KeepsTheDamagedFilesAndFinishesWhatWasCutOff) {
  const Scratch scratch;
  const BufferOptions options{.folder = scratch / "b", .bytes_max = 4000, .segment_bytes = 300,
                              .sync = false};
  {
    auto buffer = OpenOrDie(options);
    AppendUpTo(*buffer, 30);
  }
  Spill(options.folder + "/chain", "of signatures");
  const std::string segment = options.folder + "/" + Segments(options.folder).front();
  std::string bytes = Slurp(segment);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  Spill(segment, bytes);
  // A first try was cut off while it filled the new folder.
  std::filesystem::create_directory(options.folder + ".salvaged");
  Spill(options.folder + ".salvaged/segment-1", "half");
  ASSERT_TRUE(OpenOrSalvage(options).ok());
  EXPECT_TRUE(std::filesystem::exists(options.folder + ".damaged-1/position"));
  EXPECT_FALSE(std::filesystem::exists(options.folder + ".salvaged"));
  EXPECT_EQ(Slurp(options.folder + "/chain"), "of signatures");
  EXPECT_EQ((*OpenOrSalvage(options))->state().last_index, 29);
  // Another one between the two renames.
  std::filesystem::rename(options.folder, options.folder + ".salvaged");
  EXPECT_EQ((*OpenOrSalvage(options))->state().last_index, 29);
}

}  // namespace
}  // namespace peerwatt::agent
