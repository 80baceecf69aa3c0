// The daemon's way out: see the header. One scout thread hears of changes, picks up outboxes and
// keeps the list of what is due; some sender threads take what is due and try it. Everything that
// counts lies in the folders; what is in memory here can be lost at any moment.
#include "milter/outbound_service.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "milter/due_messages.h"
#include "milter/outbound_message.h"
#include "milter/outbox_watch.h"
#include "milter/submission.h"
#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

using postoffice::OutboxNote;
using postoffice::OutgoingMail;
using postoffice::Postoffice;
using SteadyClock = std::chrono::steady_clock;

namespace {

/// How long nothing is tried after the designated host could not be spoken to; it doubles.
constexpr std::chrono::seconds first_host_pause{10};
constexpr std::chrono::seconds longest_host_pause{300};
/// Until what met passing trouble while it was picked up is gone through again.
constexpr std::int64_t unfinished_pause = 60;

std::int64_t wall_clock() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

}  // namespace

struct OutboundService::State {
  explicit State(Surroundings given) : surroundings(std::move(given)) {}

  Surroundings surroundings;
  OutboxWatch watch;
  std::vector<std::thread> threads;
  std::atomic<bool> stopping = false;
  std::atomic<bool> reload_asked = true;  ///< for the first time at the start

  std::mutex mutex;
  std::condition_variable changed;
  DueMessages due;
  std::shared_ptr<Submitter> submitter;
  std::map<DueMessages::Key, postoffice::OutgoingState> unsaved;  ///< results not yet on disk
  SteadyClock::time_point host_pause_end{};
  std::chrono::seconds host_pause = first_host_pause;
  std::optional<DueMessages::Key> probe;  ///< the one try that shows whether the host is back

  // The scout's own.
  std::vector<converter::ServedPostoffice> served;
  /// When an outbox is to be looked at again; with an empty name, what was taken already.
  std::map<std::pair<std::string, std::string>, std::int64_t> look_again;

  Log& log() { return *surroundings.log; }

  void scout();
  void senders_loop();

  void take_configuration();
  void look_at_all();
  void look_at_outbox(const converter::ServedPostoffice& office, const std::string& mailbox);
  void look_at_outgoing(const converter::ServedPostoffice& office);
  void look_at_postoffice(const converter::ServedPostoffice& office);
  void resume_taken(const converter::ServedPostoffice& office, const Postoffice& opened);
  void note_again(const converter::ServedPostoffice& office, const std::string& mailbox,
                  const postoffice::OutboxResult& result);
  postoffice::OutboxOptions outbox_options() const;
  void act_on(const OutboxWatch::Hint& hint);
  void look_at_again();
  std::chrono::milliseconds until(SteadyClock::time_point next_poll) const;
  void tell(const converter::ServedPostoffice& office, const OutboxNote& note);

  std::optional<DueMessages::Key> wait_for_due();
  TryResult try_one(const DueMessages::Key& key);
  void note_host(HostState host);
};

void OutboundService::State::tell(const converter::ServedPostoffice& office,
                                  const OutboxNote& note) {
  const std::string where = note.mailbox + "/outbox/" + note.file;
  if (note.recipient.empty()) {
    const std::string text = fmt::format("{}: {}: {}", note.id.empty() ? "NOQUEUE" : note.id, where,
                                         note.outcome.sentence());
    note.outcome.is_delivered() ? log().info(text) : log().warning(text);
    return;
  }
  log().info(delivery_line(note.id, note.recipient, postoffice_relay(office.name.str()), {},
                           note.outcome));
}

void OutboundService::State::take_configuration() {
  const auto configuration = surroundings.configuration();
  served = configuration->converter.postoffices;
  std::vector<std::string> directories;
  for (const auto& office : served) directories.push_back(office.directory);
  watch.set_postoffices(directories);
  if (watch.unwatched() > 0) {
    log().warning(
        fmt::format("{} outboxes cannot be watched; they are looked at every {} s; raise "
                    "fs.inotify.max_user_watches",
                    watch.unwatched(), configuration->outbound.poll.count()));
  }
  const std::lock_guard guard(mutex);
  due.forget_postoffices_but({directories.begin(), directories.end()});
  for (const std::string& directory : directories) due.look_again(directory);
  // Tries that run keep the old one until they end. The host may be another one now.
  submitter = std::make_shared<Submitter>(configuration->designated_host);
  host_pause = first_host_pause;
  host_pause_end = {};
}

