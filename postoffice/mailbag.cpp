// Mailbags; see the header.
#include "postoffice/mailbag.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

/// Where an ID is another message's in the mailbag it is moved to: ID-2 ... as filing does.
constexpr int most_names = 100;

/// Sorted. Most IDs differ in their first octets, which are compared as one number.
std::vector<std::string_view> sorted_ids(const std::vector<MailbagEntry>& entries) {
  std::vector<std::pair<std::uint64_t, std::string_view>> ids;
  ids.reserve(entries.size());
  for (const MailbagEntry& entry : entries) {
    std::uint64_t beginning = 0;
    for (std::size_t i = 0; i < sizeof beginning; ++i) {
      const auto octet = i < entry.id.size() ? static_cast<unsigned char>(entry.id[i]) : 0U;
      beginning = beginning << 8U | octet;
    }
    ids.emplace_back(beginning, entry.id);
  }
  std::sort(ids.begin(), ids.end());
  std::vector<std::string_view> result;
  result.reserve(ids.size());
  for (const auto& [beginning, id] : ids) result.push_back(id);
  return result;
}

/// As much of `id`, which is one of `ids`, as tells it from the others.
std::string shortened(const std::string& id, const std::vector<std::string_view>& ids,
                      const std::vector<std::size_t>& sizes) {
  const auto at = std::lower_bound(ids.begin(), ids.end(), std::string_view(id));
  return id.substr(0, sizes[static_cast<std::size_t>(at - ids.begin())]);
}

/// No message.api in a directory, or none that its owner lets us see.
bool is_nothing(int code) {
  return code == ENOENT || code == ENOTDIR || code == EACCES;
}

/// Leaves one of those that are in new/ and in cur/: where it is now. Sorted by ID then.
void drop_moved(std::vector<MailbagEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const MailbagEntry& a, const MailbagEntry& b) {
    return a.id != b.id ? a.id < b.id : a.is_read > b.is_read;
  });
  entries.erase(
      std::unique(entries.begin(), entries.end(),
                  [](const MailbagEntry& a, const MailbagEntry& b) { return a.id == b.id; }),
      entries.end());
}

}  // namespace

Expected<Mailbag> Mailbag::open(const Postoffice& postoffice, std::string_view mailbox,
                                MailbagPart part) {
  const std::string folded = fold_mailbox_name(mailbox);
  const auto unknown = [&] {
    return failure(Outcome::permanent("there is no mailbox " + std::string(mailbox) +
                                          " in postoffice " + postoffice.settings().name.str(),
                                      "5.1.1"));
  };
  if (why_bad_mailbox_name(folded)) return unknown();
  auto status = postoffice.files().status(postoffice.mailbag_directory(folded));
  if (status && status->kind == FileKind::directory) return Mailbag(postoffice, folded, part);
  if (!status && status.error().code != ENOENT) return failure(status.error().outcome());
  if (auto problem = why_not_there(postoffice)) return failure(*problem);
  return unknown();
}

Mailbag::Mailbag(const Postoffice& postoffice, std::string mailbox, MailbagPart part)
    : files_(&postoffice.files()),
      directory_(postoffice.mailbag_directory(mailbox)),
      mailbox_(std::move(mailbox)),
      part_(part) {}

std::string Mailbag::path_of(std::string_view id, bool is_read) const {
  if (part_ == MailbagPart::sent) return path_in(path_in(directory_, layout::sent), id);
  return path_in(path_in(directory_, is_read ? layout::read : layout::unread), id);
}

Expected<std::vector<MailbagEntry>> Mailbag::names() const {
  // new/ first: a message that is moved meanwhile is then seen in cur/, at worst in both.
  std::vector<MailbagEntry> entries;
  for (const bool is_read : {false, true}) {
    if (part_ == MailbagPart::sent && !is_read) continue;
    auto listed = files_->list(path_of("", is_read));
    if (!listed) return failure(listed.error().outcome());
    for (std::string& name : *listed) {
      if (name.front() == '.') continue;
      MailbagEntry entry;
      entry.id = std::move(name);
      entry.is_read = is_read;
      entries.push_back(std::move(entry));
    }
  }
  drop_moved(entries);
  const std::vector<std::string_view> ids = sorted_ids(entries);
  const std::vector<std::size_t> sizes = unique_beginnings(ids);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].short_id = entries[i].id.substr(0, sizes[i]);
  }
  return entries;
}

