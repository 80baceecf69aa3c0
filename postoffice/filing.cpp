// Filing: see the header, and docs/postoffice-format.md for why each step stands where it stands.
#include "postoffice/filing.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include "postoffice/folder.h"
#include "postoffice/found_message.h"
#include "postoffice/groups.h"
#include "postoffice/message_folder.h"
#include "postoffice/unique_id.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day_seconds = 86'400;
/// K, K-2 ... : how many earlier filings of the same content, older than dedupe_days and still
/// kept, are stepped over before the message simply gets a name of its own.
constexpr int most_names = 100;

}  // namespace

class Filing {
 public:
  Filing(const Postoffice& postoffice, const SealedMessage& message, std::string_view mailbox,
         std::int64_t now, bool is_folder, std::string_view part = layout::unread,
         const Quota& quota = {})
      : postoffice_(postoffice),
        part_(part),
        is_folder_(is_folder),
        files_(postoffice.files()),
        message_(message),
        mailbox_(mailbox),
        quota_(quota),
        mailbag_(postoffice.mailbag_directory(mailbox)),
        oldest_marker_(now - postoffice.settings().dedupe_days * day_seconds),
        looks_(files_, message.owner ? message.owner->user : ::geteuid(),
               std::min(now, message.arrival) - postoffice.settings().dedupe_days * day_seconds) {}

  /// Only the steps that place it: nobody but its sender knows this copy, so none is a duplicate.
  Outcome keep() {
    auto placed = place(message_.key);
    if (!placed && placed.error().code != EEXIST) return explain(placed.error());
    auto synced = files_.sync_directory(path_in(mailbag_, part_));
    if (!synced) return synced.error().outcome();
    return Outcome::delivered("kept as " + message_.key + " in sent of mailbox " + mailbox_);
  }

  /// The looks of begin() without its steps.
  FileResult<bool> is_there() {
    if (message_.key.empty()) return false;
    auto marker_status = files_.status(marker(message_.key));
    if (marker_status && marker_status->modified >= oldest_marker_) return true;
    if (!marker_status && marker_status.error().code != ENOENT) {
      return tl::unexpected(marker_status.error());
    }
    std::string name = message_.key;
    for (int number = 2; number <= most_names + 1; ++number) {
      auto in_read = looks_.look_at(read(name));
      if (!in_read) return tl::unexpected(in_read.error());
      if (*in_read == Found::ours) return true;
      if (*in_read != Found::too_old) {
        auto in_unread = looks_.look_at(unread(name));
        if (!in_unread) return tl::unexpected(in_unread.error());
        if (*in_unread == Found::ours) return true;
        if (*in_unread == Found::nothing) return false;
      }
      name = message_.key + "-" + std::to_string(number);
    }
    return false;
  }

  // FilingSteps has the meaning of these three.
  std::optional<Outcome> begin() {
    if (message_.key.empty()) return place_under_own_name();
    auto marked = is_marked();
    if (!marked) return marked.error().outcome();
    if (*marked) return duplicate_of(message_.key);
    std::string name = message_.key;
    for (int number = 2; number <= most_names + 1; ++number) {
      auto outcome = file_as(name);
      if (!outcome) return explain(outcome.error());
      if (*outcome) return std::move(**outcome);
      if (!placed_as_.empty()) return std::nullopt;
      name = message_.key + "-" + std::to_string(number);
    }
    return place_under_own_name();
  }

  std::optional<Outcome> sync() {
    auto synced = files_.sync_directory(path_in(mailbag_, layout::unread));
    if (!synced) return explain(synced.error());
    return std::nullopt;
  }

  Outcome finish() {
    if (auto marked = mark(); !marked) return explain(marked.error());
    return filed_as(placed_as_);
  }

 private:
  std::string unread(const std::string& name) const {
    return path_in(path_in(mailbag_, part_), name);
  }
  std::string read(const std::string& name) const {
    return path_in(path_in(mailbag_, layout::read), name);
  }
  std::string marker(const std::string& name) const {
    return path_in(path_in(mailbag_, layout::markers), name);
  }

