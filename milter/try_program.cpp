// Reading a message and trying it: see the header.
#include "milter/try_program.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include "converter/address_list.h"
#include "milter/configuration.h"
#include "milter/privileges.h"
#include "milter/trial.h"
#include "milter/trial_text.h"
#include "postoffice/ascii.h"
#include "postoffice/exit_code.h"
#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t longest_head = std::size_t{64} << 10;  // in which its sender is looked for

int fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "smtpgate: %s\n", printable(sentence).c_str());
  return code;
}

class Input {
 public:
  explicit Input(const std::string& path)
      : is_standard_(path == "-"),
        name_(is_standard_ ? "standard input" : path),
        descriptor_(is_standard_ ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) problem_ = sentence("open");
  }
  ~Input() {
    if (!is_standard_ && descriptor_ >= 0) ::close(descriptor_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const std::string& problem() const { return problem_; }

  /// False: problem() says why.
  bool read_into(converter::RawMessage& raw) {
    std::string buffer(std::size_t{64} << 10, '\0');
    for (;;) {
      const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) problem_ = sentence("read");
      if (count <= 0) return count == 0;
      const auto fed = raw.feed(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
      if (fed) continue;
      problem_ = fed.error().sentence();
      return false;
    }
  }

 private:
  std::string sentence(std::string_view operation) const {
    return fmt::format("cannot {} {}: {}; name a message file that can be read", operation, name_,
                       std::strerror(errno));
  }

  bool is_standard_;
  std::string name_;
  int descriptor_;
  std::string problem_;
};

/// The value of a field in a header, unfolded; nullopt if there is none.
std::optional<std::string> field_of(std::string_view head, std::string_view name) {
  std::optional<std::string> value;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (line.empty()) break;
    const bool goes_on = line.front() == ' ' || line.front() == '\t';
    if (value && !goes_on) break;
    if (value) {
      *value += line;
    } else if (line.size() > name.size() && line[name.size()] == ':' &&
               equals_ignoring_case(line.substr(0, name.size()), name)) {
      value = line.substr(name.size() + 1);
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 2);
  }
  return value;
}

/// Who sent it, as far as the message says: the Return-Path of a message that was delivered once,
/// else its author.
std::string sender_in(converter::RawMessage& raw) {
  std::string head;
  const std::uint64_t size = std::min<std::uint64_t>(raw.size(), longest_head);
  const auto read =
      raw.content().for_each_piece(0, size, longest_head, [&](std::string_view piece) {
        head += piece;
        return true;
      });
  if (!read) return {};
  if (const auto path = field_of(head, "Return-Path")) {
    const std::size_t begin = path->find_first_not_of(" \t");
    const std::size_t end = path->find_last_not_of(" \t");
    if (begin == std::string::npos) return {};
    if (const auto parsed = converter::parse_path(path->substr(begin, end - begin + 1))) {
      return parsed->str();
    }
  }
  const auto from = converter::parse_address_list(field_of(head, "From").value_or(""), 1);
  return from.addresses.empty() ? std::string() : from.addresses.front().address.str();
}

std::string work_directory() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

}  // namespace

int run_try(const TryOptions& options) {
  const auto configuration = read_configuration(options.configuration_path);
  if (!configuration) {
    for (const std::string& line : configuration.error()) fail(EX_CONFIG, line);
    return EX_CONFIG;
  }
  Input input(options.message);
  if (!input.problem().empty()) return fail(EX_NOINPUT, input.problem());
  // Root can read everything, which proves nothing of what the gateway can.
  const auto became = become_user(configuration->gateway.user, configuration->gateway.group);
  if (!became) return fail(EX_NOUSER, became.error());

  const converter::SpoolPlace place{.files = &postoffice::FileSystem::posix(),
                                    .directory = work_directory()};
  converter::RawMessage raw(place);
  if (!input.read_into(raw)) return fail(EX_NOINPUT, input.problem());
  const TrialRequest request{.sender = options.has_sender ? options.sender : sender_in(raw),
                             .recipients = options.recipients,
                             .is_authenticated = options.is_authenticated,
                             .arrival = std::time(nullptr),
                             .lines = options.lines};
  const Trial trial = try_message(*configuration, request, raw, place);
  const std::string text =
      options.json
          ? render_trial_json(trial) + "\n"
          : render_trial_text(trial, postoffice::Terminal::of_standard_output().with_colours);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return fail(EX_IOERR, "cannot write to standard output");
  }
  return postoffice::exit_code(trial.worst());
}

}  // namespace smtpgate::milter
