#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/settlement/rpc/kpis_service.h"
#include "services/settlement/storage/postgres_kpi_reader.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/support/certificates.h"

namespace peerwatt::settlement {

/// Figures of the run fixture's hamlet, asked for over mTLS as the gateway does. Its trade gains
/// its parties 0.15 per kWh by their limits; a kilowatt hour of its main grid emits 400 g.
class KpisTest : public RunTest {
 protected:
  /// A caller without a participant: an operator.
  static constexpr char kStaff[] = "";

  void SetUp() override {
    RunTest::SetUp();
    ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &registry_.rules.front().time_zone));
    registry_.rules.front().emission_factor = {400, "grid operator, 2025"};
    market_.trades[Quarter(0)].front().gain = Price::MicrosPerKwh(150'000);
    grpc::ServerBuilder builder;
    const rpc::TlsFiles own = peerwatt::testing::Certificates::Instance().Of("settlement");
    builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(own), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::Kpis::NewStub(rpc::MutualTlsChannel(
        "127.0.0.1:" + std::to_string(port_),
        peerwatt::testing::Certificates::Instance().Of("gateway"), "settlement"));
  }
  void TearDown() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    RunTest::TearDown();
  }

  /// Calls one method as a participant, or as an operator without one.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::Kpis::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                const Request& request, const std::string& participant) {
    grpc::ClientContext context;
    rpc::Principal principal;
    principal.set_subject("users/u1");
    principal.add_roles(participant == kStaff ? access::v1::OPERATOR : access::v1::PROSUMER);
    if (participant != kStaff) principal.set_participant("participants/" + participant);
    rpc::SetPrincipal(context, principal.SerializeAsString());
    Response response;
    const absl::Status status =
        rpc::FromGrpcStatus((stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  template <typename Request>
  static void SetSpan(absl::Time start, absl::Time end, Request& request) {
    *request.mutable_start_time() = rpc::ToProto(start);
    *request.mutable_end_time() = rpc::ToProto(end);
  }
  absl::StatusOr<v1::HouseholdKpis> Household(
      const std::string& participant, const std::string& caller, absl::Time start, absl::Time end,
      v1::HouseholdKpis::Step step = v1::HouseholdKpis::STEP_UNSPECIFIED) {
    v1::GetHouseholdKpisRequest request;
    request.set_name("participants/" + participant + "/kpis");
    SetSpan(start, end, request);
    request.set_step(step);
    return Call(&v1::Kpis::Stub::GetHouseholdKpis, request, caller);
  }
  absl::StatusOr<v1::CommunityKpis> Community(
      absl::Time start, absl::Time end,
      v1::HouseholdKpis::Step step = v1::HouseholdKpis::STEP_UNSPECIFIED) {
    v1::GetCommunityKpisRequest request;
    request.set_name("communities/hamlet/kpis");
    SetSpan(start, end, request);
    request.set_step(step);
    return Call(&v1::Kpis::Stub::GetCommunityKpis, request, kStaff);
  }

  PostgresKpiReader reader_{pool_};
  Ledgers ledgers_{registry_, runs_};
  KpisService service_{reader_, ledgers_};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Kpis::Stub> stub_;
};

}  // namespace peerwatt::settlement
