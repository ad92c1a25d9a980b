#include "services/settlement/rpc/reconciliation_service.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/core/reconciliation/errors.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
// A piece of a file is sent when it has this many bytes.
constexpr size_t kPieceBytes = 128 << 10;
constexpr int kExportsMax = 4;
// So long before its deadline, a call ends with what was done.
constexpr std::chrono::seconds kAnswerTime(2);

/// One of a bounded number of exports, for its lifetime.
class Place {
 public:
  explicit Place(std::atomic<int>& taken) : taken_(taken), ok_(taken.fetch_add(1) < kExportsMax) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  absl::Status status() const {
    return ok_ ? absl::OkStatus()
               : Error(kBooksExportsExceeded, "too many exports are under way; try again later");
  }

 private:
  std::atomic<int>& taken_;
  const bool ok_;
};

/// Errors: PERMISSION_DENIED, CALLER_UNKNOWN.
absl::Status RequireStaff(const grpc::ServerContext& context) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (rpc::IsStaff(caller)) return absl::OkStatus();
  return Error(kPermissionDenied, "books are checked by operators and regulators");
}

absl::StatusOr<CommunityId> CommunityFrom(const std::string& name, absl::string_view pattern,
                                          absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, pattern, field));
  return CommunityId(std::move(id));
}

void Encode(const CommunityId& community, const reconciliation::ListedFinding& finding,
            v1::ReconciliationFinding& proto) {
  proto.set_name(
      absl::StrCat("communities/", community.value(), "/reconciliationFindings/", finding.number));
  proto.set_check(std::string(NameOf(finding.check)));
  proto.set_subject(finding.subject);
  proto.set_detail(finding.detail);
  *proto.mutable_find_time() = rpc::ToProto(finding.found_at);
  if (finding.resolved_at.has_value()) {
    *proto.mutable_resolve_time() = rpc::ToProto(*finding.resolved_at);
  }
}

absl::Status EncodeStatus(reconciliation::Store& store, const CommunityId& community,
                          v1::ReconciliationStatus& proto) {
  PW_ASSIGN_OR_RETURN(const reconciliation::Status status, store.GetStatus(community));
  proto.set_name(absl::StrCat("communities/", community.value(), "/reconciliation"));
  proto.set_open_finding_count(status.open_count);
  proto.set_entry_count(status.entry_count);
  proto.set_checked_entry_count(status.checked_entry_no);
  proto.set_rechecked_entry_count(status.full_entry_no);
  proto.set_full_pass_count(status.full_pass_count);
  if (status.full_pass_at.has_value()) {
    *proto.mutable_full_pass_time() = rpc::ToProto(*status.full_pass_at);
  }
  proto.set_run_count(status.run_count);
  if (status.run_at.has_value()) *proto.mutable_run_time() = rpc::ToProto(*status.run_at);
  return absl::OkStatus();
}

}  // namespace

grpc::Status ReconciliationService::ListFindings(grpc::ServerContext* context,
                                                 const v1::ListFindingsRequest* request,
                                                 v1::ListFindingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int64_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed");
    }
    PW_RETURN_IF_ERROR(RequireStaff(*context));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    PW_ASSIGN_OR_RETURN(std::vector<reconciliation::ListedFinding> findings,
                        store_.ListFindings(community, after, page.size + 1, request->open_only()));
    const bool more = findings.size() > static_cast<size_t>(page.size);
    if (more) findings.pop_back();
    for (const reconciliation::ListedFinding& finding : findings) {
      Encode(community, finding, *response->add_reconciliation_findings());
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(findings.back().number)));
    }
    return absl::OkStatus();
  });
}

grpc::Status ReconciliationService::GetReconciliationStatus(
    grpc::ServerContext* context, const v1::GetReconciliationStatusRequest* request,
    v1::ReconciliationStatus* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/reconciliation", "name"));
    PW_RETURN_IF_ERROR(RequireStaff(*context));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    return EncodeStatus(store_, community, *response);
  });
}

grpc::Status ReconciliationService::RunReconciliation(grpc::ServerContext* context,
                                                      const v1::RunReconciliationRequest* request,
                                                      v1::ReconciliationStatus* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/reconciliation", "name"));
    PW_RETURN_IF_ERROR(RequireStaff(*context));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    const auto stopped = [&] {
      return context->IsCancelled() ||
             std::chrono::system_clock::now() + kAnswerTime >= context->deadline();
    };
    PW_RETURN_IF_ERROR(reconciler_.LookNow(community, request->everything(), stopped));
    return EncodeStatus(store_, community, *response);
  });
}

grpc::Status ReconciliationService::ExportBooks(grpc::ServerContext* context,
                                                const v1::ExportBooksRequest* request,
                                                grpc::ServerWriter<google::api::HttpBody>* writer) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    const auto part = static_cast<reconciliation::BooksPart>(request->part());
    if (!v1::ExportBooksRequest::Part_IsValid(request->part()) ||
        request->part() == v1::ExportBooksRequest::PART_UNSPECIFIED) {
      return FieldInvalid("part", "must be JOURNAL, ACCOUNTS or PERIODS");
    }
    PW_RETURN_IF_ERROR(RequireStaff(*context));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    const Place place(exports_);
    PW_RETURN_IF_ERROR(place.status());
    google::api::HttpBody piece;
    piece.set_content_type("text/csv");
    AppendHeader(part, *piece.mutable_data());
    std::string after;
    do {
      PW_ASSIGN_OR_RETURN(after, files_.AppendPage(community, part, after, *piece.mutable_data()));
      if (!after.empty() && piece.data().size() < kPieceBytes) continue;
      if (!writer->Write(piece)) return absl::OkStatus();  // The client has gone.
      piece.clear_data();
    } while (!after.empty());
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
