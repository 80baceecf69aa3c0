// Submission to a server at fault: every class of reply at every command, silence, an end, octets
// one by one, what is no SMTP. What each means for the recipients, and whether the message may
// have arrived.
#include "submission_fixture.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::test;

namespace {

const std::vector<std::string> set_up_stages = {"CONNECT", "EHLO"};
const std::vector<std::string> message_stages = {"MAIL", "RCPT", "DATA", "CONTENT"};

std::vector<std::string> all_stages() {
  std::vector<std::string> result = set_up_stages;
  result.insert(result.end(), message_stages.begin(), message_stages.end());
  return result;
}

ScriptedServer::Options faulty(React react, bool pipelining) {
  ScriptedServer::Options options;
  options.react = std::move(react);
  if (!pipelining) options.extensions = {"SIZE"};
  return options;
}

/// One fault at each stage, with and without PIPELINING; each must end temporary, and be "maybe
/// sent" after the end of the data alone.
void check_each_stage(const Reaction& reaction, bool short_patience) {
  for (const std::string& stage : all_stages()) {
    for (const bool pipelining : {true, false}) {
      INFO(stage << " pipelining " << pipelining << " then " << static_cast<int>(reaction.then));
      const ScriptedServer server(faulty(at(stage, reaction), pipelining));
      const SubmissionResult result =
          submit_once(short_patience ? impatient(server) : patient(server));
      const Outcome& outcome = result.recipients[0].outcome;
      INFO(outcome.sentence());
      CHECK(outcome.is_temporary());
      CHECK(outcome.status().starts_with("4."));
      CHECK(has(outcome.sentence(), "host 127.0.0.1[127.0.0.1]:"));
      CHECK(result.maybe_sent == (stage == "CONTENT"));
      CHECK(result.queue_id.empty());
      CHECK(server.messages().empty());
      // On a fresh connection nothing is begun anew.
      CHECK(server.connections() == 1);
    }
  }
}

}  // namespace

TEST_CASE("each class of reply at each command means what the document says") {
  struct Case {
    const char* text;
    bool permanent;  ///< after MAIL
  };
  for (const Case& one :
       {Case{"450 4.2.1 busy", false}, Case{"451 try later", false},
        Case{"421 4.3.2 leaving", false}, Case{"550 5.7.1 no", true}, Case{"554 no", true},
        Case{"500 5.5.2 what", true}, Case{"530 5.7.0 authenticate first", false},
        Case{"535 5.7.8 who are you", false}}) {
    for (const std::string& stage : all_stages()) {
      for (const bool pipelining : {true, false}) {
        INFO(one.text << " at " << stage << " pipelining " << pipelining);
        // A 5xx to EHLO alone is answered by HELO; so the whole greeting is refused.
        const ScriptedServer server(faulty(
            [&](const Step& step) -> std::optional<Reaction> {
              if (step.stage == stage || (stage == "EHLO" && step.stage == "HELO")) {
                return Reaction{std::string(one.text) + "\r\n"};
              }
              return std::nullopt;
            },
            pipelining));
        const SubmissionResult result =
            submit_once(patient(server), {"bob@b.example", "eva@b.example"});
        const bool set_up = stage == "CONNECT" || stage == "EHLO";
        for (const RecipientResult& recipient : result.recipients) {
          const Outcome& outcome = recipient.outcome;
          INFO(outcome.sentence());
          CHECK(outcome.is_permanent() == (one.permanent && !set_up));
          CHECK(outcome.is_temporary() == !(one.permanent && !set_up));
          CHECK(outcome.status()[0] == (one.permanent && !set_up ? '5' : '4'));
          CHECK(has(outcome.sentence(), one.text));
          CHECK(has(outcome.sentence(), "(in reply to "));
          CHECK(has(outcome.sentence(), "; "));
        }
        CHECK_FALSE(result.maybe_sent);
      }
    }
  }
}

TEST_CASE("the enhanced status is the host's, in our class") {
  const ScriptedServer refusing(at("RCPT", {"550 5.1.6 moved\r\n"}));
  CHECK(submit_once(patient(refusing)).recipients[0].outcome.status() == "5.1.6");
  const ScriptedServer closed(at("CONNECT", {"554 5.7.1 not you\r\n"}));
  CHECK(submit_once(patient(closed)).recipients[0].outcome.status() == "4.7.1");
  const ScriptedServer plain(at("RCPT", {"550 no\r\n"}));
  CHECK(submit_once(patient(plain)).recipients[0].outcome.status() == "5.0.0");
}

TEST_CASE("a refusal after the data goes to those who were accepted, the rest keep their own") {
  const ScriptedServer server([](const Step& step) -> std::optional<Reaction> {
    if (has(step.line, "<gone@")) return Reaction{"550 5.1.1 unknown\r\n"};
    if (step.stage == "CONTENT") return Reaction{"554 5.6.0 virus\r\n"};
    return std::nullopt;
  });
  Submitter submitter(patient(server));
  converter::Spool spool = spool_of(small_content);
  const SubmissionResult result =
      submitter.submit(envelope_to({"gone@b.example", "bob@b.example"}), spool);
  CHECK(result.recipients[0].outcome.status() == "5.1.1");
  CHECK(result.recipients[1].outcome.status() == "5.6.0");
  CHECK(
      submitter.submit(envelope_to({"eva@b.example"}), spool).recipients[0].outcome.is_permanent());
  CHECK(server.connections() == 1);  // a refusal is no reason to hang up
}

TEST_CASE("an end of the connection at each point") {
  check_each_stage({"", Then::close}, false);
  check_each_stage({"250-half a repl", Then::close}, false);
}

TEST_CASE("silence at each point") {
  check_each_stage({"", Then::hang}, true);
}