  Outcome filed_as(const std::string& name) const {
    return Outcome::delivered("filed as " + name + " in mailbox " + mailbox_);
  }
  Outcome duplicate_of(const std::string& name) const {
    return Outcome::delivered("duplicate of " + name + " in mailbox " + mailbox_);
  }

  /// True if ids/K says that the message was filed; a marker past its days is taken away.
  FileResult<bool> is_marked() {
    const std::string path = marker(message_.key);
    auto status = files_.status(path);
    if (!status) {
      if (status.error().code == ENOENT) return false;
      return tl::unexpected(status.error());
    }
    if (status->modified >= oldest_marker_) return true;
    auto removed = files_.remove(path);
    if (!removed && removed.error().code != ENOENT) return tl::unexpected(removed.error());
    return false;
  }

  /// An Outcome; or nothing if it was placed, or if that name is taken by something else.
  FileResult<std::optional<Outcome>> file_as(const std::string& name) {
    auto in_read = looks_.look_at(read(name));
    if (!in_read) return tl::unexpected(in_read.error());
    if (*in_read == Found::too_old) return std::nullopt;
    if (*in_read == Found::ours) return accept_found(name, layout::read);

    if (quota_.is_set() || is_folder_) {
      // What lies there already needs no room, and nothing is unpacked for it.
      auto there = looks_.look_at(unread(name));
      if (!there) return tl::unexpected(there.error());
      if (*there == Found::ours) return accept_found(name, layout::unread);
      if (is_folder_ && *there != Found::nothing) return std::nullopt;
    }
    if (quota_.is_set()) {
      auto refusal = make_room();
      if (!refusal || *refusal) return refusal;
    }
    auto placed = place(name);
    if (placed) return look_again(name, *placed);
    if (placed.error().code != EEXIST) {
      // Perhaps only the answer was lost. One that is not there is found out by the next count.
      if (room_) room_->filed();
      return tl::unexpected(placed.error());
    }
    auto in_unread = looks_.look_at(unread(name));
    if (!in_unread) return tl::unexpected(in_unread.error());
    if (*in_unread == Found::ours) return accept_found(name, layout::unread);
    if (*in_unread != Found::nothing) return std::nullopt;
    // Read, and so moved, between our two looks: then it is in cur/ now.
    in_read = looks_.look_at(read(name));
    if (!in_read) return tl::unexpected(in_read.error());
    if (*in_read == Found::ours) return accept_found(name, layout::read);
    // Under another name it would lie beside what a try after a crash files under this one.
    if (*in_read == Found::nothing) return gone_meanwhile(name);
    return std::nullopt;
  }

  /// Moved or deleted by its reader a moment ago: it was there, whole. The next try finds it in
  /// cur/, or files it again.
  Outcome gone_meanwhile(const std::string& name) const {
    return Outcome::temporary("message " + name + " in mailbox " + mailbox_ +
                              " is being moved by its reader; to be tried again");
  }

  /// It was placed by us just now. But a reader may have moved an earlier copy from new/ to cur/
  /// after we looked into cur/ and before the link; that one counts, ours goes. Looked at here, at
  /// once: the longer ours lies there, the more readers may have it beside the other.
  FileResult<std::optional<Outcome>> look_again(const std::string& name, const FileStatus& placed) {
    auto other = files_.status(read(name));
    if (!other && other.error().code != ENOENT) {
      if (room_) room_->filed();  // it is there; if in vain, the next count finds that out
      return tl::unexpected(other.error());
    }
    const bool is_same = other && other->inode == placed.inode && other->device == placed.device;
    auto found =
        other && !is_same ? looks_.judge(*other, read(name)) : FileResult<Found>(Found::nothing);
    if (!found) return tl::unexpected(found.error());
    if (*found == Found::ours) {
      auto removed =
          is_folder_ ? remove_folder(files_, mailbag_, unread(name)) : files_.remove(unread(name));
      if (!removed && removed.error().code != ENOENT) return tl::unexpected(removed.error());
      return accept_found(name, layout::read);
    }
    if (room_) room_->filed();
    placed_as_ = name;
    return std::nullopt;
  }

