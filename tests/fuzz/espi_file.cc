// Any bytes as a file of readings: read without harm, and the same in pieces of any size.
#include <cstdint>

#include "tests/fuzz/file_agreement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  peerwatt::metering::CheckAgreement(peerwatt::metering::FileFormat::kEspi,
                                     {reinterpret_cast<const char*>(data), size});
  return 0;
}
