#include "services/metering/rpc/exchange_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/exchange_errors.h"
#include "services/metering/formats/reading_file.h"
#include "services/metering/formats/reading_import.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/import_lane.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

/// Readings that an export holds at a time.
constexpr size_t kExportPage = 2'000;
/// A piece is sent when it has this many bytes.
constexpr size_t kPieceBytes = 128 << 10;
constexpr size_t kContentBytesMax = 512 << 10;

/// One of a bounded number of places, for its lifetime.
class Place {
 public:
  Place(std::atomic<int>& taken, int max) : taken_(taken), ok_(taken.fetch_add(1) < max) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  absl::Status status() const {
    return ok_ ? absl::OkStatus()
               : Error(kTransfersExceeded, "too many files are under way; try again later");
  }

 private:
  std::atomic<int>& taken_;
  const bool ok_;
};

absl::StatusOr<FileFormat> FormatFrom(v1::FileFormat format, absl::string_view field) {
  switch (format) {
    case v1::CSV:
      return FileFormat::kCsv;
    case v1::ESPI_XML:
      return FileFormat::kEspi;
    default:
      return FieldInvalid(field, "must be CSV or ESPI_XML");
  }
}

/// What an import is asked for.
struct ImportQuery {
  FileFormat format = FileFormat::kCsv;
  ImportOptions options;
};

absl::StatusOr<ImportQuery> QueryFrom(const v1::ImportReadingsRequest& request) {
  if (!request.has_spec()) {
    return FieldInvalid("spec", "must be the first message");
  }
  const v1::ImportReadingsRequest::Spec& spec = request.spec();
  ImportQuery query;
  PW_ASSIGN_OR_RETURN(query.format, FormatFrom(spec.format(), "spec.format"));
  switch (spec.on_error()) {
    case v1::ImportReadingsRequest::Spec::ON_ERROR_UNSPECIFIED:
    case v1::ImportReadingsRequest::Spec::STOP:
      break;
    case v1::ImportReadingsRequest::Spec::SKIP:
      query.options.skip = true;
      break;
    default:
      return FieldInvalid("spec.on_error", "must be STOP or SKIP");
  }
  if (!spec.metering_point().empty()) {
    PW_ASSIGN_OR_RETURN(query.options.metering_point,
                        PointFrom(spec.metering_point(), "spec.metering_point"));
  }
  return query;
}

/// Reads the pieces up to the end of the file. Returns whether it is whole.
/// Errors: FIELD_INVALID for a message out of place; the call ended.
absl::StatusOr<bool> ReadPieces(const grpc::ServerContext& context,
                                grpc::ServerReader<v1::ImportReadingsRequest>& reader,
                                ReadingFileReader& file, ReadingImport& import) {
  v1::ImportReadingsRequest request;
  while (!import.stopped() && reader.Read(&request)) {
    absl::Status read;
    if (request.has_end()) {
      read = file.Finish(import);
    } else if (!request.has_content()) {
      return FieldInvalid("content", "must follow the first message");
    } else if (request.content().size() > kContentBytesMax) {
      return FieldInvalid("content", "must be at most 512 KiB");
    } else {
      read = file.Read(request.content(), import);
    }
    if (!read.ok()) {
      import.OnError(file.line(), std::move(read));
      return false;
    }
    if (request.has_end()) {
      return true;
    }
  }
  if (context.IsCancelled()) {
    return Error(kDraining, "the call ended before the file did");
  }
  if (!import.stopped()) {
    import.OnError(file.line(), Error(kFileIncomplete,
                                      "the stream ended without `end`: the file may be cut off"));
  }
  return false;
}

struct ExportQuery {
  MeteringPointId metering_point;
  Interval span;
  FileFormat format = FileFormat::kCsv;
};

