// `smtpgate try`: what the gateway would do with a message in a file (trial.h), from the command
// line to the exit code.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace smtpgate::milter {

struct TryOptions {
  std::string configuration_path;
  std::string message;  ///< a path; "-": standard input
  std::vector<std::string> recipients;
  std::string sender;       ///< --from
  bool has_sender = false;  ///< else the message's own Return-Path, or its From
  bool is_authenticated = false;
  std::size_t lines = 20;
  bool json = false;
};

/// EX_OK if every recipient would get it, else the exit code of the worst outcome (exit_code.h);
/// EX_NOINPUT if the message cannot be read. Started by root it goes on as the gateway's user, once
/// the message is open.
int run_try(const TryOptions& options);

}  // namespace smtpgate::milter
