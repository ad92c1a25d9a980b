#include <cstdlib>
#include <random>
#include <string>

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "libs/base/error.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/api/request_binder.h"
#include "services/gateway/core/uri.h"
#include "services/gateway/json/json_value.h"
#include "services/gateway/json/message_reader.h"
#include "services/gateway/json/message_writer.h"
#include "services/gateway/json/well_known.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using Random = std::mt19937_64;

// The seed of this run: from the environment to repeat one, otherwise new.
uint64_t Seed() {
  static const uint64_t seed = [] {
    uint64_t out = std::random_device{}();
    const char* given = std::getenv("PEERWATT_TEST_SEED");
    if (given != nullptr && !absl::SimpleAtoi(given, &out)) out = 0;
    std::printf("PEERWATT_TEST_SEED=%llu\n", static_cast<unsigned long long>(out));
    return out;
  }();
  return seed;
}

int64_t Between(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

std::string RandomText(Random& random) {
  static const char* const kPieces[] = {"a", "Z", "0", " ", "\"", "\\", "\n", "\t", "/", "<",
                                        "\x01", "\x7f", "é", "€", "😀", "e\xcc\x81"};
  std::string out;
  for (int64_t i = Between(random, 0, 8); i > 0; --i) {
    out += kPieces[Between(random, 0, std::size(kPieces) - 1)];
  }
  return out;
}

void Fill(Random& random, int depth, Message& message);

void FillField(Random& random, int depth, const FieldDescriptor& field, Message& message) {
  const auto* reflection = message.GetReflection();
  const bool list = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto value = static_cast<int32_t>(random());
      list ? reflection->AddInt32(&message, &field, value)
           : reflection->SetInt32(&message, &field, value);
      break;
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      const auto value = static_cast<int64_t>(random() >> Between(random, 0, 63));
      list ? reflection->AddInt64(&message, &field, value)
           : reflection->SetInt64(&message, &field, value);
      break;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      list ? reflection->AddBool(&message, &field, random() % 2 == 0)
           : reflection->SetBool(&message, &field, random() % 2 == 0);
      break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* type = field.enum_type();
      const auto* value =
          type->value(static_cast<int>(Between(random, 0, type->value_count() - 1)));
      list ? reflection->AddEnum(&message, &field, value)
           : reflection->SetEnum(&message, &field, value);
      break;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      list ? reflection->AddString(&message, &field, RandomText(random))
           : reflection->SetString(&message, &field, RandomText(random));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      if (depth == 0 || field.message_type()->full_name() == "google.protobuf.Any") break;
      Message* inner = list ? reflection->AddMessage(&message, &field)
                            : reflection->MutableMessage(&message, &field);
      Fill(random, depth - 1, *inner);
      break;
    }
    default:
      FAIL() << field.full_name() << " has a type that this test cannot fill";
  }
}

void Fill(Random& random, int depth, Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  if (IsWellKnown(type)) {
    const bool time = type.name() == "Timestamp";
    reflection->SetInt64(&message, type.FindFieldByName("seconds"),
                         time ? Between(random, -62135596800, 253402300799)
                              : Between(random, 0, 315576000000));
    static const int32_t kNanos[] = {0, 1, 1000, 123456789, 500000000, 999999999};
    reflection->SetInt32(&message, type.FindFieldByName("nanos"), kNanos[Between(random, 0, 5)]);
    return;
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.containing_oneof() != nullptr &&
        reflection->HasOneof(message, field.containing_oneof())) {
      continue;
    }
    const int64_t count = field.is_repeated() ? Between(random, 0, 3) : Between(random, 0, 1);
    for (int64_t k = 0; k < count; ++k) FillField(random, depth, field, message);
  }
}

