// The program around all checks, and how it says what they found: see the header.
#include "milter/check.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>
#include <unistd.h>

#include "milter/gateway_check.h"
#include "milter/postfix_check.h"
#include "milter/privileges.h"
#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

void check_postfix_side(const CheckOptions& options, const Configuration& configuration,
                        std::vector<Finding>& all) {
  if (options.skip_postfix) return;
  const bool installed = ::access("/usr/sbin/postconf", X_OK) == 0;
  const bool configured =
      !options.postfix_directory.empty() || ::access("/etc/postfix/main.cf", R_OK) == 0;
  if (!installed || !configured) {
    all.push_back({FindingKind::ok,
                   "Postfix was not looked at: it is not installed or has no main.cf; name its "
                   "directory with --postfix"});
    return;
  }
  for (Finding& finding :
       check_postfix(configuration, real_postfix_program(options.postfix_directory),
                     options.postfix_directory.empty())) {
    all.push_back(std::move(finding));
  }
}

/// Door 2, the look-up, and a daemon that is told to read it again do so as the gateway's user:
/// what root could read may be closed to them.
void check_readable_for_doors(const Configuration& configuration, Findings& findings) {
  const auto again = read_configuration(configuration.path);
  if (again) return;
  for (const std::string& line : again.error()) {
    findings.add("configuration-closed",
                 fmt::format("as user {}: {}", configuration.gateway.user, line),
                 configuration.path,
                 fmt::format("let {} read it, the address map, and every folder above them",
                             configuration.gateway.user));
  }
}

const char* word(FindingKind kind) {
  switch (kind) {
    case FindingKind::ok:
      return "ok";
    case FindingKind::warning:
      return "warning";
    case FindingKind::error:
      return "error";
  }
  return "error";
}

/// Green, yellow, red: what they mean everywhere else.
const char* colour(FindingKind kind) {
  switch (kind) {
    case FindingKind::ok:
      return "\033[32m";
    case FindingKind::warning:
      return "\033[33m";
    case FindingKind::error:
      return "\033[1;31m";
  }
  return "";
}

std::size_t count(const std::vector<Finding>& findings, FindingKind kind) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.kind == kind; }));
}

void print_finding(const Finding& finding, bool with_colours) {
  fmt::print("{}{}{}: {}\n", with_colours ? colour(finding.kind) : "", word(finding.kind),
             with_colours ? "\033[0m" : "", printable(finding.text));
  for (const auto& [title, text] :
       {std::pair{"where  ", &finding.where}, std::pair{"if left", &finding.consequence},
        std::pair{"mend   ", &finding.remedy}}) {
    if (!text->empty()) fmt::print("  {}  {}\n", title, printable(*text));
  }
}

void print_for_people(const std::vector<Finding>& findings, CheckOutput output) {
  const bool with_colours = postoffice::Terminal::of_standard_output().with_colours;
  // The worst last, where the eye is.
  for (const FindingKind kind : {FindingKind::ok, FindingKind::warning, FindingKind::error}) {
    if (kind == FindingKind::ok && output == CheckOutput::problems) continue;
    for (const Finding& finding : findings) {
      if (finding.kind == kind) print_finding(finding, with_colours);
    }
  }
  const std::size_t errors = count(findings, FindingKind::error);
  const std::size_t warnings = count(findings, FindingKind::warning);
  if (output == CheckOutput::problems && errors + warnings == 0) return;
  fmt::print("\n{} error{}, {} warning{}, {} well{}\n", errors, errors == 1 ? "" : "s", warnings,
             warnings == 1 ? "" : "s", count(findings, FindingKind::ok),
             errors + warnings > 0 ? "; docs/checks.md explains each. After a change of Postfix's "
                                     "settings: postfix reload"
                                   : "");
}

void print_json(const std::vector<Finding>& findings, bool good) {
  nlohmann::json result;
  result["ok"] = good;
  result["findings"] = nlohmann::json::array();
  for (const Finding& finding : findings) {
    nlohmann::json one{{"kind", word(finding.kind)}, {"text", finding.text}};
    if (finding.kind != FindingKind::ok) {
      one["id"] = finding.id;
      one["where"] = finding.where;
      one["consequence"] = finding.consequence;
      one["remedy"] = finding.remedy;
    }
    result["findings"].push_back(std::move(one));
  }
  std::puts(result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

std::vector<Finding> check(const CheckOptions& options) {
  Findings own;
  const auto configuration = read_configuration(options.configuration_path);
  if (!configuration) {
    for (const std::string& line : configuration.error()) {
      // "FILE:LINE: what", as the configuration says it everywhere.
      own.add("configuration", line, options.configuration_path,
              "correct it; docs/configuration.md has every key");
    }
    return own.take();
  }
  const std::size_t domains = configuration->converter.map.entries().size();
  own.ok(options.configuration_path + " can be read");
  own.ok(fmt::format("the address map has {} domain{}", domains, domains == 1 ? "" : "s"));
  bool is_user = check_user(*configuration, own);
  std::vector<Finding> postfix_side;
  check_postfix_side(options, *configuration, postfix_side);
  // What follows is tried as the gateway's user: root can write everywhere, which proves nothing.
  if (options.as_gateway_user && is_user) {
    const auto became = become_user(configuration->gateway.user, configuration->gateway.group);
    if (!became) {
      own.add("user-unreachable", became.error(), options.configuration_path,
              "run the check as root or as the gateway's user");
      is_user = false;
    }
  }
  if (is_user) {
    if (options.as_gateway_user) check_readable_for_doors(*configuration, own);
    check_gateway(*configuration, own);
  }
  std::vector<Finding> all = own.take();
  std::move(postfix_side.begin(), postfix_side.end(), std::back_inserter(all));
  return all;
}

int run_check(const CheckOptions& options, CheckOutput output) {
  const std::vector<Finding> findings = check(options);
  const bool good = count(findings, FindingKind::error) == 0;
  if (output == CheckOutput::json) {
    print_json(findings, good);
  } else {
    print_for_people(findings, output);
  }
  return good ? EX_OK : EX_CONFIG;
}

}  // namespace smtpgate::milter
