// Door 2's conversation over a socket pair: what Postfix sends, and what it never should.
#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <thread>

#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "fault_file_system.h"
#include "gateway_fixture.h"
#include "milter/lmtp_server.h"
#include "postoffice/groups.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

struct Answer {
  std::vector<std::string> lines;
  int code = 0;

  /// The first words of each line: its reply code and, if it has one, its enhanced status.
  std::string codes() const {
    std::string result;
    for (const std::string& line : lines) {
      if (line.size() > 3 && line[3] == '-') continue;
      result += (result.empty() ? "" : " ") + line.substr(0, 3);
    }
    return result;
  }
  std::string last() const { return lines.empty() ? std::string() : lines.back(); }
};

/// Sends all of `input` at once (pipelined as far as it can be) and reads all replies.
Answer converse(test::Gateway& gateway, const std::string& input,
                postoffice::FileSystem& files = postoffice::FileSystem::posix(),
                std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  const ConfigurationSource source =
      read_when_old(gateway.configuration_path(), std::chrono::hours(1));
  Answer answer;
  std::string output;
  std::jthread client([&] {
    std::jthread writer([&] {
      std::size_t sent = 0;
      while (sent < input.size()) {
        const ssize_t count =
            ::send(ends[1], input.data() + sent, input.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) return;
        sent += static_cast<std::size_t>(count);
      }
      if (timeout > std::chrono::seconds(1)) ::shutdown(ends[1], SHUT_WR);
    });
    std::array<char, 65536> buffer{};
    ssize_t count = 0;
    while ((count = ::read(ends[1], buffer.data(), buffer.size())) > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    }
  });
  {
    PeerStream stream(ends[0], ends[0], timeout);
    answer.code = LmtpServer(stream, source, gateway.log, files).run();
  }
  ::shutdown(ends[0], SHUT_RDWR);
  client.join();
  ::close(ends[0]);
  ::close(ends[1]);
  while (!output.empty()) {
    const std::size_t end = output.find("\r\n");
    REQUIRE(end != std::string::npos);
    CHECK(end <= 510);
    answer.lines.push_back(output.substr(0, end));
    output.erase(0, end + 2);
  }
  return answer;
}

const std::string begin_message = "LHLO mx.example.com\r\nMAIL FROM:<carol@remote.example>\r\n";
const std::string content =
    "From: carol@remote.example\r\nSubject: Hello\r\nMessage-ID: <1@remote.example>\r\n\r\n"
    "Good day.\r\n";

}  // namespace

TEST_CASE("a message is filed and every recipient has its reply in order") {
  test::Gateway gateway;
  const Answer answer = converse(
      gateway, begin_message + "RCPT TO:<anna@example.com>\r\nRCPT TO:<nobody@example.com>\r\n" +
                   "RCPT TO:<ben@example.com>\r\nDATA\r\n" + content + ".\r\nQUIT\r\n");
  CHECK(answer.code == EX_OK);
  CHECK(answer.codes() == "220 250 250 250 550 250 354 250 250 221");
  const auto& lines = answer.lines;
  REQUIRE(lines.size() > 5);
  REQUIRE(gateway.filed("anna").size() == 1);
  const std::string id = std::filesystem::path(gateway.filed("anna").front()).filename();
  CHECK(lines[lines.size() - 3] == "250 2.0.0 filed as " + id + " in mailbox anna");
  CHECK(lines[lines.size() - 2] == "250 2.0.0 filed as " + id + " in mailbox ben");
  CHECK(gateway.filed("ben").size() == 1);
}

