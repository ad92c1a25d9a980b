#include "services/market/core/trading/trading_desk.h"

#include <set>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/trading/book_group.h"
#include "services/market/core/trading/mutant.h"

namespace peerwatt::market {
namespace {

// Commands of one transaction, unless one caller brings more.
constexpr size_t kGroupMax = 2000;

absl::Status Denied() { return Error(kPermissionDenied, "the caller has no such order"); }

}  // namespace

TradingDesk::Lane& TradingDesk::LaneOf(const CommunityId& community) {
  const std::lock_guard lock(lanes_mutex_);
  std::unique_ptr<Lane>& lane = lanes_[community];
  if (lane == nullptr) {
    lane = std::make_unique<Lane>();
  }
  return *lane;
}

std::vector<TradingDesk::Waiting*> TradingDesk::TakeGroup(Lane& lane) {
  std::vector<Waiting*> group;
  size_t commands = 0;
  while (!lane.waiting.empty() &&
         (group.empty() || commands + lane.waiting.front()->commands.size() <= kGroupMax)) {
    commands += lane.waiting.front()->commands.size();
    group.push_back(lane.waiting.front());
    lane.waiting.pop_front();
  }
  return group;
}

TradingDesk::Answers TradingDesk::Submit(const std::vector<BookCommand>& commands) {
  Lane& lane = LaneOf(commands.front().order.auction.community);
  Waiting own = {commands, {}, false};
  std::unique_lock lock(lane.mutex);
  lane.waiting.push_back(&own);
  while (!own.is_done) {
    if (lane.is_busy || lane.waiting.empty()) {
      lane.done.wait(lock);
      continue;
    }
    // Nobody matches: this caller does, for all who wait.
    lane.is_busy = true;
    const std::vector<Waiting*> group = TakeGroup(lane);
    std::vector<const BookCommand*> all;
    for (const Waiting* waiting : group) {
      for (const BookCommand& command : waiting->commands) {
        all.push_back(&command);
      }
    }
    lock.unlock();
    GroupOutcome outcome = Match(lane, all);
    lock.lock();
    lane.is_busy = false;
    lane.done.notify_all();  // The next group need not wait for holds to be lowered.
    lock.unlock();
    Answer(group, std::move(outcome));
    lock.lock();
    for (Waiting* waiting : group) {
      waiting->is_done = true;
    }
    lane.done.notify_all();
  }
  return std::move(own.answers);
}

GroupOutcome TradingDesk::Match(Lane& lane, const std::vector<const BookCommand*>& commands) {
  const absl::Time now = clock_.Now();
  std::vector<Order> orders;
  bool with_rules = false;
  for (const BookCommand* command : commands) {
    orders.push_back(command->order);
    with_rules = with_rules || command->kind == BookCommand::Kind::kAmend;
  }
  std::erase_if(lane.books, [&](const auto& book) { return book.second.gate_closure() <= now; });
  GroupOutcome outcome;
  bool is_dirty = false;
  const absl::Status kept = store_.Change(
      orders, with_rules, [&](BookAccess& access) -> absl::StatusOr<std::vector<BookWrites>> {
        // An attempt before this one failed, or nobody knows whether it did.
        if (PW_TRADING_MUTANT(kFailedGroupStaysInMemory, false, is_dirty)) {
          lane.books.clear();
        }
        is_dirty = true;
        outcome = DecideGroup(commands, now, access, lane.books);
        return outcome.writes;
      });
  if (!kept.ok()) {
    if (PW_TRADING_MUTANT(kFailedGroupStaysInMemory, false, true)) {
      lane.books.clear();
    }
    outcome.answers.assign(commands.size(), kept);
    outcome.reductions.clear();
  }
  return outcome;
}

void TradingDesk::Answer(const std::vector<Waiting*>& group, GroupOutcome outcome) {
  const CommunityId& community = group.front()->commands.front().order.auction.community;
  // What is not lowered now is lowered at the end of the auction; who asks again is told then.
  std::map<absl::Time, std::pair<absl::Status, std::set<OrderId>>> failed;
  for (const auto& [start, reductions] : outcome.reductions) {
    const absl::Status lowered = settlement_.ReduceHolds({community, start}, reductions);
    if (!lowered.ok()) {
      failed[start].first = lowered;
      for (const HoldReduction& reduction : reductions) {
        failed[start].second.insert(reduction.order);
      }
    }
  }
  size_t at = 0;
  for (Waiting* waiting : group) {
    for (const BookCommand& command : waiting->commands) {
      absl::StatusOr<Order>& answer = outcome.answers[at++];
      const auto failure = failed.find(command.order.auction.delivery_start);
      const bool is_held = failure != failed.end() && answer.ok() &&
                           failure->second.second.contains(command.order.id);
      waiting->answers.push_back(is_held ? absl::StatusOr<Order>(failure->second.first)
                                         : std::move(answer));
    }
  }
}

absl::StatusOr<std::vector<Order>> TradingDesk::Enter(const std::vector<Order>& orders,
                                                      const std::vector<std::string>& reasons) {
  std::vector<BookCommand> commands;
  for (size_t i = 0; i < orders.size(); ++i) {
    BookCommand& command = commands.emplace_back();
    command.kind = reasons[i].empty() ? BookCommand::Kind::kEnter : BookCommand::Kind::kReject;
    command.order = orders[i];
    command.reason = reasons[i];
  }
  Answers answers = Submit(commands);
  std::vector<Order> entered;
  for (absl::StatusOr<Order>& answer : answers) {
    PW_ASSIGN_OR_RETURN(Order order, std::move(answer));
    entered.push_back(std::move(order));
  }
  return entered;
}

absl::StatusOr<Order> TradingDesk::Cancel(const AuctionKey& key, const OrderId& id,
                                          const ParticipantId& caller) {
  BookCommand command;
  command.kind = BookCommand::Kind::kCancel;
  command.order.auction = key;
  command.order.id = id;
  command.order.participant = caller;
  command.caller = caller;
  return std::move(Submit({command}).front());
}

absl::StatusOr<Order> TradingDesk::TryAmend(const Order& asked,
                                            const MemberDirectory::Found& facts) {
  const Neighbourhood& neighbourhood = *facts.neighbourhood;
  BookCommand command;
  command.kind = BookCommand::Kind::kAmend;
  command.order = asked;
  command.caller = asked.participant;
  const std::optional<Member> member = neighbourhood.Find(asked.metering_point);
  command.check = [&](const Order& kept, const Placing& met) {
    // It takes the place of itself.
    Placing placing = met;
    const bool is_open = kept.state == OrderState::kPending || kept.state == OrderState::kActive;
    placing.open_orders -= is_open ? 1 : 0;
    placing.offered -= kept.side == Side::kOffer ? (is_open ? kept.energy : kept.book.traded)
                                                 : Energy();
    return CheckOrder(asked, {clock_.Now(), member, neighbourhood.rules,
                              neighbourhood.LimitsOf(asked.grid_connection), placing});
  };
  return std::move(Submit({command}).front());
}

absl::StatusOr<Order> TradingDesk::Amend(const AuctionKey& key, const OrderId& id,
                                         const ParticipantId& caller, Energy energy, Price limit) {
  absl::StatusOr<Order> asked = orders_.GetOrder(key, id);
  if (ReasonOf(asked.status()) == kNotFound.name ||
      (asked.ok() && asked->participant != caller)) {
    return Denied();
  }
  PW_RETURN_IF_ERROR(asked.status());
  if (!IsContinuous(*asked)) {
    return Error(kOrderNotActive, "orders of the closing auction cannot be amended");
  }
  asked->energy = energy;
  asked->limit = limit;
  PW_ASSIGN_OR_RETURN(MemberDirectory::Found facts, directory_.Get(key.community, clock_.Now()));
  absl::StatusOr<Order> amended = TryAmend(*asked, facts);
  if (amended.ok() || facts.is_fresh) {
    return amended;
  }
  // Refused only by facts that were asked for after the request came.
  PW_ASSIGN_OR_RETURN(facts, directory_.Ask(key.community, clock_.Now()));
  return TryAmend(*asked, facts);
}

}  // namespace peerwatt::market
