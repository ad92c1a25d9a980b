#include "services/settlement/rpc/runs_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/settlement/rpc/callers.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
constexpr char kRefusal[] = "runs are the operators'";
constexpr absl::Duration kRequestedSpanMax = absl::Hours(24 * 32);

std::string PeriodName(const CommunityId& community, absl::Time start) {
  return absl::StrCat("communities/", community.value(), "/settlementPeriods/",
                      TimeSegment(start));
}

void Encode(const CommunityId& community, const RunCalendar& calendar, v1::RunCalendar& proto) {
  proto.set_name(absl::StrCat("communities/", community.value(), "/runCalendar"));
  proto.set_version(calendar.version);
  if (calendar.first_run_delay.has_value()) {
    *proto.mutable_first_run_delay() = rpc::ToProto(*calendar.first_run_delay);
  }
  proto.set_correction_mode(calendar.corrects_at_once ? v1::RunCalendar::AS_CHANGES_ARRIVE
                                                      : v1::RunCalendar::BY_CALENDAR);
  *proto.mutable_run_time() = rpc::ToProto(calendar.run_time);
  proto.set_daily_runs(calendar.has_daily_runs);
  proto.set_monthly_run_day(calendar.monthly_run_day);
  proto.set_correction_window_days(calendar.correction_window_days);
  if (calendar.version > 0) *proto.mutable_create_time() = rpc::ToProto(calendar.created_at);
}

/// Errors: FIELD_INVALID.
absl::StatusOr<RunCalendar> CalendarFrom(const v1::RunCalendar& proto) {
  RunCalendar calendar;
  if (proto.version() < 0) {
    return FieldInvalid("run_calendar.version", "must be the version that was read");
  }
  calendar.version = proto.version();
  if (proto.has_first_run_delay()) {
    PW_ASSIGN_OR_RETURN(calendar.first_run_delay,
                        rpc::DurationFrom(proto.first_run_delay(), "run_calendar.first_run_delay"));
    if (*calendar.first_run_delay % absl::Seconds(1) != absl::ZeroDuration()) {
      return FieldInvalid("run_calendar.first_run_delay", "must be whole seconds");
    }
  }
  if (!v1::RunCalendar::CorrectionMode_IsValid(proto.correction_mode())) {
    return FieldInvalid("run_calendar.correction_mode", "is unknown");
  }
  calendar.corrects_at_once = proto.correction_mode() != v1::RunCalendar::BY_CALENDAR;
  if (proto.has_run_time()) {
    PW_ASSIGN_OR_RETURN(calendar.run_time,
                        rpc::DurationFrom(proto.run_time(), "run_calendar.run_time"));
  }
  calendar.has_daily_runs = proto.daily_runs();
  calendar.monthly_run_day = proto.monthly_run_day();
  calendar.correction_window_days = proto.correction_window_days() == 0
                                        ? RunCalendar::kWindowDaysDefault
                                        : proto.correction_window_days();
  PW_RETURN_IF_ERROR(CheckRunCalendar(calendar));
  return calendar;
}

void Encode(const CommunityId& community, const std::string& currency, const LoggedRun& run,
            v1::Run& proto) {
  proto.set_name(absl::StrCat("communities/", community.value(), "/runs/", run.record.id));
  proto.set_kind(static_cast<v1::Run::Kind>(run.record.kind));
  proto.set_calendar_version(run.record.calendar_version);
  *proto.mutable_as_of_time() = rpc::ToProto(run.record.as_of);
  *proto.mutable_start_time() = rpc::ToProto(run.record.span.start);
  *proto.mutable_end_time() = rpc::ToProto(run.record.span.end);
  proto.set_period_count(run.period_count);
  proto.set_posted_period_count(run.posted_period_count);
  proto.set_line_count(run.line_count);
  proto.set_entry_count(run.entry_count);
  *proto.mutable_difference_posted() = rpc::ToProto(run.moved, currency);
  proto.set_readings_cursor(run.readings_cursor);
  proto.set_absurd_reading_count(run.absurd_reading_count);
  *proto.mutable_duration() = rpc::ToProto(run.elapsed);
}

absl::StatusOr<RunFilter> FilterFrom(const v1::ListRunsRequest& request,
                                     const CommunityId& community) {
  RunFilter filter;
  if (!v1::Run::Kind_IsValid(request.kind())) return FieldInvalid("kind", "is unknown");
  if (request.kind() != v1::Run::KIND_UNSPECIFIED) {
    filter.kind = static_cast<RunKind>(request.kind());
  }
  if (request.settlement_period().empty()) return filter;
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(request.settlement_period(),
                                     "communities/*/settlementPeriods/*", "settlement_period"));
  const absl::StatusOr<absl::Time> start = ParseTimeSegment(ids[1]);
  if (ids[0] != community.value() || !start.ok()) {
    return FieldInvalid("settlement_period", "is no period of parent");
  }
  filter.period_start = *start;
  return filter;
}