MailbagEntry Mailbag::look_at(MailbagEntry entry) const {
  auto status = files_->status(path(entry));
  if (!status && status.error().code == ENOENT && !entry.is_read) {
    entry.is_read = true;  // a moment ago
    status = files_->status(path(entry));
  }
  entry.is_folder = status && status->kind == FileKind::directory;
  if (entry.is_folder) status = files_->status(path_in(path(entry), layout::folder_message));
  // Whether it can be opened is found out when it is.
  if (status) {
    entry.arrival = status->modified;
    entry.size = status->size;
  }
  return entry;
}

/// What lies in new/, or in cur/ or sent/.
Expected<std::vector<MailbagEntry>> Mailbag::messages(bool is_read) const {
  auto listed = files_->list_with_status(path_of("", is_read));
  if (!listed) return failure(listed.error().outcome());
  std::vector<MailbagEntry> entries;
  entries.reserve(listed->size());
  for (NamedStatus& one : *listed) {
    if (one.name.front() == '.') continue;
    const bool is_folder = one.status.kind == FileKind::directory;
    if (is_folder) {
      // Its own time says when something was last laid in it.
      auto message = files_->status(path_in(path_of(one.name, is_read), layout::folder_message));
      if (!message && is_nothing(message.error().code)) continue;
      if (!message) return failure(message.error().outcome());
      one.status = *message;
    }
    if (one.status.kind != FileKind::regular) continue;
    MailbagEntry entry;
    entry.id = std::move(one.name);
    entry.is_read = is_read;
    entry.is_folder = is_folder;
    entry.arrival = one.status.modified;
    entry.size = one.status.size;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Expected<std::vector<MailbagEntry>> Mailbag::list(std::size_t most) const {
  // new/ first: see names().
  std::vector<MailbagEntry> entries;
  if (part_ != MailbagPart::sent) {
    auto unread = messages(false);
    if (!unread) return unread;
    entries = std::move(*unread);
  }
  auto read = messages(true);
  if (!read) return read;
  entries.insert(entries.end(), std::make_move_iterator(read->begin()),
                 std::make_move_iterator(read->end()));
  std::vector<std::string_view> ids = sorted_ids(entries);
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    drop_moved(entries);
    ids = sorted_ids(entries);
  }
  const std::vector<std::size_t> sizes = unique_beginnings(ids);
  // Sorted by reference: `ids` looks into the entries.
  std::vector<const MailbagEntry*> order;
  order.reserve(entries.size());
  for (const MailbagEntry& entry : entries) order.push_back(&entry);
  const std::size_t count = std::min(most, entries.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [](const MailbagEntry* a, const MailbagEntry* b) {
                      return a->arrival != b->arrival ? a->arrival > b->arrival : a->id > b->id;
                    });
  std::vector<MailbagEntry> newest;
  newest.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    newest.push_back(*order[i]);
    newest.back().short_id = shortened(newest.back().id, ids, sizes);
  }
  return newest;
}

Expected<MailbagEntry> Mailbag::find(std::string_view beginning) const {
  auto named = names();
  if (!named) return failure(named.error());
  std::vector<const MailbagEntry*> matches;
  for (const MailbagEntry& entry : *named) {
    if (entry.id == beginning) return look_at(entry);
    if (!beginning.empty() && starts_with_ignoring_case(entry.id, beginning)) {
      matches.push_back(&entry);
    }
  }
  if (matches.size() == 1) return look_at(*matches.front());
  const bool is_sent = part_ == MailbagPart::sent;
  const std::string asked = std::string(beginning);
  if (matches.empty()) {
    return failure(Outcome::permanent(
        fmt::format("mailbox {} has no message {}{}; `list {}{}` shows them", mailbox_, asked,
                    is_sent ? " in sent/" : "", is_sent ? "--sent " : "", mailbox_),
        "5.2.0"));
  }
  return failure(Outcome::permanent(
      fmt::format("{} messages of mailbox {} begin with {}, {} and {} among them; give more of "
                  "the ID",
                  matches.size(), mailbox_, asked, matches[0]->short_id, matches[1]->short_id),
      "5.2.0"));
}

