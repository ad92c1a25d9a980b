#include "services/market/core/auction_hash.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "services/market/core/intake.h"

namespace peerwatt::market {
namespace {

constexpr absl::string_view kVersion = "peerwatt auction v1";
// Stands for a capacity, or a price, that is not there.
constexpr int64_t kAbsent = std::numeric_limits<int64_t>::min();

class Writer {
 public:
  void Number(int64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift & 0xff));
    }
  }
  void Count(size_t value) { Number(static_cast<int64_t>(value)); }
  void Text(absl::string_view text) {
    Count(text.size());
    bytes_.append(text.data(), text.size());
  }
  void Instant(absl::Time time) { Number(absl::ToUnixMicros(time)); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

int64_t WhOf(const std::optional<Energy>& energy) {
  return energy.has_value() ? energy->wh() : kAbsent;
}

void WriteRules(const Auction& auction, const NetworkVersion& network, Writer& writer) {
  writer.Text(auction.key.community.value());
  writer.Instant(auction.key.delivery_start);
  writer.Instant(auction.delivery_end);
  writer.Number(auction.network_fee.micros_per_kwh());
  writer.Text(network.id.value());
  writer.Number(static_cast<int64_t>(network.rules.tie_rule));
  writer.Number(static_cast<int64_t>(network.rules.self_trade_mode));
  writer.Count(network.zones.size());
  for (const ZoneId& zone : network.zones) {
    writer.Text(zone.value());
  }
  writer.Count(network.lines.edges.size());
  for (const clearing::Edge& line : network.lines.edges) {
    writer.Number(line.from);
    writer.Number(line.to);
    writer.Number(line.fee);
    writer.Number(WhOf(line.capacity));
    writer.Number(WhOf(line.capacity_back));
  }
}

void WriteOrder(const Order& order, const OrderOutcome& outcome, Writer& writer) {
  writer.Text(order.id.value());
  writer.Text(order.participant.value());
  writer.Number(static_cast<int64_t>(order.side));
  writer.Number(OpenEnergy(order).wh());
  writer.Number(order.limit.micros_per_kwh());
  writer.Instant(order.create_time);
  writer.Text(order.zone.value());
  writer.Number(static_cast<int64_t>(order.source));
  writer.Number(order.premium.micros_per_kwh());
  writer.Text(order.preference);
  writer.Number((outcome.filled - order.book.traded).wh());
}

void WriteOutcome(const AuctionOutcome& outcome, Writer& writer) {
  writer.Number(outcome.cleared_energy.wh());
  writer.Number(outcome.welfare.micros());
  for (const ZoneRecord& zone : outcome.clearing.zones) {
    const clearing::ZonePrice none = {kAbsent, kAbsent, kAbsent};
    const clearing::ZonePrice price = zone.price.value_or(none);
    writer.Number(price.price);
    writer.Number(price.low);
    writer.Number(price.high);
  }
  for (const clearing::EdgeFlow& flow : outcome.clearing.flows) {
    writer.Number(flow.energy_wh);
    writer.Number(flow.congestion);
  }
  writer.Count(outcome.trades.size());
  for (const Trade& trade : outcome.trades) {
    writer.Text(trade.bid.value());
    writer.Text(trade.offer.value());
    writer.Number(trade.energy.wh());
    writer.Number(trade.price.micros_per_kwh());
    writer.Number(trade.buyer_price.micros_per_kwh());
    writer.Number(trade.network_fee.micros_per_kwh());
  }
}

}  // namespace

std::string CanonicalBytes(const Auction& auction, const NetworkVersion& network,
                           std::span<const Order> orders, const AuctionOutcome& outcome) {
  Writer writer;
  writer.Text(kVersion);
  WriteRules(auction, network, writer);
  // Outcomes come in the order in which the active orders were given.
  std::vector<size_t> outcome_of(orders.size());
  size_t active = 0;
  for (size_t i = 0; i < orders.size(); ++i) {
    outcome_of[i] = active;
    active += orders[i].state == OrderState::kActive ? size_t{1} : size_t{0};
  }
  writer.Count(active);
  for (const uint32_t position : BookOf(orders)) {
    WriteOrder(orders[position], outcome.orders[outcome_of[position]], writer);
  }
  WriteOutcome(outcome, writer);
  return writer.Take();
}

}  // namespace peerwatt::market
