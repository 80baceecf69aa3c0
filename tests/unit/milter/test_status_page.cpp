// The status page and what else the listener answers: who may see it, that nothing of a stranger
// gets out of its place, what terminals get.
#include <regex>

#include "gateway_fixture.h"
#include "milter/html.h"
#include "milter/http_answers.h"
#include "milter/plots.h"
#include "milter/status_page.h"
#include "milter/status_text.h"
#include "postoffice/table.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

constexpr const char* attack = "\"'><script>alert(1)</script>&amp;<!--";

/// Every text in it an attack.
StatusReport hostile_report() {
  StatusReport report;
  report.version = report.configuration = report.listens = attack;
  report.designated_host = attack;
  report.now = 1'795'348'800;
  report.readiness.problems = {{"work", attack}};
  report.reload = {.time = 1, .seconds = 1, .taken = false, .errors = {attack}};
  report.bin_seconds = 300;
  for (int i = 0; i < 72; ++i) {
    report.bins.push_back({report.now - 72 * 300 + i * 300, 5, 1, 2, 0.004, 0.2});
  }
  report.recent.push_back({.time_ms = 1,
                           .way = attack,
                           .id = attack,
                           .sender = attack,
                           .recipient = attack,
                           .recipients = 3,
                           .result = attack,
                           .text = attack});
  const WaitingReport waiting{
      .id = attack, .mailbox = attack, .recipient = attack, .reason = attack};
  report.queues.push_back({.postoffice = attack,
                           .waiting = 1,
                           .bad = 1,
                           .oldest = 5,
                           .messages = {waiting},
                           .bad_messages = {waiting},
                           .command = attack,
                           .problem = attack});
  report.disks.push_back({.place = attack, .path = attack, .problem = attack});
  report.disks.push_back(
      {.place = attack, .path = attack, .free_bytes = 1, .size_bytes = 9, .problem = ""});
  report.mailbags.counted = 1;
  report.mailbags.largest.push_back({attack, attack, 1, 1, 1});
  report.check = {.made = 1, .ok = 1, .findings = {{attack, attack}}};
  report.log.push_back({1, attack, attack});
  return report;
}

struct Listener {
  test::Gateway gateway;
  Monitoring monitoring{[this] { return gateway.configuration; }, nullptr};

  HttpAnswer ask(const std::string& path, const std::string& authorization = "",
                 const std::string& token = "", const std::string& method = "GET") {
    return answer_request({method, path, "", authorization}, monitoring, token);
  }
};

std::string header(const HttpAnswer& answer, std::string_view name) {
  for (const auto& [one, value] : answer.headers) {
    if (one == name) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("nothing that a stranger wrote gets out of its place on the page") {
  const std::string page = render_status_page(hostile_report(), false);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("<!--") == std::string::npos);
  CHECK(page.find("alert(1)") != std::string::npos);
  // No attribute ends before its quote does, and tags are opened and closed in pairs.
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z0-9]+)((?: [a-zA-Z0-9-]+(?:=\"[^\"<>]*\")?)*)(/?)>|<");
  for (std::sregex_iterator one(page.begin(), page.end(), tag), end; one != end; ++one) {
    const std::string name = (*one)[2];
    INFO((*one)[0] << " at " << one->position());
    if (one->position() == 0) continue;  // <!doctype html>
    REQUIRE_FALSE(name.empty());
    if (name == "meta" || name == "link" || (*one)[4] == "/") continue;
    if ((*one)[1] != "/") {
      open.push_back(name);
    } else {
      REQUIRE_FALSE(open.empty());
      CHECK(open.back() == name);
      open.pop_back();
    }
  }
  CHECK(open.empty());
  CHECK(page.find("style=") == std::string::npos);
}

TEST_CASE("a page of a daemon that has seen nothing yet is a page") {
  const std::string page = render_status_page({}, true);
  CHECK(page.find("Nothing came yet.") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf") == std::string::npos);
  CHECK(throughput_plot({}).find("<svg") == 0);
  CHECK(latency_plot({}).find("<svg") == 0);
}

TEST_CASE("only who has the token sees anything") {
  Listener listener;
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "bearer Secret", "Basic",
        "Basic ====", "Basic c2VjcmV0", "secret", "Digest secret"}) {
    INFO(wrong);
    for (const char* path : {"/", "/metrics", "/live", "/ready", "/status.json", "/nothing"}) {
      const HttpAnswer answer = listener.ask(path, wrong, "secret");
      CHECK(answer.status == 401);
      CHECK(answer.body.find("smtpgate_") == std::string::npos);
      CHECK_FALSE(header(answer, "WWW-Authenticate").empty());
    }
  }
  CHECK(listener.ask("/live", "Bearer secret", "secret").status == 200);
  CHECK(listener.ask("/live", "bearer secret", "secret").status == 200);
  CHECK(listener.ask("/live", "Basic YW55Ym9keTpzZWNyZXQ=", "secret").status == 200);  // anybody:
  CHECK(listener.ask("/live").status == 200);
}

