// Marks of receipts; see the header.
#include "postoffice/receipt_marks.h"

#include <cerrno>

#include "postoffice/folder.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view prefix = ".receipt-";

/// The message is looked for in cur/ twice: it may be moved to new/ or back between two looks.
FileResult<bool> has_message(FileSystem& files, const std::string& mailbag, std::string_view id) {
  for (const std::string_view part : {layout::read, layout::unread, layout::read}) {
    auto status = files.status(path_in(path_in(mailbag, part), id));
    if (status) return true;
    if (status.error().code != ENOENT) return tl::unexpected(status.error());
  }
  return false;
}

}  // namespace

std::string receipt_mark(std::string_view id) {
  return std::string(prefix) + std::string(id);
}

bool is_receipt_mark(std::string_view name) {
  return name.starts_with(prefix) && name.size() > prefix.size();
}

FileResult<std::uint64_t> remove_stale_receipt_marks(FileSystem& files, const std::string& mailbag,
                                                     std::int64_t oldest) {
  const std::string directory = path_in(mailbag, layout::read);
  auto names = files.list(directory);
  if (!names && names.error().code == ENOENT) return 0;
  if (!names) return tl::unexpected(names.error());
  std::uint64_t removed = 0;
  for (const std::string& name : *names) {
    if (!is_receipt_mark(name)) continue;
    const std::string path = path_in(directory, name);
    auto status = files.status(path);
    if (!status && status.error().code == ENOENT) continue;
    if (!status) return tl::unexpected(status.error());
    if (status->kind != FileKind::regular || status->modified >= oldest) continue;
    auto known = has_message(files, mailbag, std::string_view(name).substr(prefix.size()));
    if (!known) return tl::unexpected(known.error());
    if (*known) continue;
    auto done = files.remove(path);
    if (!done && done.error().code != ENOENT) return tl::unexpected(done.error());
    if (done) ++removed;
  }
  return removed;
}

}  // namespace smtpgate::postoffice
