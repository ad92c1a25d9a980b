#include "agent/meter_box.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "agent/disk.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/fake_metering.h"
#include "tests/unit/agent/scratch.h"
#include "tests/unit/agent/signed_chain.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::ExpectOneChain;
using ::peerwatt::testing::FakeMetering;
using ::peerwatt::testing::NewIdentity;
using ::peerwatt::testing::Scratch;

const absl::Time kStart = absl::FromUnixSeconds(1767225600);
constexpr char kPoint[] = "meteringPoints/a1";
constexpr char kOther[] = "meteringPoints/a2";

// A meter that says nothing by itself.
class SilentSource final : public MeterSource {
 public:
  SilentSource(const std::string& name, ObservationSink sink)
      : MeterSource(name, std::move(sink)) {}

 protected:
  absl::Status Session() override {
    stop().Pause(absl::InfiniteDuration());
    return absl::OkStatus();
  }
};

// A box whose meters say what a test tells.
struct Rig {
  explicit Rig(const std::string& folder, SendAs send_as = SendAs::kIntervals,
               int64_t bytes_max = 1 << 20, size_t waiting_max = 1000, bool sign = false) {
    MeterBoxOptions options;
    options.sign_batches = sign;
    options.device = "devices/box";
    options.folder = folder;
    options.buffer = {.folder = folder + "/buffer",
                      .bytes_max = bytes_max,
                      .segment_bytes = 512,
                      .acknowledged_bytes_max = 512,
                      .sync = false};
    options.stream.device = options.device;
    for (const char* point : {kPoint, kOther}) {
      BoxSource source;
      const std::string name = point;
      source.make = [this, name](ObservationSink sink) {
        tell[name] = sink;
        return std::make_unique<SilentSource>("meter of " + name, sink);
      };
      RecorderOptions recorder;
      recorder.metering_point = point;
      recorder.send_as = send_as;
      recorder.waiting_max = waiting_max;
      source.points.push_back(recorder);
      options.sources.push_back(std::move(source));
    }
    auto made = MeterBox::New(std::move(options));
    EXPECT_TRUE(made.ok()) << made.status();
    box = *std::move(made);
    box->Start();
  }
  // The meter of a point shows `wh` at the boundary `slot`; export is a tenth of it.
  void Show(const char* point, int64_t slot, int64_t wh) {
    tell[point]({kStart + slot * absl::Minutes(15), "m1", RegisterValue{wh * 1000, 0},
                 RegisterValue{wh * 100, 0}});
  }
  void Tick() { box->Tick(now += absl::Seconds(2)); }
  bool Drain(const FakeMetering& metering) {
    box->Connect(metering.NewChannel());
    return Drained();
  }
  // Time runs twenty times as fast as the clock, so that pauses are short and answers in time.
  bool Drained() {
    const absl::Time begin = absl::Now();
    const absl::Time from = now;
    while (absl::Now() < begin + absl::Seconds(20)) {
      now = from + 20 * (absl::Now() - begin);
      box->Tick(now);
      const BufferState state = box->state().buffer;
      if (state.last_index > 0 && state.acknowledged_index == state.last_index) return true;
    }
    return false;
  }

  std::map<std::string, ObservationSink> tell;
  absl::Time now = absl::UnixEpoch();
  std::unique_ptr<MeterBox> box;
};

int64_t SumOf(const FakeMetering& metering, const std::string& point) {
  int64_t sum = 0;
  for (const auto& [key, wh] : metering.stored()) {
    if (key.first == point) sum += wh;
  }
  return sum;
}

TEST(MeterBoxTest, SendsWhatSeveralMetersCount) {
  const Scratch scratch;
  FakeMetering metering({});
  Rig rig(scratch.path());
  for (int64_t slot = 0; slot <= 10; ++slot) {
    rig.Show(kPoint, slot, 1000 + slot * 250);
    if (slot >= 3) rig.Show(kOther, slot, 77 + slot * 10);
    rig.Tick();
  }
  ASSERT_TRUE(rig.Drain(metering));
  EXPECT_EQ(metering.stored().size(), 10u + 7u);
  EXPECT_EQ(metering.stored().at({kPoint, absl::ToUnixSeconds(kStart)}), 250 + 25);
  EXPECT_EQ(SumOf(metering, kPoint), 2500 + 250);
  EXPECT_EQ(SumOf(metering, kOther), 70 + 7);
  const MeterBoxState state = rig.box->state();
  EXPECT_EQ(state.points.at(kPoint).recorded_through, kStart + absl::Minutes(150));
  EXPECT_EQ(state.sources.size(), 2u);
}

TEST(MeterBoxTest, WhatFlowedWhileItWasDeadIsEstimatedAndComplete) {
  const Scratch scratch;
  FakeMetering metering({});
  {
    Rig rig(scratch.path());
    for (int64_t slot = 0; slot <= 4; ++slot) rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
  }
  Rig rig(scratch.path());
  rig.Show(kPoint, 11, 5000);
  rig.Show(kPoint, 12, 5100);
  ASSERT_TRUE(rig.Drain(metering));
  EXPECT_EQ(metering.stored().size(), 12u);
  EXPECT_EQ(SumOf(metering, kPoint), 5100 + 510);
}

