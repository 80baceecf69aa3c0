// What the daemon hears of its doors, and tells who asks.
#include <array>
#include <future>
#include <optional>
#include <thread>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway_fixture.h"
#include "milter/control_socket.h"
#include "milter/lmtp_server.h"
#include "milter/milter_session.h"
#include "milter/monitoring.h"
#include "milter/monitoring_service.h"
#include "milter/unix_socket.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

struct Listening : MessageObserver {
  void note(MessageRecord record) noexcept override { records.push_back(std::move(record)); }
  std::vector<MessageRecord> records;
};

/// Forwards to a log that a test looks at.
class Forwarding : public LogDestination {
 public:
  explicit Forwarding(Log& to) : to_(to) {}
  void write(Severity severity, std::string_view text) override { to_.write(severity, text); }

 private:
  Log& to_;
};

void send_one(MilterSession& session, const std::vector<std::string>& recipients,
              const std::vector<std::string>& parameters = {}) {
  session.connected("mail.remote.example", "192.0.2.1");
  session.mail_from("<carol@remote.example>", {}, {std::string("carol@remote.example"), ""});
  for (const std::string& one : recipients) {
    session.recipient(one, parameters, {"smtpgate", std::nullopt}, "4F3A1");
  }
  if (!session.wants_content("4F3A1")) return;
  session.header("Subject", " Hello");
  session.end_of_headers();
  session.body("Good day.\r\n");
  session.end_of_message("4F3A1", [](const std::string&) { return true; });
}

}  // namespace

TEST_CASE("door 1 notes each message with all its stages and recipients") {
  test::Gateway gateway;
  Listening observer;
  MilterSession session({.configuration = [&] { return gateway.configuration; },
                         .log = &gateway.log,
                         .observer = &observer});
  send_one(session, {"<anna@example.com>", "<ben@example.com>", "<nobody@example.com>"});
  REQUIRE(observer.records.size() == 2);
  const MessageRecord& refused = observer.records[0];
  CHECK(refused.recipients.front().result == "refused");
  CHECK(refused.id == "4F3A1");
  const MessageRecord& record = observer.records[1];
  CHECK(record.id == "4F3A1");
  CHECK(record.client == "192.0.2.1");
  CHECK(record.content_key.size() == 64);
  CHECK(record.octets > 10);
  CHECK(record.text_octets >= 10);
  for (const Stage stage :
       {Stage::receive, Stage::convert, Stage::put, Stage::sync, Stage::reply}) {
    CHECK(record.of(stage));
  }
  REQUIRE(record.recipients.size() == 2);
  CHECK(record.recipients[1].destination == "ACME/MAIN/ben");
  CHECK(record.recipients[1].result == "filed");
  CHECK(gateway.log.count("4F3A1: refused: to=<nobody@example.com>") == 1);
}

TEST_CASE("what door 1 leaves at RCPT is told under Postfix's id") {
  test::Gateway gateway;
  Listening observer;
  MilterSession session({.configuration = [&] { return gateway.configuration; },
                         .log = &gateway.log,
                         .observer = &observer});
  send_one(session, {"<anna@example.com>"}, {"NOTIFY=SUCCESS"});
  CHECK(gateway.log.count("4F3A1: <anna@example.com> left for door 2: ") == 1);
  REQUIRE(observer.records.size() == 1);
  CHECK(observer.records[0].recipients.front().result == "left");
  CHECK_FALSE(observer.records[0].of(Stage::receive));
}

