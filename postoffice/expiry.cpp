// Expiry; see the header. The order in one mailbox: markers of what would otherwise be filed again
// are made durable; then messages are removed; then their directories are synced and the usage is
// counted. So a stop at any moment has removed only what was to go, and nothing comes back.
#include "postoffice/expiry.h"

#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

#include "postoffice/filing.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/put.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day = 86'400;

/// One of the directories that messages lie in.
struct Part {
  std::string_view name;
  std::uint64_t days;  ///< 0: nothing expires here
  std::uint64_t MailboxExpiry::* count;
};

struct Old {
  const Part* part = nullptr;
  std::string name;
  FileStatus status;  ///< of the message file
  bool is_folder = false;
};

class MailboxExpiring {
 public:
  MailboxExpiring(const Postoffice& postoffice, const std::string& mailbox,
                  const ExpiryOptions& options)
      : postoffice_(postoffice),
        files_(postoffice.files()),
        mailbag_(postoffice.mailbag_directory(mailbox)),
        oldest_marker_(options.now - postoffice.settings().dedupe_days * day),
        options_(options) {
    result_.name = mailbox;
  }

  MailboxExpiry run() {
    const auto settings = read_mailbox_settings(postoffice_, result_.name);
    if (!settings) {
      result_.trouble = settings.error();
      return std::move(result_);
    }
    result_.is_set = settings->expiry.is_set();
    if (!result_.is_set) return std::move(result_);
    const Expiry& expiry = settings->expiry;
    // cur before new: a message that is marked as unread meanwhile is then judged by that.
    const std::array<Part, 3> parts = {
        {{layout::read, expiry.read_days, &MailboxExpiry::read},
         {layout::unread, expiry.unread_days, &MailboxExpiry::unread},
         {layout::sent, expiry.sent_days, &MailboxExpiry::sent}}};
    std::vector<Old> old;
    for (const Part& part : parts) {
      if (auto looked = look_into(part, old); !looked) note(looked.error());
    }
    if (result_.trouble) return std::move(result_);
    if (options_.is_dry_run) {
      for (const Old& one : old) count(one);
      return std::move(result_);
    }
    if (auto marked = keep_markers(old); !marked) {
      note(marked.error());
      return std::move(result_);
    }
    remove(old);
    if (settings->quota.is_set() && result_.messages() != 0) {
      auto counted = recount_usage(postoffice_, result_.name);
      if (!counted && !result_.trouble) result_.trouble = counted.error();
    }
    return std::move(result_);
  }

 private:
  void note(const FileError& error) {
    if (!result_.trouble) result_.trouble = error.outcome();
  }
  void count(const Old& one) {
    ++(result_.*one.part->count);
    result_.octets += one.status.size;
  }
  bool is_old(const FileStatus& status, const Part& part) const {
    return options_.now - status.modified >= static_cast<std::int64_t>(part.days) * day;
  }
  std::string path_of(const Old& one) const {
    return path_in(path_in(mailbag_, one.part->name), one.name);
  }

  FileResult<void> look_into(const Part& part, std::vector<Old>& old) {
    if (part.days == 0) return {};
    const std::string directory = path_in(mailbag_, part.name);
    auto listed = files_.list_with_status(directory);
    if (!listed) return tl::unexpected(listed.error());
    for (NamedStatus& one : *listed) {
      if (one.name.front() == '.') continue;
      const bool is_folder = one.status.kind == FileKind::directory;
      if (is_folder) {
        // Its own time says when something was last laid in it.
        auto inside = files_.status(path_in(path_in(directory, one.name), layout::folder_message));
        if (!inside && inside.error().code == ENOENT) continue;  // somebody's own, or gone
        if (!inside) return tl::unexpected(inside.error());
        one.status = *inside;
      }
      if (one.status.kind != FileKind::regular || !is_old(one.status, part)) continue;
      if (is_folder && part.name == layout::unread) {
        ++result_.waiting;
        continue;
      }
      old.push_back({&part, std::move(one.name), one.status, is_folder});
    }
    return {};
  }

