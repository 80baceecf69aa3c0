// Opening and making a postoffice folder, its paths and its clock. Mailboxes are in mailboxes.cpp,
// aliases in aliases.cpp, names to mailboxes in resolve.cpp.
#include "postoffice/postoffice.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "postoffice/folder.h"
#include "postoffice/folder_settings.h"
#include "postoffice/known_settings.h"
#include "postoffice/store_probe.h"
#include "postoffice/tidying.h"
#include "postoffice/time_zone.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_settings = std::uint64_t{1} << 20;

struct FolderPart {
  std::string_view name;
  mode_t mode;
};
constexpr FolderPart folder_parts[] = {
    {"GLB", 0755},  {"GLB/MAILBOX", 0755}, {"GRP", 0755},      {"MBG", 0711}, {"P1", 0700},
    {"SMTP", 0700}, {"SMTP/BAD", 0700},    {"SMTP/ids", 0700}, {"LOG", 0750},
};

constexpr std::string_view first_aliases =
    "# Aliases, one a line:  name  mailbox\n"
    "# name is the part before the @, or a whole address: sales, or sales@example.com.\n";

std::string machine_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string without_final_slashes(std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

/// What an init that died left in `top`: parts without anything in them that it did not make
/// itself. It is removed, so that init can begin anew; anything else is not touched.
class HalfMade {
 public:
  HalfMade(FileSystem& files, const std::string& top) : files_(files), top_(top) {}

  /// False: there is something else.
  FileResult<bool> remove() {
    for (const FolderPart& part : folder_parts) {
      auto looked = look_into(std::string(part.name));
      if (!looked || !*looked) return looked;
    }
    for (const std::string& path : mailbags_) {
      if (auto removed = remove_mailbag(files_, path); !removed) {
        return tl::unexpected(removed.error());
      }
    }
    for (const std::string& path : written_) {
      if (auto removed = files_.remove(path); !removed) return tl::unexpected(removed.error());
    }
    for (auto part = std::rbegin(folder_parts); part != std::rend(folder_parts); ++part) {
      auto removed = files_.remove_directory(path_in(top_, part->name));
      if (!removed && removed.error().code != ENOENT) return tl::unexpected(removed.error());
    }
    return true;
  }

  static bool is_part(const std::string& name) {
    return std::any_of(std::begin(folder_parts), std::end(folder_parts),
                       [&](const FolderPart& part) { return part.name == name; });
  }

 private:
  FileResult<bool> look_into(const std::string& part) {
    auto names = files_.list(path_in(top_, part));
    if (!names && names.error().code == ENOENT) return true;
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      if (is_part(path_in(part, name))) continue;
      const std::string path = path_in(path_in(top_, part), name);
      const bool is_unfinished = name.starts_with(half_written_prefix);
      if (part == layout::mailbags && (is_unfinished || name == layout::postmaster)) {
        auto count = is_unfinished ? FileResult<std::uint64_t>(0) : count_messages(files_, path);
        if (!count) return tl::unexpected(count.error());
        if (*count != 0) return false;
        mailbags_.push_back(path);
        continue;
      }
      const bool is_first = path_in(part, name) == layout::aliases;
      if (is_first) {
        auto text = read_whole(files_, path, first_aliases.size() + 1);
        if (!text && text.error().code != EFBIG) return tl::unexpected(text.error());
        if (!text || *text != first_aliases) return false;
      }
      const bool is_probe = part == layout::work && name.starts_with(store_probe_prefix);
      if (!is_first && !is_probe && !(part == "GLB" && is_unfinished)) return false;
      written_.push_back(path);
    }
    return true;
  }

  FileSystem& files_;
  const std::string& top_;
  std::vector<std::string> mailbags_;
  std::vector<std::string> written_;
};

/// The top directory, made or taken over, and locked, so that two do not make it at once.
Expected<std::unique_ptr<File>> prepare_top(FileSystem& files, const std::string& top,
                                            const std::optional<FolderOwner>& owner) {
  auto made = files.make_directory(top, 0755);
  if (!made && made.error().code == ENOENT) {
    const std::string parent = parent_directory(top);
    return failure(Outcome::permanent("there is no directory " + parent + " to make " + top +
                                          " in; make it first (mkdir -p " + parent + ")",
                                      "5.3.5"));
  }
  if (!made && made.error().code != EEXIST) return failure(made.error().outcome());
  auto directory = files.open_directory(top);
  if (!directory) return failure(directory.error().outcome());
  auto locked = (*directory)->try_lock();
  if (!locked) return failure(locked.error().outcome());
  auto names = files.list(top);
  if (!names) return failure(names.error().outcome());
  std::erase(*names, "lost+found");
  bool is_free = *locked && std::all_of(names->begin(), names->end(), HalfMade::is_part);
  if (is_free && !names->empty()) {
    auto removed = HalfMade(files, top).remove();
    if (!removed) return failure(removed.error().outcome());
    is_free = *removed;
  }
  if (!is_free) {
    return failure(Outcome::permanent(
        top + " is not empty; give a new directory, or remove what is in it first", "5.3.5"));
  }
  if (owner) {
    auto done = (*directory)->set_owner(owner->user, owner->group);
    if (!done) return failure(done.error().outcome());
  }
  if (auto done = (*directory)->set_mode(0755); !done) return failure(done.error().outcome());
  return std::move(*directory);
}

