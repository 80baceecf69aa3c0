// An SMTP server on a loopback port that answers as a test says: any reply at any command, silence,
// an end, octets one by one, TLS. Remembers what it was told. Its threads end with it.
#pragma once

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/data_unstuffer.h"

namespace smtpgate::test {

/// What a server is asked: the stage is the verb, or CONNECT, CONTENT (the data have ended), LINE
/// (of an AUTH dialogue).
struct Step {
  std::string stage;
  std::string line;
  int connection = 0;  ///< from 1
  int count = 0;       ///< how often this stage came on this connection, from 1
};

enum class Then {
  go_on,
  close,         ///< after what was said, the end
  hang,          ///< after what was said, silence
  drip,          ///< what is to be said comes octet by octet, and begins anew for ever
  read_nothing,  ///< after what was said, not even input is taken
};

struct Reaction {
  std::string text;  ///< as it goes out
  Then then = Then::go_on;
};

/// nullopt: as an ordinary server would.
using React = std::function<std::optional<Reaction>(const Step&)>;

struct TakenMessage {
  std::string mail;
  std::vector<std::string> recipients;  ///< the RCPT lines that were accepted
  std::string content;                  ///< without the doubled dots
};

class ScriptedServer {
 public:
  struct Options {
    React react = {};
    std::vector<std::string> extensions = {"PIPELINING", "SIZE 0", "8BITMIME",
                                           "SMTPUTF8",   "DSN",    "ENHANCEDSTATUSCODES"};
    std::shared_ptr<SSL_CTX> tls = {};  ///< for STARTTLS
    /// Takes the content instead of keeping it.
    std::function<void(std::string_view)> take_content = {};
  };

