#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "services/gateway/api/wire_error.h"
#include "tests/unit/gateway/gateway_fixture.h"

namespace peerwatt::gateway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Acknowledgement = metering::v1::StreamReadingsResponse::Acknowledgement;

std::string ReasonIn(const grpc::Status& status) {
  google::rpc::Status proto;
  proto.ParseFromString(status.error_details());
  return WireReasonOf(proto);
}

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  return context;
}

/// A stream of a device.
struct DeviceEnd {
  explicit DeviceEnd(const std::shared_ptr<grpc::Channel>& channel)
      : stub(metering::v1::Metering::NewStub(channel)), context(NewContext()),
        stream(stub->StreamReadings(context.get())) {}

  bool Open() {
    metering::v1::StreamReadingsRequest request;
    request.mutable_open();
    return stream->Write(request);
  }
  int64_t ReadOpened() {
    metering::v1::StreamReadingsResponse response;
    EXPECT_TRUE(stream->Read(&response));
    return response.opened().acknowledged_sequence();
  }
  bool Send(int64_t sequence, const std::string& point = "meteringPoints/mp1",
            size_t values = 1) {
    metering::v1::StreamReadingsRequest request;
    request.mutable_batch()->set_sequence(sequence);
    auto& series = *request.mutable_batch()->add_series();
    series.set_metering_point(point);
    for (size_t i = 0; i < values; ++i) series.add_import_energy_wh(5);
    return stream->Write(request);
  }
  /// `<sequence> <reason>` of every answer until the stream ends.
  std::vector<std::string> ReadAll() {
    std::vector<std::string> answers;
    metering::v1::StreamReadingsResponse response;
    while (stream->Read(&response)) {
      const Acknowledgement& ack = response.acknowledgement();
      answers.push_back(absl::StrCat(ack.sequence(), " ", WireReasonOf(ack.status())));
    }
    return answers;
  }
  std::string ReadOne() {
    metering::v1::StreamReadingsResponse response;
    if (!stream->Read(&response)) return "ended";
    return absl::StrCat(response.acknowledgement().sequence(), " ",
                        WireReasonOf(response.acknowledgement().status()));
  }

  std::unique_ptr<metering::v1::Metering::Stub> stub;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientReaderWriter<metering::v1::StreamReadingsRequest,
                                           metering::v1::StreamReadingsResponse>>
      stream;
};

constexpr char kDevice[] = "spiffe://peerwatt/device/d1";

class DeviceDoorTest : public GatewayFixture {
 protected:
  explicit DeviceDoorTest(DeviceWindow window = {8, 2 << 20}) : GatewayFixture(window) {
    registry_internal_.Set("devices/d1", registry::v1::Device::ACTIVE, {"meteringPoints/mp1"});
  }
  // How a stream of this device ends when it is just opened and read.
  static grpc::Status OpenAndRead(const std::shared_ptr<grpc::Channel>& channel) {
    DeviceEnd device(channel);
    device.ReadAll();
    return device.stream->Finish();
  }
  /// Waits until metering holds back so many answers.
  void WaitForHeld(size_t count) {
    const absl::MutexLock lock(&metering_.mutex);
    const auto reached = [this, count]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return metering_.held_count >= count;
    };
    EXPECT_TRUE(metering_.mutex.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(10)));
  }
};

TEST_F(DeviceDoorTest, RelaysTheStreamAndAnswersForeignPointsInTurn) {
  for (const bool merges : {false, true}) {
    {
      const absl::MutexLock lock(&metering_.mutex);
      metering_.merges = merges;
      metering_.batches.clear();
    }
    DeviceEnd device(DeviceChannel(kDevice));
    ASSERT_TRUE(device.Open());
    ASSERT_TRUE(device.Send(8));
    ASSERT_TRUE(device.Send(9, "meteringPoints/foreign"));
    ASSERT_TRUE(device.Send(10));
    ASSERT_TRUE(device.Send(11));
    device.stream->WritesDone();
    EXPECT_EQ(device.ReadOpened(), 7);
    const std::vector<std::string> answers = device.ReadAll();
    EXPECT_TRUE(device.stream->Finish().ok());
    EXPECT_THAT(metering_.Batches(),
                ElementsAre("devices/d1 8", "devices/d1 10", "devices/d1 11"));
    if (!merges) {
      EXPECT_THAT(answers, ElementsAre("8 ", "9 METERING_POINT_FORBIDDEN", "10 ", "11 "));
    } else {
      ASSERT_GE(answers.size(), 3U);
      EXPECT_EQ(answers[0], "8 ");
      EXPECT_EQ(answers[1], "9 METERING_POINT_FORBIDDEN");
      EXPECT_EQ(answers.back(), "11 ");
    }
  }
}

