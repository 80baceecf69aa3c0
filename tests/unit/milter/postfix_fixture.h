// A Postfix that is only what its programs answer: settings, services and tables that tests change
// one at a time. Set up well to begin with, for the domains of test::Gateway.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway_fixture.h"
#include "milter/postfix_check.h"
#include "unit/catch.h"

namespace smtpgate::test {

struct FakePostfix {
  explicit FakePostfix(const Gateway& gateway) : path(gateway.path() + "/postfix") {
    std::filesystem::create_directory(path);
    std::filesystem::create_directory(path + "/bin");
    write_whole(program(), "#!/bin/sh\n");
    std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
    settings = {
        {"config_directory", path},
        {"queue_directory", path + "/queue"},
        {"smtpd_milters",
         "inet:127.0.0.1:11332, { unix:smtpgate/milter.sock, "
         "default_action=accept, content_timeout=240s }"},
        {"milter_protocol", "6"},
        {"milter_content_timeout", "300s"},
        {"mydestination", "mx.example.com, localhost"},
        {"virtual_mailbox_domains", "example.com, example.org, lost.example"},
        {"virtual_mailbox_maps", "socketmap:unix:private/smtpgate-lookup:recipient"},
        {"virtual_transport", "virtual"},
        {"local_transport", "local:$myhostname"},
        {"default_transport", "smtp"},
        {"relay_transport", "relay"},
        {"transport_maps", "hash:/transport"},
        {"enable_original_recipient", "yes"},
        {"command_time_limit", "1000s"},
        {"lmtp_data_done_timeout", "600s"},
        {"default_process_limit", "100"},
        {"default_destination_concurrency_limit", "20"},
        {"maximal_queue_lifetime", "5d"},
        {"message_size_limit", "10240000"},
    };
    const std::string spawn = "spawn user=smtpgate argv=" + program();
    const std::string rest = " --config " + gateway.configuration_path() + "\n";
    services =
        "smtp inet n - n - - smtpd\n"
        "smtpgate unix - - n - - lmtp -o lmtp_line_length_limit=0 flags=X\n"
        "smtpgate-door unix - n n - 20 " +
        spawn + " deliver" + rest + "smtpgate-lookup unix - n n - 0 " + spawn + "\n    lookup" +
        rest + "cleanup unix n - n - 0 cleanup\n";
    for (const char* domain : {"example.com", "example.org", "lost.example"}) {
      tables["hash:/transport"][domain] = "smtpgate:unix:private/smtpgate-door";
    }
  }

  std::string program() const { return path + "/bin/smtpgate"; }

  milter::PostfixAnswer answer(const std::vector<std::string>& words,
                               const std::string& input) const {
    if (is_silent) return {};
    if (words.front() == "postconf") {
      if (words.back() == "-M") return {true, services, ""};
      if (words.back() == "-P") return {true, options, ""};
      milter::PostfixAnswer result{true, "", ""};
      for (const auto& [name, value] : settings) result.output += name + " = " + value + "\n";
      return result;
    }
    const auto table = tables.find(words.back());
    if (table == tables.end()) {
      return {false, "", "postmap: fatal: open " + words.back() + ": no such file\n"};
    }
    milter::PostfixAnswer result{false, "", ""};
    for (std::size_t at = 0; at < input.size(); at = input.find('\n', at) + 1) {
      const std::string key = input.substr(at, input.find('\n', at) - at);
      const auto found = table->second.find(key);
      if (found == table->second.end()) continue;
      result.good = true;
      result.output += key + "\t" + found->second + "\n";
    }
    return result;
  }

  std::vector<milter::Finding> judge(const milter::Configuration& configuration) const {
    return milter::check_postfix(
        configuration, [this](const std::vector<std::string>& words, const std::string& input) {
          return answer(words, input);
        });
  }

  /// In services; it must be there.
  void replace(const std::string& from, const std::string& to) {
    const std::size_t at = services.find(from);
    REQUIRE(at != std::string::npos);
    services.replace(at, from.size(), to);
  }

  bool is_silent = false;
  std::string path;
  std::map<std::string, std::string> settings;
  std::string services;
  std::string options;  ///< "service/type/name = value" a line, as postconf -P prints them
  std::map<std::string, std::map<std::string, std::string>> tables;
};

}  // namespace smtpgate::test
