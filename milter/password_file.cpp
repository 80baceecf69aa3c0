// The password file: see the header.
#include "milter/password_file.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace smtpgate::milter {

using postoffice::FileKind;

namespace {

constexpr std::size_t longest_password = 1000;

Outcome misconfigured(std::string sentence) {
  return Outcome::temporary(std::move(sentence), "4.3.5");
}

}  // namespace

Expected<std::string> read_password(postoffice::FileSystem& files, const std::string& path) {
  const auto unreadable = [](const postoffice::FileError& error) {
    return failure(misconfigured(error.sentence() +
                                 "; correct password_file, and let the gateway's user own it"));
  };
  auto file = files.open(path);
  if (!file) return unreadable(file.error());
  // Of the file that is open, so that nobody can change it in between.
  const auto status = (*file)->status();
  if (!status) return unreadable(status.error());
  if (status->kind != FileKind::regular) {
    return failure(misconfigured(path + " is no regular file; write the password into one"));
  }
  if ((status->mode & 0077) != 0) {
    return failure(misconfigured(
        fmt::format("{} has mode {:04o}, so others than its owner can read the password in it; "
                    "chmod 0600 {}",
                    path, status->mode, path)));
  }
  std::array<char, longest_password + 2> buffer{};  // the password and CRLF
  std::size_t count = 0;
  while (count < buffer.size()) {
    auto more = (*file)->read(std::span<char>(buffer).subspan(count));
    if (!more) return unreadable(more.error());
    if (*more == 0) break;
    count += *more;
  }
  std::string password(buffer.data(), count);
  password.resize(std::min(password.find('\n'), password.size()));
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty() || password.size() > longest_password ||
      password.find('\0') != std::string::npos) {
    return failure(misconfigured(
        fmt::format("{} has no password; write one of 1 to {} octets into its first line", path,
                    longest_password)));
  }
  return password;
}

}  // namespace smtpgate::milter