// Sends bytes as they are on a stream and reads one answer per message.
std::vector<std::string> SendBytes(const std::shared_ptr<grpc::Channel>& channel,
                                   const std::vector<std::string>& messages, size_t answers,
                                   grpc::Status* status) {
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto context = NewContext();
  const auto call =
      stub.PrepareCall(context.get(), "/peerwatt.metering.v1.Metering/StreamReadings", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  std::vector<std::string> out;
  for (const std::string& message : messages) {
    const grpc::Slice slice(message);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    queue.Next(&tag, &ok);
  }
  call->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  for (size_t i = 0; i < answers; ++i) {
    grpc::ByteBuffer bytes;
    call->Read(&bytes, nullptr);
    queue.Next(&tag, &ok);
    metering::v1::StreamReadingsResponse response;
    if (!ok || !grpc::SerializationTraits<metering::v1::StreamReadingsResponse>::Deserialize(
                    &bytes, &response)
                    .ok()) {
      break;
    }
    out.push_back(absl::StrCat(response.acknowledgement().sequence(), " ",
                               WireReasonOf(response.acknowledgement().status())));
  }
  call->Finish(status, nullptr);
  queue.Next(&tag, &ok);
  return out;
}

TEST_F(DeviceDoorTest, RefusesABatchThatCannotBeReadInItsTurn) {
  metering::v1::StreamReadingsRequest open;
  open.mutable_open();
  metering::v1::StreamReadingsRequest good;
  good.mutable_batch()->set_sequence(3);
  grpc::Status status;
  const std::vector<std::string> answers =
      SendBytes(DeviceChannel(kDevice),
                {open.SerializeAsString(), good.SerializeAsString(),
                 std::string("\x12\x04\x08\x05\x12\x7f", 6), good.SerializeAsString()},
                4, &status);
  EXPECT_THAT(answers, ElementsAre("0 ", "3 ", "5 BATCH_UNREADABLE", "3 "));
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(DeviceDoorTest, AStreamBeginsWithOpenAndOpensOnce) {
  metering::v1::StreamReadingsRequest open;
  open.mutable_open();
  metering::v1::StreamReadingsRequest batch;
  batch.mutable_batch()->set_sequence(3);
  const auto channel = DeviceChannel(kDevice);
  grpc::Status status;
  SendBytes(channel, {batch.SerializeAsString()}, 1, &status);
  EXPECT_EQ(ReasonIn(status), "STREAM_OUT_OF_ORDER");
  SendBytes(channel, {open.SerializeAsString(), open.SerializeAsString()}, 2, &status);
  EXPECT_EQ(ReasonIn(status), "STREAM_OUT_OF_ORDER");
  SendBytes(channel, {open.SerializeAsString(), ""}, 2, &status);
  EXPECT_EQ(ReasonIn(status), "FIELD_INVALID");
}

// Sends 200 batches while metering holds its answers back; lets them go after `wait`.
void SendMany(DeviceEnd& device, FakeMetering& metering, const std::function<void()>& wait) {
  ASSERT_TRUE(device.Open());
  EXPECT_EQ(device.ReadOpened(), 7);
  metering.SetOpen(false);
  std::thread sender([&device] {
    for (int64_t i = 1; i <= 200; ++i) EXPECT_TRUE(device.Send(i, "meteringPoints/mp1", 2000));
    device.stream->WritesDone();
  });
  wait();
  metering.SetOpen(true);
  EXPECT_EQ(device.ReadAll().size(), 200U);
  sender.join();
  EXPECT_TRUE(device.stream->Finish().ok());
}

TEST_F(DeviceDoorTest, ReadsNoFurtherThanItsWindow) {
  DeviceEnd device(DeviceChannel(kDevice));
  SendMany(device, metering_, [this] { WaitForHeld(8); });
  const absl::MutexLock lock(&metering_.mutex);
  EXPECT_EQ(metering_.held_max, 8U);
}

class WideWindowTest : public DeviceDoorTest {
 protected:
  WideWindowTest() : DeviceDoorTest({1000, 64 << 20}) {}
};

TEST_F(WideWindowTest, ReadsAllThatComes) {
  // Negative control of the test above: the window is what holds the reader back.
  DeviceEnd device(DeviceChannel(kDevice));
  SendMany(device, metering_, [this] { WaitForHeld(200); });
}

class FewBytesTest : public DeviceDoorTest {
 protected:
  FewBytesTest() : DeviceDoorTest({1000, 20'000}) {}
};

TEST_F(FewBytesTest, ReadsNoFurtherThanItsBytes) {
  DeviceEnd device(DeviceChannel(kDevice));
  SendMany(device, metering_, [this] { WaitForHeld(10); });
  const absl::MutexLock lock(&metering_.mutex);
  EXPECT_EQ(metering_.held_max, 10U) << "ten batches of 2,030 bytes are over the bound";
}

TEST_F(DeviceDoorTest, EndsAnOpenStreamOnRevocation) {
  DeviceEnd device(DeviceChannel(kDevice));
  ASSERT_TRUE(device.Open());
  EXPECT_EQ(device.ReadOpened(), 7);
  registry_internal_.Set("devices/d1", registry::v1::Device::REVOKED, {});
  EXPECT_EQ(device.ReadOne(), "ended");
  EXPECT_EQ(ReasonIn(device.stream->Finish()), "DEVICE_REVOKED");
}

TEST_F(DeviceDoorTest, TakesNewMeteringPointsOfAnOpenStream) {
  DeviceEnd device(DeviceChannel(kDevice));
  ASSERT_TRUE(device.Open());
  EXPECT_EQ(device.ReadOpened(), 7);
  ASSERT_TRUE(device.Send(8, "meteringPoints/mp2"));
  EXPECT_EQ(device.ReadOne(), "8 METERING_POINT_FORBIDDEN");
  registry_internal_.Set("devices/d1", registry::v1::Device::ACTIVE, {"meteringPoints/mp2"});
  const absl::Time end = absl::Now() + absl::Seconds(10);
  std::string answer;
  while (answer != "9 " && absl::Now() < end) {
    ASSERT_TRUE(device.Send(9, "meteringPoints/mp2"));
    answer = device.ReadOne();
  }
  EXPECT_EQ(answer, "9 ");
}

TEST_F(DeviceDoorTest, AsksTheRegistryTogether) {
  const auto channel = DeviceChannel(kDevice);
  {
    // Whoever comes now waits together.
    const absl::MutexLock lock(&registry_internal_.mutex);
    registry_internal_.answers = false;
  }
  std::vector<std::unique_ptr<DeviceEnd>> devices;
  for (int i = 0; i < 4; ++i) {
    devices.push_back(std::make_unique<DeviceEnd>(channel));
    ASSERT_TRUE(devices.back()->Open());
  }
  {
    const absl::MutexLock lock(&registry_internal_.mutex);
    registry_internal_.answers = true;
  }
  for (const auto& device : devices) EXPECT_EQ(device->ReadOpened(), 7);
  const absl::MutexLock lock(&registry_internal_.mutex);
  EXPECT_GT(registry_internal_.asked, registry_internal_.calls);
}

TEST_F(DeviceDoorTest, EndsStreamsWhenTheGatewayStops) {
  DeviceEnd device(DeviceChannel(kDevice));
  ASSERT_TRUE(device.Open());
  EXPECT_EQ(device.ReadOpened(), 7);
  doors_->Drain(absl::Seconds(5));
  EXPECT_EQ(device.ReadOne(), "ended");
  const grpc::Status status = device.stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "GATEWAY_STOPPING");
}

TEST_F(DeviceDoorTest, EndsStreamsWhenTheRelayBreaksAndTakesNewOnes) {
  const auto channel = DeviceChannel(kDevice);
  DeviceEnd device(channel);
  ASSERT_TRUE(device.Open());
  EXPECT_EQ(device.ReadOpened(), 7);
  metering_.Break();
  EXPECT_EQ(device.ReadOne(), "ended");
  const grpc::Status status = device.stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(ReasonIn(status), "PEER_UNAVAILABLE");
  DeviceEnd again(channel);
  ASSERT_TRUE(again.Open());
  EXPECT_EQ(again.ReadOpened(), 7);
  ASSERT_TRUE(again.Send(8));
  EXPECT_EQ(again.ReadOne(), "8 ");
}

TEST_F(DeviceDoorTest, RefusesWhoIsNoActiveDeviceWithAKnownCertificate) {
  EXPECT_EQ(ReasonIn(OpenAndRead(DeviceChannel("spiffe://peerwatt/service/agent"))),
            "CERTIFICATE_UNKNOWN");
  EXPECT_EQ(ReasonIn(OpenAndRead(DeviceChannel("spiffe://peerwatt/device/stranger"))),
            "CERTIFICATE_UNKNOWN");
  const auto old = DeviceChannel("spiffe://peerwatt/device/d1");
  DeviceChannel("spiffe://peerwatt/device/d1");
  EXPECT_EQ(ReasonIn(OpenAndRead(old)), "CERTIFICATE_UNKNOWN");
  registry_internal_.Set("devices/d1", registry::v1::Device::REVOKED, {});
  const grpc::Status revoked = OpenAndRead(DeviceChannel("spiffe://peerwatt/device/d1"));
  EXPECT_EQ(revoked.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonIn(revoked), "DEVICE_REVOKED");
}

TEST_F(DeviceDoorTest, SaysUnavailableWhenTheServicesAreAway) {
  const auto channel = DeviceChannel(kDevice);
  StopServices();
  const grpc::Status status = OpenAndRead(channel);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "PEER_UNAVAILABLE");
}

TEST_F(DeviceDoorTest, RenewsACertificateAsTheDevice) {
  const auto stub =
      registry::v1::Registry::NewStub(DeviceChannel("spiffe://peerwatt/device/d1"));
  registry::v1::RenewDeviceCertificateRequest request;
  request.set_name("devices/d1");
  registry::v1::DeviceCertificate response;
  const grpc::Status status = stub->RenewDeviceCertificate(NewContext().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.certificate_pem(), "for devices/d1");
  EXPECT_THAT(registry_.Caller(), HasSubstr("subject: \"devices/d1\" roles: DEVICE"));
  registry::v1::GetCommunityRequest other;
  registry::v1::Community community;
  EXPECT_EQ(ReasonIn(stub->GetCommunity(NewContext().get(), other, &community)), "METHOD_UNKNOWN");
}

}  // namespace
}  // namespace peerwatt::gateway::testing
