// Order books of std::map and std::list: what is measured against where no other engine is given.

#include <algorithm>
#include <list>
#include <map>
#include <unordered_map>

#include "bench/market/book_peer.h"

namespace peerwatt::market::book {
namespace {

struct Node {
  uint64_t number;
  int64_t open_wh;
};
using Level = std::list<Node>;
// The best price first: offers by price, bids by its negative.
using Ladder = std::map<int64_t, Level>;
struct Place {
  Ladder* ladder;
  Ladder::iterator level;
  Level::iterator node;
};

class StdMapPeer final : public BookPeer {
 public:
  explicit StdMapPeer(uint32_t books) : ladders_(size_t{2} * books) {}

  StreamOutcome Run(const std::vector<Command>& commands) override {
    for (const Command& command : commands) {
      if (command.kind == CommandKind::kPlace) {
        Add(command);
      } else if (const auto found = places_.find(static_cast<uint64_t>(command.order));
                 found != places_.end()) {
        ++outcome_.cancelled;
        Erase(found->second);
        places_.erase(found);
      }
    }
    return outcome_;
  }

 private:
  Ladder& LadderOf(const Command& command, Side side) {
    return ladders_[2 * static_cast<size_t>(command.book) + static_cast<size_t>(side)];
  }

  static void Erase(const Place& place) {
    place.level->second.erase(place.node);
    if (place.level->second.empty()) {
      place.ladder->erase(place.level);
    }
  }

  void Add(const Command& command) {
    const bool is_bid = command.side == Side::kBid;
    const int64_t price = command.limit.micros_per_kwh();
    Ladder& opposite = LadderOf(command, is_bid ? Side::kOffer : Side::kBid);
    int64_t open_wh = command.energy.wh();
    while (open_wh > 0 && !opposite.empty()) {
      const auto best = opposite.begin();
      if (is_bid ? best->first > price : -best->first < price) {
        break;
      }
      Node& node = best->second.front();
      const int64_t energy_wh = std::min(open_wh, node.open_wh);
      ++outcome_.trades;
      outcome_.traded_wh += energy_wh;
      open_wh -= energy_wh;
      node.open_wh -= energy_wh;
      if (node.open_wh == 0) {
        places_.erase(node.number);
        Erase({&opposite, best, best->second.begin()});
      }
    }
    if (open_wh > 0) {
      Ladder& own = LadderOf(command, command.side);
      const auto level = own.try_emplace(is_bid ? -price : price).first;
      const uint64_t number = static_cast<uint64_t>(command.order);
      level->second.push_back({number, open_wh});
      places_.emplace(number, Place{&own, level, std::prev(level->second.end())});
    }
  }

  std::vector<Ladder> ladders_;
  std::unordered_map<uint64_t, Place> places_;
  StreamOutcome outcome_;
};

}  // namespace

const char* PeerName() { return "std::map"; }
std::unique_ptr<BookPeer> MakePeer(uint32_t books) { return std::make_unique<StdMapPeer>(books); }

}  // namespace peerwatt::market::book
