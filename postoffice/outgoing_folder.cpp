// The folder SMTP/ and one message's directory in it; see the header.
//
// Taking: first the lock on SMTP/<id>, then the rename to SMTP/<id>.<host>. The rename is what only
// one can win, on any host; the lock, which other hosts may not see, tells this host's processes
// that the one who won lives. In this order there is no moment in which a message is ours by name
// and free by lock.
#include "postoffice/outgoing_folder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/shared_file_system.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t id_size = 32;
constexpr std::uint64_t largest_state = std::uint64_t{512} << 20;
constexpr std::chrono::milliseconds longest_wait{128};

std::optional<OutgoingPlace> parse_place(std::string_view name) {
  if (!is_outgoing_id(name.substr(0, id_size))) return std::nullopt;
  OutgoingPlace place{std::string(name.substr(0, id_size)), {}, false};
  if (name.size() == id_size) return place;
  if (name[id_size] != '.' || name.size() == id_size + 1) return std::nullopt;
  place.host = name.substr(id_size + 1);
  return place;
}

/// Names in a part of SMTP/ that an older folder may not have.
Expected<std::vector<std::string>> names_in(const Postoffice& postoffice, std::string_view part) {
  auto names = postoffice.files().list(postoffice.path(part));
  if (names) return std::move(*names);
  if (names.error().code != ENOENT) return failure(names.error().outcome());
  if (auto problem = why_not_there(postoffice)) return failure(*problem);
  return std::vector<std::string>();
}

}  // namespace

bool is_outgoing_id(std::string_view text) {
  return text.size() == id_size && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
         });
}

std::string OutgoingPlace::path(const Postoffice& postoffice) const {
  const std::string directory = postoffice.path(is_bad ? layout::bad : layout::outgoing);
  return path_in(directory, host.empty() ? id : id + "." + host);
}

Expected<std::vector<OutgoingPlace>> outgoing_places(const Postoffice& postoffice, bool with_bad) {
  std::vector<OutgoingPlace> places;
  auto names = names_in(postoffice, layout::outgoing);
  if (!names) return failure(names.error());
  for (const std::string& name : *names) {
    if (auto place = parse_place(name)) places.push_back(std::move(*place));
  }
  if (with_bad) {
    names = names_in(postoffice, layout::bad);
    if (!names) return failure(names.error());
    for (const std::string& name : *names) {
      if (is_outgoing_id(name)) places.push_back({name, {}, true});
    }
  }
  std::sort(places.begin(), places.end(), [](const OutgoingPlace& a, const OutgoingPlace& b) {
    return a.id != b.id ? a.id < b.id : a.host < b.host;
  });
  return places;
}

std::string gone_path(const Postoffice& postoffice, std::string_view id) {
  return path_in(postoffice.path(layout::outgoing), ".gone-" + std::string(id));
}

std::optional<Outcome> make_outgoing_parts(const Postoffice& postoffice) {
  FileSystem& files = postoffice.files();
  // The part that came last: where it is, all are.
  auto there = files.status(postoffice.path(layout::outgoing_markers));
  if (there) return std::nullopt;
  if (there.error().code != ENOENT) return there.error().outcome();
  if (auto problem = why_not_there(postoffice)) return problem;
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  for (const std::string_view part : {layout::outgoing, layout::bad, layout::outgoing_markers}) {
    const std::string path = postoffice.path(part);
    auto made = make_owned_directory(files, path, 0700, *owner);
    if (!made && made.error().code != EEXIST) return made.error().outcome();
    if (auto synced = files.sync_directory(parent_directory(path)); !synced) {
      return synced.error().outcome();
    }
  }
  return std::nullopt;
}

std::string alive_path(const Postoffice& postoffice, std::string_view host) {
  return path_in(postoffice.path(layout::outgoing), ".alive-" + std::string(host));
}

std::optional<Outcome> mark_alive(const Postoffice& postoffice) {
  FileSystem& files = postoffice.files();
  const std::string path = alive_path(postoffice, postoffice.host());
  auto file = files.open(path);
  if (!file && file.error().code == ENOENT) {
    if (auto problem = make_outgoing_parts(postoffice)) return problem;
    auto owner = owner_for_new_files(files, postoffice.directory());
    if (!owner) return owner.error().outcome();
    file = files.create(path, 0600);
    if (file && *owner) {
      auto owned = (*file)->set_owner((*owner)->user, (*owner)->group);
      if (!owned) return owned.error().outcome();
    }
    // Another process of this host was faster.
    if (!file && file.error().code == EEXIST) file = files.open(path);
  }
  if (!file) return file.error().outcome();
  if (auto touched = (*file)->touch(); !touched) return touched.error().outcome();
  return std::nullopt;
}

std::string attention_id(std::string_view name) {
  if (!name.starts_with(attention_name) || name.size() != attention_name.size() + 1 + id_size) {
    return {};
  }
  name.remove_prefix(attention_name.size());
  if (name.front() != '-' || !is_outgoing_id(name.substr(1))) return {};
  return std::string(name.substr(1));
}

void draw_attention(const Postoffice& postoffice, std::string_view id) {
  FileSystem& files = postoffice.files();
  const std::string name = std::string(attention_name) + (id.empty() ? "" : "-" + std::string(id));
  const std::string path = path_in(postoffice.path(layout::outgoing), name);
  (void)files.remove(path);  // of a command that died
  if (files.create(path, 0600)) (void)files.remove(path);
}

