#include "services/gateway/json/json_value.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

constexpr size_t kDepthMax = 64;

absl::Status Malformed(size_t position, absl::string_view why) {
  return Error(kMalformedJson,
               absl::StrCat("the body is not valid JSON: ", why, " at byte ", position),
               {{"position", absl::StrCat(position)}});
}

// Builds the tree while the lexer runs. A false return ends the reading.
class TreeBuilder {
 public:
  using Json = nlohmann::json;

  // NOLINTBEGIN(readability-identifier-naming): the names are the parser's.
  bool null() { return Add({}); }
  bool boolean(bool value) {
    JsonValue out;
    out.kind = JsonValue::Kind::kBool;
    out.boolean = value;
    return Add(std::move(out));
  }
  bool number_integer(Json::number_integer_t value) {
    return AddText(JsonValue::Kind::kInteger, absl::StrCat(value));
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    return AddText(JsonValue::Kind::kInteger, absl::StrCat(value));
  }
  bool number_float(Json::number_float_t, const std::string& spelling) {
    // An integer of more than 64 bits arrives here too.
    const bool whole = spelling.find_first_of(".eE") == std::string::npos;
    return AddText(whole ? JsonValue::Kind::kInteger : JsonValue::Kind::kFraction, spelling);
  }
  bool string(std::string& value) {
    return AddText(JsonValue::Kind::kString, std::move(value));
  }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(size_t) { return Open(JsonValue::Kind::kObject); }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      refusal_ = absl::StrCat("the key ", name, " is repeated");
      return false;
    }
    stack_.back()->members.emplace_back(std::move(name), JsonValue{});
    return true;
  }
  bool end_object() { return Close(); }
  bool start_array(size_t) { return Open(JsonValue::Kind::kArray); }
  bool end_array() { return Close(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) {
    position_ = position;
    return false;
  }
  // NOLINTEND(readability-identifier-naming)

  absl::Status Failure(size_t size) const {
    if (!refusal_.empty()) {
      return Error(kMalformedJson, absl::StrCat("the body is not valid JSON: ", refusal_));
    }
    return Malformed(position_ > 0 ? position_ : size, "unexpected text");
  }
  JsonValue Take() { return std::move(root_); }

 private:
  bool AddText(JsonValue::Kind kind, std::string text) {
    JsonValue out;
    out.kind = kind;
    out.text = std::move(text);
    return Add(std::move(out));
  }
  JsonValue& Slot() {
    if (stack_.empty()) return root_;
    if (stack_.back()->kind == JsonValue::Kind::kObject)
      return stack_.back()->members.back().second;
    return stack_.back()->items.emplace_back();
  }
  bool Add(JsonValue value) {
    Slot() = std::move(value);
    return true;
  }
  bool Open(JsonValue::Kind kind) {
    if (stack_.size() >= kDepthMax) {
      refusal_ = absl::StrCat("it has more than ", kDepthMax, " levels");
      return false;
    }
    JsonValue& slot = Slot();
    slot.kind = kind;
    stack_.push_back(&slot);
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  JsonValue root_;
  // A parent's vector does not grow while a child is open, so the pointers hold.
  std::vector<JsonValue*> stack_;
  std::vector<absl::flat_hash_set<std::string>> keys_;
  size_t position_ = 0;
  std::string refusal_;
};

}  // namespace

absl::string_view NameOf(JsonValue::Kind kind) {
  switch (kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return "a boolean";
    case JsonValue::Kind::kInteger:
      return "an integer";
    case JsonValue::Kind::kFraction:
      return "a fraction";
    case JsonValue::Kind::kString:
      return "a string";
    case JsonValue::Kind::kArray:
      return "an array";
    case JsonValue::Kind::kObject:
      return "an object";
  }
  return "a value";
}

absl::StatusOr<JsonValue> ParseJson(absl::string_view text) {
  TreeBuilder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return builder.Failure(text.size());
  }
  return builder.Take();
}

}  // namespace peerwatt::gateway
