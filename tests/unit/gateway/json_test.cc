#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_info.pb.h"
#include "libs/base/error.h"
#include "peerwatt/market/v1/market.pb.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "peerwatt/registry/v1/registry.pb.h"
#include "services/gateway/json/json_value.h"
#include "services/gateway/json/message_reader.h"
#include "services/gateway/json/message_writer.h"

namespace peerwatt::gateway {
namespace {

using market::v1::CreateOrderRequest;
using registry::v1::Community;

// Empty when read, else `REASON field`.
std::string Read(const std::string& json, google::protobuf::Message& message) {
  const auto parsed = ParseJson(json);
  const absl::Status status =
      parsed.ok() ? ReadMessage(*parsed, "", message) : parsed.status();
  if (status.ok()) return "";
  const ErrorDetail detail = DetailOf(status);
  return absl::StrCat(detail.reason,
                      detail.violations.empty() ? "" : " " + detail.violations[0].field);
}

TEST(JsonReader, NamesTheRuleAndTheField) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "MALFORMED_JSON"},
      {"{", "MALFORMED_JSON"},
      {"{} {}", "MALFORMED_JSON"},
      {"{\"a\":1,}", "MALFORMED_JSON"},
      {"{\"order\":\"\xff\"}", "MALFORMED_JSON"},
      {"{\"parent\":\"a\",\"parent\":\"b\"}", "MALFORMED_JSON"},
      {"[]", "WRONG_TYPE body"},
      {"1", "WRONG_TYPE body"},
      {R"({"colour":1})", "UNKNOWN_FIELD colour"},
      {R"({"order":{"colour":1}})", "UNKNOWN_FIELD order.colour"},
      {R"({"parent":1})", "WRONG_TYPE parent"},
      {R"({"orderId":"a","order_id":"b"})", "FIELD_INVALID order_id"},
      {R"({"validateOnly":"true"})", "WRONG_TYPE validate_only"},
      {R"({"order":[]})", "WRONG_TYPE order"},
      {R"({"order":{"energyWh":"1"}})", ""},
      {R"({"order":{"energyWh":-9223372036854775808}})", ""},
      {R"({"order":{"energyWh":"9223372036854775807"}})", ""},
      {R"({"order":{"energyWh":9223372036854775808}})", "FIELD_INVALID order.energy_wh"},
      {R"({"order":{"energyWh":"9223372036854775808"}})", "FIELD_INVALID order.energy_wh"},
      {R"({"order":{"energyWh":123456789012345678901234567890}})", "FIELD_INVALID order.energy_wh"},
      {R"({"order":{"energyWh":1.0}})", "WRONG_TYPE order.energy_wh"},
      {R"({"order":{"energyWh":1e3}})", "WRONG_TYPE order.energy_wh"},
      {R"({"order":{"energyWh":" 1"}})", "FIELD_INVALID order.energy_wh"},
      {R"({"order":{"energyWh":""}})", "FIELD_INVALID order.energy_wh"},
      {R"({"order":{"energyWh":true}})", "WRONG_TYPE order.energy_wh"},
      {R"({"order":{"energyWh":null}})", ""},
      {R"({"order":{"side":"BID"}})", ""},
      {R"({"order":{"side":1}})", ""},
      {R"({"order":{"side":99}})", "FIELD_INVALID order.side"},
      {R"({"order":{"side":"bid"}})", "FIELD_INVALID order.side"},
      {R"({"order":{"side":true}})", "WRONG_TYPE order.side"},
  };
  for (const auto& [json, expected] : cases) {
    CreateOrderRequest message;
    EXPECT_EQ(Read(json, message), expected) << json;
  }
}

