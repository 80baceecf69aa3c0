// The scout: see the header.
#include "milter/outbound_scout.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "milter/shadow.h"
#include "postoffice/outgoing.h"

namespace smtpgate::milter {

using postoffice::OutboxNote;
using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

/// Until what met passing trouble while it was picked up is gone through again.
constexpr std::int64_t unfinished_pause = 60;
/// Files that one turn of one outbox is for: about as many as are sent in a tenth of a second.
constexpr std::size_t files_in_a_turn = 10;
/// After what should not happen.
constexpr std::chrono::seconds pause_after_fault{10};
/// Ten large files, or a look at all mailboxes, on a slow disk; beyond that the thread hangs.
constexpr std::chrono::minutes longest_step{15};

}  // namespace

void OutboundScout::tell(const Office& office, const OutboxNote& note) {
  const std::string where = note.mailbox + "/outbox/" + note.file;
  if (note.recipient.empty()) {
    const std::string text = fmt::format("{}: {}: {}", note.id.empty() ? "NOQUEUE" : note.id, where,
                                         note.outcome.sentence());
    note.outcome.is_delivered() ? log().info(text) : log().warning(text);
    return;
  }
  log().info(delivery_line(note.id, note.recipient, postoffice_relay(office.name.str()), {},
                           note.outcome));
  observe(office, note);
}

/// One of the recipients that are here, or that never leave; those of the Internet are noted by
/// each try.
void OutboundScout::observe(const Office& office, const OutboxNote& note) {
  if (surroundings_.observer == nullptr) return;
  MessageRecord record;
  record.way = Way::out;
  record.id = note.id;
  record.sender = note.mailbox;
  record.ended = milliseconds_now();
  record.recipients.push_back({note.recipient, office.name.str(),
                               std::string(sending_result(note.outcome)), note.outcome.status(),
                               note.outcome.sentence()});
  surroundings_.observer->note(std::move(record));
}

void OutboundScout::take_configuration() {
  const auto configuration = surroundings_.configuration();
  served_ = configuration->converter.postoffices;
  std::vector<std::string> directories;
  for (const auto& office : served_) directories.push_back(office.directory);
  watch_.set_postoffices(directories);
  if (watch_.unwatched() > 0) {
    log().warning(
        fmt::format("{} outboxes cannot be watched; they are looked at every {} s; raise "
                    "fs.inotify.max_user_watches",
                    watch_.unwatched(), configuration->outbound.poll.count()));
  }
  senders_.serve(directories);
  senders_.use(configuration->designated_host);
}

std::optional<Outcome> OutboundScout::why_not_ours(const Office& office) const {
  return why_wrong_kind(*surroundings_.configuration(), office, *surroundings_.files);
}

void OutboundScout::look_at_outgoing(const Office& office) {
  auto opened = Postoffice::open(office.directory, *surroundings_.files);
  if (!opened || why_not_ours(office)) return;  // add_outboxes() says so
  const auto ids = OutgoingMail(*opened).waiting();
  if (!ids) {
    log().warning(office.name.str() + ": " + ids.error().sentence());
    return;
  }
  senders_.replace(office.directory, *ids);
}

void OutboundScout::add_outboxes(const Office& office) {
  auto opened = Postoffice::open(office.directory, *surroundings_.files);
  if (!opened) {
    log().warning(opened.error().sentence() + "; its outgoing mail waits");
    return;
  }
  if (const auto wrong = why_not_ours(office)) {
    log().warning(wrong->sentence() + "; its outgoing mail waits");
    return;
  }
  // Also what a command has adopted from another host, and what an earlier look could not finish.
  turns_.add({office.directory, {}});
  const auto mailboxes = opened->list_mailboxes();
  if (!mailboxes) {
    log().warning(office.name.str() + ": " + mailboxes.error().sentence());
    return;
  }
  for (const std::string& mailbox : *mailboxes) turns_.add({office.directory, mailbox});
}

/// One postoffice in trouble does not keep the others from being looked at.
void OutboundScout::look_at_all() {
  for (const auto& office : served_) {
    if (stopping_) return;
    try {
      look_at_outgoing(office);
      add_outboxes(office);
    } catch (const std::exception& exception) {
      log().error(fmt::format("{}: looking for outgoing mail failed: {}; it is tried again",
                              office.name.str(), exception.what()));
    }
  }
}

void OutboundScout::note_again(const OutboxPlace& place, const postoffice::OutboxResult& result) {
  std::optional<std::int64_t> when;
  if (result.look_again) when = surroundings_.waiting_end(*result.look_again);
  if (result.unfinished > 0) {
    const std::int64_t pause = OutboundSurroundings::seconds_since_boot() + unfinished_pause;
    when = std::min(when.value_or(pause), pause);
    // Some of it was taken, and is no longer in the outbox.
    look_again_.try_emplace({place.first, std::string()}, pause);
  }
  if (!when) return;
  const auto [known, is_new] = look_again_.try_emplace(place, *when);
  if (!is_new) known->second = std::min(known->second, *when);
}