Outcome Mailbag::gone(const MailbagEntry& entry) const {
  // Nothing is known of it where the whole mailbag is away.
  if (auto there = files_->status(directory_); !there) return there.error().outcome();
  return Outcome::permanent(
      fmt::format("message {} of mailbox {} is gone: moved or deleted meanwhile", entry.id,
                  mailbox_),
      "5.2.0");
}

Expected<std::unique_ptr<File>> Mailbag::open_message(const MailbagEntry& entry) const {
  const auto open = [&](bool is_read) {
    const std::string path = path_of(entry.id, is_read);
    return files_->open(entry.is_folder ? path_in(path, layout::folder_message) : path);
  };
  auto file = open(entry.is_read);
  if (!file && file.error().code == ENOENT && !entry.is_read) file = open(true);
  if (!file) {
    if (file.error().code == ENOENT) return failure(gone(entry));
    return failure(file.error().outcome());
  }
  auto status = (*file)->status();
  if (!status) return failure(status.error().outcome());
  if (status->kind != FileKind::regular) {
    return failure(Outcome::permanent(
        fmt::format("{} in mailbox {} is no message: not a regular file", entry.id, mailbox_),
        "5.2.0"));
  }
  return std::move(*file);
}

Outcome Mailbag::mark_read(const MailbagEntry& entry) const {
  if (entry.is_read) return Outcome::delivered("message " + entry.id + " was read already");
  return move(entry, true);
}

Outcome Mailbag::mark_unread(const MailbagEntry& entry) const {
  if (part_ == MailbagPart::sent) {
    return Outcome::permanent("what was sent is never unread", "5.3.5");
  }
  if (!entry.is_read) return Outcome::delivered("message " + entry.id + " is unread already");
  // A rename would take its place.
  auto other = files_->status(path_of(entry.id, false));
  if (!other && other.error().code != ENOENT) return other.error().outcome();
  auto own = files_->status(path_of(entry.id, true));
  if (other && own && (other->inode != own->inode || other->device != own->device)) {
    return Outcome::permanent("another message has the name " + entry.id + " in new/ of mailbox " +
                                  mailbox_ + "; move it away first",
                              "5.3.5");
  }
  return move(entry, false);
}

/// Between new/ and cur/, durably.
Outcome Mailbag::move(const MailbagEntry& entry, bool to_read) const {
  const std::string_view state = to_read ? "read" : "unread";
  const std::string from = path_of(entry.id, !to_read);
  const std::string to = path_of(entry.id, to_read);
  if (auto moved = files_->rename(from, to); !moved) {
    if (moved.error().code != ENOENT) return moved.error().outcome();
    if (!files_->status(to)) return gone(entry);
    return Outcome::delivered(fmt::format("message {} is {} already", entry.id, state));
  }
  // Renaming one link of a file onto another link of the same file does nothing at all (POSIX).
  if (files_->status(from)) {
    auto removed = files_->remove(from);
    if (!removed && removed.error().code != ENOENT) return removed.error().outcome();
  }
  // The new name first: a crash in between must not leave neither.
  for (const std::string& directory : {parent_directory(to), parent_directory(from)}) {
    auto synced = files_->sync_directory(directory);
    if (!synced) return synced.error().outcome();
  }
  return Outcome::delivered(fmt::format("message {} is marked as {}", entry.id, state));
}

