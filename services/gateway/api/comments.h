#pragma once

#include <memory>
#include <string>

#include <google/protobuf/descriptor.h>

namespace peerwatt::gateway {

/// The comments of the protos, by full name.
class Comments {
 public:
  /// serialized: a FileDescriptorSet with source positions. What cannot be read has no comments.
  explicit Comments(const std::string& serialized);

  /// The comment before an element as one paragraph per line block, or empty.
  template <typename Descriptor>
  std::string Of(const Descriptor& element) const {
    const auto* same = Find(element);
    google::protobuf::SourceLocation location;
    if (same == nullptr || !same->GetSourceLocation(&location)) return "";
    return Flow(location.leading_comments);
  }

 private:
  const google::protobuf::Descriptor* Find(const google::protobuf::Descriptor& element) const {
    return pool_.FindMessageTypeByName(element.full_name());
  }
  const google::protobuf::FieldDescriptor* Find(
      const google::protobuf::FieldDescriptor& element) const {
    return pool_.FindFieldByName(element.full_name());
  }
  const google::protobuf::MethodDescriptor* Find(
      const google::protobuf::MethodDescriptor& element) const {
    return pool_.FindMethodByName(element.full_name());
  }
  const google::protobuf::ServiceDescriptor* Find(
      const google::protobuf::ServiceDescriptor& element) const {
    return pool_.FindServiceByName(element.full_name());
  }
  const google::protobuf::EnumDescriptor* Find(
      const google::protobuf::EnumDescriptor& element) const {
    return pool_.FindEnumTypeByName(element.full_name());
  }
  const google::protobuf::EnumValueDescriptor* Find(
      const google::protobuf::EnumValueDescriptor& element) const {
    return pool_.FindEnumValueByName(element.full_name());
  }
  static std::string Flow(const std::string& comment);

  google::protobuf::DescriptorPool pool_;
};

}  // namespace peerwatt::gateway
