// What `smtpgate check` makes of Postfix's settings, and of a gateway that does not hold.
#include <filesystem>

#include "gateway_fixture.h"
#include "milter/check.h"
#include "milter/postfix_check.h"
#include "scripted_server.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

const std::string good_settings =
    "queue_directory = /var/spool/postfix\n"
    "smtpd_milters = inet:127.0.0.1:11332, { unix:smtpgate/milter.sock, default_action=accept, "
    "connect_timeout=2s }\n"
    "virtual_mailbox_maps = socketmap:unix:private/smtpgate-lookup:recipient\n"
    "transport_maps = inline:{ example.com=smtpgate:unix:private/smtpgate-door }\n"
    "enable_original_recipient = yes\n";
const std::string good_services =
    "smtpgate   unix  -  -  n  -  -  lmtp -o lmtp_line_length_limit=0 flags=X\n"
    "smtpgate-door unix - n n - 20 spawn user=smtpgate argv=/usr/bin/smtpgate deliver\n"
    "smtpgate-lookup unix - n n - 0 spawn user=smtpgate\n"
    "    argv=/usr/bin/smtpgate lookup\n"
    "cleanup unix n - n - 0 cleanup\n";

/// `options`: settings of services, as postconf -P prints them.
std::vector<Finding> judge(const std::string& settings, const std::string& services,
                           const std::string& options = "") {
  Configuration configuration;
  configuration.gateway.transport = "smtpgate";
  configuration.milter.socket = "/var/spool/postfix/smtpgate/milter.sock";
  return check_postfix(configuration,
                       [&](const std::vector<std::string>& words, const std::string&) {
                         if (words.back() == "-M") return PostfixAnswer{true, services, ""};
                         return PostfixAnswer{true, words.back() == "-P" ? options : settings, ""};
                       });
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::size_t count(const std::vector<Finding>& findings, FindingKind kind,
                  std::string_view part = "") {
  std::size_t result = 0;
  for (const Finding& finding : findings) {
    if (finding.kind == kind && finding.text.find(part) != std::string::npos) ++result;
  }
  return result;
}

}  // namespace

TEST_CASE("a Postfix that is set up well gives neither error nor warning") {
  const auto findings = judge(good_settings, good_services);
  CHECK(count(findings, FindingKind::error) == 0);
  CHECK(count(findings, FindingKind::warning) == 0);
  CHECK(count(findings, FindingKind::ok) >= 5);
}

TEST_CASE("each thing that is wrong with Postfix is found") {
  const auto error = [](const std::string& settings, const std::string& services,
                        const char* part) {
    INFO(part);
    CHECK(count(judge(settings, services), FindingKind::error, part) == 1);
  };
  error(with(good_settings, "connect_timeout=2s }", "connect_timeout=2s }, inet:localhost:8891"),
        good_services, "is not the last");
  error(with(good_settings, "default_action=accept, ", ""), good_services,
        "lacks default_action=accept");
  error(with(good_settings, "original_recipient = yes", "original_recipient = no"), good_services,
        "enable_original_recipient");
  error(good_settings + "smtpd_proxy_filter = 127.0.0.1:10025\n", good_services,
        "smtpd_proxy_filter");
  error(good_settings + "content_filter = smtp:[127.0.0.1]:10024\n", good_services,
        "content_filter");
  error(with(good_settings, "transport_maps", "other_maps"), good_services, "nothing routes mail");
  error(good_settings, with(good_services, "smtpgate   unix", "other   unix"),
        "has no transport smtpgate");
  error(good_settings, with(good_services, "lmtp -o", "pipe -o"), "is not Postfix's lmtp client");
  error(good_settings, with(good_services, "smtpgate deliver", "smtpgate xxx"),
        "no spawn entry for smtpgate deliver");
  error(good_settings, with(good_services, "smtpgate lookup", "smtpgate xxx"),
        "no spawn entry for smtpgate lookup");
}

TEST_CASE("what costs only speed or clarity is a warning") {
  const auto warning = [](const std::string& settings, const std::string& services,
                          const char* part) {
    INFO(part);
    const auto findings = judge(settings, services);
    CHECK(count(findings, FindingKind::warning, part) == 1);
    CHECK(count(findings, FindingKind::error) == 0);
  };
  warning(with(good_settings, "unix:smtpgate/milter.sock", "unix:other.sock"), good_services,
          "smtpd_milters has no entry");
  warning(with(good_settings, "virtual_mailbox_maps", "x"), good_services, "asks smtpgate lookup");
  warning(with(good_settings, "inline:{ example.com=smtpgate:unix:private/smtpgate-door }",
               "hash:/etc/postfix/transport"),
          good_services, "make sure that transport_maps has it");
  warning(good_settings + "header_checks = regexp:/x\n", good_services, "header_checks is set");
  warning(good_settings + "non_smtpd_milters = unix:smtpgate/milter.sock\n", good_services,
          "non_smtpd_milters names our socket");
  warning(good_settings + "canonical_maps = hash:/x\n", good_services, "canonical_maps");
  warning(good_settings + "virtual_alias_maps = hash:/x\n", good_services,
          "unknown_recipient = \"leave\"");
  warning(good_settings, with(good_services, "-o lmtp_line_length_limit=0 ", ""),
          "lmtp_line_length_limit");
}

