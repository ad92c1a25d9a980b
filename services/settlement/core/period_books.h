#pragma once

#include <string>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// What crosses a connection after the points behind it are netted. One of the first two is 0.
struct Net {
  Energy draw;
  Energy feed_in;
  Energy self_consumed;
};

/// The lines and sums of one period while a policy makes them. It writes what each connection would
/// have done without neighbours by itself.
class PeriodBooks {
 public:
  /// input: outlives the books.
  explicit PeriodBooks(const SettlementInput& input);

  const SettlementInput& input() const { return input_; }
  size_t size() const { return nets_.size(); }
  const Net& net(size_t connection) const { return nets_[connection]; }

  /// Adds a line of no trade unless it carries nothing. rule: what priced it, if not the community.
  void Add(size_t connection, LineKind kind, Energy energy, Price price, Money amount,
           absl::string_view rule = "") {
    AddRow({connection, kind, nullptr, energy, price, amount, rule});
  }
  /// Adds the lines of a trade that counts with `energy`: purchase, sale, network fee and the
  /// operator's share. Adds to the energy delivered.
  void AddTrade(const ConnectedTrade& trade, Energy energy);
  /// Adds what a connection buys from and sells to the main grid at the tariff; both not negative.
  void AddGrid(size_t connection, Energy retail, Energy surplus);
  /// Adds the imbalance of a party of trades; positive is a shortfall, negative an excess.
  void AddImbalance(size_t connection, Energy deviation);
  /// Adds energy that came out of the pool to the energy delivered.
  void AddDelivered(Energy energy) { totals_.delivered += energy; }

  /// Closes the books. Stops the process when energy or money is not conserved.
  SettlementResult Close() &&;

 private:
  /// A line before it has names: a period can have millions.
  struct Row {
    size_t connection;
    LineKind kind;
    const TradeId* trade;  ///< nothing unless the line belongs to a trade
    Energy energy;
    Price price;
    Money amount;
    absl::string_view rule{};  ///< of the input
    bool is_taxable = true;
    bool is_price_missing = false;
  };

  void AddRow(const Row& row) {
    if (row.energy != Energy()) rows_.push_back(row);
  }
  /// Adds a line at a price that may be missing. direction: -1 for what the participant pays.
  void AddPriced(size_t connection, LineKind kind, Energy energy, const EnergyPrice& price,
                 int64_t direction);
  void AddReferences(size_t connection);
  void Check() const;
  /// The rows in the order of their lines' keys.
  std::vector<Row> InOrder() const;

  const SettlementInput& input_;
  std::vector<Net> nets_;
  std::vector<Row> rows_;
  PeriodTotals totals_;
};

}  // namespace peerwatt::settlement
