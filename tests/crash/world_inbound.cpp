// Mail from the Internet in the world of the crash tests: the client, door 1 in its transaction,
// Postfix's queue and its lmtp client. See world.h; what goes out is in world_outgoing.cpp.
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "milter/lmtp_server.h"
#include "milter/milter_session.h"
#include "tests/crash/world.h"

namespace smtpgate::crash {

using milter::MilterSession;

namespace {

std::string stuffed(const std::string& content) {
  std::string result;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '.') result += '.';
    at_start = c == '\n';
    result += c;
  }
  return result;
}

}  // namespace

bool World::answer_gets_out() {
  if (disk_.has_stopped()) return false;
  if (!answers_left) return true;
  if (*answers_left == 0) {
    disk_.stop();
    return false;
  }
  --*answers_left;
  return true;
}

/// The client's transaction, with the daemon in it.
void World::send_by_client(Inbound& inbound) {
  inbound.deletions.clear();
  MilterSession session({.configuration = [this] { return configuration_; },
                         .log = &log_,
                         .files = &disk_,
                         .stopping = [] { return false; }});
  session.connected("mail.remote.example", "192.0.2.1");
  session.mail_from("<" + inbound.mail.sender + ">", {}, {inbound.mail.sender, ""});
  for (const std::string& recipient : inbound.mail.recipients) {
    const auto refused = session.recipient("<" + recipient + ">", {}, {"smtpgate", std::nullopt});
    if (refused && !disk_.has_stopped()) refusals_.push_back(refused->code + " " + refused->text);
  }
  if (session.wants_content()) {
    const std::string& content = inbound.mail.content;
    std::size_t at = 0;
    for (;;) {
      const std::size_t end = content.find("\r\n", at);
      const std::string line = content.substr(at, end - at);
      at = end + 2;
      if (line.empty()) break;
      const std::size_t colon = line.find(':');
      session.header(line.substr(0, colon), line.substr(colon + 1));
    }
    session.end_of_headers();
    constexpr std::size_t chunk = 65'535;
    for (; at < content.size(); at += chunk) {
      session.body(std::string_view(content).substr(at, chunk));
    }
    session.end_of_message("4F3A1", [&](const std::string& path) {
      if (!answer_gets_out()) return false;
      inbound.deletions.push_back(path.substr(1, path.size() - 2));
      return true;
    });
  }
  if (!answer_gets_out()) return;
  inbound.is_accepted = true;
  inbound.queue = inbound.mail.recipients;
  for (const std::string& gone : inbound.deletions) std::erase(inbound.queue, gone);
}

/// One delivery of Postfix's lmtp client: what gets 250 leaves the queue.
void World::deliver_by_postfix(Inbound& inbound) {
  std::string input = "LHLO mx.example.com\r\nMAIL FROM:<" + inbound.mail.sender + ">\r\n";
  for (const std::string& recipient : inbound.queue) input += "RCPT TO:<" + recipient + ">\r\n";
  input += "DATA\r\n" + stuffed(inbound.mail.content) + ".\r\nQUIT\r\n";
  const std::vector<std::string> replies = lmtp(input);
  // Greeting, LHLO and MAIL first; without them nothing else has a meaning.
  std::size_t at = 0;
  while (at < replies.size() && replies[at].starts_with("2")) {
    if (replies[at].starts_with("250 2.1.0")) break;
    ++at;
  }
  if (at >= replies.size() || !replies[at].starts_with("250 2.1.0")) return;
  ++at;
  std::vector<std::string> taken;
  for (const std::string& recipient : inbound.queue) {
    if (at >= replies.size()) return;
    const std::string& reply = replies[at++];
    if (reply.starts_with("2")) taken.push_back(recipient);
    if (reply.starts_with("5")) refusals_.push_back(recipient + ": " + reply);
  }
  if (taken.empty() || at >= replies.size() || !replies[at++].starts_with("354")) return;
  for (const std::string& recipient : taken) {
    if (at >= replies.size() || !answer_gets_out()) return;
    const std::string& reply = replies[at++];
    if (reply.starts_with("2")) std::erase(inbound.queue, recipient);
    if (reply.starts_with("5")) refusals_.push_back(recipient + ": " + reply);
  }
}

/// A conversation with door 2; the last lines of its replies.
std::vector<std::string> World::lmtp(const std::string& input) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("no socket pair");
  }
  std::string output;
  {
    std::jthread writer([&] {
      std::size_t sent = 0;
      while (sent < input.size()) {
        const ssize_t count =
            ::send(ends[1], input.data() + sent, input.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) return;
        sent += static_cast<std::size_t>(count);
      }
    });
    milter::PeerStream stream(ends[0], ends[0], std::chrono::seconds(60));
    milter::LmtpServer(stream, source_, log_, disk_).run();
    ::shutdown(ends[0], SHUT_RDWR);
    writer.join();
    std::array<char, 65536> buffer{};
    ssize_t count = 0;
    while ((count = ::read(ends[1], buffer.data(), buffer.size())) > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(ends[0]);
  ::close(ends[1]);
  std::vector<std::string> replies;
  // The process is dead: what it would have said was not said.
  if (disk_.has_stopped()) return replies;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find("\r\n", at);
    const std::string line = output.substr(at, end - at);
    at = end + 2;
    if (line.size() > 3 && line[3] == '-') continue;
    replies.push_back(line);
  }
  return replies;
}

}  // namespace smtpgate::crash
