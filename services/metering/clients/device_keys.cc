#include "services/metering/clients/device_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/digest.h"
#include "libs/rpc/server.h"
#include "services/metering/core/evidence/errors.h"

namespace peerwatt::metering {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(2);
// Devices of which keys are remembered; some hundred bytes each.
constexpr size_t kDevicesMax = 200'000;

std::optional<CheckedSignature> CheckWith(const std::vector<crypto::VerificationKey>& keys,
                                          const std::string& digest,
                                          absl::string_view signature) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const auto& one) {
    return one.VerifiesDigest(digest, signature);
  });
  if (key == keys.end()) {
    return std::nullopt;
  }
  return CheckedSignature{digest, key->der()};
}

}  // namespace

RegistryDeviceKeys::RegistryDeviceKeys(const std::shared_ptr<grpc::Channel>& channel,
                                       absl::Duration life)
    : stub_(registry::v1::RegistryInternal::NewStub(channel)),
      life_(absl::ToChronoMicroseconds(life)) {}

RegistryDeviceKeys::Keys RegistryDeviceKeys::Remembered(const DeviceId& device) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(device);
  return entry != entries_.end() && entry->second.expires_at > std::chrono::steady_clock::now()
             ? entry->second.keys
             : nullptr;
}

absl::StatusOr<RegistryDeviceKeys::Keys> RegistryDeviceKeys::Ask(const DeviceId& device) {
  registry::v1::ListDeviceCertificatesRequest request;
  request.set_name(absl::StrCat("devices/", device.value()));
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::ListDeviceCertificatesResponse response;
  const grpc::Status status = stub_->ListDeviceCertificates(&context, request, &response);
  // A device that the registry does not know has no keys.
  if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) {
    return Error(kPeerUnavailable,
                 absl::StrCat("the registry does not answer: ", status.error_message()));
  }
  auto keys = std::make_shared<std::vector<crypto::VerificationKey>>();
  for (const std::string& pem : response.certificate_pems()) {
    PW_ASSIGN_OR_RETURN(crypto::VerificationKey key, crypto::VerificationKey::FromCertificate(pem));
    keys->push_back(std::move(key));
  }
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kDevicesMax) {
    entries_.clear();
  }
  entries_.insert_or_assign(device, Entry{keys, std::chrono::steady_clock::now() + life_});
  return Keys(std::move(keys));
}

absl::StatusOr<CheckedSignature> RegistryDeviceKeys::Check(const DeviceId& device,
                                                           absl::string_view encoding,
                                                           absl::string_view signature) {
  const std::string digest = crypto::Sha256(encoding);
  if (const Keys keys = Remembered(device); keys != nullptr) {
    if (auto checked = CheckWith(*keys, digest, signature); checked.has_value()) {
      return *std::move(checked);
    }
  }
  PW_ASSIGN_OR_RETURN(const Keys keys, Ask(device));
  if (auto checked = CheckWith(*keys, digest, signature); checked.has_value()) {
    return *std::move(checked);
  }
  return Error(kSignatureInvalid, "the signature is not one of the device for this content", {},
               {{"signature.signature", "must be made by the key of a valid certificate"}});
}

}  // namespace peerwatt::metering
