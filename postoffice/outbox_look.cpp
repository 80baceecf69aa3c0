// A first look; see the header.
#include "postoffice/outbox_look.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "postoffice/ascii.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_message.h"

namespace smtpgate::postoffice {

namespace {

/// An entry of the user database; nullopt if there is none. `call` is getpwuid_r or getgrgid_r with
/// the first argument bound. 0 without an entry means that there is none (POSIX); every other
/// number says that nobody knows: a directory server that does not answer. Of several sources glibc
/// tells what the last one said, so that one in trouble should stand last in nsswitch.conf, as
/// Debian's packages put it.
template <typename Entry, typename Call>
Expected<std::optional<Entry>> look_up(std::vector<char>& buffer, const std::string& what,
                                       Call call) {
  constexpr std::size_t first_size = std::size_t{16} << 10;
  constexpr std::size_t largest_size = std::size_t{16} << 20;
  buffer.resize(first_size);
  for (;;) {
    Entry entry;
    Entry* found = nullptr;
    const int code = call(&entry, buffer.data(), buffer.size(), &found);
    if (code == 0 && found == nullptr) return std::nullopt;
    if (code == 0) return entry;
    if (code != ERANGE || buffer.size() >= largest_size) {
      return failure(Outcome::temporary("the user database does not tell of " + what + ": " +
                                            std::generic_category().message(code),
                                        "4.3.0"));
    }
    buffer.resize(buffer.size() * 2);
  }
}

/// Whether `user` is a member of `group`, by its primary group or by the list of members. A user
/// whom the system does not know is none.
Expected<bool> is_system_member(uid_t user, gid_t group) {
  std::vector<char> buffer;
  auto entry = look_up<struct passwd>(buffer, "user " + std::to_string(user),
                                      [&](auto... rest) { return ::getpwuid_r(user, rest...); });
  if (!entry) return failure(entry.error());
  if (!*entry) return false;
  if ((*entry)->pw_gid == group) return true;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist((*entry)->pw_name, (*entry)->pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    if (::getgrouplist((*entry)->pw_name, (*entry)->pw_gid, groups.data(), &count) < 0) {
      return failure(Outcome::temporary(
          "the user database does not tell of the groups of user " + std::to_string(user),
          "4.3.0"));
    }
  }
  groups.resize(static_cast<std::size_t>(count));
  if (std::find(groups.begin(), groups.end(), group) != groups.end()) return true;
  // getgrouplist() passes over a source that does not answer; this does not.
  const std::string name = (*entry)->pw_name;
  auto listed = look_up<struct group>(buffer, "group " + std::to_string(group),
                                      [&](auto... rest) { return ::getgrgid_r(group, rest...); });
  if (!listed) return failure(listed.error());
  if (!*listed) return false;
  for (char** member = (*listed)->gr_mem; *member != nullptr; ++member) {
    if (name == *member) return true;
  }
  return false;
}

/// A source that knows whether its end was met: an error before it is no matter of missing octets.
class EndWatchingSource : public ByteSource {
 public:
  explicit EndWatchingSource(File& file) : source_(file) {}
  FileResult<std::size_t> read(std::span<char> buffer) override {
    auto count = source_.read(buffer);
    if (count && *count == 0) has_ended_ = true;
    return count;
  }
  bool has_ended() const { return has_ended_; }

 private:
  OffsetSource source_;
  bool has_ended_ = false;
};

}  // namespace

bool is_outbox_name(std::string_view name) {
  constexpr std::string_view ending = ".API";
  return name.size() > ending.size() && name.front() != '.' &&
         equals_ignoring_case(name.substr(name.size() - ending.size()), ending);
}

Expected<std::optional<std::string>> why_not_to_be_sent(const FileStatus& file,
                                                        const FileStatus& outbox,
                                                        const OutboxOptions& options) {
  if (file.kind != FileKind::regular) {
    return "is no regular file; put a file there, not a link, a folder or a device";
  }
  if (file.links != 1) {
    return "has other names too (hard links); put a copy there, or rename it into the outbox";
  }
  const bool is_ours = file.owner == 0 || file.owner == ::geteuid() || file.owner == outbox.owner;
  if (is_ours) return std::nullopt;
  auto member = options.is_member ? options.is_member(file.owner, outbox.group)
                                  : is_system_member(file.owner, outbox.group);
  if (!member) return failure(member.error());
  if (*member) return std::nullopt;
  return "belongs to user " + std::to_string(file.owner) +
         ", who is no member of the mailbox's group; copy it instead of moving it";
}

bool is_too_large(const FileStatus& file, const OutboxOptions& options) {
  return options.size_limit > 0 && file.size > options.size_limit;
}

std::string why_too_large(const OutboxOptions& options) {
  return fmt::format("is larger than the {} octets that an outbox takes; send less at once",
                     options.size_limit);
}

Completeness check_completeness(File& file, std::uint64_t size) {
  EndWatchingSource source(file);
  Reader reader(source, outbox_reader_options());
  bool has_message = false;
  for (;;) {
    auto header = reader.next();
    if (!header) {
      const bool is_short = source.has_ended() && !header.error().is_file_error;
      return {std::move(header.error()), is_short};
    }
    if (!*header) break;
    has_message = true;
    // Known from the sizes alone: a file that grows is not read as a whole each time.
    if (end_of_contents(reader, **header) > size) {
      FormatError error;
      error.number = 140;
      error.text = "the file is shorter than its sizes say; write all of it";
      return {std::move(error), true};
    }
  }
  if (has_message) return {};
  FormatError error;
  error.number = 140;
  error.text = "the file holds no message";
  return {std::move(error), true};
}

std::int64_t GrowingFiles::since(const std::string& directory, const std::string& name,
                                 std::uint64_t inode, std::int64_t now) {
  // Of more than so many at once the others are waited for as long as they change.
  constexpr std::size_t most_files = 10'000;
  const auto found = files_.find({directory, name});
  if (found != files_.end() && found->second.inode == inode) {
    // A clock that was set back must not make it young for as long.
    found->second.since = std::min(found->second.since, now);
    return found->second.since;
  }
  if (found == files_.end() && files_.size() >= most_files) return now;
  files_[{directory, name}] = {inode, now};
  return now;
}

void GrowingFiles::keep_only(const std::string& directory, const std::vector<std::string>& names) {
  for (auto one = files_.lower_bound({directory, {}});
       one != files_.end() && one->first.first == directory;) {
    const bool is_there = std::binary_search(names.begin(), names.end(), one->first.second);
    one = is_there ? std::next(one) : files_.erase(one);
  }
}

bool may_be_growing(std::int64_t modified, std::int64_t now, std::int64_t wait) {
  return modified > now - wait && modified <= now + wait;
}

}  // namespace smtpgate::postoffice
