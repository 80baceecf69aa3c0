// Pagers; see the header.
#include "postoffice/programs/pager.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace smtpgate::postoffice {

namespace {

std::vector<std::string> pager_words() {
  const char* const set = std::getenv("PAGER");
  std::istringstream text(set != nullptr ? set : "less");
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  if (words.size() == 1 && words[0] == "cat") words.clear();
  return words;
}

pid_t start(std::vector<std::string>& words, int input) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  pid_t child = -1;
  if (::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
    child = -1;
  }
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

}  // namespace

Pager::Pager(bool is_wanted) {
  if (!is_wanted || ::isatty(STDOUT_FILENO) == 0) return;
  std::vector<std::string> words = pager_words();
  if (words.empty()) return;
  // What fits the screen is left on it; colours are ours alone, all else was escaped.
  ::setenv("LESS", "FRX", 0);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return;
  child_ = start(words, pipe[0]);
  ::close(pipe[0]);
  if (child_ > 0) {
    // Who leaves the pager early, or presses Ctrl-C in it, must not end us before what is left to
    // do is done.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    std::cout.flush();
    terminal_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(pipe[1], STDOUT_FILENO);
  }
  ::close(pipe[1]);
}

void Pager::finish() {
  if (child_ <= 0) return;
  std::cout.flush();
  std::cout.clear();
  ::dup2(terminal_, STDOUT_FILENO);
  ::close(terminal_);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGINT, SIG_DFL);
  child_ = -1;
}

}  // namespace smtpgate::postoffice
