// Files with a secret: see the header.
#include "milter/secret_file.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace smtpgate::milter {

using postoffice::FileKind;

namespace {

constexpr std::size_t longest_secret = 1000;

Outcome misconfigured(std::string sentence) {
  return Outcome::temporary(std::move(sentence), "4.3.5");
}

/// What the secret is called, and the key of the configuration that names its file.
struct SecretKind {
  std::string_view what;
  std::string_view setting;
};

/// The first line, which may be empty or too long.
Expected<std::string> read_line(postoffice::FileSystem& files, const std::string& path,
                                const SecretKind& kind) {
  const auto unreadable = [&](const postoffice::FileError& error) {
    return failure(misconfigured(fmt::format("{}; correct {}, and let the gateway's user own it",
                                             error.sentence(), kind.setting)));
  };
  auto file = files.open(path);
  if (!file) return unreadable(file.error());
  // Of the file that is open, so that nobody can change it in between.
  const auto status = (*file)->status();
  if (!status) return unreadable(status.error());
  if (status->kind != FileKind::regular) {
    return failure(misconfigured(
        fmt::format("{} is no regular file; write the {} into one", path, kind.what)));
  }
  if ((status->mode & 0077) != 0) {
    return failure(misconfigured(
        fmt::format("{} has mode {:04o}, so others than its owner can read the {} in it; "
                    "chmod 0600 {}",
                    path, status->mode, kind.what, path)));
  }
  std::array<char, longest_secret + 2> buffer{};  // the secret and CRLF
  std::size_t count = 0;
  while (count < buffer.size()) {
    auto more = (*file)->read(std::span<char>(buffer).subspan(count));
    if (!more) return unreadable(more.error());
    if (*more == 0) break;
    count += *more;
  }
  std::string line(buffer.data(), count);
  line.resize(std::min(line.find('\n'), line.size()));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

Expected<std::string> read_password(postoffice::FileSystem& files, const std::string& path) {
  auto password = read_line(files, path, {"password", "password_file"});
  if (!password) return password;
  if (password->empty() || password->size() > longest_secret ||
      password->find('\0') != std::string::npos) {
    return failure(misconfigured(
        fmt::format("{} has no password; write one of 1 to {} octets into its first line", path,
                    longest_secret)));
  }
  return password;
}

Expected<postoffice::EncapsulationKey> read_peer_key(postoffice::FileSystem& files,
                                                     const std::string& path) {
  const auto line = read_line(files, path, {"key", "key_file"});
  if (!line) return failure(line.error());
  const auto key = postoffice::parse_encapsulation_key(*line);
  if (key) return *key;
  return failure(misconfigured(fmt::format(
      "{} has no key; write 64 hexadecimal digits into its first line, the same as at the peer's "
      "site (openssl rand -hex 32)",
      path)));
}

}  // namespace smtpgate::milter
