// FileError: what the kernel said, as a sentence and as an Outcome. The real file system is in
// posix_file_system.cpp.
#include "postoffice/file_system.h"

#include <cerrno>
#include <system_error>

namespace smtpgate::postoffice {

namespace {

/// What the administrator can do about it; empty where the words of the kernel say it all.
std::string_view advice(int code) {
  switch (code) {
    case ENOSPC:
      return "; free space or inodes there";
    case EDQUOT:
      return "; raise the quota or free space there";
    case EIO:
      return "; the disk may be failing: look into the kernel's log";
    case EROFS:
      return "; mount it for writing";
    case EACCES:
    case EPERM:
      return "; check its owner and mode";
    case ENFILE:
    case EMFILE:
      return "; raise the limit of open files";
    default:
      return "";
  }
}

}  // namespace

std::string FileError::sentence() const {
  std::string text = "cannot " + operation + " " + path + ": ";
  text += std::generic_category().message(code);
  text += advice(code);
  return text;
}

Outcome FileError::outcome() const {
  const bool is_full = code == ENOSPC || code == EDQUOT;
  return Outcome::temporary(sentence(), is_full ? "4.3.1" : "4.3.0");
}

}  // namespace smtpgate::postoffice
