#include <unistd.h>

#include <future>
#include <memory>
#include <string>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"

namespace peerwatt::rpc {
namespace {

constexpr char kServing = 1;
constexpr char kNotServing = 2;

/// Asks the health service about `name`, as a probe does: grpc.health.v1 by its bytes.
/// Returns the serving status, or 0 when the name is not known.
char HealthOf(const std::string& address, const std::string& name) {
  std::string question;
  if (!name.empty()) {
    question = absl::StrCat("\x0a", std::string(1, static_cast<char>(name.size())), name);
  }
  const grpc::Slice slice(question);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(10));
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&](grpc::Status status) { ended.set_value(std::move(status)); });
  const grpc::Status status = ended.get_future().get();
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return 0;
  EXPECT_TRUE(status.ok()) << status.error_message();
  grpc::Slice answer;
  EXPECT_TRUE(response.DumpToSingleSlice(&answer).ok());
  EXPECT_EQ(answer.size(), 2U);
  return answer.size() == 2 ? static_cast<char>(answer.begin()[1]) : '\0';
}

TEST(HealthTest, TellsLivenessApartFromReadiness) {
  const std::string address =
      absl::StrCat("unix:", ::testing::TempDir(), "health_test.", getpid(), ".sock");
  telemetry::Metrics metrics;
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.health_address = address;
  options.credentials = grpc::InsecureServerCredentials();
  auto server = Server::Start(options, {}, metrics);
  ASSERT_TRUE(server.ok()) << server.status();

  EXPECT_EQ(HealthOf(address, ""), kNotServing);
  EXPECT_EQ(HealthOf(address, kLiveService), kServing);
  (*server)->SetServing(true);
  EXPECT_EQ(HealthOf(address, ""), kServing);
  (*server)->SetServing(false);
  EXPECT_EQ(HealthOf(address, ""), kNotServing);
  EXPECT_EQ(HealthOf(address, kLiveService), kServing);
  EXPECT_EQ(HealthOf(address, "unheard-of"), 0);
}

}  // namespace
}  // namespace peerwatt::rpc