postoffice::OutboxOptions OutboundService::State::outbox_options() const {
  const auto configuration = surroundings.configuration();
  return {.wait = configuration->outbound.outbox_wait.count(),
          .expire = configuration->outbound.expire.count(),
          .now = {}};
}

/// No mailbox: what was taken already and waits in P1.
void OutboundService::State::note_again(const converter::ServedPostoffice& office,
                                        const std::string& mailbox,
                                        const postoffice::OutboxResult& result) {
  std::optional<std::int64_t> when = result.look_again;
  if (result.unfinished > 0) {
    const std::int64_t pause = wall_clock() + unfinished_pause;
    when = std::min(when.value_or(pause), pause);
    // Some of it was taken, and is no longer in the outbox.
    look_again.try_emplace({office.directory, std::string()}, pause);
  }
  if (when) look_again[{office.directory, mailbox}] = *when;
}

void OutboundService::State::look_at_outbox(const converter::ServedPostoffice& office,
                                            const std::string& mailbox) {
  auto opened = Postoffice::open(office.directory, *surroundings.files);
  if (!opened) return;  // look_at_postoffice() has said so
  const auto result = postoffice::pick_up_outbox(
      *opened, mailbox, outbox_options(), [&](const OutboxNote& note) { tell(office, note); });
  look_again.erase({office.directory, mailbox});
  if (!result) {
    log().warning(office.name.str() + ": " + result.error().sentence());
  } else {
    note_again(office, mailbox, *result);
  }
}

void OutboundService::State::resume_taken(const converter::ServedPostoffice& office,
                                          const Postoffice& opened) {
  const auto resumed = postoffice::resume_taken_files(
      opened, outbox_options(), [&](const OutboxNote& note) { tell(office, note); });
  look_again.erase({office.directory, std::string()});
  if (!resumed) {
    log().warning(office.name.str() + ": " + resumed.error().sentence());
  } else {
    note_again(office, {}, *resumed);
  }
}

void OutboundService::State::look_at_outgoing(const converter::ServedPostoffice& office) {
  auto opened = Postoffice::open(office.directory, *surroundings.files);
  if (!opened) return;
  const auto ids = OutgoingMail(*opened).waiting();
  if (!ids) {
    log().warning(office.name.str() + ": " + ids.error().sentence());
    return;
  }
  const std::lock_guard guard(mutex);
  due.replace(office.directory, *ids);
  changed.notify_all();
}

void OutboundService::State::look_at_postoffice(const converter::ServedPostoffice& office) {
  const auto configuration = surroundings.configuration();
  auto opened = Postoffice::open(office.directory, *surroundings.files);
  if (!opened) {
    log().warning(opened.error().sentence() + "; its outgoing mail waits");
    return;
  }
  const auto taken_over = OutgoingMail(*opened).keep_alive(configuration->outbound.lease.count());
  if (!taken_over) {
    log().warning(office.name.str() + ": " + taken_over.error().sentence());
  } else if (*taken_over > 0) {
    log().info(fmt::format("{}: taken over from a host that is not alive: {}", office.name.str(),
                           *taken_over));
  }
  // Also what a command has adopted from another host, and what an earlier look could not finish.
  resume_taken(office, *opened);
  const auto mailboxes = opened->list_mailboxes();
  if (!mailboxes) {
    log().warning(office.name.str() + ": " + mailboxes.error().sentence());
    return;
  }
  for (const std::string& mailbox : *mailboxes) {
    if (stopping) return;
    look_at_outbox(office, mailbox);
  }
}

