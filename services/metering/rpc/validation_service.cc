#include "services/metering/rpc/validation_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/core/vee/completeness.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/vee_codec.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

constexpr char kAllPoints[] = "meteringPoints/-";
constexpr absl::Duration kCompletenessSpanMax = absl::Hours(24 * 366);

/// The optional bounds of a list. Errors: FIELD_INVALID.
template <typename Request, typename Query>
absl::Status ReadBounds(const Request& request, Query& query) {
  if (request.has_start_time()) {
    PW_ASSIGN_OR_RETURN(query.start, rpc::TimeFrom(request.start_time(), "start_time"));
  }
  if (request.has_end_time()) {
    PW_ASSIGN_OR_RETURN(query.end, rpc::TimeFrom(request.end_time(), "end_time"));
  }
  if (query.start.has_value() && query.end.has_value() && *query.start >= *query.end) {
    return FieldInvalid("end_time", "must be after start_time");
  }
  return absl::OkStatus();
}

/// The span of a request, not yet known to be on a grid. Errors: FIELD_INVALID.
template <typename Request>
absl::StatusOr<Interval> ReadSpan(const Request& request, absl::Duration max) {
  Interval span;
  PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (span.length() <= absl::ZeroDuration() || span.length() > max) {
    return FieldInvalid("end_time", absl::StrCat("must be after start_time by at most ",
                                                 max / absl::Hours(24), " days"));
  }
  return span;
}

absl::Status CheckGrid(Interval span, absl::Duration interval) {
  if (!IsOnGrid(span.start, interval)) {
    return FieldInvalid("start_time", "must be on the grid");
  }
  if (!IsOnGrid(span.end, interval)) {
    return FieldInvalid("end_time", "must be on the grid");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Method>> MethodFrom(v1::Method method) {
  switch (method) {
    case v1::METHOD_UNSPECIFIED:
      return std::optional<Method>();
    case v1::LINEAR:
    case v1::REFERENCE_DAY:
    case v1::PROFILE:
      return std::optional<Method>(static_cast<Method>(method));
    default:
      return FieldInvalid("method", "must be LINEAR, REFERENCE_DAY or PROFILE");
  }
}

}  // namespace

grpc::Status ValidationService::ListFindings(grpc::ServerContext* context,
                                             const v1::ListFindingsRequest* request,
                                             v1::ListFindingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    FindingQuery query;
    PW_RETURN_IF_ERROR(ReadBounds(*request, query));
    query.resolved = request->show_resolved();
    query.limit = static_cast<size_t>(page.limit());
    if (!page.after.empty()) {
      PW_ASSIGN_OR_RETURN(query.after, FindingAfter(page.after));
    }
    if (request->parent() == kAllPoints) {
      PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
      if (!rpc::IsStaff(caller)) {
        return Error(kPermissionDenied, "only staff may list the findings of all metering points");
      }
    } else {
      PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request->parent(), "parent"));
      PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, *query.metering_point).status());
    }
    PW_ASSIGN_OR_RETURN(std::vector<Finding> findings, findings_.List(query));
    if (rpc::CutToPage(page, findings)) {
      response->set_next_page_token(rpc::NextPageToken(*request, PageEndOf(findings.back())));
    }
    for (const Finding& finding : findings) {
      *response->add_findings() = ToProto(finding);
    }
    return absl::OkStatus();
  });
}

grpc::Status ValidationService::SubstituteReadings(grpc::ServerContext* context,
                                                   const v1::SubstituteReadingsRequest* request,
                                                   v1::SubstituteReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const MeteringPointId point, PointFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const Interval span, ReadSpan(*request, kSubstituteSpanMax));
    PW_ASSIGN_OR_RETURN(const std::optional<Method> method, MethodFrom(request->method()));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::HasRole(caller, access::v1::OPERATOR)) {
      return Error(kPermissionDenied, "only operators may substitute readings");
    }
    PW_ASSIGN_OR_RETURN(const Member member, VisibleMember(*context, directory_, point));
    PW_RETURN_IF_ERROR(CheckGrid(span, member.interval));
    PW_ASSIGN_OR_RETURN(const Substitution made,
                        substitutor_.Fill(point, member, span, method, clock_.Now()));
    response->set_method(static_cast<v1::Method>(made.method));
    response->set_filled_count(made.filled);
    response->set_import_energy_wh(made.imported.wh());
    response->set_export_energy_wh(made.exported.wh());
    return absl::OkStatus();
  });
}

grpc::Status ValidationService::ComputeCompleteness(grpc::ServerContext* context,
                                                    const v1::ComputeCompletenessRequest* request,
                                                    v1::ComputeCompletenessResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const MeteringPointId point, PointFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const Interval span, ReadSpan(*request, kCompletenessSpanMax));
    PW_ASSIGN_OR_RETURN(const Member member, VisibleMember(*context, directory_, point));
    PW_RETURN_IF_ERROR(CheckGrid(span, member.interval));
    PW_ASSIGN_OR_RETURN(const ReadingColumns columns,
                        readings_.Columns({point}, span, member.interval));
    const Completeness counts = CompletenessOf(columns.columns.at(0));
    response->set_expected_count(static_cast<int32_t>(counts.expected));
    response->set_measured_count(static_cast<int32_t>(counts.measured));
    response->set_calculated_count(static_cast<int32_t>(counts.calculated));
    response->set_estimated_count(static_cast<int32_t>(counts.estimated));
    response->set_missing_count(static_cast<int32_t>(counts.missing));
    return absl::OkStatus();
  });
}

grpc::Status ValidationService::ListRegisterValues(grpc::ServerContext* context,
                                                   const v1::ListRegisterValuesRequest* request,
                                                   v1::ListRegisterValuesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    RegisterQuery query;
    PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request->parent(), "parent"));
    PW_RETURN_IF_ERROR(ReadBounds(*request, query));
    query.limit = static_cast<size_t>(page.limit());
    if (!page.after.empty()) {
      PW_ASSIGN_OR_RETURN(query.after, RegisterValueAfter(page.after));
    }
    PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, query.metering_point).status());
    PW_ASSIGN_OR_RETURN(std::vector<RegisterValue> values, registers_.List(query));
    if (rpc::CutToPage(page, values)) {
      response->set_next_page_token(rpc::NextPageToken(*request, PageEndOf(values.back())));
    }
    for (const RegisterValue& value : values) {
      *response->add_register_values() = ToProto(value);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::metering
