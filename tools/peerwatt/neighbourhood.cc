#include "tools/peerwatt/neighbourhood.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/digest.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

/// A create that was tried again may find what its first attempt made.
absl::Status AllowExisting(const absl::Status& status) {
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

std::string DurationText(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Seconds(duration), "s");
}

/// Sets up one scenario.
class SetUpRun {
 public:
  SetUpRun(const Scenario& scenario, Api& api, Neighbourhood& out)
      : scenario_(scenario), rules_(scenario.rules), api_(api), out_(out) {}

  absl::Status CreateCommunity();
  absl::Status CreateHousehold(const DemoHousehold& household);

 private:
  absl::Status CreateUser(const DemoHousehold& household, Account& account);
  absl::Status Approve(const DemoHousehold& household, Account& account);
  absl::Status CreatePoints(const DemoHousehold& household);
  absl::Status StartTrading(const DemoHousehold& household, Account& account);
  Json Money(int64_t micros) const { return MoneyJson(micros, rules_.currency); }

  const Scenario& scenario_;
  const DemoRules& rules_;
  Api& api_;
  Neighbourhood& out_;
};

absl::Status SetUpRun::CreateCommunity() {
  const std::string start = TimeText(scenario_.timetable.start);
  const Json community = {
      {"displayName", "Hamlet"},
      {"timeZone", rules_.time_zone},
      {"currencyCode", rules_.currency},
      {"interval", DurationText(rules_.interval)},
      {"tradingStartTime", start},
      {"openingLead", DurationText(rules_.opening_lead)},
      {"gateClosureLead", DurationText(rules_.gate_closure_lead)},
      {"networkFeePerKwh", Money(rules_.network_fee.micros_per_kwh())},
      {"operatorSharePpm", absl::StrCat(rules_.operator_share_ppm)},
      {"priceMaxPerKwh", Money(rules_.price_max.micros_per_kwh())},
      {"emissionFactor", {{"co2GPerKwh", rules_.co2_g_per_kwh}, {"source", rules_.co2_source}}}};
  Account* staff = &out_.operator_account;
  PW_RETURN_IF_ERROR(
      api_.Post(absl::StrCat("/v1/communities?communityId=", rules_.community), community, staff)
          .status());
  const Json tariff = {{"retailPricePerKwh", Money(rules_.retail.micros_per_kwh())},
                       {"feedInPricePerKwh", Money(rules_.feed_in.micros_per_kwh())},
                       {"startTime", start}};
  return api_
      .Post(absl::StrCat("/v1/communities/", rules_.community, "/tariffs?tariffId=first"), tariff,
            staff)
      .status();
}

absl::Status SetUpRun::CreateUser(const DemoHousehold& household, Account& account) {
  account.email = household.email;
  account.password = NewSecret();
  const Json request = {
      {"userId", household.id},
      {"password", account.password},
      {"user", {{"email", household.email}, {"displayName", household.display_name}}}};
  return AllowExisting(api_.Post("/v1/users", request, nullptr).status());
}

absl::Status SetUpRun::Approve(const DemoHousehold& household, Account& account) {
  const std::string path = absl::StrCat("/v1/", household.participant());
  Account* staff = &out_.operator_account;
  const Json documents = {{"documentKind", "identity-card"},
                          {"documentSha256", crypto::Sha256Hex(household.id)}};
  // Goes on from the state it finds: an attempt whose answer was lost may have worked.
  for (int attempt = 0; attempt < 10; ++attempt) {
    PW_ASSIGN_OR_RETURN(const Json participant, api_.Get(path, staff));
    const std::string state = TextField(participant, "kycState");
    if (state == "APPROVED") return absl::OkStatus();
    absl::StatusOr<Json> done =
        state == "PENDING"     ? api_.Post(path + ":submitKyc", documents, &account)
        : state == "SUBMITTED" ? api_.Post(path + ":reviewKyc", Json::object(), staff)
                               : api_.Post(path + ":approveKyc", Json::object(), staff);
    if (!done.ok() && attempt > 5) return done.status();
  }
  return absl::InternalError(absl::StrCat(household.participant(), " is not approved"));
}

