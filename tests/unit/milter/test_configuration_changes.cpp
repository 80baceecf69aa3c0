// What a reload tells: key by key, no secrets; and what it refuses.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "milter/configuration_changes.h"
#include "milter/configuration_source.h"
#include "milter/control_answers.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::milter {
namespace {

using postoffice::SettingValues;

bool has(const std::vector<std::string>& lines, std::string_view part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

/// Line at which `text` stands in the configuration.
std::string line_of(const test::Gateway& gateway, std::string_view text) {
  const std::string all = test::read_whole(gateway.configuration_path());
  const std::size_t at = all.find(text);
  REQUIRE(at != std::string::npos);
  return ":" + std::to_string(1 + std::count(all.begin(), all.begin() + long(at), '\n')) + ": ";
}

void append(const test::Gateway& gateway, std::string_view lines) {
  std::ofstream(gateway.configuration_path(), std::ios::app) << lines;
}

TEST_CASE("changes are told key by key, with what was there and what is") {
  const SettingValues before{{"a.same", {"1", 1}}, {"a.other", {"\"x\"", 2}}, {"gone", {"5", 3}}};
  const SettingValues after{{"a.same", {"1", 9}}, {"a.other", {"\"y\"", 2}}, {"new", {"true", 4}}};
  const auto changes = changes_between(before, after);
  REQUIRE(changes.size() == 3);
  CHECK(describe(changes[0]) == "a.other: \"x\" -> \"y\"");
  CHECK(describe(changes[1]) == "gone: 5 -> none");
  CHECK(describe(changes[2]) == "new: none -> true");
  CHECK(changes_between(before, before).empty());
}

TEST_CASE("the value of a key that holds a secret is told by nobody") {
  const auto changes =
      changes_between({{"host.password", {"\"open\"", 1}}}, {{"host.password", {"\"sesame\"", 1}}});
  REQUIRE(changes.size() == 1);
  CHECK(describe(changes[0]) == "host.password: (not shown) -> (not shown)");
}

TEST_CASE("every key in force has its value and its line, defaults and the address map too") {
  const test::Gateway gateway;
  const SettingValues& values = gateway.configuration->values;
  CHECK(values.at("milter.deadline").text == "60");
  CHECK(values.at("gateway.hostname").text == "\"mx.example.com\"");
  CHECK(values.at("gateway.hostname").line == 2);
  CHECK(values.at("converter.limits.depth").text == "100");
  CHECK(values.at("postoffice[ACME/MAIN].path").text == "\"" + gateway.folder() + "\"");
  CHECK(values.at("address_map[example.com]").text == "ACME/MAIN");
  CHECK(values.at("log.door1").text == "\"info\"");
}

TEST_CASE("a postoffice that is new and cannot be opened is refused with its line") {
  const test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  append(gateway, "[[postoffice]]\nname = \"ACME/NEW\"\npath = \"/nonexistent/po\"\n");
  std::ofstream(gateway.path() + "/ADDR_MAP.CFG", std::ios::app) << "ACME/NEW new.example\n";
  const auto refused = current.reload();
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().size() == 1);
  CHECK(refused.error()[0].find(line_of(gateway, "path = \"/nonexistent")) != std::string::npos);
  CHECK(refused.error()[0].find("postoffice[ACME/NEW].path") != std::string::npos);
  CHECK(current.get()->converter.postoffices.size() == 2);
}

TEST_CASE("a postoffice that was not there before hinders no other change") {
  // ACME/LOST of the fixture has no folder.
  const test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  append(gateway, "[milter]\ndeadline = 7\n");
  const auto taken = current.reload();
  REQUIRE(taken);
  REQUIRE(taken->changes.size() == 1);
  CHECK(describe(taken->changes[0]) == "milter.deadline: 60 -> 7");
  CHECK(taken->restart.empty());
}

TEST_CASE("a password that is new and cannot be read is refused, and shadow mode is not switched") {
  const test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  const std::string good = test::read_whole(gateway.configuration_path());
  append(gateway, "[designated_host]\nuser = \"u\"\npassword_file = \"/nonexistent/p\"\n");
  auto refused = current.reload();
  REQUIRE_FALSE(refused);
  CHECK(has(refused.error(), "designated_host.password_file: "));
  test::write_whole(gateway.configuration_path(), good);
  append(gateway, "shadow = \"/nonexistent/lost-shadow\"\n[shadow]\nenabled = true\n");
  std::string text = test::read_whole(gateway.configuration_path());
  const std::string path = "path = \"" + gateway.folder() + "\"\n";
  text.insert(text.find(path) + path.size(), "shadow = \"/nonexistent/shadow\"\n");
  test::write_whole(gateway.configuration_path(), text);
  refused = current.reload();
  REQUIRE_FALSE(refused);
  CHECK(has(refused.error(), "restart"));
}

TEST_CASE("what waits for a restart is told at each reload until it is as it was") {
  const test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  const std::string good = test::read_whole(gateway.configuration_path());
  append(gateway, "[milter]\nmemory = 0\n");
  for (int i = 0; i < 2; ++i) {
    const auto taken = current.reload();
    REQUIRE(taken);
    CHECK(taken->restart == std::vector<std::string>{"milter.memory"});
    CHECK(taken->changes.size() == (i == 0 ? 1U : 0U));
  }
  test::write_whole(gateway.configuration_path(), good);
  CHECK(current.reload()->restart.empty());
}

TEST_CASE("the answer to a reload is read as it was written, and nothing else is") {
  const ReloadAnswer answer{.taken = true,
                            .configuration = "/etc/smtpgate/smtpgate.toml",
                            .errors = {"a"},
                            .changes = {{"milter.memory", "1", "2"}},
                            .restart = {"milter.memory"}};
  const auto read = parse_reload_json(render_reload_json(answer));
  REQUIRE(read);
  CHECK(read->taken);
  CHECK(read->configuration == answer.configuration);
  CHECK(read->errors == answer.errors);
  REQUIRE(read->changes.size() == 1);
  CHECK(describe(read->changes[0]) == describe(answer.changes[0]));
  CHECK(read->restart == answer.restart);
  for (const char* wrong :
       {"", "{}", "[]", "the words are status and metrics\n", "{\"taken\":1}"}) {
    CHECK_FALSE(parse_reload_json(wrong));
    CHECK_FALSE(parse_levels_json(wrong));
  }
}

}  // namespace
}  // namespace smtpgate::milter
