#pragma once

#include <set>
#include <string>

#include <google/protobuf/descriptor.h>
#include <nlohmann/json.hpp>

#include "services/gateway/api/comments.h"

namespace peerwatt::gateway {

/// The schemas of an OpenAPI document. A message that is named once is described once.
class OpenApiSchemas {
 public:
  using Json = nlohmann::ordered_json;

  /// comments: outlives this.
  explicit OpenApiSchemas(const Comments& comments);
  /// The schema of a field's value, without the field's comment.
  Json OfField(const google::protobuf::FieldDescriptor& field);
  /// A reference to the schema of a message, which is described from now on.
  Json OfMessage(const google::protobuf::Descriptor& type);
  /// All schemas described so far.
  Json All() const { return schemas_; }
  const Comments& comments() const { return comments_; }

  /// Whether the field holds a message that JSON writes as an object.
  static bool IsObject(const google::protobuf::FieldDescriptor& field);
  static bool IsRequired(const google::protobuf::FieldDescriptor& field);

 private:
  Json OfSingle(const google::protobuf::FieldDescriptor& field);
  void Describe(const google::protobuf::Descriptor& type);

  const Comments& comments_;
  Json schemas_;
};

}  // namespace peerwatt::gateway
