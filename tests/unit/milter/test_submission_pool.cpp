// Submission: connections that are kept, that died meanwhile, at once; hosts in order.
#include <atomic>
#include <condition_variable>

#include "submission_fixture.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::test;

namespace {

/// A port where nobody listens.
std::string dead_host() {
  const ScriptedServer gone;
  return gone.host();
}

/// Waits for a condition, for as long as a busy machine may take.
template <typename Condition>
bool wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

bool send(Submitter& submitter, const std::string& recipient = "bob@b.example") {
  converter::Spool spool = spool_of(small_content);
  return submitter.submit(envelope_to({recipient}), spool).recipients[0].outcome.is_delivered();
}

}  // namespace

TEST_CASE("a connection is kept for the next message, which needs no greeting") {
  const ScriptedServer server;
  Submitter submitter(patient(server));
  for (int i = 0; i < 10; ++i) CHECK(send(submitter));
  CHECK(server.connections() == 1);
  CHECK(server.count("EHLO") == 1);
  CHECK(server.count("RSET") == 0);
  CHECK(server.messages().size() == 10);
}

TEST_CASE("a connection is ended with QUIT after its number of messages, and at the end") {
  const ScriptedServer server;
  {
    DesignatedHost host = patient(server);
    host.messages_per_connection = 3;
    Submitter submitter(host);
    for (int i = 0; i < 7; ++i) CHECK(send(submitter));
  }
  CHECK(server.connections() == 3);
  CHECK(wait_until([&] { return server.count("QUIT") == 3; }));
}

TEST_CASE("a connection is not kept if it shall not be, and an idle one is ended in time") {
  const ScriptedServer server;
  DesignatedHost host = patient(server);
  host.keep = std::chrono::milliseconds(0);
  {
    Submitter submitter(host);
    CHECK(send(submitter));
    CHECK(send(submitter));
    CHECK(server.connections() == 2);
    CHECK(wait_until([&] { return server.count("QUIT") == 2; }));
  }
  host.keep = std::chrono::milliseconds(20);
  Submitter submitter(host);
  CHECK(send(submitter));
  CHECK(wait_until([&] { return server.count("QUIT") == 3; }));
  CHECK(send(submitter));
  CHECK(server.connections() == 4);
}

TEST_CASE("after a refused message RSET comes first, and a host that refuses that is left") {
  for (const bool takes_reset : {true, false}) {
    const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
      if (has(step.line, "<gone@")) return Reaction{"550 5.1.1 unknown\r\n"};
      if (step.stage == "RSET" && !takes_reset) return Reaction{"502 no\r\n"};
      return std::nullopt;
    });
    Submitter submitter(patient(server));
    CHECK_FALSE(send(submitter, "gone@b.example"));
    CHECK(send(submitter));
    CHECK(server.connections() == (takes_reset ? 1 : 2));
  }
}

TEST_CASE("a kept connection that died is replaced once, silently") {
  // Dead before we look, or just when MAIL comes: an end, or a farewell.
  for (const Reaction& farewell :
       {Reaction{"", Then::close}, Reaction{"421 4.4.2 idle too long\r\n", Then::close},
        Reaction{"421 4.3.2 leaving\r\n"}}) {
    for (const bool at_mail : {true, false}) {
      INFO(farewell.text << at_mail);
      const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
        if (step.connection != 1) return std::nullopt;
        if (at_mail && step.stage == "MAIL" && step.count == 2) return farewell;
        if (!at_mail && step.stage == "CONTENT") {
          return Reaction{"250 2.0.0 Ok: queued as A1\r\n" + farewell.text, Then::close};
        }
        return std::nullopt;
      });
      Submitter submitter(patient(server));
      CHECK(send(submitter));
      converter::Spool spool = spool_of(small_content);
      const SubmissionResult result = submitter.submit(envelope_to({"bob@b.example"}), spool);
      CHECK(result.recipients[0].outcome.is_delivered());
      CHECK_FALSE(result.maybe_sent);
      CHECK(result.connection_seconds > 0);
      CHECK(server.connections() == 2);
      CHECK(server.messages().size() == 2);
    }
  }
}

