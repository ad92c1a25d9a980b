#pragma once

#include "libs/base/clock.h"
#include "peerwatt/settlement/v1/runs.grpc.pb.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/run_desk.h"
#include "services/settlement/core/run_log.h"
#include "services/settlement/core/runner.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// What the service of runs needs.
struct RunParts {
  RunStore& store;
  RunLog& log;
  RunDesk& desk;
  Runner& runner;
  Ledgers& ledgers;
};

/// The calendar of runs, and what runs did.
class RunsService final : public v1::SettlementRuns::Service {
 public:
  RunsService(const RunParts& parts, const Clock& clock) : parts_(parts), clock_(clock) {}

  grpc::Status GetRunCalendar(grpc::ServerContext* context,
                              const v1::GetRunCalendarRequest* request,
                              v1::RunCalendar* response) override;
  grpc::Status UpdateRunCalendar(grpc::ServerContext* context,
                                 const v1::UpdateRunCalendarRequest* request,
                                 v1::RunCalendar* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status RunNow(grpc::ServerContext* context, const v1::RunNowRequest* request,
                      v1::Run* response) override;
  grpc::Status ListLateChanges(grpc::ServerContext* context,
                               const v1::ListLateChangesRequest* request,
                               v1::ListLateChangesResponse* response) override;

 private:
  const RunParts parts_;
  const Clock& clock_;
};

}  // namespace peerwatt::settlement