TEST_CASE("a reply that comes octet by octet for ever is one wait") {
  check_each_stage({"250-slow\r\n", Then::drip}, true);
}

TEST_CASE("a slow reply that is whole in time is taken") {
  const ScriptedServer server([](const Step& step) -> std::optional<Reaction> {
    if (step.stage != "MAIL") return std::nullopt;
    return Reaction{"250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three\r\n"};
  });
  CHECK(submit_once(patient(server)).recipients[0].outcome.is_delivered());
}

TEST_CASE("what is no SMTP at each point") {
  for (const char* garbage : {"HTTP/1.1 400 Bad Request\r\n", "25\r\n", "999 x\r\n", "25x y\r\n",
                              "\r\n", "1\xff\xfe\r\n", "250_x\r\n"}) {
    check_each_stage({garbage}, false);
  }
  check_each_stage({std::string("\0\0\0\r\n", 5)}, false);
}

TEST_CASE("replies beyond the limits") {
  check_each_stage({"250 " + std::string(5000, 'x') + "\r\n"}, false);
  check_each_stage({std::string(100'000, '2')}, false);
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "250-x\r\n";
  check_each_stage({lines + "250 x\r\n"}, false);
}

TEST_CASE("a positive reply where none belongs is no success") {
  for (const std::string stage : {"MAIL", "RCPT", "CONTENT"}) {
    INFO(stage);
    const ScriptedServer server(at(stage, {"354 what\r\n", Then::hang}));
    const SubmissionResult result = submit_once(impatient(server));
    CHECK(result.recipients[0].outcome.is_temporary());
    CHECK(result.recipients[0].outcome.status() == "4.5.0");
    CHECK(result.maybe_sent == (stage == "CONTENT"));
  }
  const ScriptedServer server(at("DATA", {"250 ok\r\n"}));
  const SubmissionResult result = submit_once(patient(server));
  CHECK(result.recipients[0].outcome.is_temporary());
  CHECK_FALSE(result.maybe_sent);
}

TEST_CASE("a host that speaks while the data flow is heard, and never taken for the end") {
  struct Case {
    const char* text;
    OutcomeKind kind;
  };
  for (const Case& one : {Case{"552 5.3.4 too large", OutcomeKind::permanent},
                          Case{"451 4.3.0 disk full", OutcomeKind::temporary},
                          Case{"250 2.0.0 Ok: queued as EARLY", OutcomeKind::temporary}}) {
    for (const Then then : {Then::go_on, Then::close, Then::read_nothing}) {
      INFO(one.text << static_cast<int>(then));
      // 354 and the second reply come together, before any content.
      const ScriptedServer server(
          at("DATA", {"354 go\r\n" + std::string(one.text) + "\r\n", then}));
      const SubmissionResult result =
          submit_once(patient(server), {"bob@b.example"}, std::string(3'000'000, 'x'));
      INFO(result.recipients[0].outcome.sentence());
      CHECK(result.recipients[0].outcome.kind() == one.kind);
      CHECK(has(result.recipients[0].outcome.sentence(), one.text));
      CHECK_FALSE(result.maybe_sent);
      CHECK(result.queue_id.empty());
    }
  }
}

TEST_CASE("a host that takes no data any more is left after the time-out") {
  const ScriptedServer server(at("DATA", {"354 go\r\n", Then::read_nothing}));
  const SubmissionResult result =
      submit_once(impatient(server), {"bob@b.example"}, std::string(30'000'000, 'x'));
  CHECK(result.recipients[0].outcome.is_temporary());
  CHECK(result.recipients[0].outcome.status() == "4.4.2");
  CHECK_FALSE(result.maybe_sent);
}

TEST_CASE("hostile text in a reply comes out printable and short") {
  const ScriptedServer server(
      at("RCPT", {"550 5.1.1 \x1b[2J\x07" + std::string(3000, 'x') + "\r\n"}));
  const Outcome outcome = submit_once(patient(server)).recipients[0].outcome;
  CHECK(outcome.is_permanent());
  CHECK(has(outcome.sentence(), "\\x1B[2J\\x07"));
  CHECK(outcome.sentence().size() < 800);
}

TEST_CASE("EHLO refused is answered by HELO, and nothing is announced then") {
  const ScriptedServer server(at("EHLO", {"502 5.5.2 what is that\r\n"}));
  CHECK(submit_once(patient(server)).recipients[0].outcome.is_delivered());
  CHECK(server.stages().starts_with("CONNECT EHLO HELO MAIL RCPT DATA CONTENT"));
  CHECK(server.messages()[0].mail == "MAIL FROM:<anna@example.com>");
}

TEST_CASE("a stop is heard while we wait, and never after the end of the data") {
  for (const std::string& stage : all_stages()) {
    INFO(stage);
    const ScriptedServer server(at(stage, {"", Then::hang}));
    DesignatedHost host = patient(server);
    host.data_timeout = std::chrono::milliseconds(150);
    Submitter submitter(host);
    converter::Spool spool = spool_of(small_content);
    const SubmissionResult result = submitter.submit(envelope_to({"bob@b.example"}), spool,
                                                     [&] { return server.count(stage) > 0; });
    CHECK(result.recipients[0].outcome.is_temporary());
    CHECK(result.maybe_sent == (stage == "CONTENT"));
    if (stage != "CONTENT") CHECK(result.recipients[0].outcome.status() == "4.3.2");
  }
}

TEST_CASE("a stop before anything is done sends nothing") {
  const ScriptedServer server;
  Submitter submitter(patient(server));
  converter::Spool spool = spool_of(small_content);
  const SubmissionResult result =
      submitter.submit(envelope_to({"bob@b.example"}), spool, [] { return true; });
  CHECK(result.recipients[0].outcome.status() == "4.3.2");
  CHECK(server.connections() == 0);
}
