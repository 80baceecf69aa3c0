// What `smtpgate check` finds on the gateway's own side. Each finding by itself: test_findings.cpp.
#include <filesystem>

#include "gateway_fixture.h"
#include "milter/check.h"
#include "scripted_server.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

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
                 "everybody on this machine");
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
  CHECK(count(check({gateway.configuration_path(), "", true}), FindingKind::error, "/work") == 1);
}

TEST_CASE("the check finds users and groups that are not there") {
  test::Gateway gateway;
  const std::string text = test::read_whole(gateway.configuration_path());
  const auto errors = [&](const std::string& user, const std::string& more, const char* part) {
    test::write_whole(gateway.configuration_path(),
                      with(text, "user = \"\"", "user = \"" + user + "\"\n" + more));
    return count(check({gateway.configuration_path(), "", true}), FindingKind::error, part);
  };
  CHECK(errors("nobody-of-that-name", "", "there is no user nobody-of-that-name") == 1);
  CHECK(errors("root", "group = \"no-such-group\"", "there is no group no-such-group") == 1);
  CHECK(errors("root", "", "there is no ") == 0);
}

TEST_CASE("the check finds a folder that is another postoffice") {
  test::Gateway gateway;
  std::string text = test::read_whole(gateway.configuration_path());
  text = with(text, gateway.path() + "/lost", gateway.folder());
  test::write_whole(gateway.configuration_path(), text);
  CHECK(count(check({gateway.configuration_path(), "", true}), FindingKind::error,
              "says it is ACME/MAIN") == 1);
}

TEST_CASE("a configuration at fault is the check's only finding") {
  test::Gateway gateway;
  test::write_whole(gateway.configuration_path(), "[gateway]\nlogg = 1\n");
  for (const Finding& finding : check({gateway.configuration_path(), "", true})) {
    CHECK(finding.kind == FindingKind::error);
    CHECK(finding.text.find("smtpgate.toml:") != std::string::npos);
  }
}
