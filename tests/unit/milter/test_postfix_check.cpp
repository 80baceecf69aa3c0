// What `smtpgate check` makes of Postfix's settings, by layouts. Each finding by itself:
// test_findings.cpp.
#include <algorithm>
#include <filesystem>
#include <functional>

#include "gateway_fixture.h"
#include "milter/postfix_check.h"
#include "milter/postfix_places.h"
#include "milter/postfix_tables.h"
#include "postfix_fixture.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

/// A Postfix that is set up well for example.com, example.org and lost.example, but for `change`.
std::vector<Finding> judge(const std::function<void(test::FakePostfix&)>& change) {
  const test::Gateway gateway;
  test::FakePostfix postfix(gateway);
  change(postfix);
  Configuration configuration = *read_configuration(gateway.configuration_path());
  configuration.milter.socket = postfix.path + "/queue/smtpgate/milter.sock";
  return postfix.judge(configuration);
}

std::size_t count(const std::vector<Finding>& findings, FindingKind kind,
                  std::string_view part = "") {
  std::size_t result = 0;
  for (const Finding& finding : findings) {
    if (finding.kind == kind && finding.text.find(part) != std::string::npos) ++result;
  }
  return result;
}

bool has(const std::vector<Finding>& findings, std::string_view id) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.id == id; });
}

}  // namespace

TEST_CASE("a Postfix that is set up well gives neither error nor warning") {
  const auto findings = judge([](test::FakePostfix&) {});
  CHECK(count(findings, FindingKind::error) == 0);
  CHECK(count(findings, FindingKind::warning) == 0);
  CHECK(count(findings, FindingKind::ok) >= 5);
}

TEST_CASE("an smtpd that takes bare line feeds for line ends is warned of, each by its settings") {
  const auto warnings = [](const char* value, const char* own) {
    return judge([&](test::FakePostfix& postfix) {
      if (*value != '\0') postfix.settings["smtpd_forbid_bare_newline"] = value;
      if (*own != '\0') {
        postfix.options = std::string("smtp/inet/smtpd_forbid_bare_newline = ") + own + "\n";
      }
    });
  };
  CHECK(count(warnings("no", ""), FindingKind::warning) == 1);
  CHECK(count(warnings("no", "normalize"), FindingKind::warning) == 0);
  CHECK(count(warnings("yes", ""), FindingKind::warning) == 0);
  CHECK(count(warnings("yes", "no"), FindingKind::warning, "the service smtp: ") == 1);
  CHECK(count(warnings("", ""), FindingKind::warning) == 0);
}

TEST_CASE("each smtpd is judged by the settings that count for it") {
  const auto errors = [](const std::function<void(test::FakePostfix&)>& change,
                         const std::string& options, const char* part) {
    INFO(part << " " << options);
    return count(judge([&](test::FakePostfix& postfix) {
                   postfix.services += "127.0.0.1:10025 inet n - n - - smtpd -o content_filter=\n";
                   postfix.options = options;
                   change(postfix);
                 }),
                 FindingKind::error, part);
  };
  const auto filtered = [](test::FakePostfix& postfix) {
    postfix.settings["content_filter"] = "smtp:[127.0.0.1]:10024";
  };
  const auto as_it_was = [](test::FakePostfix&) {};
  const std::string back = "127.0.0.1:10025/inet/content_filter = \n";
  CHECK(errors(filtered, "smtp/inet/smtpd_milters = \n" + back, "") == 0);
  CHECK(errors(filtered, back, "content_filter is set beside") == 1);
  CHECK(errors(as_it_was, back + "smtp/inet/content_filter = scan:\n",
               "the service smtp: content_filter is set beside") == 1);
  CHECK(errors(as_it_was, "smtp/inet/smtpd_proxy_filter = 127.0.0.1:10024\n",
               "the service smtp: smtpd_proxy_filter") == 1);
  // A way to say that an smtpd has no milters at all.
  CHECK(errors(filtered,
               "smtp/inet/receive_override_options = no_address_mappings,no_milters\n" + back,
               "") == 0);
  const std::string ours = "unix:smtpgate/milter.sock";
  CHECK(errors(as_it_was,
               "smtp/inet/smtpd_milters = { " + ours + ", default_action=accept } inet:[::1]:1\n",
               "the service smtp: our entry in smtpd_milters is not the last") == 1);
  CHECK(errors(as_it_was, "smtp/inet/smtpd_milters = " + ours + "\n",
               "the service smtp: our entry in smtpd_milters lacks") == 1);
  CHECK(errors(as_it_was, "cleanup/unix/enable_original_recipient = no\n",
               "the service cleanup: enable_original_recipient = no") == 1);
}

