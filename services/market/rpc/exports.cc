#include <string>
#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/market/core/surveillance/errors.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/surveillance_service.h"

namespace peerwatt::market {
namespace {

/// A piece is sent when it has this many bytes.
constexpr size_t kPieceBytes = 128 << 10;

/// One of a bounded number of exports, for its lifetime.
class Place {
 public:
  Place(std::atomic<int>& taken, int max) : taken_(taken), ok_(taken.fetch_add(1) < max) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  absl::Status status() const {
    return ok_ ? absl::OkStatus()
               : Error(kExportsExceeded, "too many exports are under way; try again later");
  }

 private:
  std::atomic<int>& taken_;
  const bool ok_;
};

struct ExportQuery {
  CommunityId community;
  Interval span;
  ExportFormat format = ExportFormat::kCsv;
};

absl::StatusOr<ExportFormat> FormatFrom(v1::ExportFormat format) {
  switch (format) {
    case v1::CSV:
      return ExportFormat::kCsv;
    case v1::REMIT_XML:
      return ExportFormat::kRemitXml;
    default:
      return FieldInvalid("format", "must be CSV or REMIT_XML");
  }
}

template <typename Request>
absl::StatusOr<ExportQuery> QueryFrom(const Request& request) {
  ExportQuery query;
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(request.parent(), "communities/*", "parent"));
  query.community = CommunityId(std::move(community));
  if (!request.has_start_time() || !request.has_end_time()) {
    return FieldInvalid(request.has_start_time() ? "end_time" : "start_time", "is required");
  }
  PW_ASSIGN_OR_RETURN(query.span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  PW_ASSIGN_OR_RETURN(query.span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  if (query.span.end <= query.span.start) {
    return FieldInvalid("end_time", "must be after start_time");
  }
  PW_ASSIGN_OR_RETURN(query.format, FormatFrom(request.format()));
  return query;
}

/// Sends a file in pieces; rows are collected until a piece is full.
class Pieces {
 public:
  Pieces(grpc::ServerWriter<google::api::HttpBody>& writer, ExportFormat format) : writer_(writer) {
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

/// Sends page after page. list: the next page after the last row sent, or after nothing.
template <typename Row, typename List>
absl::Status SendRows(int32_t page_rows, List list, ExportWriter& file, Pieces& pieces) {
  file.Begin(pieces.text());
  std::optional<Row> last;
  for (bool more = true; more;) {
    PW_ASSIGN_OR_RETURN(std::vector<Row> rows, list(last));
    for (const Row& row : rows) {
      file.Add(row, pieces.text());
      if (!pieces.Send(/*all=*/false)) {
        return absl::OkStatus();  // The client has gone.
      }
    }
    more = rows.size() == static_cast<size_t>(page_rows);
    if (more) {
      last = std::move(rows.back());
    }
  }
  file.End(pieces.text());
  pieces.Send(/*all=*/true);
  return absl::OkStatus();
}

}  // namespace

template <typename Request>
absl::Status SurveillanceService::Export(const grpc::ServerContext& context, const Request& request,
                                         ExportKind kind,
                                         grpc::ServerWriter<google::api::HttpBody>& writer) {
  PW_ASSIGN_OR_RETURN(const ExportQuery query, QueryFrom(request));
  PW_RETURN_IF_ERROR(RequireWatcher(context));
  PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(query.community));
  const Place place(exports_, limits_.exports_max);
  PW_RETURN_IF_ERROR(place.status());
  ExportWriter file(query.format, {.kind = kind,
                                   .community = query.community,
                                   .currency = rules.currency,
                                   .span = query.span,
                                   .written_at = clock_.Now()});
  Pieces pieces(writer, query.format);
  const AuctionKey first = {query.community, query.span.start};
  if (kind == ExportKind::kOrders) {
    return SendRows<ExportedOrder>(
        limits_.page_rows,
        [&](const std::optional<ExportedOrder>& last) {
          return source_.ListOrders(last ? last->order.auction : first,
                                    last ? last->order.id : OrderId(), query.span.end,
                                    limits_.page_rows);
        },
        file, pieces);
  }
  return SendRows<ExportedTrade>(
      limits_.page_rows,
      [&](const std::optional<ExportedTrade>& last) {
        return source_.ListTrades(last ? AuctionKey{query.community, last->delivery.start} : first,
                                  last ? last->trade.number : 0, query.span.end, limits_.page_rows);
      },
      file, pieces);
}

grpc::Status SurveillanceService::ExportOrders(grpc::ServerContext* context,
                                               const v1::ExportOrdersRequest* request,
                                               grpc::ServerWriter<google::api::HttpBody>* writer) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    return Export(*context, *request, ExportKind::kOrders, *writer);
  });
}

grpc::Status SurveillanceService::ExportTrades(grpc::ServerContext* context,
                                               const v1::ExportTradesRequest* request,
                                               grpc::ServerWriter<google::api::HttpBody>* writer) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    return Export(*context, *request, ExportKind::kTrades, *writer);
  });
}

}  // namespace peerwatt::market
