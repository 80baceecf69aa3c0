// Where a message is written; see the header.
#include "postoffice/message_file.h"

#include <cerrno>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

Expected<MessageFile> create_in_work_directory(const Postoffice& postoffice) {
  auto work = WorkDirectory::make(postoffice);
  if (!work) return failure(work.error());
  MessageFile made;
  made.id = work->id();
  made.path = path_in(work->path(), layout::message_file);
  made.work.emplace(std::move(*work));
  auto file = postoffice.files().create(made.path, 0600);
  if (!file) return failure(file.error().outcome());
  made.file = std::move(*file);
  return made;
}

}  // namespace

Expected<MessageFile> create_message_file(const Postoffice& postoffice) {
  FileSystem& files = postoffice.files();
  const std::string host = path_in(postoffice.path(layout::work), postoffice.host());
  auto file = files.create_linkable(host);
  if (!file && file.error().code == ENOENT) {
    // The first message of this host, or the folder is not there at all.
    if (auto problem = make_host_directory(postoffice)) return failure(*problem);
    file = files.create_linkable(host);
  }
  if (!file && file.error().code == EOPNOTSUPP) return create_in_work_directory(postoffice);
  if (!file) return failure(file.error().outcome());
  MessageFile made;
  made.file = std::move(*file);
  made.id = new_unique_id();
  return made;
}

}  // namespace smtpgate::postoffice
