#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "services/market/core/surveillance/export_file.h"

namespace peerwatt::market {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'800'093'600);

ExportHead Head(ExportKind kind) {
  return {.kind = kind,
          .community = CommunityId("c1"),
          .currency = "EUR",
          .span = {kStart, kStart + absl::Hours(1)},
          .written_at = kStart + absl::Hours(2)};
}

ExportedOrder AnOrder() {
  ExportedOrder row;
  row.delivery_end = kStart + absl::Minutes(15);
  Order& order = row.order;
  order.auction = {CommunityId("c1"), kStart};
  order.id = OrderId("b1");
  order.side = Side::kBid;
  order.metering_point = MeteringPointId("m1");
  order.participant = ParticipantId("p1");
  order.energy = Energy::WattHours(1'400);
  order.limit = Price::MicrosPerKwh(-200'001);
  order.filled = Energy::WattHours(7);
  order.state = OrderState::kPartiallyFilled;
  order.standing_order = StandingOrderId("auto");
  order.create_time = kStart - absl::Microseconds(1);
  return row;
}

ExportedTrade ATrade() {
  ExportedTrade row;
  row.delivery = {kStart, kStart + absl::Minutes(15)};
  row.trade_time = kStart - absl::Hours(1);
  Trade& trade = row.trade;
  trade.number = 12;
  trade.bid = OrderId("b1");
  trade.offer = OrderId("o1");
  trade.energy = Energy::WattHours(7);
  trade.price = Price::MicrosPerKwh(123'450);
  trade.buyer_price = Price::MicrosPerKwh(143'450);
  trade.network_fee = Price::MicrosPerKwh(70'000);
  trade.buyer_metering_point = MeteringPointId("m1");
  trade.seller_metering_point = MeteringPointId("m2");
  trade.buyer = ParticipantId("p1");
  trade.seller = ParticipantId("p2");
  return row;
}

template <typename... Rows>
std::string Written(ExportFormat format, ExportKind kind, const Rows&... rows) {
  ExportWriter writer(format, Head(kind));
  std::string out;
  writer.Begin(out);
  (writer.Add(rows, out), ...);
  writer.End(out);
  return out;
}

TEST(CsvExportTest, AnOrderIsALine) {
  EXPECT_EQ(Written(ExportFormat::kCsv, ExportKind::kOrders, AnOrder()),
            "community,delivery_start,delivery_end,order,side,participant,metering_point,"
            "energy_wh,limit_price_per_kwh,currency,filled_energy_wh,state,rejection_reason,"
            "standing_order,create_time\r\n"
            "c1,2027-01-16T10:00:00Z,2027-01-16T10:15:00Z,b1,BID,p1,m1,1400,-0.200001,EUR,7,"
            "PARTIALLY_FILLED,,auto,2027-01-16T09:59:59.999999Z\r\n");
}

TEST(CsvExportTest, ATradeIsALine) {
  EXPECT_EQ(Written(ExportFormat::kCsv, ExportKind::kTrades, ATrade()),
            "community,delivery_start,delivery_end,trade,seller,buyer,seller_metering_point,"
            "buyer_metering_point,offer,bid,energy_wh,price_per_kwh,buyer_price_per_kwh,"
            "network_fee_per_kwh,currency,trade_time,origin\r\n"
            "c1,2027-01-16T10:00:00Z,2027-01-16T10:15:00Z,t12,p2,p1,m2,m1,o1,b1,7,0.12345,0.14345,"
            "0.07,EUR,2027-01-16T09:00:00Z,AUCTION\r\n");
}

TEST(CsvExportTest, NothingIsAHeader) {
  const std::string out = Written(ExportFormat::kCsv, ExportKind::kTrades);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
}

TEST(CsvExportTest, QuotesWhereItMust) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"plain text", "plain text"},
                                                       {"a,b", "\"a,b\""},
                                                       {"a\"b", "\"a\"\"b\""},
                                                       {"a\r\nb", "\"a\r\nb\""},
                                                       {"\"", "\"\"\"\""}};
  for (const auto& [value, written] : cases) {
    std::string out;
    AppendCsvField(value, out);
    EXPECT_EQ(out, written);
  }
}

TEST(RemitExportTest, AnOrderIsARecord) {
  const std::vector<std::string> lines =
      absl::StrSplit(Written(ExportFormat::kRemitXml, ExportKind::kOrders, AnOrder()), '\n');
  EXPECT_THAT(
      lines,
      ElementsAre(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
          "<report xmlns=\"urn:peerwatt:market:remit-like:1\" kind=\"ORDERS\" community=\"c1\""
          " startTime=\"2027-01-16T10:00:00Z\" endTime=\"2027-01-16T11:00:00Z\""
          " writtenTime=\"2027-01-16T12:00:00Z\">",
          "<orderReport><recordSeqNumber>1</recordSeqNumber>"
          "<idOfMarketParticipant>p1</idOfMarketParticipant>"
          "<buySellIndicator>B</buySellIndicator>"
          "<orderId>c1.20270116t100000z.b1</orderId><orderType>LIM</orderType>"
          "<orderStatus>PMA</orderStatus><contractId>c1.20270116t100000z</contractId>"
          "<contractType>AU</contractType><energyCommodity>EL</energyCommodity>"
          "<settlementMethod>P</settlementMethod>"
          "<organisedMarketPlaceIdentifier>c1</organisedMarketPlaceIdentifier>"
          "<deliveryPointOrZone>m1</deliveryPointOrZone>"
          "<deliveryStartTime>2027-01-16T10:00:00Z</deliveryStartTime>"
          "<deliveryEndTime>2027-01-16T10:15:00Z</deliveryEndTime><price>-0.200001</price>"
          "<priceCurrency>EUR</priceCurrency><priceUnit>EUR/kWh</priceUnit>"
          "<quantity>1.400</quantity><quantityUnit>KWh</quantityUnit>"
          "<matchedQuantity>0.007</matchedQuantity>"
          "<transactionTime>2027-01-16T09:59:59.999999Z</transactionTime>"
          "<actionType>N</actionType></orderReport>",
          "</report>", ""));
}

TEST(RemitExportTest, ATradeIsARecordOfEachParty) {
  const std::vector<std::string> lines = absl::StrSplit(
      Written(ExportFormat::kRemitXml, ExportKind::kTrades, ATrade(), ATrade()), '\n');
  ASSERT_EQ(lines.size(), 8u);
  for (const char* part :
       {"<recordSeqNumber>1<", "<idOfMarketParticipant>p2<", "<otherMarketParticipant>p1<",
        "<buySellIndicator>S<", "<linkedOrderId>c1.20270116t100000z.o1<",
        "<deliveryPointOrZone>m2<", "<price>0.12345<", "<otherPrice>0.14345<", "<quantity>0.007<",
        "<transactionTime>2027-01-16T09:00:00Z<",
        "<uniqueTransactionIdentifier>c1.20270116t100000z.t12<"}) {
    EXPECT_THAT(lines[2], HasSubstr(part));
  }
  for (const char* part :
       {"<recordSeqNumber>2<", "<idOfMarketParticipant>p1<", "<otherMarketParticipant>p2<",
        "<buySellIndicator>B<", "<linkedOrderId>c1.20270116t100000z.b1<",
        "<deliveryPointOrZone>m1<", "<price>0.14345<", "<otherPrice>0.12345<",
        "<uniqueTransactionIdentifier>c1.20270116t100000z.t12<"}) {
    EXPECT_THAT(lines[3], HasSubstr(part));
  }
  EXPECT_THAT(lines[5], HasSubstr("<recordSeqNumber>4<"));
}

TEST(RemitExportTest, EscapesWhatXmlCannotHold) {
  std::string out;
  AppendXmlText(absl::string_view("a<b>&\"c\"\t\n\x01\xC3\xA4", 12), out);
  EXPECT_EQ(out, "a&lt;b&gt;&amp;&quot;c&quot;&#9;&#10;\xEF\xBF\xBD\xC3");
}

TEST(FormatKilowattHoursTest, LosesNothing) {
  EXPECT_EQ(FormatKilowattHours(Energy::WattHours(0)), "0.000");
  EXPECT_EQ(FormatKilowattHours(Energy::WattHours(5)), "0.005");
  EXPECT_EQ(FormatKilowattHours(Energy::WattHours(-1'250)), "-1.250");
  EXPECT_EQ(FormatKilowattHours(kEnergyMax), "1000000000.000");
}

TEST(RemitExportTest, EveryStateHasItsStatus) {
  const std::pair<OrderState, const char*> cases[] = {
      {OrderState::kPending, "ACT"}, {OrderState::kActive, "ACT"},  {OrderState::kCancelled, "WIT"},
      {OrderState::kFilled, "MAC"},  {OrderState::kExpired, "EXP"}, {OrderState::kRejected, "REF"}};
  for (const auto& [state, status] : cases) {
    ExportedOrder row = AnOrder();
    row.order.state = state;
    EXPECT_THAT(Written(ExportFormat::kRemitXml, ExportKind::kOrders, row),
                HasSubstr(std::string("<orderStatus>") + status + "<"));
  }
}

}  // namespace
}  // namespace peerwatt::market
