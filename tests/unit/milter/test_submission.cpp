// Submission: what is sent, in which groups, and what each reply means for whom.
#include "submission_fixture.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::test;

TEST_CASE("a message is taken, with its queue id, host and text") {
  const ScriptedServer server;
  const SubmissionResult result = submit_once(patient(server), {"bob@b.example", "eva@b.example"});
  REQUIRE(result.recipients.size() == 2);
  for (const RecipientResult& recipient : result.recipients) {
    CHECK(recipient.outcome.is_delivered());
    CHECK(recipient.outcome.status() == "2.0.0");
    CHECK(recipient.queue_id == "4ABCdef");
    CHECK(recipient.outcome.sentence() == "host 127.0.0.1[127.0.0.1]" + server.host().substr(9) +
                                              " said: 250 2.0.0 Ok: queued as 4ABCdef (in reply "
                                              "to end of DATA)");
  }
  CHECK(result.queue_id == "4ABCdef");
  CHECK(result.host == "127.0.0.1[127.0.0.1]" + server.host().substr(9));
  CHECK_FALSE(result.maybe_sent);
  CHECK(result.connection_seconds > 0);
  CHECK(result.transmission_seconds > 0);
  REQUIRE(server.messages().size() == 1);
  CHECK(server.messages()[0].content == small_content);
  CHECK(server.messages()[0].mail ==
        "MAIL FROM:<anna@example.com> SIZE=" + std::to_string(small_content.size()));
  CHECK(server.steps()[1].line == "EHLO gate.example.com");
}

TEST_CASE("commands go out in one group with PIPELINING, and one by one without") {
  const std::vector<std::string> recipients = {"a@b.example", "c@b.example", "d@b.example"};
  const ScriptedServer grouped;
  CHECK(submit_once(patient(grouped), recipients).recipients[2].outcome.is_delivered());
  CHECK(grouped.largest_group() == 5);
  const ScriptedServer single(ScriptedServer::Options{.extensions = {"SIZE"}});
  CHECK(submit_once(patient(single), recipients).recipients[2].outcome.is_delivered());
  CHECK(single.largest_group() == 1);
  // The farewell may be read or not before the server goes.
  CHECK(single.stages().starts_with("CONNECT EHLO MAIL RCPT RCPT RCPT DATA CONTENT"));
  CHECK(grouped.stages().starts_with("CONNECT EHLO MAIL RCPT RCPT RCPT DATA CONTENT"));
}

TEST_CASE("parameters are sent where they are announced, and left out where not") {
  converter::OutboundEnvelope envelope = envelope_to({"bob@b.example"});
  envelope.parameters = "BODY=8BITMIME SIZE=1 RET=HDRS ENVID=x+2B1 X-OTHER=1";
  envelope.is_8bit = true;
  envelope.recipients[0].parameters = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@b.example";
  converter::Spool spool = spool_of(small_content);
  const std::string size = std::to_string(small_content.size());
  {
    const ScriptedServer server;
    Submitter submitter(patient(server));
    CHECK(submitter.submit(envelope, spool).recipients[0].outcome.is_delivered());
    CHECK(server.messages()[0].mail ==
          "MAIL FROM:<anna@example.com> SIZE=" + size + " BODY=8BITMIME RET=HDRS ENVID=x+2B1");
    CHECK(server.messages()[0].recipients[0] ==
          "RCPT TO:<bob@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@b.example");
  }
  const ScriptedServer server(ScriptedServer::Options{.extensions = {"8BITMIME"}});
  Submitter submitter(patient(server));
  CHECK(submitter.submit(envelope, spool).recipients[0].outcome.is_delivered());
  CHECK(server.messages()[0].mail == "MAIL FROM:<anna@example.com> BODY=8BITMIME");
  CHECK(server.messages()[0].recipients[0] == "RCPT TO:<bob@b.example>");
}

