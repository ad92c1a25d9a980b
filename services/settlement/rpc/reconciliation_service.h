#pragma once

#include <atomic>

#include "peerwatt/settlement/v1/reconciliation.grpc.pb.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/reconciliation/books_file.h"
#include "services/settlement/core/reconciliation/reconciler.h"

namespace peerwatt::settlement {

/// Reconciliation for operators, regulators and auditors.
class ReconciliationService final : public v1::Reconciliation::Service {
 public:
  ReconciliationService(reconciliation::Reconciler& reconciler, reconciliation::Store& store,
                        reconciliation::BooksFile& files, Ledgers& ledgers)
      : reconciler_(reconciler), store_(store), files_(files), ledgers_(ledgers) {}

  grpc::Status ListFindings(grpc::ServerContext* context, const v1::ListFindingsRequest* request,
                            v1::ListFindingsResponse* response) override;
  grpc::Status GetReconciliationStatus(grpc::ServerContext* context,
                                       const v1::GetReconciliationStatusRequest* request,
                                       v1::ReconciliationStatus* response) override;
  grpc::Status RunReconciliation(grpc::ServerContext* context,
                                 const v1::RunReconciliationRequest* request,
                                 v1::ReconciliationStatus* response) override;
  grpc::Status ExportBooks(grpc::ServerContext* context, const v1::ExportBooksRequest* request,
                           grpc::ServerWriter<google::api::HttpBody>* writer) override;

 private:
  reconciliation::Reconciler& reconciler_;
  reconciliation::Store& store_;
  reconciliation::BooksFile& files_;
  Ledgers& ledgers_;
  std::atomic<int> exports_ = 0;
};

}  // namespace peerwatt::settlement
