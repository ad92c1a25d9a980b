#include "services/gateway/api/method_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/api/annotations.pb.h"
#include "libs/base/status_macros.h"
#include "peerwatt/market/v1/autopilot.pb.h"
#include "peerwatt/market/v1/clearing.pb.h"
#include "peerwatt/market/v1/contracts.pb.h"
#include "peerwatt/market/v1/controls.pb.h"
#include "peerwatt/market/v1/market.pb.h"
#include "peerwatt/market/v1/surveillance.pb.h"
#include "peerwatt/market/v1/trading.pb.h"
#include "peerwatt/metering/v1/evidence.pb.h"
#include "peerwatt/metering/v1/exchange.pb.h"
#include "peerwatt/metering/v1/forecast.pb.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "peerwatt/metering/v1/validation.pb.h"
#include "peerwatt/registry/v1/handovers.pb.h"
#include "peerwatt/registry/v1/registry.pb.h"
#include "peerwatt/registry/v1/schemes.pb.h"
#include "peerwatt/registry/v1/tariffs.pb.h"
#include "peerwatt/settlement/v1/kpis.pb.h"
#include "peerwatt/settlement/v1/ledger.pb.h"
#include "peerwatt/settlement/v1/payments.pb.h"
#include "peerwatt/settlement/v1/reconciliation.pb.h"
#include "peerwatt/settlement/v1/runs.pb.h"
#include "peerwatt/settlement/v1/settlement.pb.h"
#include "peerwatt/settlement/v1/statements.pb.h"

namespace peerwatt::gateway {
namespace {

using google::api::HttpRule;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

absl::Status Unservable(const MethodDescriptor& method, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(method.full_name(), ": ", why));
}

// The HTTP method and path of a rule, or empty strings.
std::pair<std::string, std::string> PatternOf(const HttpRule& rule) {
  switch (rule.pattern_case()) {
    case HttpRule::kGet:
      return {"GET", rule.get()};
    case HttpRule::kPut:
      return {"PUT", rule.put()};
    case HttpRule::kPost:
      return {"POST", rule.post()};
    case HttpRule::kDelete:
      return {"DELETE", rule.delete_()};
    case HttpRule::kPatch:
      return {"PATCH", rule.patch()};
    case HttpRule::kCustom:
      return {rule.custom().kind(), rule.custom().path()};
    case HttpRule::PATTERN_NOT_SET:
      break;
  }
  return {};
}

// A variable must name a single scalar of the request.
bool IsScalarPath(const Descriptor* type, absl::string_view path) {
  const FieldDescriptor* field = nullptr;
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    if (field != nullptr) type = field->message_type();
    field = type == nullptr ? nullptr : type->FindFieldByName(std::string(name));
    if (field == nullptr || field->is_repeated()) return false;
  }
  return field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
}

absl::StatusOr<HttpBinding> BindingOf(const MethodDescriptor& method, const HttpRule& rule) {
  auto [http_method, path] = PatternOf(rule);
  if (path.empty()) return Unservable(method, "the http rule has no path");
  PW_ASSIGN_OR_RETURN(PathTemplate parsed, PathTemplate::Parse(path));
  for (const PathTemplate::Variable& variable : parsed.variables()) {
    if (!IsScalarPath(method.input_type(), variable.field)) {
      return Unservable(method, absl::StrCat("no field for {", variable.field, "}"));
    }
  }
  if (!rule.body().empty() && rule.body() != "*") {
    const FieldDescriptor* body = method.input_type()->FindFieldByName(rule.body());
    if (body == nullptr || body->is_repeated() ||
        body->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return Unservable(method, absl::StrCat("body '", rule.body(), "' is no message field"));
    }
  }
  return HttpBinding{std::move(http_method), std::move(parsed), rule.body()};
}

}  // namespace