absl::StatusOr<ExportQuery> QueryFrom(const v1::ExportReadingsRequest& request) {
  ExportQuery query;
  PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request.parent(), "parent"));
  PW_ASSIGN_OR_RETURN(query.span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(query.span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (query.span.end <= query.span.start) {
    return FieldInvalid("end_time", "must be after start_time");
  }
  PW_ASSIGN_OR_RETURN(query.format, FormatFrom(request.format(), "format"));
  return query;
}

/// Sends a file in pieces; the text is collected until a piece is full.
class PieceWriter {
 public:
  PieceWriter(grpc::ServerWriter<google::api::HttpBody>& writer, FileFormat format)
      : writer_(writer) {
    piece_.set_content_type(std::string(ContentType(format)));
  }
  std::string& text() { return *piece_.mutable_data(); }
  /// Sends the text when it is a full piece, or `all` of it. Returns whether the client is there.
  bool Send(bool all) {
    if (text().size() < kPieceBytes && !all) {
      return true;
    }
    const bool sent = writer_.Write(piece_);
    text().clear();
    return sent;
  }

 private:
  grpc::ServerWriter<google::api::HttpBody>& writer_;
  google::api::HttpBody piece_;
};

/// Errors: DATABASE_UNAVAILABLE.
absl::Status SendReadings(ReadingStore& store, ListQuery list, ReadingFileWriter& file,
                          PieceWriter& pieces) {
  file.Begin(pieces.text());
  for (bool more = true; more;) {
    PW_ASSIGN_OR_RETURN(const std::vector<Reading> readings, store.List(list));
    for (const Reading& reading : readings) {
      file.Add(reading, pieces.text());
      if (!pieces.Send(/*all=*/false)) {
        return absl::OkStatus();  // The client has gone.
      }
      list.after = reading.start;
    }
    more = readings.size() == list.limit;
  }
  file.End(pieces.text());
  pieces.Send(/*all=*/true);
  return absl::OkStatus();
}

}  // namespace

grpc::Status ExchangeService::ImportReadings(grpc::ServerContext* context,
                                             grpc::ServerReader<v1::ImportReadingsRequest>* reader,
                                             v1::ImportReadingsResponse* response) {
  return rpc::Handle(*context, kDomain,
                     [&]() -> absl::Status { return Import(*context, *reader, *response); });
}

absl::Status ExchangeService::Import(const grpc::ServerContext& context,
                                     grpc::ServerReader<v1::ImportReadingsRequest>& reader,
                                     v1::ImportReadingsResponse& response) {
  v1::ImportReadingsRequest first;
  if (!reader.Read(&first)) {
    return FieldInvalid("spec", "must be the first message");
  }
  PW_ASSIGN_OR_RETURN(ImportQuery query, QueryFrom(first));
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (!rpc::HasRole(caller, access::v1::OPERATOR)) {
    return Error(kPermissionDenied, "only operators may import readings");
  }
  const Place place(imports_, limits_.imports_max);
  PW_RETURN_IF_ERROR(place.status());
  ImportLane lane(queue_, context);
  ReadingImport import(std::move(query.options), lane, directory_, store_, clock_);
  const std::unique_ptr<ReadingFileReader> file = NewReader(query.format);
  const absl::StatusOr<bool> whole = ReadPieces(context, reader, *file, import);
  // What is under way is waited for in any case: its answer goes to the lane.
  import.Finish(whole.ok() && *whole);
  PW_RETURN_IF_ERROR(whole.status());
  PW_RETURN_IF_ERROR(import.interruption());
  const ImportResult& result = import.result();
  response.set_stored_count(result.stored);
  response.set_unchanged_count(result.unchanged);
  response.set_refused_count(result.refused);
  response.set_complete(*whole && !import.stopped());
  for (const auto& [line, error] : result.errors) {
    v1::ImportReadingsResponse::LineError& proto = *response.add_errors();
    proto.set_line(line);
    *proto.mutable_status() = rpc::ToRpcStatus(error, kDomain);
  }
  return absl::OkStatus();
}

grpc::Status ExchangeService::ExportReadings(grpc::ServerContext* context,
                                             const v1::ExportReadingsRequest* request,
                                             grpc::ServerWriter<google::api::HttpBody>* writer) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const ExportQuery query, QueryFrom(*request));
    PW_ASSIGN_OR_RETURN(const Member member,
                        VisibleMember(*context, directory_, query.metering_point));
    const Place place(exports_, limits_.exports_max);
    PW_RETURN_IF_ERROR(place.status());
    FileHead head{.metering_point = query.metering_point,
                  .interval = member.interval,
                  .span = query.span,
                  .written_at = clock_.Now()};
    // A zone that this machine does not know: the readings are in UTC anyway.
    if (!absl::LoadTimeZone(member.time_zone, &head.time_zone)) {
      head.time_zone = absl::UTCTimeZone();
    }
    const std::unique_ptr<ReadingFileWriter> file = NewWriter(query.format, head);
    PieceWriter pieces(*writer, query.format);
    return SendReadings(store_,
                        {.metering_point = query.metering_point,
                         .start = query.span.start,
                         .end = query.span.end,
                         .resolution = member.interval,
                         .as_of = std::nullopt,
                         .after = std::nullopt,
                         .after_revision = INT32_MAX,
                         .limit = kExportPage},
                        *file, pieces);
  });
}

}  // namespace peerwatt::metering
