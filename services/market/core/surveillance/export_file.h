#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// How an export is written.
enum class ExportFormat { kCsv, kRemitXml };
/// What it holds.
enum class ExportKind { kOrders, kTrades };

/// `text/csv` or `application/xml`.
absl::string_view ContentType(ExportFormat format);

/// What a file is about.
struct ExportHead {
  ExportKind kind = ExportKind::kOrders;
  CommunityId community;
  /// ISO 4217.
  std::string currency;
  /// Of starts of delivery.
  Interval span;
  absl::Time written_at;
};

/// An order with the end of its delivery.
struct ExportedOrder {
  Order order;
  absl::Time delivery_end;
};

/// A trade with what its auction says.
struct ExportedTrade {
  Trade trade;
  Interval delivery;
  /// Gate closure, when the parties were bound.
  absl::Time trade_time;
};

/// Writes orders or trades as a file, a row at a time, appending to a text that the caller sends
/// and clears: the memory does not grow with the file. Fields: docs/surveillance.md. CSV: RFC 4180,
/// a header, a line for each. XML: one record for an order, two for a trade, of its seller and of
/// its buyer.
class ExportWriter {
 public:
  ExportWriter(ExportFormat format, ExportHead head) : format_(format), head_(std::move(head)) {}
  void Begin(std::string& out) const;
  void Add(const ExportedOrder& row, std::string& out);
  void Add(const ExportedTrade& row, std::string& out);
  void End(std::string& out) const;

 private:
  using Fields = std::vector<std::pair<absl::string_view, std::string>>;

  Fields CsvFields(const ExportedOrder& row) const;
  Fields CsvFields(const ExportedTrade& row) const;
  Fields OrderRecord(const ExportedOrder& row) const;
  Fields TradeRecord(const ExportedTrade& row, Side side) const;
  // What orders and trades share: contract, delivery, price and currency. is_forward: agreed
  // before the auction.
  void AddContract(bool is_forward, absl::Time start, absl::Time end, const MeteringPointId& point,
                   Price price, Energy energy, Fields& fields) const;
  void AppendRecord(absl::string_view element, const Fields& fields, std::string& out);

  const ExportFormat format_;
  const ExportHead head_;
  int64_t records_ = 0;
};

/// Appends a field of a CSV line, in quotes where RFC 4180 asks for them.
void AppendCsvField(absl::string_view value, std::string& out);
/// Appends text of an XML element or attribute. What XML 1.0 cannot hold becomes U+FFFD.
/// text: UTF-8.
void AppendXmlText(absl::string_view text, std::string& out);
/// Kilowatt hours with three decimals, exact: `0.400`.
std::string FormatKilowattHours(Energy energy);

}  // namespace peerwatt::market