Outcome Mailbag::remove(const MailbagEntry& entry) const {
  std::string path = path_of(entry.id, entry.is_read);
  if (entry.is_folder) return remove_folder(path, entry);
  auto removed = files_->remove(path);
  if (!removed && removed.error().code == ENOENT && !entry.is_read) {
    path = path_of(entry.id, true);
    removed = files_->remove(path);
  }
  if (!removed && removed.error().code == ENOENT) return gone(entry);
  if (!removed) return removed.error().outcome();
  if (auto synced = files_->sync_directory(parent_directory(path)); !synced) {
    return synced.error().outcome();
  }
  return Outcome::delivered("message " + entry.id + " is deleted");
}

/// One rename takes it out; then its files go, from where the mailbox's group cannot put a link in
/// the way of whoever has more rights. Who has no more than the group does it beside the messages.
Outcome Mailbag::remove_folder(const std::string& path, const MailbagEntry& entry) const {
  const std::string id = new_unique_id();
  std::string hidden = path_in(path_in(directory_, layout::markers), "." + id);
  auto moved = files_->rename_new(path, hidden);
  if (!moved && (moved.error().code == EACCES || moved.error().code == EPERM)) {
    hidden = path_in(parent_directory(path), "." + id);
    moved = files_->rename_new(path, hidden);
  }
  if (!moved && moved.error().code == ENOENT) return gone(entry);
  if (!moved) return moved.error().outcome();
  if (auto synced = files_->sync_directory(parent_directory(path)); !synced) {
    return synced.error().outcome();
  }
  const std::string sentence = "message " + entry.id + " is deleted";
  if (auto removed = remove_with_files(*files_, hidden); !removed) {
    return Outcome::delivered(sentence + ", but " + removed.error().sentence() + "; remove " +
                              hidden + " by hand");
  }
  return Outcome::delivered(sentence);
}

Outcome Mailbag::move_to(const Mailbag& target, const MailbagEntry& entry) const {
  if (part_ == MailbagPart::sent || target.part_ == MailbagPart::sent) {
    return Outcome::permanent("what was sent stays in sent/", "5.3.5");
  }
  if (target.directory_ == directory_) {
    return Outcome::permanent("message " + entry.id + " is in mailbox " + mailbox_ + " already",
                              "5.3.5");
  }
  const std::string from = path(entry);
  std::string name = entry.id;
  for (int number = 2; number <= most_names + 1; ++number) {
    const std::string to = target.path_of(name, entry.is_read);
    auto moved = files_->rename_new(from, to);
    if (moved) return finish_move_to(target, from, to);
    if (moved.error().code == ENOENT) {
      // Of a message that was read meanwhile, or of a mailbag without its parts.
      return files_->status(from) ? moved.error().outcome() : gone(entry);
    }
    if (moved.error().code == EXDEV) {
      return Outcome::permanent(
          fmt::format("mailboxes {} and {} are not in one file system; export the message from "
                      "one and import it into the other",
                      mailbox_, target.mailbox_),
          "5.3.5");
    }
    if (moved.error().code != EEXIST && moved.error().code != ENOTEMPTY) {
      return moved.error().outcome();
    }
    auto ours = files_->status(from);
    auto theirs = files_->status(to);
    if (ours && theirs && !entry.is_folder && ours->inode == theirs->inode &&
        ours->device == theirs->device) {
      auto synced = files_->sync_directory(parent_directory(to));
      return synced ? remove(entry) : synced.error().outcome();
    }
    name = entry.id + "-" + std::to_string(number);
  }
  return Outcome::permanent(
      fmt::format("mailbox {} has {} messages of the name {}; move some away first",
                  target.mailbox_, most_names, entry.id),
      "5.3.5");
}

/// The new name first: a crash in between must not leave neither.
Outcome Mailbag::finish_move_to(const Mailbag& target, const std::string& from,
                                const std::string& to) const {
  for (const std::string& directory : {parent_directory(to), parent_directory(from)}) {
    auto synced = files_->sync_directory(directory);
    if (!synced) return synced.error().outcome();
  }
  return Outcome::delivered("message " + to.substr(to.rfind('/') + 1) + " is in mailbox " +
                            target.mailbox_);
}

}  // namespace smtpgate::postoffice
