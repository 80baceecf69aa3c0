// The daemon's way out: see the header. One scout thread finds what is to be sent, some sender
// threads send it, and one gives signs of life. Everything that counts lies in the folders.
#include "milter/outbound_service.h"

#include <thread>
#include <utility>
#include <vector>

#include "milter/outbound_scout.h"
#include "milter/outbound_senders.h"
#include "milter/sign_of_life.h"

namespace smtpgate::milter {

struct OutboundService::State {
  explicit State(Surroundings given)
      : surroundings(std::move(given)),
        senders(surroundings),
        scout(surroundings, senders),
        sign_of_life(surroundings, [this] { scout.look_at_everything(); }) {}

  Surroundings surroundings;
  OutboundSenders senders;
  OutboundScout scout;
  SignOfLife sign_of_life;
  std::vector<std::thread> threads;
};

OutboundService::OutboundService(Surroundings surroundings)
    : state_(std::make_unique<State>(std::move(surroundings))) {}

OutboundService::~OutboundService() {
  ask_stop();
  for (std::thread& thread : state_->threads) thread.join();
}

void OutboundService::start() {
  const auto configuration = state_->surroundings.configuration();
  if (!configuration->outbound.enabled) return;
  state_->senders.use(configuration->designated_host);
  state_->threads.emplace_back([this] { state_->sign_of_life.run(); });
  state_->threads.emplace_back([this] { state_->scout.run(); });
  // Twice as many as connections: while one message is on its connection another is converted, or
  // taken away, which waits for the disk.
  for (unsigned i = 0; i < 2 * configuration->designated_host.connections; ++i) {
    state_->threads.emplace_back([this] { state_->senders.run(); });
  }
}

void OutboundService::ask_stop() {
  state_->sign_of_life.stop();
  state_->scout.ask_stop();
  state_->senders.ask_stop();
}

void OutboundService::reload() {
  state_->scout.reload();
}

bool OutboundService::stop(std::chrono::milliseconds limit) {
  ask_stop();
  return state_->senders.wait_until_idle(limit);
}

}  // namespace smtpgate::milter
