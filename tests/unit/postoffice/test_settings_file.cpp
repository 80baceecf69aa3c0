// Strict reading of TOML: every error is one line with file and line, and nothing unknown passes.
#include "postoffice/settings_file.h"
#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::postoffice {
namespace {

SettingsFile parse(std::string_view text) {
  auto file = SettingsFile::parse(text, "f.toml");
  INFO((file ? std::string() : file.error()));
  REQUIRE(file.has_value());
  return std::move(*file);
}

std::string only_error(const SettingsFile& file) {
  const auto errors = file.errors();
  REQUIRE(errors.size() == 1);
  return errors.front();
}

TEST_CASE("values are read by name and type, absent ones have their fallback") {
  SettingsFile file = parse(
      "name = \"x\"\ncount = 7\non = true\nlist = [\"a\", \"b\"]\nway = \"b\"\n"
      "[inner]\nkey = \"deep\"\n[[many]]\nn = 1\n[[many]]\nn = 2\n");
  SettingsTable root = file.root();
  CHECK(root.string("name", "") == "x");
  CHECK(root.string("absent", "fallback") == "fallback");
  CHECK(root.integer("count", 0, 0, 10) == 7);
  CHECK(root.integer("absent2", 3, 0, 10) == 3);
  CHECK(root.boolean("on", false));
  CHECK(root.strings("list", {}) == std::vector<std::string>{"a", "b"});
  CHECK(root.choice("way", "a", {"a", "b"}) == "b");
  CHECK(root.choice("absent3", "a", {"a", "b"}) == "a");
  CHECK(root.table("inner").string("key", "") == "deep");
  auto many = root.tables("many");
  REQUIRE(many.size() == 2);
  CHECK(many[0].integer("n", 0, 0, 9) == 1);
  CHECK(many[1].integer("n", 0, 0, 9) == 2);
  CHECK(root.has("name"));
  CHECK_FALSE(root.has("absent"));
  CHECK(root.line("count") == 2);
  CHECK(root.table("nothing").string("x", "y") == "y");
  CHECK(root.tables("none").empty());
  file.refuse_unknown_keys();
  CHECK(file.errors() == std::vector<std::string>{});
}

TEST_CASE("a key nobody asked for is an error, with the nearest known key") {
  SettingsFile file = parse("dedupe_dais = 3\n[inner]\nzzz = 1\n");
  SettingsTable root = file.root();
  root.integer("dedupe_days", 5, 1, 9);
  root.string("name", "");
  root.table("inner").string("key", "");
  file.refuse_unknown_keys();
  const auto errors = file.errors();
  REQUIRE(errors.size() == 2);
  CHECK(errors[0] == "f.toml:1: dedupe_dais: unknown key; did you mean dedupe_days?");
  CHECK(errors[1] == "f.toml:3: zzz: unknown key; known here: key");
}

TEST_CASE("a table that nobody asked for is an error") {
  SettingsFile file = parse("[typo]\nx = 1\n");
  file.refuse_unknown_keys();
  CHECK(only_error(file) == "f.toml:1: typo: unknown table; take it out");
}

TEST_CASE("a value of the wrong type or range is an error at its line, and the fallback is used") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"\nn = \"7\"", "f.toml:2: n: is a string; write an integer from 1 to 9"},
      {"n = 10", "f.toml:1: n: 10 is out of range; write an integer from 1 to 9"},
      {"n = 0", "f.toml:1: n: 0 is out of range; write an integer from 1 to 9"},
      {"n = 1.5", "f.toml:1: n: is a number with a fraction; write an integer from 1 to 9"},
      {"n = 1979-05-27", "f.toml:1: n: is a date or time; write an integer from 1 to 9"},
  }));
  SettingsFile file = parse(text);
  CHECK(file.root().integer("n", 5, 1, 9) == 5);
  CHECK(only_error(file) == expected);
}