TEST_CASE("who says that he had logged in, under a queue id of his own, is not believed") {
  // Without XFORWARD the id for the log comes out of the message; it proves nothing.
  const std::string forged =
      "Received: from pc (unknown [192.0.2.1])\r\n\tby mx.example.com (Postfix) with ESMTPSA id "
      "4cXYZ1\r\n\tfor <anna@example.com>; Sun, 22 Nov 2026 12:00:00 +0000 (UTC)\r\n"
      "From: ben@example.com\r\nSubject: Hello\r\nMessage-ID: <2@remote.example>\r\n\r\nHi.\r\n";
  const auto sender_in = [&](const std::string& told) {
    test::Gateway gateway;
    converse(gateway, "LHLO mx.example.com\r\n" + told +
                          "MAIL FROM:<ben@example.com>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n" +
                          forged + ".\r\nQUIT\r\n");
    REQUIRE(gateway.filed("anna").size() == 1);
    const std::string text = test::read_whole(gateway.filed("anna").front());
    const std::size_t at = text.find("\nFROM:") + 6;
    return text.substr(at, text.find('\n', at) - at);
  };
  CHECK(sender_in("").starts_with("SMTP:"));
  CHECK(sender_in("XFORWARD NAME=pc ADDR=192.0.2.1 PROTO=ESMTP IDENT=4cXYZ2\r\n")
            .starts_with("SMTP:"));
  CHECK(sender_in("XFORWARD NAME=pc ADDR=192.0.2.1 PROTO=ESMTP IDENT=4cXYZ1\r\n")
            .starts_with("CSI:"));
}

TEST_CASE("what is announced") {
  test::Gateway gateway;
  const Answer answer = converse(gateway, "LHLO mx\r\nQUIT\r\n");
  const std::vector<std::string> wanted{"220 mx.example.com LMTP smtpgate",
                                        "250-mx.example.com",
                                        "250-PIPELINING",
                                        "250-ENHANCEDSTATUSCODES",
                                        "250-8BITMIME",
                                        "250-SMTPUTF8",
                                        "250-SIZE 0",
                                        "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
                                        "221 2.0.0 goodbye"};
  CHECK(answer.lines == wanted);
}

