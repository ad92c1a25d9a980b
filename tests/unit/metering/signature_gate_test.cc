#include "services/metering/core/evidence/signature_gate.h"

#include <deque>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/unit/metering/evidence_fakes.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/recording_store.h"

namespace peerwatt::metering {
namespace {

using testing::FakeChecker;
using testing::FakeDirectory;
using testing::FakeEvidenceStore;
using testing::Quarters;
using testing::RecordingStore;

const absl::Time kStart = absl::FromUnixSeconds(1'780'000'200);

class SignatureGateTest : public ::testing::Test {
 protected:
  SignatureGateTest() {
    directory_.Add("open", "c1");
    directory_.Add("signed", "c2", 100'000, 100'000, /*signed_readings_required=*/true);
  }

  /// The next batch of a device, not signed.
  Batch& Add(const std::string& device, const std::string& point, int64_t first_wh = 10) {
    Batch batch;
    batch.device = DeviceId(device);
    batch.sequence = std::ssize(batches_) + 1;
    batch.series = {Quarters(point, kStart - absl::Hours(24), 4, first_wh)};
    return batches_.emplace_back(std::move(batch));
  }
  /// The same, signed as a device does.
  Batch& AddSigned(const std::string& device, const std::string& point, int64_t counter,
                   int64_t first_wh = 10) {
    Batch& batch = Add(device, point, first_wh);
    batch.signature = {
        .counter = counter, .previous_digest = last_digest_[device], .signature = ""};
    if (counter == 1) {
      batch.signature->previous_digest = std::string(32, '\0');
    }
    Sign(batch);
    return batch;
  }
  void Sign(Batch& batch) {
    batch.signature->previous_digest.resize(32, '?');
    const std::string encoding = EncodeSignedBatch(ContentOf(batch));
    batch.signature->signature = FakeChecker::Sign("key-of-" + batch.device.value(), encoding);
    last_digest_[batch.device.value()] = FakeChecker::Digest(encoding);
  }
  /// Runs all batches, each device in a lane of its own, and forgets them.
  std::vector<std::string> Run() {
    std::vector<IngestRequest> requests;
    for (const Batch& batch : batches_) {
      requests.push_back({std::hash<std::string>()(batch.device.value()), &batch});
    }
    outcomes_ = ingest_.Run(requests, kStart);
    std::vector<std::string> reasons;
    for (const BatchOutcome& outcome : outcomes_) {
      reasons.push_back(outcome.status.ok() ? "OK" : ReasonOf(outcome.status));
    }
    batches_.clear();
    return reasons;
  }
  std::vector<SignedBatch> Kept(const std::string& device) {
    return *evidence_.List({.device = DeviceId(device)});
  }

  FakeDirectory directory_;
  RecordingStore store_;
  FakeChecker checker_;
  FakeEvidenceStore evidence_;
  SignatureGate gate_{checker_, evidence_};
  Ingest ingest_{directory_, store_, nullptr, nullptr, {&gate_}};
  std::deque<Batch> batches_;
  std::map<std::string, std::string> last_digest_;
  std::vector<BatchOutcome> outcomes_;
};

using Reasons = std::vector<std::string>;

TEST_F(SignatureGateTest, ASignatureIsNeededOnlyWhereTheCommunityAsksForIt) {
  Add("d", "open");
  Add("d", "signed");
  Add("", "signed");  // entered by an operator
  Batch& unary = Add("", "signed");
  unary.by_device = true;
  EXPECT_EQ(Run(), (Reasons{"OK", "SIGNATURE_MISSING", "OK", "SIGNATURE_MISSING"}));
  EXPECT_EQ(store_.stored, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(checker_.checks, 0);
}

TEST_F(SignatureGateTest, SignedBatchesAreKeptAndStored) {
  AddSigned("d", "signed", 1);
  AddSigned("d", "open", 2);
  EXPECT_EQ(Run(), (Reasons{"OK", "OK"}));
  EXPECT_EQ(store_.stored, (std::vector<int64_t>{1, 2}));
  const auto kept = Kept("d");
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].link.digest, kept[1].link.previous_digest);
  EXPECT_EQ(kept[1].public_key_der, "key-of-d");
  EXPECT_EQ(kept[1].events, ChainEvents());
  EXPECT_EQ(kept[1].refusal_reason, "");
  EXPECT_EQ(kept[1].created_at, kStart);
  const auto content = DecodeSignedBatch(kept[0].encoding);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->series.at(0).import_wh, (std::vector<int64_t>{10, 11, 12, 13}));
}

TEST_F(SignatureGateTest, WhatWasChangedOnTheWayStoresNothing) {
  AddSigned("d", "signed", 1).series[0].import_wh[2] += 1;
  Batch& foreign = AddSigned("d", "signed", 1);
  foreign.signature->signature =
      FakeChecker::Sign("key-of-e", EncodeSignedBatch(ContentOf(foreign)));
  AddSigned("d", "signed", 1).signature->counter = 2;
  AddSigned("d", "signed", 1).signature->counter = 0;
  AddSigned("d", "signed", 1).signature->previous_digest = "short";
  EXPECT_EQ(Run(), (Reasons{"SIGNATURE_INVALID", "SIGNATURE_INVALID", "SIGNATURE_INVALID",
                            "SIGNATURE_MALFORMED", "SIGNATURE_MALFORMED"}));
  EXPECT_TRUE(store_.stored.empty());
  EXPECT_TRUE(Kept("d").empty());
}

TEST_F(SignatureGateTest, AReplayChangesNothingAndOtherContentIsRefused) {
  AddSigned("d", "signed", 1);
  Run();
  AddSigned("d", "signed", 1);
  AddSigned("d", "signed", 1, /*first_wh=*/20);
  EXPECT_EQ(Run(), (Reasons{"OK", "SIGNATURE_COUNTER_REUSED"}));
  EXPECT_EQ(Kept("d").size(), 1u);
}

TEST_F(SignatureGateTest, AGapIsNotedOnceAndItsBatchStored) {
  AddSigned("d", "signed", 1);
  AddSigned("d", "signed", 3);
  EXPECT_EQ(Run(), (Reasons{"OK", "OK"}));
  EXPECT_FALSE(outcomes_[0].events.counter_gap);
  EXPECT_TRUE(outcomes_[1].events.counter_gap);
  const auto events = *evidence_.List({.device = DeviceId("d"), .events_only = true});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].link.counter, 3);
}

