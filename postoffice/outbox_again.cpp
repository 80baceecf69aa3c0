// Files of outboxes that were given up or left behind, looked at and picked up again; see outbox.h.
#include <cerrno>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox.h"
#include "postoffice/outbox_look.h"
#include "postoffice/outbox_message.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/outbox_walk.h"

namespace smtpgate::postoffice {

namespace {

using Tell = std::function<void(const OutboxNote&)>;

/// Somebody took it away; or all of the folder is away, and then nobody knows.
Outcome gone(const Postoffice& postoffice, const std::string& path) {
  if (auto problem = why_not_there(postoffice)) return *problem;
  return Outcome::permanent(path + " is not there any more", "5.2.0");
}

/// A file of an outbox as it is named there.
struct SeenFile {
  std::string path;
  FileStatus status;
  std::optional<std::string> why_not;  ///< why it is nobody's to send, whatever is in it
};

Expected<SeenFile> look_at(const Postoffice& postoffice, std::string_view mailbox,
                           std::string_view name, const OutboxOptions& options) {
  FileSystem& files = postoffice.files();
  const std::string directory = outbox_directory(postoffice, mailbox);
  const std::string path = path_in(directory, name);
  auto folder = files.status(directory);
  if (!folder) return failure(folder.error().outcome());
  auto status = files.status(path);
  if (!status) {
    return failure(status.error().code == ENOENT ? gone(postoffice, path)
                                                 : status.error().outcome());
  }
  auto why = why_not_to_be_sent(*status, *folder, options);
  if (!why) return failure(why.error());
  return SeenFile{path, *status, *why};
}

/// What of its messages says that it is not sent.
Expected<std::optional<std::string>> why_not_read(const Postoffice& postoffice,
                                                  const std::string& mailbox, File& file,
                                                  std::uint64_t size) {
  const Completeness whole = check_completeness(file, size);
  if (whole.error && whole.error->is_file_error) return failure(whole.error->outcome());
  if (whole.error) return whole.error->str();
  OffsetSource source(file);
  Reader reader(source, outbox_reader_options());
  for (std::uint64_t number = 1;; ++number) {
    auto header = reader.next();
    if (!header && header.error().is_file_error) return failure(header.error().outcome());
    if (!header) return header.error().str();
    if (!*header) return std::nullopt;
    auto why = why_not_from(postoffice, mailbox, **header, number);
    if (!why) return failure(why.error());
    if (*why) return (*why)->str();
  }
}

}  // namespace

Expected<std::optional<std::string>> why_refused(const Postoffice& postoffice,
                                                 std::string_view mailbox, std::string_view name,
                                                 const OutboxOptions& options,
                                                 std::uint64_t most_read) {
  const auto error = [](std::string_view why) {
    return std::optional<std::string>("140-1-0 the file " + std::string(why));
  };
  auto seen = look_at(postoffice, mailbox, name, options);
  if (!seen) return failure(seen.error());
  if (seen->why_not) return error(*seen->why_not);
  if (is_too_large(seen->status, options)) return error(why_too_large(options));
  auto file = postoffice.files().open(seen->path);
  if (!file && file.error().code == EACCES) return error(not_readable);
  if (!file) return failure(file.error().outcome());
  auto hole = (*file)->hole();
  if (!hole) return failure(hole.error().outcome());
  if (*hole == Hole::at_end) return error("has an end that was never written; write all of it");
  if (seen->status.size > most_read) return std::nullopt;
  return why_not_read(postoffice, std::string(mailbox), **file, seen->status.size);
}

Expected<OutboxResult> pick_up_again(const Postoffice& postoffice, std::string_view mailbox,
                                     std::string_view name, std::string_view as_name,
                                     const OutboxOptions& options, const Tell& tell) {
  auto seen = look_at(postoffice, mailbox, name, options);
  if (!seen) return failure(seen.error());
  // What is nobody's to send is not even taken. All else is judged by the copy that is made then.
  if (seen->why_not) return failure(Outcome::permanent(seen->path + " " + *seen->why_not, "5.6.0"));
  auto taken = TakenFile::take(postoffice, mailbox, name, as_name);
  if (!taken) return failure(taken.error());
  if (!*taken) return failure(gone(postoffice, seen->path));
  OutboxResult result;
  result.taken = 1;
  // A file that its writer still writes waits for the rest, as ever.
  walk_taken_file(postoffice, **taken, options, true, tell, result);
  return result;
}

Expected<OutboxResult> resume_taken_file(const Postoffice& postoffice, const std::string& id,
                                         const OutboxOptions& options, const Tell& tell) {
  auto taken = TakenFile::take_up(postoffice, id);
  if (!taken) return failure(taken.error());
  if (!*taken) {
    return failure(Outcome::permanent(
        "the file taken as " + id + " is done with, or a process is at it", "5.2.0"));
  }
  OutboxResult result;
  result.taken = 1;
  walk_taken_file(postoffice, **taken, options, true, tell, result);
  return result;
}

}  // namespace smtpgate::postoffice