TEST_CASE("both doors' duplicates are found: the same message again") {
  test::Gateway gateway;
  const std::string transaction =
      "MAIL FROM:<carol@remote.example>\r\nRCPT TO:<anna@example.com>\r\n"
      "DATA\r\n" +
      content + ".\r\n";
  const Answer answer = converse(gateway, "LHLO mx\r\n" + transaction + transaction + "QUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 354 250 250 250 354 250 221");
  CHECK(answer.lines[answer.lines.size() - 2].find("duplicate of ") != std::string::npos);
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("XFORWARD brings the queue id into the log, for one message") {
  test::Gateway gateway;
  const std::string transaction = "MAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n";
  converse(gateway,
           "LHLO mx\r\nXFORWARD NAME=mail.remote.example ADDR=192.0.2.1 PORT=[UNAVAILABLE]\r\n"
           "XFORWARD PROTO=ESMTP HELO=he+2Blo IDENT=4F3A1 SOURCE=REMOTE\r\n" +
               transaction + content + ".\r\n" + transaction + "Subject: b\r\n\r\n.\r\nQUIT\r\n");
  CHECK(gateway.log.count("4F3A1: to=<anna@example.com>, relay=postoffice[ACME/MAIN]") == 1);
  CHECK(gateway.log.count("NOQUEUE: to=<anna@example.com>") == 1);
}

TEST_CASE("XFORWARD that is none is refused") {
  test::Gateway gateway;
  CHECK(converse(gateway, "LHLO mx\r\nXFORWARD IDENT=+\r\nXFORWARD COLOUR=red\r\n" +
                              std::string("MAIL FROM:<>\r\nXFORWARD IDENT=1\r\nQUIT\r\n"))
            .codes() == "220 250 501 501 250 503 221");
}

TEST_CASE("commands out of order") {
  test::Gateway gateway;
  const auto codes = [&](const std::string& input) { return converse(gateway, input).codes(); };
  CHECK(codes("MAIL FROM:<>\r\nQUIT\r\n") == "220 503 221");
  CHECK(codes("LHLO mx\r\nRCPT TO:<anna@example.com>\r\nQUIT\r\n") == "220 250 503 221");
  CHECK(codes("LHLO mx\r\nDATA\r\nQUIT\r\n") == "220 250 503 221");
  CHECK(codes("LHLO mx\r\nMAIL FROM:<>\r\nDATA\r\nQUIT\r\n") == "220 250 250 503 221");
  CHECK(codes("LHLO mx\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nQUIT\r\n") == "220 250 250 503 221");
  CHECK(codes("LHLO mx\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<anna@example.com>\r\nQUIT\r\n") ==
        "220 250 250 250 503 221");
  CHECK(codes(begin_message + "RCPT TO:<nobody@example.com>\r\nDATA\r\nQUIT\r\n") ==
        "220 250 250 550 503 221");
}

TEST_CASE("commands that are none, and those with nothing to do") {
  test::Gateway gateway;
  const auto codes = [&](const std::string& input) { return converse(gateway, input).codes(); };
  CHECK(codes("EHLO mx\r\nHELO mx\r\nXYZZY\r\n\r\nQUIT\r\n") == "220 500 500 500 500 221");
  CHECK(codes("NOOP\r\nRSET\r\nVRFY anna\r\nHELP\r\nquit\r\n") == "220 250 250 252 214 221");
  CHECK(codes("LHLO\r\nQUIT\r\n") == "220 501 221");
  CHECK(codes(std::string(9000, 'A') + "\r\nNOOP\r\nQUIT\r\n") == "220 500 250 221");
  CHECK(codes(std::string("NOOP\0\r\nQUIT\r\n", 13)) == "220 500 221");
}

TEST_CASE("a peer that does not speak LMTP is left after a while") {
  test::Gateway gateway;
  std::string input;
  for (int i = 0; i < 300; ++i) input += "GET / HTTP/1.1\r\n";
  const Answer answer = converse(gateway, input);
  CHECK(answer.lines.size() == 102);
  CHECK(answer.last().starts_with("421 4.7.0 "));
}

TEST_CASE("parameters of MAIL and RCPT") {
  test::Gateway gateway("", "[lmtp]\nsize_limit = 1000\n");
  const auto code = [&](const std::string& command) {
    return converse(gateway, "LHLO mx\r\n" + command + "\r\nQUIT\r\n").codes().substr(8, 3);
  };
  CHECK(code("MAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME SMTPUTF8") == "250");
  CHECK(code("MAIL FROM:<a@b.example> SIZE=1001") == "552");
  CHECK(code("MAIL FROM:<a@b.example> SIZE=big") == "501");
  CHECK(code("MAIL FROM:<a@b.example> SIZE=99999999999999999999999") == "501");
  CHECK(code("MAIL FROM:<a@b.example> BODY=BINARYMIME") == "501");
  CHECK(code("MAIL FROM:<a@b.example> RET=HDRS") == "555");
  CHECK(code("MAIL FROM:a@b.example") == "501");
  CHECK(code("MAIL FROM:<a@b.example") == "501");
  CHECK(code("MAIL TO:<a@b.example>") == "501");
  CHECK(converse(gateway, begin_message + "RCPT TO:<anna@example.com> NOTIFY=SUCCESS\r\nQUIT\r\n")
            .codes() == "220 250 250 555 221");
}

TEST_CASE("a recipient without a mailbox is refused by what is at fault") {
  test::Gateway gateway;
  const Answer answer = converse(
      gateway, begin_message +
                   "RCPT TO:<nobody@example.com>\r\nRCPT TO:<anna@unmapped.example>\r\n"
                   "RCPT TO:<anna@lost.example>\r\nRCPT TO:<>\r\nRCPT TO:anna\r\nQUIT\r\n");
  const auto& lines = answer.lines;
  REQUIRE(lines.size() >= 6);
  const std::size_t first = lines.size() - 6;
  CHECK(lines[first].starts_with("550 5.1.1 "));
  CHECK(lines[first + 1].starts_with("451 4.3.5 "));
  CHECK(lines[first + 2].starts_with("451 4."));
  CHECK(lines[first + 3].starts_with("550 5.1.3 "));
  CHECK(lines[first + 4].starts_with("501 5.1.3 "));
}

TEST_CASE("a mailbox that takes nothing from the Internet is 550 5.7.1, with the reason") {
  test::Gateway gateway;
  postoffice::MailboxSettings settings;
  settings.receive_from_internet = false;
  test::Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "anna", settings));
  const std::string to_both =
      "RCPT TO:<sales@example.com>\r\nRCPT TO:<ben@example.com>\r\nDATA\r\n";
  const auto refusal = [&](const std::string& xforward, const std::string& message) {
    const Answer answer = converse(gateway, "LHLO mx\r\nXFORWARD " + xforward +
                                                "\r\nMAIL FROM:<carol@remote.example>\r\n" +
                                                to_both + message + "\r\n.\r\nQUIT\r\n");
    REQUIRE(answer.lines.size() >= 3);
    CHECK(answer.lines[answer.lines.size() - 2].starts_with("250 "));  // ben
    return answer.lines[answer.lines.size() - 3];
  };
  const std::string refused = "550 5.7.1 mailbox anna takes no mail from the Internet";
  const auto received = [](const std::string& protocol) {
    return "Received: from pc (pc [192.0.2.1])\r\n\tby mx (Postfix) with " + protocol +
           " id 4F3A1\r\n\tfor <x>; today\r\n";
  };
  CHECK(refusal("IDENT=4F3A1 SOURCE=REMOTE", received("ESMTPS") + "Subject: a\r\n\r\nx") ==
        refused);
  CHECK(refusal("IDENT=4F3A1 ADDR=127.0.0.1 SOURCE=LOCAL", "Subject: b\r\n\r\nx") == refused);
  // At home here: logged in, or sendmail(1).
  CHECK(refusal("IDENT=4F3A1 SOURCE=REMOTE", received("ESMTPSA") + "Subject: c\r\n\r\nx")
            .starts_with("250 2.0.0 filed as"));
  CHECK(refusal("IDENT=4F3A1 SOURCE=LOCAL", "Subject: d\r\n\r\nx").starts_with("250 2.0.0 filed"));
}