std::string TokenOf(const LateChange& change) {
  return absl::StrCat(absl::ToUnixMicros(change.listed_at), " ",
                      absl::ToUnixMicros(change.period_start), " ", change.cursor);
}

/// Errors: PAGE_TOKEN_INVALID.
absl::StatusOr<LateChange> AfterFrom(const std::string& token) {
  LateChange after{absl::InfinitePast(), absl::InfinitePast(), 0};
  if (token.empty()) return after;
  const std::vector<std::string> parts = absl::StrSplit(token, ' ');
  int64_t listed = 0;
  int64_t period = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &listed) ||
      !absl::SimpleAtoi(parts[1], &period) || !absl::SimpleAtoi(parts[2], &after.cursor)) {
    return Error(kPageTokenInvalid, "the page token is malformed");
  }
  after.listed_at = absl::FromUnixMicros(listed);
  after.period_start = absl::FromUnixMicros(period);
  return after;
}

}  // namespace

grpc::Status RunsService::GetRunCalendar(grpc::ServerContext* context,
                                         const v1::GetRunCalendarRequest* request,
                                         v1::RunCalendar* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/runCalendar", "name"));
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_RETURN_IF_ERROR(parts_.ledgers.Require(community));
    PW_ASSIGN_OR_RETURN(const RunCalendar calendar, parts_.store.LoadCalendar(community));
    Encode(community, calendar, *response);
    return absl::OkStatus();
  });
}

grpc::Status RunsService::UpdateRunCalendar(grpc::ServerContext* context,
                                            const v1::UpdateRunCalendarRequest* request,
                                            v1::RunCalendar* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->name(), "communities/*/runCalendar", "name"));
    PW_ASSIGN_OR_RETURN(RunCalendar calendar, CalendarFrom(request->run_calendar()));
    PW_RETURN_IF_ERROR(RequireOperator(*context, kRefusal));
    PW_RETURN_IF_ERROR(parts_.ledgers.Require(community));
    ++calendar.version;
    calendar.created_at = clock_.Now();
    PW_ASSIGN_OR_RETURN(const RunCalendar in_force, parts_.log.AddCalendar(community, calendar));
    parts_.runner.OnCalendar(community);
    Encode(community, in_force, *response);
    return absl::OkStatus();
  });
}

grpc::Status RunsService::ListRuns(grpc::ServerContext* context,
                                   const v1::ListRunsRequest* request,
                                   v1::ListRunsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(RunFilter filter, FilterFrom(*request, community));
    PW_RETURN_IF_ERROR(RequireStaff(*context, kRefusal));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    filter.before = page.after;
    PW_ASSIGN_OR_RETURN(std::vector<LoggedRun> runs,
                        parts_.log.ListRuns(community, filter, page.limit()));
    if (rpc::CutToPage(page, runs)) {
      response->set_next_page_token(rpc::NextPageToken(*request, runs.back().record.id));
    }
    for (const LoggedRun& run : runs) Encode(community, currency, run, *response->add_runs());
    return absl::OkStatus();
  });
}

grpc::Status RunsService::RunNow(grpc::ServerContext* context, const v1::RunNowRequest* request,
                                 v1::Run* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    Interval span;
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request->start_time(), "start_time"));
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request->end_time(), "end_time"));
    if (span.end <= span.start || span.length() > kRequestedSpanMax) {
      return FieldInvalid("end_time", "must lie at most 32 days after start_time");
    }
    PW_RETURN_IF_ERROR(RequireOperator(*context, kRefusal));
    PW_ASSIGN_OR_RETURN(const std::string currency, parts_.ledgers.CurrencyOf(community));
    PW_ASSIGN_OR_RETURN(const RunRecord record, parts_.desk.RunNow(community, span));
    RunFilter filter;
    filter.id = record.id;
    PW_ASSIGN_OR_RETURN(const std::vector<LoggedRun> runs,
                        parts_.log.ListRuns(community, filter, 1));
    Encode(community, currency, runs.at(0), *response);
    return absl::OkStatus();
  });
}

grpc::Status RunsService::ListLateChanges(grpc::ServerContext* context,
                                          const v1::ListLateChangesRequest* request,
                                          v1::ListLateChangesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const CommunityId community,
                        CommunityFrom(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const LateChange after, AfterFrom(page.after));
    PW_RETURN_IF_ERROR(RequireStaff(*context, kRefusal));
    PW_RETURN_IF_ERROR(parts_.ledgers.Require(community));
    PW_ASSIGN_OR_RETURN(std::vector<LateChange> changes,
                        parts_.log.ListLateChanges(community, after, page.limit()));
    if (rpc::CutToPage(page, changes)) {
      response->set_next_page_token(rpc::NextPageToken(*request, TokenOf(changes.back())));
    }
    for (const LateChange& change : changes) {
      v1::LateChange& proto = *response->add_late_changes();
      proto.set_settlement_period(PeriodName(community, change.period_start));
      proto.set_readings_cursor(change.cursor);
      proto.set_tariff_version_count(change.tariff_version_count);
      *proto.mutable_list_time() = rpc::ToProto(change.listed_at);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