TEST_CASE(
    "a fresh connection that dies, and a kept one that dies later, are told and not repeated") {
  const ScriptedServer always(at("MAIL", {"", Then::close}));
  CHECK(submit_once(patient(always)).recipients[0].outcome.is_temporary());
  CHECK(always.connections() == 1);

  // The kept one dies at MAIL, and so does the fresh one: no third.
  const ScriptedServer twice([](const Step& step) -> std::optional<Reaction> {
    if (step.stage == "MAIL" && !(step.connection == 1 && step.count == 1)) {
      return Reaction{"", Then::close};
    }
    return std::nullopt;
  });
  Submitter second(patient(twice));
  CHECK(send(second));
  CHECK_FALSE(send(second));
  CHECK(twice.connections() == 2);

  for (const std::string stage : {"RCPT", "DATA", "CONTENT"}) {
    INFO(stage);
    const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
      if (step.stage == stage && step.count == 2) return Reaction{"", Then::close};
      return std::nullopt;
    });
    Submitter submitter(patient(server));
    CHECK(send(submitter));
    converter::Spool spool = spool_of(small_content);
    const SubmissionResult result = submitter.submit(envelope_to({"bob@b.example"}), spool);
    CHECK(result.recipients[0].outcome.is_temporary());
    CHECK(result.maybe_sent == (stage == "CONTENT"));
    CHECK(server.connections() == 1);
    CHECK(server.messages().size() == 1);
  }
}

TEST_CASE("a host that hangs on a kept connection is not asked again on another") {
  const ScriptedServer server([](const Step& step) -> std::optional<Reaction> {
    if (step.stage == "MAIL" && step.count == 2) return Reaction{"", Then::hang};
    return std::nullopt;
  });
  Submitter submitter(impatient(server));
  CHECK(send(submitter));
  CHECK_FALSE(send(submitter));
  CHECK(server.connections() == 1);
}

TEST_CASE("so many connections at once and no more, and who waits can be stopped") {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
    if (step.stage != "MAIL") return std::nullopt;
    const int now = ++inside;
    int before = most;
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    std::unique_lock guard(mutex);
    changed.wait(guard, [&] { return open; });
    --inside;
    return std::nullopt;
  });
  DesignatedHost host = patient(server);
  host.connections = 3;
  Submitter submitter(host);
  std::atomic<int> delivered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (send(submitter)) ++delivered;
    });
  }
  CHECK(wait_until([&] { return inside == 3; }));
  converter::Spool spool = spool_of(small_content);
  const SubmissionResult stopped =
      submitter.submit(envelope_to({"bob@b.example"}), spool, [] { return true; });
  CHECK(stopped.recipients[0].outcome.status() == "4.3.2");
  {
    const std::lock_guard guard(mutex);
    open = true;
  }
  changed.notify_all();
  for (std::thread& thread : threads) thread.join();
  CHECK(delivered == 8);
  CHECK(most == 3);
  CHECK(server.connections() == 3);
  CHECK(server.messages().size() == 8);
}

TEST_CASE("the next host is tried when one cannot be reached, or greets with trouble") {
  struct Case {
    const char* name;
    React react;
  };
  const std::vector<Case> cases = {
      {"421 greeting", at("CONNECT", {"421 4.3.2 busy\r\n"})},
      {"450 greeting", at("CONNECT", {"450 busy\r\n"})},
      {"554 greeting", at("CONNECT", {"554 5.3.2 no mail here\r\n"})},
      {"no greeting", at("CONNECT", {"", Then::close})},
      {"garbage", at("CONNECT", {"SSH-2.0-x\r\n"})},
      {"421 EHLO", at("EHLO", {"421 4.3.2 busy\r\n"})},
      {"EHLO closed", at("EHLO", {"", Then::close})},
      {"broken EHLO", at("EHLO", {"250-x\r\nwhat\r\n"})},
  };
  for (const Case& one : cases) {
    INFO(one.name);
    const ScriptedServer broken(one.react);
    const ScriptedServer good;
    DesignatedHost host = patient(good);
    host.hosts = {broken.host(), good.host()};
    const SubmissionResult result = submit_once(host);
    CHECK(result.recipients[0].outcome.is_delivered());
    CHECK(has(result.host, good.host().substr(9)));
    CHECK(broken.connections() == 1);
    CHECK(broken.count("MAIL") == 0);
  }
  const ScriptedServer good;
  DesignatedHost host = patient(good);
  host.hosts = {dead_host(), good.host()};
  CHECK(submit_once(host).recipients[0].outcome.is_delivered());
}

