// Markers in SMTP/ids: that a message made of another one (a forward, a group's copy) was handed
// over. docs/outgoing.md, "Markers".
//
// A marker alone, made after the message, would let a crash between the two hand it over twice; one
// made before would lose it. So it is made before under the name .<key>, holding the message's ID,
// and renamed after. Whoever finds a .<key> looks where that message is. That it lies in SMTP/ or
// did so is known for sure, because a message that leaves SMTP/ renames its marker first.
//
// After a power cut as well: the name .<key> is on disk before the message is in SMTP/, and <key>
// before anybody may take the message from there. The ID in it is not synced, which would cost
// another flush; where it was lost, the message with that key is looked for.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outgoing_folder.h"
#include "postoffice/put.h"
#include "postoffice/shared_lock.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day_seconds = 86'400;

std::string final_path(const Postoffice& postoffice, std::string_view key) {
  return path_in(postoffice.path(layout::outgoing_markers), key);
}
std::string pending_path(const Postoffice& postoffice, std::string_view key) {
  return path_in(postoffice.path(layout::outgoing_markers), "." + std::string(key));
}

std::int64_t oldest_marker(const Postoffice& postoffice, std::int64_t now) {
  return now - postoffice.settings().dedupe_days * day_seconds;
}

/// True if the marker says that it was handed over; one past its days is taken away.
FileResult<bool> is_marked(const Postoffice& postoffice, std::string_view key) {
  FileSystem& files = postoffice.files();
  const std::string path = final_path(postoffice, key);
  auto status = files.status(path);
  if (!status) {
    if (status.error().code == ENOENT) return false;
    return tl::unexpected(status.error());
  }
  if (status->modified >= oldest_marker(postoffice, std::time(nullptr))) return true;
  auto removed = files.remove(path);
  if (!removed && removed.error().code != ENOENT) return tl::unexpected(removed.error());
  return false;
}

/// EEXIST: there is one. Written in the message's own directory `draft`, which a crash leaves to be
/// cleared, and linked when it is whole: no marker is ever seen without an ID.
FileResult<void> create_pending(const Postoffice& postoffice, const std::string& path,
                                const std::string& draft, std::string_view id) {
  FileSystem& files = postoffice.files();
  const std::string made = path_in(draft, layout::outgoing_marker);
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return tl::unexpected(owner.error());
  auto file = files.create(made, 0600);
  if (!file) return tl::unexpected(file.error());
  auto done = (*file)->write(id);
  if (done && *owner) done = (*file)->set_owner((*owner)->user, (*owner)->group);
  if (done) done = files.link(made, path);
  auto removed = files.remove(made);
  if (done && !removed) {
    // It would go to SMTP/ with the message.
    (void)files.remove(path);
    return removed;
  }
  return done;  // the first error is the one to report
}

/// How far the hand-over of the message `id` got.
enum class Progress { not_begun, going_on, done };

Expected<Progress> progress_in_work(const Postoffice& postoffice, const std::string& id) {
  FileSystem& files = postoffice.files();
  const std::string work = postoffice.path(layout::work);
  auto hosts = files.list(work);
  if (!hosts) return failure(hosts.error().outcome());
  for (const std::string& host : *hosts) {
    const std::string path = path_in(path_in(work, host), id);
    auto status = files.status(path);
    if (!status) {
      if (status.error().code == ENOENT || status.error().code == ENOTDIR) continue;
      return failure(status.error().outcome());
    }
    if (host != postoffice.host()) return Progress::going_on;
    // Of this host: if nobody holds it, who made it is dead.
    auto lock = lock_directory(files, path);
    if (!lock) return failure(lock.error().outcome());
    if (!*lock) return Progress::going_on;
  }
  return Progress::not_begun;
}

Expected<Progress> progress_of(const Postoffice& postoffice, const std::string& id) {
  // P1 first, then SMTP: the order in which a message goes. And SMTP twice, since a name that
  // changes while it is listed may be missed.
  auto progress = progress_in_work(postoffice, id);
  if (!progress || *progress == Progress::going_on) return progress;
  for (int look = 0; look < 2; ++look) {
    auto places = outgoing_places(postoffice, true);
    if (!places) return failure(places.error());
    if (std::any_of(places->begin(), places->end(),
                    [&](const OutgoingPlace& place) { return place.id == id; })) {
      return Progress::done;
    }
  }
  return Progress::not_begun;
}

/// Where the ID was lost in a power cut. A message whose state cannot be read is passed over:
/// better a second copy than none.
Expected<Progress> progress_of_key(const Postoffice& postoffice, std::string_view key) {
  auto places = outgoing_places(postoffice, true);
  if (!places) return failure(places.error());
  for (const OutgoingPlace& place : *places) {
    auto state = read_outgoing_state(postoffice, place.path(postoffice), place.id);
    if (state && state->key == key) return Progress::done;
  }
  return Progress::not_begun;
}

/// The ID in a pending marker; empty: none is in it (a power cut took what was not synced).
Expected<std::string> read_pending(const Postoffice& postoffice, const std::string& path) {
  FileSystem& files = postoffice.files();
  constexpr std::uint64_t longest_marker = 100;
  auto text = read_whole(files, path, longest_marker);
  if (!text) {
    if (text.error().code == ENOENT) return std::string();
    return failure(text.error().outcome());
  }
  if (is_outgoing_id(*text)) return std::move(*text);
  return std::string();
}