TEST_CASE("a full mailbox is 452 4.2.2, or 552 5.2.2 as its postoffice is set") {
  for (const bool is_permanent : {false, true}) {
    test::Gateway gateway;
    const std::string file = gateway.folder() + "/GLB/postoffice.toml";
    if (is_permanent) {
      test::write_whole(file, test::read_whole(file) + "quota_reply = \"permanent\"\n");
    }
    postoffice::MailboxSettings settings;
    settings.quota.messages = 1;
    test::Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "anna", settings));
    const std::string to_both = "RCPT TO:<anna@example.com>\r\nRCPT TO:<ben@example.com>\r\n";
    const auto send = [&](const std::string& subject) {
      return converse(gateway, begin_message + to_both + "DATA\r\nSubject: " + subject +
                                   "\r\n\r\nx\r\n.\r\nQUIT\r\n");
    };
    CHECK(send("one").codes() == "220 250 250 250 250 354 250 250 221");
    const Answer full = send("two");
    CHECK(full.codes() ==
          std::string("220 250 250 250 250 354 ") + (is_permanent ? "552" : "452") + " 250 221");
    const std::string& line = full.lines[full.lines.size() - 3];
    CHECK(line == std::string(is_permanent ? "552 5.2.2" : "452 4.2.2") +
                      " mailbox anna is full: it holds 1 of 1 messages");
    // What was filed before is a duplicate, not refused.
    CHECK(send("one").codes() == "220 250 250 250 250 354 250 250 221");
    settings.quota = {.octets = 50, .messages = 0};
    test::Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "anna", settings));
    const Answer large = send("three");
    CHECK(large.lines[large.lines.size() - 3].starts_with("552 5.2.3 a message of "));
  }
}

