#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/tariff_rules.h"
#include "peerwatt/registry/v1/tariffs.pb.h"

namespace peerwatt::rpc {

/// Reads what a version of a tariff charges. Whether its values are allowed is not looked at.
/// currency: that all amounts must have. Errors: FIELD_INVALID with a path from `tariff_version.`.
absl::StatusOr<TariffRules> TariffRulesFrom(const registry::v1::TariffVersion& proto,
                                            const std::string& currency);

/// Writes what a version of a tariff charges.
void Encode(const TariffRules& rules, const std::string& currency,
            registry::v1::TariffVersion& proto);

}  // namespace peerwatt::rpc
