// What `postoffice check` finds in mailbags. See check_report.h and docs/checking.md.
//
// Others move, delete and lay in files meanwhile: what goes away between two looks is no finding.
// What is mended is opened first and judged by its descriptor, so that no link leads to another's.
#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "postoffice/check_links.h"
#include "postoffice/check_report.h"
#include "postoffice/folder.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/message_folder.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/put.h"
#include "postoffice/shell_word.h"
#include "postoffice/unique_id.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day = 86'400;
constexpr std::int64_t patience = 2 * day;  ///< with markers that the daily tidying removes

constexpr mode_t mailbag_mode = 0750;

struct Part {
  std::string_view name;
  mode_t mode;
  bool has_messages;
};
constexpr std::array<Part, 5> parts = {{{layout::unread, 02770, true},
                                        {layout::read, 02770, true},
                                        {layout::sent, 02770, true},
                                        {layout::outbox, 02770, false},
                                        {layout::markers, 0700, false}}};

class MailbagCheck {
 public:
  MailbagCheck(const Postoffice& postoffice, CheckReport& report, uid_t gateway)
      : postoffice_(postoffice),
        files_(postoffice.files()),
        report_(report),
        gateway_(gateway),
        links_(postoffice, report, gateway),
        oldest_marker_(report.options().now - postoffice.settings().dedupe_days * day - patience) {}

  void check(const std::string& mailbox) {
    ++report_.result().mailboxes;
    const std::string mailbag = postoffice_.mailbag_directory(mailbox);
    const auto status = files_.status(mailbag);
    if (!status) return missed(status.error());
    check_rights(mailbag, *status, mailbag_mode);
    check_gateway_rights(mailbag, *status);
    for (const Part& part : parts) {
      const std::string directory = path_in(mailbag, part.name);
      const auto there = files_.status(directory);
      if (!there && there.error().code == ENOENT) {
        report_.find({"mailbag-part", directory + " is missing", "--repair makes it"}, [&] {
          auto made = make_owned_directory(files_, directory, part.mode, owner_like(*status));
          return made ? Outcome::delivered("made") : made.error().outcome();
        });
        continue;
      }
      if (!there) {
        missed(there.error());
        continue;
      }
      check_rights(directory, *there, part.mode);
      check_gateway_rights(directory, *there);
      if (part.has_messages) check_messages(directory);
      if (part.name == layout::read) check_doubles(mailbag);
    }
    unread_.clear();
    count_old_markers(path_in(mailbag, layout::markers));
    if (report_.options().repairs) recount(mailbox);
  }

  void finish(const std::vector<std::string>& mailboxes) { links_.finish(mailboxes); }
  std::uint64_t old_markers() const { return old_markers_; }

 private:
  void missed(const FileError& error) {
    if (error.code != ENOENT) report_.trouble(error.outcome());
  }

  /// Only root can give a directory away.
  std::optional<FolderOwner> owner_like(const FileStatus& mailbag) const {
    if (::geteuid() != 0) return std::nullopt;
    return FolderOwner{mailbag.owner, mailbag.group};
  }

  /// Rights beyond those of `right`, for the group and others.
  void check_rights(const std::string& directory, const FileStatus& status, mode_t right) {
    const mode_t too_much = status.mode & ~right & 077;
    if (status.kind != FileKind::directory || too_much == 0) return;
    report_.find(
        {"mailbag-open",
         fmt::format("{} has mode {:04o}, more than {:04o}", directory, status.mode, right),
         "--repair takes the rest away"},
        [&] {
          auto opened = files_.open_directory(directory);
          if (!opened) return opened.error().outcome();
          const auto now = (*opened)->status();
          if (!now) return now.error().outcome();
          auto done = (*opened)->set_mode(now->mode & ~(~right & mode_t{077}));
          return done ? Outcome::delivered("closed") : done.error().outcome();
        });
  }