TEST_CASE("a member of a group that is full for good is told to the group's owner") {
  test::Gateway gateway;
  const std::string file = gateway.folder() + "/GLB/postoffice.toml";
  test::write_whole(file, test::read_whole(file) + "quota_reply = \"permanent\"\n");
  const postoffice::Postoffice office = gateway.open();
  postoffice::MailboxSettings settings;
  settings.quota.octets = 1;
  test::Gateway::must(postoffice::write_mailbox_settings(office, "anna", settings));
  test::Gateway::must(office.add_mailbox("owner"));
  test::Gateway::must(postoffice::write_group(office, {"all", "owner", {"anna", "ben"}}));
  const Answer answer = converse(
      gateway, begin_message + "RCPT TO:<all@example.com>\r\nDATA\r\n" + content + ".\r\nQUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 354 250 221");
  CHECK(gateway.filed("ben").size() == 1);
  CHECK(gateway.filed("anna").empty());
  REQUIRE(gateway.filed("owner").size() == 1);
  const std::string report = test::read_whole(gateway.filed("owner").front());
  CHECK(report.find("larger than the quota of mailbox anna") != std::string::npos);
}

TEST_CASE("a dot at the start of a line survives, and only the true end is one") {
  test::Gateway gateway("keep_chain = \"always\"");
  const std::string smuggled = "one\r\n..two\r\n\n.\nMAIL FROM:<x@y>\r\n";
  const Answer answer = converse(gateway, begin_message + "RCPT TO:<anna@example.com>\r\nDATA\r\n" +
                                              "Subject: x\r\n\r\n" + smuggled + ".\r\nQUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 354 250 221");
  const auto kept = std::filesystem::directory_iterator(gateway.configuration->chain_directory());
  CHECK(test::read_whole(kept->path().string() + "/SMTP_IN.822")
            .ends_with("\r\n\r\none\r\n.two\r\n\r\n.\r\nMAIL FROM:<x@y>\r\n"));
}

TEST_CASE("8-bit octets and NUL and a line of a megabyte are filed") {
  test::Gateway gateway;
  const std::string body = std::string("\xff\xfe\0 \x80", 5) + std::string(1 << 20, 'x') + "\r\n";
  const Answer answer = converse(gateway, begin_message + "RCPT TO:<anna@example.com>\r\nDATA\r\n" +
                                              "Subject: x\r\n\r\n" + body + ".\r\nQUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 354 250 221");
  REQUIRE(gateway.filed("anna").size() == 1);
  CHECK(std::filesystem::file_size(gateway.filed("anna")[0]) > (1 << 20));
}

