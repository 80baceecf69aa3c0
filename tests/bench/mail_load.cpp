// Sends mail as fast as a server takes it, and says how long each message took: N sessions at once,
// M messages in all, K recipients each, out of given message files. Every message is another one
// (a Message-ID of its own on top), so that no server can take it for a duplicate.
//
// For tests/bench/run. Not for whether what arrives is right: the end-to-end tests look at that.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 25;
  int sessions = 10;
  int messages = 1000;
  int recipients = 1;
  int boxes = 50;
  std::string domain = "bench.test";
  std::string run = "1";
  std::vector<std::string> files;
};

/// A file as DATA sends it: CR LF, dots doubled, the final dot behind it.
std::string on_the_wire(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string result;
  result.reserve(text.size() + text.size() / 40);
  bool at_start = true;
  for (const char c : text) {
    if (c == '\r') continue;
    if (at_start && c == '.') result += '.';
    if (c == '\n') result += '\r';
    result += c;
    at_start = c == '\n';
  }
  if (!at_start) result += "\r\n";
  return result + ".\r\n";
}

/// One SMTP connection; throws what went wrong.
class Session {
 public:
  explicit Session(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("cannot connect: ") + std::strerror(errno));
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    expect("220");
    send("EHLO load.test\r\n");
    expect("250");
  }
  ~Session() { ::close(fd_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void deliver(const std::string& envelope, int recipients, const std::string& top,
               const std::string& content) {
    send(envelope);  // pipelined up to DATA
    expect("250");
    for (int i = 0; i < recipients; ++i) expect("250");
    expect("354");
    send(top);
    send(content);
    expect("250");
  }

 private:
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error("the server has left");
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void expect(std::string_view code) {
    std::string line;
    do {
      line = next_line();
    } while (line.size() > 3 && line[3] == '-');
    if (!line.starts_with(code)) throw std::runtime_error("the server said " + line);
  }

  std::string next_line() {
    for (;;) {
      const std::size_t end = input_.find("\r\n");
      if (end != std::string::npos) {
        std::string line = input_.substr(0, end);
        input_.erase(0, end + 2);
        return line;
      }
      char buffer[4096];
      const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) throw std::runtime_error("the server has left");
      input_.append(buffer, static_cast<std::size_t>(count));
    }
  }

  int fd_;
  std::string input_;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    for (const std::string& path : options.files) contents_.push_back(on_the_wire(path));
  }

  void run() {
    const Clock::time_point began = Clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.sessions; ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
  }

  int report() {
    std::sort(milliseconds_.begin(), milliseconds_.end());
    const auto at = [&](double part) {
      if (milliseconds_.empty()) return 0.0;
      const auto last = static_cast<double>(milliseconds_.size() - 1);
      return milliseconds_[static_cast<std::size_t>(part * last)];
    };
    fmt::print(
        "{{\"messages\": {}, \"seconds\": {:.4f}, \"p50_ms\": {:.3f}, \"p90_ms\": {:.3f}, "
        "\"p99_ms\": {:.3f}, \"max_ms\": {:.3f}}}\n",
        milliseconds_.size(), seconds_, at(0.5), at(0.9), at(0.99), at(1.0));
    if (failure_.empty()) return EX_OK;
    fmt::print(stderr, "mail_load: {}\n", failure_);
    return EX_UNAVAILABLE;
  }

 private:
  void work() {
    std::vector<double> mine;
    try {
      Session session(options_.port);
      for (int number = next_++; number < options_.messages; number = next_++) {
        std::string envelope = "MAIL FROM:<sender@load.test>\r\n";
        for (int i = 0; i < options_.recipients; ++i) {
          envelope +=
              fmt::format("RCPT TO:<box{}@{}>\r\n", (number + i) % options_.boxes, options_.domain);
        }
        const Clock::time_point began = Clock::now();
        session.deliver(envelope + "DATA\r\n", options_.recipients,
                        fmt::format("Message-ID: <{}.{}@load.test>\r\n", number, options_.run),
                        contents_[static_cast<std::size_t>(number) % contents_.size()]);
        mine.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
      }
    } catch (const std::exception& exception) {
      next_ = options_.messages;
      const std::lock_guard guard(mutex_);
      failure_ = exception.what();
    }
    const std::lock_guard guard(mutex_);
    milliseconds_.insert(milliseconds_.end(), mine.begin(), mine.end());
  }

  const Options& options_;
  std::vector<std::string> contents_;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;
  std::vector<double> milliseconds_;
  std::string failure_;
  double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Sends mail to 127.0.0.1 as fast as it is taken; one line of JSON tells how fast.",
               "mail_load"};
  Options options;
  app.add_option("--port", options.port, "of the server")->required();
  app.add_option("--sessions", options.sessions, "at once")->capture_default_str();
  app.add_option("--messages", options.messages, "in all")->capture_default_str();
  app.add_option("--recipients", options.recipients, "of each")->capture_default_str();
  app.add_option("--boxes", options.boxes, "box0 to box(N-1), in turn")->capture_default_str();
  app.add_option("--domain", options.domain, "of the recipients")->capture_default_str();
  app.add_option("--run", options.run, "a word that makes Message-IDs new")->capture_default_str();
  app.add_option("FILE", options.files, "messages, in turn, without Message-ID")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    Load load(options);
    load.run();
    return load.report();
  } catch (const std::exception& exception) {
    fmt::print(stderr, "mail_load: {}\n", exception.what());
    return EX_UNAVAILABLE;
  }
}
