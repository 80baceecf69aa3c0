// Asking a daemon: see the header.
#include "milter/status_programs.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <termios.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "milter/daemon_question.h"
#include "milter/status_report.h"
#include "milter/status_text.h"
#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

tl::expected<StatusReport, Trouble> ask(const DaemonPlace& place) {
  const auto answer = ask_about(place, "status");
  if (!answer) return tl::unexpected(answer.error());
  auto report = parse_status_json(*answer);
  if (!report) return tl::unexpected(Trouble{EX_TEMPFAIL, "the daemon's answer is no status"});
  return std::move(*report);
}

volatile std::sig_atomic_t end_asked = 0;

extern "C" void on_end(int /*signal*/) {
  end_asked = 1;
}
extern "C" void on_resize(int /*signal*/) {}

/// A terminal in which keys come at once and unseen, on the other screen; as it was afterwards.
class Screen {
 public:
  Screen() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    put("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    put("\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Line by line, each cleared behind its end, so that nothing flickers.
  void draw(const std::string& text) {
    std::string octets = "\x1b[H";
    for (const char c : text) {
      if (c == '\n') octets += "\x1b[K\r";
      octets += c;
    }
    put(octets + "\x1b[K\x1b[J");
  }
  static winsize size() {
    winsize result{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &result) != 0 || result.ws_col == 0) {
      result.ws_col = 80;
      result.ws_row = 24;
    }
    return result;
  }

 private:
  static void put(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, octets.data(), octets.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      octets.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  termios before_{};
};

void handle_signals() {
  struct sigaction action{};
  action.sa_handler = on_end;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = on_resize;  // it ends the wait, and the next picture has the new size
  ::sigaction(SIGWINCH, &action, nullptr);
}

/// Waits for a key, a second, or a signal. False: it is time to end.
bool wait_a_second() {
  pollfd keys{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&keys, 1, 1000);
  if (end_asked != 0) return false;
  if (ready <= 0) return true;
  char key = 0;
  const ssize_t count = ::read(STDIN_FILENO, &key, 1);
  return count == 1 ? key != 'q' && key != 'Q' : count < 0;
}

}  // namespace

int run_status(const StatusOptions& options) {
  const auto daemon = find_daemon(options.configuration_path, options.work);
  if (!daemon) return tell(daemon.error());
  const auto report = ask(*daemon);
  if (!report) return tell(report.error());
  if (options.json) {
    std::cout << render_status_json(*report, true) << '\n';
  } else {
    const auto terminal = postoffice::Terminal::of_standard_output();
    std::cout << render_status_text(*report, terminal.width, terminal.with_colours);
  }
  return EX_OK;
}

int run_top(const StatusOptions& options) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return tell({EX_USAGE,
                 "top needs a terminal; \"smtpgate status\" prints the same once, "
                 "\"smtpgate status --json\" for programs"});
  }
  const auto daemon = find_daemon(options.configuration_path, options.work);
  if (!daemon) return tell(daemon.error());
  std::optional<StatusReport> before;
  auto asked = std::chrono::steady_clock::now();
  if (auto first = ask(*daemon)) {
    before = std::move(*first);
  } else {
    return tell(first.error());
  }
  const bool with_colours = postoffice::Terminal::of_standard_output().with_colours;
  handle_signals();
  Screen screen;
  Rates rates;
  do {
    const winsize size = Screen::size();
    const auto report = ask(*daemon);
    if (!report) {
      screen.draw(printable(report.error().sentence) + "\nwaiting for it; q quits");
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - asked).count();
    // Between two pictures that a resize made follow each other there is nothing to measure.
    if (seconds > 0.5) {
      rates = rates_between(*before, *report, seconds);
      before = *report;
      asked = now;
    }
    screen.draw(render_top(*report, rates, size.ws_col, size.ws_row, with_colours));
  } while (wait_a_second());
  return EX_OK;
}

}  // namespace smtpgate::milter
