// A postoffice folder: opening and making one, its identity and settings, its mailboxes and
// aliases, and which mailbox a name means. Formats: docs/postoffice-format.md.
//
// Not for filing messages (put.h) or reading mailbags (mailbag.h).
//
// A Postoffice object is a small value of settings read once by open(); mailboxes and aliases are
// looked up on disk each time, so that they are always current (house rule: no reload). Const
// methods are safe from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/time_zone.h"

namespace smtpgate::postoffice {

/// How mail for a full mailbox is answered.
enum class QuotaReply {
  temporary,  ///< 4.2.2: it waits in Postfix's queue
  permanent,  ///< 5.2.2: it goes back to its sender
};

/// GLB/postoffice.toml.
struct PostofficeSettings {
  PostofficeName name;
  int format = 1;
  std::string character_set = "UTF-8";
  std::string time_zone;  ///< a zoneinfo name; empty: the machine's
  LineEnd line_end = LineEnd::lf;
  bool short_attachment_names = false;    ///< in the form 8.3 (short_name.h)
  std::string recipient_delimiter = "+";  ///< any of these octets; empty: none
  std::string catch_all;                  ///< mailbox name; empty: none
  int dedupe_days = 5;
  QuotaReply quota_reply = QuotaReply::temporary;
};

/// What a local name means.
struct Resolved {
  std::string mailbox;  ///< folded name; its directory existed a moment ago; empty: a group
  std::string how;      ///< "mailbox", "alias", "group", "delimiter", "catch-all", "postmaster"
  std::string group{};  ///< folded name of the group; empty: a mailbox
};

/// Who owns what is made in a folder, for programs that run as root.
struct FolderOwner {
  uid_t user = 0;
  gid_t group = 0;
};

class Postoffice {
 public:
  /// Reads GLB/postoffice.toml. A folder that is missing, unreadable or of another format is
  /// temporary (4.3.5): configuration or disk, never a fact about a recipient.
  static Expected<Postoffice> open(const std::string& directory,
                                   FileSystem& files = FileSystem::posix());

  /// Makes the folder with the mailbox "postmaster". Refuses (permanent) a directory that holds
  /// anything but lost+found. `owner` of everything in it (root only); empty: an existing
  /// directory's own, else the process's.
  static Outcome init(const std::string& directory, const PostofficeSettings& settings,
                      FileSystem& files = FileSystem::posix(),
                      const std::optional<FolderOwner>& owner = {});

  const std::string& directory() const { return directory_; }
  const PostofficeSettings& settings() const { return settings_; }
  FileSystem& files() const { return *files_; }

  std::string mailbag_directory(std::string_view folded_name) const;  ///< MBG/<mailbox>
  std::string path(std::string_view relative) const;

  /// Whose mailbox is `local_part` (unquoted, any case, UTF-8)? In the order of
  /// docs/postoffice-format.md: mailbox, alias, group, without the extension, catch-all;
  /// "postmaster" always exists (made on the fly if somebody removed it). permanent 5.1.1 if
  /// unknown; temporary if the folder cannot be read. `domain` (A-labels, lower case) serves
  /// aliases that name one.
  Expected<Resolved> resolve(std::string_view local_part, std::string_view domain = {}) const;

  struct MailboxOptions {
    std::string group;  ///< of new/ cur/ outbox/ sent/; empty: the postoffice's own
  };
  /// A new mailbox, usable when this returns: made under a temporary name and renamed into place.
  Outcome add_mailbox(std::string_view name, const MailboxOptions& options = {}) const;
  /// Only an empty one, unless `with_messages`. The postmaster stays.
  Outcome remove_mailbox(std::string_view name, bool with_messages) const;
  Expected<std::vector<std::string>> list_mailboxes() const;  ///< sorted, folded names

  struct Alias {
    std::string name;  ///< as written: local part, or local@domain
    std::string mailbox;
  };
  Outcome add_alias(std::string_view name, std::string_view mailbox) const;
  Outcome remove_alias(std::string_view name) const;
  Expected<std::vector<Alias>> list_aliases() const;

  LocalTime local_time(std::int64_t seconds) const;  ///< since 1970, UTC

  /// This host's name as one path component: whose work P1/<host> and SMTP/<id>.<host> is.
  const std::string& host() const { return host_; }
  /// The same postoffice as a program on the host `name` sees it.
  Postoffice on_host(std::string_view name) const;

 private:
  Postoffice(std::string directory, PostofficeSettings settings,
             std::shared_ptr<const TimeZone> zone, FileSystem& files);

  std::string directory_;
  PostofficeSettings settings_;
  std::shared_ptr<const TimeZone> zone_;
  FileSystem* files_;
  std::string host_;
};

}  // namespace smtpgate::postoffice
