#pragma once

#include <string>

namespace peerwatt::gateway {

/// The `google.protobuf.FileDescriptorSet` of the public API with its comments, serialized. Made
/// at build time.
std::string DescriptorSetBytes();

}  // namespace peerwatt::gateway
