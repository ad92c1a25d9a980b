#include "services/settlement/core/pool_split.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "libs/base/check.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

/// Indexes of the connections by participant and connection.
std::vector<size_t> ById(const std::vector<Connection>& connections) {
  std::vector<size_t> order(connections.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(connections[a].participant, connections[a].id) <
           std::tie(connections[b].participant, connections[b].id);
  });
  return order;
}

/// Splits `total` by weights of the connections; ties by their ids.
template <typename Weight>
std::vector<int64_t> SplitInOrder(int64_t total, const std::vector<Connection>& connections,
                                  Weight weight) {
  const std::vector<size_t> order = ById(connections);
  std::vector<int64_t> weights;
  weights.reserve(order.size());
  for (const size_t i : order) weights.push_back(weight(i));
  const std::vector<int64_t> in_order = AllocateByLargestRemainder(total, weights);
  std::vector<int64_t> parts(order.size());
  for (size_t i = 0; i < order.size(); ++i) parts[order[i]] = in_order[i];
  return parts;
}

/// Who takes part in the key: with coefficients all, and one for those that are not there; else
/// those that drew. `index` tells whose connection a member is.
struct Members {
  std::vector<SharingMember> members;
  std::vector<size_t> index;
};

Members MembersOf(const PeriodBooks& books) {
  const bool by_coefficient = UsesCoefficients(books.input().terms.key);
  Members found;
  int64_t absent = kCoefficientsWhole;
  for (size_t i = 0; i < books.size(); ++i) {
    const Connection& connection = books.input().connections[i];
    if (!by_coefficient && books.net(i).draw == Energy()) continue;
    found.members.push_back({connection.participant, connection.id, books.net(i).draw,
                             connection.coefficient, connection.rank});
    found.index.push_back(i);
    absent -= connection.coefficient;
  }
  if (by_coefficient && PW_MUTANT(kAbsentCoefficientsAreSpread, false, true)) {
    found.members.push_back({ParticipantId(), GridConnectionId(), Energy(), absent, kUnranked});
  }
  if (PW_MUTANT(kAbsentCoefficientsAreSpread, by_coefficient && !found.members.empty(), false)) {
    found.members.front().coefficient += absent;
  }
  return found;
}

}  // namespace

PoolSplit SplitPool(const PeriodBooks& books) {
  Energy pool;
  for (size_t i = 0; i < books.size(); ++i) pool += books.net(i).feed_in;
  const Members who = MembersOf(books);
  const absl::StatusOr<Shares> shares = Share(pool, who.members, books.input().terms.key);
  PW_CHECK(shares.ok(), "a key that was checked shares");
  PoolSplit split{std::vector<Energy>(books.size()), std::vector<Energy>(books.size())};
  Energy taken;
  for (size_t i = 0; i < who.index.size(); ++i) {
    split.taken[who.index[i]] = shares->parts[i];
    taken += shares->parts[i];
  }
  if (taken == Energy()) return split;
  const std::vector<int64_t> given = SplitInOrder(
      taken.wh(), books.input().connections, [&](size_t i) { return books.net(i).feed_in.wh(); });
  for (size_t i = 0; i < books.size(); ++i) split.given[i] = Energy::WattHours(given[i]);
  return split;
}

std::vector<Money> DivideByEnergy(Money amount, const std::vector<Energy>& energies,
                                  const PeriodBooks& books) {
  const bool is_negative = amount < Money();
  const std::vector<int64_t> parts =
      SplitInOrder((is_negative ? -amount : amount).micros(), books.input().connections,
                   [&](size_t i) { return energies[i].wh(); });
  std::vector<Money> divided;
  divided.reserve(parts.size());
  for (const int64_t part : parts) divided.push_back(Money::Micros(is_negative ? -part : part));
  return divided;
}

Money AddPurchases(PeriodBooks& books, const PoolSplit& split) {
  const Price price = books.input().terms.local_price;
  const Price fee = books.input().fees.network_fee;
  Money paid;
  for (size_t i = 0; i < books.size(); ++i) {
    const Energy taken = split.taken[i];
    const Money amount = AmountOf(taken, price, Rounding::kHalfEven);
    books.Add(i, LineKind::kPoolPurchase, taken, price, -amount, books.input().terms.rule);
    if (fee != Price() && PW_MUTANT(kNetworkFeeIsForgotten, false, true)) {
      books.Add(i, LineKind::kNetworkFee, taken, fee,
                -AmountOf(taken, fee, Rounding::kHalfEven));
    }
    const Energy surplus =
        PW_MUTANT(kPoolResidualIsLost, Energy(), books.net(i).feed_in - split.given[i]);
    books.AddGrid(i, books.net(i).draw - taken, surplus);
    books.AddDelivered(taken);
    paid += amount;
  }
  return paid;
}

}  // namespace peerwatt::settlement
