// A first look; see the header.
#include "postoffice/outbox_look.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "postoffice/ascii.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_message.h"

namespace smtpgate::postoffice {

namespace {

/// Whether `user` is a member of `group`, by its primary group or by the list of members. A user
/// whom the system does not know is none.
bool is_member(uid_t user, gid_t group) {
  std::vector<char> buffer(std::size_t{16} << 10);
  struct passwd entry;
  struct passwd* found = nullptr;
  for (;;) {
    const int code = ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
    if (code != ERANGE || buffer.size() >= (std::size_t{1} << 22)) break;
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) return false;
  if (entry.pw_gid == group) return true;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) return false;
  }
  groups.resize(static_cast<std::size_t>(count));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
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

std::optional<std::string> why_not_to_be_sent(const FileStatus& file, const FileStatus& outbox) {
  if (file.kind != FileKind::regular) {
    return "is no regular file; put a file there, not a link, a folder or a device";
  }
  if (file.links != 1) {
    return "has other names too (hard links); put a copy there, or rename it into the outbox";
  }
  const bool is_ours = file.owner == 0 || file.owner == ::geteuid() || file.owner == outbox.owner;
  if (is_ours || is_member(file.owner, outbox.group)) return std::nullopt;
  return "belongs to user " + std::to_string(file.owner) +
         ", who is no member of the mailbox's group; copy it instead of moving it";
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

bool may_be_growing(std::int64_t modified, std::int64_t now, std::int64_t wait) {
  return modified > now - wait && modified <= now + wait;
}

}  // namespace smtpgate::postoffice