TEST_CASE("a host that was down is tried last for a while, and a refusal of the message is final") {
  const ScriptedServer busy(at("CONNECT", {"421 busy\r\n"}));
  const ScriptedServer good;
  DesignatedHost host = patient(good);
  host.hosts = {busy.host(), good.host()};
  host.keep = std::chrono::milliseconds(0);
  Submitter submitter(host);
  CHECK(send(submitter));
  CHECK(send(submitter));
  CHECK(busy.connections() == 1);
  CHECK(good.connections() == 2);

  const ScriptedServer refusing(at("MAIL", {"451 later\r\n"}));
  host.hosts = {refusing.host(), good.host()};
  CHECK(submit_once(host).recipients[0].outcome.is_temporary());
  CHECK(good.connections() == 2);
}

TEST_CASE("all addresses of a name are tried") {
  // Where localhost is ::1 as well, nobody listens there.
  const ScriptedServer server;
  DesignatedHost host = patient(server);
  host.hosts = {server.host("localhost")};
  const SubmissionResult result = submit_once(host);
  CHECK(result.recipients[0].outcome.is_delivered());
  CHECK(result.host == "localhost[127.0.0.1]" + server.host().substr(9));
}

TEST_CASE("when no host is left the sentence has every failure") {
  const ScriptedServer busy(at("CONNECT", {"421 4.3.2 busy\r\n"}));
  DesignatedHost host = patient(busy);
  host.hosts = {dead_host(), busy.host()};
  const SubmissionResult result = submit_once(host, {"a@b.example", "c@b.example"});
  for (const RecipientResult& recipient : result.recipients) {
    CHECK(recipient.outcome.is_temporary());
    CHECK(has(recipient.outcome.sentence(), "Connection refused"));
    CHECK(has(recipient.outcome.sentence(), "421 4.3.2 busy"));
  }
  host.hosts = {dead_host()};
  CHECK(submit_once(host).recipients[0].outcome.status() == "4.4.1");
}

TEST_CASE("a host that ends in the middle of many recipients leaves the rest for later") {
  int taken = 0;
  const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
    if (step.stage == "RCPT" && ++taken == 1200) return Reaction{"421 enough\r\n", Then::close};
    return std::nullopt;
  });
  std::vector<std::string> recipients;
  for (int i = 0; i < 2500; ++i) recipients.push_back("user" + std::to_string(i) + "@b.example");
  const SubmissionResult result = submit_once(patient(server), recipients);
  CHECK(result.recipients[999].outcome.is_delivered());
  CHECK(result.recipients[999].queue_id == "4ABCdef");
  for (const std::size_t i : {1000U, 1199U, 1999U, 2000U, 2499U}) {
    INFO(i);
    CHECK(result.recipients[i].outcome.is_temporary());
    CHECK(has(result.recipients[i].outcome.sentence(), "421 enough"));
    CHECK(result.recipients[i].queue_id.empty());
  }
  CHECK(server.messages().size() == 1);
}

TEST_CASE("the host is tried without a message") {
  const ScriptedServer server;
  Submitter submitter(patient(server));
  const Outcome good = submitter.try_host();
  CHECK(good.is_delivered());
  CHECK(has(good.sentence(), "127.0.0.1[127.0.0.1]:"));
  CHECK(server.stages().starts_with("CONNECT EHLO"));
  CHECK(server.count("MAIL") == 0);

  DesignatedHost host = patient(server);
  host.hosts = {dead_host()};
  const Outcome bad = Submitter(host).try_host();
  CHECK(bad.is_temporary());
  CHECK(has(bad.sentence(), "cannot connect to"));
}
