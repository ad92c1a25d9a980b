#include "services/metering/rpc/metering_service.h"

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/time_zone.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/core/aggregation.h"
#include "services/metering/core/errors.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/new_readings_call.h"
#include "services/metering/rpc/vee_codec.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

/// Readings that an aggregation holds at a time.
constexpr size_t kAggregateChunk = 20'000;
constexpr absl::Duration kAggregateSpanMax = absl::Hours(24 * 3653);

/// Waits for the one answer of a unary call.
class OneAnswer final : public LaneSink {
 public:
  void OnAnswers(std::vector<LaneAnswer> answers) override {
    promise_.set_value(std::move(answers.front().outcome));
  }
  BatchOutcome Wait() { return promise_.get_future().get(); }

 private:
  std::promise<BatchOutcome> promise_;
};

/// Reads an optional time; nothing when absent.
template <typename Request>
absl::StatusOr<std::optional<absl::Time>> OptionalTime(bool present, const Request& proto,
                                                       absl::string_view field) {
  if (!present) {
    return std::optional<absl::Time>();
  }
  PW_ASSIGN_OR_RETURN(const absl::Time time, rpc::TimeFrom(proto, field));
  return std::optional<absl::Time>(time);
}

/// A page ends with `<start in seconds>.<revision>`.
absl::Status ReadAfter(const std::string& after, ListQuery& query) {
  if (after.empty()) {
    return absl::OkStatus();
  }
  const std::vector<std::string> parts = absl::StrSplit(after, '.');
  int64_t start_s = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &start_s) ||
      !absl::SimpleAtoi(parts[1], &query.after_revision)) {
    return Error(kPageTokenInvalid, "page_token is malformed");
  }
  query.after = absl::FromUnixSeconds(start_s);
  return absl::OkStatus();
}

absl::StatusOr<ListQuery> QueryFrom(const v1::ListReadingsRequest& request, const rpc::Page& page) {
  ListQuery query;
  PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request.parent(), "parent"));
  PW_ASSIGN_OR_RETURN(query.start, OptionalTime(request.has_start_time(), request.start_time(),
                                                "start_time"));
  PW_ASSIGN_OR_RETURN(query.end,
                      OptionalTime(request.has_end_time(), request.end_time(), "end_time"));
  if (query.start.has_value() && query.end.has_value() && *query.start >= *query.end) {
    return FieldInvalid("end_time", "must be after start_time");
  }
  PW_ASSIGN_OR_RETURN(query.as_of, OptionalTime(request.has_as_of_time(), request.as_of_time(),
                                                "as_of_time"));
  query.revisions = request.show_revisions();
  query.limit = static_cast<size_t>(page.size) + 1;
  PW_RETURN_IF_ERROR(ReadAfter(page.after, query));
  return query;
}

/// What an aggregation is asked for.
struct AggregateQuery {
  MeteringPointId metering_point;
  Interval span;
  Step step = Step::kTotal;
  std::optional<absl::TimeZone> zone;  ///< Nothing: that of the community.
};

absl::StatusOr<Step> StepFrom(v1::AggregateReadingsRequest::Step step) {
  switch (step) {
    case v1::AggregateReadingsRequest::STEP_UNSPECIFIED:
    case v1::AggregateReadingsRequest::TOTAL:
      return Step::kTotal;
    case v1::AggregateReadingsRequest::HOUR:
      return Step::kHour;
    case v1::AggregateReadingsRequest::DAY:
      return Step::kDay;
    case v1::AggregateReadingsRequest::MONTH:
      return Step::kMonth;
    default:
      return FieldInvalid("step", "is not a step");
  }
}

absl::StatusOr<AggregateQuery> QueryFrom(const v1::AggregateReadingsRequest& request) {
  AggregateQuery query;
  PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request.parent(), "parent"));
  PW_ASSIGN_OR_RETURN(query.span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(query.span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (query.span.length() <= absl::ZeroDuration() || query.span.length() > kAggregateSpanMax) {
    return FieldInvalid("end_time", "must be after start_time by at most 10 years");
  }
  PW_ASSIGN_OR_RETURN(query.step, StepFrom(request.step()));
  if (!request.time_zone().empty()) {
    query.zone = IanaTimeZone(request.time_zone());
    if (!query.zone.has_value()) {
      return FieldInvalid("time_zone", "must be the name of an IANA time zone");
    }
  }
  return query;
}

/// The cursor of a message; nothing when empty.
absl::StatusOr<std::optional<int64_t>> CursorFrom(const std::string& text) {
  int64_t cursor = 0;
  if (text.empty()) {
    return std::optional<int64_t>();
  }
  if (!absl::SimpleAtoi(text, &cursor) || cursor < 0) {
    return FieldInvalid("cursor", "must be the cursor of a message");
  }
  return std::optional<int64_t>(cursor);
}

}  // namespace