TEST_CASE("an smtpd that takes bare line feeds for line ends is warned of, each by its settings") {
  const std::string lax = good_settings + "smtpd_forbid_bare_newline = no\n";
  const std::string listening = good_services + "smtp inet n - n - - smtpd\n";
  CHECK(count(judge(lax, listening), FindingKind::warning, "CVE-2023-51764") == 1);
  CHECK(count(judge(lax, listening, "smtp/inet/smtpd_forbid_bare_newline = normalize\n"),
              FindingKind::warning, "CVE-2023-51764") == 0);
  const std::string strict = good_settings + "smtpd_forbid_bare_newline = yes\n";
  CHECK(count(judge(strict, listening), FindingKind::warning) == 0);
  const auto own = judge(strict, listening, "smtp/inet/smtpd_forbid_bare_newline = no\n");
  CHECK(count(own, FindingKind::warning, "the service smtp in master.cf: ") == 1);
  CHECK(count(judge(good_settings, listening), FindingKind::warning) == 0);
}

TEST_CASE("each smtpd is judged by the settings that count for it") {
  const std::string services = good_services +
                               "smtp inet n - n - - smtpd -o smtpd_milters=\n"
                               "127.0.0.1:10025 inet n - n - - smtpd -o content_filter=\n";
  const std::string filter = "content_filter = smtp:[127.0.0.1]:10024\n";
  const std::string back = "127.0.0.1:10025/inet/content_filter = \n";
  const auto errors = [&](const std::string& settings, const std::string& options,
                          const char* part) {
    INFO(part);
    return count(judge(settings, services, options), FindingKind::error, part);
  };
  CHECK(errors(good_settings + filter, "smtp/inet/smtpd_milters = \n" + back, "") == 0);
  CHECK(errors(good_settings + filter, back, "Postfix: content_filter is set beside") == 1);
  CHECK(errors(good_settings, back + "smtp/inet/content_filter = scan:\n",
               "the service smtp in master.cf: content_filter is set beside") == 1);
  CHECK(errors(good_settings, "smtp/inet/smtpd_proxy_filter = 127.0.0.1:10024\n",
               "the service smtp in master.cf: smtpd_proxy_filter") == 1);
  // A way to say that an smtpd has no milters at all.
  CHECK(errors(good_settings + filter,
               "smtp/inet/receive_override_options = no_address_mappings,no_milters\n" + back,
               "") == 0);
  const std::string ours = "unix:smtpgate/milter.sock";
  CHECK(errors(good_settings,
               "smtp/inet/smtpd_milters = { " + ours + ", default_action=accept } inet:[::1]:1\n",
               "the service smtp in master.cf: our entry in smtpd_milters is not the last") == 1);
  CHECK(errors(good_settings, "smtp/inet/smtpd_milters = " + ours + "\n",
               "the service smtp in master.cf: our entry in smtpd_milters lacks") == 1);
  CHECK(errors(good_settings, "cleanup/unix/enable_original_recipient = no\n",
               "the service cleanup in master.cf: enable_original_recipient = no") == 1);
}

namespace {

/// A gateway of ACME/MAIN at example.com, and a postmap that holds one table of this text.
std::vector<Finding> judge_rewriting(const test::Gateway& gateway, const std::string& parameter,
                                     const std::string& table, bool readable = true,
                                     const std::string& kind = "hash") {
  const auto configuration = read_configuration(gateway.configuration_path());
  REQUIRE(configuration);
  return check_postfix(
      *configuration, [&](const std::vector<std::string>& words, const std::string& input) {
        if (words.front() == "postconf") {
          const bool settings = words == std::vector<std::string>{"postconf", "-x"};
          return PostfixAnswer{true, settings ? parameter + " = " + kind + ":/table\n" : "", ""};
        }
        CHECK(words == std::vector<std::string>{"postmap", "-q", "-", kind + ":/table"});
        PostfixAnswer answer;
        if (!readable) answer.complaint = "postmap: fatal: open /table: Permission denied\n";
        for (std::size_t at = 0; at < input.size(); at = input.find('\n', at) + 1) {
          const std::string key = input.substr(at, input.find('\n', at) - at);
          const std::size_t line = ("\n" + table).find("\n" + key + "\t");
          if (line == std::string::npos) continue;
          answer.output += table.substr(line, table.find('\n', line) - line) + "\n";
          answer.good = true;
        }
        return answer;
      });
}

}  // namespace