TEST_CASE("an empty message is filed") {
  test::Gateway gateway;
  const Answer answer =
      converse(gateway, begin_message + "RCPT TO:<anna@example.com>\r\nDATA\r\n.\r\nQUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 354 250 221");
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("a connection that breaks off files nothing, wherever it breaks") {
  const std::string whole =
      begin_message + "RCPT TO:<anna@example.com>\r\nDATA\r\n" + content + ".\r\n";
  test::Gateway gateway;
  for (std::size_t cut = 0; cut < whole.size(); cut += cut + 12 < whole.size() ? 7 : 1) {
    INFO("cut after " << cut);
    converse(gateway, whole.substr(0, cut));
    REQUIRE(gateway.filed("anna").empty());
  }
  converse(gateway, whole);
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("a peer that falls silent is told and left") {
  test::Gateway gateway;
  const Answer answer = converse(gateway, "LHLO mx\r\n", postoffice::FileSystem::posix(),
                                 std::chrono::milliseconds(50));
  CHECK(answer.last().starts_with("421 4.4.2 "));
}

TEST_CASE("a message beyond the size limit is refused for each recipient, and the next one taken") {
  test::Gateway gateway("", "[lmtp]\nsize_limit = 1000\n");
  const std::string big(2000, 'x');
  const Answer answer = converse(
      gateway, begin_message +
                   "RCPT TO:<anna@example.com>\r\nRCPT TO:<ben@example.com>\r\nDATA\r\n" + big +
                   "\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n" + content +
                   ".\r\nQUIT\r\n");
  CHECK(answer.codes() == "220 250 250 250 250 354 552 552 250 250 354 250 221");
  CHECK(gateway.filed("anna").size() == 1);
  CHECK(gateway.filed("ben").empty());
}

TEST_CASE("a full work disk is 452 for each recipient, after the data") {
  test::Gateway gateway;
  test::FaultFileSystem files;
  files.fault = [](const std::string& operation, const std::string&) {
    return operation == "create unnamed" ? ENOSPC : 0;
  };
  const Answer answer =
      converse(gateway,
               begin_message + "RCPT TO:<anna@example.com>\r\nRCPT TO:<ben@example.com>\r\n" +
                   "DATA\r\n" + std::string(3 << 20, 'x') + "\r\n.\r\nQUIT\r\n",
               files);
  CHECK(answer.codes() == "220 250 250 250 250 354 452 452 221");
  CHECK(answer.lines[answer.lines.size() - 2].starts_with("452 4.3.1 cannot "));
}

TEST_CASE("a mailbag that cannot be written is 4xx for its recipient only") {
  test::Gateway gateway;
  test::FaultFileSystem files;
  files.fault = [](const std::string& operation, const std::string& path) {
    return operation == "link" && path.find("/anna/") != std::string::npos ? EACCES : 0;
  };
  const Answer answer =
      converse(gateway,
               begin_message + "RCPT TO:<anna@example.com>\r\nRCPT TO:<ben@example.com>\r\n" +
                   "DATA\r\n" + content + ".\r\nQUIT\r\n",
               files);
  CHECK(answer.codes() == "220 250 250 250 250 354 451 250 221");
  CHECK(gateway.log.count("status=deferred (cannot link ") == 1);
}

TEST_CASE("a broken configuration defers everything, with its line") {
  test::Gateway gateway;
  test::write_whole(gateway.configuration_path(), "[gateway]\nwork = 1\n");
  const Answer answer = converse(gateway, begin_message);
  CHECK(answer.code == EX_CONFIG);
  REQUIRE(answer.lines.size() == 1);
  CHECK(answer.last().starts_with("421 4.3.5 "));
  CHECK(answer.last().find("smtpgate.toml:") != std::string::npos);
}

TEST_CASE("a reply is never longer than a line may be, nor more than one line") {
  test::Gateway gateway;
  const std::string name(3000, 'n');
  const Answer answer =
      converse(gateway, begin_message + "RCPT TO:<" + name +
                            "@example.com>\r\nRCPT TO:<\x1b[31m\xff@" + "example.com>\r\nQUIT\r\n");
  CHECK(answer.lines.size() == 12);  // and converse() checked the length of each
  for (const std::string& line : answer.lines) {
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("the ten thousand and first recipient is put off") {
  test::Gateway gateway;
  std::string input = begin_message;
  for (int i = 0; i < 10'001; ++i) input += "RCPT TO:<anna@example.com>\r\n";
  const Answer answer = converse(gateway, input + "DATA\r\n" + content + ".\r\nQUIT\r\n");
  CHECK(std::count_if(answer.lines.begin(), answer.lines.end(),
                      [](const std::string& line) { return line.starts_with("452 4.5.3 "); }) == 1);
  CHECK(std::count_if(answer.lines.begin(), answer.lines.end(), [](const std::string& line) {
          return line.find(" filed as ") != std::string::npos;
        }) == 10'000);
  CHECK(gateway.filed("anna").size() == 1);
}
