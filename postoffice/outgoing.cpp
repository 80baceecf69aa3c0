// OutgoingMail: listing SMTP/, taking from it, and the commands on what waits; see outgoing.h.
// Whose messages are taken over is outgoing_lease.cpp.
#include "postoffice/outgoing.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outgoing_folder.h"
#include "postoffice/outgoing_taken.h"

namespace smtpgate::postoffice {

namespace {

/// What lies at a place; nullopt if it is gone from there.
Expected<std::optional<OutgoingEntry>> read_entry(const Postoffice& postoffice,
                                                  const OutgoingPlace& place) {
  const std::string path = place.path(postoffice);
  OutgoingEntry entry;
  entry.host = place.host;
  entry.is_bad = place.is_bad;
  auto state = read_outgoing_state(postoffice, path, place.id);
  auto content = find_outgoing_content(postoffice, path);
  if (!state || !content) {
    auto there = postoffice.files().status(path);
    if (!there && there.error().code == ENOENT) return std::nullopt;
  }
  if (content) {
    entry.content = content->kind;
    entry.size = content->size;
  }
  if (state) {
    entry.state = std::move(*state);
    if (!content) entry.state.reason = content.error().sentence();
  } else {
    entry.state.id = place.id;
    entry.state.reason = state.error().sentence();
  }
  return entry;
}

Outcome no_such_message(std::string_view id) {
  return Outcome::permanent(
      "no outgoing message " + std::string(id) + "; `postoffice queue list` shows them", "5.2.0");
}

/// Why take() gave nothing.
/// Whoever took it away may have died before its sync: what is called gone must be.
Outcome surely_no_such_message(const Postoffice& postoffice, std::string_view id) {
  for (const std::string_view place : {layout::outgoing, layout::bad}) {
    auto synced = postoffice.files().sync_directory(postoffice.path(place));
    if (!synced && synced.error().code != ENOENT) return synced.error().outcome();
  }
  return no_such_message(id);
}

Outcome why_not_taken(const Postoffice& postoffice, std::string_view id) {
  auto places = outgoing_places(postoffice, true);
  if (!places) return places.error();
  for (const OutgoingPlace& place : *places) {
    if (place.id != id) continue;
    if (place.host.empty() || place.host == postoffice.host()) {
      return Outcome::permanent(
          "message " + place.id + " is being worked on at this moment; try again when it is done",
          "5.2.0");
    }
    return Outcome::permanent(fmt::format("message {} is taken by host {}; if that is dead, "
                                          "`postoffice queue adopt {}`",
                                          place.id, place.host, place.host),
                              "5.2.0");
  }
  return surely_no_such_message(postoffice, id);
}

}  // namespace

Expected<std::vector<OutgoingEntry>> OutgoingMail::list() const {
  // A message whose directory is renamed between listing and reading is looked for again.
  constexpr int most_looks = 3;
  std::vector<OutgoingEntry> entries;
  std::set<std::string> read;
  for (int look = 0; look < most_looks; ++look) {
    auto places = outgoing_places(*postoffice_, true);
    if (!places) return failure(places.error());
    bool some_moved = false;
    for (const OutgoingPlace& place : *places) {
      if (read.contains(place.path(*postoffice_)) || (look > 0 && read.contains(place.id)))
        continue;
      auto entry = read_entry(*postoffice_, place);
      if (!entry) return failure(entry.error());
      if (!*entry) {
        some_moved = true;
        continue;
      }
      entries.push_back(std::move(**entry));
      read.insert(place.path(*postoffice_));
      read.insert(place.id);
    }
    if (!some_moved) break;
  }
  std::sort(entries.begin(), entries.end(), [](const OutgoingEntry& a, const OutgoingEntry& b) {
    return a.state.id != b.state.id ? a.state.id < b.state.id : a.host < b.host;
  });
  return entries;
}

Expected<OutgoingEntry> OutgoingMail::find(std::string_view beginning) const {
  auto places = outgoing_places(*postoffice_, true);
  if (!places) return failure(places.error());
  std::set<std::string> matches;
  for (const OutgoingPlace& place : *places) {
    if (!beginning.empty() && starts_with_ignoring_case(place.id, beginning)) {
      matches.insert(place.id);
    }
  }
  if (matches.empty()) return failure(surely_no_such_message(*postoffice_, beginning));
  if (matches.size() > 1) {
    return failure(Outcome::permanent(
        fmt::format("{} outgoing messages begin with {}, {} and {} among them; give more of the ID",
                    matches.size(), beginning, *matches.begin(), *std::next(matches.begin())),
        "5.2.0"));
  }
  auto entry = look(*matches.begin());
  if (!entry) return failure(entry.error());
  if (!*entry) return failure(no_such_message(beginning));
  return std::move(**entry);
}

Expected<std::optional<OutgoingEntry>> OutgoingMail::look(std::string_view id) const {
  constexpr int most_looks = 3;
  if (!is_outgoing_id(id)) return std::nullopt;
  const std::string name(id);
  for (int look = 0; look < most_looks; ++look) {
    for (const OutgoingPlace& place :
         {OutgoingPlace{name, {}, false}, OutgoingPlace{name, postoffice_->host(), false},
          OutgoingPlace{name, {}, true}}) {
      auto entry = read_entry(*postoffice_, place);
      if (!entry || *entry) return entry;
    }
    // Another host has it, or it moved between two of these looks, or it is gone.
    auto places = outgoing_places(*postoffice_, true);
    if (!places) return failure(places.error());
    const auto found = std::find_if(places->begin(), places->end(),
                                    [&](const OutgoingPlace& place) { return place.id == id; });
    if (found == places->end()) return std::nullopt;
    auto entry = read_entry(*postoffice_, *found);
    if (!entry || *entry) return entry;
  }
  return std::nullopt;
}

Expected<std::vector<std::string>> OutgoingMail::waiting() const {
  auto places = outgoing_places(*postoffice_, false);
  if (!places) return failure(places.error());
  std::vector<std::string> ids;
  for (const OutgoingPlace& place : *places) {
    if (!place.host.empty()) {
      if (place.host != postoffice_->host()) continue;
      // Ours: at work somewhere, or left over.
      auto lock = lock_directory(postoffice_->files(), place.path(*postoffice_));
      if (!lock) return failure(lock.error().outcome());
      if (!*lock) continue;
    }
    if (ids.empty() || ids.back() != place.id) ids.push_back(place.id);
  }
  return ids;
}

Expected<std::optional<TakenMessage>> OutgoingMail::take(std::string_view id) const {
  if (!is_outgoing_id(id)) return std::nullopt;
  if (auto problem = mark_alive(*postoffice_)) return failure(*problem);
  return take_while_alive(id);
}

Expected<std::optional<TakenMessage>> OutgoingMail::take_while_alive(std::string_view id) const {
  if (!is_outgoing_id(id)) return std::nullopt;
  auto held = HeldDirectory::take(*postoffice_, id);
  if (!held) return failure(held.error());
  if (!*held) return std::nullopt;
  auto taken = TakenMessage::State::open(std::move(**held));
  if (!taken) return failure(taken.error());
  return std::move(*taken);
}

Expected<std::optional<TakenMessage>> OutgoingMail::take_bad(std::string_view id) const {
  if (!is_outgoing_id(id)) return std::nullopt;
  auto held = HeldDirectory::take_bad(*postoffice_, id);
  if (!held) return failure(held.error());
  if (!*held) return std::nullopt;
  auto taken = TakenMessage::State::open(std::move(**held));
  if (!taken) return failure(taken.error());
  return std::move(*taken);
}

Outcome OutgoingMail::hold(std::string_view id, bool held) const {
  Outcome outcome = change_held(id, held);
  if (outcome.is_delivered()) draw_attention(*postoffice_, id);
  return outcome;
}

Outcome OutgoingMail::change_held(std::string_view id, bool held) const {
  auto taken = take(id);
  if (!taken) return taken.error();
  if (!*taken) {
    auto entry = look(id);
    if (entry && *entry && (*entry)->is_bad) {
      return Outcome::permanent(
          "message " + std::string(id) + " lies in BAD, where nothing is tried", "5.2.0");
    }
    return why_not_taken(*postoffice_, id);
  }
  OutgoingState state = (*taken)->state();
  state.held = held;
  const Outcome saved = (*taken)->save(std::move(state));
  if (!saved.is_delivered()) return saved;
  return Outcome::delivered("message " + std::string(id) + (held ? " is held" : " is released"));
}

Outcome OutgoingMail::retry(std::string_view id) const {
  auto outcome = make_due(id);
  if (outcome && *outcome && (*outcome)->is_delivered()) {
    // Whoever brought it out of BAD may have died before this.
    auto synced = postoffice_->files().sync_directory(postoffice_->path(layout::outgoing));
    if (!synced) return synced.error().outcome();
  }
  if (outcome && !*outcome) outcome = bring_out_of_bad(id);
  if (!outcome) return outcome.error();
  if (!*outcome) return why_not_taken(*postoffice_, id);
  if ((*outcome)->is_delivered()) draw_attention(*postoffice_, id);
  return **outcome;
}

Expected<std::optional<Outcome>> OutgoingMail::make_due(std::string_view id) const {
  auto taken = take(id);
  if (!taken) return failure(taken.error());
  if (!*taken) return std::nullopt;
  OutgoingState state = (*taken)->state();
  state.next_attempt = std::time(nullptr);
  const bool is_held = state.held;
  Outcome saved = (*taken)->save(std::move(state));
  if (!saved.is_delivered()) return saved;
  return Outcome::delivered("message " + std::string(id) + " will be tried now" +
                            (is_held ? ", once it is released" : ""));
}

Expected<std::optional<Outcome>> OutgoingMail::bring_out_of_bad(std::string_view id) const {
  auto bad = take_bad(id);
  if (!bad) return failure(bad.error());
  if (!*bad) return std::nullopt;
  OutgoingState state = (*bad)->state();
  if (state.is_done()) {
    return Outcome::permanent(
        "nobody waits for message " + std::string(id) + " any more; delete it", "5.2.0");
  }
  state.next_attempt = std::time(nullptr);
  state.reason.clear();
  Outcome saved = (*bad)->save(std::move(state));
  if (!saved.is_delivered()) return saved;
  auto moved =
      (*bad)->state_->held.move_away(OutgoingPlace{std::string(id), {}, false}.path(*postoffice_));
  if (!moved) return moved.error().outcome();
  return Outcome::delivered("message " + std::string(id) + " is out of BAD and will be tried now");
}

Outcome OutgoingMail::remove(std::string_view id) const {
  if (!is_outgoing_id(id)) return no_such_message(id);
  if (auto problem = mark_alive(*postoffice_)) return *problem;
  // By its directory alone, so that one whose state cannot be read can go too.
  auto held = HeldDirectory::take(*postoffice_, id);
  if (held && !*held) held = HeldDirectory::take_bad(*postoffice_, id);
  if (!held) return held.error();
  if (!*held) return why_not_taken(*postoffice_, id);
  auto state = read_outgoing_state(*postoffice_, (*held)->path(), id);
  if (state && !state->key.empty()) confirm_outgoing_marker(*postoffice_, state->key);
  const std::string gone = gone_path(*postoffice_, id);
  auto moved = (*held)->move_away(gone);
  if (!moved) return moved.error().outcome();
  if (auto removed = remove_with_files(postoffice_->files(), gone); !removed) {
    return removed.error().outcome();
  }
  return Outcome::delivered("message " + std::string(id) + " is deleted");
}

}  // namespace smtpgate::postoffice
