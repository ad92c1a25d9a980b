#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "peerwatt/metering/v1/exchange.grpc.pb.h"
#include "services/metering/formats/text.h"
#include "services/metering/rpc/exchange_service.h"
#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Request = v1::ImportReadingsRequest;

/// The service besides the others, on the same queue.
class ExchangeTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    exchange_ = std::make_unique<ExchangeService>(*queue_, gated_, directory_, clock_,
                                                  ExchangeLimits{.imports_max = 1});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             rpc::MutualTlsServer(Certificates::Instance().Of("metering")),
                             &exchange_port_);
    builder.RegisterService(exchange_.get());
    exchange_server_ = builder.BuildAndStart();
    ASSERT_NE(exchange_server_, nullptr);
    stub_ = v1::Exchange::NewStub(
        rpc::MutualTlsChannel("127.0.0.1:" + std::to_string(exchange_port_),
                              Certificates::Instance().Of("gateway"), "metering"));
  }
  void TearDown() override {
    exchange_server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
    exchange_server_->Wait();
    ServiceTest::TearDown();
  }

  static Request Spec(v1::FileFormat format, bool skip = false, const std::string& point = "") {
    Request request;
    request.mutable_spec()->set_format(format);
    request.mutable_spec()->set_on_error(skip ? Request::Spec::SKIP : Request::Spec::STOP);
    request.mutable_spec()->set_metering_point(point);
    return request;
  }
  static std::string Lines(int first, int count, const std::string& point = "m1") {
    std::string lines;
    for (int i = first; i < first + count; ++i) {
      absl::StrAppend(&lines, point, ",");
      AppendInstant(Quarter(i), lines);
      lines += ',';
      AppendInstant(Quarter(i + 1), lines);
      absl::StrAppend(&lines, ",", 100 + i, ",", i % 3, ",",
                      i % 2 == 0   ? ","
                      : i % 3 == 0 ? "ESTIMATED,PROFILE"
                                   : "CALCULATED,SPLIT",
                      "\n");
    }
    return lines;
  }
  static std::string Csv(const std::string& lines) {
    return "metering_point,start_time,end_time,import_wh,export_wh,quality,method\n" + lines;
  }

  grpc::Status Import(const Request& spec, const std::string& file, bool end = true,
                      access::v1::Role role = access::v1::OPERATOR) {
    grpc::ClientContext context;
    ActAs(context, "users/u1", role);
    response_.Clear();
    const auto writer = stub_->ImportReadings(&context, &response_);
    writer->Write(spec);
    for (size_t at = 0; at < file.size(); at += 1000) {
      Request piece;
      piece.set_content(file.substr(at, 1000));
      writer->Write(piece);
    }
    if (end) {
      Request last;
      last.mutable_end();
      writer->Write(last);
    }
    writer->WritesDone();
    return writer->Finish();
  }
  std::vector<std::string> Errors() const {
    std::vector<std::string> errors;
    for (const auto& error : response_.errors()) {
      errors.push_back(absl::StrCat(error.line(), " ",
                                    peerwatt::ReasonOf(rpc::FromRpcStatus(error.status()))));
    }
    return errors;
  }
  grpc::Status Export(const std::string& point, v1::FileFormat format, std::string& file,
                      access::v1::Role role = access::v1::OPERATOR,
                      const std::string& participant = "") {
    grpc::ClientContext context;
    ActAs(context, "users/u1", role, participant);
    v1::ExportReadingsRequest request;
    request.set_parent("meteringPoints/" + point);
    *request.mutable_start_time() = rpc::ToProto(Quarter(0));
    *request.mutable_end_time() = rpc::ToProto(Quarter(96));
    request.set_format(format);
    const auto reader = stub_->ExportReadings(&context, request);
    google::api::HttpBody piece;
    file.clear();
    while (reader->Read(&piece)) {
      file += piece.data();
    }
    return reader->Finish();
  }
  /// What is known of a point, without revisions and times of storage.
  std::vector<std::string> Known(const std::string& point) {
    std::vector<std::string> known;
    for (const Reading& reading : Revisions(point)) {
      known.push_back(absl::StrCat(absl::ToUnixSeconds(reading.start), " ", reading.imported.wh(),
                                   " ", reading.exported.wh(), " ",
                                   QualityName(reading.quality), " ",
                                   MethodName(reading.method), " ", reading.revision));
    }
    return known;
  }

  std::unique_ptr<ExchangeService> exchange_;
  std::unique_ptr<grpc::Server> exchange_server_;
  std::unique_ptr<v1::Exchange::Stub> stub_;
  v1::ImportReadingsResponse response_;
  int exchange_port_ = 0;
};

TEST_F(ExchangeTest, ImportsAgainWithoutAChange) {
  ASSERT_TRUE(Import(Spec(v1::CSV), Csv(Lines(0, 90))).ok());
  EXPECT_EQ(response_.stored_count(), 90);
  EXPECT_TRUE(response_.complete());
  ASSERT_TRUE(Import(Spec(v1::CSV), Csv(Lines(0, 90))).ok());
  EXPECT_EQ(response_.stored_count(), 0);
  EXPECT_EQ(response_.unchanged_count(), 90);
  EXPECT_EQ(Revisions("m1").size(), 90u);
}