std::optional<Outcome> make_parts(FileSystem& files, const std::string& top,
                                  const std::optional<FolderOwner>& owner) {
  for (const FolderPart& part : folder_parts) {
    auto made = make_owned_directory(files, path_in(top, part.name), part.mode, owner);
    if (!made) return made.error().outcome();
  }
  auto written = replace_file(files, path_in(top, layout::aliases), first_aliases, 0644, owner);
  if (!written) return written.error().outcome();
  return std::nullopt;
}

Outcome no_postoffice(const std::string& top, const FileError& error) {
  std::string sentence = error.sentence();
  if (error.code == ENOENT || error.code == ENOTDIR) {
    sentence = top + " is no postoffice (it has no " + std::string(layout::settings) +
               "); is its file system mounted? `postoffice init` makes a new one";
  }
  return Outcome::temporary(std::move(sentence), "4.3.5");
}

/// Of the postoffice in `top`, parsed anew only if it is not the file that was parsed last.
Expected<FolderSettings> read_settings(FileSystem& files, const std::string& path,
                                       const std::string& top) {
  static KnownSettings known;
  // Opened, not only looked at: that is how a file server is asked again.
  const auto file = files.open(path);
  const auto status = file ? (*file)->status() : tl::unexpected(file.error());
  const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  if (status) {
    if (auto found = known.find(path, *status, now)) return std::move(*found);
  }
  auto text = read_whole(files, path, largest_settings);
  if (!text) return failure(no_postoffice(top, text.error()));
  auto parsed = parse_folder_settings(*text, path);
  if (!parsed) {
    std::string sentence = parsed.error().front();
    if (parsed.error().size() > 1) {
      sentence += fmt::format(" (and {} more errors)", parsed.error().size() - 1);
    }
    return failure(Outcome::temporary(std::move(sentence), "4.3.5"));
  }
  if (status) known.keep(path, *status, *parsed, now);
  return std::move(*parsed);
}

}  // namespace

Postoffice::Postoffice(std::string directory, PostofficeSettings settings,
                       std::shared_ptr<const TimeZone> zone, FileSystem& files)
    : directory_(std::move(directory)),
      settings_(std::move(settings)),
      zone_(std::move(zone)),
      files_(&files),
      host_(host_component(machine_name())) {}

Postoffice Postoffice::on_host(std::string_view name) const {
  Postoffice other = *this;
  other.host_ = host_component(name);
  return other;
}

Expected<Postoffice> Postoffice::open(const std::string& directory, FileSystem& files) {
  const std::string top = without_final_slashes(directory);
  auto read = read_settings(files, path_in(top, layout::settings), top);
  if (!read) return failure(read.error());
  return Postoffice(top, std::move(read->settings), std::move(read->zone), files);
}

Outcome Postoffice::init(const std::string& directory, const PostofficeSettings& settings,
                         FileSystem& files, const std::optional<FolderOwner>& owner) {
  const std::string top = without_final_slashes(directory);
  const std::string contents = render_folder_settings(settings);
  auto checked = parse_folder_settings(contents, path_in(top, layout::settings));
  if (!checked) return Outcome::permanent(checked.error().front(), "5.3.5");
  const auto lock = prepare_top(files, top, owner);
  if (!lock) return lock.error();
  auto owner_of_new = owner_for_new_files(files, top);
  if (!owner_of_new) return owner_of_new.error().outcome();
  if (auto problem = make_parts(files, top, *owner_of_new)) return *problem;
  const Postoffice postoffice(top, checked->settings, checked->zone, files);
  if (auto why = why_no_store(files, postoffice.path(layout::work))) {
    return Outcome::temporary(
        "no postoffice can be made in " + top + ": " + *why +
        "; put it where files can be synced, linked, locked and renamed: a local disk, "
        "GlusterFS or NFS");
  }
  Outcome postmaster = postoffice.add_mailbox(layout::postmaster);
  if (!postmaster.is_delivered()) return postmaster;
  // Last, because it is what makes the folder a postoffice: a half-made one does not open.
  auto written =
      replace_file(files, postoffice.path(layout::settings), contents, 0644, *owner_of_new);
  if (!written) return written.error().outcome();
  for (const std::string& changed : {top, parent_directory(top)}) {
    if (auto synced = files.sync_directory(changed); !synced) return synced.error().outcome();
  }
  return Outcome::delivered("postoffice " + settings.name.str() + " made in " + top);
}

std::string Postoffice::mailbag_directory(std::string_view folded_name) const {
  return path_in(path(layout::mailbags), folded_name);
}

std::string Postoffice::path(std::string_view relative) const {
  return path_in(directory_, relative);
}

LocalTime Postoffice::local_time(std::int64_t seconds) const {
  return postoffice::local_time(*zone_, seconds);
}

}  // namespace smtpgate::postoffice