  /// Where the gateway cannot make or remove a file, mail for the mailbox waits in Postfix's queue.
  void check_gateway_rights(const std::string& directory, const FileStatus& status) {
    if (status.kind != FileKind::directory) return;
    if (status.owner != gateway_) {
      // By its group, perhaps: who is in which is not looked up.
      if ((status.mode & 0022) != 0) return;
      const auto mend = [&] { return as_it_is(directory, status.mode | 0700, gateway_); };
      report_.find(
          {"mailbag-closed",
           fmt::format("{} belongs to user {}, and the gateway's, {}, cannot write there",
                       directory, status.owner, gateway_),
           fmt::format("as root: chown {} {}; so does --repair", gateway_, shell_word(directory))},
          ::geteuid() == 0 ? std::function<Outcome()>(mend) : nullptr);
    } else if ((status.mode & 0700) != 0700) {
      report_.find({"mailbag-closed",
                    fmt::format("{} has mode {:04o}: the gateway cannot write there", directory,
                                status.mode),
                    fmt::format("chmod u+rwx {}; so does --repair", shell_word(directory))},
                   [&] { return as_it_is(directory, status.mode | 0700, std::nullopt); });
    }
  }

  /// The directory that is there, and no other, gets the rights of its owner back.
  Outcome as_it_is(const std::string& directory, mode_t mode, std::optional<uid_t> owner) {
    auto opened = files_.open_directory(directory);
    if (!opened) return opened.error().outcome();
    const auto now = (*opened)->status();
    if (!now) return now.error().outcome();
    auto done = owner ? (*opened)->set_owner(*owner, now->group) : FileResult<void>();
    if (done) done = (*opened)->set_mode((now->mode & ~mode_t{0700}) | (mode & 0700));
    return done ? Outcome::delivered("opened") : done.error().outcome();
  }

  void check_messages(const std::string& directory) {
    auto listed = files_.list_with_status(directory);
    if (!listed) return missed(listed.error());
    const bool is_unread = directory.ends_with(layout::unread);
    for (const NamedStatus& one : *listed) {
      if (one.name.front() == '.') continue;
      std::string path = path_in(directory, one.name);
      FileStatus status = one.status;
      if (is_unread && is_content_key(one.name)) unread_.push_back(one.name);
      if (status.kind == FileKind::directory) {
        path = path_in(path, layout::folder_message);
        const auto inside = files_.status(path);
        if (!inside && inside.error().code != ENOENT) missed(inside.error());
        if (!inside) continue;  // somebody's own directory, or gone
        status = *inside;
      } else {
        note_links(one.name, status);
      }
      check_message(path, status);
    }
  }

  /// A message of one key is one message: in new/ and in cur/ it was copied while it was moved.
  void check_doubles(const std::string& mailbag) {
    for (const std::string& name : unread_) {
      const std::string path = path_in(path_in(mailbag, layout::unread), name);
      if (!is_doubled(mailbag, name)) continue;
      report_.find(
          {"message-doubled", path + " lies in cur, too", "--repair removes it from new"}, [&] {
            if (!is_doubled(mailbag, name)) return Outcome::delivered("it was moved");
            auto removed = files_.remove(path);
            return removed || removed.error().code == ENOENT ? Outcome::delivered("removed")
                                                             : removed.error().outcome();
          });
    }
  }

  /// Whether both are files of ours and as long: then they are the message of that name.
  bool is_doubled(const std::string& mailbag, const std::string& name) {
    const auto unread = files_.status(path_in(path_in(mailbag, layout::unread), name));
    if (!unread || !is_ours(*unread)) return false;
    const auto read = files_.status(path_in(path_in(mailbag, layout::read), name));
    return read && is_ours(*read) && read->size == unread->size;
  }
  bool is_ours(const FileStatus& status) const {
    return status.kind == FileKind::regular && status.owner == gateway_;
  }

  void check_message(const std::string& path, const FileStatus& status) {
    if (status.kind != FileKind::regular) {
      report_.find({"message-odd", path + " is no regular file", "its owner may remove it"});
      return;
    }
    // One file with many names is read once, and told under the first.
    if (status.links > 1 && !seen_.insert({status.device, status.inode}).second) {
      report_.saw_message(0);
      return;
    }
    if (status.owner != gateway_) {
      report_.find({"message-owner", path + " is not the gateway's: its owner can change it",
                    "file it with smtpput instead, and remove it"});
    } else if ((status.mode & 0222) != 0) {
      report_.find({"message-mode", path + " can be changed", "--repair makes it read-only"},
                   [&] { return make_read_only(path); });
    }
    read_message(path, status);
  }
  /// A file that other mailboxes may have copies of; not the one in a directory.
  void note_links(const std::string& name, FileStatus status) {
    // Mended by then.
    if (report_.options().repairs && is_ours(status)) status.mode &= ~mode_t{0222};
    if (status.links == 1 || !seen_.contains({status.device, status.inode})) {
      links_.saw(name, status);
    }
  }

