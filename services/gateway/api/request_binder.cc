#include "services/gateway/api/request_binder.h"

#include <algorithm>

#include <google/protobuf/descriptor.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/core/uri.h"
#include "services/gateway/json/json_value.h"
#include "services/gateway/json/message_reader.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status BindBody(const HttpBinding& binding, absl::string_view body, Message& message) {
  const bool empty = absl::StripAsciiWhitespace(body).empty();
  if (binding.body.empty()) {
    return empty ? absl::OkStatus() : Error(kBodyUnexpected, "this method takes no body");
  }
  if (empty) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(body));
  if (binding.body == "*") return ReadMessage(json, "", message);
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(binding.body);
  return ReadMessage(json, binding.body,
                     *message.GetReflection()->MutableMessage(&message, field));
}

// `a.b` covers `a.b` and `a.b.c`.
bool Covers(absl::string_view field, absl::string_view path) {
  return path == field || (absl::StartsWith(path, field) && path[field.size()] == '.');
}

// The declared spelling of the first name of a query parameter.
std::string Declared(const std::string& key, const Message& message) {
  const size_t dot = std::min(key.find('.'), key.size());
  const std::string first = key.substr(0, dot);
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == first) {
      return absl::StrCat(type.field(i)->name(), key.substr(dot));
    }
  }
  return key;
}

absl::Status BindQuery(const HttpBinding& binding, const std::vector<PathBinding>& path,
                       absl::string_view query, Message& message) {
  const auto parameters = ParseQuery(query);
  if (!parameters.has_value()) {
    return Error(kMalformedRequest, "the query of the URL cannot be decoded");
  }
  for (const auto& [key, value] : *parameters) {
    const std::string field = Declared(key, message);
    bool taken = binding.body == "*" || (!binding.body.empty() && Covers(binding.body, field));
    for (const PathBinding& bound : path) taken = taken || Covers(bound.field, field);
    if (taken) return FieldInvalid(field, "is not taken from the query by this method");
    PW_RETURN_IF_ERROR(SetFromText(field, value, TextOrigin::kQuery, message));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BindRequest(const HttpBinding& binding, const std::vector<PathBinding>& path,
                         absl::string_view query, absl::string_view body, Message& message) {
  PW_RETURN_IF_ERROR(BindBody(binding, body, message));
  PW_RETURN_IF_ERROR(BindQuery(binding, path, query, message));
  for (const PathBinding& bound : path) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(bound.field);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_STRING) {
      const std::string given = message.GetReflection()->GetString(message, field);
      if (!given.empty() && given != bound.value) {
        return FieldInvalid(bound.field, "differs from the path's");
      }
    }
    PW_RETURN_IF_ERROR(SetFromText(bound.field, bound.value, TextOrigin::kPath, message));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::gateway
