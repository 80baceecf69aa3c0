// Runs one of our programs as a user would: its exit code, standard output and standard error.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::test {

struct ProgramResult {
  int code = -1;  ///< exit code; 128 + signal if it was killed
  std::string out;
  std::string err;
};

inline ProgramResult run_program(const std::string& name, const std::vector<std::string>& words) {
  TemporaryDirectory directory;
  const std::string out = directory / "out";
  const std::string err = directory / "err";
  const std::string path = std::string(SMTPGATE_PROGRAMS) + "/" + name;
  if (!std::filesystem::exists(path)) FAIL(path << " is not built");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::unsetenv("POSTOFFICE");
    const int out_file = ::open(out.c_str(), O_WRONLY | O_CREAT, 0600);
    const int err_file = ::open(err.c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(out_file, STDOUT_FILENO);
    ::dup2(err_file, STDERR_FILENO);
    std::vector<char*> arguments = {const_cast<char*>(path.c_str())};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(path.c_str(), arguments.data());
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ProgramResult result;
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

}  // namespace smtpgate::test
