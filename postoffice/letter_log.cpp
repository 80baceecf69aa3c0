// The log of acts; see the header. A line is one write(2) with O_APPEND.
#include "postoffice/letter_log.h"

#include <cerrno>
#include <ctime>
#include <string>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "postoffice/descriptor.h"
#include "postoffice/folder.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_text = 1000;  // octets of a stranger's

std::string cut(std::string_view text) {
  return std::string(text.substr(0, longest_text));
}

}  // namespace

Outcome log_letter_act(const Postoffice& postoffice, std::string_view act, const DeadLetter& letter,
                       std::string_view result) {
  const std::string path = postoffice.path("LOG/letters.log");
  const Json line = {{"time", postoffice.local_time(std::time(nullptr)).rfc3339},
                     {"act", act},
                     {"id", letter.id},
                     {"reason", definition_of(letter.reason).word},
                     {"mailbox", letter.mailbox},
                     {"from", cut(letter.from)},
                     {"to", cut(letter.to)},
                     {"subject", cut(letter.subject)},
                     {"size", letter.size},
                     {"path", cut(letter.path)},
                     {"detail", cut(letter.detail)},
                     {"result", cut(result)},
                     {"user", ::getuid()}};
  const std::string text = line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  const auto failed = [&path](const char* operation) {
    return FileError{errno, operation, path}.outcome();
  };
  if (!file.is_open()) return failed("open");
  auto owner = owner_for_new_files(postoffice.files(), postoffice.directory());
  if (!owner) return owner.error().outcome();
  if (*owner && ::fchown(file.get(), (*owner)->user, (*owner)->group) != 0) {
    return failed("give to the gateway's user");
  }
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written < 0) return failed("write");
  if (static_cast<std::size_t>(written) != text.size()) {
    errno = ENOSPC;
    return failed("write all of a line of");
  }
  if (::fsync(file.get()) != 0) return failed("sync");
  return Outcome::delivered("written");
}

}  // namespace smtpgate::postoffice
