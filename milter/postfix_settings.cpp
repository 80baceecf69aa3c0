// Asking postconf and postmap: see the header.
#include "milter/postfix_settings.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/ascii.h"

extern char** environ;

namespace smtpgate::milter {

namespace {

/// postconf's answer is a page or two, postmap's a line for each address at most.
constexpr std::size_t longest_answer = 16 << 20;

const std::string nothing;

/// Calls `take` with each line, without its end.
template <class Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::map<std::string, std::string> parse_main_cf(std::string_view text) {
  std::map<std::string, std::string> result;
  each_line(text, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    result[std::string(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
  });
  return result;
}

std::vector<PostfixService> parse_services(std::string_view text) {
  std::vector<PostfixService> result;
  each_line(text, [&](std::string_view line) {
    const bool goes_on = !line.empty() && is_blank(line.front()) && !result.empty();
    std::string_view rest = trim(line);
    if (rest.empty()) return;
    if (!goes_on) result.emplace_back();
    PostfixService& service = result.back();
    service.line += (goes_on ? " " : "") + std::string(rest);
    for (; !rest.empty(); rest = trim(rest)) {
      const std::size_t word = std::min(rest.find_first_of(" \t"), rest.size());
      service.fields.emplace_back(rest.substr(0, word));
      rest.remove_prefix(word);
    }
  });
  return result;
}

/// A file without a name: a program that reads or writes one cannot wait for us, as at a pipe.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content = {}) : fd_(::memfd_create("", MFD_CLOEXEC)) {
    while (fd_ >= 0 && !content.empty()) {
      const ssize_t count = ::write(fd_, content.data(), content.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        ::close(fd_);
        fd_ = -1;
        return;
      }
      content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (fd_ >= 0) ::lseek(fd_, 0, SEEK_SET);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }

  std::string content() const {
    std::string result;
    std::array<char, 65536> buffer{};
    while (result.size() < longest_answer) {
      const ssize_t count =
          ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(result.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      result.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return result;
  }

 private:
  int fd_;
};

PostfixAnswer run_program(const std::vector<std::string>& words, const std::string& text) {
  PostfixAnswer answer;
  const MemoryFile input(text);
  const MemoryFile output;
  const MemoryFile complaint;
  if (input.fd() < 0 || output.fd() < 0 || complaint.fd() < 0) return answer;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.fd(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.fd(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, complaint.fd(), STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int spawned =
      ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return answer;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(child, &status, 0)) < 0 && errno == EINTR) {
  }
  answer.good = ended == child && status == 0;
  answer.output = output.content();
  answer.complaint = complaint.content();
  return answer;
}

}  // namespace

PostfixProgram real_postfix_program(const std::string& directory) {
  return [directory](const std::vector<std::string>& words, const std::string& input) {
    const std::string path = "/usr/sbin/" + words.front();
    std::vector<std::string> all{::access(path.c_str(), X_OK) == 0 ? path : words.front()};
    if (!directory.empty()) all.insert(all.end(), {"-c", directory});
    all.insert(all.end(), words.begin() + 1, words.end());
    return run_program(all, input);
  };
}

std::optional<PostfixSettings> PostfixSettings::read(const PostfixProgram& program) {
  const PostfixAnswer parameters = program({"postconf", "-x"}, "");
  const PostfixAnswer services = program({"postconf", "-M"}, "");
  const PostfixAnswer options = program({"postconf", "-x", "-P"}, "");
  if (!parameters.good || !services.good || !options.good) return std::nullopt;
  PostfixSettings result;
  result.parameters_ = parse_main_cf(parameters.output);
  result.services_ = parse_services(services.output);
  // "name/type/setting = value"
  for (const auto& [key, value] : parse_main_cf(options.output)) {
    const std::size_t last = key.rfind('/');
    if (last == std::string::npos) continue;
    for (PostfixService& service : result.services_) {
      if (service.fields.size() > 1 &&
          std::string_view(key).substr(0, last) == service.fields[0] + "/" + service.fields[1]) {
        service.options[key.substr(last + 1)] = value;
      }
    }
  }
  return result;
}

const std::string& PostfixSettings::value(const std::string& name) const {
  const auto found = parameters_.find(name);
  return found == parameters_.end() ? nothing : found->second;
}

const std::string& PostfixSettings::value(const PostfixService& service,
                                          const std::string& name) const {
  const auto found = service.options.find(name);
  return found == service.options.end() ? value(name) : found->second;
}

std::vector<std::string> split_postfix_list(std::string_view text) {
  std::vector<std::string> result;
  constexpr std::string_view separators = ", \t\r\n";
  for (;;) {
    const std::size_t first = text.find_first_not_of(separators);
    if (first == std::string_view::npos) return result;
    text.remove_prefix(first);
    std::size_t depth = 0;
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
      const char c = text[end];
      if (depth == 0 && separators.find(c) != std::string_view::npos) break;
      if (c == '{') ++depth;
      if (c == '}' && depth > 0) --depth;
    }
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(end);
    if (entry.starts_with('{')) {
      entry.remove_prefix(1);
      if (entry.ends_with('}')) entry.remove_suffix(1);
      entry = trim(entry);
    }
    result.emplace_back(entry);
  }
}

}  // namespace smtpgate::milter
