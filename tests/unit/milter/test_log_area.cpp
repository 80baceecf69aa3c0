// Areas of the log: one table, a level for each, and what passes.
#include <filesystem>
#include <set>
#include <string>
#include <type_traits>

#include "milter/control_answers.h"
#include "milter/log.h"
#include "milter/log_area.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::milter {
namespace {

class Lines : public LogDestination {
 public:
  void write(Severity severity, std::string_view text) override {
    seen.push_back(std::string(severity_name(severity)) + " " + std::string(text));
  }
  std::vector<std::string> seen;
};

std::string repository_file(const std::string& name) {
  const std::string here = __FILE__;
  return test::read_whole(here.substr(0, here.find("tests/unit")) + name);
}

TEST_CASE("the table of areas is in order, each name once, and the documents have them all") {
  std::set<std::string_view> names;
  const std::string changing = repository_file("docs/changing.md");
  const std::string sample = repository_file("postfix-conf/smtpgate.toml");
  for (std::size_t i = 0; i < log_area_count; ++i) {
    const LogAreaDefinition& one = log_areas[i];
    CHECK(static_cast<std::size_t>(one.area) == i);
    CHECK(names.insert(one.name).second);
    CHECK(parse_log_area(one.name) == one.area);
    CHECK(log_area_name(one.area) == one.name);
    CAPTURE(one.name);
    CHECK(changing.find("| `" + std::string(one.name) + "` |") != std::string::npos);
    CHECK(sample.find("\n" + std::string(one.name) + " = \"info\"") != std::string::npos);
  }
  CHECK_FALSE(parse_log_area("door3"));
  CHECK_FALSE(parse_severity("none"));
}

TEST_CASE("a destination is written to by way of an area alone") {
  // What a component holds is a Log; a destination is none, so a line without an area has no way.
  STATIC_REQUIRE_FALSE(std::is_base_of_v<Log, LogDestination>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<LogDestination*, Log*>);
  STATIC_REQUIRE(std::is_constructible_v<AreaLog, LogArea, LogDestination&, const LogLevels&>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<AreaLog, LogDestination&>);
}

TEST_CASE("an area writes what its level says, and follows a change at once") {
  Lines lines;
  LogLevels levels;
  AreaLog door(LogArea::door_1, lines, levels);
  AreaLog other(LogArea::outbound, lines, levels);
  const auto say_all = [](Log& log) {
    log.debug([] { return std::string("d"); });
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  say_all(door);
  CHECK(lines.seen == std::vector<std::string>{"info i", "warning w", "error e"});
  lines.seen.clear();
  levels.set(LogArea::door_1, Severity::debug);
  levels.set(LogArea::outbound, Severity::error);
  say_all(door);
  say_all(other);
  CHECK(lines.seen ==
        std::vector<std::string>{"debug d", "info i", "warning w", "error e", "error e"});
}

TEST_CASE("what a debug line says is not put together while nobody reads it") {
  Lines lines;
  const LogLevels levels;
  AreaLog log(LogArea::door_2, lines, levels);
  int made = 0;
  log.debug([&] {
    ++made;
    return std::string();
  });
  CHECK(made == 0);
}

TEST_CASE("levels of the moment reach other processes, and go when they are as in the file") {
  const test::TemporaryDirectory work;
  const AreaLevels configured = usual_levels();
  AreaLevels levels = configured;
  levels[static_cast<std::size_t>(LogArea::door_2)] = Severity::debug;
  REQUIRE(write_levels_of_the_moment(work.path(), levels, configured));
  CHECK(with_levels_of_the_moment(work.path(), configured) == levels);
  REQUIRE(write_levels_of_the_moment(work.path(), configured, configured));
  CHECK(with_levels_of_the_moment(work.path(), configured) == configured);
  CHECK(std::filesystem::is_empty(work.path()));
  test::write_whole(work.path() + "/log_levels",
                    "door2 loud\nnonsense\ndoor9 debug\nlookup error\n");
  AreaLevels expected = configured;
  expected[static_cast<std::size_t>(LogArea::lookup)] = Severity::error;
  CHECK(with_levels_of_the_moment(work.path(), configured) == expected);
  CHECK_FALSE(write_levels_of_the_moment("/nonexistent", levels, configured));
}

TEST_CASE("the answer with the levels is read as it was written") {
  LevelsAnswer answer;
  answer.problem = "p";
  answer.levels[static_cast<std::size_t>(LogArea::status)] = Severity::warning;
  answer.configured[static_cast<std::size_t>(LogArea::daemon)] = Severity::error;
  const auto read = parse_levels_json(render_levels_json(answer));
  REQUIRE(read);
  CHECK(read->problem == "p");
  CHECK(read->levels == answer.levels);
  CHECK(read->configured == answer.configured);
}

}  // namespace
}  // namespace smtpgate::milter
