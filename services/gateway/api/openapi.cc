#include "services/gateway/api/openapi.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/gateway/api/openapi_schemas.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::ordered_json;
using Segment = PathTemplate::Segment;

// `communities` → `community`, `meteringPoints` → `meteringPoint`.
std::string Singular(const std::string& collection) {
  if (absl::EndsWith(collection, "ies")) {
    return absl::StrCat(collection.substr(0, collection.size() - 3), "y");
  }
  if (absl::EndsWith(collection, "s")) return collection.substr(0, collection.size() - 1);
  return collection;
}

// The names of the parameters, one per star, in order.
std::vector<std::string> ParameterNames(const PathTemplate& path) {
  std::vector<std::string> names;
  for (size_t i = 0; i < path.segments().size(); ++i) {
    if (path.segments()[i].kind == Segment::Kind::kLiteral) continue;
    const bool named = i > 0 && path.segments()[i - 1].kind == Segment::Kind::kLiteral;
    names.push_back(named ? Singular(path.segments()[i - 1].literal) : absl::StrCat("segment", i));
  }
  return names;
}

bool BoundByPath(const HttpBinding& binding, const std::string& field) {
  for (const auto& variable : binding.path.variables()) {
    if (variable.field == field) return true;
  }
  return false;
}

// Query parameters: the scalar leaves of the request that path and body leave over.
void AddQuery(const Descriptor& type, const std::string& prefix, const std::string& json_prefix,
              const HttpBinding& binding, OpenApiSchemas& schemas, Json& out) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = absl::StrCat(prefix, field.name());
    const std::string json_path = absl::StrCat(json_prefix, field.json_name());
    if (path == binding.body || BoundByPath(binding, path) || field.is_map()) continue;
    if (OpenApiSchemas::IsObject(field)) {
      const bool recursive = field.message_type() == &type;
      if (!field.is_repeated() && !recursive) {
        AddQuery(*field.message_type(), absl::StrCat(path, "."), absl::StrCat(json_path, "."),
                 binding, schemas, out);
      }
      continue;
    }
    Json parameter = {{"name", json_path}, {"in", "query"}};
    const std::string comment = schemas.comments().Of(field);
    if (!comment.empty()) parameter["description"] = comment;
    if (OpenApiSchemas::IsRequired(field)) parameter["required"] = true;
    parameter["schema"] = schemas.OfField(field);
    out.push_back(std::move(parameter));
  }
}

Json SecurityOf(const ApiMethod& method) {
  if (method.access.public_()) return Json::array();
  return Json::array({Json{{"bearer", Json::array()}}});
}

Json OperationOf(const ApiMethod& method, size_t binding_index, OpenApiSchemas& schemas) {
  const HttpBinding& binding = method.bindings[binding_index];
  const Descriptor& input = *method.descriptor->input_type();
  Json operation;
  operation["operationId"] =
      absl::StrCat(method.descriptor->service()->name(), "_", method.descriptor->name(),
                   binding_index == 0 ? "" : absl::StrCat("_", binding_index + 1));
  operation["tags"] = {method.descriptor->service()->name()};
  const std::string comment = schemas.comments().Of(*method.descriptor);
  if (!comment.empty()) operation["description"] = comment;
  operation["security"] = SecurityOf(method);
  Json parameters = Json::array();
  for (const std::string& name : ParameterNames(binding.path)) {
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  if (binding.body != "*") AddQuery(input, "", "", binding, schemas, parameters);
  operation["parameters"] = std::move(parameters);
  if (!binding.body.empty()) {
    const Descriptor& body =
        binding.body == "*" ? input : *input.FindFieldByName(binding.body)->message_type();
    operation["requestBody"] = {
        {"required", true},
        {"content", {{"application/json", {{"schema", schemas.OfMessage(body)}}}}}};
  }
  Json content;
  if (method.descriptor->output_type()->full_name() == "google.api.HttpBody") {
    content["*/*"] = {{"schema", {{"type", "string"}, {"format", "binary"}}}};
    operation["responses"] = {{"200", {{"description", "OK"}, {"content", std::move(content)}}},
                              {"default", {{"$ref", "#/components/responses/Error"}}}};
    return operation;
  }
  const Json answer = {{"schema", schemas.OfMessage(*method.descriptor->output_type())}};
  if (method.server_streaming()) {
    content["application/x-ndjson"] = {
        {"schema",
         {{"type", "object"},
          {"properties",
           {{"result", answer["schema"]},
            {"error", {{"$ref", "#/components/schemas/google.rpc.Status"}}}}}}}};
    content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
  } else {
    content["application/json"] = answer;
  }
  operation["responses"] = {{"200", {{"description", "OK"}, {"content", std::move(content)}}},
                            {"default", {{"$ref", "#/components/responses/Error"}}}};
  return operation;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string OpenApiPath(const PathTemplate& path) {
  const std::vector<std::string> names = ParameterNames(path);
  size_t next = 0;
  std::string out;
  for (const Segment& segment : path.segments()) {
    absl::StrAppend(&out, "/",
                    segment.kind == Segment::Kind::kLiteral
                        ? segment.literal
                        : absl::StrCat("{", names[next++], "}"));
  }
  if (!path.verb().empty()) absl::StrAppend(&out, ":", path.verb());
  return out;
}

std::string OpenApiDocument(const MethodTable& methods, const Comments& comments) {
  OpenApiSchemas schemas(comments);
  Json paths;
  for (const ApiMethod& method : methods.methods()) {
    for (size_t i = 0; i < method.bindings.size(); ++i) {
      paths[OpenApiPath(method.bindings[i].path)][Lower(method.bindings[i].http_method)] =
          OperationOf(method, i, schemas);
    }
  }
  Json tags = Json::array();
  for (const auto& [service, upstream] : MethodTable::Services()) {
    tags.push_back({{"name", service->name()}, {"description", comments.Of(*service)}});
  }
  Json document;
  document["openapi"] = "3.1.0";
  document["info"] = {
      {"title", "PeerWatt"},
      {"version", "v1"},
      {"description", "Neighbours trade the electricity they produce. Every error is a "
                      "google.rpc.Status with one google.rpc.ErrorInfo that names the reason."},
      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["tags"] = std::move(tags);
  document["paths"] = std::move(paths);
  document["components"] = {
      {"schemas", schemas.All()},
      {"responses",
       {{"Error",
         {{"description", "The call failed; `details` holds the reason."},
          {"content",
           {{"application/json",
             {{"schema", {{"$ref", "#/components/schemas/google.rpc.Status"}}}}}}}}}}},
      {"securitySchemes",
       {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}}}};
  return document.dump(1);
}

}  // namespace peerwatt::gateway
