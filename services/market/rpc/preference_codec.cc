#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/market/core/preference.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {
namespace {

constexpr int kRequirementsOnWireMax = 8;

absl::StatusOr<EnergySources> SourcesFrom(const google::protobuf::RepeatedField<int>& numbers,
                                          absl::string_view field) {
  EnergySources sources = 0;
  for (const int number : numbers) {
    if (!v1::Order::EnergySource_IsValid(number) || number == 0) {
      return FieldInvalid(field, "must be known sources of energy");
    }
    sources |= EnergySources{1} << number;
  }
  return sources;
}

template <typename Names>
absl::StatusOr<std::vector<ParticipantId>> ParticipantsFrom(const Names& names,
                                                            absl::string_view field) {
  std::vector<ParticipantId> participants;
  for (const std::string& name : names) {
    PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, "participants/*", field));
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(id, field));
    participants.emplace_back(std::move(id));
  }
  return participants;
}

absl::StatusOr<Requirement> RequirementFrom(const v1::Order::Requirement& proto,
                                            const std::string& field) {
  Requirement requirement;
  PW_ASSIGN_OR_RETURN(requirement.sources,
                      SourcesFrom(proto.energy_sources(), field + ".energy_sources"));
  for (const std::string& zone : proto.zones()) {
    PW_RETURN_IF_ERROR(rpc::CheckResourceId(zone, field + ".zones"));
    requirement.zones.emplace_back(zone);
  }
  PW_ASSIGN_OR_RETURN(requirement.partners,
                      ParticipantsFrom(proto.partners(), field + ".partners"));
  PW_ASSIGN_OR_RETURN(requirement.excluded,
                      ParticipantsFrom(proto.excluded_partners(), field + ".excluded_partners"));
  if (requirement == Requirement()) {
    return FieldInvalid(field, "must ask for something");
  }
  return requirement;
}

template <typename List>
void AddSources(EnergySources sources, List& list) {
  for (int number = 0; number < kEnergySources; ++number) {
    if ((sources >> number & 1) != 0) {
      list.Add(number);
    }
  }
}

}  // namespace

v1::Order::EnergySource ToProto(EnergySource source) {
  return static_cast<v1::Order::EnergySource>(source);
}
static_assert(static_cast<int>(EnergySource::kStorage) == v1::Order::STORAGE);

absl::Status ReadPreference(const v1::Order& proto, const std::string& currency, Order& order) {
  OrderPreference preference;
  if (proto.requirements_size() > kRequirementsOnWireMax) {
    return FieldInvalid("order.requirements", "must be at most 8");
  }
  for (int i = 0; i < proto.requirements_size(); ++i) {
    PW_ASSIGN_OR_RETURN(
        preference.any_of.emplace_back(),
        RequirementFrom(proto.requirements(i), absl::StrCat("order.requirements[", i, "]")));
  }
  if (proto.has_premium()) {
    PW_ASSIGN_OR_RETURN(order.premium, rpc::PriceFrom(proto.premium().price_per_kwh(), currency,
                                                      "order.premium.price_per_kwh"));
    PW_ASSIGN_OR_RETURN(preference.premium_sources, SourcesFrom(proto.premium().energy_sources(),
                                                                "order.premium.energy_sources"));
    preference.premium_local = proto.premium().local();
    if (order.premium <= Price() ||
        (preference.premium_sources == 0 && !preference.premium_local)) {
      return FieldInvalid("order.premium", "must be above 0, for sources or for local energy");
    }
  }
  order.preference = FormatPreference(preference);
  return absl::OkStatus();
}

void WritePreference(const Order& order, const std::string& currency, v1::Order& proto) {
  proto.set_zone(order.zone.value());
  proto.set_energy_source(ToProto(order.source));
  const absl::StatusOr<OrderPreference> preference = ParsePreference(order.preference);
  PW_CHECK(preference.ok(), "a stored preference cannot be read");
  for (const Requirement& requirement : preference->any_of) {
    v1::Order::Requirement& shown = *proto.add_requirements();
    AddSources(requirement.sources, *shown.mutable_energy_sources());
    for (const ZoneId& zone : requirement.zones) {
      shown.add_zones(zone.value());
    }
    for (const ParticipantId& partner : requirement.partners) {
      shown.add_partners(NameOf(partner));
    }
    for (const ParticipantId& partner : requirement.excluded) {
      shown.add_excluded_partners(NameOf(partner));
    }
  }
  if (order.premium != Price()) {
    v1::Order::Premium& premium = *proto.mutable_premium();
    *premium.mutable_price_per_kwh() = rpc::ToProto(order.premium, currency);
    AddSources(preference->premium_sources, *premium.mutable_energy_sources());
    premium.set_local(preference->premium_local);
  }
}

}  // namespace peerwatt::market