TEST_F(ExchangeTest, GoesRoundInBothFormats) {
  ASSERT_TRUE(Import(Spec(v1::CSV), Csv(Lines(0, 50) + Lines(60, 30))).ok());
  for (const v1::FileFormat format : {v1::CSV, v1::ESPI_XML}) {
    const std::string fresh = format == v1::CSV ? "m2" : "m3";
    directory_.Add(fresh);
    std::string file;
    ASSERT_TRUE(Export("m1", format, file).ok());
    ASSERT_TRUE(Import(Spec(format, false, "meteringPoints/" + fresh), file).ok());
    EXPECT_THAT(Errors(), IsEmpty());
    EXPECT_EQ(response_.stored_count(), 80);
    EXPECT_EQ(Known(fresh), Known("m1"));
    // And into the point that it is of, nothing changes.
    ASSERT_TRUE(Import(Spec(format), file).ok());
    EXPECT_EQ(response_.unchanged_count(), 80);
    EXPECT_EQ(response_.stored_count(), 0);
  }
}

TEST_F(ExchangeTest, StopsOrSkipsAsAsked) {
  const std::string file = Csv(Lines(0, 3) + "bad\n" + Lines(3, 3) + Lines(95, 9));
  ASSERT_TRUE(Import(Spec(v1::CSV), file).ok());
  EXPECT_EQ(response_.stored_count(), 0);
  EXPECT_EQ(response_.refused_count(), 1);
  EXPECT_FALSE(response_.complete());
  EXPECT_THAT(Errors(), ElementsAre("5 FILE_LINE_INVALID"));
  EXPECT_THAT(Revisions("m1"), IsEmpty());
  ASSERT_TRUE(Import(Spec(v1::CSV, /*skip=*/true), file).ok());
  EXPECT_EQ(response_.stored_count(), 7);
  EXPECT_TRUE(response_.complete());
  EXPECT_EQ(response_.refused_count(), 9);
  EXPECT_EQ(Errors()[1], "10 READING_IN_FUTURE");
}

TEST_F(ExchangeTest, LeavesAFileThatMayBeCutOff) {
  ASSERT_TRUE(Import(Spec(v1::CSV), Csv(Lines(0, 3)), /*end=*/false).ok());
  EXPECT_FALSE(response_.complete());
  EXPECT_THAT(Errors(), ElementsAre("5 FILE_INCOMPLETE"));
  EXPECT_THAT(Revisions("m1"), IsEmpty());
}

TEST_F(ExchangeTest, RefusesWhoMayNotAndWhatIsUnclear) {
  EXPECT_EQ(ReasonOf(Import(Spec(v1::CSV), "", true, access::v1::CONSUMER)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Import(Spec(v1::FILE_FORMAT_UNSPECIFIED), "")), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Import(Request(), "")), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Import(Spec(v1::CSV, false, "m1"), "")), "FIELD_INVALID");
  std::string file;
  EXPECT_EQ(ReasonOf(Export("m1", v1::CSV, file, access::v1::CONSUMER, "participants/other")),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Export("none", v1::CSV, file, access::v1::CONSUMER, "participants/other")),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Export("none", v1::CSV, file)), "METERING_POINT_UNKNOWN");
  EXPECT_EQ(ReasonOf(Export("m1", v1::FILE_FORMAT_UNSPECIFIED, file)), "FIELD_INVALID");
  EXPECT_TRUE(Export("m1", v1::CSV, file, access::v1::CONSUMER, "participants/p-m1").ok());
  EXPECT_EQ(std::vector<std::string>(absl::StrSplit(file, "\r\n")).size(), 2u);
}

TEST_F(ExchangeTest, TakesOnlySoManyFilesAtATime) {
  grpc::ClientContext context;
  ActAs(context, "users/u1", access::v1::OPERATOR);
  v1::ImportReadingsResponse response;
  const auto first = stub_->ImportReadings(&context, &response);
  ASSERT_TRUE(first->Write(Spec(v1::CSV)));
  // The first one is under way when it has taken more than the wire holds.
  Request piece;
  piece.set_content(std::string(400 << 10, '\n'));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(first->Write(piece));
  }
  EXPECT_EQ(ReasonOf(Import(Spec(v1::CSV), "")), "TRANSFERS_EXCEEDED");
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  EXPECT_TRUE(Import(Spec(v1::CSV), Csv("")).ok());
  EXPECT_TRUE(response_.complete());
}

TEST_F(ExchangeTest, SaysSoWhenNothingCanBeDecided) {
  gated_.FailNext(1, Error(kDatabaseUnavailable, "away"));
  EXPECT_EQ(ReasonOf(Import(Spec(v1::CSV), Csv(Lines(0, 3)))), "DATABASE_UNAVAILABLE");
}

}  // namespace
}  // namespace peerwatt::metering::testing