TEST_CASE("an address that Postfix rewrites and a postoffice has too is an error") {
  const test::Gateway gateway;
  for (const char* parameter :
       {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"}) {
    const auto errors = [&](const std::string& table, const std::string& part) {
      INFO(parameter << " " << table);
      return count(judge_rewriting(gateway, parameter, table), FindingKind::error, part);
    };
    const std::string sentence = std::string(parameter) + " rewrites ";
    CHECK(errors("anna@example.com\tzoe@elsewhere.test\n", sentence + "anna@example.com,") == 1);
    CHECK(errors("sales@example.com\tzoe@elsewhere.test\n", sentence + "sales@example.com,") == 1);
    CHECK(errors("@example.com\tzoe@elsewhere.test\n", sentence + "@example.com,") == 1);
    // Beside itself somebody else: claiming cancels that one.
    CHECK(errors("anna@example.com\tanna@example.com, zoe@elsewhere.test\n", sentence) == 1);
    CHECK(errors("anna@example.com\tAnna@example.com\n", sentence) == 0);
    CHECK(errors("nobody@example.com\tanna@example.com\n", sentence) == 0);
  }
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", "x@example.com\ty\n"), FindingKind::ok,
              "virtual_alias_maps rewrites none of our ") == 1);
  // Postfix asks tables of patterns for whole addresses only.
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", "@example.com\ty\n", true, "regexp"),
              FindingKind::error, "rewrites") == 0);
  // All are counted, three are named.
  const char* all =
      "anna@example.com\ty\nben@example.com\ty\npostmaster@example.com\ty\n"
      "sales@example.com\ty\n";
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", all), FindingKind::error,
              "anna@example.com, ben@example.com, postmaster@example.com and 1 more,") == 1);
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", "", false), FindingKind::warning,
              "names hash:/table, which postmap -q cannot read") == 1);
}

TEST_CASE("a catch-all beside virtual aliases is a warning: it takes them, whatever their names") {
  const test::Gateway gateway;
  const auto warnings = [&] {
    return count(judge_rewriting(gateway, "virtual_alias_maps", "x@example.com\ty\n"),
                 FindingKind::warning, "a postoffice has a catch_all");
  };
  CHECK(warnings() == 0);
  const std::string path = gateway.folder() + "/GLB/postoffice.toml";
  test::write_whole(path, test::read_whole(path) + "\ncatch_all = \"anna\"\n");
  CHECK(warnings() == 1);
}

TEST_CASE("an smtpd, chrooted or not, must find the socket by its spelling") {
  const std::string plain = good_services + "smtp inet n - n - - smtpd\n";
  const std::string chrooted = good_services + "smtp inet n - y - - smtpd\n";
  const auto errors = [](const char* spelling, const std::string& services) {
    return count(judge(with(good_settings, "unix:smtpgate/milter.sock", spelling), services),
                 FindingKind::error, "does not find our socket by ");
  };
  CHECK(errors("unix:smtpgate/milter.sock", plain) == 0);
  CHECK(errors("local:smtpgate/milter.sock", chrooted) == 0);
  CHECK(errors("unix:/var/spool/postfix/smtpgate/milter.sock", plain) == 0);
  CHECK(errors("unix:/var/spool/postfix/smtpgate/milter.sock", chrooted) == 1);
  CHECK(errors("unix:/smtpgate/milter.sock", chrooted) == 0);
  CHECK(errors("unix:/smtpgate/milter.sock", plain) == 1);
}

TEST_CASE("a Postfix that cannot be asked is an error") {
  const auto findings = check_postfix(
      {}, [](const std::vector<std::string>&, const std::string&) { return PostfixAnswer{}; });
  CHECK(count(findings, FindingKind::error, "postconf gives no answer") == 1);
}

TEST_CASE("lists keep what stands in braces together") {
  CHECK(split_postfix_list("a, b  {c d, e=f}, {g") ==
        std::vector<std::string>{"a", "b", "c d, e=f", "g"});
  CHECK(split_postfix_list("inline:{ { a@b = c, d } { e=f } }, hash:/x { {g, h} i }") ==
        std::vector<std::string>{"inline:{ { a@b = c, d } { e=f } }", "hash:/x", "{g, h} i"});
  CHECK(split_postfix_list("  ").empty());
}