TEST_CASE("the null sender is sent as such") {
  const ScriptedServer server;
  Submitter submitter(patient(server));
  converter::OutboundEnvelope envelope = envelope_to({"bob@b.example"});
  envelope.sender.clear();
  converter::Spool spool = spool_of("");
  CHECK(submitter.submit(envelope, spool).recipients[0].outcome.is_delivered());
  CHECK(server.messages()[0].mail == "MAIL FROM:<> SIZE=0");
  CHECK(server.messages()[0].content.empty());
}

TEST_CASE("what the host cannot take is refused here, for good, and the connection stays") {
  const ScriptedServer server(ScriptedServer::Options{.extensions = {"SIZE 1000", "PIPELINING"}});
  Submitter submitter(patient(server));
  converter::Spool small = spool_of(small_content);
  converter::Spool large = spool_of(std::string(1001, 'x'));
  const auto outcome_of = [&](const converter::OutboundEnvelope& envelope,
                              converter::Spool& content) {
    return submitter.submit(envelope, content).recipients[0].outcome;
  };
  const Outcome size = outcome_of(envelope_to({"bob@b.example"}), large);
  CHECK(size.is_permanent());
  CHECK(size.status() == "5.3.4");
  CHECK(has(size.sentence(), "552 "));
  CHECK(has(size.sentence(), "1001"));
  CHECK(has(size.sentence(), "1000"));

  converter::OutboundEnvelope eight = envelope_to({"bob@b.example"});
  eight.is_8bit = true;
  CHECK(outcome_of(eight, small).is_permanent());
  CHECK(outcome_of(eight, small).status() == "5.6.3");

  for (const auto& envelope : {envelope_to({"b\xc3\xb6@b.example"}), [] {
                                 auto flagged = envelope_to({"bob@b.example"});
                                 flagged.needs_smtputf8 = true;
                                 return flagged;
                               }()}) {
    const Outcome outcome = outcome_of(envelope, small);
    CHECK(outcome.is_permanent());
    CHECK(outcome.status() == "5.6.7");
    CHECK(has(outcome.sentence(), "SMTPUTF8"));
  }
  CHECK(outcome_of(envelope_to({"bob@b.example"}), small).is_delivered());
  CHECK(server.connections() == 1);
  CHECK(server.count("MAIL") == 1);
}

TEST_CASE("an address beyond ASCII is announced") {
  const ScriptedServer server;
  CHECK(submit_once(patient(server), {"b\xc3\xb6@b.example"}).recipients[0].outcome.is_delivered());
  CHECK(server.messages()[0].mail.ends_with(" SMTPUTF8"));
}

TEST_CASE("nothing in an address becomes a command") {
  const ScriptedServer server;
  const std::vector<std::string> wrong = {"",
                                          "a@b>\r\nRSET",
                                          "a@b> NOTIFY=NEVER",
                                          "a b@c.example",
                                          "a<b@c.example",
                                          "\"open@c.example",
                                          "\"a\r\nb\"@c.example",
                                          std::string("a\0b@c", 5),
                                          std::string(1001, 'a')};
  std::vector<std::string> recipients = wrong;
  recipients.emplace_back("\"a b>\\\"c\"@d.example");
  const SubmissionResult result = submit_once(patient(server), recipients);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    INFO(i);
    CHECK(result.recipients[i].outcome.is_permanent());
    CHECK(result.recipients[i].outcome.status() == "5.1.3");
  }
  CHECK(result.recipients.back().outcome.is_delivered());
  REQUIRE(server.messages().size() == 1);
  CHECK(server.messages()[0].recipients ==
        std::vector<std::string>{"RCPT TO:<\"a b>\\\"c\"@d.example>"});

  Submitter submitter(patient(server));
  converter::OutboundEnvelope envelope = envelope_to({"bob@b.example"});
  envelope.sender = "x@y>\r\nQUIT";
  converter::Spool spool = spool_of(small_content);
  const SubmissionResult refused = submitter.submit(envelope, spool);
  CHECK(refused.recipients[0].outcome.is_permanent());
  CHECK(refused.recipients[0].outcome.status() == "5.1.7");
}

