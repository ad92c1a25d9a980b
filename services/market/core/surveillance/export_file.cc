#include "services/market/core/surveillance/export_file.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace peerwatt::market {
namespace {

constexpr absl::string_view kLineEnd = "\r\n";
constexpr absl::string_view kNamespace = "urn:peerwatt:market:remit-like:1";

std::string Instant(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::string FormatPrice(Price price) { return FormatMicros(price.micros_per_kwh()); }

absl::string_view SideName(Side side) { return side == Side::kBid ? "BID" : "OFFER"; }

// How an order ended: our word, and that of REMIT's list of order statuses.
struct StatusNames {
  absl::string_view own;
  absl::string_view remit;
};
StatusNames NamesOf(OrderState state) {
  switch (state) {
    case OrderState::kPending:
      return {"PENDING", "ACT"};
    case OrderState::kActive:
      return {"ACTIVE", "ACT"};
    case OrderState::kCancelled:
      return {"CANCELLED", "WIT"};
    case OrderState::kFilled:
      return {"FILLED", "MAC"};
    case OrderState::kPartiallyFilled:
      return {"PARTIALLY_FILLED", "PMA"};
    case OrderState::kExpired:
      return {"EXPIRED", "EXP"};
    case OrderState::kRejected:
      return {"REJECTED", "REF"};
  }
  return {};
}

std::string OriginName(TradeOrigin origin) {
  switch (origin) {
    case TradeOrigin::kAuction:
      return "AUCTION";
    case TradeOrigin::kContinuous:
      return "CONTINUOUS";
    case TradeOrigin::kContract:
      return "CONTRACT";
  }
  return "";
}

bool OfContract(const Trade& trade) { return trade.origin == TradeOrigin::kContract; }

// Names a contract, order or trade across communities.
template <typename... Parts>
std::string Joined(const CommunityId& community, absl::Time delivery, const Parts&... parts) {
  return absl::StrCat(community.value(), ".", TimeSegment(delivery), parts...);
}

}  // namespace

absl::string_view ContentType(ExportFormat format) {
  return format == ExportFormat::kCsv ? "text/csv" : "application/xml";
}

std::string FormatKilowattHours(Energy energy) {
  const int64_t wh = energy.wh();
  const int64_t rest = std::abs(wh % 1000);
  return absl::StrCat(wh < 0 ? "-" : "", std::abs(wh / 1000), ".",
                      absl::Dec(rest, absl::kZeroPad3));
}

void AppendCsvField(absl::string_view value, std::string& out) {
  if (value.find_first_of(",\"\r\n") == absl::string_view::npos) {
    absl::StrAppend(&out, value);
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') {
      out += '"';
    }
    out += c;
  }
  out += '"';
}

void AppendXmlText(absl::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\t':
      case '\n':
      case '\r':
        absl::StrAppend(&out, "&#", static_cast<int>(c), ";");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
}

ExportWriter::Fields ExportWriter::CsvFields(const ExportedOrder& row) const {
  const Order& order = row.order;
  return {{"community", head_.community.value()},
          {"delivery_start", Instant(order.auction.delivery_start)},
          {"delivery_end", Instant(row.delivery_end)},
          {"order", order.id.value()},
          {"side", std::string(SideName(order.side))},
          {"participant", order.participant.value()},
          {"metering_point", order.metering_point.value()},
          {"energy_wh", absl::StrCat(order.energy.wh())},
          {"limit_price_per_kwh", FormatPrice(order.limit)},
          {"currency", head_.currency},
          {"filled_energy_wh", absl::StrCat(order.filled.wh())},
          {"state", std::string(NamesOf(order.state).own)},
          {"rejection_reason", order.rejection_reason},
          {"standing_order", order.standing_order.value()},
          {"create_time", Instant(order.create_time)}};
}

ExportWriter::Fields ExportWriter::CsvFields(const ExportedTrade& row) const {
  const Trade& trade = row.trade;
  return {{"community", head_.community.value()},
          {"delivery_start", Instant(row.delivery.start)},
          {"delivery_end", Instant(row.delivery.end)},
          {"trade", absl::StrCat("t", trade.number)},
          {"seller", trade.seller.value()},
          {"buyer", trade.buyer.value()},
          {"seller_metering_point", trade.seller_metering_point.value()},
          {"buyer_metering_point", trade.buyer_metering_point.value()},
          {"offer", trade.offer.value()},
          {"bid", trade.bid.value()},
          {"energy_wh", absl::StrCat(trade.energy.wh())},
          {"price_per_kwh", FormatPrice(trade.price)},
          {"buyer_price_per_kwh", FormatPrice(trade.buyer_price)},
          {"network_fee_per_kwh", FormatPrice(trade.network_fee)},
          {"currency", head_.currency},
          {"trade_time", Instant(row.trade_time)},
          {"origin", OriginName(trade.origin)}};
}