absl::Status SetUpRun::CreatePoints(const DemoHousehold& household) {
  Json names = Json::array();
  for (const DemoPoint& point : household.points) {
    const Json body = {{"participant", household.participant()},
                       {"gridConnection", household.id},
                       {"importCapacityW", absl::StrCat(point.import_capacity_w)},
                       {"exportCapacityW", absl::StrCat(point.export_capacity_w)}};
    PW_RETURN_IF_ERROR(api_.Post(absl::StrCat("/v1/meteringPoints?meteringPointId=", point.id),
                                 body, &out_.operator_account)
                           .status());
    names.push_back(absl::StrCat("meteringPoints/", point.id));
  }
  PW_ASSIGN_OR_RETURN(const Json device,
                      api_.Post(absl::StrCat("/v1/devices?deviceId=d-", household.id),
                                {{"meteringPoints", names}}, &out_.operator_account));
  out_.enrolment_tokens[household.id] = TextField(device, "enrolmentToken");
  return absl::OkStatus();
}

absl::Status SetUpRun::StartTrading(const DemoHousehold& household, Account& account) {
  const std::string path = absl::StrCat("/v1/", household.participant());
  PW_RETURN_IF_ERROR(api_.Post(path + "/deposits?depositId=first",
                               {{"amount", Money(rules_.deposit.micros())}}, &account)
                         .status());
  Json order = {{"meteringPoint", absl::StrCat("meteringPoints/", household.points[0].id)},
                {"bidPricePerKwh", Money(household.bid_price.micros_per_kwh())}};
  if (household.pv_peak_w > 0) {
    order["offerPricePerKwh"] = Money(household.offer_price.micros_per_kwh());
  }
  return api_.Post(path + "/standingOrders?standingOrderId=autopilot", order, &account).status();
}

absl::Status SetUpRun::CreateHousehold(const DemoHousehold& household) {
  Account& account = out_.accounts[household.id];
  PW_RETURN_IF_ERROR(CreateUser(household, account));
  const Json participant = {{"displayName", household.display_name},
                            {"community", absl::StrCat("communities/", rules_.community)}};
  PW_RETURN_IF_ERROR(api_.Post(absl::StrCat("/v1/participants?participantId=", household.id),
                               participant, &account)
                         .status());
  // The next token names the participant.
  Api::Renew(account);
  PW_RETURN_IF_ERROR(Approve(household, account));
  PW_RETURN_IF_ERROR(CreatePoints(household));
  return StartTrading(household, account);
}

}  // namespace

absl::StatusOr<Neighbourhood> SetUp(const Scenario& scenario, Account operator_account, Api& api,
                                    Progress& progress) {
  Neighbourhood out;
  out.operator_account = std::move(operator_account);
  SetUpRun run(scenario, api, out);
  progress.Begin("creating the community and its tariff");
  PW_RETURN_IF_ERROR(run.CreateCommunity());
  progress.Done();
  progress.Begin(absl::StrCat("signing up ", scenario.households.size(), " households"));
  for (const DemoHousehold& household : scenario.households) {
    PW_RETURN_IF_ERROR(run.CreateHousehold(household));
  }
  progress.Done();
  return out;
}

Json FleetOf(const Scenario& scenario, const Neighbourhood& neighbourhood,
             const std::string& gateway_device_address, const std::string& gateway_grpc_address,
             const std::string& ca_file) {
  Json devices = Json::array();
  for (const DemoHousehold& household : scenario.households) {
    Json points = Json::array();
    for (const DemoPoint& point : household.points) {
      points.push_back({{"metering_point", absl::StrCat("meteringPoints/", point.id)},
                        {"register", point.generation ? "export" : "import"},
                        {"source", point.source},
                        {"start_time", TimeText(scenario.timetable.start)},
                        {"end_time", TimeText(scenario.timetable.end)}});
    }
    devices.push_back({{"device", absl::StrCat("devices/d-", household.id)},
                       {"enrolment_token", neighbourhood.enrolment_tokens.at(household.id)},
                       {"points", std::move(points)}});
  }
  return {{"gateway_device_address", gateway_device_address},
          {"gateway_grpc_address", gateway_grpc_address},
          {"ca_file", ca_file},
          {"interval_seconds", absl::ToInt64Seconds(scenario.timetable.interval)},
          {"devices", std::move(devices)}};
}

}  // namespace peerwatt::tool
