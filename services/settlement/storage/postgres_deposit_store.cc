#include "services/settlement/storage/postgres_deposit_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::ToSql;

Deposit DepositFrom(const pqxx::row& row) {
  Deposit deposit;
  deposit.community = CommunityId(TextFrom(row["community_id"]));
  deposit.participant = ParticipantId(TextFrom(row["participant_id"]));
  deposit.id = TextFrom(row["deposit_id"]);
  deposit.amount = Money::Micros(postgres::Int64From(row["amount_micros"]));
  deposit.state = static_cast<DepositState>(postgres::Int32From(row["state"]));
  deposit.created_at = postgres::TimeFrom(row["created_at"]);
  deposit.currency = TextFrom(row["currency_code"]);
  return deposit;
}

absl::StatusOr<Deposit> Select(pqxx::work& tx, const CommunityId& community,
                               const ParticipantId& participant, const std::string& id) {
  const pqxx::result rows =
      Exec(tx, kSelectDeposit, community.value(), participant.value(), id);
  if (rows.empty()) {
    const std::string name =
        absl::StrCat("participants/", participant.value(), "/deposits/", id);
    return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
  }
  return DepositFrom(rows[0]);
}

}  // namespace

absl::StatusOr<Deposit> PostgresDepositStore::InsertDeposit(const Deposit& deposit) {
  Deposit kept;
  const auto insert = [&](pqxx::work& tx) -> absl::Status {
    if (Exec(tx, kSelectLedgerHead, deposit.community.value()).empty()) {
      return LedgerNotFound(deposit.community);
    }
    Exec(tx, kInsertDeposit, deposit.community.value(), deposit.participant.value(), deposit.id,
         deposit.amount.micros(), ToSql(deposit.created_at));
    PW_ASSIGN_OR_RETURN(kept, Select(tx, deposit.community, deposit.participant, deposit.id));
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(pool_.Run(insert));
  return kept;
}

absl::StatusOr<Deposit> PostgresDepositStore::FinishDeposit(const Deposit& deposit,
                                                            ChargeOutcome outcome,
                                                            absl::Time now) {
  Deposit kept;
  const bool confirmed = outcome == ChargeOutcome::kConfirmed;
  const DepositState state = confirmed ? DepositState::kSucceeded : DepositState::kDeclined;
  const auto finish = [&](pqxx::work& tx, LedgerSession& ledger) -> absl::Status {
    const pqxx::result finished =
        Exec(tx, kFinishDeposit, deposit.community.value(), deposit.participant.value(),
             deposit.id, static_cast<int32_t>(state));
    PW_ASSIGN_OR_RETURN(kept, Select(tx, deposit.community, deposit.participant, deposit.id));
    if (finished.affected_rows() == 0 || !confirmed) return absl::OkStatus();
    ledger.Post({MakeDepositEntry(kept.participant, kept.id, kept.amount)});
    return absl::OkStatus();
  };
  PW_RETURN_IF_ERROR(WriteLedger(pool_, cache_, deposit.community, now, finish));
  return kept;
}

absl::StatusOr<Deposit> PostgresDepositStore::GetDeposit(const CommunityId& community,
                                                         const ParticipantId& participant,
                                                         const std::string& id) {
  Deposit kept;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(kept, Select(tx, community, participant, id));
    return absl::OkStatus();
  }));
  return kept;
}

absl::StatusOr<std::vector<Deposit>> PostgresDepositStore::ListPendingDeposits() {
  std::vector<Deposit> pending;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    pending.clear();
    for (const auto& row : Exec(tx, kSelectPendingDeposits)) pending.push_back(DepositFrom(row));
    return absl::OkStatus();
  }));
  return pending;
}

}  // namespace peerwatt::settlement
