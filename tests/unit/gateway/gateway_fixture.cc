#include "tests/unit/gateway/gateway_fixture.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/crypto/certificates.h"

namespace peerwatt::gateway::testing {
namespace {

using Tcp = boost::asio::ip::tcp;

constexpr absl::Duration kLife = absl::Hours(24);

// A key and a certificate for it.
rpc::TlsFiles Issue(const std::string& authority_pem, const std::string& authority_key,
                    const crypto::LeafSpec& spec) {
  rpc::TlsFiles tls;
  tls.ca_pem = authority_pem;
  tls.key_pem = crypto::NewPrivateKey().value();
  tls.cert_pem = crypto::IssueLeaf(authority_pem, authority_key, tls.key_pem, spec,
                                   absl::Now() - absl::Minutes(1), kLife)
                     .value()
                     .pem;
  return tls;
}

crypto::LeafSpec ServiceSpec(const std::string& name, std::vector<std::string> dns) {
  crypto::LeafSpec spec;
  spec.common_name = name;
  spec.uri_san = absl::StrCat("spiffe://peerwatt/service/", name);
  spec.dns_sans = std::move(dns);
  spec.dns_sans.push_back("localhost");
  spec.ip_sans = {"127.0.0.1"};
  spec.server = true;
  spec.client = true;
  return spec;
}

}  // namespace

GatewayFixture::GatewayFixture(DeviceWindow window) {
  authority_key_ = crypto::NewPrivateKey().value();
  authority_pem_ =
      crypto::NewAuthority(authority_key_, "Test CA", absl::Now() - absl::Minutes(1), kLife)
          .value()
          .pem;
  signer_ = crypto::TokenSigner::FromPem(crypto::NewPrivateKey().value()).value();
  {
    const absl::MutexLock lock(&registry_.mutex);
    registry_.keys = {signer_->jwk()};
  }
  const rpc::TlsFiles services = Issue(
      authority_pem_, authority_key_,
      ServiceSpec("services", {"registry.peerwatt.internal", "metering.peerwatt.internal",
                               "market.peerwatt.internal", "settlement.peerwatt.internal"}));
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(services), &port);
  for (grpc::Service* service :
       {static_cast<grpc::Service*>(&registry_), static_cast<grpc::Service*>(&registry_internal_),
        static_cast<grpc::Service*>(&market_), static_cast<grpc::Service*>(&metering_),
        static_cast<grpc::Service*>(&exchange_)}) {
    builder.RegisterService(service);
  }
  services_ = builder.BuildAndStart();

  const rpc::TlsFiles own =
      Issue(authority_pem_, authority_key_, ServiceSpec("gateway", {"gateway.peerwatt.internal"}));
  DoorOptions options;
  options.http.address = options.grpc_address = options.device_address = "127.0.0.1:0";
  options.grpc_tls = options.device_tls = own;
  options.device_recheck_interval = absl::Milliseconds(20);
  options.device_window = window;
  options.tokens.issuer = "https://issuer.test";
  options.tokens.audience = "peerwatt";
  options.deadlines.unary = absl::Seconds(5);
  options.sign_ins_per_second = 1;
  options.sign_ins_burst = 2;
  options.cors_origins = {"https://app.test"};
  const std::string address = absl::StrCat("127.0.0.1:", port);
  options.channels = {rpc::MutualTlsChannel(address, own, "registry"),
                      rpc::MutualTlsChannel(address, own, "metering"),
                      rpc::MutualTlsChannel(address, own, "market"),
                      rpc::MutualTlsChannel(address, own, "settlement")};
  doors_ = Doors::Open(std::move(options), clock_, metrics_).value();
}

GatewayFixture::~GatewayFixture() {
  doors_->Drain(absl::ZeroDuration());
  StopServices();
}

void GatewayFixture::StopServices() {
  if (services_ == nullptr) return;
  services_->Shutdown(absl::ToChronoTime(absl::Now()));
  services_->Wait();
  services_.reset();
}

std::string GatewayFixture::Token(const std::vector<std::string>& roles,
                                  absl::Duration life) const {
  crypto::TokenClaims claims;
  claims.issuer = "https://issuer.test";
  claims.audience = "peerwatt";
  claims.subject = "users/u1";
  claims.participant = "participants/p1";
  claims.roles = roles;
  claims.token_id = absl::StrCat("t-", absl::StrJoin(roles, "-"));
  claims.issued_at = absl::Now() - absl::Hours(2);
  claims.expires_at = absl::Now() + life;
  return signer_->Sign(claims);
}

std::string GatewayFixture::Bearer(const std::vector<std::string>& roles,
                                   absl::Duration life) const {
  return absl::StrCat("Authorization: Bearer ", Token(roles, life));
}

std::string GatewayFixture::SendRaw(const std::string& bytes, const std::string& until) {
  boost::asio::io_context io;
  Tcp::socket socket(io);
  socket.connect(Tcp::endpoint(boost::asio::ip::address_v4::loopback(),
                               static_cast<unsigned short>(doors_->http_port())));
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(bytes), error);
  std::string out;
  char chunk[4096];
  while (until.empty() || !absl::StrContains(out, until)) {
    const size_t size = socket.read_some(boost::asio::buffer(chunk), error);
    if (error) break;
    out.append(chunk, size);
  }
  return out;
}

HttpAnswer GatewayFixture::Send(const std::string& method, const std::string& target,
                                const std::string& body,
                                const std::vector<std::string>& headers) {
  std::string request = absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: gateway\r\n",
                                     "Connection: close\r\n");
  for (const std::string& header : headers) absl::StrAppend(&request, header, "\r\n");
  if (!body.empty()) absl::StrAppend(&request, "Content-Length: ", body.size(), "\r\n");
  const std::string raw = SendRaw(absl::StrCat(request, "\r\n", body));
  HttpAnswer answer;
  const size_t split = raw.find("\r\n\r\n");
  if (split == std::string::npos) return answer;
  const std::vector<std::string> lines = absl::StrSplit(raw.substr(0, split), "\r\n");
  EXPECT_TRUE(absl::SimpleAtoi(lines[0].substr(9, 3), &answer.code)) << lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(": ");
    answer.headers[absl::AsciiStrToLower(lines[i].substr(0, colon))] = lines[i].substr(colon + 2);
  }
  answer.body = raw.substr(split + 4);
  return answer;
}

std::shared_ptr<grpc::Channel> GatewayFixture::PublicChannel() const {
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = authority_pem_;
  return grpc::CreateChannel(absl::StrCat("localhost:", doors_->grpc_port()),
                             grpc::SslCredentials(ssl));
}

std::shared_ptr<grpc::Channel> GatewayFixture::DeviceChannel(const std::string& uri) {
  crypto::LeafSpec spec;
  spec.common_name = "device";
  spec.uri_san = uri;
  spec.client = true;
  const rpc::TlsFiles tls = Issue(authority_pem_, authority_key_, spec);
  {
    const absl::MutexLock lock(&registry_internal_.mutex);
    registry_internal_.serial = crypto::ParseCertificate(tls.cert_pem).value().serial;
  }
  grpc::SslCredentialsOptions ssl{authority_pem_, tls.key_pem, tls.cert_pem};
  return grpc::CreateChannel(absl::StrCat("localhost:", doors_->device_port()),
                             grpc::SslCredentials(ssl));
}

}  // namespace peerwatt::gateway::testing