TEST_CASE(
    "door 2 notes each message, with the id of Postfix's own Received field if it has no other") {
  test::Gateway gateway;
  Listening observer;
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  const std::string input =
      "LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nRCPT TO:<nobody@example.com>\r\n"
      "DATA\r\nReceived: by mx.test (Postfix)\r\n\tid AF556A8877B; Sun\r\nSubject: "
      "a\r\n\r\nb\r\n.\r\n"
      "QUIT\r\n";
  REQUIRE(::write(ends[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  ::shutdown(ends[1], SHUT_WR);
  {
    const ConfigurationSource source =
        read_when_old(gateway.configuration_path(), std::chrono::hours(1));
    PeerStream stream(ends[0], ends[0], std::chrono::seconds(10));
    LmtpServer(stream, source, gateway.log, postoffice::FileSystem::posix(), &observer).run();
  }
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(observer.records.size() == 2);
  CHECK(observer.records[0].recipients.front().result == "permanent");
  CHECK(observer.records[1].id == "AF556A8877B");
  CHECK(observer.records[1].way == Way::door_2);
  CHECK(observer.records[1].recipients.front().result == "filed");
  CHECK(gateway.log.count("AF556A8877B: to=<anna@example.com>") == 1);
}

TEST_CASE("the report tells of messages, reloads, the log and what lies around") {
  test::Gateway gateway;
  Monitoring monitoring([&] { return gateway.configuration; }, nullptr);
  MilterSession session({.configuration = [&] { return gateway.configuration; },
                         .log = &gateway.log,
                         .observer = &monitoring});
  send_one(session, {"<anna@example.com>"});
  const auto destination = monitoring.watch(std::make_unique<Forwarding>(gateway.log));
  const LogLevels levels;
  AreaLog log(LogArea::daemon, *destination, levels);
  log.info("of no interest");
  log.warning("look\x1b[2J here");
  for (int i = 0; i < 100; ++i) log.error("number " + std::to_string(i));
  monitoring.session_began();
  monitoring.session_began();
  monitoring.session_ended();
  monitoring.reloaded(0.25, {});
  monitoring.reloaded(0.5, {"smtpgate.toml:7: wrong"});
  monitoring.lookout().look();
  monitoring.lookout().look_slowly([] { return false; }, false);

  const StatusReport report = monitoring.report();
  CHECK(report.hour.door_1 == 1);
  CHECK(report.today.recipients.at("filed") == 1);
  CHECK(report.totals.at("1") == 1);
  REQUIRE(report.recent.size() == 1);
  CHECK(report.recent[0].recipient == "anna@example.com");
  CHECK(report.log.size() == 20);
  CHECK(report.log.front().text == "number 99");
  CHECK(report.sessions_open == 1);
  CHECK(report.sessions == 2);
  CHECK_FALSE(report.reload.taken);
  CHECK(report.bins.size() == 72);
  CHECK(report.bins.back().door_1 == 1);
  REQUIRE(report.disks.size() == 3);
  CHECK(report.disks[0].place == "work");
  CHECK(report.disks[0].size_bytes > 0);
  CHECK_FALSE(report.disks[2].problem.empty());
  CHECK(report.mailbags.offices.at("ACME/MAIN").messages == 1);

  const std::string page = monitoring.metrics_page();
  CHECK(page.find("smtpgate_recipients_total{door=\"1\",outcome=\"filed\"} 1\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_log_lines_total{severity=\"error\"} 100\n") != std::string::npos);
  CHECK(page.find("smtpgate_configuration_reloads_total{result=\"refused\"} 1\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_configuration_is_current 0\n") != std::string::npos);
  CHECK(page.find("smtpgate_ready{part=\"configuration\"} 0\n") != std::string::npos);
  CHECK(page.find("smtpgate_mailbag_messages{postoffice=\"ACME/MAIN\"} 1\n") != std::string::npos);
  CHECK(page.find("smtpgate_designated_host_up") == std::string::npos);
}

TEST_CASE("a count of mailbags stops at its limit and says so") {
  test::Gateway gateway;
  Lookout lookout([&] { return gateway.configuration; }, [] { return std::string(); },
                  {.entries = 0});
  lookout.look_slowly([] { return false; }, false);
  const MailbagsReport report = lookout.mailbags();
  CHECK(report.mailboxes == 3);
  CHECK(report.uncounted == 2);
}

TEST_CASE("door 2's notes are counted, and what is none of them told") {
  test::Gateway gateway;
  Monitoring monitoring([&] { return gateway.configuration; }, nullptr);
  MessageRecord record;
  record.way = Way::door_2;
  record.ended = milliseconds_now();
  record.set(Stage::receive, 0.1);
  record.recipients = {{"a@b", "N/P/A", "over_quota", "4.2.2", "full"}};
  append_to_tally(gateway.work(), render_record(record));
  append_to_tally(gateway.work(), "rubbish");
  monitoring.take_door_2s_notes();
  monitoring.take_door_2s_notes();
  const std::string page = monitoring.metrics_page();
  CHECK(page.find("smtpgate_recipients_total{door=\"2\",outcome=\"over_quota\"} 1\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_door_2_records_unread_total 1\n") != std::string::npos);
}

TEST_CASE("a daemon is asked over its socket, which others cannot open") {
  test::Gateway gateway;
  Monitoring monitoring([&] { return gateway.configuration; }, nullptr);
  const auto nobody = ask_daemon(gateway.work(), "status");
  REQUIRE_FALSE(nobody);
  CHECK_FALSE(nobody.error().is_running);
  CHECK(nobody.error().sentence.find("does not run") != std::string::npos);
  {
    MonitoringService service(monitoring, gateway.log);
    service.start(*gateway.configuration);
    struct stat status{};
    REQUIRE(::stat(control_socket_path(gateway.work()).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const auto answer = ask_daemon(gateway.work(), "status");
    REQUIRE(answer);
    CHECK(parse_status_json(*answer)->pid == ::getpid());
    CHECK(ask_daemon(gateway.work(), "metrics")->find("smtpgate_build_info") != std::string::npos);
    CHECK(ask_daemon(gateway.work(), "rm -rf /")->find("the words are") == 0);
    CHECK_FALSE(ask_daemon(gateway.work(), std::string(1'000, 'x')));
    // One that says nothing does not keep the others from it for long.
    const int silent = connect_to_path(control_socket_path(gateway.work()));
    REQUIRE(silent >= 0);
    CHECK(ask_daemon(gateway.work(), "metrics"));
    ::close(silent);
  }
  CHECK(::access(control_socket_path(gateway.work()).c_str(), F_OK) != 0);
  CHECK(gateway.log.lines().empty());
}

TEST_CASE("an answer that takes its time keeps no other question waiting") {
  test::Gateway gateway;
  Monitoring monitoring([&] { return gateway.configuration; }, nullptr);
  std::promise<void> asked;
  std::promise<void> let_go;
  MonitoringService service(monitoring, gateway.log,
                            [&](std::string_view word) -> std::optional<std::string> {
                              if (word != "slow") return std::nullopt;
                              asked.set_value();
                              let_go.get_future().wait();
                              return "at last";
                            });
  service.start(*gateway.configuration);
  auto slow = std::async(std::launch::async, [&] { return ask_daemon(gateway.work(), "slow"); });
  asked.get_future().wait();
  for (int i = 0; i < 20; ++i) CHECK(ask_daemon(gateway.work(), "metrics"));
  monitoring.reload_begins();
  CHECK(parse_status_json(*ask_daemon(gateway.work(), "status"))->reload.under_way > 0);
  monitoring.reloaded(0.1, {});
  CHECK(parse_status_json(*ask_daemon(gateway.work(), "status"))->reload.under_way == 0);
  let_go.set_value();
  CHECK(slow.get() == "at last");
}

TEST_CASE("a socket takes the place of a dead one, never of a living one or of a file") {
  const test::TemporaryDirectory place;
  const std::string path = place.path() + "/s";
  const auto first = listen_on_path(path, 0600, "");
  REQUIRE(first);
  CHECK(listen_on_path(path, 0600, "").error().find("serves") != std::string::npos);
  ::close(*first);
  const auto second = listen_on_path(path, 0660, "");
  REQUIRE(second);
  ::close(*second);
  ::unlink(path.c_str());
  test::write_whole(path, "mine");
  CHECK_FALSE(listen_on_path(path, 0600, ""));
  CHECK(test::read_whole(path) == "mine");
  CHECK_FALSE(listen_on_path(place.path() + "/" + std::string(200, 'x'), 0600, ""));
}
