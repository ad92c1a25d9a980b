#include <algorithm>
#include <thread>

#include "libs/base/error.h"
#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::ServiceTest;
using Stream = grpc::ClientReaderWriter<v1::StreamReadingsRequest, v1::StreamReadingsResponse>;

/// One open stream of a device.
struct Device {
  std::unique_ptr<v1::Metering::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<Stream> stream;

  bool Open() {
    v1::StreamReadingsRequest request;
    request.mutable_open();
    return stream->Write(request);
  }
  bool Send(int64_t sequence, const v1::Series& series) {
    v1::StreamReadingsRequest request;
    request.mutable_batch()->set_sequence(sequence);
    *request.mutable_batch()->add_series() = series;
    return stream->Write(request);
  }
  v1::StreamReadingsResponse Read() {
    v1::StreamReadingsResponse response;
    EXPECT_TRUE(stream->Read(&response));
    return response;
  }
  v1::StreamReadingsResponse::Acknowledgement ReadAcknowledgement() {
    return Read().acknowledgement();
  }
  grpc::Status Close() {
    stream->WritesDone();
    v1::StreamReadingsResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  }
};

class StreamTest : public ServiceTest {
 protected:
  std::unique_ptr<Device> Connect(access::v1::Role role = access::v1::DEVICE,
                                  const std::string& peer = "gateway") {
    auto device = std::make_unique<Device>();
    device->stub = Public(peer);
    ActAs(device->context, "devices/d1", role);
    device->stream = device->stub->StreamReadings(&device->context);
    return device;
  }
  v1::Series One(int quarter, int64_t wh = 10) {
    return ToProto(Quarters("m1", Quarter(quarter), 1, wh));
  }
  /// Waits until the queue has nothing more to do with what was answered.
  void WaitUntilIdle() {
    while (queue_->item_count() > 0) {
      std::this_thread::yield();
    }
  }
  /// Waits until so many batches are in the queue.
  void WaitForItems(size_t count) {
    while (queue_->item_count() < count) {
      std::this_thread::yield();
    }
  }
};

TEST_F(StreamTest, AcknowledgesInOrderWhatIsDurable) {
  const auto device = Connect();
  ASSERT_TRUE(device->Open());
  const auto opened = device->Read().opened();
  EXPECT_EQ(opened.acknowledged_sequence(), 0);
  EXPECT_EQ(opened.batches_in_flight_max(), 32);
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(device->Send(i, One(i)));
  }
  for (int i = 1; i <= 20; ++i) {
    const auto acknowledgement = device->ReadAcknowledgement();
    EXPECT_EQ(acknowledgement.sequence(), i);
    EXPECT_EQ(acknowledgement.status().code(), 0) << acknowledgement.status().message();
    EXPECT_EQ(acknowledgement.stored_count(), 1);
    // Another connection sees it at once: it was committed before it was acknowledged.
    EXPECT_GE(Revisions("m1").size(), static_cast<size_t>(i));
    EXPECT_GE(*store_.AcknowledgedSequence(DeviceId("d1")), i);
  }
  EXPECT_TRUE(device->Close().ok());
}

TEST_F(StreamTest, ResumesWhereItWasAndTakesAReplayForWhatItIs) {
  {
    const auto device = Connect();
    device->Open();
    device->Read();
    device->Send(1, One(1));
    device->Send(2, One(2));
    device->ReadAcknowledgement();
    device->ReadAcknowledgement();
    EXPECT_TRUE(device->Close().ok());
  }
  const auto device = Connect();
  device->Open();
  EXPECT_EQ(device->Read().opened().acknowledged_sequence(), 2);
  device->Send(2, One(2));
  const auto acknowledgement = device->ReadAcknowledgement();
  EXPECT_EQ(acknowledgement.status().code(), 0);
  EXPECT_EQ(acknowledgement.stored_count(), 0);
  EXPECT_EQ(acknowledgement.unchanged_count(), 1);
}

TEST_F(StreamTest, RefusedBatchIsAnsweredAndTheStreamGoesOn) {
  const auto device = Connect();
  device->Open();
  device->Read();
  device->Send(1, One(1));
  device->Send(2, One(2, -1));
  device->Send(3, ToProto(Quarters("unknown", Quarter(3), 1)));
  v1::Series unreadable = One(4);
  unreadable.set_metering_point("nonsense");
  device->Send(4, unreadable);
  device->Send(0, One(5));
  device->Send(6, One(6));
  std::vector<std::string> reasons;
  for (int i = 0; i < 6; ++i) {
    reasons.push_back(
        peerwatt::ReasonOf(rpc::FromRpcStatus(device->ReadAcknowledgement().status())));
  }
  EXPECT_EQ(reasons, std::vector<std::string>({"", "ENERGY_NEGATIVE", "METERING_POINT_UNKNOWN",
                                               "FIELD_INVALID", "FIELD_INVALID", ""}));
  EXPECT_EQ(Revisions("m1").size(), 2u);
  EXPECT_NE(metrics_.Serialize().find("peerwatt_metering_batches_total{result=\"refused\"} 4"),
            std::string::npos);
  EXPECT_NE(metrics_.Serialize().find("peerwatt_metering_readings_total{result=\"stored\"} 2"),
            std::string::npos);
}

