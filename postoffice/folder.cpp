// Shared work on the postoffice folder; see the header.
#include "postoffice/folder.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include <grp.h>
#include <unistd.h>

#include "postoffice/ascii.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

/// Writes, syncs and closes `file`; the caller removes it after an error.
FileResult<void> fill(File& file, std::string_view contents,
                      const std::optional<FolderOwner>& owner) {
  if (auto done = file.write(contents); !done) return done;
  if (owner) {
    if (auto done = file.set_owner(owner->user, owner->group); !done) return done;
  }
  if (auto done = file.sync(); !done) return done;
  return file.close();
}

}  // namespace

FileResult<std::optional<FolderOwner>> owner_for_new_files(FileSystem& files,
                                                           const std::string& top) {
  if (::geteuid() != 0) return std::optional<FolderOwner>();
  auto status = files.status(top);
  if (!status) return tl::unexpected(status.error());
  return std::optional<FolderOwner>(FolderOwner{status->owner, status->group});
}

FileResult<void> make_owned_directory(FileSystem& files, const std::string& path, mode_t mode,
                                      const std::optional<FolderOwner>& owner) {
  if (!owner) return files.make_directory(path, mode);
  // Closed to others until it has its owner, and the mode last: chown may clear the setgid bit.
  if (auto made = files.make_directory(path, 0700); !made) return made;
  auto finish = [&]() -> FileResult<void> {
    auto directory = files.open_directory(path);
    if (!directory) return tl::unexpected(directory.error());
    if (auto done = (*directory)->set_owner(owner->user, owner->group); !done) return done;
    return (*directory)->set_mode(mode);
  };
  auto done = finish();
  if (!done) (void)files.remove_directory(path);  // the first error is the one to report
  return done;
}

namespace {

FileResult<std::string> read_once(FileSystem& files, const std::string& path, std::uint64_t most) {
  auto file = files.open(path);
  if (!file) return tl::unexpected(file.error());
  auto status = (*file)->status();
  if (!status) return tl::unexpected(status.error());
  if (status->kind != FileKind::regular) {
    return tl::unexpected(FileError{EINVAL, "read (it is no regular file)", path});
  }
  constexpr std::uint64_t largest_piece = 64 << 10;
  std::string contents;
  std::string buffer(std::min(status->size + 1, largest_piece), '\0');
  for (;;) {
    auto count = (*file)->read(buffer);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return contents;
    contents.append(buffer, 0, *count);
    if (contents.size() > most) return tl::unexpected(FileError{EFBIG, "read", path});
  }
}

/// The kernel led us to a file that another host has replaced meanwhile: there is a name, and what
/// it leads to is gone.
bool is_remembered_only(FileSystem& files, const std::string& path, const FileError& error) {
  if (error.code == ESTALE) return true;
  return error.code == ENOENT && name_memory(files, path).count() > 0 &&
         files.status(path).has_value();
}

}  // namespace

FileResult<std::string> read_whole(FileSystem& files, const std::string& path, std::uint64_t most) {
  constexpr int most_attempts = 5;
  for (int attempt = 1;; ++attempt) {
    auto contents = read_once(files, path, most);
    if (contents || !is_remembered_only(files, path, contents.error())) return contents;
    // Never taken for a file that is not there: its aliases would be unknown recipients.
    if (attempt == most_attempts) {
      return tl::unexpected(FileError{ESTALE, contents.error().operation, path});
    }
    auto seen = see_anew(files, parent_directory(path));
    if (!seen) return tl::unexpected(seen.error());
  }
}

FileResult<void> replace_file(FileSystem& files, const std::string& path, std::string_view contents,
                              mode_t mode, const std::optional<FolderOwner>& owner) {
  const std::string directory = parent_directory(path);
  const std::string temporary =
      path_in(directory, std::string(half_written_prefix) + random_hex(8));
  auto file = files.create(temporary, mode);
  if (!file) return tl::unexpected(file.error());
  auto done = fill(**file, contents, owner);
  if (done) done = files.rename(temporary, path);
  if (!done) {
    (void)files.remove(temporary);  // the first error is the one to report
    return done;
  }
  return files.sync_directory(directory);
}

Outcome settle_administration(const Postoffice& postoffice) {
  for (const std::string_view place :
       {layout::mailbags, layout::mailbox_settings, layout::groups, std::string_view("GLB")}) {
    auto synced = postoffice.files().sync_directory(postoffice.path(place));
    if (!synced && synced.error().code != ENOENT) return synced.error().outcome();
  }
  return Outcome::delivered("durable");
}

Outcome settled(const Postoffice& postoffice, Outcome answer) {
  // There is none of anything where the whole folder is away.
  if (auto problem = why_not_there(postoffice)) return *problem;
  Outcome done = settle_administration(postoffice);
  return done.is_delivered() ? std::move(answer) : done;
}

std::optional<Outcome> why_not_there(const Postoffice& postoffice) {
  for (const std::string_view needed : {layout::mailbags, layout::settings}) {
    auto status = postoffice.files().status(postoffice.path(needed));
    if (status) continue;
    if (status.error().code != ENOENT && status.error().code != ENOTDIR) {
      return status.error().outcome();
    }
    return Outcome::temporary("postoffice " + postoffice.settings().name.str() + " has no " +
                                  postoffice.path(needed) + "; is its file system mounted?",
                              "4.3.5");
  }
  // The postmaster's mailbox always exists; an empty MBG is a mount point without its mount.
  auto postmaster =
      postoffice.files().status(postoffice.mailbag_directory(std::string(layout::postmaster)));
  if (postmaster) return std::nullopt;
  if (postmaster.error().code != ENOENT) return postmaster.error().outcome();
  auto names = postoffice.files().list(postoffice.path(layout::mailbags));
  if (!names) return names.error().outcome();
  const bool has_mailboxes = std::any_of(names->begin(), names->end(), [](const std::string& name) {
    return name.front() != '.' && name != "lost+found";
  });
  if (has_mailboxes) return std::nullopt;
  return Outcome::temporary(
      postoffice.path(layout::mailbags) +
          " is empty; is its file system mounted? If it is, add the mailbox postmaster",
      "4.3.5");
}

Expected<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(std::size_t{16} << 10);
  for (;;) {
    struct group entry;
    struct group* found = nullptr;
    const int code = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (code == ERANGE && buffer.size() < (std::size_t{1} << 26)) {
      buffer.resize(buffer.size() * 2);
      continue;
    }
    if (code != 0) return failure(FileError{code, "look up the group", name}.outcome());
    if (found == nullptr) {
      return failure(
          Outcome::permanent("there is no group " + name + "; make it with groupadd", "5.3.5"));
    }
    return found->gr_gid;
  }
}

std::string path_in(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path.append(directory).append("/").append(name);
  return path;
}

std::string host_component(std::string_view name) {
  std::string component = ascii_lower(name);
  for (char& c : component) {
    if (!is_ascii_alpha(c) && !is_ascii_digit(c) && c != '.' && c != '-' && c != '_') c = '_';
  }
  if (component.empty() || component.front() == '.') component.insert(0, "_");
  return component;
}

std::string parent_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace smtpgate::postoffice
