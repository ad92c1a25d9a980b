#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/scan_agreement.h"

namespace peerwatt::gateway::testing {
namespace {

using metering::v1::Batch;
using metering::v1::StreamReadingsRequest;
using Random = std::mt19937_64;

constexpr int kRuns = 60'000;

size_t Below(Random& random, size_t bound) { return static_cast<size_t>(random() % bound); }

Batch RandomBatch(Random& random) {
  Batch batch;
  batch.set_sequence(static_cast<int64_t>(random() >> Below(random, 63)));
  for (size_t i = Below(random, 4); i > 0; --i) {
    auto& series = *batch.add_series();
    series.set_metering_point(absl::StrCat("meteringPoints/p", Below(random, 5)));
    series.mutable_start_time()->set_seconds(1'782'864'000);
    series.mutable_resolution()->set_seconds(900);
    for (size_t k = Below(random, 6); k > 0; --k) {
      series.add_import_energy_wh(static_cast<int64_t>(random() >> Below(random, 64)));
    }
    if (random() % 4 == 0) series.add_qualities(metering::v1::ESTIMATED);
  }
  for (size_t i = Below(random, 3); i > 0; --i) {
    auto& series = *batch.add_registers();
    series.set_metering_point(absl::StrCat("meteringPoints/r", Below(random, 5)));
    series.set_meter("m1");
    series.mutable_start_time()->set_nanos(5);
    series.add_energy_wh(7);
  }
  if (random() % 8 == 0) batch.add_ocmf_records("OCMF|{}|{}");
  if (random() % 8 == 0) batch.mutable_signature()->set_counter(1);
  return batch;
}

std::string RandomRequest(Random& random) {
  StreamReadingsRequest request;
  if (random() % 5 == 0) {
    request.mutable_open();
  } else {
    *request.mutable_batch() = RandomBatch(random);
  }
  return request.SerializeAsString();
}

// What is legal but unusual in a field's place: it comes again, in another form, or is unknown.
std::string RandomField(Random& random) {
  static const std::vector<std::string> kFields = {
      std::string("\x0a\x11meteringPoints/p9", 19),         // metering_point again
      std::string("\x1b\x08\x01\x1c", 4),                   // an unknown group
      std::string("\x3b\x3b\x3c\x3c", 4),                   // groups in each other
      std::string("\xf8\x01\x05", 3),                       // an unknown number
      std::string("\x8a\x00\x02pq", 5),                     // a tag in two bytes
      std::string("\x0a\x82\x80\x80\x80\x00pq", 8),         // a length in five
      std::string("\x20\x05", 2),                           // one value that is not packed
      std::string("\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 11),  // ten bytes
      std::string("\x09\x01\x02\x03\x04\x05\x06\x07\x08", 9),
      std::string("\x0a\x02\xc3\x28", 4),                   // no UTF-8
      std::string("\x0a\x00", 2), std::string("\x12\x00", 2)};
  return kFields[Below(random, kFields.size())];
}

void Mutate(Random& random, std::string& bytes) {
  const size_t at = Below(random, bytes.size() + 1);
  switch (random() % 6) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes.insert(at, 1, static_cast<char>(random()));
      break;
    case 2:
      bytes.erase(at, 1 + Below(random, 3));
      break;
    case 3:
      bytes.insert(at, RandomField(random));
      break;
    case 4:
      bytes += RandomRequest(random);  // a second message over the first
      break;
    default:
      bytes += bytes.substr(at, Below(random, 30));
  }
}

// A request whose nested lengths are right whatever was put into its series.
std::string Nested(Random& random) {
  const auto part = [](int field, const std::string& bytes) {
    std::string out(1, static_cast<char>(field << 3 | 2));
    for (size_t size = bytes.size();; size >>= 7) {
      out += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
      if (size <= 0x7f) break;
    }
    return out + bytes;
  };
  const Batch batch = RandomBatch(random);
  std::string series = batch.series_size() > 0 ? batch.series(0).SerializeAsString() : "";
  for (size_t i = Below(random, 4); i > 0; --i) series += RandomField(random);
  std::string request = part(2, batch.SerializeAsString() + part(2, series) + part(3, series));
  while (random() % 3 == 0) {
    request += random() % 4 == 0 ? part(1, "") : part(2, RandomBatch(random).SerializeAsString());
  }
  return request;
}

TEST(MessageScannerProperty, ReadsAsProtobufDoes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  const google::protobuf::LogSilencer quiet;
  int taken = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::string bytes = random() % 2 == 0 ? RandomRequest(random) : Nested(random);
    for (size_t i = Below(random, 4); i > 0; --i) Mutate(random, bytes);
    ASSERT_EQ(ScanDifference(bytes), "") << absl::CHexEscape(bytes);
    StreamReadingsRequest parsed;
    taken += parsed.ParseFromString(bytes) ? 1 : 0;
  }
  EXPECT_GT(taken, kRuns / 10) << "most of the runs must not be refused by both";
  EXPECT_LT(taken, kRuns * 9 / 10);
}

DeviceMessage Scanned(const std::string& bytes, bool readable = true) {
  static const MessageScanner scanner(StreamReadingsRequest::descriptor());
  DeviceMessage message;
  EXPECT_EQ(scanner.Scan(bytes, message), readable);
  return message;
}

TEST(MessageScannerProperty, NestingEndsWhereProtobufEndsIt) {
  for (const int depth : {98, 99, 100, 101}) {
    const auto count = static_cast<size_t>(depth);
    const std::string bytes = std::string(count, '\x1b') + std::string(count, '\x1c');
    EXPECT_EQ(ScanDifference(bytes), "") << depth;
    Scanned(bytes, depth <= 100);
  }
}

TEST(MessageScannerProperty, ABatchInPartsIsOneBatch) {
  StreamReadingsRequest first;
  first.mutable_batch()->set_sequence(4);
  first.mutable_batch()->add_series()->set_metering_point("a");
  StreamReadingsRequest second;
  second.mutable_batch()->add_registers()->set_metering_point("b");
  StreamReadingsRequest open;
  open.mutable_open();
  const std::string one = first.SerializeAsString();
  const std::string two = second.SerializeAsString();
  const std::string parts = one + two;
  const DeviceMessage merged = Scanned(parts);
  EXPECT_EQ(merged.metering_points, (std::vector<absl::string_view>{"a", "b"}));
  EXPECT_EQ(merged.sequence, 4);
  const std::string cleared = one + open.SerializeAsString() + two;
  const DeviceMessage last = Scanned(cleared);
  EXPECT_EQ(last.metering_points, std::vector<absl::string_view>{"b"});
  EXPECT_EQ(last.sequence, 0);
}

}  // namespace
}  // namespace peerwatt::gateway::testing
