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

tl::expected<Account, std::string> find_account(const std::string& user, const std::string& group) {
  const passwd* account = ::getpwnam(user.c_str());
  if (account == nullptr) {
    return tl::unexpected("there is no user " + user + "; make one (adduser --system --group " +
                          user + "), or set user = \"\" to stay as you are");
  }
  Account result{account->pw_uid, account->pw_gid};
  if (!group.empty()) {
    const ::group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return tl::unexpected("there is no group " + group);
    result.group = entry->gr_gid;
  }
  return result;
}

tl::expected<void, std::string> become_user(const std::string& user, const std::string& group) {
  if (user.empty() || ::geteuid() != 0) return {};
  const auto account = find_account(user, group);
  if (!account) return tl::unexpected(account.error());
  if (::initgroups(user.c_str(), account->group) != 0 || ::setgid(account->group) != 0 ||
      ::setuid(account->user) != 0) {
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