TEST_CASE("mail that comes back from a filter is not filtered again by pickup or another smtpd") {
  const auto loops = [](const std::string& options, const std::string& services) {
    return has(judge([&](test::FakePostfix& postfix) {
                 postfix.settings["content_filter"] = "scan:";
                 postfix.services += services;
                 postfix.options = options + "smtp/inet/smtpd_milters = \n";
               }),
               "filter-loop");
  };
  CHECK(loops("", ""));
  CHECK(loops("", "pickup unix n - y 60 1 pickup\n"));
  CHECK_FALSE(loops("pickup/unix/content_filter = \n",
                    "pickup unix n - y 60 1 pickup -o content_filter=\n"));
}

namespace {

/// A gateway of ACME/MAIN at example.com, and `parameter` naming one table of this content.
std::vector<Finding> judge_rewriting(const test::Gateway& gateway, const std::string& parameter,
                                     const std::map<std::string, std::string>& table,
                                     bool readable = true, const std::string& kind = "hash") {
  std::filesystem::remove_all(gateway.path() + "/postfix");
  test::FakePostfix postfix(gateway);
  postfix.settings[parameter] = kind + ":/table";
  if (readable) postfix.tables[kind + ":/table"] = table;
  return postfix.judge(*read_configuration(gateway.configuration_path()));
}

}  // namespace

TEST_CASE("an address that Postfix rewrites and a postoffice has too is an error") {
  const test::Gateway gateway;
  for (const char* parameter :
       {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"}) {
    const auto errors = [&](const std::map<std::string, std::string>& table,
                            const std::string& part) {
      INFO(parameter << " " << part);
      return count(judge_rewriting(gateway, parameter, table), FindingKind::error, part);
    };
    const std::string sentence = std::string(parameter) + " rewrites ";
    CHECK(errors({{"anna@example.com", "zoe@elsewhere.test"}}, sentence + "anna@example.com,") ==
          1);
    CHECK(errors({{"sales@example.com", "zoe@elsewhere.test"}}, sentence + "sales@example.com,") ==
          1);
    CHECK(errors({{"@example.com", "zoe@elsewhere.test"}}, sentence + "@example.com,") == 1);
    // Beside itself somebody else: claiming cancels that one.
    CHECK(errors({{"anna@example.com", "anna@example.com, zoe@elsewhere.test"}}, sentence) == 1);
    CHECK(errors({{"anna@example.com", "Anna@example.com"}}, sentence) == 0);
    CHECK(errors({{"nobody@example.com", "anna@example.com"}}, sentence) == 0);
  }
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", {{"x@example.com", "y"}}),
              FindingKind::ok, "virtual_alias_maps rewrites none of our ") == 1);
  // Postfix asks tables of patterns for whole addresses only.
  CHECK(
      count(judge_rewriting(gateway, "virtual_alias_maps", {{"@example.com", "y"}}, true, "regexp"),
            FindingKind::error, "rewrites") == 0);
  // All are counted, three are named.
  const std::map<std::string, std::string> all{{"anna@example.com", "y"},
                                               {"ben@example.com", "y"},
                                               {"postmaster@example.com", "y"},
                                               {"sales@example.com", "y"}};
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", all), FindingKind::error,
              "anna@example.com, ben@example.com, postmaster@example.com and 1 more,") == 1);
  CHECK(count(judge_rewriting(gateway, "virtual_alias_maps", {}, false), FindingKind::warning,
              "names hash:/table, which postmap -q cannot read") == 1);
}

