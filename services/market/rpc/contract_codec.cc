#include "services/market/rpc/contract_codec.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "services/market/core/contracts/terms.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {
namespace {

using TermsProto = v1::ContractTerms;

// Dates that sort as text do as days.
constexpr int kYearMin = 1970;
constexpr int kYearMax = 9999;
constexpr size_t kDateSize = 10;

absl::StatusOr<std::vector<absl::CivilDay>> DaysFrom(
    const google::protobuf::RepeatedPtrField<std::string>& texts, const std::string& field) {
  std::vector<absl::CivilDay> days;
  for (const std::string& text : texts) {
    absl::CivilDay day;
    const bool is_date = text.size() == kDateSize && absl::ParseCivilTime(text, &day) &&
                         absl::FormatCivilTime(day) == text && day.year() >= kYearMin &&
                         day.year() <= kYearMax;
    if (!is_date) {
      return FieldInvalid(field, "must be dates such as 2026-12-24");
    }
    days.push_back(day);
  }
  return days;
}

absl::StatusOr<ContractWindow> WindowFrom(const TermsProto::Window& proto,
                                          const std::string& field) {
  ContractWindow window;
  for (const int day : proto.weekdays()) {
    if (day < TermsProto::MONDAY || day > TermsProto::SUNDAY) {
      return FieldInvalid(field + ".weekdays", "must be days of the week");
    }
    window.weekdays |= 1U << (day - TermsProto::MONDAY);
  }
  window.on_holidays = proto.holidays();
  PW_ASSIGN_OR_RETURN(window.dates, DaysFrom(proto.dates(), field + ".dates"));
  window.start_minute = proto.start_minute();
  window.end_minute = proto.end_minute();
  window.energy = Energy::WattHours(proto.energy_wh());
  window.output_share_ppm = proto.output_share_ppm();
  return window;
}

absl::StatusOr<std::optional<Price>> OptionalPrice(bool is_set, const google::type::Money& proto,
                                                   const std::string& currency,
                                                   const std::string& field) {
  if (!is_set) {
    return std::optional<Price>();
  }
  PW_ASSIGN_OR_RETURN(const Price price, rpc::PriceFrom(proto, currency, field));
  return std::optional(price);
}

absl::StatusOr<PriceFormula> IndexFrom(const TermsProto::Index& proto, const std::string& currency,
                                       const std::string& field) {
  PriceFormula formula;
  formula.is_indexed = true;
  if (proto.zone_of() != TermsProto::BUYER && proto.zone_of() != TermsProto::SELLER) {
    return FieldInvalid(field + ".zone_of", "must be BUYER or SELLER");
  }
  formula.index = proto.zone_of() == TermsProto::BUYER ? Party::kBuyer : Party::kSeller;
  formula.factor_ppm = proto.factor_ppm();
  PW_ASSIGN_OR_RETURN(const std::optional<Price> offset,
                      OptionalPrice(proto.has_offset_per_kwh(), proto.offset_per_kwh(), currency,
                                    field + ".offset_per_kwh"));
  formula.offset = offset.value_or(Price());
  PW_ASSIGN_OR_RETURN(formula.floor, OptionalPrice(proto.has_floor_per_kwh(), proto.floor_per_kwh(),
                                                   currency, field + ".floor_per_kwh"));
  PW_ASSIGN_OR_RETURN(formula.cap, OptionalPrice(proto.has_cap_per_kwh(), proto.cap_per_kwh(),
                                                 currency, field + ".cap_per_kwh"));
  PW_ASSIGN_OR_RETURN(formula.fallback,
                      OptionalPrice(proto.has_fallback_per_kwh(), proto.fallback_per_kwh(),
                                    currency, field + ".fallback_per_kwh"));
  return formula;
}

absl::StatusOr<PriceFormula> FormulaFrom(const TermsProto::Price& proto,
                                         const std::string& currency, const std::string& field) {
  if (proto.has_index()) {
    return IndexFrom(proto.index(), currency, field + ".index");
  }
  if (!proto.has_fixed_per_kwh()) {
    return FieldInvalid(field, "needs fixed_per_kwh or index");
  }
  PriceFormula formula;
  PW_ASSIGN_OR_RETURN(formula.fixed,
                      rpc::PriceFrom(proto.fixed_per_kwh(), currency, field + ".fixed_per_kwh"));
  return formula;
}

absl::StatusOr<CancellationTerms> CancellationFrom(const TermsProto::Cancellation& proto,
                                                   const std::string& field) {
  bool buyer = false;
  bool seller = false;
  for (const int party : proto.parties()) {
    if (party != TermsProto::BUYER && party != TermsProto::SELLER) {
      return FieldInvalid(field + ".parties", "must be BUYER, SELLER or both");
    }
    (party == TermsProto::BUYER ? buyer : seller) = true;
  }
  CancellationTerms terms;
  terms.right = buyer && seller ? CancellationRight::kEither
                : buyer         ? CancellationRight::kBuyer
                : seller        ? CancellationRight::kSeller
                                : CancellationRight::kNobody;
  terms.notice_days = proto.notice_days();
  switch (proto.effect()) {
    case TermsProto::Cancellation::EFFECT_UNSPECIFIED:
    case TermsProto::Cancellation::AFTER_NOTICE:
      terms.effect = CancellationEffect::kAfterNotice;
      return terms;
    case TermsProto::Cancellation::END_OF_DAY:
      terms.effect = CancellationEffect::kEndOfDay;
      return terms;
    case TermsProto::Cancellation::END_OF_MONTH:
      terms.effect = CancellationEffect::kEndOfMonth;
      return terms;
    default:
      return FieldInvalid(field + ".effect", "is unknown");
  }
}

void WriteWindow(const ContractWindow& window, TermsProto::Window& proto) {
  for (int day = 0; day < 7; ++day) {
    if ((window.weekdays >> day & 1U) != 0) {
      proto.add_weekdays(static_cast<TermsProto::Weekday>(TermsProto::MONDAY + day));
    }
  }
  proto.set_holidays(window.on_holidays);
  for (const absl::CivilDay day : window.dates) {
    proto.add_dates(absl::FormatCivilTime(day));
  }
  proto.set_start_minute(window.start_minute);
  proto.set_end_minute(window.end_minute);
  if (window.output_share_ppm > 0) {
    proto.set_output_share_ppm(static_cast<int32_t>(window.output_share_ppm));
  } else {
    proto.set_energy_wh(window.energy.wh());
  }
}

void WritePrice(const PriceFormula& formula, const std::string& currency,
                TermsProto::Price& proto) {
  if (!formula.is_indexed) {
    *proto.mutable_fixed_per_kwh() = rpc::ToProto(formula.fixed, currency);
    return;
  }
  TermsProto::Index& index = *proto.mutable_index();
  index.set_zone_of(formula.index == Party::kBuyer ? TermsProto::BUYER : TermsProto::SELLER);
  index.set_factor_ppm(static_cast<int32_t>(formula.factor_ppm));
  *index.mutable_offset_per_kwh() = rpc::ToProto(formula.offset, currency);
  if (formula.floor.has_value()) {
    *index.mutable_floor_per_kwh() = rpc::ToProto(*formula.floor, currency);
  }
  if (formula.cap.has_value()) {
    *index.mutable_cap_per_kwh() = rpc::ToProto(*formula.cap, currency);
  }
  if (formula.fallback.has_value()) {
    *index.mutable_fallback_per_kwh() = rpc::ToProto(*formula.fallback, currency);
  }
}

void WriteCancellation(const CancellationTerms& terms, TermsProto::Cancellation& proto) {
  const bool either = terms.right == CancellationRight::kEither;
  if (either || terms.right == CancellationRight::kBuyer) {
    proto.add_parties(TermsProto::BUYER);
  }
  if (either || terms.right == CancellationRight::kSeller) {
    proto.add_parties(TermsProto::SELLER);
  }
  proto.set_notice_days(terms.notice_days);
  proto.set_effect(
      terms.effect == CancellationEffect::kAfterNotice ? TermsProto::Cancellation::AFTER_NOTICE
      : terms.effect == CancellationEffect::kEndOfDay  ? TermsProto::Cancellation::END_OF_DAY
                                                       : TermsProto::Cancellation::END_OF_MONTH);
}

TermsProto ToProto(const ContractTerms& terms, const std::string& currency) {
  TermsProto proto;
  *proto.mutable_valid_from_time() = rpc::ToProto(terms.valid_from);
  *proto.mutable_end_time() = rpc::ToProto(terms.end);
  proto.mutable_profile()->set_time_zone(terms.profile.time_zone);
  for (const ContractWindow& window : terms.profile.windows) {
    WriteWindow(window, *proto.mutable_profile()->add_windows());
  }
  for (const absl::CivilDay day : terms.profile.holidays) {
    proto.mutable_profile()->add_holidays(absl::FormatCivilTime(day));
  }
  WritePrice(terms.price, currency, *proto.mutable_price());
  WriteCancellation(terms.cancellation, *proto.mutable_cancellation());
  return proto;
}

v1::ContractVersion::State StateOf(VersionState state) {
  switch (state) {
    case VersionState::kOffered:
      return v1::ContractVersion::OFFERED;
    case VersionState::kAccepted:
      return v1::ContractVersion::ACCEPTED;
    case VersionState::kDeclined:
      return v1::ContractVersion::DECLINED;
    case VersionState::kWithdrawn:
      return v1::ContractVersion::WITHDRAWN;
  }
  return v1::ContractVersion::STATE_UNSPECIFIED;
}

v1::Contract::State StateOf(const Contract& contract, absl::Time now) {
  switch (contract.offer().state) {
    case VersionState::kOffered:
      return now < OverAt(contract) ? v1::Contract::OFFERED : v1::Contract::ENDED;
    case VersionState::kAccepted:
      return now < OverAt(contract) ? v1::Contract::ACTIVE : v1::Contract::ENDED;
    case VersionState::kDeclined:
      return v1::Contract::DECLINED;
    case VersionState::kWithdrawn:
      return v1::Contract::WITHDRAWN;
  }
  return v1::Contract::STATE_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<ContractTerms> TermsFrom(const TermsProto& proto, const std::string& currency,
                                        const std::string& field) {
  ContractTerms terms;
  PW_ASSIGN_OR_RETURN(terms.valid_from,
                      rpc::TimeFrom(proto.valid_from_time(), field + ".valid_from_time"));
  PW_ASSIGN_OR_RETURN(terms.end, rpc::TimeFrom(proto.end_time(), field + ".end_time"));
  terms.profile.time_zone = proto.profile().time_zone();
  for (int i = 0; i < proto.profile().windows_size(); ++i) {
    PW_ASSIGN_OR_RETURN(
        ContractWindow window,
        WindowFrom(proto.profile().windows(i), absl::StrCat(field, ".profile.windows[", i, "]")));
    terms.profile.windows.push_back(std::move(window));
  }
  PW_ASSIGN_OR_RETURN(terms.profile.holidays,
                      DaysFrom(proto.profile().holidays(), field + ".profile.holidays"));
  PW_ASSIGN_OR_RETURN(terms.price, FormulaFrom(proto.price(), currency, field + ".price"));
  PW_ASSIGN_OR_RETURN(terms.cancellation,
                      CancellationFrom(proto.cancellation(), field + ".cancellation"));
  return terms;
}

absl::StatusOr<Contract> OfferFrom(const v1::Contract& proto, const std::string& currency) {
  Contract offer;
  PW_ASSIGN_OR_RETURN(std::string buyer,
                      rpc::ParseName1(proto.buyer(), "participants/*", "contract.buyer"));
  PW_ASSIGN_OR_RETURN(std::string seller,
                      rpc::ParseName1(proto.seller(), "participants/*", "contract.seller"));
  offer.buyer = ParticipantId(std::move(buyer));
  offer.seller = ParticipantId(std::move(seller));
  if (proto.buyer_metering_point().empty() == proto.seller_metering_point().empty()) {
    return FieldInvalid("contract.buyer_metering_point", "name the caller's metering point only");
  }
  const bool by_buyer = !proto.buyer_metering_point().empty();
  PW_ASSIGN_OR_RETURN(
      std::string point,
      rpc::ParseName1(
          by_buyer ? proto.buyer_metering_point() : proto.seller_metering_point(),
          "meteringPoints/*",
          by_buyer ? "contract.buyer_metering_point" : "contract.seller_metering_point"));
  (by_buyer ? offer.buyer_point : offer.seller_point) = MeteringPointId(std::move(point));
  ContractVersion version;
  PW_ASSIGN_OR_RETURN(version.terms, TermsFrom(proto.terms(), currency, "contract.terms"));
  offer.versions.push_back(std::move(version));
  return offer;
}

v1::Contract ToProto(const Contract& contract, const std::string& currency, absl::Time now) {
  v1::Contract proto;
  proto.set_name(NameOf(contract.community, contract.id));
  proto.set_buyer(NameOf(contract.buyer));
  proto.set_seller(NameOf(contract.seller));
  if (!contract.buyer_point.empty()) {
    proto.set_buyer_metering_point(NameOf(contract.buyer_point));
  }
  if (!contract.seller_point.empty()) {
    proto.set_seller_metering_point(NameOf(contract.seller_point));
  }
  proto.set_proposer(NameOf(contract.proposer));
  proto.set_state(StateOf(contract, now));
  const ContractVersion* newest = &contract.offer();
  for (const ContractVersion& version : contract.versions) {
    v1::ContractVersion& shown = *proto.add_versions();
    shown.set_version(version.version);
    *shown.mutable_terms() = ToProto(version.terms, currency);
    shown.set_proposer(NameOf(version.proposer));
    shown.set_state(StateOf(version.state));
    *shown.mutable_create_time() = rpc::ToProto(version.create_time);
    if (version.state != VersionState::kOffered) {
      *shown.mutable_decide_time() = rpc::ToProto(version.decide_time);
    }
    newest = version.state == VersionState::kAccepted ? &version : newest;
  }
  *proto.mutable_terms() = ToProto(newest->terms, currency);
  if (contract.cancellation.has_value()) {
    v1::Contract::Notice& notice = *proto.mutable_notice();
    notice.set_participant(NameOf(contract.cancellation->by));
    notice.set_reason(contract.cancellation->reason);
    *notice.mutable_notice_time() = rpc::ToProto(contract.cancellation->notice_time);
    *notice.mutable_effective_time() = rpc::ToProto(contract.cancellation->effective);
  }
  *proto.mutable_create_time() = rpc::ToProto(contract.create_time);
  return proto;
}

v1::ContractExecution ToProto(const ExecutionResult& result, const CommunityId& community,
                              const std::string& currency) {
  const AuctionKey key = {community, result.delivery_start};
  v1::ContractExecution proto;
  proto.set_auction(NameOf(key));
  proto.set_version(result.version);
  proto.set_energy_wh(result.energy.wh());
  proto.set_reason(result.reason);
  switch (result.state) {
    case ExecutionState::kPending:
      proto.set_state(v1::ContractExecution::PENDING);
      break;
    case ExecutionState::kSkipped:
      proto.set_state(v1::ContractExecution::SKIPPED);
      break;
    case ExecutionState::kExecuted:
      proto.set_state(v1::ContractExecution::EXECUTED);
      proto.set_trade(absl::StrCat(NameOf(key), "/trades/t", result.trade_number));
      *proto.mutable_price_per_kwh() = rpc::ToProto(result.price, currency);
      break;
  }
  return proto;
}

}  // namespace peerwatt::market
