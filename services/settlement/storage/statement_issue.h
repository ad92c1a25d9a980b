#pragma once

#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/settlement/core/billing/statement_store.h"

namespace peerwatt::settlement {

/// What all statements of a query have in common, read in one transaction.
/// Errors: NOT_FOUND when the community has no ledger.
absl::StatusOr<StatementFrame> LoadFrame(pqxx::work& tx, const StatementQuery& query,
                                         absl::Time now);

/// What a participant's statement follows from, and how many documents there are already.
struct LoadedBasis {
  StatementBasis basis;
  int32_t sequence_no = 0;
};

/// The bases of participants, in their order.
std::vector<LoadedBasis> LoadBases(pqxx::work& tx, const StatementFrame& frame,
                                   const std::vector<ParticipantId>& participants);

/// Participants that have lines of the frame's kind in its month, in order.
std::vector<ParticipantId> LoadBilled(pqxx::work& tx, const StatementFrame& frame);

/// All that the call asks for, in a fixed form: the same request has the same.
std::string ContentOfRequest(const IssueRequest& request);

}  // namespace peerwatt::settlement
