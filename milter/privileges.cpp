// Giving up root: see the header.
#include "milter/privileges.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace smtpgate::milter {

tl::expected<void, std::string> become_user(const std::string& user, const std::string& group) {
  if (user.empty() || ::geteuid() != 0) return {};
  const passwd* account = ::getpwnam(user.c_str());
  if (account == nullptr) {
    return tl::unexpected("there is no user " + user + "; make one (adduser --system --group " +
                          user + "), or set user = \"\" to stay as you are");
  }
  const uid_t user_id = account->pw_uid;
  gid_t group_id = account->pw_gid;
  if (!group.empty()) {
    const ::group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return tl::unexpected("there is no group " + group);
    group_id = entry->gr_gid;
  }
  if (::initgroups(user.c_str(), group_id) != 0 || ::setgid(group_id) != 0 ||
      ::setuid(user_id) != 0) {
    return tl::unexpected(fmt::format("cannot become {}: {}", user, std::strerror(errno)));
  }
  return {};
}

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace smtpgate::milter