TEST_CASE("the listener only reads, and every answer keeps a browser from doing more") {
  Listener listener;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "", "get"}) {
    CHECK(listener.ask("/", "", "", method).status == 405);
  }
  CHECK(listener.ask("/", "", "", "HEAD").status == 200);
  for (const char* path : {"/..", "//", "/metrics/", "/style.css/../", "", "metrics"}) {
    CHECK(listener.ask(path).status == 404);
  }
  for (const char* path : {"/", "/style.css", "/metrics", "/status.json", "/live", "/nothing"}) {
    const HttpAnswer answer = listener.ask(path);
    CHECK(header(answer, "Content-Security-Policy").find("default-src 'none'; style-src 'self'") ==
          0);
    CHECK(header(answer, "X-Content-Type-Options") == "nosniff");
    CHECK(header(answer, "Cache-Control") == "no-store");
  }
  CHECK(header(listener.ask("/"), "Content-Type") == "text/html; charset=utf-8");
}

TEST_CASE("the page is loaded again only for who asks for it") {
  Listener listener;
  const auto refreshing = [&](const char* value) {
    return header(answer_request({"GET", "/", value, ""}, listener.monitoring, ""), "Refresh");
  };
  CHECK(refreshing("30") == "30");
  CHECK(refreshing("").empty());
  CHECK(refreshing("0").empty());
  CHECK(refreshing("30; url=http://evil.example").empty());
}

TEST_CASE("readiness names the part that is missing") {
  Listener listener;
  CHECK(listener.ask("/ready").status == 503);
  CHECK(listener.ask("/ready").body.find("not looked at yet") != std::string::npos);
  listener.monitoring.lookout().look();
  const HttpAnswer answer = listener.ask("/ready");
  CHECK(answer.status == 503);
  // The fixture has a postoffice whose folder is not there, and nobody serves door 1.
  CHECK(answer.body.find("\"configuration\":\"ok\"") != std::string::npos);
  CHECK(answer.body.find("\"work\":\"ok\"") != std::string::npos);
  CHECK(answer.body.find("\"postoffices\":\"") != std::string::npos);
  CHECK(answer.body.find("\"postoffices\":\"ok\"") == std::string::npos);
  CHECK(answer.body.find("there is no socket") != std::string::npos);
  listener.monitoring.reloaded(0.1, {"smtpgate.toml:3: wrong"});
  listener.monitoring.lookout().look();
  CHECK(listener.ask("/ready").body.find("smtpgate.toml:3: wrong") != std::string::npos);
}

TEST_CASE("a report is the same after it was JSON") {
  const StatusReport report = hostile_report();
  const auto again = parse_status_json(render_status_json(report));
  REQUIRE(again);
  CHECK(render_status_page(*again, false) == render_status_page(report, false));
  CHECK(render_status_json(*again) == render_status_json(report));
  CHECK(parse_status_json("{}"));
  CHECK_FALSE(parse_status_json("[1]"));
  CHECK_FALSE(parse_status_json("{\"pid\":\"x\"}"));
}

TEST_CASE("top fills the terminal that there is, and no more") {
  StatusReport report = hostile_report();
  report.readiness.problems.clear();
  for (int i = 0; i < 50; ++i) report.recent.push_back(report.recent.front());
  for (const std::size_t width : {10U, 40U, 80U, 200U}) {
    for (const std::size_t height : {1U, 5U, 24U, 60U}) {
      const std::string screen = render_top(report, {1.5, 0}, width, height, false);
      std::size_t lines = 1;
      std::string line;
      for (const char c : screen) {
        if (c != '\n') {
          line += c;
          continue;
        }
        CHECK(postoffice::display_width(line) <= width);
        line.clear();
        ++lines;
      }
      CHECK(lines == height);
    }
  }
}

TEST_CASE("rates are of one daemon's time") {
  StatusReport before;
  before.totals = {{"1", 10}, {"2", 1}, {"out", 4}};
  StatusReport after = before;
  after.totals = {{"1", 30}, {"2", 1}, {"out", 5}};
  CHECK(rates_between(before, after, 2).in == Approx(10));
  CHECK(rates_between(before, after, 2).out == Approx(0.5));
  after.started = 7;
  CHECK(rates_between(before, after, 2).in == 0);
  CHECK(rates_between(before, before, 0).in == 0);
}

TEST_CASE("times and numbers read well") {
  CHECK(latency_text(0) == "–");
  CHECK(latency_text(0.00085) == "850 µs");
  CHECK(latency_text(0.0042) == "4.2 ms");
  CHECK(latency_text(0.042) == "42 ms");
  CHECK(latency_text(1.25) == "1.2 s");
  CHECK(number_text(0) == "0");
  CHECK(number_text(1'234'567) == "1,234,567");
  CHECK(shortened("äöü", 2) == "äö…");
  CHECK(shortened("äöü", 3) == "äöü");
  CHECK(escape_html("<a href='x'>\"&") == "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
}