TEST_CASE("the check finds what does not hold around the configuration") {
  test::Gateway gateway("", "[milter]\nsocket = \"/nonexistent/milter.sock\"");
  std::filesystem::permissions(gateway.work(), std::filesystem::perms::owner_all);
  const auto findings = check({gateway.configuration_path(), "", true});
  CHECK(count(findings, FindingKind::ok, "postoffice ACME/MAIN in ") == 1);
  CHECK(count(findings, FindingKind::ok, "3 mailboxes") == 1);
  CHECK(count(findings, FindingKind::error, "postoffice ACME/LOST: ") == 1);
  CHECK(count(findings, FindingKind::error, "the socket's directory /nonexistent is not there") ==
        1);
  CHECK(count(findings, FindingKind::ok, "the work directory ") == 1);
}

TEST_CASE("the check warns of a socket that everybody can open") {
  const auto warnings = [](const char* mode, std::filesystem::perms others) {
    const test::TemporaryDirectory place;
    const std::string directory = place.path() + "/socket";
    std::filesystem::create_directory(directory);
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all | others);
    const test::Gateway gateway(
        "", "[milter]\nsocket = \"" + directory + "/milter.sock\"\nsocket_mode = \"" + mode + "\"");
    return count(check({gateway.configuration_path(), "", true}), FindingKind::warning,
                 "file mail in anybody's name");
  };
  CHECK(warnings("0666", std::filesystem::perms::others_exec) == 1);
  CHECK(warnings("0660", std::filesystem::perms::others_exec) == 0);
  CHECK(warnings("0666", std::filesystem::perms::none) == 0);
}

TEST_CASE("the check says whether the designated host answers, and asks none that is not used") {
  const test::ScriptedServer good;
  const test::ScriptedServer bad(test::at("CONNECT", {"554 5.3.2 no mail here\r\n"}));
  const std::string hosts =
      "[designated_host]\nhosts = [\"" + good.host() + "\", \"" + bad.host() + "\"]\n";
  const test::Gateway gateway("", hosts);
  const auto findings = check({gateway.configuration_path(), "", true});
  CHECK(count(findings, FindingKind::ok, "the designated host 127.0.0.1[127.0.0.1]:") == 1);
  CHECK(count(findings, FindingKind::warning, "554 5.3.2 no mail here") == 1);
  CHECK(count(findings, FindingKind::warning, "enabled = false") == 1);
  const test::Gateway inbound_only("", hosts + "[outbound]\nenabled = false\n");
  CHECK(count(check({inbound_only.configuration_path(), "", true}), FindingKind::warning, "554") ==
        0);
  CHECK(good.connections() == 1);
}

TEST_CASE("the check finds a work directory that others can read, and one that is not there") {
  test::Gateway gateway;
  std::filesystem::permissions(gateway.work(), std::filesystem::perms(0755));
  CHECK(count(check({gateway.configuration_path(), "", true}), FindingKind::warning,
              "has mode 0755") == 1);
  std::filesystem::remove_all(gateway.work());
  CHECK(count(check({gateway.configuration_path(), "", true}), FindingKind::error,
              "make the work directory") == 1);
}

TEST_CASE("the check finds users and groups that are not there") {
  test::Gateway gateway;
  const std::string text = test::read_whole(gateway.configuration_path());
  const auto errors = [&](const std::string& user, const std::string& more, const char* part) {
    test::write_whole(gateway.configuration_path(),
                      with(text, "user = \"\"", "user = \"" + user + "\"\n" + more));
    return count(check({gateway.configuration_path(), "", true}), FindingKind::error, part);
  };
  CHECK(errors("nobody-of-that-name", "", "there is no user nobody-of-that-name; ") == 1);
  CHECK(errors("root", "group = \"no-such-group\"", "there is no group no-such-group; ") == 1);
  CHECK(errors("root", "", "there is no ") == 0);
}

TEST_CASE("the check finds a folder that is another postoffice") {
  test::Gateway gateway;
  std::string text = test::read_whole(gateway.configuration_path());
  text = with(text, gateway.path() + "/lost", gateway.folder());
  test::write_whole(gateway.configuration_path(), text);
  CHECK(count(check({gateway.configuration_path(), "", true}), FindingKind::error,
              "says it is ACME/MAIN; correct") == 1);
}

TEST_CASE("a configuration at fault is the check's only finding") {
  test::Gateway gateway;
  test::write_whole(gateway.configuration_path(), "[gateway]\nlogg = 1\n");
  for (const Finding& finding : check({gateway.configuration_path(), "", true})) {
    CHECK(finding.kind == FindingKind::error);
    CHECK(finding.text.find("smtpgate.toml:") != std::string::npos);
  }
}
