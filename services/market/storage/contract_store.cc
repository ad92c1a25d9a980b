#include "services/market/storage/contract_store.h"

#include <set>
#include <string>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/contracts/terms.h"
#include "services/market/storage/contract_queries.h"
#include "services/market/storage/contract_rows.h"
#include "services/market/storage/rows.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

std::map<ParticipantId, ParticipantId> OwnersOf(pqxx::work& tx, const CommunityId& community,
                                                const std::vector<Contract>& contracts,
                                                absl::Time before) {
  std::set<std::string> parties;
  for (const Contract& contract : contracts) {
    parties.insert(contract.buyer.value());
    parties.insert(contract.seller.value());
  }
  const std::vector<std::string> ids(parties.begin(), parties.end());
  std::map<ParticipantId, ParticipantId> owners;
  for (const auto& row :
       Exec(tx, kOwnersAt, community.value(), ToSqlArray(ids), postgres::ToSql(before))) {
    owners.emplace(postgres::TextFrom(row[0]), postgres::TextFrom(row[1]));
  }
  return owners;
}

std::vector<Contract> Find(pqxx::work& tx, const CommunityId& community, const ContractId& id) {
  return ContractsFrom(Exec(tx, kSelectContract, community.value(), id.value()));
}

absl::StatusOr<Contract> Read(pqxx::work& tx, const CommunityId& community, const ContractId& id) {
  std::vector<Contract> found = Find(tx, community, id);
  if (found.empty()) {
    return Error(kNotFound, "there is no such contract");
  }
  return std::move(found[0]);
}

void InsertStep(pqxx::work& tx, const Contract& contract, const ContractStep& step) {
  const std::string& community = contract.community.value();
  const std::string& id = contract.id.value();
  if (step.version.has_value()) {
    InsertVersion(tx, contract, *step.version);
  }
  if (step.decision.has_value()) {
    const ContractDecision& decision = *step.decision;
    Exec(tx, kInsertContractDecision, community, id, decision.version, ToSql(decision.state),
         decision.by.value(), decision.point.value(), postgres::ToSql(decision.time));
  }
  if (step.cancellation.has_value()) {
    const ContractCancellation& notice = *step.cancellation;
    Exec(tx, kInsertContractCancellation, community, id, notice.by.value(), notice.reason,
         postgres::ToSql(notice.notice_time), postgres::ToSql(notice.effective));
  }
  if (step.decision.has_value() || step.cancellation.has_value()) {
    const Contract after = After(contract, step);
    Exec(tx, kSetContractState, community, id, ToSql(after.offer().state),
         postgres::ToSql(OverAt(after)));
  }
}

}  // namespace

absl::StatusOr<Contract> PostgresContractStore::Create(
    const Contract& offer,
    absl::FunctionRef<absl::Status(int32_t, const std::map<ParticipantId, ParticipantId>&)> check) {
  Contract kept;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const std::string& community = offer.community.value();
    std::vector<Contract> found = Find(tx, offer.community, offer.id);
    if (found.empty()) {
      const pqxx::result count = Exec(tx, kCountContracts, community, offer.proposer.value(),
                                      postgres::ToSql(offer.create_time));
      PW_RETURN_IF_ERROR(check(postgres::Int32From(count[0][0]),
                               OwnersOf(tx, offer.community, {offer}, offer.create_time)));
      const bool by_buyer = offer.proposer == offer.buyer;
      const bool is_new = Exec(tx, kInsertContract, community, offer.id.value(),
                               offer.buyer.value(), offer.seller.value(), offer.proposer.value(),
                               (by_buyer ? offer.buyer_point : offer.seller_point).value(),
                               postgres::ToSql(offer.create_time), postgres::ToSql(OverAt(offer)))
                              .affected_rows() == 1;
      if (is_new) {
        InsertVersion(tx, offer, offer.offer());
      }
      found = Find(tx, offer.community, offer.id);
    }
    kept = std::move(found.at(0));
    return absl::OkStatus();
  }));
  return kept;
}