/// Takes away a marker whose message never got to SMTP/. Under a lock and after another look, so
/// that it is not one that somebody made meanwhile.
std::optional<Outcome> remove_stale(const Postoffice& postoffice, const std::string& path,
                                    const std::string& id) {
  FileSystem& files = postoffice.files();
  auto lock =
      take_shared_lock(postoffice, layout::outgoing_marker_lock, {layout::outgoing_markers});
  if (!lock) return lock.error().outcome();
  if (!*lock) return Outcome::temporary(path + " is being looked at; to be tried again");
  auto now = read_pending(postoffice, path);
  if (!now) return now.error();
  if (*now != id) return std::nullopt;
  auto removed = files.remove(path);
  if (!removed && removed.error().code != ENOENT) return removed.error().outcome();
  return std::nullopt;
}

}  // namespace

OutgoingMarker::OutgoingMarker(const Postoffice& postoffice, std::string_view key)
    : postoffice_(std::make_unique<Postoffice>(postoffice)), key_(key) {}

Expected<std::optional<OutgoingMarker>> OutgoingMarker::make(const Postoffice& postoffice,
                                                             std::string_view key,
                                                             const std::string& draft,
                                                             std::string_view id) {
  constexpr int most_attempts = 10;
  const std::string path = pending_path(postoffice, key);
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto marked = is_marked(postoffice, key);
    if (!marked) return failure(marked.error().outcome());
    if (*marked) return std::nullopt;
    auto made = create_pending(postoffice, path, draft, id);
    if (made) {
      OutgoingMarker marker(postoffice, key);
      // The message of a dead process may have left since the first look: its marker had its final
      // name then before ours could be made.
      auto left = is_marked(postoffice, key);
      if (!left) return failure(left.error().outcome());
      if (*left) return std::nullopt;
      auto synced = postoffice.files().sync_directory(postoffice.path(layout::outgoing_markers));
      if (!synced) return failure(synced.error().outcome());
      return marker;
    }
    if (made.error().code != EEXIST) return failure(made.error().outcome());

    auto other = read_pending(postoffice, path);
    if (!other) return failure(other.error());
    auto progress =
        other->empty() ? progress_of_key(postoffice, key) : progress_of(postoffice, *other);
    if (!progress) return failure(progress.error());
    switch (*progress) {
      case Progress::done:
        confirm_outgoing_marker(postoffice, key);
        return std::nullopt;
      case Progress::going_on:
        return failure(Outcome::temporary("the same message is being handed over as " + *other +
                                          " at this moment; to be tried again"));
      case Progress::not_begun:
        // It may have left since: then its marker has its final name now.
        if (auto problem = remove_stale(postoffice, path, *other)) return failure(*problem);
    }
  }
  return failure(
      Outcome::temporary("cannot keep " + path + ": something makes it each time; find out what"));
}

OutgoingMarker::~OutgoingMarker() {
  if (postoffice_) (void)postoffice_->files().remove(pending_path(*postoffice_, key_));
}

void OutgoingMarker::confirm() {
  if (!postoffice_) return;
  confirm_outgoing_marker(*postoffice_, key_);
  // Nobody has the message as long as it is locked. If this fails, the worst is a second copy after
  // a power cut; the message itself is in SMTP/ all the same.
  (void)postoffice_->files().sync_directory(postoffice_->path(layout::outgoing_markers));
  postoffice_.reset();
}

void OutgoingMarker::leave() {
  postoffice_.reset();
}

void confirm_outgoing_marker(const Postoffice& postoffice, std::string_view key) {
  // If it fails, the message itself is found while it is in SMTP/; afterwards the worst is a second
  // copy. Nothing there to rename: it has its final name.
  (void)postoffice.files().rename(pending_path(postoffice, key), final_path(postoffice, key));
}

Expected<std::uint64_t> expire_outgoing_markers(const Postoffice& postoffice, std::int64_t now) {
  FileSystem& files = postoffice.files();
  const std::string directory = postoffice.path(layout::outgoing_markers);
  auto names = files.list(directory);
  if (!names) {
    if (names.error().code == ENOENT && !why_not_there(postoffice)) return 0;
    return failure(names.error().outcome());
  }
  std::uint64_t expired = 0;
  std::optional<Outcome> problem;
  for (const std::string& name : *names) {
    const bool is_marker = is_content_key(name) ||
                           (name.front() == '.' && is_content_key(name.substr(1))) ||
                           name.starts_with(told_prefix);
    const bool is_half_written = name.starts_with(half_written_prefix);
    if (!is_marker && !is_half_written) continue;
    const std::string path = path_in(directory, name);
    auto status = files.status(path);
    const std::int64_t oldest =
        is_half_written ? now - day_seconds : oldest_marker(postoffice, now);
    if (status && status->modified >= oldest) continue;
    auto removed = status ? files.remove(path) : FileResult<void>(tl::unexpected(status.error()));
    if (removed) ++expired;
    if (!removed && removed.error().code != ENOENT && !problem) problem = removed.error().outcome();
  }
  if (problem) return failure(*problem);
  return expired;
}

}  // namespace smtpgate::postoffice
