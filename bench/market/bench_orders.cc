// Places orders by unary calls, a fixed number in flight, and measures how long each takes; or
// answers the same calls with what they carry.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "libs/base/flags.h"
#include "libs/rpc/callback_threads.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "peerwatt/market/v1/market.grpc.pb.h"
#include "peerwatt/market/v1/trading.grpc.pb.h"

ABSL_FLAG(bool, echo_server, false, "Answer orders with themselves");
ABSL_FLAG(std::string, address, "", "Market or echo, host:port");
ABSL_FLAG(std::string, auctions, "", "Names of the auctions, separated by commas");
ABSL_FLAG(std::string, prefix, "a", "Start of the orders' ids");
ABSL_FLAG(int, participants, 1000, "Participants p-1, p-2, … with points of the same ids");
ABSL_FLAG(int, calls, 10'000, "Orders to place");
ABSL_FLAG(int, in_flight, 80, "Calls at a time");
ABSL_FLAG(int, channels, 8, "Connections");
ABSL_FLAG(bool, continuous, false, "Bids and offers by turns that trade continuously");

namespace peerwatt::bench {
namespace {

namespace v1 = peerwatt::market::v1;
using SteadyClock = std::chrono::steady_clock;

class EchoService final
    : public v1::Market::WithCallbackMethod_CreateOrder<v1::Market::Service> {
 public:
  grpc::ServerUnaryReactor* CreateOrder(grpc::CallbackServerContext* context,
                                        const v1::CreateOrderRequest* request,
                                        v1::Order* response) override {
    *response = request->order();
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int ServeEcho() {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(rpc::TlsFromFlags()), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("{\"port\": %d}\n", port);
  std::fflush(stdout);
  WaitForStopSignal();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

/// Keeps a number of calls in flight until all are made.
class Load {
 public:
  Load() : auctions_(absl::StrSplit(absl::GetFlag(FLAGS_auctions), ',')) {
    const rpc::TlsFiles tls = rpc::TlsFromFlags();
    for (int i = 0; i < absl::GetFlag(FLAGS_channels); ++i) {
      const auto channel = rpc::MutualTlsChannel(
          absl::GetFlag(FLAGS_address), tls, "market", [i](grpc::ChannelArguments& arguments) {
            arguments.SetInt("peerwatt.channel", i);  // Or they would share one connection.
          });
      stubs_.push_back(v1::Market::NewStub(channel));
      trading_stubs_.push_back(v1::Trading::NewStub(channel));
    }
    latencies_ms_.resize(static_cast<size_t>(absl::GetFlag(FLAGS_calls)));
  }

  void Run() {
    const SteadyClock::time_point start = SteadyClock::now();
    running_ = absl::GetFlag(FLAGS_in_flight);
    for (int i = 0; i < absl::GetFlag(FLAGS_in_flight); ++i) {
      Next();
    }
    done_.WaitForNotification();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
    std::sort(latencies_ms_.begin(), latencies_ms_.end());
    const auto at = [&](double share) {
      return latencies_ms_[static_cast<size_t>(share * static_cast<double>(latencies_ms_.size()))];
    };
    std::printf("{\"calls_per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"refused\": %d, "
                "\"refusal\": \"%s\"}\n",
                static_cast<double>(latencies_ms_.size()) / seconds, at(0.5), at(0.99),
                refused_.load(), refusal_.c_str());
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::CreateOrderRequest request;
    v1::PlaceOrderRequest continuous;
    v1::Order response;
    SteadyClock::time_point start;
  };

  void Next() {
    const int number = next_.fetch_add(1);
    if (number >= absl::GetFlag(FLAGS_calls)) {
      if (running_.fetch_sub(1) == 1) {
        done_.Notify();
      }
      return;
    }
    auto* call = new Call;
    const std::string participant =
        absl::StrCat("p-", number % absl::GetFlag(FLAGS_participants) + 1);
    rpc::Principal principal;
    principal.set_subject("users/" + participant);
    principal.set_participant("participants/" + participant);
    principal.add_roles(peerwatt::access::v1::PROSUMER);
    rpc::SetPrincipal(call->context, principal.SerializeAsString());
    call->request.set_parent(auctions_[static_cast<size_t>(number) % auctions_.size()]);
    call->request.set_order_id(absl::StrCat(absl::GetFlag(FLAGS_prefix), "-", number, "x"));
    v1::Order& order = *call->request.mutable_order();
    order.set_side(v1::Order::BID);
    order.set_metering_point("meteringPoints/" + participant);
    order.set_energy_wh(100 + number % 900);
    *order.mutable_limit_price_per_kwh() =
        rpc::ToProto(Price::MicrosPerKwh(100'000 + number % 1000 * 100), "EUR");
    call->start = SteadyClock::now();
    const auto answered = [this, call, number](grpc::Status status) {
      latencies_ms_[static_cast<size_t>(number)] =
          std::chrono::duration<double, std::milli>(SteadyClock::now() - call->start).count();
      if (!status.ok() && refused_.fetch_add(1) == 0) {
        refusal_ = status.error_message();
      }
      delete call;
      Next();
    };
    const size_t at = static_cast<size_t>(number) % stubs_.size();
    if (!absl::GetFlag(FLAGS_continuous)) {
      stubs_[at]->async()->CreateOrder(&call->context, &call->request, &call->response, answered);
      return;
    }
    order.set_side(number / 16 % 2 == 0 ? v1::Order::BID : v1::Order::OFFER);
    order.set_time_in_force(v1::Order::GOOD_TILL_CLOSURE);
    call->continuous.set_parent(call->request.parent());
    call->continuous.set_order_id(call->request.order_id());
    *call->continuous.mutable_order() = order;
    trading_stubs_[at]->async()->PlaceOrder(&call->context, &call->continuous, &call->response,
                                            answered);
  }

  const std::vector<std::string> auctions_;
  std::vector<std::unique_ptr<v1::Market::Stub>> stubs_;
  std::vector<std::unique_ptr<v1::Trading::Stub>> trading_stubs_;
  std::vector<double> latencies_ms_;
  std::atomic<int> next_ = 0;
  std::atomic<int> running_ = 0;
  std::atomic<int> refused_ = 0;
  std::string refusal_;
  absl::Notification done_;
};

}  // namespace
}  // namespace peerwatt::bench

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "bench_orders", "Places orders: bench_orders --flag=value …");
  peerwatt::rpc::KeepCallbackThreads();
  if (absl::GetFlag(FLAGS_echo_server)) {
    return peerwatt::bench::ServeEcho();
  }
  peerwatt::bench::Load().Run();
  return 0;
}