  /// The message lies there already: synced before it is called delivered. Not put off to the
  /// others' syncs: it is the rare case, and its looks and its sync belong together.
  FileResult<std::optional<Outcome>> accept_found(const std::string& name, std::string_view part) {
    auto found = looks_.make_durable(path_in(mailbag_, part), name);
    if (!found) return tl::unexpected(found.error());
    if (*found == Found::nothing) return gone_meanwhile(name);
    if (*found != Found::ours) return std::nullopt;
    if (auto marked = mark(); !marked) return tl::unexpected(marked.error());
    return duplicate_of(name);
  }

  std::optional<Outcome> place_under_own_name() {
    // The id is the message's, so a name in the mailbag is as unique as its work directory.
    auto refusal = make_room();
    if (!refusal) return explain(refusal.error());
    if (*refusal) return std::move(**refusal);
    auto placed = place(message_.id);
    if (!placed) return explain(placed.error());
    if (room_) room_->filed();
    placed_as_ = message_.id;
    return std::nullopt;
  }

  /// Nothing, or why there is no room.
  FileResult<std::optional<Outcome>> make_room() {
    std::optional<Outcome> refused;
    if (!quota_.is_set() || room_) return refused;
    auto taken = ReservedRoom::take(postoffice_, mailbox_, quota_, message_.status.size, refused);
    if (!taken) return tl::unexpected(taken.error());
    if (*taken) room_.emplace(std::move(**taken));
    return refused;
  }

  /// The empty marker ids/K; not synced: without it the message is found in new/ or cur/.
  FileResult<void> mark() {
    if (message_.key.empty()) return {};
    return make_marker(files_, mailbag_, message_.key, message_.owner);
  }

  /// The message as new/<name>, whole, never over something: EEXIST.
  FileResult<FileStatus> place(const std::string& name) {
    if (is_folder_) return place_folder(name);
    auto linked = link_sealed(files_, message_, unread(name));
    if (linked || (message_.key.empty() && is_linked(name))) return message_.status;
    if (!is_link_refused(linked.error().code)) return tl::unexpected(linked.error());
    return place_copy(name);
  }

  /// The link was made, and the answer of a file server lost. For a message with a key the next try
  /// finds that out; one without would be another message then.
  bool is_linked(const std::string& name) {
    auto there = files_.status(unread(name));
    return there && there->device == message_.status.device &&
           there->inode == message_.status.inode;
  }

  /// As a directory, complete and synced before it appears.
  FileResult<FileStatus> place_folder(const std::string& name) {
    if (!staged_) {
      auto unpacked = message_.unpacked();
      if (!unpacked) {
        unpacking_failed_ = unpacked.error();
        return tl::unexpected(FileError{EIO, "unpack", unread(name)});
      }
      auto staged = StagedFolder::make(postoffice_, mailbag_, message_, **unpacked);
      if (!staged) return tl::unexpected(staged.error());
      staged_.emplace(std::move(*staged));
    }
    auto placed = staged_->place(unread(name));
    if (!placed) return tl::unexpected(placed.error());
    return staged_->status();
  }

  /// Where links end (too many, another file system, none at all): a copy made under ids/, which
  /// is in the same file system as new/ and closed to everybody else.
  FileResult<FileStatus> place_copy(const std::string& name) {
    const std::string temporary = marker("." + new_unique_id());
    auto copied = copy_sealed(files_, *message_.file, message_.status.size, message_, temporary);
    auto done = copied ? move_into_place(temporary, unread(name))
                       : FileResult<void>(tl::unexpected(copied.error()));
    if (!done) {
      (void)files_.remove(temporary);  // the first error is the one to report
      return tl::unexpected(done.error());
    }
    return copied;
  }

  /// By link, which never overwrites; by rename only on a file system without links, after a look:
  /// what could come in between is another filing of the same message, with the same octets.
  FileResult<void> move_into_place(const std::string& temporary, const std::string& target) {
    auto linked = files_.link(temporary, target);
    if (linked) return files_.remove(temporary);
    if (!is_link_refused(linked.error().code)) return linked;
    auto taken = files_.status(target);
    if (taken) return tl::unexpected(FileError{EEXIST, "rename to", target});
    if (taken.error().code != ENOENT) return tl::unexpected(taken.error());
    return files_.rename(temporary, target);
  }

