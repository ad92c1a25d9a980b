// The gateway's scanner against protobuf: no bytes bring a metering point past it.
#include <cstdint>

#include "libs/base/check.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "tests/support/scan_agreement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string difference = peerwatt::gateway::testing::ScanDifference(bytes);
  PW_CHECK(difference.empty(), difference);
  return 0;
}