/// What waits first, so that a full outbox does not hold it up; one postoffice in trouble does not
/// keep the others from being looked at.
void OutboundService::State::look_at_all() {
  for (const auto& office : served) look_at_outgoing(office);
  for (const auto& office : served) {
    if (stopping) return;
    try {
      look_at_postoffice(office);
    } catch (const std::exception& exception) {
      log().error(fmt::format("{}: looking for outgoing mail failed: {}; it is tried again",
                              office.name.str(), exception.what()));
    }
    look_at_outgoing(office);
  }
}

void OutboundService::State::look_at_again() {
  const std::int64_t now = wall_clock();
  std::vector<std::pair<std::string, std::string>> ready;
  for (const auto& [key, when] : look_again) {
    if (when <= now) ready.push_back(key);
  }
  for (const auto& [directory, mailbox] : ready) {
    const auto office = std::find_if(served.begin(), served.end(),
                                     [&](const auto& one) { return one.directory == directory; });
    look_again.erase({directory, mailbox});
    if (office == served.end()) continue;
    if (!mailbox.empty()) {
      look_at_outbox(*office, mailbox);
    } else if (auto opened = Postoffice::open(directory, *surroundings.files)) {
      resume_taken(*office, *opened);
    }
  }
}

void OutboundService::State::act_on(const OutboxWatch::Hint& hint) {
  for (const auto& [place, mailbox] : hint.outboxes) {
    if (stopping || place >= served.size()) return;
    look_at_outbox(served[place], mailbox);
  }
  const std::lock_guard guard(mutex);
  for (const auto& [place, name] : hint.outgoing) {
    if (place >= served.size()) continue;
    if (name == postoffice::attention_name) {
      due.look_again(served[place].directory);
    } else if (postoffice::is_outgoing_id(name)) {
      // Our own giving back is heard of, too; then it is known or in hand.
      due.add(served[place].directory, name);
    }
  }
  changed.notify_all();
}

std::chrono::milliseconds OutboundService::State::until(SteadyClock::time_point next_poll) const {
  auto limit =
      std::chrono::duration_cast<std::chrono::milliseconds>(next_poll - SteadyClock::now());
  for (const auto& [key, when] : look_again) {
    limit = std::min<std::chrono::milliseconds>(
        limit, std::chrono::seconds(std::max<std::int64_t>(when - wall_clock(), 0)));
  }
  return std::max(limit, std::chrono::milliseconds(0));
}

void OutboundService::State::scout() {
  SteadyClock::time_point next_poll{};
  while (!stopping) {
    try {
      if (reload_asked.exchange(false)) {
        take_configuration();
        next_poll = {};
      }
      if (SteadyClock::now() >= next_poll) {
        look_at_all();
        next_poll = SteadyClock::now() + surroundings.configuration()->outbound.poll;
      }
      look_at_again();
      const OutboxWatch::Hint hint = watch.wait(until(next_poll));
      if (hint.everything) {
        next_poll = {};
        const std::lock_guard guard(mutex);
        for (const auto& office : served) due.look_again(office.directory);
      }
      if (!stopping) act_on(hint);
    } catch (const std::exception& exception) {
      log().error(
          fmt::format("looking for outgoing mail failed: {}; it is tried again", exception.what()));
      next_poll = SteadyClock::now() + first_host_pause;
    }
  }
}

std::optional<DueMessages::Key> OutboundService::State::wait_for_due() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto now = SteadyClock::now();
    if (now < host_pause_end) {
      changed.wait_until(lock, host_pause_end);
      continue;
    }
    // After a pause one try shows whether the host is back, before all others follow.
    const bool probing = host_pause > first_host_pause;
    if (!probing || !probe) {
      if (auto key = due.begin(wall_clock())) {
        if (probing) probe = key;
        return key;
      }
    }
    const std::int64_t next = due.next_due();
    if (next == DueMessages::never || probing) {
      changed.wait_for(lock, first_host_pause);
    } else {
      const std::int64_t seconds = std::clamp<std::int64_t>(next - wall_clock(), 1, 60);
      changed.wait_for(lock, std::chrono::seconds(seconds));
    }
  }
  return std::nullopt;
}