  /// ENOENT may mean that the mailbox was removed after it was resolved, or that the whole folder
  /// is not there, or that the mailbag is damaged. None is permanent: a removal under way moves the
  /// mailbag aside and, if a message came meanwhile, back again. Once it is gone for good, the next
  /// try is told so when the name is looked up.
  Outcome explain(const FileError& error) {
    if (unpacking_failed_) return *unpacking_failed_;
    if (error.code != ENOENT && error.code != ENOTDIR) return error.outcome();
    auto status = files_.status(mailbag_);
    if (status) {
      return Outcome::temporary(
          error.sentence() + "; is the mailbag " + mailbag_ + " complete (new, cur, ids)?",
          "4.3.5");
    }
    if (status.error().code != ENOENT) return status.error().outcome();
    if (auto problem = why_not_there(postoffice_)) return *problem;
    return Outcome::temporary(
        "mailbox " + mailbox_ + " is being removed or was removed just now; to be tried again",
        "4.2.1");
  }

  const Postoffice& postoffice_;
  const std::string_view part_;  ///< new, or sent
  const bool is_folder_;         ///< filed as a directory
  FileSystem& files_;
  const SealedMessage& message_;
  const std::string mailbox_;
  const Quota quota_;
  std::optional<ReservedRoom> room_;  ///< where there is a quota, from before the message is placed
  const std::string mailbag_;
  const std::int64_t oldest_marker_;  ///< one made before that says nothing any more
  /// A message that arrived before the days that count is another one. Counted from this message's
  /// arrival, so that a retry finds what the first try filed however old the message is.
  FoundMessages looks_;
  std::string placed_as_;  ///< its name in new/, from when it was placed
  std::optional<StagedFolder> staged_;
  std::optional<Outcome> unpacking_failed_;
};

FileResult<void> make_marker(FileSystem& files, const std::string& mailbag, std::string_view key,
                             const std::optional<FolderOwner>& owner) {
  auto file = files.create(path_in(path_in(mailbag, layout::markers), key), 0600);
  if (!file) {
    if (file.error().code == EEXIST) return {};
    return tl::unexpected(file.error());
  }
  if (owner) return (*file)->set_owner(owner->user, owner->group);
  return {};
}

FilingSteps::FilingSteps(std::unique_ptr<Filing> filing) : filing_(std::move(filing)) {}
FilingSteps::FilingSteps(FilingSteps&&) noexcept = default;
FilingSteps& FilingSteps::operator=(FilingSteps&&) noexcept = default;
FilingSteps::~FilingSteps() = default;

Expected<FilingSteps> FilingSteps::prepare(const Postoffice& postoffice,
                                           const SealedMessage& message, const FilingTarget& target,
                                           std::int64_t now) {
  auto settings = read_mailbox_settings(postoffice, target.mailbox);
  if (!settings) return failure(settings.error());
  const bool is_folder = settings->delivery == "folder";
  return FilingSteps(std::make_unique<Filing>(postoffice, message, target.mailbox, now, is_folder,
                                              layout::unread, target.quota));
}

std::optional<Outcome> FilingSteps::begin() {
  return filing_->begin();
}

std::optional<Outcome> FilingSteps::sync() {
  return filing_->sync();
}

Outcome FilingSteps::finish() {
  return filing_->finish();
}

FileResult<bool> is_filed_already(const Postoffice& postoffice, const SealedMessage& message,
                                  std::string_view mailbox, std::int64_t now) {
  return Filing(postoffice, message, mailbox, now, false).is_there();
}

Outcome keep_in_sent(const Postoffice& postoffice, const SealedMessage& message,
                     std::string_view mailbox, std::int64_t now) {
  return Filing(postoffice, message, mailbox, now, false, layout::sent).keep();
}

}  // namespace smtpgate::postoffice
