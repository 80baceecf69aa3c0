// Look-ups in threads that may be left behind: see the header.
#include "milter/host_resolver.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "milter/blocked_signals.h"

namespace smtpgate::milter {

namespace {

constexpr std::chrono::milliseconds stop_slice{100};

bool is_numeric(const HostAndPort& host) {
  in_addr v4{};
  return host.host.find(':') != std::string::npos ||
         ::inet_pton(AF_INET, host.host.c_str(), &v4) == 1;
}

}  // namespace

struct HostResolver::State {
  /// For those that wait for it, if they still do.
  struct InHand {
    std::optional<Answer> answer;
  };

  explicit State(LookUp given) : look_up(std::move(given)) {}

  Answer ask(const HostAndPort& host) const {
    try {
      return look_up(host);
    } catch (const std::exception& exception) {
      return tl::unexpected(std::string(exception.what()));
    }
  }

  const LookUp look_up;
  std::mutex mutex;
  std::condition_variable answered;
  std::map<std::string, std::shared_ptr<InHand>> in_hand;  ///< by name and port
};

HostResolver::HostResolver(LookUp look_up) : state_(std::make_shared<State>(std::move(look_up))) {}

HostResolver& HostResolver::system() {
  static HostResolver resolver;
  return resolver;
}

HostResolver::Answer HostResolver::resolve(const HostAndPort& host, std::chrono::milliseconds limit,
                                           const std::function<bool()>& stop) {
  if (is_numeric(host)) return state_->ask(host);
  const auto end = std::chrono::steady_clock::now() + limit;
  const std::string name = host.host + ":" + host.port;
  std::unique_lock lock(state_->mutex);
  std::shared_ptr<State::InHand>& known = state_->in_hand[name];
  if (!known) {
    if (state_->in_hand.size() > most_look_ups) {
      state_->in_hand.erase(name);
      return tl::unexpected(
          fmt::format("the resolver has not answered {} earlier questions", most_look_ups));
    }
    auto asked = std::make_shared<State::InHand>();
    try {
      const BlockedSignals blocked;
      std::thread([state = state_, host, name, asked] {
        Answer answer = state->ask(host);
        const std::lock_guard guard(state->mutex);
        asked->answer = std::move(answer);
        state->in_hand.erase(name);
        state->answered.notify_all();
      }).detach();
    } catch (const std::exception& exception) {
      state_->in_hand.erase(name);
      return tl::unexpected(std::string("no thread for the look-up: ") + exception.what());
    }
    known = std::move(asked);
  }
  const std::shared_ptr<State::InHand> mine = known;
  while (!mine->answer) {
    if (stop && stop()) return tl::unexpected(std::string("was left: we are stopping"));
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) {
      return tl::unexpected(fmt::format("the resolver has not answered for {} s",
                                        static_cast<double>(limit.count()) / 1000));
    }
    state_->answered.wait_until(lock, stop ? std::min(end, now + stop_slice) : end);
  }
  return *mine->answer;
}

}  // namespace smtpgate::milter