void OutboundService::State::note_host(HostState host) {
  if (host == HostState::answers) {
    host_pause = first_host_pause;
    host_pause_end = {};
  }
  // Several tries that fail at once are one failure.
  if (host == HostState::down && SteadyClock::now() >= host_pause_end) {
    host_pause_end = SteadyClock::now() + host_pause;
    host_pause = std::min(host_pause * 2, longest_host_pause);
  }
}

TryResult OutboundService::State::try_one(const DueMessages::Key& key) {
  const auto configuration = surroundings.configuration();
  std::shared_ptr<Submitter> through;
  std::optional<postoffice::OutgoingState> results;
  {
    const std::lock_guard guard(mutex);
    through = submitter;
    if (const auto found = unsaved.find(key); found != unsaved.end()) results = found->second;
  }
  TryResult later;
  later.next_attempt = wall_clock() + configuration->outbound.retry_min.count();
  later.unsaved = results;
  try {
    auto opened = Postoffice::open(key.first, *surroundings.files);
    if (!opened) return later;
    auto taken = OutgoingMail(*opened).take(key.second);
    if (!taken) {
      log().warning(fmt::format("{}: {}", key.second, taken.error().sentence()));
      return later;
    }
    if (!*taken) {  // somebody else's now
      later.gone = true;
      return later;
    }
    const OutboundContext context{
        .configuration = *configuration,
        .postoffice = *opened,
        .files = *surroundings.files,
        .log = log(),
        .submit =
            [&](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                const std::function<void()>& before_end) {
              return through->submit(
                  envelope, content, [this] { return stopping.load(); }, before_end);
            },
        .now = wall_clock,
        .stopping = [this] { return stopping.load(); }};
    TryResult result = try_message(std::move(**taken), context, std::move(results));
    const std::lock_guard guard(mutex);
    // The configuration was read again meanwhile: that host is not the one that is to be asked now.
    if (through != submitter) result.host = HostState::not_asked;
    return result;
  } catch (const std::exception& exception) {
    log().error(
        fmt::format("{}: cannot be tried: {}; it is tried again", key.second, exception.what()));
    return later;
  }
}

void OutboundService::State::senders_loop() {
  while (const auto key = wait_for_due()) {
    const TryResult result = try_one(*key);
    const std::lock_guard guard(mutex);
    note_host(result.host);
    if (probe == *key) probe.reset();
    if (result.unsaved && !result.gone) {
      unsaved.insert_or_assign(*key, *result.unsaved);
    } else {
      unsaved.erase(*key);
    }
    due.end(*key, result.gone ? std::nullopt : std::optional(result.next_attempt));
    changed.notify_all();
  }
}

OutboundService::OutboundService(Surroundings surroundings)
    : state_(std::make_unique<State>(std::move(surroundings))) {}

OutboundService::~OutboundService() {
  ask_stop();
  for (std::thread& thread : state_->threads) thread.join();
}

void OutboundService::start() {
  const auto configuration = state_->surroundings.configuration();
  if (!configuration->outbound.enabled) return;
  state_->submitter = std::make_shared<Submitter>(configuration->designated_host);
  state_->threads.emplace_back([this] { state_->scout(); });
  // Twice as many as connections: while one message is on its connection another is converted, or
  // taken away, which waits for the disk.
  for (unsigned i = 0; i < 2 * configuration->designated_host.connections; ++i) {
    state_->threads.emplace_back([this] { state_->senders_loop(); });
  }
}

void OutboundService::ask_stop() {
  state_->stopping = true;
  state_->watch.wake();
  const std::lock_guard guard(state_->mutex);
  state_->changed.notify_all();
}

void OutboundService::reload() {
  state_->reload_asked = true;
  state_->watch.wake();
}

bool OutboundService::stop(std::chrono::milliseconds limit) {
  ask_stop();
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, limit, [this] { return state_->due.in_hand() == 0; });
}

}  // namespace smtpgate::milter