TEST_CASE("the caller hears before the data end, and not where there are none") {
  const ScriptedServer server;
  Submitter submitter(patient(server));
  converter::Spool spool = spool_of(small_content);
  int ends = 0;
  std::size_t taken_by_then = 1;
  const auto before_end = [&] {
    ++ends;
    taken_by_then = server.messages().size();
  };
  CHECK(submitter.submit(envelope_to({"bob@b.example"}), spool, {}, before_end)
            .recipients[0]
            .outcome.is_delivered());
  CHECK(ends == 1);
  CHECK(taken_by_then == 0);
  submitter.submit(envelope_to({"no address"}), spool, {}, before_end);
  CHECK(ends == 1);
}

TEST_CASE("nothing in the content ends it") {
  const ScriptedServer server;
  const std::string content = "a\n.\nb\r.\rc\r\n.\r\n..\r\n.\n.\r\nMAIL FROM:<x@y>";
  CHECK(submit_once(patient(server), {"bob@b.example"}, content)
            .recipients[0]
            .outcome.is_delivered());
  REQUIRE(server.messages().size() == 1);
  CHECK(server.messages()[0].content ==
        "a\r\n.\r\nb\r\n.\r\nc\r\n.\r\n..\r\n.\r\n.\r\nMAIL FROM:<x@y>\r\n");
}

TEST_CASE("a refused recipient harms no other, with and without PIPELINING") {
  for (const bool pipelining : {true, false}) {
    INFO(pipelining);
    ScriptedServer::Options options;
    options.react = [](const Step& step) -> std::optional<Reaction> {
      if (has(step.line, "<gone@")) return Reaction{"550 5.1.1 <gone>: unknown\r\n"};
      if (has(step.line, "<full@")) return Reaction{"452 4.2.2 full\r\n"};
      return std::nullopt;
    };
    if (!pipelining) options.extensions = {"SIZE"};
    const ScriptedServer server(options);
    const SubmissionResult result = submit_once(
        patient(server), {"gone@b.example", "bob@b.example", "full@b.example", "eva@b.example"});
    CHECK(result.recipients[0].outcome.is_permanent());
    CHECK(result.recipients[0].outcome.status() == "5.1.1");
    CHECK(has(result.recipients[0].outcome.sentence(), "(in reply to RCPT TO)"));
    CHECK(result.recipients[0].queue_id.empty());
    CHECK(result.recipients[1].outcome.is_delivered());
    CHECK(result.recipients[2].outcome.is_temporary());
    CHECK(result.recipients[2].outcome.status() == "4.2.2");
    CHECK(result.recipients[3].outcome.is_delivered());
    REQUIRE(server.messages().size() == 1);
    CHECK(server.messages()[0].recipients.size() == 2);
  }
}

TEST_CASE("when all recipients are refused there are no data, and the connection stays good") {
  // 354 although nobody was accepted: a lone dot answers it.
  for (const std::string data : {"554 5.5.1 no recipients\r\n", "354 go on\r\n"}) {
    for (const bool pipelining : {true, false}) {
      INFO(data << pipelining);
      ScriptedServer::Options options;
      options.react = [&](const Step& step) -> std::optional<Reaction> {
        if (has(step.line, "<gone@")) return Reaction{"550 5.1.1 unknown\r\n"};
        if (step.stage == "DATA" && step.count == 1 && pipelining) return Reaction{data};
        if (step.stage == "CONTENT" && step.count == 1 && pipelining && data[0] == '3') {
          return Reaction{"554 5.5.1 no recipients\r\n"};
        }
        return std::nullopt;
      };
      if (!pipelining) options.extensions = {};
      const ScriptedServer server(options);
      Submitter submitter(patient(server));
      converter::Spool spool = spool_of(small_content);
      const SubmissionResult refused =
          submitter.submit(envelope_to({"gone@b.example", "gone@c.example"}), spool);
      CHECK(refused.recipients[0].outcome.is_permanent());
      CHECK(refused.recipients[1].outcome.is_permanent());
      CHECK(server.count("DATA") == (pipelining ? 1 : 0));
      CHECK(server.count("RSET") == 1);
      const SubmissionResult next = submitter.submit(envelope_to({"bob@b.example"}), spool);
      CHECK(next.recipients[0].outcome.is_delivered());
      CHECK(next.connection_seconds == 0);
      CHECK(server.connections() == 1);
      REQUIRE(server.messages().size() == 1);
      CHECK(server.messages()[0].content == small_content);
    }
  }
}

