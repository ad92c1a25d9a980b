#include "tools/peerwatt/readings.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/status.h"
#include "peerwatt/metering/v1/exchange.grpc.pb.h"

namespace peerwatt::tool {
namespace {

using Request = metering::v1::ImportReadingsRequest;

constexpr size_t kPieceBytes = 256 << 10;

absl::StatusOr<metering::v1::FileFormat> FormatOf(const ReadingsOptions& options) {
  if (options.format == "csv" || (options.format.empty() && absl::EndsWith(options.file, ".csv"))) {
    return metering::v1::CSV;
  }
  if (options.format == "espi" ||
      (options.format.empty() && absl::EndsWith(options.file, ".xml"))) {
    return metering::v1::ESPI_XML;
  }
  return absl::InvalidArgumentError("--format must be csv or espi, or the file end with .csv or "
                                    ".xml");
}

std::string PointName(const std::string& point) {
  return point.empty() ? "" : absl::StrCat("meteringPoints/", point);
}

absl::StatusOr<Request> SpecOf(const ReadingsOptions& options) {
  Request request;
  Request::Spec& spec = *request.mutable_spec();
  PW_ASSIGN_OR_RETURN(const metering::v1::FileFormat format, FormatOf(options));
  spec.set_format(format);
  spec.set_metering_point(PointName(options.point));
  if (options.on_error == "skip") {
    spec.set_on_error(Request::Spec::SKIP);
  } else if (options.on_error != "stop") {
    return absl::InvalidArgumentError("--on_error must be stop or skip");
  }
  return request;
}

/// Sends a file in pieces; the gateway says how fast.
absl::Status Send(std::istream& file, const Request& spec,
                  grpc::ClientWriter<Request>& writer) {
  bool there = writer.Write(spec);
  std::vector<char> buffer(kPieceBytes);
  while (there && file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (file.gcount() > 0) {
      Request piece;
      piece.set_content(buffer.data(), static_cast<size_t>(file.gcount()));
      there = writer.Write(piece);
    }
  }
  if (file.bad()) {
    return absl::InvalidArgumentError("the file cannot be read");
  }
  if (there) {
    Request end;
    end.mutable_end();
    writer.Write(end);
    writer.WritesDone();
  }
  return absl::OkStatus();
}

absl::StatusOr<metering::v1::ImportReadingsResponse> Import(const ReadingsOptions& options) {
  PW_ASSIGN_OR_RETURN(const Request spec, SpecOf(options));
  std::ifstream opened;
  if (options.file != "-") {
    opened.open(options.file, std::ios::binary);
    if (!opened) {
      return absl::InvalidArgumentError(absl::StrCat(options.file, " cannot be opened"));
    }
  }
  PW_ASSIGN_OR_RETURN(const GatewaySession session, GatewaySession::Open(options.gateway));
  const auto stub = metering::v1::Exchange::NewStub(session.channel());
  grpc::ClientContext context;
  session.Authorize(context);
  metering::v1::ImportReadingsResponse response;
  const auto writer = stub->ImportReadings(&context, &response);
  const absl::Status sent = Send(options.file == "-" ? std::cin : opened, spec, *writer);
  if (!sent.ok()) {
    context.TryCancel();
  }
  const grpc::Status status = writer->Finish();
  PW_RETURN_IF_ERROR(sent);
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(status));
  return response;
}

absl::StatusOr<metering::v1::ExportReadingsRequest> ExportOf(const ReadingsOptions& options) {
  metering::v1::ExportReadingsRequest request;
  PW_ASSIGN_OR_RETURN(const metering::v1::FileFormat format, FormatOf(options));
  request.set_format(format);
  if (options.point.empty()) {
    return absl::InvalidArgumentError("--point is needed");
  }
  request.set_parent(PointName(options.point));
  for (const auto& [text, field] : {std::pair(&options.start, request.mutable_start_time()),
                                    std::pair(&options.end, request.mutable_end_time())}) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, *text, &time, &error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--start and --end must be like 2026-07-01T00:00:00Z: ", error));
    }
    *field = rpc::ToProto(time);
  }
  return request;
}

absl::Status Export(const ReadingsOptions& options) {
  PW_ASSIGN_OR_RETURN(const metering::v1::ExportReadingsRequest request, ExportOf(options));
  PW_ASSIGN_OR_RETURN(const GatewaySession session, GatewaySession::Open(options.gateway));
  const auto stub = metering::v1::Exchange::NewStub(session.channel());
  grpc::ClientContext context;
  session.Authorize(context);
  const auto reader = stub->ExportReadings(&context, request);
  std::ofstream opened;
  if (options.file != "-") {
    opened.open(options.file, std::ios::binary | std::ios::trunc);
  }
  std::ostream& file = options.file == "-" ? std::cout : opened;
  google::api::HttpBody piece;
  while (reader->Read(&piece)) {
    file << piece.data();
    if (!file) {
      context.TryCancel();
      break;
    }
  }
  const grpc::Status status = reader->Finish();
  if (!file.flush()) {
    return absl::InvalidArgumentError(absl::StrCat(options.file, " cannot be written"));
  }
  return rpc::FromGrpcStatus(status);
}

int Complain(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  std::fprintf(stderr, "peerwatt: %s%s%s\n", reason.c_str(), reason.empty() ? "" : ": ",
               std::string(status.message()).c_str());
  return reason.empty() ? 2 : 1;
}

}  // namespace

int RunReadingsImport(const ReadingsOptions& options) {
  const auto response = Import(options);
  if (!response.ok()) {
    return Complain(response.status());
  }
  for (const auto& error : response->errors()) {
    const absl::Status status = rpc::FromRpcStatus(error.status());
    std::printf("line %lld: %s: %s\n", static_cast<long long>(error.line()),
                ReasonOf(status).c_str(), std::string(status.message()).c_str());
  }
  std::printf("stored %lld, unchanged %lld, refused %lld%s\n",
              static_cast<long long>(response->stored_count()),
              static_cast<long long>(response->unchanged_count()),
              static_cast<long long>(response->refused_count()),
              response->complete() ? "" : "; stopped there");
  return response->complete() && response->refused_count() == 0 ? 0 : 1;
}

int RunReadingsExport(const ReadingsOptions& options) {
  const absl::Status status = Export(options);
  return status.ok() ? 0 : Complain(status);
}

}  // namespace peerwatt::tool