absl::StatusOr<Contract> PostgresContractStore::Add(
    const CommunityId& community, const ContractId& id,
    absl::FunctionRef<absl::StatusOr<ContractStep>(const ContractAtHand&)> decide) {
  Contract contract;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kLockContract, community.value(), id.value());
    PW_ASSIGN_OR_RETURN(contract, Read(tx, community, id));
    const pqxx::result frozen = Exec(tx, kLastFrozen, community.value());
    const std::map<ParticipantId, ParticipantId> owners =
        OwnersOf(tx, community, {contract}, absl::FromUnixSeconds(253'402'300'799));
    PW_ASSIGN_OR_RETURN(
        const ContractStep step,
        decide({contract, postgres::OptionalTimeFrom(frozen[0][0]).value_or(absl::InfinitePast()),
                owners}));
    InsertStep(tx, contract, step);
    contract = After(std::move(contract), step);
    return absl::OkStatus();
  }));
  return contract;
}

absl::StatusOr<Contract> PostgresContractStore::Get(const CommunityId& community,
                                                    const ContractId& id) {
  Contract contract;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(contract, Read(tx, community, id));
    return absl::OkStatus();
  }));
  return contract;
}

absl::StatusOr<std::vector<Contract>> PostgresContractStore::List(const CommunityId& community,
                                                                  const ParticipantId& party,
                                                                  const ListSpan& span) {
  std::vector<Contract> contracts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    contracts = ContractsFrom(
        Exec(tx, kListContracts, community.value(), party.value(), span.after, span.limit));
    return absl::OkStatus();
  }));
  return contracts;
}

absl::StatusOr<std::vector<ExecutionResult>> PostgresContractStore::ListExecutions(
    const CommunityId& community, const ContractId& id, absl::Time after, int32_t limit) {
  std::vector<ExecutionResult> results;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    results.clear();
    for (const auto& row :
         Exec(tx, kListExecutions, community.value(), id.value(), postgres::ToSql(after), limit)) {
      results.push_back(ExecutionFrom(row));
    }
    return absl::OkStatus();
  }));
  return results;
}

std::vector<Contract> ReadActiveContracts(pqxx::work& tx, const AuctionKey& key) {
  return ContractsFrom(
      Exec(tx, kActiveContracts, key.community.value(), postgres::ToSql(key.delivery_start)));
}

void LockActiveContracts(pqxx::work& tx, const AuctionKey& key, absl::Time gate_closure,
                         Closing& closing) {
  // Read after the lock: an answer that came meanwhile is there, or waits.
  if (Exec(tx, kShareActiveContracts, key.community.value(), postgres::ToSql(key.delivery_start))
          .empty()) {
    return;
  }
  closing.contracts = ReadActiveContracts(tx, key);
  closing.owners = OwnersOf(tx, key.community, closing.contracts, gate_closure);
}

void InsertExecutions(pqxx::work& tx, const AuctionKey& key, const std::vector<Order>& orders,
                      const std::vector<ContractExecution>& executions) {
  if (!orders.empty()) {
    Exec(tx, kInsertContractOrders, key.community.value(), postgres::ToSql(key.delivery_start),
         ToSqlColumn(orders, [](const Order& o) { return o.id.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return ToSql(o.side); }),
         ToSqlColumn(orders, [](const Order& o) { return o.metering_point.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.grid_connection.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.participant.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.energy.wh(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.limit.micros_per_kwh(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.hold.micros(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.create_time; }),
         ToSqlColumn(orders, [](const Order& o) { return o.zone.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return ToSql(o.source); }),
         ToSqlColumn(orders, [](const Order& o) { return o.contract.value(); }),
         ToSqlColumn(orders, [](const Order& o) { return o.contract_price; }));
  }
  if (!executions.empty()) {
    Exec(tx, kInsertExecutions, key.community.value(), postgres::ToSql(key.delivery_start),
         ToSqlColumn(executions, [](const ContractExecution& e) { return e.contract.value(); }),
         ToSqlColumn(executions, [](const ContractExecution& e) { return e.version; }),
         ToSqlColumn(executions, [](const ContractExecution& e) { return e.energy.wh(); }),
         ToSqlColumn(executions, [](const ContractExecution& e) { return e.skip_reason; }));
  }
}

}  // namespace peerwatt::market
