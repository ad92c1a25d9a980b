#include "libs/rpc/paging.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "libs/base/error.h"
#include "libs/crypto/digest.h"

namespace peerwatt::rpc {
namespace {

constexpr int32_t kSizeDefault = 100;
constexpr int32_t kSizeMax = 1000;
constexpr size_t kFingerprintBytes = 12;

// What a token belongs to: the request without its page fields. The token never leaves the
// service, so one process' deterministic serialisation is enough; it is not a lasting format.
std::string Fingerprint(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  for (const char* name : {"page_size", "page_token"}) {
    const auto* field = copy->GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) copy->GetReflection()->ClearField(copy.get(), field);
  }
  std::string bytes = request.GetDescriptor()->full_name();
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    copy->SerializeToCodedStream(&coded);
  }
  return crypto::Sha256(bytes).substr(0, kFingerprintBytes);
}

}  // namespace

absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request) {
  const auto* descriptor = request.GetDescriptor();
  const auto* reflection = request.GetReflection();
  Page page;
  const int32_t size = reflection->GetInt32(request, descriptor->FindFieldByName("page_size"));
  if (size < 0) return FieldInvalid("page_size", "must not be negative");
  page.size = size == 0 ? kSizeDefault : std::min(size, kSizeMax);
  const std::string token =
      reflection->GetString(request, descriptor->FindFieldByName("page_token"));
  if (token.empty()) return page;
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes) || bytes.size() < kFingerprintBytes ||
      bytes.substr(0, kFingerprintBytes) != Fingerprint(request)) {
    return Error(kPageTokenInvalid,
                 "page_token is malformed or belongs to a request with other fields",
                 {{"field", "page_token"}},
                 {{"page_token", "must be the next_page_token of the same request"}});
  }
  page.after = bytes.substr(kFingerprintBytes);
  return page;
}

std::string NextPageToken(const google::protobuf::Message& request, absl::string_view after) {
  return absl::WebSafeBase64Escape(Fingerprint(request) + std::string(after));
}

}  // namespace peerwatt::rpc
