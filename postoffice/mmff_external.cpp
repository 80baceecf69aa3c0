// Opening external text and attachments; see the header.
//
// Each component is opened from the one before it with O_NOFOLLOW. openat2(2) could do it in one
// call, but not under every container's system call filter.
#include "postoffice/mmff_external.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/descriptor.h"

namespace smtpgate::postoffice {

namespace {

std::string reason(int code) {
  return std::generic_category().message(code);
}

}  // namespace

bool is_plain_relative_path(std::string_view path) {
  const auto is_refused = [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7F || c == '\\' || c == ':';
  };
  if (std::any_of(path.begin(), path.end(), is_refused)) return false;
  while (true) {
    const auto slash = path.find('/');
    const auto component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

tl::expected<std::unique_ptr<ExternalFile>, std::string> ExternalFile::open(
    const std::string& directory, const std::string& plain_relative_path) {
  Descriptor place(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (place.get() < 0) return tl::unexpected(reason(errno) + " (" + directory + ")");
  std::string_view rest = plain_relative_path;
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    const std::string component(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    const int next =
        ::openat(place.get(), component.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) return tl::unexpected(reason(errno) + " (" + component + ")");
    place.reset(next);
  }
  const std::string name(rest);
  Descriptor file(
      ::openat(place.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) {
    return tl::unexpected(errno == ELOOP ? "it is a symbolic link" : reason(errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return tl::unexpected(reason(errno));
  if (!S_ISREG(status.st_mode)) return tl::unexpected(std::string("it is no regular file"));
  return std::make_unique<ExternalFile>(file.release(), static_cast<std::uint64_t>(status.st_size),
                                        plain_relative_path);
}

ExternalFile::ExternalFile(int descriptor, std::uint64_t size, std::string path)
    : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

ExternalFile::~ExternalFile() {
  ::close(descriptor_);
}

FileResult<std::size_t> ExternalFile::read(std::span<char> buffer) {
  while (true) {
    const auto count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return tl::unexpected(FileError{errno, "read", path_});
  }
}

}  // namespace smtpgate::postoffice