// Dies between the checkpoint and the buffer, and between the buffer and the next checkpoint.
TEST(MeterBoxTest, ABatchIsKeptOnceWheneverItDies) {
  for (const bool in_buffer : {false, true}) {
    const Scratch scratch;
    FakeMetering metering({});
    const std::string folder = scratch / "box";
    const std::string copy = scratch / "copy";
    {
      Rig rig(folder);
      rig.Show(kPoint, 0, 0);
      rig.Show(kPoint, 1, 100);
      rig.Tick();
    }
    std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
    {
      Rig rig(folder);
      rig.Show(kPoint, 2, 300);
      rig.Tick();
    }
    if (!in_buffer) {
      std::filesystem::remove_all(folder + "/buffer");
      std::filesystem::copy(copy + "/buffer", folder + "/buffer",
                            std::filesystem::copy_options::recursive);
    }
    Rig rig(folder);
    rig.Show(kPoint, 3, 350);
    ASSERT_TRUE(rig.Drain(metering));
    EXPECT_EQ(metering.stored().size(), 3u) << in_buffer;
    EXPECT_EQ(SumOf(metering, kPoint), 350 + 35) << in_buffer;
    EXPECT_FALSE(metering.conflicts());
  }
}

void CopyFolder(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// Dies again and again: before the checkpoint, between it and the buffer, and after both, with
// streams that break and keys that are renewed.
TEST(MeterBoxTest, SignsOneChainWheneverItDies) {
  const Scratch scratch;
  FakeMetering metering({.seed = 5, .break_before_percent = 10, .break_after_percent = 10});
  const std::string folder = scratch / "box";
  std::vector<Identity> identities;
  constexpr int64_t kLives = 60;
  for (int64_t life = 0; life <= kLives; ++life) {
    if (life % 9 == 0) identities.push_back(NewIdentity());
    if (life > 0) CopyFolder(folder, scratch / "before");
    {
      Rig rig(folder, SendAs::kIntervals, 1 << 20, 1000, /*sign=*/true);
      for (const int64_t slot : {2 * life, 2 * life + 1}) rig.Show(kPoint, slot, slot * 100);
      rig.Tick();
      if (life % 4 == 3 || life == kLives) {
        ASSERT_TRUE(rig.box->Connect(metering.NewChannel(), identities.back()).ok());
        ASSERT_TRUE(rig.Drained());
        continue;
      }
    }
    if (life % 4 == 1) CopyFolder(scratch / "before", folder);
    if (life % 4 == 2) CopyFolder(scratch / "before/buffer", folder + "/buffer");
  }
  EXPECT_GE(ExpectOneChain(metering, "devices/box", identities), kLives / 2);
  EXPECT_FALSE(metering.conflicts());
  EXPECT_EQ(SumOf(metering, kPoint), (2 * kLives + 1) * 110);
}

TEST(MeterBoxTest, TheChainGoesOnAfterBatchesThatWereNotSigned) {
  const Scratch scratch;
  FakeMetering metering({});
  const Identity identity = NewIdentity();
  int64_t slot = 0;
  for (const bool sign : {true, false, true}) {
    Rig rig(scratch.path(), SendAs::kIntervals, 1 << 20, 1000, sign);
    for (const int64_t end = slot + 3; slot < end; ++slot) {
      rig.Show(kPoint, slot, slot * 100);
      rig.Tick();
    }
    if (slot < 9) continue;
    ASSERT_TRUE(rig.box->Connect(metering.NewChannel(), identity).ok());
    ASSERT_TRUE(rig.Drained());
  }
  EXPECT_EQ(ExpectOneChain(metering, "devices/box", {identity}), 5);
  EXPECT_EQ(metering.stored().size(), 8u);
}

TEST(MeterBoxTest, WhatIsToBeSignedIsNotSentWithoutAKey) {
  const Scratch scratch;
  FakeMetering metering({});
  Rig rig(scratch.path(), SendAs::kIntervals, 1 << 20, 1000, /*sign=*/true);
  for (const int64_t slot : {0, 1}) rig.Show(kPoint, slot, slot * 100);
  rig.box->Connect(metering.NewChannel());
  for (int i = 0; i < 50; ++i) rig.Tick();
  EXPECT_EQ(metering.batches_received(), 0);
  EXPECT_FALSE(rig.box->Connect(metering.NewChannel(), Identity()).ok()) << "no key";
  const Identity identity = NewIdentity();
  ASSERT_TRUE(rig.box->Connect(metering.NewChannel(), identity).ok());
  ASSERT_TRUE(rig.Drained());
  EXPECT_EQ(ExpectOneChain(metering, "devices/box", {identity}), 1);
}

TEST(MeterBoxTest, AFullBufferLosesQuarterHoursButNoEnergy) {
  const Scratch scratch;
  FakeMetering metering({});
  Rig rig(scratch.path(), SendAs::kIntervals, 2048, 3);
  for (int64_t slot = 0; slot <= 60; ++slot) {
    rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
  }
  EXPECT_GT(rig.box->state().disk_failures, 0);
  EXPECT_GT(rig.box->state().points.at(kPoint).boundaries_given_up, 0);
  ASSERT_TRUE(rig.Drain(metering));
  rig.Tick();
  ASSERT_TRUE(rig.Drain(metering));
  EXPECT_EQ(metering.stored().size(), 60u);
  EXPECT_EQ(SumOf(metering, kPoint), 6000 + 600);
}

// Batches as they lie in the buffer.
std::vector<metering::v1::Batch> Batches(const std::string& folder) {
  std::vector<metering::v1::Batch> batches;
  auto buffer = Buffer::Open({.folder = folder + "/buffer", .sync = false});
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  for (int64_t i = 1; i <= (*buffer)->state().last_index; ++i) {
    EXPECT_TRUE(batches.emplace_back().ParseFromString((*buffer)->Read(i)->payload));
  }
  return batches;
}

TEST(MeterBoxTest, SaysWhichValuesAreEstimated) {
  const Scratch scratch;
  {
    Rig rig(scratch.path());
    for (const int64_t slot : {0, 1, 4, 5}) rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
  }
  const auto batches = Batches(scratch.path());
  ASSERT_EQ(batches.size(), 1u);
  ASSERT_EQ(batches[0].series_size(), 3);
  const auto& gap = batches[0].series(1);
  EXPECT_EQ(gap.start_time().seconds(), absl::ToUnixSeconds(kStart) + 900);
  EXPECT_EQ(gap.import_energy_wh_size(), 3);
  EXPECT_EQ(gap.qualities(0), metering::v1::ESTIMATED);
  EXPECT_EQ(gap.method(), metering::v1::LINEAR);
  EXPECT_EQ(batches[0].series(2).qualities(0), metering::v1::MEASURED);
  EXPECT_EQ(batches[0].series(2).export_energy_wh(0), 10);
}

TEST(MeterBoxTest, SendsRegisterValuesThatStandAlone) {
  const Scratch scratch;
  {
    Rig rig(scratch.path(), SendAs::kRegisters);
    for (const int64_t slot : {0, 1}) rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
    for (const int64_t slot : {2, 3, 6, 7}) rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
  }
  const auto batches = Batches(scratch.path());
  ASSERT_EQ(batches.size(), 2u);
  ASSERT_EQ(batches[0].registers_size(), 2);
  EXPECT_EQ(batches[0].registers(0).energy_wh_size(), 2);
  EXPECT_EQ(batches[0].registers(0).meter(), "m1");
  // The second begins with the value that the first ended with; a gap begins another series.
  ASSERT_EQ(batches[1].registers_size(), 4);
  const auto& joined = batches[1].registers(0);
  EXPECT_EQ(joined.register_(), metering::v1::RegisterSeries::IMPORT);
  EXPECT_EQ(joined.start_time().seconds(), absl::ToUnixSeconds(kStart) + 900);
  EXPECT_EQ(std::vector<int64_t>(joined.energy_wh().begin(), joined.energy_wh().end()),
            (std::vector<int64_t>{100, 200, 300}));
  EXPECT_EQ(batches[1].registers(1).register_(), metering::v1::RegisterSeries::EXPORT);
  EXPECT_EQ(batches[1].registers(1).energy_wh(2), 30);
  EXPECT_EQ(batches[1].registers(2).start_time().seconds(), absl::ToUnixSeconds(kStart) + 6 * 900);
  EXPECT_EQ(batches[1].registers(2).energy_wh_size(), 2);
}

TEST(MeterBoxTest, RefusesADamagedCheckpoint) {
  const Scratch scratch;
  {
    Rig rig(scratch.path());
    for (const int64_t slot : {0, 1}) rig.Show(kPoint, slot, slot * 100);
    rig.Tick();
  }
  for (const char* text :
       {"", "{}", "[]", "{\"record\":1,\"through\":1,\"batch\":\"*\",\"points\":{}}",
        "{\"record\":1,\"through\":1,\"batch\":\"\",\"points\":"
        "{\"meteringPoints/a1\":{\"time\":1}}}",
        "{\"record\":1,\"through\":1,\"batch\":\"\",\"points\":{},\"signed_counter\":1}",
        "{\"record\":1,\"through\":1,\"batch\":\"\",\"points\":{},\"signed_counter\":1,"
        "\"signed_digest\":\"YQ==\"}"}) {
    ASSERT_TRUE(ReplaceFile(scratch / "checkpoint.json", text, 0600, false).ok());
    MeterBoxOptions options;
    options.folder = scratch.path();
    options.buffer = {.folder = scratch / "buffer", .sync = false};
    BoxSource source;
    source.make = [](ObservationSink sink) { return std::make_unique<SilentSource>("s", sink); };
    source.points.emplace_back().metering_point = kPoint;
    options.sources.push_back(source);
    EXPECT_EQ(ReasonOf(MeterBox::New(std::move(options)).status()), "BUFFER_DAMAGED") << text;
  }
}

}  // namespace
}  // namespace peerwatt::agent
