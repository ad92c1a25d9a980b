#include "libs/domain/signed_batch.h"

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace peerwatt {
namespace {

SignedBatchContent Example() {
  SignedBatchContent batch;
  batch.device = "d1";
  batch.counter = 300;
  for (int i = 0; i < 32; ++i) batch.previous_digest += static_cast<char>(i);
  batch.series = {{.metering_point = "m1",
                   .start_s = 1'782'864'000,
                   .resolution_s = 900,
                   .method = 0,
                   .import_wh = {0, 127, 128, 300},
                   .export_wh = {},
                   .qualities = {1}},
                  {.metering_point = "m2",
                   .start_s = 1'782'864'900,
                   .resolution_s = 3600,
                   .method = 1,
                   .import_wh = {5},
                   .export_wh = {int64_t{1} << 40},
                   .qualities = {2}}};
  batch.registers = {{.metering_point = "m1",
                      .meter = "1EMH0",
                      .register_kind = 1,
                      .start_s = -1,
                      .resolution_s = 900,
                      .rollover_wh = 1'000'000,
                      .energy_wh = {999'999, 3}}};
  batch.ocmf_records = {"OCMF|{}|{}"};
  return batch;
}

// Written by another program, after the layout in docs/signed-readings.md.
constexpr char kGolden[] =
    "5057424154434831026431ac02000102030405060708090a0b0c0d0e0f101112131415161718191a"
    "1b1c1d1e1f02026d3180b191d20684070004007f8001ac02000101026d3284b891d206901c010105"
    "01808080808020010201026d310531454d483001ffffffffffffffffff018407c0843d02bf843d03"
    "010a4f434d467c7b7d7c7b7d";

TEST(SignedBatchTest, HasTheDocumentedBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeSignedBatch(Example())), kGolden);
}

TEST(SignedBatchTest, IsReadBack) {
  const auto read = DecodeSignedBatch(absl::HexStringToBytes(kGolden));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Example());
}

TEST(SignedBatchTest, EachFieldHasAPartInTheEncoding) {
  std::vector<SignedBatchContent> others(17, Example());
  others[1].device = "d2";
  others[2].counter = 301;
  others[3].previous_digest[31] = 'x';
  others[4].series[0].metering_point = "m3";
  others[5].series[0].start_s += 900;
  others[6].series[0].resolution_s = 300;
  others[7].series[0].method = 2;
  others[8].series[0].import_wh[3] = -300;
  others[9].series[0].export_wh = {0, 0, 0, 0};
  others[10].series[0].qualities = {1, 1, 1, 1};
  others[11].registers[0].meter = "";
  others[12].registers[0].register_kind = 2;
  others[13].registers[0].rollover_wh = 0;
  others[14].registers[0].energy_wh[1] = 4;
  others[15].ocmf_records.emplace_back();
  others[16].series.pop_back();
  std::set<std::string> encodings;
  for (const SignedBatchContent& other : others) encodings.insert(EncodeSignedBatch(other));
  EXPECT_EQ(encodings.size(), others.size());
}

TEST(SignedBatchTest, RefusesEveryBeginningOfAnEncoding) {
  const std::string whole = absl::HexStringToBytes(kGolden);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeSignedBatch(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeSignedBatch(whole + '\0').ok());
}

struct BadCase {
  const char* name;
  const char* from;  // in the golden bytes
  const char* to;
};
const BadCase kBadCases[] = {
    {"other mark", "31026431", "32026431"},
    {"counter with a zero at its end", "ac02000102", "ac8200000102"},
    {"more than 64 bits", "ffffffffffffffffff01", "ffffffffffffffffff03"},
    {"eleven bytes", "ffffffffffffffffff01", "ffffffffffffffffffff01"},
    {"count beyond the end", "04007f8001ac02", "ffffffff7f007f8001ac02"},
    {"negative count", "04007f8001ac02", "ffffffffffffffffff01007f8001ac02"},
};

TEST(SignedBatchTest, RefusesAnotherForm) {
  for (const BadCase& bad : kBadCases) {
    std::string hex = kGolden;
    const size_t at = hex.find(bad.from);
    ASSERT_NE(at, std::string::npos) << bad.name;
    hex.replace(at, std::string(bad.from).size(), bad.to);
    EXPECT_EQ(DecodeSignedBatch(absl::HexStringToBytes(hex)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad.name;
  }
}

TEST(SignedBatchTest, WhateverIsAcceptedIsWrittenByteForByte) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const std::string golden = absl::HexStringToBytes(kGolden);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = golden;
    for (uint64_t n = random() % 3 + 1; n > 0; --n) {
      bytes[8 + random() % (bytes.size() - 8)] = static_cast<char>(random());
    }
    if (const auto read = DecodeSignedBatch(bytes); read.ok()) {
      ++accepted;
      ASSERT_EQ(EncodeSignedBatch(*read), bytes) << "seed " << seed;
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace peerwatt