TEST_CASE("too many recipients go by a further transaction") {
  for (const char* reply : {"452 4.5.3 too many\r\n", "552 too many\r\n", "552 5.5.3 many\r\n"}) {
    INFO(reply);
    int taken = 0;
    const ScriptedServer server([&](const Step& step) -> std::optional<Reaction> {
      if (step.stage == "MAIL") taken = 0;
      if (step.stage == "RCPT" && ++taken > 2) return Reaction{reply};
      return std::nullopt;
    });
    const SubmissionResult result =
        submit_once(patient(server),
                    {"a@b.example", "c@b.example", "d@b.example", "e@b.example", "f@b.example"});
    for (const RecipientResult& recipient : result.recipients) {
      CHECK(recipient.outcome.is_delivered());
    }
    CHECK(server.messages().size() == 3);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("too many with none accepted waits, and 552 about a mailbox is for good") {
  struct Case {
    const char* reply;
    OutcomeKind kind;
    const char* status;
  };
  for (const Case& one : {Case{"452 4.5.3 no\r\n", OutcomeKind::temporary, "4.5.3"},
                          Case{"552 no\r\n", OutcomeKind::temporary, "4.5.3"},
                          Case{"552 5.2.2 full\r\n", OutcomeKind::permanent, "5.2.2"},
                          Case{"552 5.3.4 large\r\n", OutcomeKind::permanent, "5.3.4"}}) {
    INFO(one.reply);
    const ScriptedServer server(at("RCPT", {one.reply}));
    const SubmissionResult result = submit_once(patient(server));
    CHECK(result.recipients[0].outcome.kind() == one.kind);
    CHECK(result.recipients[0].outcome.status() == one.status);
    CHECK(server.count("MAIL") == 1);
  }
}

TEST_CASE("2,500 recipients are three transactions") {
  for (const bool pipelining : {true, false}) {
    ScriptedServer::Options options;
    if (!pipelining) options.extensions = {};
    const ScriptedServer server(options);
    std::vector<std::string> recipients;
    for (int i = 0; i < 2500; ++i) recipients.push_back("user" + std::to_string(i) + "@b.example");
    const SubmissionResult result = submit_once(patient(server), recipients);
    CHECK(std::all_of(result.recipients.begin(), result.recipients.end(),
                      [](const RecipientResult& one) { return one.outcome.is_delivered(); }));
    REQUIRE(server.messages().size() == 3);
    CHECK(server.messages()[0].recipients.size() == 1000);
    CHECK(server.messages()[1].recipients.front() == "RCPT TO:<user1000@b.example>");
    CHECK(server.messages()[2].recipients.size() == 500);
  }
}

TEST_CASE("100 MB arrive octet by octet, with dots at every edge of a block") {
  const std::string line = "..this line of text has two dots, and a prime length.\r\n";
  std::string chunk;
  while (chunk.size() < 1'000'000) chunk += line;
  converter::Spool spool = spool_of("");
  for (int i = 0; i < 100; ++i) REQUIRE(spool.write(chunk));
  std::size_t at_octet = 0;
  bool same = true;
  ScriptedServer::Options options;
  options.take_content = [&](std::string_view piece) {
    for (const char octet : piece) same = same && octet == line[at_octet++ % line.size()];
  };
  const ScriptedServer server(options);
  Submitter submitter(patient(server));
  const SubmissionResult result = submitter.submit(envelope_to({"bob@b.example"}), spool);
  CHECK(result.recipients[0].outcome.is_delivered());
  CHECK(same);
  CHECK(at_octet == spool.size());
}
