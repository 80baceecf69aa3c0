// Submission with STARTTLS and AUTH: what is verified, what is never sent in the clear.
#include <filesystem>

#include "gateway_fixture.h"
#include "milter/smtp_session.h"
#include "submission_fixture.h"
#include "test_certificates.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::test;

namespace {

ScriptedServer::Options with_tls(const KeyAndCertificate& own) {
  ScriptedServer::Options options;
  options.extensions.emplace_back("STARTTLS");
  options.tls = server_context(own);
  return options;
}

Outcome outcome_of(const DesignatedHost& host) {
  return submit_once(host).recipients[0].outcome;
}

/// "anna" and a password in a file.
class Login {
 public:
  Login() {
    write_whole(path(), "s\xc3\xa4sam open\nsecond line\n");
    std::filesystem::permissions(path(), std::filesystem::perms::owner_read);
  }
  std::string path() const { return directory_.path() + "/password"; }
  void use(DesignatedHost& host) const {
    host.user = "anna";
    host.password_file = path();
  }
  static constexpr const char* plain = "AUTH PLAIN AGFubmEAc8Okc2FtIG9wZW4=";

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("STARTTLS is used where it is offered, and EHLO said again") {
  const KeyAndCertificate own = make_certificate(nullptr, "DNS:elsewhere.example");
  const ScriptedServer server(with_tls(own));
  CHECK(outcome_of(patient(server)).is_delivered());
  CHECK(server.stages().starts_with("CONNECT EHLO STARTTLS EHLO MAIL RCPT DATA CONTENT"));
  CHECK(server.messages()[0].content == small_content);

  DesignatedHost never = patient(server);
  never.tls = TlsUse::never;
  CHECK(outcome_of(never).is_delivered());
  CHECK(server.count("STARTTLS") == 1);

  const ScriptedServer plain;
  CHECK(outcome_of(patient(plain)).is_delivered());
}

TEST_CASE("several messages and large ones go over one TLS connection") {
  const ScriptedServer server(with_tls(make_certificate(nullptr, "DNS:localhost")));
  Submitter submitter(patient(server));
  converter::Spool large = spool_of(std::string(5'000'000, 'x') + "\r\n");
  for (int i = 0; i < 3; ++i) {
    CHECK(submitter.submit(envelope_to({"bob@b.example"}), large)
              .recipients[0]
              .outcome.is_delivered());
  }
  CHECK(server.connections() == 1);
  REQUIRE(server.messages().size() == 3);
  CHECK(server.messages()[2].content.size() == large.size());
}

TEST_CASE("where TLS is required a host without it gets nothing") {
  for (const TlsUse use : {TlsUse::required, TlsUse::verified}) {
    const ScriptedServer server;
    DesignatedHost host = patient(server);
    host.tls = use;
    const Outcome outcome = outcome_of(host);
    CHECK(outcome.is_temporary());
    CHECK(outcome.status() == "4.7.0");
    CHECK(has(outcome.sentence(), "offers no STARTTLS"));
    CHECK(server.count("MAIL") == 0);
  }
}

TEST_CASE("a certificate is taken if it is valid, for the name, and by somebody trusted") {
  const TemporaryDirectory directory;
  const std::string trusted = directory.path() + "/ca.pem";
  const KeyAndCertificate root = make_certificate(nullptr, "");
  const KeyAndCertificate other_root = make_certificate(nullptr, "");
  write_whole(trusted, root.pem());
  struct Case {
    const char* what;
    KeyAndCertificate own;
    bool by_name;  ///< localhost, else by address
    const char* refusal;
  };
  for (const Case& one : std::vector<Case>{
           {"right name", make_certificate(&root, "DNS:localhost"), true, nullptr},
           {"right address", make_certificate(&root, "IP:127.0.0.1"), false, nullptr},
           {"wrong name", make_certificate(&root, "DNS:mail.example"), true, "mismatch"},
           {"name for address", make_certificate(&root, "DNS:127.0.0.1"), false, "mismatch"},
           {"expired", make_certificate(&root, "DNS:localhost", -60), true, "expired"},
           {"unknown root", make_certificate(&other_root, "DNS:localhost"), true, "certificate"},
           {"self-signed", make_certificate(nullptr, "DNS:localhost"), true, "self-signed"},
       }) {
    INFO(one.what);
    const ScriptedServer server(with_tls(one.own));
    DesignatedHost host = patient(server);
    if (one.by_name) host.hosts = {server.host("localhost")};
    host.tls = TlsUse::verified;
    host.tls_ca_file = trusted;
    const Outcome outcome = outcome_of(host);
    INFO(outcome.sentence());
    if (one.refusal == nullptr) {
      CHECK(outcome.is_delivered());
    } else {
      CHECK(outcome.is_temporary());
      CHECK(has(outcome.sentence(), "its certificate is not accepted: "));
      CHECK(has(outcome.sentence(), one.refusal));
      CHECK(has(outcome.sentence(), "tls_ca_file"));
      CHECK(server.count("MAIL") == 0);
      CHECK(server.count("EHLO") == 1);
      CHECK(server.count("QUIT") == 0);  // nothing in the clear after a handshake that failed
    }
    // Without a look at the certificate all of them will do.
    host.tls = TlsUse::required;
    CHECK(outcome_of(host).is_delivered());
  }
}

TEST_CASE("a host's own certificate can be the one that is trusted") {
  const TemporaryDirectory directory;
  const KeyAndCertificate own = make_certificate(nullptr, "DNS:localhost");
  write_whole(directory.path() + "/own.pem", own.pem());
  const ScriptedServer server(with_tls(own));
  DesignatedHost host = patient(server);
  host.hosts = {server.host("localhost")};
  host.tls = TlsUse::verified;
  host.tls_ca_file = directory.path() + "/own.pem";
  CHECK(outcome_of(host).is_delivered());
  // ... and the system's do not know it.
  host.tls_ca_file.clear();
  CHECK(outcome_of(host).is_temporary());
}

TEST_CASE("a file of certificates that is none is a fault of the configuration") {
  const TemporaryDirectory directory;
  write_whole(directory.path() + "/ca.pem", "no certificate\n");
  const ScriptedServer server;
  for (const std::string file : {"/ca.pem", "/absent.pem"}) {
    DesignatedHost host = patient(server);
    host.tls = TlsUse::verified;
    host.tls_ca_file = directory.path() + file;
    const Outcome outcome = outcome_of(host);
    CHECK(outcome.is_temporary());
    CHECK(outcome.status() == "4.3.5");
    CHECK(has(outcome.sentence(), host.tls_ca_file));
    CHECK(server.connections() == 0);
  }
}

TEST_CASE("clear text behind the reply to STARTTLS is never taken for what came by TLS") {
  ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
  options.react = at("STARTTLS", {"220 ready\r\n250-sink\r\n250 AUTH PLAIN\r\n"});
  const ScriptedServer server(options);
  for (const TlsUse use : {TlsUse::when_offered, TlsUse::required}) {
    DesignatedHost host = patient(server);
    host.tls = use;
    const Outcome outcome = outcome_of(host);
    CHECK(outcome.is_temporary());
    CHECK(has(outcome.sentence(), "STARTTLS"));
    CHECK(server.count("MAIL") == 0);
  }
}

TEST_CASE("what was announced before TLS counts no more") {
  // STARTTLS and SIZE 1 in the clear, by somebody on the way; the host's own words count.
  ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
  options.react = [](const Step& step) -> std::optional<Reaction> {
    if (step.stage == "EHLO" && step.count == 1) {
      return Reaction{"250-x\r\n250-SIZE 1\r\n250 STARTTLS\r\n"};
    }
    return std::nullopt;
  };
  const ScriptedServer server(options);
  CHECK(outcome_of(patient(server)).is_delivered());
}

TEST_CASE("STARTTLS that is offered must work") {
  for (const Reaction& reaction :
       {Reaction{"454 4.7.0 not now\r\n"}, Reaction{"501 5.5.4 no\r\n"},
        Reaction{"220 ready\r\n", Then::close}, Reaction{"", Then::close}}) {
    ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
    options.react = at("STARTTLS", reaction);
    const ScriptedServer server(options);
    const Outcome outcome = outcome_of(patient(server));
    INFO(outcome.sentence());
    CHECK(outcome.is_temporary());
    CHECK(outcome.status()[0] == '4');
    CHECK(server.count("MAIL") == 0);
  }
  ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
  options.react = at("STARTTLS", {"220 ready\r\n", Then::hang});
  const ScriptedServer server(options);
  CHECK(outcome_of(impatient(server)).is_temporary());
}

TEST_CASE("AUTH PLAIN, else LOGIN, from the first line of the file") {
  const Login login;
  {
    ScriptedServer::Options options;
    options.extensions.emplace_back("AUTH LOGIN PLAIN");
    const ScriptedServer server(options);
    DesignatedHost host = patient(server);
    login.use(host);
    CHECK(outcome_of(host).is_delivered());
    CHECK(server.steps()[2].line == Login::plain);
  }
  ScriptedServer::Options options;
  options.extensions.emplace_back("AUTH=LOGIN CRAM-MD5");
  options.react = [](const Step& step) -> std::optional<Reaction> {
    if (step.stage == "AUTH") return Reaction{"334 VXNlcm5hbWU6\r\n"};
    if (step.stage == "LINE" && step.count == 1) return Reaction{"334 UGFzc3dvcmQ6\r\n"};
    return std::nullopt;
  };
  const ScriptedServer server(options);
  DesignatedHost host = patient(server);
  login.use(host);
  CHECK(outcome_of(host).is_delivered());
  CHECK(server.steps()[2].line == "AUTH LOGIN");
  CHECK(server.steps()[3].line == "YW5uYQ==");
  CHECK(server.steps()[4].line == "c8Okc2FtIG9wZW4=");
}

TEST_CASE("a wrong password, or a host without AUTH, is temporary and says what to correct") {
  const Login login;
  ScriptedServer::Options options;
  options.extensions.emplace_back("AUTH PLAIN");
  options.react = at("AUTH", {"535 5.7.8 authentication failed\r\n"});
  const ScriptedServer refusing(options);
  DesignatedHost host = patient(refusing);
  login.use(host);
  const Outcome refused = outcome_of(host);
  CHECK(refused.is_temporary());
  CHECK(refused.status() == "4.7.8");
  CHECK(has(refused.sentence(), "535 5.7.8 authentication failed"));
  CHECK(has(refused.sentence(), login.path()));
  CHECK_FALSE(has(refused.sentence(), "open"));
  CHECK(refusing.count("MAIL") == 0);

  for (const char* offered : {"DSN", "AUTH CRAM-MD5 GSSAPI"}) {
    ScriptedServer::Options without;
    without.extensions = {offered};
    const ScriptedServer server(without);
    host.hosts = {server.host()};
    const Outcome outcome = outcome_of(host);
    CHECK(outcome.is_temporary());
    CHECK(has(outcome.sentence(), "offers neither AUTH PLAIN nor AUTH LOGIN"));
    CHECK(server.count("AUTH") == 0);
  }
}

TEST_CASE("a password that others can read is not used") {
  const Login login;
  ScriptedServer::Options options;
  options.extensions.emplace_back("AUTH PLAIN");
  const ScriptedServer server(options);
  DesignatedHost host = patient(server);
  login.use(host);
  std::filesystem::permissions(login.path(), std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  const Outcome outcome = outcome_of(host);
  CHECK(outcome.is_temporary());
  CHECK(outcome.status() == "4.3.5");
  CHECK(has(outcome.sentence(), "chmod 0600 " + login.path()));
  CHECK(server.count("AUTH") == 0);
}

TEST_CASE("after TLS the password goes by TLS") {
  const Login login;
  ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
  options.extensions.emplace_back("AUTH PLAIN");
  const ScriptedServer server(options);
  DesignatedHost host = patient(server);
  login.use(host);
  CHECK(outcome_of(host).is_delivered());
  CHECK(server.stages().starts_with("CONNECT EHLO STARTTLS EHLO AUTH MAIL"));
  const Outcome tried = Submitter(host).try_host();
  CHECK(tried.is_delivered());
  CHECK(has(tried.sentence(), "TLSv1.3"));
  CHECK(has(tried.sentence(), "AUTH as anna"));
}

TEST_CASE("no password goes in the clear to another machine") {
  const Login login;
  ScriptedServer::Options options = with_tls(make_certificate(nullptr, "DNS:localhost"));
  options.extensions.emplace_back("AUTH PLAIN LOGIN");
  const ScriptedServer server(options);
  DesignatedHost host = patient(server);
  login.use(host);
  const auto name = parse_host(server.host());
  REQUIRE(name);
  HostAddress address = resolve_host(*name)->front();
  address.is_loopback = false;  // as if it were one
  host.tls = TlsUse::never;
  const auto refused = SmtpSession::open(*name, address, {&host, nullptr}, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().is_temporary());
  CHECK(has(refused.error().sentence(), "in the clear"));
  CHECK(server.count("AUTH") == 0);

  const auto context = TlsContext::make(TlsUse::required, "");
  REQUIRE(context);
  host.tls = TlsUse::required;
  CHECK(SmtpSession::open(*name, address, {&host, &*context}, {}));
  CHECK(server.count("AUTH") == 1);
}
