// Messages as directories; see the header.
//
// The mailbox's group may write to new/ and cur/, and to the directory of a message once it is
// there. So nothing is built in either: a name in new/ could be a link to anywhere by the time it
// is used. Only the empty directory is made in new/, since that gives it the mailbox's group, which
// the gateway's user need not be a member of; it is renamed to ids/ at once, and looked at there.
#include "postoffice/message_folder.h"

#include <cerrno>
#include <sstream>
#include <utility>

#include <unistd.h>

#include "postoffice/byte_stream.h"
#include "postoffice/filing.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/mmff_extract.h"
#include "postoffice/mmff_show.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr const char* json_name = "message.json";
constexpr mode_t folder_mode = 0770;  // its group may move it, and delete what is in it

/// As the message itself: nobody changes it, it is as old, and it is on disk before it has a name.
FileResult<void> seal(File& file, const SealedMessage& message) {
  if (message.owner) {
    auto done = file.set_owner(message.owner->user, message.owner->group);
    if (!done) return done;
  }
  if (auto done = file.set_mode(0444); !done) return done;
  if (auto done = file.set_modified(message.arrival); !done) return done;
  return file.sync();
}

/// Our own file that cannot be read is our fault, and nobody's message is lost by it.
Outcome our_fault(const Outcome& outcome) {
  return Outcome::temporary("cannot unpack the message: " + outcome.sentence());
}

FileResult<void> write_json(FileSystem& files, const std::string& path, const std::string& text,
                            const SealedMessage& message) {
  auto file = files.create(path, 0600);
  if (!file) return tl::unexpected(file.error());
  if (auto done = (*file)->write(text); !done) return done;
  if (auto done = seal(**file, message); !done) return done;
  return (*file)->close();
}

}  // namespace

FileResult<void> link_sealed(FileSystem& files, const SealedMessage& message,
                             const std::string& to) {
  return message.path.empty() ? message.file->link_to(to) : files.link(message.path, to);
}

bool is_link_refused(int code) {
  return code == EMLINK || code == EXDEV || code == EPERM || code == ENOTSUP || code == ENOSYS;
}

FileResult<FileStatus> copy_sealed(FileSystem& files, File& source, std::uint64_t size,
                                   const SealedMessage& message, const std::string& path) {
  auto copy = files.create(path, 0600);
  if (!copy) return tl::unexpected(copy.error());
  if (auto done = (*copy)->append_from(source, 0, size); !done) return tl::unexpected(done.error());
  if (auto done = seal(**copy, message); !done) return tl::unexpected(done.error());
  return (*copy)->status();
}

Expected<UnpackedMessage> UnpackedMessage::make(const Postoffice& postoffice,
                                                const SealedMessage& message) {
  FileSystem& files = postoffice.files();
  auto work = WorkDirectory::make(postoffice);
  if (!work) return failure(work.error());
  const std::string& character_set = postoffice.settings().character_set;
  ExtractOptions how;
  how.character_set = character_set;
  how.with_headers = false;
  how.short_names = postoffice.settings().short_attachment_names;
  // TAKEN.API would keep the work directory from being cleared.
  how.reserved = {std::string(layout::folder_message), json_name, std::string(layout::taken_file)};
  how.finish_file = [&message](File& file) { return seal(file, message); };
  how.files = &files;
  OffsetSource source(*message.file);
  auto extracted = extract(source, work->path(), how);
  if (!extracted) return failure(our_fault(extracted.error()));

  std::vector<std::string> names;
  for (const ExtractedFile& file : *extracted) {
    names.push_back(file.path.substr(work->path().size() + 1));
  }
  // The text comes first, then each attachment.
  FolderJson folder;
  folder.id = message.key.empty() ? message.id : message.key;
  folder.attachment_files.assign(names.begin() + (names.empty() ? 0 : 1), names.end());
  OffsetSource again(*message.file);
  ShowOptions show;
  show.character_set = character_set;
  std::ostringstream json;
  if (auto shown = show_folder_json(again, json, folder, show); !shown) {
    return failure(our_fault(shown.error().outcome()));
  }
  auto written = write_json(files, path_in(work->path(), json_name), json.str(), message);
  if (!written) return failure(written.error().outcome());
  names.emplace_back(json_name);
  return UnpackedMessage(std::move(*work), std::move(names));
}

FileResult<StagedFolder> StagedFolder::make(const Postoffice& postoffice,
                                            const std::string& mailbag,
                                            const SealedMessage& message,
                                            const UnpackedMessage& unpacked) {
  FileSystem& files = postoffice.files();
  const std::string name = "." + new_unique_id();
  const std::string first = path_in(path_in(mailbag, layout::unread), name);
  const std::string path = path_in(path_in(mailbag, layout::markers), name);
  if (auto made = files.make_directory(first, 0700); !made) return tl::unexpected(made.error());
  if (auto moved = files.rename_new(first, path); !moved) {
    (void)files.remove_directory(first);  // the first error is the one to report
    return tl::unexpected(moved.error());
  }
  StagedFolder folder(files, path);
  if (auto filled = folder.fill(message, unpacked); !filled) return tl::unexpected(filled.error());
  return folder;
}

FileResult<void> StagedFolder::fill(const SealedMessage& message, const UnpackedMessage& unpacked) {
  auto directory = files_->open_directory(*path_);
  if (!directory) return tl::unexpected(directory.error());
  auto status = (*directory)->status();
  if (!status) return tl::unexpected(status.error());
  if (status->owner != ::geteuid()) {
    return tl::unexpected(FileError{EPERM, "fill (somebody else has put it there)", *path_});
  }
  auto done = put_message(message);
  for (const std::string& name : unpacked.names()) {
    if (done) done = put(message, path_in(unpacked.directory(), name), name);
  }
  if (done && message.owner) done = (*directory)->set_owner(message.owner->user, status->group);
  if (done) done = (*directory)->set_mode(folder_mode);
  if (done) done = (*directory)->sync();
  status_ = *status;
  return done;
}

FileResult<void> StagedFolder::put_message(const SealedMessage& message) {
  const std::string target = path_in(*path_, layout::folder_message);
  auto linked = link_sealed(*files_, message, target);
  if (linked || !is_link_refused(linked.error().code)) return linked;
  auto copied = copy_sealed(*files_, *message.file, message.status.size, message, target);
  if (!copied) return tl::unexpected(copied.error());
  return {};
}

FileResult<void> StagedFolder::put(const SealedMessage& message, const std::string& source,
                                   std::string_view name) {
  const std::string target = path_in(*path_, name);
  auto linked = files_->link(source, target);
  if (linked || !is_link_refused(linked.error().code)) return linked;
  auto file = files_->open(source);
  if (!file) return tl::unexpected(file.error());
  auto status = (*file)->status();
  if (!status) return tl::unexpected(status.error());
  auto copied = copy_sealed(*files_, **file, status->size, message, target);
  if (!copied) return tl::unexpected(copied.error());
  return {};
}

FileResult<void> StagedFolder::place(const std::string& target) {
  auto moved = files_->rename_new(*path_, target);
  if (moved) path_.reset();
  return moved;
}

StagedFolder::~StagedFolder() {
  // Best effort: what stays is cleared a day later.
  if (path_) (void)remove_with_files(*files_, *path_);
}

FileResult<void> remove_folder(FileSystem& files, const std::string& mailbag,
                               const std::string& path) {
  const std::string hidden = path_in(path_in(mailbag, layout::markers), "." + new_unique_id());
  if (auto moved = files.rename_new(path, hidden); !moved) return moved;
  return remove_with_files(files, hidden);
}

}  // namespace smtpgate::postoffice
