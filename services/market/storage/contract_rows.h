#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/contracts/ports.h"

namespace peerwatt::market {

/// Contracts from rows of versions, with the columns and the order that contract_queries.h names.
std::vector<Contract> ContractsFrom(const pqxx::result& rows);

/// Adds a version in the transaction given.
void InsertVersion(pqxx::work& tx, const Contract& contract, const ContractVersion& version);

/// What kListExecutions returns.
ExecutionResult ExecutionFrom(const pqxx::row& row);

/// OFFERED, ACCEPTED, DECLINED or WITHDRAWN.
const char* ToSql(VersionState state);

}  // namespace peerwatt::market