void ExportWriter::AddContract(bool is_forward, absl::Time start, absl::Time end,
                               const MeteringPointId& point, Price price, Energy energy,
                               Fields& fields) const {
  fields.insert(fields.end(), {{"contractId", Joined(head_.community, start)},
                               {"contractType", is_forward ? "FW" : "AU"},
                               {"energyCommodity", "EL"},
                               {"settlementMethod", "P"},
                               {"organisedMarketPlaceIdentifier", head_.community.value()},
                               {"deliveryPointOrZone", point.value()},
                               {"deliveryStartTime", Instant(start)},
                               {"deliveryEndTime", Instant(end)},
                               {"price", FormatPrice(price)},
                               {"priceCurrency", head_.currency},
                               {"priceUnit", absl::StrCat(head_.currency, "/kWh")},
                               {"quantity", FormatKilowattHours(energy)},
                               {"quantityUnit", "KWh"}});
}

ExportWriter::Fields ExportWriter::OrderRecord(const ExportedOrder& row) const {
  const Order& order = row.order;
  const absl::Time start = order.auction.delivery_start;
  Fields fields = {{"idOfMarketParticipant", order.participant.value()},
                   {"buySellIndicator", order.side == Side::kBid ? "B" : "S"},
                   {"orderId", Joined(head_.community, start, ".", order.id.value())},
                   {"orderType", "LIM"},
                   {"orderStatus", std::string(NamesOf(order.state).remit)}};
  AddContract(!order.contract.empty(), start, row.delivery_end, order.metering_point, order.limit,
              order.energy, fields);
  fields.emplace_back("matchedQuantity", FormatKilowattHours(order.filled));
  fields.emplace_back("transactionTime", Instant(order.create_time));
  fields.emplace_back("actionType", "N");
  return fields;
}

ExportWriter::Fields ExportWriter::TradeRecord(const ExportedTrade& row, Side side) const {
  const Trade& trade = row.trade;
  const bool buys = side == Side::kBid;
  const absl::Time start = row.delivery.start;
  Fields fields = {{"idOfMarketParticipant", (buys ? trade.buyer : trade.seller).value()},
                   {"otherMarketParticipant", (buys ? trade.seller : trade.buyer).value()},
                   {"buySellIndicator", buys ? "B" : "S"},
                   {"linkedOrderId",
                    Joined(head_.community, start, ".", (buys ? trade.bid : trade.offer).value())}};
  AddContract(OfContract(trade), start, row.delivery.end,
              buys ? trade.buyer_metering_point : trade.seller_metering_point,
              buys ? trade.buyer_price : trade.price, trade.energy, fields);
  fields.emplace_back("otherPrice", FormatPrice(buys ? trade.price : trade.buyer_price));
  fields.emplace_back("transactionTime", Instant(row.trade_time));
  fields.emplace_back("uniqueTransactionIdentifier",
                      Joined(head_.community, start, ".t", trade.number));
  fields.emplace_back("actionType", "N");
  return fields;
}

void ExportWriter::AppendRecord(absl::string_view element, const Fields& fields, std::string& out) {
  absl::StrAppend(&out, "<", element, "><recordSeqNumber>", ++records_, "</recordSeqNumber>");
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&out, "<", name, ">");
    AppendXmlText(value, out);
    absl::StrAppend(&out, "</", name, ">");
  }
  absl::StrAppend(&out, "</", element, ">\n");
}

namespace {

template <typename Fields, typename Get>
void AppendLine(const Fields& fields, Get get, std::string& out) {
  bool is_first = true;
  for (const auto& field : fields) {
    if (!is_first) {
      out += ',';
    }
    is_first = false;
    AppendCsvField(get(field), out);
  }
  absl::StrAppend(&out, kLineEnd);
}

}  // namespace

void ExportWriter::Begin(std::string& out) const {
  const bool orders = head_.kind == ExportKind::kOrders;
  if (format_ == ExportFormat::kCsv) {
    AppendLine(
        orders ? CsvFields(ExportedOrder()) : CsvFields(ExportedTrade()),
        [](const auto& field) { return field.first; }, out);
    return;
  }
  absl::StrAppend(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<report xmlns=\"", kNamespace,
                  "\" kind=\"", orders ? "ORDERS" : "TRADES", "\" community=\"");
  AppendXmlText(head_.community.value(), out);
  absl::StrAppend(&out, "\" startTime=\"", Instant(head_.span.start), "\" endTime=\"",
                  Instant(head_.span.end), "\" writtenTime=\"", Instant(head_.written_at), "\">\n");
}

void ExportWriter::Add(const ExportedOrder& row, std::string& out) {
  if (format_ == ExportFormat::kCsv) {
    AppendLine(
        CsvFields(row), [](const auto& f) -> absl::string_view { return f.second; }, out);
  } else {
    AppendRecord("orderReport", OrderRecord(row), out);
  }
}

void ExportWriter::Add(const ExportedTrade& row, std::string& out) {
  if (format_ == ExportFormat::kCsv) {
    AppendLine(
        CsvFields(row), [](const auto& f) -> absl::string_view { return f.second; }, out);
  } else {
    AppendRecord("tradeReport", TradeRecord(row, Side::kOffer), out);
    AppendRecord("tradeReport", TradeRecord(row, Side::kBid), out);
  }
}

void ExportWriter::End(std::string& out) const {
  if (format_ == ExportFormat::kRemitXml) {
    out += "</report>\n";
  }
}

}  // namespace peerwatt::market