TEST_CASE("a catch-all beside virtual aliases is a warning: it takes them, whatever their names") {
  const test::Gateway gateway;
  const auto warnings = [&] {
    return count(judge_rewriting(gateway, "virtual_alias_maps", {{"x@example.com", "y"}}),
                 FindingKind::warning, "a postoffice has a catch_all");
  };
  CHECK(warnings() == 0);
  const std::string path = gateway.folder() + "/GLB/postoffice.toml";
  test::write_whole(path, test::read_whole(path) + "\ncatch_all = \"anna\"\n");
  CHECK(warnings() == 1);
}

TEST_CASE("an smtpd, chrooted or not, must find the socket by its spelling") {
  // `spelling`: "Q" stands for the queue directory.
  const auto errors = [](std::string spelling, bool is_chrooted) {
    return count(judge([&](test::FakePostfix& postfix) {
                   if (const std::size_t at = spelling.find('Q'); at != std::string::npos) {
                     spelling.replace(at, 1, postfix.path + "/queue");
                   }
                   postfix.settings["smtpd_milters"] =
                       "{ " + spelling + ", default_action=accept }";
                   if (is_chrooted) postfix.replace("smtp inet n - n", "smtp inet n - y");
                 }),
                 FindingKind::error, "does not find our socket by ");
  };
  CHECK(errors("unix:smtpgate/milter.sock", false) == 0);
  CHECK(errors("local:smtpgate/milter.sock", true) == 0);
  CHECK(errors("unix:Q/smtpgate/milter.sock", false) == 0);
  CHECK(errors("unix:Q/smtpgate/milter.sock", true) == 1);
  CHECK(errors("unix:/smtpgate/milter.sock", true) == 0);
  CHECK(errors("unix:/smtpgate/milter.sock", false) == 1);
}

TEST_CASE("a domain's way is worked out as Postfix does") {
  const auto found = [](const std::function<void(test::FakePostfix&)>& change) {
    std::string text;
    for (const Finding& finding : judge(change)) {
      if (finding.kind != FindingKind::ok) text += finding.id + " ";
    }
    return text;
  };
  using P = test::FakePostfix;
  const std::string door = "smtpgate:unix:private/smtpgate-door";
  const auto by_table = [&](const std::string& key, const std::string& way,
                            const std::string& parents = "") {
    return found([&](P& postfix) {
      postfix.tables["hash:/transport"].erase("lost.example");
      postfix.tables["hash:/transport"][key] = way;
      postfix.settings["parent_domain_matches_subdomains"] = parents;
    });
  };
  CHECK(by_table("lost.example", door) == "");
  CHECK(by_table(".example", door) == "");
  CHECK(by_table("example", door) == "domain-elsewhere ");
  CHECK(by_table("example", door, "transport_maps") == "");
  CHECK(by_table("*", door) == "");
  CHECK(by_table("postmaster@lost.example", door) == "");
  CHECK(by_table("lost.example", "smtp:[127.0.0.1]") == "domain-elsewhere ");
  // Only a next hop: the transport is the class's own.
  CHECK(by_table("lost.example", ":unix:private/smtpgate-door") == "domain-elsewhere ");
  // The class's transport, without transport_maps.
  CHECK(found([&](P& postfix) {
          postfix.settings["transport_maps"] = "";
          postfix.settings["virtual_transport"] = door;
        }) == "");
  CHECK(found([&](P& postfix) {
          postfix.settings["virtual_mailbox_domains"] = "";
          postfix.settings["relay_domains"] = "example.com, .org, example";
          postfix.settings["parent_domain_matches_subdomains"] = "relay_domains";
          postfix.settings["relay_recipient_maps"] =
              "socketmap:unix:private/smtpgate-lookup:recipient";
        }) == "");
  // A list that is a table, a file, an exception.
  CHECK(found([&](P& postfix) {
          postfix.settings["virtual_mailbox_domains"] =
              "hash:/domains, " + postfix.path + "/domains";
          postfix.tables["hash:/domains"] = {{"example.com", "x"}, {"example.org", "x"}};
          test::write_whole(postfix.path + "/domains", "# ours\nlost.example\n");
        }) == "");
  CHECK(found([&](P& postfix) {
          postfix.settings["virtual_mailbox_domains"] =
              "!lost.example, lost.example, example.com, example.org";
        }) == "domain-refused ");
  CHECK(found([&](P& postfix) { postfix.settings["virtual_mailbox_domains"] = "hash:/nowhere"; }) ==
        "domain-unclear domain-unclear domain-unclear ");
  // mydestination comes first, and has a look-up of its own.
  CHECK(found([&](P& postfix) { postfix.settings["mydestination"] += ", lost.example"; }) ==
        "domain-two-classes lookup-not-asked ");
}

