// A mailbag as its readers use it: which messages are in it, newest first; one by the beginning of
// its ID; its file; marking it read or unread, moving it elsewhere, deleting it. Or, in the same
// way, the copies of what the mailbox sent. Listing looks at names and times only, opens nothing.
//
// A message is an MMFF file, or a directory with message.api in it (folder delivery); to a reader
// they are the same.
//
// Not for filing (put.h) and not for what a message says (mmff_reader.h, mmff_show.h).
//
// The mailbag is looked at anew by each call; another process may file, move or delete meanwhile. A
// Mailbag is a small value; const methods are safe from several threads.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct MailbagEntry {
  std::string id;            ///< file name
  std::string short_id;      ///< a beginning of it that is unique in the mailbag
  bool is_read = false;      ///< lies in cur/, not in new/
  bool is_folder = false;    ///< a directory
  std::int64_t arrival = 0;  ///< modification time, seconds since 1970
  std::uint64_t size = 0;    ///< octets of the MMFF file
};

/// Which messages of a mailbox.
enum class MailbagPart {
  received,  ///< new/ and cur/
  sent,      ///< sent/; all count as read
};

class Mailbag {
 public:
  /// `mailbox` in any case. permanent 5.1.1 if there is none; no aliases here, the names of
  /// mailboxes are meant.
  static Expected<Mailbag> open(const Postoffice& postoffice, std::string_view mailbox,
                                MailbagPart part = MailbagPart::received);

  const std::string& mailbox() const { return mailbox_; }  ///< folded
  MailbagPart part() const { return part_; }

  /// The newest `most` messages, newest first; those of one second by ID
  /// backwards, since IDs of messages without a key begin with their time. Regular files, and
  /// directories that hold message.api; names with a leading dot are nobody's messages.
  Expected<std::vector<MailbagEntry>> list(
      std::size_t most = std::numeric_limits<std::size_t>::max()) const;

  /// The message whose ID is or begins with `beginning` (any case). permanent if there is none or
  /// more than one; the sentence says which.
  Expected<MailbagEntry> find(std::string_view beginning) const;

  /// What has a message's name, by ID, without looking at any: `id`, `short_id` and `is_read` only.
  Expected<std::vector<MailbagEntry>> names() const;
  /// One of them, looked at: as find() returns it.
  MailbagEntry look_at(MailbagEntry entry) const;

  /// Its MMFF file for reading. It may have been read and so moved since it was listed: then it is
  /// found there. permanent if it is gone.
  Expected<std::unique_ptr<File>> open_message(const MailbagEntry& entry) const;

  /// From new/ to cur/, durably. Nothing to do for a message that was read.
  Outcome mark_read(const MailbagEntry& entry) const;
  /// And back, likewise. permanent if another message has its name in new/.
  Outcome mark_unread(const MailbagEntry& entry) const;

  /// Out of the mailbag, durably. A directory disappears in one step; what a crash leaves of it
  /// has a name with a leading dot, and expire_markers() clears it.
  Outcome remove(const MailbagEntry& entry) const;
  /// To another mailbag, durably, read or unread as it was, by one rename: it is in one of them
  /// at any moment. Under its own ID, or ID-2 ... where that is another message's. The same
  /// message there already (a link of the same file): ours goes. permanent 5.3.5 if the two are not
  /// in one file system.
  Outcome move_to(const Mailbag& target, const MailbagEntry& entry) const;

  /// Where it lies: the file, or the directory.
  std::string path(const MailbagEntry& entry) const { return path_of(entry.id, entry.is_read); }

 private:
  Mailbag(const Postoffice& postoffice, std::string mailbox, MailbagPart part);
  std::string path_of(std::string_view id, bool is_read) const;
  Outcome move(const MailbagEntry& entry, bool to_read) const;
  Outcome finish_move_to(const Mailbag& target, const std::string& from,
                         const std::string& to) const;
  Outcome remove_folder(const std::string& path, const MailbagEntry& entry) const;
  Expected<std::vector<MailbagEntry>> messages(bool is_read) const;
  Outcome gone(const MailbagEntry& entry) const;

  FileSystem* files_;
  std::string directory_;
  std::string mailbox_;
  MailbagPart part_;
};

}  // namespace smtpgate::postoffice