  Outcome make_read_only(const std::string& path) {
    auto file = files_.open(path);
    if (!file) return file.error().outcome();
    const auto status = (*file)->status();
    if (!status) return status.error().outcome();
    if (status->kind != FileKind::regular || status->owner != gateway_) {
      return Outcome::temporary(path + " has changed; run this again");
    }
    auto done = (*file)->set_mode(0444);
    return done ? Outcome::delivered("read-only") : done.error().outcome();
  }

  void read_message(const std::string& path, const FileStatus& status) {
    auto file = files_.open(path);
    if (!file) {
      // Read and moved meanwhile.
      if (file.error().code != ENOENT) report_.trouble(file.error().outcome());
      return;
    }
    report_.saw_message(status.size);
    FileSource source(**file);
    Reader reader(source);
    bool has_message = false;
    for (;;) {
      auto header = reader.next();
      if (!header) {
        if (header.error().is_file_error) {
          report_.trouble(header.error().outcome());
        } else {
          report_.find({"message-unreadable", path + ": " + header.error().str(),
                        "look at it with `smtpconv show`, and move it away"});
        }
        return;
      }
      if (!*header) break;
      has_message = true;
    }
    if (!has_message) {
      report_.find({"message-unreadable", path + ": there is no message in it", "remove it"});
    }
  }

  void count_old_markers(const std::string& directory) {
    auto listed = files_.list_with_status(directory);
    if (!listed) return missed(listed.error());
    for (const NamedStatus& one : *listed) {
      if (is_content_key(one.name) && one.status.modified < oldest_marker_) ++old_markers_;
    }
  }

  void recount(const std::string& mailbox) {
    const auto settings = read_mailbox_settings(postoffice_, mailbox);
    if (!settings || !settings->quota.is_set()) return;  // told with the settings
    if (auto counted = recount_usage(postoffice_, mailbox); !counted) {
      report_.trouble(counted.error());
    }
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  CheckReport& report_;
  uid_t gateway_;
  LinkCheck links_;
  std::int64_t oldest_marker_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;  ///< device and inode
  std::vector<std::string> unread_;                         ///< keys of the mailbag being checked
  std::uint64_t old_markers_ = 0;
};

void check_names(const Postoffice& postoffice, CheckReport& report) {
  const std::string directory = postoffice.path(layout::mailbags);
  const auto names = postoffice.files().list(directory);
  if (!names) return report.trouble(names.error().outcome());
  for (const std::string& name : *names) {
    if (name.front() == '.') continue;  // being made
    if (!why_bad_mailbox_name(name) && fold_mailbox_name(name) == name) continue;
    report.find({"mailbox-name", path_in(directory, name) + " has a name that no mailbox may have",
                 "move it away; its messages can be put into a mailbox with smtpput"});
  }
}

}  // namespace

void check_mailbags(const Postoffice& postoffice, CheckReport& report) {
  const auto folder = postoffice.files().status(postoffice.directory());
  const auto mailboxes = postoffice.list_mailboxes();
  if (!folder) return report.trouble(folder.error().outcome());
  if (!mailboxes) return report.trouble(mailboxes.error());
  check_names(postoffice, report);
  MailbagCheck check(postoffice, report, folder->owner);
  for (const std::string& mailbox : *mailboxes) check.check(mailbox);
  check.finish(*mailboxes);
  if (check.old_markers() == 0) return;
  report.find(
      {"markers-old", std::to_string(check.old_markers()) + " markers are older than dedupe_days",
       "the daemon removes them once a day; so does --repair"},
      [&] {
        auto expired = expire_markers(postoffice, report.options().now);
        return expired ? Outcome::delivered("removed") : expired.error();
      });
}

}  // namespace smtpgate::postoffice
