#pragma once

#include "libs/base/clock.h"
#include "peerwatt/settlement/v1/ledger.grpc.pb.h"
#include "services/settlement/core/ledger/reader.h"
#include "services/settlement/core/ledger/transfers.h"
#include "services/settlement/core/ledgers.h"

namespace peerwatt::settlement {

/// The ledger for operators and services, and their own accounts for participants.
class LedgerService final : public v1::Ledger::Service {
 public:
  using HashFunction = std::string (*)(absl::string_view);

  /// hash: SHA-256, 32 bytes.
  LedgerService(ledger::TransferQueue& queue, ledger::TransferStore& store, ledger::Reader& reader,
                Ledgers& ledgers, HashFunction hash)
      : queue_(queue), store_(store), reader_(reader), ledgers_(ledgers), hash_(hash) {}

  grpc::Status CreateTransfers(grpc::ServerContext* context,
                               const v1::CreateTransfersRequest* request,
                               v1::CreateTransfersResponse* response) override;
  grpc::Status OpenAccounts(grpc::ServerContext* context, const v1::OpenAccountsRequest* request,
                            v1::OpenAccountsResponse* response) override;
  grpc::Status GetAccount(grpc::ServerContext* context, const v1::GetAccountRequest* request,
                          v1::Account* response) override;
  grpc::Status ListAccounts(grpc::ServerContext* context, const v1::ListAccountsRequest* request,
                            v1::ListAccountsResponse* response) override;
  grpc::Status GetBalance(grpc::ServerContext* context, const v1::GetBalanceRequest* request,
                          v1::Balance* response) override;
  grpc::Status ListEntries(grpc::ServerContext* context, const v1::ListEntriesRequest* request,
                           v1::ListEntriesResponse* response) override;

 private:
  ledger::TransferQueue& queue_;
  ledger::TransferStore& store_;
  ledger::Reader& reader_;
  Ledgers& ledgers_;
  const HashFunction hash_;
};

}  // namespace peerwatt::settlement
