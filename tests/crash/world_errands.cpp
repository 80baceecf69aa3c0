// What people and services do with commands in the world of the crash tests; see world.h. What each
// errand is stands with its scenario.
#include <string>

#include "postoffice/hook_runner.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_settings.h"
#include "tests/crash/message_digest.h"
#include "tests/crash/test_clock.h"
#include "tests/crash/test_command.h"
#include "tests/crash/world.h"

namespace smtpgate::crash {

bool World::is_due(const Errand& errand) const {
  return !errand.is_due || errand.is_due(*this);
}

void World::run_errands() {
  for (std::size_t i = 0; i < scenario_->errands.size(); ++i) {
    const Errand& errand = scenario_->errands[i];
    // Whoever was broken off comes back, also where nothing seems to be left to do.
    const bool comes_back = errand.kind == Errand::Kind::once && broken_errands_.contains(i);
    if (done_errands_.contains(i) || !(comes_back || is_due(errand))) continue;
    const Outcome outcome = errand.run(*this, broken_errands_.contains(i));
    if (disk_.has_stopped() || !outcome.is_delivered()) {
      broken_errands_.insert(i);
      may_double_ += errand.may_double;
      may_lose_ += errand.may_lose;
    }
    if (disk_.has_stopped()) return;
    if (!outcome.is_delivered()) log_.warning(outcome.sentence());
    if (errand.kind == Errand::Kind::once && !outcome.is_temporary()) done_errands_.insert(i);
  }
}

/// Entries of the record are not synced: a power cut may let one message too many in.
void World::look_at_quota() {
  const std::string full = mailbag("gerd");
  std::size_t messages = 0;
  for (const char* part : {"/new", "/cur"}) {
    for (const std::string& name : disk_.names(full + part))
      messages += name.front() != '.' ? 1 : 0;
  }
  if (messages > 1 && !power_was_cut_) {
    broken_.push_back(std::string(damaged_mark) + " quota: " + std::to_string(messages) +
                      " messages where one may be");
  }
}

/// What a command has taken may be taken again until its message has left new/, and where the
/// runner says that it will be: it could not make sure that it has.
Outcome World::run_hooks(const std::string& mailbox) {
  const auto opened = postoffice::Postoffice::open(folder(), disk_);
  if (!opened) return opened.error();
  auto bag = postoffice::Mailbag::open(*opened, mailbox);
  if (!bag) return bag.error();
  auto settings = postoffice::read_mailbox_settings(*opened, mailbox);
  if (!settings) return settings.error();
  set_test_command([this](const std::string& directory, int attempt) {
    return run_command(directory, attempt);
  });
  postoffice::HookRunner runner(*opened, *bag,
                                [this](const std::string& line) { log_.info(line); });
  do {
    const Outcome started = runner.start_due(*settings, clock_now());
    if (!started.is_delivered()) return started;
    runner.poll(clock_now());
  } while (!runner.is_idle() && !disk_.has_stopped());
  const bool is_in_doubt = disk_.has_stopped() || runner.failures() > 0 ||
                           !disk_.names(mailbag(mailbox) + "/new").empty();
  may_double_ += is_in_doubt ? commands_in_hand_ : 0;
  commands_in_hand_ = 0;
  return runner.failures() == 0 ? Outcome::delivered("all done")
                                : Outcome::temporary("some commands failed");
}

int World::run_command(const std::string& directory, int attempt) {
  constexpr int no_directory = 127;
  if (!disk_.exists(directory)) return no_directory;
  const int code = scenario_->command ? scenario_->command(attempt) : 0;
  if (code != 0) return code;
  taken_.push_back("command took " + describe(directory));
  ++commands_in_hand_;
  return code;
}

}  // namespace smtpgate::crash