FileResult<std::string> read_state_file(const Postoffice& postoffice,
                                        const std::string& directory) {
  return read_whole(postoffice.files(), path_in(directory, layout::outgoing_state), largest_state);
}

Expected<OutgoingState> read_outgoing_state(const Postoffice& postoffice,
                                            const std::string& directory, std::string_view id) {
  auto text = read_state_file(postoffice, directory);
  if (!text) return failure(text.error().outcome());
  const std::string path = path_in(directory, layout::outgoing_state);
  auto state = parse_outgoing_state(*text, path);
  if (state && state->id != id) {
    return failure(Outcome::temporary(path + " is of message " + state->id +
                                      "; move the directory back to its own name"));
  }
  return state;
}

FileResult<OutgoingContentFile> find_outgoing_content(const Postoffice& postoffice,
                                                      const std::string& directory) {
  FileSystem& files = postoffice.files();
  OutgoingContentFile content{OutgoingContent::mmff, path_in(directory, layout::outgoing_mmff), 0};
  auto status = files.status(content.path);
  if (!status && status.error().code == ENOENT) {
    const std::string other = path_in(directory, layout::outgoing_internet);
    auto found = files.status(other);
    // If there is neither, the name to look for is the usual one.
    if (found || found.error().code != ENOENT) {
      status = found;
      content.kind = OutgoingContent::internet;
      content.path = other;
    }
  }
  if (!status) return tl::unexpected(status.error());
  content.size = status->size;
  return content;
}

HeldDirectory::HeldDirectory(const Postoffice& postoffice, std::string_view id, std::string path,
                             std::string home, std::unique_ptr<File> lock)
    : postoffice_(postoffice),
      id_(id),
      path_(std::move(path)),
      home_(std::move(home)),
      lock_(std::move(lock)) {}

Expected<std::optional<HeldDirectory>> HeldDirectory::take(const Postoffice& postoffice,
                                                           std::string_view id) {
  FileSystem& files = postoffice.files();
  const std::string free = OutgoingPlace{std::string(id), {}, false}.path(postoffice);
  const std::string ours =
      OutgoingPlace{std::string(id), postoffice.host(), false}.path(postoffice);
  // Under its plain name a message is locked for a moment only: by who hands it over and syncs, by
  // who gives it back, by who is about to rename it. Whoever was told of it by the rename would
  // otherwise come too early and miss it.
  for (std::chrono::milliseconds wait{1};; wait *= 2) {
    auto lock = lock_directory(files, free);
    if (!lock) return failure(lock.error().outcome());
    if (*lock) {
      auto moved = move_directory(files, **lock, free, ours);
      if (moved) {
        // Another host may have written STATE.json a moment ago.
        if (auto seen = see_anew(files, ours); !seen) return failure(seen.error().outcome());
        return HeldDirectory(postoffice, id, ours, free, std::move(*lock));
      }
      if (moved.error().code == ENOENT) return std::nullopt;  // another host was faster
      return failure(moved.error().outcome());
    }
    auto there = files.status(free);
    if (!there && there.error().code != ENOENT) return failure(there.error().outcome());
    if (!there) break;
    if (wait > longest_wait) return std::nullopt;
    std::this_thread::sleep_for(wait);
  }
  auto lock = lock_directory(files, ours);
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) return std::nullopt;
  return HeldDirectory(postoffice, id, ours, free, std::move(*lock));
}

Expected<std::optional<HeldDirectory>> HeldDirectory::take_bad(const Postoffice& postoffice,
                                                               std::string_view id) {
  const std::string path = OutgoingPlace{std::string(id), {}, true}.path(postoffice);
  auto lock = lock_directory(postoffice.files(), path);
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) return std::nullopt;
  return HeldDirectory(postoffice, id, path, path, std::move(*lock));
}

HeldDirectory& HeldDirectory::operator=(HeldDirectory&& other) noexcept {
  if (this != &other) {
    give_back();
    postoffice_ = std::move(other.postoffice_);
    id_ = std::move(other.id_);
    path_ = std::move(other.path_);
    home_ = std::move(other.home_);
    lock_ = std::move(other.lock_);
  }
  return *this;
}

HeldDirectory::~HeldDirectory() {
  give_back();
}

void HeldDirectory::give_back() noexcept {
  if (!lock_) return;
  // If that fails it keeps our host's name without a lock, and is taken up like one of the dead.
  if (path_ != home_) (void)move_directory(postoffice_.files(), *lock_, path_, home_);
  lock_.reset();
}

FileResult<void> HeldDirectory::move_away(const std::string& to) {
  auto moved = move_directory(postoffice_.files(), *lock_, path_, to);
  if (!moved) return moved;
  const std::string from = std::exchange(path_, to);
  home_ = to;
  // The new name first: a crash in between must not leave neither.
  auto synced = postoffice_.files().sync_directory(parent_directory(to));
  if (synced && parent_directory(from) != parent_directory(to)) {
    synced = postoffice_.files().sync_directory(parent_directory(from));
  }
  lock_.reset();
  return synced;
}

}  // namespace smtpgate::postoffice