TEST_CASE("wrong types of the other kinds are named too") {
  SettingsFile file = parse(
      "s = 1\nb = \"true\"\nl = \"a\"\nl2 = [\n\"a\",\n3]\nc = \"x\"\nt = 1\nts = 1\nc2 = 3\n");
  SettingsTable root = file.root();
  root.string("s", "");
  root.boolean("b", false);
  root.strings("l", {});
  CHECK(root.strings("l2", {"f"}) == std::vector<std::string>{"f"});
  CHECK(root.choice("c", "a", {"a", "b"}) == "a");
  root.table("t");
  CHECK(root.tables("ts").empty());
  CHECK(root.choice("c2", "a", {"a", "b"}) == "a");
  file.refuse_unknown_keys();
  CHECK(file.errors() ==
        std::vector<std::string>{
            "f.toml:1: s: is an integer; write a string in quotes",
            "f.toml:2: b: is a string; write true or false",
            "f.toml:3: l: is a string; write a list of strings, [\"a\", \"b\"]",
            "f.toml:6: l2: an element is an integer; write each element as a string",
            "f.toml:7: c: \"x\" is not possible; write one of \"a\", \"b\"",
            "f.toml:8: t: is an integer; write a table, [t]",
            "f.toml:9: ts: is an integer; write [[ts]] with double brackets",
            "f.toml:10: c2: is an integer; write a string in quotes",
        });
}

TEST_CASE("errors of the caller's own stand in line order with the others") {
  SettingsFile file = parse("a = 1\nb = 2\n[t]\nk = 3\n");
  SettingsTable root = file.root();
  file.add_error(9, "late");
  root.table("t").error("k", "is odd");
  root.error("b", "is odd");
  CHECK(file.errors() ==
        std::vector<std::string>{"f.toml:2: b: is odd", "f.toml:4: t.k: is odd", "f.toml:9: late"});
}

TEST_CASE("a file that is no TOML is one line") {
  const auto file = SettingsFile::parse("a = 1\nb = = 2\n", "f.toml");
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().substr(0, 9) == "f.toml:2:");
  CHECK(file.error().find('\n') == std::string::npos);
}

TEST_CASE("the same key twice, octets that are no UTF-8, and deep nesting are errors, no crash") {
  CHECK_FALSE(SettingsFile::parse("a = 1\na = 2\n", "f").has_value());
  CHECK_FALSE(SettingsFile::parse("a = \"\xff\"\n", "f").has_value());
  CHECK_FALSE(SettingsFile::parse("a = " + std::string(100'000, '['), "f").has_value());
  CHECK_FALSE(SettingsFile::parse(std::string(17 << 20, '#'), "f").has_value());
}

TEST_CASE("an unreadable file and a directory are one line each") {
  test::TemporaryDirectory directory;
  const auto missing = SettingsFile::read(directory / "none.toml");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error() == directory / "none.toml" +
                               ":1: cannot read it: No such file or directory; check the path and "
                               "its mode");
  CHECK_FALSE(SettingsFile::read(directory.path()).has_value());
}

TEST_CASE("a file is read whole, to its limit") {
  test::TemporaryDirectory directory;
  const std::string path = directory / "f.toml";
  const std::string comment = std::string(63, '#') + "\n";
  const auto write = [&](std::size_t comments) {
    std::string text;
    for (std::size_t i = 0; i < comments; ++i) text += comment;
    test::write_file(path, text + "last = 7\n");
  };
  SECTION("of many blocks") {
    write(10'000);
    auto file = SettingsFile::read(path);
    REQUIRE(file.has_value());
    CHECK(file->root().integer("last", 0, 0, 10) == 7);
  }
  SECTION("too long") {
    write(std::size_t{262'144});  // with the last line more than 16 MiB
    const auto file = SettingsFile::read(path);
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().find("longer than 16 MiB") != std::string::npos);
  }
}

TEST_CASE("an empty file is a file without keys") {
  test::TemporaryDirectory directory;
  test::write_file(directory / "empty.toml", "");
  auto file = SettingsFile::read(directory / "empty.toml");
  REQUIRE(file.has_value());
  CHECK(file->root().string("x", "y") == "y");
  file->refuse_unknown_keys();
  CHECK(file->errors().empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
