#pragma once

#include <string>

#include "services/registry/core/security.h"

namespace peerwatt::registry {

/// Secrets from the system's random source, with SHA-256.
class SystemSecrets final : public Secrets {
 public:
  std::string NewSecret() override;
  std::string Fingerprint(absl::string_view text) const override;
  bool Equal(absl::string_view a, absl::string_view b) const override;
};

}  // namespace peerwatt::registry