TEST_F(SignatureGateTest, ABatchThatBreaksARuleIsKeptWithTheReason) {
  AddSigned("d", "signed", 1);
  AddSigned("d", "nowhere", 2);
  AddSigned("d", "signed", 3);
  EXPECT_EQ(Run(), (Reasons{"OK", "METERING_POINT_UNKNOWN", "OK"}));
  const auto kept = Kept("d");
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[1].refusal_reason, "METERING_POINT_UNKNOWN");
  EXPECT_EQ(kept[2].events, ChainEvents()) << "no hole in the chain";
}

TEST_F(SignatureGateTest, WithoutKeysNothingIsDecidedNorOvertaken) {
  checker_.failure = Error(kPeerUnavailable, "down");
  AddSigned("d", "signed", 1);
  Add("d", "open");
  Add("e", "open");
  EXPECT_EQ(Run(), (Reasons{"PEER_UNAVAILABLE", "PEER_UNAVAILABLE", "OK"}));
  EXPECT_EQ(store_.stored, (std::vector<int64_t>{3}));
}

TEST_F(SignatureGateTest, WithoutEvidenceNoReadingsAreStored) {
  evidence_.failure = Error(kDatabaseUnavailable, "down");
  AddSigned("d", "signed", 1);
  Add("d", "open");
  AddSigned("d", "nowhere", 2);
  Add("e", "open");
  EXPECT_EQ(Run(), (Reasons{"DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE",
                            "DATABASE_UNAVAILABLE", "OK"}));
  EXPECT_EQ(store_.stored, (std::vector<int64_t>{4}));
}

TEST_F(SignatureGateTest, WhatIsUndecidedForAnotherReasonLeavesNoEvidence) {
  directory_.SetDown(Error(kPeerUnavailable, "down"), {"forgotten"});
  AddSigned("d", "forgotten", 1);
  AddSigned("d", "signed", 2);
  EXPECT_EQ(Run(), (Reasons{"PEER_UNAVAILABLE", "PEER_UNAVAILABLE"}));
  EXPECT_TRUE(Kept("d").empty()) << "the second would look like a gap";
}

}  // namespace
}  // namespace peerwatt::metering
