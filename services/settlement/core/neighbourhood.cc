#include "services/settlement/core/neighbourhood.h"

#include <algorithm>
#include <limits>

#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

// A connection that has no energy, so nothing passes through it.
constexpr size_t kNobody = std::numeric_limits<size_t>::max();

}  // namespace

Neighbours::Neighbours(const std::vector<Member>& members) : members_(members) {
  absl::flat_hash_map<OwnedConnection, size_t> parties;
  party_of_.reserve(members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    member_of_[members[i].point] = i;
    const auto [party, is_new] = parties.try_emplace(
        {members[i].participant, members[i].connection}, members_of_.size());
    if (is_new) members_of_.emplace_back();
    members_of_[party->second].push_back(i);
    party_of_.push_back(party->second);
  }
}

size_t Neighbours::PartyOf(const MeteringPointId& point, const ParticipantId& participant) const {
  const auto member = member_of_.find(point);
  if (member == member_of_.end()) return kNobody;
  // All points behind a connection of a participant are his.
  return members_[member->second].participant == participant ? party_of_[member->second] : kNobody;
}

Neighbourhood Neighbours::Around(const std::vector<MeteringPointId>& changed,
                                 const std::vector<Trade>& trades) const {
  std::vector<std::pair<size_t, size_t>> ends;
  ends.reserve(trades.size());
  for (const Trade& trade : trades) {
    ends.emplace_back(PartyOf(trade.buyer_point, trade.buyer),
                      PartyOf(trade.seller_point, trade.seller));
  }
  absl::flat_hash_set<size_t> reached;
  for (const MeteringPointId& point : changed) {
    const auto member = member_of_.find(point);
    if (member != member_of_.end()) reached.insert(party_of_[member->second]);
  }
  const auto reach_partners = [&] {
    const absl::flat_hash_set<size_t> before = reached;
    for (const auto& [buyer, seller] : ends) {
      if (before.contains(buyer) && seller != kNobody) reached.insert(seller);
      if (before.contains(seller) && buyer != kNobody) reached.insert(buyer);
    }
  };
  Neighbourhood found;
  [[maybe_unused]] const absl::flat_hash_set<size_t> own = reached;
  if (PW_MUTANT(kPartnersAreUnaffected, false, true)) reach_partners();
  for (const size_t party : reached) {
    const Member& member = members_[members_of_[party].front()];
    found.affected.insert({member.participant, member.connection});
  }
  if (PW_MUTANT(kPartnersOfPartnersAreForgotten, false, true)) reach_partners();
  for (const size_t party : reached) {
    found.members.insert(found.members.end(), members_of_[party].begin(),
                         members_of_[party].end());
  }
  std::sort(found.members.begin(), found.members.end());
  for (size_t i = 0; i < trades.size(); ++i) {
    const auto& trading = PW_MUTANT(kTradesOfPartnersAreForgotten, own, reached);
    if (trading.contains(ends[i].first) || trading.contains(ends[i].second)) {
      found.trades.push_back(trades[i]);
    }
  }
  return found;
}

}  // namespace peerwatt::settlement
