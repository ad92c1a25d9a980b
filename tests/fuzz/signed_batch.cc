// Encodings of signed batches: what is accepted is written again byte for byte, so that no two
// encodings have one content.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/domain/signed_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto batch = peerwatt::DecodeSignedBatch(bytes); batch.ok()) {
    PW_CHECK(peerwatt::EncodeSignedBatch(*batch) == bytes, "one content has one encoding");
  }
  return 0;
}
