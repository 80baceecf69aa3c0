// How the commands of the program `postoffice` are made: each has options of its own, which live as
// long as the command line, and an action. Not for what a command says (command_output.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

using PostofficeCommand = std::function<int(const Postoffice&)>;

/// The command `name` under `parent`; if it is given, its action is put into `run`, which outlives
/// the command line.
template <typename Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add_command(
    CLI::App& parent, const std::string& name, const std::string& what, PostofficeCommand& run,
    int (*action)(const Postoffice&, const Options&)) {
  CLI::App* added = parent.add_subcommand(name, what);
  auto options = std::make_shared<Options>();
  added->fallthrough();
  added->callback([&run, options, action] {
    run = [options, action](const Postoffice& postoffice) { return action(postoffice, *options); };
  });
  return {added, options};
}

}  // namespace smtpgate::postoffice
