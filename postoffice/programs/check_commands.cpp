// `postoffice check`; see the header. Manual: docs/man/postoffice.1.scd, docs/checking.md.
#include "postoffice/programs/check_commands.h"

#include <ctime>
#include <iostream>
#include <map>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/postoffice_check.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;
using State = CheckFinding::State;

constexpr std::size_t longest_line = 2000;  // octets of a sentence that may hold a stranger's

struct CheckCommandOptions {
  bool repairs = false;
  bool as_json = false;
};

std::string_view word_of(State state) {
  switch (state) {
    case State::found:
      return "found";
    case State::mended:
      return "mended";
    case State::failed:
      return "failed";
    case State::note:
      return "note";
  }
  return "found";
}

void print_json(const CheckResult& result) {
  Json findings = Json::array();
  for (const CheckFinding& one : result.findings) {
    findings.push_back({{"kind", one.kind},
                        {"what", one.what},
                        {"remedy", one.remedy},
                        {"state", word_of(one.state)}});
  }
  const Json value = {{"findings", findings},
                      {"mailboxes", result.mailboxes},
                      {"messages", result.messages},
                      {"octets", result.octets}};
  std::cout << value.dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
}

/// How many of each kind.
void print_table(const CheckResult& result) {
  struct Count {
    std::uint64_t found = 0;
    std::uint64_t mended = 0;
  };
  std::map<std::string, Count> kinds;
  for (const CheckFinding& one : result.findings) {
    Count& count = kinds[one.kind];
    ++count.found;
    if (one.state == State::mended) ++count.mended;
  }
  if (!kinds.empty()) {
    Table table({{"Finding", false}, {"Found", true}, {"Mended", true}});
    for (const auto& [kind, count] : kinds) {
      table.add({kind, std::to_string(count.found), std::to_string(count.mended)});
    }
    std::cout << '\n';
    table.print(std::cout, 0, false);
    std::cout << '\n';
  }
  std::cout << fmt::format("{} mailboxes, {} messages, {} read: {}\n", result.mailboxes,
                           result.messages, short_size(result.octets),
                           result.is_clean() ? "clean" : "not clean");
}

int check(const Postoffice& postoffice, const CheckCommandOptions& options) {
  ProgressLine progress;
  CheckOptions how;
  how.repairs = options.repairs;
  how.now = std::time(nullptr);
  how.seen = [&](std::uint64_t messages) {
    progress.show([&] { return std::to_string(messages) + " messages looked at"; });
  };
  if (!options.as_json) {
    how.found = [&](const CheckFinding& one) {
      progress.clear();
      const std::string remedy = one.state == State::mended ? "" : "; " + one.remedy;
      std::cout << fmt::format("{:<6}  {:<18}  {}{}\n", word_of(one.state), one.kind,
                               printable(one.what, longest_line), remedy);
    };
  }
  const CheckResult result = check_postoffice(postoffice, how);
  progress.clear();
  int code = result.is_clean() ? EX_OK : EX_DATAERR;
  for (const Outcome& trouble : result.troubles) code = fail(trouble);
  if (options.as_json) {
    print_json(result);
  } else {
    print_table(result);
  }
  return code;
}

}  // namespace

void add_check_commands(CLI::App& app, PostofficeCommand& run) {
  auto [command, options] = add_command<CheckCommandOptions>(
      app, "check", "Looks the whole postoffice over, and mends what can be mended", run, check);
  command->add_flag("--repair", options->repairs, "Mends; without it, nothing is changed");
  command->add_flag("--json", options->as_json, "For programs");
}

}  // namespace smtpgate::postoffice