TEST_CASE("a finding says the line, and gives a command that a shell takes") {
  const test::TemporaryDirectory place;
  test::write_whole(place.path() + "/main.cf",
                    "# smtpd_milters = commented out\nsmtpd_milters = a,\n  b = c\n\n"
                    "soft_bounce=yes\nsoft_bounce = no\n");
  test::write_whole(place.path() + "/master.cf",
                    "# smtp inet\nsmtp      inet  n - n - - smtpd\n  -o smtpd_milters=\n"
                    "  -o { content_filter = scan: } -o x=y\nother unix - - n - - lmtp\n");
  const PostfixPlaces places(place.path(), false);
  CHECK(places.setting("smtpd_milters") == place.path() + "/main.cf:2");
  CHECK(places.setting("soft_bounce") == place.path() + "/main.cf:6");
  CHECK(places.setting("b") == place.path() + "/main.cf");
  PostfixService smtp{{"smtp", "inet"}, "", {{"smtpd_milters", ""}, {"content_filter", "scan:"}}};
  CHECK(places.service(smtp) == place.path() + "/master.cf:2");
  CHECK(places.setting(smtp, "smtpd_milters") == place.path() + "/master.cf:3");
  CHECK(places.setting(smtp, "content_filter") == place.path() + "/master.cf:4");
  CHECK(places.setting(smtp, "soft_bounce") == place.path() + "/main.cf:6");
  CHECK(places.service({{"none", "unix"}, "", {}}) == place.path() + "/master.cf");
  CHECK(places.edit("a", "it's { b }") ==
        "postconf -c " + place.path() + " -e 'a = it'\\''s { b }'");
  CHECK(places.edit(smtp, "smtpd_milters", "") ==
        "postconf -c " + place.path() + " -P smtp/inet/smtpd_milters=");
  const PostfixPlaces usual("/nonexistent", true);
  CHECK(usual.edit("soft_bounce", "no") == "postconf -e 'soft_bounce = no'");
  CHECK(usual.setting("soft_bounce") == "/nonexistent/main.cf");
}

TEST_CASE("Postfix's times are read with their units") {
  CHECK(postfix_seconds("240s") == 240);
  CHECK(postfix_seconds("5d") == 432'000);
  CHECK(postfix_seconds("3", 86'400) == 259'200);
  CHECK(postfix_seconds("2m") == 120);
  CHECK(postfix_seconds("1w") == 604'800);
  CHECK(postfix_seconds(" 1h ") == 3600);
  for (const char* text : {"", "s", "-1", "1y", "1 d", "99999999999999"}) {
    INFO(text);
    CHECK_FALSE(postfix_seconds(text));
  }
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