std::vector<MethodTable::ApiService> MethodTable::Services() {
  // Naming a message of each file keeps the files in the program.
  namespace metering = peerwatt::metering::v1;
  const auto service = [](const Descriptor* message, const char* name, Upstream upstream) {
    return ApiService{message->file()->FindServiceByName(name), upstream};
  };
  return {
      service(peerwatt::registry::v1::User::descriptor(), "Registry", Upstream::kRegistry),
      service(peerwatt::registry::v1::Scheme::descriptor(), "Schemes", Upstream::kRegistry),
      service(peerwatt::registry::v1::TariffVersion::descriptor(), "Tariffs",
              Upstream::kRegistry),
      service(peerwatt::registry::v1::MeteringPointHandover::descriptor(), "Handovers",
              Upstream::kRegistry),
      service(metering::Reading::descriptor(), "Metering", Upstream::kMetering),
      service(metering::Finding::descriptor(), "Validation", Upstream::kMetering),
      service(metering::ExportReadingsRequest::descriptor(), "Exchange", Upstream::kMetering),
      service(metering::ForecastReadingsRequest::descriptor(), "Forecasts", Upstream::kMetering),
      service(metering::SignedBatch::descriptor(), "Evidence", Upstream::kMetering),
      service(peerwatt::market::v1::Auction::descriptor(), "Market", Upstream::kMarket),
      service(peerwatt::market::v1::StandingOrderPlan::descriptor(), "Autopilot",
              Upstream::kMarket),
      service(peerwatt::market::v1::Clearing::descriptor(), "Clearings", Upstream::kMarket),
      service(peerwatt::market::v1::Contract::descriptor(), "Contracts", Upstream::kMarket),
      service(peerwatt::market::v1::OrderLimits::descriptor(), "MarketControls",
              Upstream::kMarket),
      service(peerwatt::market::v1::SurveillanceFinding::descriptor(), "Surveillance",
              Upstream::kMarket),
      service(peerwatt::market::v1::OrderBook::descriptor(), "Trading", Upstream::kMarket),
      service(peerwatt::settlement::v1::Bill::descriptor(), "Settlement", Upstream::kSettlement),
      service(peerwatt::settlement::v1::KpiFigures::descriptor(), "Kpis", Upstream::kSettlement),
      service(peerwatt::settlement::v1::Balance::descriptor(), "Ledger", Upstream::kSettlement),
      service(peerwatt::settlement::v1::Wallet::descriptor(), "Payments", Upstream::kSettlement),
      service(peerwatt::settlement::v1::ReconciliationFinding::descriptor(), "Reconciliation",
              Upstream::kSettlement),
      service(peerwatt::settlement::v1::RunCalendar::descriptor(), "SettlementRuns",
              Upstream::kSettlement),
      service(peerwatt::settlement::v1::Statement::descriptor(), "Statements",
              Upstream::kSettlement),
  };
}

absl::StatusOr<MethodTable> MethodTable::Build() {
  MethodTable table;
  const auto services = Services();
  for (const auto& [service, upstream] : services) {
    for (int m = 0; m < service->method_count(); ++m) {
      ApiMethod method;
      method.descriptor = service->method(m);
      method.path = absl::StrCat("/", service->full_name(), "/", method.descriptor->name());
      method.upstream = upstream;
      const auto& options = method.descriptor->options();
      method.has_access = options.HasExtension(peerwatt::access::v1::access);
      if (method.has_access) method.access = options.GetExtension(peerwatt::access::v1::access);
      table.by_path_[method.path] = table.methods_.size();
      table.methods_.push_back(std::move(method));
      PW_RETURN_IF_ERROR(table.AddBindings(table.methods_.size() - 1));
    }
  }
  return table;
}

absl::Status MethodTable::AddBindings(size_t index) {
  ApiMethod& method = methods_[index];
  if (!method.descriptor->options().HasExtension(google::api::http)) return absl::OkStatus();
  if (method.client_streaming()) {
    return Unservable(*method.descriptor, "a client stream has no HTTP form");
  }
  const HttpRule& rule = method.descriptor->options().GetExtension(google::api::http);
  std::vector<const HttpRule*> rules = {&rule};
  for (const HttpRule& more : rule.additional_bindings()) rules.push_back(&more);
  for (const HttpRule* one : rules) {
    PW_ASSIGN_OR_RETURN(HttpBinding binding, BindingOf(*method.descriptor, *one));
    PW_RETURN_IF_ERROR(router_.Add(binding.http_method, binding.path, routes_.size()));
    routes_.emplace_back(index, method.bindings.size());
    method.bindings.push_back(std::move(binding));
  }
  return absl::OkStatus();
}

const ApiMethod* MethodTable::Find(absl::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &methods_[found->second];
}

MethodTable::Route MethodTable::RouteOf(size_t target) const {
  const ApiMethod& method = methods_[routes_[target].first];
  return {&method, &method.bindings[routes_[target].second]};
}

}  // namespace peerwatt::gateway
