#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "libs/base/clock.h"
#include "peerwatt/settlement/v1/payments.grpc.pb.h"
#include "services/settlement/core/ledger/reader.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/payments/payment_desk.h"

namespace peerwatt::settlement {

/// What `PaymentsService` asks.
struct PaymentParts {
  Ledgers& ledgers;
  ledger::Reader& reader;
  PaymentDesk& desk;
  PaymentStore& store;
  BankDesk& bank_desk;
  BankStore& bank;
  const Clock& clock;
};

/// Wallets and payments for people, files and statements for operators, through the gateway.
class PaymentsService final : public v1::Payments::Service {
 public:
  explicit PaymentsService(const PaymentParts& parts) : parts_(parts) {}

  grpc::Status GetWallet(grpc::ServerContext* context, const v1::GetWalletRequest* request,
                         v1::Wallet* response) override;
  grpc::Status ListWalletEntries(grpc::ServerContext* context,
                                 const v1::ListWalletEntriesRequest* request,
                                 v1::ListWalletEntriesResponse* response) override;
  grpc::Status ListWalletHolds(grpc::ServerContext* context,
                               const v1::ListWalletHoldsRequest* request,
                               v1::ListWalletHoldsResponse* response) override;
  grpc::Status GetPayoutDetails(grpc::ServerContext* context,
                                const v1::GetPayoutDetailsRequest* request,
                                v1::PayoutDetails* response) override;
  grpc::Status UpdatePayoutDetails(grpc::ServerContext* context,
                                   const v1::UpdatePayoutDetailsRequest* request,
                                   v1::PayoutDetails* response) override;
  grpc::Status CreatePayout(grpc::ServerContext* context, const v1::CreatePayoutRequest* request,
                            v1::Payout* response) override;
  grpc::Status GetPayout(grpc::ServerContext* context, const v1::GetPayoutRequest* request,
                         v1::Payout* response) override;
  grpc::Status ListPayouts(grpc::ServerContext* context, const v1::ListPayoutsRequest* request,
                           v1::ListPayoutsResponse* response) override;
  grpc::Status CancelPayout(grpc::ServerContext* context, const v1::CancelPayoutRequest* request,
                            v1::Payout* response) override;
  grpc::Status FailPayout(grpc::ServerContext* context, const v1::FailPayoutRequest* request,
                          v1::Payout* response) override;
  grpc::Status ListCollections(grpc::ServerContext* context,
                               const v1::ListCollectionsRequest* request,
                               v1::ListCollectionsResponse* response) override;
  grpc::Status FailCollection(grpc::ServerContext* context,
                              const v1::FailCollectionRequest* request,
                              v1::Collection* response) override;
  grpc::Status GetPaymentSettings(grpc::ServerContext* context,
                                  const v1::GetPaymentSettingsRequest* request,
                                  v1::PaymentSettings* response) override;
  grpc::Status UpdatePaymentSettings(grpc::ServerContext* context,
                                     const v1::UpdatePaymentSettingsRequest* request,
                                     v1::PaymentSettings* response) override;
  grpc::Status CreatePaymentFile(grpc::ServerContext* context,
                                 const v1::CreatePaymentFileRequest* request,
                                 v1::PaymentFile* response) override;
  grpc::Status GetPaymentFile(grpc::ServerContext* context,
                              const v1::GetPaymentFileRequest* request,
                              v1::PaymentFile* response) override;
  grpc::Status ListPaymentFiles(grpc::ServerContext* context,
                                const v1::ListPaymentFilesRequest* request,
                                v1::ListPaymentFilesResponse* response) override;
  grpc::Status ImportBankStatement(grpc::ServerContext* context,
                                   const v1::ImportBankStatementRequest* request,
                                   v1::ImportBankStatementResponse* response) override;
  grpc::Status ListBankStatements(grpc::ServerContext* context,
                                  const v1::ListBankStatementsRequest* request,
                                  v1::ListBankStatementsResponse* response) override;
  grpc::Status ListBankFindings(grpc::ServerContext* context,
                                const v1::ListBankFindingsRequest* request,
                                v1::ListBankFindingsResponse* response) override;

 private:
  /// Changes one payment by its name, whose last segment but one says of which kind it is.
  absl::StatusOr<Payment> ChangeNamed(
      const std::string& name, absl::string_view pattern, PaymentKind kind,
      absl::FunctionRef<absl::StatusOr<Payment>(const PaymentName&)> change);
  /// Says of a payment that the bank did not make it; for operators.
  absl::StatusOr<Payment> FailNamed(const grpc::ServerContext& context, const std::string& name,
                                    absl::string_view pattern, PaymentKind kind,
                                    const std::string& failure);

  const PaymentParts parts_;
};

}  // namespace peerwatt::settlement