  ScriptedServer() : ScriptedServer(Options{}) {}
  explicit ScriptedServer(React react) : ScriptedServer(Options{.react = std::move(react)}) {}
  explicit ScriptedServer(Options options) : options_(std::move(options)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (listener_ < 0 ||
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 100) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      throw std::runtime_error("no loopback port for the test's server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      // OpenSSL writes with write(2), and the gateway may have left: for this server that is an
      // error, not a signal. Its threads inherit this; the gateway's own keep theirs.
      sigset_t pipe;
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      accept_all();
    });
  }

  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard guard(mutex_);
      for (const Connection& one : connections_) ::shutdown(one.socket, SHUT_RDWR);
    }
    for (Connection& one : connections_) {
      one.thread.join();
      ::close(one.socket);
    }
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string host(const std::string& name) const { return name + ":" + std::to_string(port_); }

  std::vector<Step> steps() const {
    const std::lock_guard guard(mutex_);
    return steps_;
  }
  std::vector<TakenMessage> messages() const {
    const std::lock_guard guard(mutex_);
    return messages_;
  }
  int connections() const {
    const std::lock_guard guard(mutex_);
    return static_cast<int>(connections_.size());
  }
  /// How often a stage came, on all connections.
  int count(std::string_view stage) const {
    const std::lock_guard guard(mutex_);
    return static_cast<int>(std::count_if(steps_.begin(), steps_.end(),
                                          [&](const Step& step) { return step.stage == stage; }));
  }
  /// All stages in order, as words.
  std::string stages() const {
    std::string result;
    for (const Step& step : steps()) result += (result.empty() ? "" : " ") + step.stage;
    return result;
  }
  /// The largest number of commands that came in one block.
  int largest_group() const {
    const std::lock_guard guard(mutex_);
    return largest_group_;
  }

 private:
  struct Connection {
    int socket = -1;
    std::thread thread;
  };

  struct Talk {
    int socket = -1;
    int number = 0;
    std::unique_ptr<SSL, decltype(&SSL_free)> tls{nullptr, &SSL_free};
    std::string input;
    std::vector<Step> counts;
    TakenMessage message;
  };

  void accept_all() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard guard(mutex_);
      Connection& one = connections_.emplace_back();
      one.socket = socket;
      const int number = static_cast<int>(connections_.size());
      one.thread = std::thread([this, socket, number] {
        serve(socket, number);
        ::shutdown(socket, SHUT_RDWR);
      });
    }
  }

  bool send(Talk& talk, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count =
          talk.tls ? SSL_write(talk.tls.get(), text.data(), static_cast<int>(text.size()))
                   : ::send(talk.socket, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool receive(Talk& talk) {
    std::string block(64 * 1024, '\0');
    const ssize_t count =
        talk.tls ? SSL_read(talk.tls.get(), block.data(), static_cast<int>(block.size()))
                 : ::recv(talk.socket, block.data(), block.size(), 0);
    if (count <= 0) return false;
    block.resize(static_cast<std::size_t>(count));
    const auto lines = static_cast<int>(std::count(block.begin(), block.end(), '\n'));
    {
      const std::lock_guard guard(mutex_);
      if (!in_content_) largest_group_ = std::max(largest_group_, lines);
    }
    talk.input += block;
    return true;
  }

  bool read_line(Talk& talk, std::string& line) {
    for (;;) {
      const std::size_t end = talk.input.find('\n');
      if (end != std::string::npos) {
        line = talk.input.substr(0, end);
        if (line.ends_with('\r')) line.pop_back();
        talk.input.erase(0, end + 1);
        return true;
      }
      if (!receive(talk)) return false;
    }
  }

  /// Says what is to be said; false when the connection is over.
  bool perform(Talk& talk, const Reaction& reaction) {
    if (reaction.then == Then::drip) {
      // Until the client has had enough: an octet, and a look whether it is still there.
      for (;;) {
        for (const char octet : reaction.text) {
          if (!send(talk, std::string_view(&octet, 1))) return false;
          pollfd entry{talk.socket, POLLIN | POLLRDHUP, 0};
          if (::poll(&entry, 1, 1) > 0 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0) {
            return false;
          }
        }
      }
    }
    if (!send(talk, reaction.text)) return false;
    if (reaction.then == Then::hang) {
      std::string ignored(64 * 1024, '\0');
      while (::recv(talk.socket, ignored.data(), ignored.size(), 0) > 0) {
      }
    }
    if (reaction.then == Then::read_nothing) {
      pollfd entry{talk.socket, POLLRDHUP, 0};
      ::poll(&entry, 1, 60'000);
    }
    return reaction.then == Then::go_on;
  }

  /// The reply that was given, empty if the connection is over.
  std::string react(Talk& talk, std::string stage, std::string line, const std::string& ordinary) {
    Step step{std::move(stage), std::move(line), talk.number, 1};
    for (const Step& before : talk.counts) {
      if (before.stage == step.stage) ++step.count;
    }
    talk.counts.push_back(step);
    {
      const std::lock_guard guard(mutex_);
      steps_.push_back(step);
    }
    std::optional<Reaction> wanted;
    if (options_.react) wanted = options_.react(step);
    if (!wanted) wanted = Reaction{ordinary, step.stage == "QUIT" ? Then::close : Then::go_on};
    // Noted before it is said, since whoever hears it may look.
    if (talk.counts.back().stage == "CONTENT" && wanted->text.starts_with("250 2")) {
      const std::lock_guard guard(mutex_);
      messages_.push_back(talk.message);
    }
    if (!perform(talk, *wanted)) return {};
    return wanted->text.empty() ? " " : wanted->text;
  }

  std::string hello() const {
    std::string result = options_.extensions.empty() ? "250 " : "250-";
    result += "sink.example\r\n";
    for (std::size_t i = 0; i < options_.extensions.size(); ++i) {
      result +=
          (i + 1 == options_.extensions.size() ? "250 " : "250-") + options_.extensions[i] + "\r\n";
    }
    return result;
  }

  bool start_tls(Talk& talk) {
    talk.tls.reset(SSL_new(options_.tls.get()));
    SSL_set_fd(talk.tls.get(), talk.socket);
    return SSL_accept(talk.tls.get()) == 1;
  }

  bool take_content(Talk& talk) {
    milter::DataUnstuffer unstuffer;
    {
      const std::lock_guard guard(mutex_);
      in_content_ = true;
    }
    while (!unstuffer.at_end()) {
      if (talk.input.empty() && !receive(talk)) return false;
      const std::size_t used = unstuffer.feed(talk.input, [&](std::string_view piece) {
        if (options_.take_content) {
          options_.take_content(piece);
        } else {
          talk.message.content += piece;
        }
      });
      talk.input.erase(0, used);
    }
    const std::lock_guard guard(mutex_);
    in_content_ = false;
    return true;
  }

  bool take_data(Talk& talk, const std::string& line) {
    const std::string ordinary =
        talk.message.recipients.empty() ? "554 5.5.1 no valid recipients\r\n" : "354 go\r\n";
    const std::string said = react(talk, "DATA", line, ordinary);
    if (said.empty()) return false;
    if (!said.starts_with("354")) return true;
    if (!take_content(talk)) return false;
    const std::string end = react(talk, "CONTENT", "", "250 2.0.0 Ok: queued as 4ABCdef\r\n");
    talk.message = {};
    return !end.empty();
  }

  bool take_command(Talk& talk, const std::string& line) {
    std::string verb = line.substr(0, line.find(' '));
    if (verb == "DATA") return take_data(talk, line);
    if (verb == "EHLO") return !react(talk, verb, line, hello()).empty();
    if (verb == "AUTH") {
      std::string said = react(talk, verb, line, "235 2.7.0 welcome\r\n");
      while (said.starts_with("334")) {
        std::string answer;
        if (!read_line(talk, answer)) return false;
        said = react(talk, "LINE", answer, "235 2.7.0 welcome\r\n");
      }
      return !said.empty();
    }
    const std::string said = react(talk, verb, line,
                                   verb == "STARTTLS" ? "220 ready\r\n"
                                   : verb == "QUIT"   ? "221 bye\r\n"
                                                      : "250 2.1.0 Ok\r\n");
    if (said.empty()) return false;
    const bool taken = said.starts_with('2');
    if (verb == "STARTTLS" && taken) return start_tls(talk);
    if (verb == "MAIL" && taken) talk.message.mail = line;
    if (verb == "RCPT" && taken) talk.message.recipients.push_back(line);
    if (verb == "RSET") talk.message = {};
    return true;
  }

  void serve(int socket, int number) {
    Talk talk;
    talk.socket = socket;
    talk.number = number;
    if (react(talk, "CONNECT", "", "220 sink.example ESMTP\r\n").empty()) return;
    std::string line;
    while (read_line(talk, line) && take_command(talk, line)) {
    }
  }

  Options options_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::list<Connection> connections_;
  std::vector<Step> steps_;
  std::vector<TakenMessage> messages_;
  int largest_group_ = 0;
  bool in_content_ = false;
};

/// Says `text` at every `stage`.
inline React at(std::string stage, Reaction reaction) {
  return [stage = std::move(stage),
          reaction = std::move(reaction)](const Step& step) -> std::optional<Reaction> {
    if (step.stage == stage) return reaction;
    return std::nullopt;
  };
}

}  // namespace smtpgate::test