void OutboundScout::take_turn_at(const Office& office, const OutboxTurns::Turn& turn) {
  auto opened = Postoffice::open(office.directory, *surroundings_.files);
  if (!opened || why_not_ours(office)) return;  // add_outboxes() says so
  const auto configuration = surroundings_.configuration();
  const postoffice::OutboxOptions options{.wait = configuration->outbound.outbox_wait.count(),
                                          .expire = configuration->outbound.expire.count(),
                                          .size_limit = configuration->outbound.outbox_size_limit,
                                          .most = files_in_a_turn,
                                          .behind = turn.behind,
                                          .growing = &growing_,
                                          .now = surroundings_.now,
                                          .is_member = {}};
  const auto told = [&](const OutboxNote& note) { tell(office, note); };
  if (turn.behind.empty()) look_again_.erase(turn.place);
  const std::string& mailbox = turn.place.second;
  const auto result = mailbox.empty() ? postoffice::resume_taken_files(*opened, options, told)
                                      : postoffice::pick_up_outbox(*opened, mailbox, options, told);
  if (!result) {
    log().warning(office.name.str() + ": " + result.error().sentence());
    return;
  }
  note_again(turn.place, *result);
  turns_.end(turn, result->behind);
}

void OutboundScout::take_turn() {
  const auto turn = turns_.next();
  if (!turn) return;
  const auto office = std::find_if(served_.begin(), served_.end(), [&](const Office& one) {
    return one.directory == turn->place.first;
  });
  if (office == served_.end()) return;
  try {
    take_turn_at(*office, *turn);
  } catch (const std::exception& exception) {
    log().error(fmt::format("{}: looking for outgoing mail failed: {}; it is tried again",
                            office->name.str(), exception.what()));
    look_again_[turn->place] = OutboundSurroundings::seconds_since_boot() + unfinished_pause;
  }
}

void OutboundScout::add_ready() {
  const std::int64_t now = OutboundSurroundings::seconds_since_boot();
  for (auto one = look_again_.begin(); one != look_again_.end();) {
    if (one->second > now) {
      ++one;
      continue;
    }
    turns_.add(one->first);
    one = look_again_.erase(one);
  }
}

void OutboundScout::act_on(const OutboxWatch::Hint& hint) {
  for (const auto& [place, mailbox] : hint.outboxes) {
    if (place < served_.size()) turns_.add_news({served_[place].directory, mailbox});
  }
  for (const auto& [place, name] : hint.outgoing) {
    if (place >= served_.size()) continue;
    const std::string& directory = served_[place].directory;
    const std::string id = postoffice::attention_id(name);
    if (name == postoffice::attention_name) {
      senders_.look_again(directory);
    } else if (!id.empty()) {
      senders_.look_again(directory, id);
    } else if (postoffice::is_outgoing_id(name)) {
      // Our own giving back is heard of, too; then it is known or in hand.
      senders_.add(directory, name);
    }
  }
}

std::chrono::milliseconds OutboundScout::until(Clock::time_point next_poll) const {
  if (!turns_.is_empty()) return std::chrono::milliseconds(0);
  auto limit = std::chrono::ceil<std::chrono::milliseconds>(next_poll - Clock::now());
  const std::int64_t now = OutboundSurroundings::seconds_since_boot();
  for (const auto& [place, when] : look_again_) {
    limit = std::min<std::chrono::milliseconds>(
        limit, std::chrono::seconds(std::max<std::int64_t>(when - now, 0)));
  }
  return std::max(limit, std::chrono::milliseconds(0));
}

/// News are heard between any two turns.
void OutboundScout::step(Clock::time_point& next_poll) {
  if (reload_asked_.exchange(false)) {
    take_configuration();
    next_poll = {};
  }
  if (look_asked_.exchange(false)) next_poll = {};
  if (Clock::now() >= next_poll) {
    look_at_all();
    is_after_poll_ = true;
    next_poll = Clock::now() + surroundings_.configuration()->outbound.poll;
  }
  add_ready();
  const OutboxWatch::Hint hint = watch_.wait(until(next_poll));
  if (stopping_) return;
  if (hint.everything) {
    next_poll = {};
    for (const auto& office : served_) senders_.look_again(office.directory);
  }
  act_on(hint);
  take_turn();
  if (!is_after_poll_ || !turns_.is_empty()) return;
  // What this has handed over, where nobody tells of it.
  is_after_poll_ = false;
  for (const auto& office : served_) look_at_outgoing(office);
}

void OutboundScout::run() {
  Clock::time_point next_poll{};
  while (!stopping_) {
    surroundings_.beat("look for outgoing mail",
                       surroundings_.configuration()->outbound.poll + longest_step);
    try {
      step(next_poll);
    } catch (const std::exception& exception) {
      log().error(
          fmt::format("looking for outgoing mail failed: {}; it is tried again", exception.what()));
      next_poll = Clock::now() + pause_after_fault;
    }
  }
}

void OutboundScout::ask_stop() {
  stopping_ = true;
  watch_.wake();
}

void OutboundScout::reload() {
  reload_asked_ = true;
  watch_.wake();
}

void OutboundScout::look_at_everything() {
  look_asked_ = true;
  watch_.wake();
}

}  // namespace smtpgate::milter
