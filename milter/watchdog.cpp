// The watchdog: see the header.
#include "milter/watchdog.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "milter/local_socket.h"

namespace smtpgate::milter {

namespace {

using namespace std::string_view_literals;

/// Milter protocol, SMFIC_OPTNEG: length, command, version 6, all actions, all steps; and then
/// SMFIC_QUIT.
constexpr std::string_view negotiation = "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"sv;
constexpr std::string_view quit = "\0\0\0\x01Q"sv;
/// Length and command of the answer.
constexpr std::size_t answer_head = 5;
constexpr int looks_in_a_time = 3;
constexpr std::chrono::milliseconds longest_answer{10'000};

}  // namespace

tl::expected<void, std::string> ask_milter(const std::string& path,
                                           std::chrono::milliseconds limit) {
  auto socket = LocalSocket::connect(LocalSocket::Kind::stream, path, limit);
  if (!socket || !socket->send(negotiation)) {
    return tl::unexpected(
        fmt::format("the milter on {} cannot be asked: {}", path, std::strerror(errno)));
  }
  errno = 0;
  const auto answer = socket->receive(answer_head);
  if (!answer || answer->size() < answer_head || answer->back() != 'O') {
    return tl::unexpected(fmt::format("the milter on {} does not answer: {}", path,
                                      errno == 0 ? "end of the connection" : std::strerror(errno)));
  }
  socket->send(quit);  // it would find out by itself
  return {};
}

void look_for_life(const WatchdogSurroundings& surroundings, std::string& told) {
  std::string trouble;
  if (!*surroundings.stopping) {
    if (const auto late = surroundings.pulse->late(); !late.empty()) {
      trouble = fmt::format("{}: stands still", fmt::join(late, ", "));
    } else if (const auto asked = ask_milter(
                   surroundings.socket,
                   std::min<std::chrono::milliseconds>(
                       longest_answer, std::chrono::duration_cast<std::chrono::milliseconds>(
                                           surroundings.manager->watchdog() / looks_in_a_time)));
               !asked) {
      trouble = asked.error();
    }
  }
  // It may have begun to stop while the door was asked.
  if (trouble.empty() || *surroundings.stopping) {
    if (const auto said = surroundings.manager->alive(); !said) trouble = said.error();
  } else {
    trouble += "; the service manager gets no sign of life, so that it starts smtpgate anew";
  }
  if (!trouble.empty() && trouble != told) surroundings.log->error(trouble);
  told = trouble;
}

void watch_for_life(const WatchdogSurroundings& surroundings) {
  const auto pause = surroundings.manager->watchdog() / looks_in_a_time;
  if (pause.count() <= 0) return;
  std::string told;
  for (;;) {
    look_for_life(surroundings, told);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace smtpgate::milter
