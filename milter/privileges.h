// Giving up root, and the limits a daemon wants. Not for file permissions.
#pragma once

#include <string>

#include <sys/types.h>
#include <tl/expected.hpp>

namespace smtpgate::milter {

struct Account {
  uid_t user = 0;
  gid_t group = 0;
};

/// `user`, with `group` as its primary one (empty: its own). The error is a sentence.
tl::expected<Account, std::string> find_account(const std::string& user, const std::string& group);

/// Becomes `user` with its groups, primary group `group` (empty: the user's own). Does nothing when
/// we are not root or `user` is empty. The error is a sentence.
tl::expected<void, std::string> become_user(const std::string& user, const std::string& group);

/// The number of open files to its hard limit: libmilter spins when descriptors run out.
void raise_file_limit();

}  // namespace smtpgate::milter
