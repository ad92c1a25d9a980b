#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/registry/core/errors.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

constexpr size_t kCsrBytesMax = 8192;

absl::Status CheckCsr(const std::string& csr_pem) {
  if (!csr_pem.empty() && csr_pem.size() <= kCsrBytesMax) return absl::OkStatus();
  return Error(kCsrInvalid, "csr_pem must have 1 byte to 8 KiB", {},
               {{"csr_pem", "must have 1 byte to 8 KiB"}});
}

}  // namespace

grpc::Status RegistryService::CreateDevice(grpc::ServerContext* context,
                                           const v1::CreateDeviceRequest* request,
                                           v1::CreateDeviceResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(Device asked, DeviceFrom(*request));
    PW_ASSIGN_OR_RETURN(Device device, CheckNewDevice(std::move(asked)));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    device.created_at = StoredNow(rooms_.clock);
    PW_ASSIGN_OR_RETURN(const Devices::Created created,
                        rooms_.devices.Create(device, StoredNow(rooms_.real_clock)));
    *response->mutable_device() = ToProto(created.device);
    response->set_enrolment_token(created.enrolment_token);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetDevice(grpc::ServerContext* context,
                                        const v1::GetDeviceRequest* request,
                                        v1::Device* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kDevicePattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(
        RequireRole(caller, {access::OPERATOR, access::REGULATOR, access::ADMIN}));
    PW_ASSIGN_OR_RETURN(const Device device, rooms_.device_store.Get(DeviceId(id)));
    *response = ToProto(device);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListDevices(grpc::ServerContext* context,
                                          const v1::ListDevicesRequest* request,
                                          v1::ListDevicesResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, ReadIdPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(
        RequireRole(caller, {access::OPERATOR, access::REGULATOR, access::ADMIN}));
    PW_ASSIGN_OR_RETURN(auto devices,
                        rooms_.device_store.List(DeviceId(page.after), page.limit()));
    response->set_next_page_token(CutToIdPage(*request, page, devices));
    for (const Device& device : devices) *response->add_devices() = ToProto(device);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::EnrolDevice(grpc::ServerContext* context,
                                          const v1::EnrolDeviceRequest* request,
                                          v1::DeviceCertificate* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kDevicePattern, "name"));
    PW_RETURN_IF_ERROR(CheckCsr(request->csr_pem()));
    // Nobody is asked who calls: the token is the credential.
    PW_ASSIGN_OR_RETURN(const IssuedCertificate certificate,
                        rooms_.devices.Enrol(DeviceId(id), request->enrolment_token(),
                                             request->csr_pem(), StoredNow(rooms_.real_clock)));
    *response = ToProto(certificate, rooms_.devices.authority_pem());
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::RenewDeviceCertificate(
    grpc::ServerContext* context, const v1::RenewDeviceCertificateRequest* request,
    v1::DeviceCertificate* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kDevicePattern, "name"));
    PW_RETURN_IF_ERROR(CheckCsr(request->csr_pem()));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (caller.subject() != request->name()) {
      return Error(kPermissionDenied, "a device renews only its own certificate");
    }
    PW_ASSIGN_OR_RETURN(const IssuedCertificate certificate,
                        rooms_.devices.Renew(DeviceId(id), request->csr_pem(),
                                             StoredNow(rooms_.real_clock)));
    *response = ToProto(certificate, rooms_.devices.authority_pem());
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::RevokeDevice(grpc::ServerContext* context,
                                           const v1::RevokeDeviceRequest* request,
                                           v1::Device* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kDevicePattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::OPERATOR, access::ADMIN}));
    PW_ASSIGN_OR_RETURN(const Device device,
                        rooms_.device_store.Revoke(
                            DeviceId(id), Actor{caller.subject(), StoredNow(rooms_.clock)}));
    *response = ToProto(device);
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::registry
