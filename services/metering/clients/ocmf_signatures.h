#pragma once

#include "services/metering/core/evidence/ocmf_gate.h"

namespace peerwatt::metering {

/// ECDSA over SHA-256 on the curves of OCMF. Safe for many threads.
class EcdsaOcmfSignatures final : public OcmfSignatures {
 public:
  absl::Status CheckKey(absl::string_view public_key_der) override;
  bool Holds(absl::string_view public_key_der, const OcmfRecord& record) override;
};

}  // namespace peerwatt::metering