std::unique_ptr<Message> New(const Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

void CheckAgainstTheLibrary(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string theirs;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(message, &theirs, options).ok());
  const std::string ours = WriteMessage(message);
  ASSERT_EQ(nlohmann::json::parse(ours), nlohmann::json::parse(theirs));

  const auto read = New(message.GetDescriptor());
  const auto parsed = ParseJson(theirs);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const absl::Status status = ReadMessage(*parsed, "", *read);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_TRUE(MessageDifferencer::Equals(*read, message)) << theirs;

  const auto back = New(message.GetDescriptor());
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ours, back.get()).ok()) << ours;
  ASSERT_TRUE(MessageDifferencer::Equals(*back, message)) << ours;
}

TEST(JsonProperty, AgreesWithTheProtobufLibraryOnEveryPublicMessage) {
  Random random(Seed());
  const MethodTable table = MethodTable::Build().value();
  for (const ApiMethod& method : table.methods()) {
    for (const Descriptor* type :
         {method.descriptor->input_type(), method.descriptor->output_type()}) {
      for (int i = 0; i < 20; ++i) {
        const auto message = New(type);
        Fill(random, 4, *message);
        CheckAgainstTheLibrary(*message);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Bytes of one kind: anything, or what JSON is made of.
std::string RandomBytesOf(Random& random, const std::string& alphabet) {
  std::string out;
  for (int64_t i = Between(random, 0, 60); i > 0; --i) {
    out += alphabet.empty() ? static_cast<char>(random())
                            : alphabet[static_cast<size_t>(random() % alphabet.size())];
  }
  return out;
}

TEST(JsonProperty, TakesOrRefusesAnyBytesWithAReason) {
  Random random(Seed() + 1);
  const MethodTable table = MethodTable::Build().value();
  for (int i = 0; i < 20000; ++i) {
    const ApiMethod& method = table.methods()[random() % table.methods().size()];
    if (method.bindings.empty()) continue;
    std::string body = RandomBytesOf(random, i % 2 == 0 ? "" : "{}[]\":,0129.-eEtruefalsn\\u ");
    if (i % 3 == 0) {
      // A valid body with a few bytes changed.
      const auto message = New(method.descriptor->input_type());
      Fill(random, 3, *message);
      body = WriteMessage(*message);
      for (int64_t k = Between(random, 1, 3); k > 0; --k) {
        body[random() % body.size()] = static_cast<char>(random());
      }
    }
    const auto message = New(method.descriptor->input_type());
    const absl::Status status =
        BindRequest(method.bindings[0], {}, RandomBytesOf(random, "ab.%20=&meteringPoints"), body,
                    *message);
    if (status.ok()) {
      std::string wire;
      ASSERT_TRUE(message->SerializeToString(&wire));
    } else {
      ASSERT_FALSE(ReasonOf(status).empty()) << status;
    }
  }
}

TEST(PathProperty, TakesOrRefusesAnyPath) {
  Random random(Seed() + 2);
  const MethodTable table = MethodTable::Build().value();
  size_t matches = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string path = RandomBytesOf(random, i % 2 == 0 ? "" : "/v1:%2Fabusers");
    if (i % 4 == 1) path = "/v1/users/" + path;
    const auto found = table.router().Find("GET", SplitTarget(path).path);
    if (!found.match.has_value()) continue;
    ++matches;
    for (const PathBinding& binding : found.match->bindings) ASSERT_TRUE(IsUtf8(binding.value));
  }
  EXPECT_GT(matches, 0u);
  for (int i = 0; i < 20000; ++i) {
    const auto parsed = PathTemplate::Parse(RandomBytesOf(random, "/v1{}=*:abc."));
    if (parsed.ok()) {
      const auto split = SplitPath("/v1/a/b");
      parsed->Match(*split);
    }
  }
}

TEST(UriProperty, DecodesWhatItEncodes) {
  Random random(Seed() + 3);
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (int i = 0; i < 5000; ++i) {
    const std::string text = RandomText(random);
    std::string encoded;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
    ASSERT_EQ(PercentDecode(encoded, Decoding::kAll), text);
  }
}

}  // namespace
}  // namespace peerwatt::gateway
