#include "services/settlement/core/ledgers.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::settlement {

absl::Status Ledgers::Refresh() {
  PW_ASSIGN_OR_RETURN(const std::vector<CommunityRules> communities,
                      registry_.ListCommunityRules());
  for (const CommunityRules& rules : communities) {
    {
      absl::MutexLock lock(&mutex_);
      if (known_.contains(rules.id)) continue;
    }
    PW_RETURN_IF_ERROR(store_.EnsureLedger(rules));
    absl::MutexLock lock(&mutex_);
    known_.emplace(rules.id, rules);
  }
  return absl::OkStatus();
}

absl::Status Ledgers::Require(const CommunityId& community) {
  const auto known = [&] {
    absl::MutexLock lock(&mutex_);
    return known_.contains(community);
  };
  if (known()) return absl::OkStatus();
  PW_RETURN_IF_ERROR(Refresh());
  if (known()) return absl::OkStatus();
  const std::string name = absl::StrCat("communities/", community.value());
  return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
}

absl::StatusOr<CommunityRules> Ledgers::RulesOf(const CommunityId& community) {
  PW_RETURN_IF_ERROR(Require(community));
  absl::MutexLock lock(&mutex_);
  return known_.at(community);
}

absl::StatusOr<std::string> Ledgers::CurrencyOf(const CommunityId& community) {
  PW_RETURN_IF_ERROR(Require(community));
  absl::MutexLock lock(&mutex_);
  return known_.at(community).currency;
}

std::vector<CommunityRules> Ledgers::Known() const {
  absl::MutexLock lock(&mutex_);
  std::vector<CommunityRules> communities;
  communities.reserve(known_.size());
  for (const auto& [id, rules] : known_) communities.push_back(rules);
  return communities;
}

absl::StatusOr<ParticipantContext> Ledgers::ContextOf(const ParticipantId& participant) {
  {
    absl::MutexLock lock(&mutex_);
    const auto known = contexts_.find(participant);
    if (known != contexts_.end()) return known->second;
  }
  PW_ASSIGN_OR_RETURN(ParticipantContext context, registry_.GetContext(participant));
  absl::MutexLock lock(&mutex_);
  contexts_.emplace(participant, context);
  return context;
}

}  // namespace peerwatt::settlement
