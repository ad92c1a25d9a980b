#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "peerwatt/market/v1/contracts.pb.h"
#include "services/market/core/contracts/ports.h"

namespace peerwatt::market {

/// Reads terms; whether they can be carried out is CheckTerms' business.
/// field: path of the terms in the request. Errors: FIELD_INVALID.
absl::StatusOr<ContractTerms> TermsFrom(const peerwatt::market::v1::ContractTerms& proto,
                                        const std::string& currency, const std::string& field);

/// Reads what an offer says: parties, metering points, terms. Errors: FIELD_INVALID.
absl::StatusOr<Contract> OfferFrom(const peerwatt::market::v1::Contract& proto,
                                   const std::string& currency);

/// now: decides whether it has ended.
peerwatt::market::v1::Contract ToProto(const Contract& contract, const std::string& currency,
                                       absl::Time now);
peerwatt::market::v1::ContractExecution ToProto(const ExecutionResult& result,
                                                const CommunityId& community,
                                                const std::string& currency);

}  // namespace peerwatt::market
