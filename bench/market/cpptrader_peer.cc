// CppTrader's market manager with automatic matching. Built only where its sources are given.

#include <string>

#include "bench/market/book_peer.h"
#include "libs/base/check.h"
#include "trader/matching/market_manager.h"

namespace peerwatt::market::book {
namespace {

namespace peer = CppTrader::Matching;

class Counter final : public peer::MarketHandler {
 public:
  int64_t executions = 0;
  int64_t executed_wh = 0;

 protected:
  void onExecuteOrder(const peer::Order&, uint64_t, uint64_t quantity) override {
    ++executions;
    executed_wh += static_cast<int64_t>(quantity);
  }
};

class CppTraderPeer final : public BookPeer {
 public:
  explicit CppTraderPeer(uint32_t books) : market_(counter_) {
    for (uint32_t i = 0; i < books; ++i) {
      const char name[8] = {};
      const peer::Symbol symbol(i, name);
      PW_CHECK(market_.AddSymbol(symbol) == peer::ErrorCode::OK, "the peer takes a symbol");
      PW_CHECK(market_.AddOrderBook(symbol) == peer::ErrorCode::OK, "the peer opens a book");
    }
    market_.EnableMatching();
  }

  StreamOutcome Run(const std::vector<Command>& commands) override {
    StreamOutcome outcome;
    for (const Command& command : commands) {
      const uint64_t number = static_cast<uint64_t>(command.order);
      if (command.kind == CommandKind::kPlace) {
        const peer::OrderSide side =
            command.side == Side::kBid ? peer::OrderSide::BUY : peer::OrderSide::SELL;
        market_.AddOrder(peer::Order::Limit(number, static_cast<uint32_t>(command.book), side,
                                            static_cast<uint64_t>(command.limit.micros_per_kwh()),
                                            static_cast<uint64_t>(command.energy.wh())));
      } else {
        outcome.cancelled += market_.DeleteOrder(number) == peer::ErrorCode::OK;
      }
    }
    // It tells of an execution once for each of the two orders.
    outcome.trades = counter_.executions / 2;
    outcome.traded_wh = counter_.executed_wh / 2;
    return outcome;
  }

 private:
  Counter counter_;
  peer::MarketManager market_;
};

}  // namespace

const char* PeerName() { return "CppTrader"; }
std::unique_ptr<BookPeer> MakePeer(uint32_t books) {
  return std::make_unique<CppTraderPeer>(books);
}

}  // namespace peerwatt::market::book
