// Mailbags; see the header.
#include "postoffice/mailbag.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

/// Sets short_id of each; `entries` sorted by ID.
void shorten_ids(std::vector<MailbagEntry>& entries) {
  std::vector<std::string_view> ids;
  ids.reserve(entries.size());
  for (const MailbagEntry& entry : entries) ids.push_back(entry.id);
  const std::vector<std::size_t> sizes = unique_beginnings(ids);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].short_id = entries[i].id.substr(0, sizes[i]);
  }
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
  std::sort(entries.begin(), entries.end(), [](const MailbagEntry& a, const MailbagEntry& b) {
    return a.id != b.id ? a.id < b.id : a.is_read > b.is_read;
  });
  // Seen in both: cur/, which stands first, is where it is now.
  entries.erase(
      std::unique(entries.begin(), entries.end(),
                  [](const MailbagEntry& a, const MailbagEntry& b) { return a.id == b.id; }),
      entries.end());
  shorten_ids(entries);
  return entries;
}

Expected<std::vector<MailbagEntry>> Mailbag::list(std::size_t most) const {
  auto named = names();
  if (!named) return named;
  std::vector<MailbagEntry> entries;
  entries.reserve(named->size());
  for (MailbagEntry& entry : *named) {
    auto status = files_->status(path_of(entry.id, entry.is_read));
    if (!status) {
      if (status.error().code == ENOENT && !entry.is_read) {
        // Read a moment ago.
        entry.is_read = true;
        status = files_->status(path_of(entry.id, true));
      }
      if (!status && status.error().code == ENOENT) continue;
      if (!status) return failure(status.error().outcome());
    }
    if (status->kind != FileKind::regular) continue;
    entry.arrival = status->modified;
    entry.size = status->size;
    entries.push_back(std::move(entry));
  }
  const auto newest_first = [](const MailbagEntry& a, const MailbagEntry& b) {
    return a.arrival != b.arrival ? a.arrival > b.arrival : a.id > b.id;
  };
  const std::size_t count = std::min(most, entries.size());
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count),
                    entries.end(), newest_first);
  entries.resize(count);
  return entries;
}

Expected<MailbagEntry> Mailbag::find(std::string_view beginning) const {
  auto named = names();
  if (!named) return failure(named.error());
  std::vector<const MailbagEntry*> matches;
  for (const MailbagEntry& entry : *named) {
    if (entry.id == beginning) return entry;
    if (!beginning.empty() && starts_with_ignoring_case(entry.id, beginning)) {
      matches.push_back(&entry);
    }
  }
  if (matches.size() == 1) return *matches.front();
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
  return Outcome::permanent(
      fmt::format("message {} of mailbox {} is gone: moved or deleted meanwhile", entry.id,
                  mailbox_),
      "5.2.0");
}

Expected<std::unique_ptr<File>> Mailbag::open_message(const MailbagEntry& entry) const {
  auto file = files_->open(path_of(entry.id, entry.is_read));
  if (!file && file.error().code == ENOENT && !entry.is_read) {
    file = files_->open(path_of(entry.id, true));
  }
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

}  // namespace smtpgate::postoffice