TEST_F(StreamTest, FirstMessageMustBeOpen) {
  const auto device = Connect();
  device->Send(1, One(1));
  EXPECT_EQ(ReasonOf(device->Close()), "STREAM_OUT_OF_ORDER");
}

TEST_F(StreamTest, OpenComesOnce) {
  const auto device = Connect();
  device->Open();
  device->Read();
  device->Open();
  EXPECT_EQ(ReasonOf(device->Close()), "STREAM_OUT_OF_ORDER");
}

TEST_F(StreamTest, OnlyDevicesBehindTheGatewayMayStream) {
  EXPECT_EQ(ReasonOf(Connect(access::v1::OPERATOR)->Close()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Connect(access::v1::DEVICE, "market")->Close()), "CALLER_UNKNOWN");
}

TEST_F(StreamTest, ReadsNoFurtherThanTheBatchesInFlight) {
  Start({.in_flight_max = 4});
  gated_.Close();
  const auto device = Connect();
  device->Open();
  EXPECT_EQ(device->Read().opened().batches_in_flight_max(), 4);
  WaitUntilIdle();
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(device->Send(i, One(i)));
  }
  WaitForItems(4);
  gated_.Open();
  for (int i = 1; i <= 60; ++i) {
    EXPECT_EQ(device->ReadAcknowledgement().sequence(), i);
  }
  for (const size_t group : gated_.groups()) {
    EXPECT_LE(group, 4u);
  }
}

TEST_F(StreamTest, WithoutABoundItReadsFurther) {
  // Negative control of the test above: the bound is what holds the reader back.
  Start({.in_flight_max = 1000});
  gated_.Close();
  const auto device = Connect();
  device->Open();
  device->Read();
  WaitUntilIdle();
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(device->Send(i, One(i)));
  }
  WaitForItems(60);
  gated_.Open();
  for (int i = 1; i <= 60; ++i) {
    device->ReadAcknowledgement();
  }
  const std::vector<size_t> groups = gated_.groups();
  EXPECT_GT(*std::max_element(groups.begin(), groups.end()), 4u);
}

TEST_F(StreamTest, FullQueueStopsReadingUntilThereIsRoom) {
  Start({.in_flight_max = 1000, .queue_readings_max = 3});
  gated_.Close();
  const auto device = Connect();
  device->Open();
  device->Read();
  WaitUntilIdle();
  for (int i = 1; i <= 30; ++i) {
    ASSERT_TRUE(device->Send(i, One(i)));
  }
  WaitForItems(3);
  gated_.Open();
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(device->ReadAcknowledgement().sequence(), i);
  }
  for (const size_t group : gated_.groups()) {
    EXPECT_LE(group, 3u);
  }
}

TEST_F(StreamTest, BatchesWaitWhileTheDatabaseIsDownAndKeepTheirOrder) {
  gated_.FailNext(2, Error(kDatabaseUnavailable, "down"));
  const auto device = Connect();
  device->Open();
  device->Read();
  for (int i = 1; i <= 5; ++i) {
    device->Send(i, One(i));
  }
  for (int i = 1; i <= 5; ++i) {
    const auto acknowledgement = device->ReadAcknowledgement();
    EXPECT_EQ(acknowledgement.sequence(), i);
    EXPECT_EQ(acknowledgement.status().code(), 0);
  }
  EXPECT_EQ(gated_.failures_left(), 0);
}

TEST_F(StreamTest, DrainAnswersWhatWasReadAndEndsTheStream) {
  const auto device = Connect();
  device->Open();
  device->Read();
  WaitUntilIdle();
  gated_.Close();
  device->Send(1, One(1));
  WaitForItems(1);
  streams_->Drain();
  gated_.Open();
  EXPECT_EQ(device->ReadAcknowledgement().sequence(), 1);
  v1::StreamReadingsResponse response;
  EXPECT_FALSE(device->stream->Read(&response));
  const grpc::Status status = device->stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
}

TEST_F(StreamTest, DeviceThatGoesAwayLeavesNothingBehind) {
  gated_.Close();
  {
    const auto device = Connect();
    device->Open();
    device->Read();
    WaitUntilIdle();
    for (int i = 1; i <= 3; ++i) {
      device->Send(i, One(i));
    }
    WaitForItems(3);
    device->context.TryCancel();
    EXPECT_EQ(device->stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  gated_.Open();
  WaitUntilIdle();
  const auto device = Connect();
  device->Open();
  const int64_t acknowledged = device->Read().opened().acknowledged_sequence();
  EXPECT_EQ(std::ssize(Revisions("m1")), acknowledged) << "the position tells what is stored";
}

}  // namespace
}  // namespace peerwatt::metering