TEST(JsonReader, ReadsTimesDurationsAndLists) {
  Community community;
  EXPECT_EQ(Read(R"({"interval":"900s","tradingStartTime":"2026-07-01T00:00:00Z"})", community),
            "");
  EXPECT_EQ(community.interval().seconds(), 900);
  EXPECT_EQ(community.trading_start_time().seconds(), 1782864000);
  EXPECT_EQ(Read(R"({"interval":900})", community), "WRONG_TYPE interval");
  EXPECT_EQ(Read(R"({"interval":"900"})", community), "FIELD_INVALID interval");
  EXPECT_EQ(Read(R"({"tradingStartTime":"yesterday"})", community),
            "FIELD_INVALID trading_start_time");
  metering::v1::BatchCreateReadingsRequest batch;
  EXPECT_EQ(Read(R"({"series":[{"importEnergyWh":[1,"2"],"qualities":["MEASURED"]}]})", batch), "");
  EXPECT_EQ(batch.series(0).import_energy_wh(1), 2);
  EXPECT_EQ(Read(R"({"series":[{"importEnergyWh":[1,null]}]})", batch),
            "WRONG_TYPE series[0].import_energy_wh[1]");
  EXPECT_EQ(Read(R"({"series":{}})", batch), "WRONG_TYPE series");
}

TEST(JsonReader, RefusesTwoMembersOfAOneof) {
  metering::v1::StreamReadingsRequest request;
  EXPECT_EQ(Read(R"({"open":{},"batch":{}})", request), "FIELD_INVALID batch");
}

TEST(JsonReader, ReadsMaps) {
  google::rpc::ErrorInfo info;
  EXPECT_EQ(Read(R"({"metadata":{"a":"b"}})", info), "");
  EXPECT_EQ(info.metadata().at("a"), "b");
  EXPECT_EQ(Read(R"({"metadata":{"a":1}})", info), "WRONG_TYPE metadata.a");
}

TEST(JsonReader, BoundsTheDepth) {
  Community community;
  EXPECT_EQ(Read(std::string(100000, '['), community), "MALFORMED_JSON");
}

TEST(JsonReader, SetsFieldsFromTexts) {
  const auto set = [](const std::string& field, const std::string& text,
                      google::protobuf::Message& message) {
    return ReasonOf(SetFromText(field, text, TextOrigin::kQuery, message));
  };
  CreateOrderRequest request;
  EXPECT_EQ(set("order.energyWh", "7", request), "");
  EXPECT_EQ(request.order().energy_wh(), 7);
  EXPECT_EQ(set("order.side", "OFFER", request), "");
  EXPECT_EQ(set("validate_only", "true", request), "");
  EXPECT_TRUE(request.validate_only());
  EXPECT_EQ(set("validate_only", "1", request), "FIELD_INVALID");
  EXPECT_EQ(set("order", "x", request), "WRONG_TYPE");
  EXPECT_EQ(set("order.colour", "x", request), "UNKNOWN_FIELD");
  EXPECT_EQ(set("parent.x", "x", request), "UNKNOWN_FIELD");
  EXPECT_EQ(set("", "x", request), "UNKNOWN_FIELD");
  registry::v1::Device device;
  EXPECT_EQ(set("metering_points", "a", device), "");
  EXPECT_EQ(set("meteringPoints", "b", device), "");
  EXPECT_EQ(device.metering_points_size(), 2);
  Community community;
  EXPECT_EQ(set("interval", "60s", community), "");
  EXPECT_EQ(set("interval", "60s", community), "FIELD_INVALID");
}

TEST(JsonWriter, PrintsDefaultsOfScalarsAndListsOnly) {
  metering::v1::Batch batch;
  batch.set_sequence(-5);
  EXPECT_EQ(WriteMessage(batch),
            R"({"sequence":"-5","series":[],"registers":[],"ocmfRecords":[]})");
  metering::v1::StreamReadingsRequest request;
  EXPECT_EQ(WriteMessage(request), "{}");
  registry::v1::CreateCommunityRequest create;
  EXPECT_EQ(WriteMessage(create), R"({"communityId":""})");
}

TEST(JsonWriter, PrintsPackedMessagesAndUnknownOnes) {
  google::rpc::ErrorInfo info;
  info.set_reason("A");
  google::protobuf::Any any;
  any.PackFrom(info);
  EXPECT_EQ(WriteMessage(any), "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                               "\"reason\":\"A\",\"domain\":\"\",\"metadata\":{}}");
  any.set_type_url("type.googleapis.com/none.Such");
  any.set_value("abc");
  EXPECT_EQ(WriteMessage(any), R"({"@type":"type.googleapis.com/none.Such","value":"YWJj"})");
}

}  // namespace
}  // namespace peerwatt::gateway