  /// What arrived within dedupe_days may come once more, by a late try of its sender; only ids/
  /// knows it then. The marker may be missing (it is not synced when it is made; the message was
  /// moved here), or may not be on disk yet.
  FileResult<void> keep_markers(const std::vector<Old>& old) {
    std::set<std::string_view> keys;
    for (const Old& one : old) {
      const std::string_view name = one.name;
      const std::string_view key = name.substr(0, content_key_size);
      const bool is_keyed =
          is_content_key(key) && (name.size() == content_key_size || name[content_key_size] == '-');
      if (is_keyed && one.part->name != layout::sent && one.status.modified >= oldest_marker_) {
        keys.insert(key);
      }
    }
    if (keys.empty()) return {};
    auto owner = owner_for_new_files(files_, postoffice_.directory());
    if (!owner) return tl::unexpected(owner.error());
    for (const std::string_view key : keys) {
      if (auto made = make_marker(files_, mailbag_, key, *owner); !made) return made;
    }
    return files_.sync_directory(path_in(mailbag_, layout::markers));
  }

  void remove(const std::vector<Old>& old) {
    std::set<std::string_view> changed;
    for (const Old& one : old) {
      auto removed = one.is_folder ? remove_folder(one) : remove_file(one);
      if (!removed) {
        note(removed.error());
        break;
      }
      if (!*removed) continue;
      count(one);
      changed.insert(one.part->name);
    }
    for (const std::string_view part : changed) {
      if (auto synced = files_.sync_directory(path_in(mailbag_, part)); !synced) {
        note(synced.error());
      }
    }
  }

  /// False: it is not there any more, or is another one. Looked at again, since the list may be
  /// old.
  FileResult<bool> remove_file(const Old& one) {
    const std::string path = path_of(one);
    const auto now = files_.status(path);
    if (!now && now.error().code == ENOENT) return false;
    if (!now) return tl::unexpected(now.error());
    if (now->inode != one.status.inode || now->device != one.status.device ||
        now->modified != one.status.modified) {
      return false;
    }
    auto removed = files_.remove(path);
    if (!removed && removed.error().code == ENOENT) return false;
    if (!removed) return tl::unexpected(removed.error());
    return true;
  }

  /// Only one that nobody works in.
  FileResult<bool> remove_folder(const Old& one) {
    auto lock = lock_directory(files_, path_of(one));
    if (!lock) return tl::unexpected(lock.error());
    if (!*lock) return false;
    auto mailbag = Mailbag::open(postoffice_, result_.name);
    if (!mailbag) return false;  // removed or renamed meanwhile
    MailbagEntry entry;
    entry.id = one.name;
    entry.is_read = true;
    entry.is_folder = true;
    const Outcome removed = mailbag->remove(entry);
    if (removed.is_temporary() && !result_.trouble) result_.trouble = removed;
    return removed.is_delivered();
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  const std::string mailbag_;
  const std::int64_t oldest_marker_;
  const ExpiryOptions& options_;
  MailboxExpiry result_;
};

/// Those that are asked for, folded, each once.
Expected<std::vector<std::string>> chosen(const Postoffice& postoffice,
                                          const std::vector<std::string>& names) {
  if (names.empty()) return postoffice.list_mailboxes();
  std::set<std::string> folded;
  for (const std::string& name : names) {
    auto mailbag = Mailbag::open(postoffice, name);
    if (!mailbag) return failure(mailbag.error());
    folded.insert(mailbag->mailbox());
  }
  return std::vector<std::string>(folded.begin(), folded.end());
}

}  // namespace

Expected<std::vector<MailboxExpiry>> expire_messages(const Postoffice& postoffice,
                                                     const ExpiryOptions& options) {
  const auto mailboxes = chosen(postoffice, options.mailboxes);
  if (!mailboxes) return failure(mailboxes.error());
  std::vector<MailboxExpiry> result;
  for (const std::string& mailbox : *mailboxes) {
    if (options.progress) options.progress(result.size(), mailboxes->size());
    result.push_back(MailboxExpiring(postoffice, mailbox, options).run());
  }
  return result;
}

}  // namespace smtpgate::postoffice