BatchOutcome MeteringService::Store(LaneItem item) {
  const auto answer = std::make_shared<OneAnswer>();
  queue_.Push(queue_.AddLane(answer, /*waits=*/false), std::move(item));
  return answer->Wait();
}

grpc::Status MeteringService::BatchCreateReadings(grpc::ServerContext* context,
                                                  const v1::BatchCreateReadingsRequest* request,
                                                  v1::BatchCreateReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    LaneItem item;
    PW_RETURN_IF_ERROR(ReadSeries(request->series(), item.batch));
    PW_RETURN_IF_ERROR(ReadRegisters(request->registers(), item.batch));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::HasRole(caller, access::v1::OPERATOR) && !rpc::HasRole(caller, access::v1::DEVICE)) {
      return Error(kPermissionDenied, "only operators and devices may store readings");
    }
    item.batch.by_device = rpc::HasRole(caller, access::v1::DEVICE);
    const BatchOutcome outcome = Store(std::move(item));
    PW_RETURN_IF_ERROR(outcome.status);
    response->set_stored_count(outcome.counts.stored);
    response->set_unchanged_count(outcome.counts.unchanged);
    return absl::OkStatus();
  });
}

grpc::Status MeteringService::ListReadings(grpc::ServerContext* context,
                                           const v1::ListReadingsRequest* request,
                                           v1::ListReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(ListQuery query, QueryFrom(*request, page));
    PW_ASSIGN_OR_RETURN(const Member member,
                        VisibleMember(*context, directory_, query.metering_point));
    query.resolution = member.interval;
    PW_ASSIGN_OR_RETURN(std::vector<Reading> readings, store_.List(query));
    if (readings.size() == query.limit) {
      readings.pop_back();
      // Without revisions, a newer revision of the last reading is not another reading.
      const int32_t revision = query.revisions ? readings.back().revision : INT32_MAX;
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixSeconds(readings.back().start), ".", revision)));
    }
    for (const Reading& reading : readings) {
      *response->add_readings() = ToProto(reading, query.metering_point);
    }
    return absl::OkStatus();
  });
}

grpc::Status MeteringService::GetLatestReading(grpc::ServerContext* context,
                                               const v1::GetLatestReadingRequest* request,
                                               v1::Reading* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const MeteringPointId point, PointFrom(request->parent(), "parent"));
    PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, point).status());
    PW_ASSIGN_OR_RETURN(const std::optional<Reading> latest, store_.Latest(point));
    if (!latest.has_value()) {
      return Error(kReadingNotFound, "the metering point has no reading",
                   {{"metering_point", point.value()}});
    }
    *response = ToProto(*latest, point);
    return absl::OkStatus();
  });
}

grpc::Status MeteringService::AggregateReadings(grpc::ServerContext* context,
                                                const v1::AggregateReadingsRequest* request,
                                                v1::AggregateReadingsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const AggregateQuery query, QueryFrom(*request));
    PW_ASSIGN_OR_RETURN(const Member member,
                        VisibleMember(*context, directory_, query.metering_point));
    ListQuery list{.metering_point = query.metering_point,
                   .start = query.span.start,
                   .end = query.span.end,
                   .resolution = member.interval,
                   .as_of = std::nullopt,
                   .after = std::nullopt,
                   .after_revision = INT32_MAX,
                   .limit = kAggregateChunk};
    absl::TimeZone zone = absl::UTCTimeZone();
    absl::LoadTimeZone(member.time_zone, &zone);
    Aggregation aggregation(query.span, query.step, query.zone.value_or(zone));
    for (bool more = true; more;) {
      PW_ASSIGN_OR_RETURN(const std::vector<Reading> readings, store_.List(list));
      for (const Reading& reading : readings) {
        aggregation.Add(reading);
        list.after = reading.start;
      }
      more = readings.size() == list.limit;
    }
    for (const Bucket& bucket : aggregation.buckets()) {
      *response->add_buckets() = ToProto(bucket);
    }
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::StreamNewReadingsResponse>* MeteringService::StreamNewReadings(
    grpc::CallbackServerContext* context, const v1::StreamNewReadingsRequest* request) {
  NewReadingsQuery query;
  const grpc::Status status = rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(query.point, PointFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(query.cursor, CursorFrom(request->cursor()));
    PW_ASSIGN_OR_RETURN(query.caller, rpc::CallerOf(*context));
    return absl::OkStatus();
  });
  return NewReadingsCall::Start(feed_, status, std::move(query));
}

}  // namespace peerwatt::metering
