#include <set>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_info.pb.h"
#include "libs/base/error.h"
#include "services/gateway/api/comments.h"
#include "services/gateway/api/descriptor_set.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/api/wire_error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/http/rest_handler.h"
#include "services/gateway/json/well_known.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using ::testing::HasSubstr;
using Json = nlohmann::json;

TEST(MethodTable, GivesEveryPublicMethodAnAccessRuleAndARoute) {
  const MethodTable table = MethodTable::Build().value();
  EXPECT_GT(table.methods().size(), 40u);
  for (const ApiMethod& method : table.methods()) {
    const bool somebody = method.access.public_() || method.access.roles_size() > 0;
    EXPECT_TRUE(method.has_access && somebody) << method.path;
    EXPECT_FALSE(method.access.public_() && method.access.roles_size() > 0) << method.path;
    EXPECT_EQ(method.bindings.empty(), method.client_streaming()) << method.path;
    EXPECT_EQ(table.Find(method.path), &method);
    EXPECT_EQ(method.path.find("Internal"), std::string::npos);
  }
  EXPECT_EQ(table.Find("/peerwatt.registry.v1.RegistryInternal/ResolveDevice"), nullptr);
}

void CollectUnsupported(const Descriptor& type, std::set<std::string>& seen,
                        std::vector<std::string>& unsupported) {
  if (!seen.insert(type.full_name()).second) return;
  if (IsUnsupported(type)) unsupported.push_back(type.full_name());
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->message_type() != nullptr) {
      CollectUnsupported(*type.field(i)->message_type(), seen, unsupported);
    }
  }
}

TEST(MethodTable, HoldsOnlyTypesThatJsonCanCarry) {
  std::set<std::string> seen;
  std::vector<std::string> unsupported;
  const MethodTable table = MethodTable::Build().value();
  for (const ApiMethod& method : table.methods()) {
    CollectUnsupported(*method.descriptor->input_type(), seen, unsupported);
    CollectUnsupported(*method.descriptor->output_type(), seen, unsupported);
  }
  EXPECT_THAT(unsupported, ::testing::IsEmpty());
}

TEST(OpenApi, DescribesEveryRouteWithItsReferences) {
  const MethodTable table = MethodTable::Build().value();
  const Json document =
      Json::parse(OpenApiDocument(table, Comments(DescriptorSetBytes())));
  std::set<std::string> operations;
  for (const ApiMethod& method : table.methods()) {
    for (const HttpBinding& binding : method.bindings) {
      const Json& operation = document["paths"][OpenApiPath(binding.path)]
                                      [absl::AsciiStrToLower(binding.http_method)];
      ASSERT_TRUE(operation.is_object()) << method.path;
      EXPECT_TRUE(operations.insert(operation["operationId"]).second) << method.path;
      EXPECT_FALSE(operation["description"].get<std::string>().empty()) << method.path;
      EXPECT_EQ(operation["security"].empty(), method.access.public_()) << method.path;
      std::set<std::string> in_path;
      for (const Json& parameter : operation["parameters"]) {
        if (parameter["in"] == "path") in_path.insert(parameter["name"].get<std::string>());
      }
      const std::string path = OpenApiPath(binding.path);
      EXPECT_EQ(static_cast<size_t>(std::count(path.begin(), path.end(), '{')), in_path.size());
    }
  }
  const std::string text = document.dump();
  const std::string prefix = "\"$ref\":\"#/components/";
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const size_t begin = at + 8;
    const std::string reference = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
}

TEST(OpenApi, NamesParametersAfterTheirCollections) {
  EXPECT_EQ(OpenApiPath(
                PathTemplate::Parse("/v1/{name=communities/*/meteringPoints/*}:watch").value()),
            "/v1/communities/{community}/meteringPoints/{meteringPoint}:watch");
}

TEST(OpenApi, CarriesTheCommentsOfTheProtos) {
  const Json document = Json::parse(
      OpenApiDocument(MethodTable::Build().value(), Comments(DescriptorSetBytes())));
  const Json& schema = document["components"]["schemas"]["peerwatt.registry.v1.Community"];
  EXPECT_THAT(schema["description"], HasSubstr("local market"));
  EXPECT_EQ(schema["properties"]["operatorSharePpm"]["type"], "string");
  EXPECT_EQ(schema["properties"]["interval"]["type"], "string");
  EXPECT_THAT(schema["required"], ::testing::Contains("displayName"));
}

google::rpc::Status FromPeer(grpc::StatusCode code) {
  return WireError(grpc::Status(code, "text of a peer"));
}

TEST(WireError, GivesEveryErrorOneReason) {
  const std::vector<std::pair<grpc::StatusCode, std::string>> cases = {
      {grpc::StatusCode::UNAVAILABLE, "PEER_UNAVAILABLE"},
      {grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
      {grpc::StatusCode::CANCELLED, "CANCELLED"},
      {grpc::StatusCode::UNIMPLEMENTED, "METHOD_UNKNOWN"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
      {grpc::StatusCode::INTERNAL, "INTERNAL"},
      {grpc::StatusCode::UNKNOWN, "INTERNAL"},
  };
  for (const auto& [code, reason] : cases) {
    const google::rpc::Status error = FromPeer(code);
    EXPECT_EQ(WireReasonOf(error), reason);
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(error.details(0).UnpackTo(&info));
    EXPECT_EQ(info.domain(), kDomain);
  }
}

TEST(WireError, TellsNoAddressOfALostService) {
  EXPECT_EQ(FromPeer(grpc::StatusCode::UNAVAILABLE).message().find("text of a peer"),
            std::string::npos);
}

TEST(WireError, LeavesAServicesErrorAlone) {
  google::rpc::Status given;
  given.set_code(9);
  given.set_message("gate is closed");
  google::rpc::ErrorInfo info;
  info.set_reason("GATE_CLOSED");
  info.set_domain("market.peerwatt.dev");
  given.add_details()->PackFrom(info);
  const grpc::Status wire(grpc::StatusCode::FAILED_PRECONDITION, "gate is closed",
                          given.SerializeAsString());
  EXPECT_EQ(WireError(wire).SerializeAsString(), given.SerializeAsString());
}

TEST(ErrorResponse, HasTheHttpCodeOfItsReasonOrCode) {
  const std::vector<std::pair<absl::Status, int>> cases = {
      {Error(kMalformedJson, "x"), 400},      {Error(kTokenMissing, "x"), 401},
      {Error(kRoleForbids, "x"), 403},        {Error(kRouteUnknown, "x"), 404},
      {Error(kMethodNotAllowed, "x"), 405},   {Error(kContentDiffers, "x"), 409},
      {Error(kBodyTooLarge, "x"), 413},       {Error(kSignInRateExceeded, "x"), 429},
      {Error(kHeadersTooLarge, "x"), 431},    {absl::InternalError("x"), 500},
      {Error(kMethodUnknown, "x"), 501},      {Error(kGatewayStopping, "x"), 503},
  };
  for (const auto& [error, code] : cases) {
    const HttpResponse response = ErrorResponse(WireError(error));
    EXPECT_EQ(response.code, code) << error;
    const Json body = Json::parse(response.body);
    EXPECT_TRUE(body["code"].is_number_integer());
    EXPECT_EQ(body["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
  }
}

}  // namespace
}  // namespace peerwatt::gateway
