#include "services/market/storage/control_store.h"

#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/errors.h"
#include "services/market/storage/control_queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/trading_store.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::ToSql;

// Has the controls alone until the transaction ends.
pqxx::row LockControls(pqxx::work& tx, const CommunityId& community) {
  Exec(tx, kAddControls, community.value());
  return Exec(tx, kLockControls, community.value())[0];
}

void Record(pqxx::work& tx, const CommunityId& community, const char* action,
            const ParticipantId& participant, const Act& act) {
  Exec(tx, kInsertControlEvent, community.value(), action, participant.value(), act.reason,
       act.actor, ToSql(act.time));
}

std::optional<KillSwitch> FindKilled(pqxx::work& tx, const CommunityId& community,
                                     const ParticipantId& participant) {
  const pqxx::result rows = Exec(tx, kSelectKilled, community.value(), participant.value());
  return rows.empty() ? std::nullopt : std::optional(KillSwitchFrom(rows[0]));
}

}  // namespace

absl::StatusOr<Controls> PostgresControlStore::Get(const CommunityId& community) {
  Controls controls;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kSelectControls, community.value());
    controls = rows.empty() ? Controls() : ControlsFrom(rows[0]);
    controls.limits = ReadLimits(tx, community);
    return absl::OkStatus();
  }));
  return controls;
}

absl::Status PostgresControlStore::SetHalt(const CommunityId& community, bool halted,
                                           const Act& act) {
  return pool_.Run([&](pqxx::work& tx) {
    const Controls before = ControlsFrom(LockControls(tx, community));
    const std::string reason = halted ? act.reason : "";
    if (before.halted != halted || before.halt_reason != reason) {
      Exec(tx, kSetHalt, community.value(), halted, reason);
      Record(tx, community, halted ? "HALT" : "RESUME", ParticipantId(), act);
    }
    return absl::OkStatus();
  });
}

absl::Status PostgresControlStore::AddLimits(const CommunityId& community,
                                             const LimitsVersion& limits, const Act& act) {
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    LockControls(tx, community);
    const std::vector<LimitsVersion> kept = ReadLimits(tx, community);
    for (const LimitsVersion& version : kept) {
      if (version.version == limits.version) {
        return version.limits == limits.limits && version.valid_from == limits.valid_from
                   ? absl::OkStatus()
                   : Error(kContentDiffers, "other limits have this version");
      }
    }
    const OrderLimits& l = limits.limits;
    if (limits.version != static_cast<int32_t>(kept.size()) + 1) {
      return Error(kLimitsVersionStale, "this is not the next version of the limits",
                   {{"next_version", std::to_string(kept.size() + 1)}});
    }
    Exec(tx, kInsertLimits, community.value(), limits.version, ToSql(limits.valid_from),
         l.price_min.micros_per_kwh(), l.price_max.micros_per_kwh(), l.energy_min.wh(),
         l.energy_max.wh(), l.open_orders_max, act.actor, ToSql(act.time), l.continuous_trading);
    Exec(tx, kSetLimitsVersion, community.value(), limits.version);
    Record(tx, community, "LIMITS", ParticipantId(), act);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<KillSwitch>> PostgresControlStore::GetKillSwitch(
    const CommunityId& community, const ParticipantId& participant) {
  std::optional<KillSwitch> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = FindKilled(tx, community, participant);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<CancelledOrder>> PostgresControlStore::Kill(
    const CommunityId& community, const ParticipantId& participant, const Act& act) {
  std::vector<CancelledOrder> cancelled;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    cancelled.clear();
    LockControls(tx, community);
    const std::optional<KillSwitch> before = FindKilled(tx, community, participant);
    if (!before.has_value() || (act.by_operator && !before->by_operator)) {
      Exec(tx, kDeleteKill, community.value(), participant.value());
      Exec(tx, kInsertKill, community.value(), participant.value(), act.reason, act.actor,
           ToSql(act.time), act.by_operator);
      Exec(tx, kCountKilled, community.value());
      Record(tx, community, "KILL", participant, act);
    }
    const pqxx::result rows = Exec(tx, kCancelOrdersOf, community.value(), participant.value());
    for (const auto& row : rows) {
      cancelled.push_back({{community, postgres::TimeFrom(row[0])},
                           OrderId(postgres::TextFrom(row[1])),
                           Money::Micros(postgres::Int64From(row[2])),
                           Money::Micros(postgres::Int64From(row[3]))});
    }
    LeaveBooks(tx, community, rows, act.time);
    return absl::OkStatus();
  }));
  return cancelled;
}

absl::Status PostgresControlStore::Lift(const CommunityId& community,
                                        const ParticipantId& participant, const Act& act) {
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    LockControls(tx, community);
    const std::optional<KillSwitch> before = FindKilled(tx, community, participant);
    if (!before.has_value()) {
      return absl::OkStatus();
    }
    if (before->by_operator && !act.by_operator) {
      return Error(kPermissionDenied, "an operator set the switch");
    }
    Exec(tx, kDeleteKill, community.value(), participant.value());
    Exec(tx, kCountKilled, community.value());
    Record(tx, community, "LIFT", participant, act);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ControlEvent>> PostgresControlStore::ListEvents(
    const CommunityId& community, int64_t after, int32_t limit) {
  std::vector<ControlEvent> events;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    events.clear();
    for (const auto& row : Exec(tx, kListControlEvents, community.value(), after, limit)) {
      events.push_back(ControlEventFrom(row));
    }
    return absl::OkStatus();
  }));
  return events;
}

}  // namespace peerwatt::market
