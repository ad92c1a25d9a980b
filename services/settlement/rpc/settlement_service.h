#pragma once

#include "libs/base/clock.h"
#include "peerwatt/settlement/v1/settlement.grpc.pb.h"
#include "services/settlement/core/books.h"
#include "services/settlement/core/deposits.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// What settlement offers to people, through the gateway.
class SettlementService final : public v1::Settlement::Service {
 public:
  SettlementService(BooksReader& books, Ledgers& ledgers, DepositDesk& desk,
                    DepositStore& deposits, const Clock& clock)
      : books_(books), ledgers_(ledgers), desk_(desk), deposits_(deposits), clock_(clock) {}

  grpc::Status GetLedgerAccount(grpc::ServerContext* context,
                                const v1::GetLedgerAccountRequest* request,
                                v1::LedgerAccount* response) override;
  grpc::Status ListLedgerAccounts(grpc::ServerContext* context,
                                  const v1::ListLedgerAccountsRequest* request,
                                  v1::ListLedgerAccountsResponse* response) override;
  grpc::Status ListJournalEntries(grpc::ServerContext* context,
                                  const v1::ListJournalEntriesRequest* request,
                                  v1::ListJournalEntriesResponse* response) override;
  grpc::Status GetTrialBalance(grpc::ServerContext* context,
                               const v1::GetTrialBalanceRequest* request,
                               v1::TrialBalance* response) override;
  grpc::Status CreateDeposit(grpc::ServerContext* context, const v1::CreateDepositRequest* request,
                             v1::Deposit* response) override;
  grpc::Status GetDeposit(grpc::ServerContext* context, const v1::GetDepositRequest* request,
                          v1::Deposit* response) override;
  grpc::Status GetSettlementPeriod(grpc::ServerContext* context,
                                   const v1::GetSettlementPeriodRequest* request,
                                   v1::SettlementPeriod* response) override;
  grpc::Status ListSettlementPeriods(grpc::ServerContext* context,
                                     const v1::ListSettlementPeriodsRequest* request,
                                     v1::ListSettlementPeriodsResponse* response) override;
  grpc::Status ListSettlementLines(grpc::ServerContext* context,
                                   const v1::ListSettlementLinesRequest* request,
                                   v1::ListSettlementLinesResponse* response) override;
  grpc::Status GetBill(grpc::ServerContext* context, const v1::GetBillRequest* request,
                       v1::Bill* response) override;
  grpc::Status GetSettlementProgress(grpc::ServerContext* context,
                                     const v1::GetSettlementProgressRequest* request,
                                     v1::SettlementProgress* response) override;

 private:
  /// The account, with zeros when nothing touched it yet. Errors: NOT_FOUND.
  absl::StatusOr<Account> AccountOrEmpty(const CommunityId& community, const AccountId& account);

  BooksReader& books_;
  Ledgers& ledgers_;
  DepositDesk& desk_;
  DepositStore& deposits_;
  const Clock& clock_;
};

}  // namespace peerwatt::settlement
