// Whose mailbox is a name: the order of the ways, and that trouble is never called "unknown".
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/postoffice.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

struct ResolveFixture : PostofficeFixture {
  explicit ResolveFixture(const std::string& more_settings = {}) {
    for (const char* name : {"alice", "bob", "alice+x", "m\xc3\xbcller"}) add_mailbox(name);
    test::write_file(*this / "GLB/ALIAS",
                     "info            alice\n"
                     "info@other.test bob\n"
                     "bob             alice\n"
                     "info+vip        bob\n"
                     "lost            nobody\n");
    test::write_file(*this / "GLB/postoffice.toml", "name = \"N/P\"\nformat = 1\n" + more_settings);
  }

  std::string resolve(std::string_view local, std::string_view domain = {}) const {
    const auto found = open().resolve(local, domain);
    if (!found) return found.error().status();
    return found->mailbox + " by " + found->how;
  }
};

TEST_CASE("a name is a mailbox, an alias, the same without its extension, or unknown") {
  ResolveFixture fixture;
  CHECK(fixture.resolve("alice") == "alice by mailbox");
  CHECK(fixture.resolve("ALICE", "example.test") == "alice by mailbox");
  CHECK(fixture.resolve("mu\xcc\x88ller") == "m\xc3\xbcller by mailbox");
  CHECK(fixture.resolve("bob") == "bob by mailbox");  // not the alias of that name
  CHECK(fixture.resolve("Info") == "alice by alias");
  CHECK(fixture.resolve("info", "example.test") == "alice by alias");
  CHECK(fixture.resolve("INFO", "other.test") == "bob by alias");
  CHECK(fixture.resolve("bob+orders") == "bob by delimiter");
  CHECK(fixture.resolve("bob+a+b") == "bob by delimiter");
  CHECK(fixture.resolve("alice+x") == "alice+x by mailbox");
  CHECK(fixture.resolve("info+vip") == "bob by alias");
  CHECK(fixture.resolve("info+other") == "alice by alias");
  CHECK(fixture.resolve("info+other", "other.test") == "bob by alias");
  CHECK(fixture.resolve("nobody") == "5.1.1");
  CHECK(fixture.resolve("nobody+alice") == "5.1.1");
  CHECK(fixture.resolve("+alice") == "5.1.1");
  CHECK(fixture.resolve("") == "5.1.1");
}

TEST_CASE("any of several delimiters divides, and none where none is set") {
  ResolveFixture several("recipient_delimiter = \"+-\"\n");
  CHECK(several.resolve("bob-orders") == "bob by delimiter");
  CHECK(several.resolve("bob-orders+x") == "bob by delimiter");
  CHECK(several.resolve("-bob") == "5.1.1");
  ResolveFixture none("recipient_delimiter = \"\"\n");
  CHECK(none.resolve("bob+orders") == "5.1.1");
  CHECK(none.resolve("alice+x") == "alice+x by mailbox");
}

TEST_CASE("a catch-all takes what nobody has; one that does not exist is a fault, not unknown") {
  ResolveFixture fixture("catch_all = \"Bob\"\n");
  CHECK(fixture.resolve("nobody") == "bob by catch-all");
  CHECK(fixture.resolve("alice") == "alice by mailbox");
  ResolveFixture broken("catch_all = \"gone\"\n");
  CHECK(broken.resolve("alice") == "alice by mailbox");
  const auto found = broken.open().resolve("nobody");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().status() == "4.3.5");
  CHECK(found.error().sentence() ==
        broken / "GLB/postoffice.toml" +
            ": catch_all points to mailbox gone, which does not exist; add the mailbox or change "
            "the line");
}

TEST_CASE("an alias to a mailbox that does not exist is a fault with file and line") {
  ResolveFixture fixture;
  const auto found = fixture.open().resolve("lost");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().status() == "4.3.5");
  CHECK(found.error().sentence() ==
        fixture / "GLB/ALIAS" +
            ":5: alias lost points to mailbox nobody, which does not exist; add the mailbox or "
            "change the line");
}

TEST_CASE("the postmaster always exists") {
  ResolveFixture fixture;
  CHECK(fixture.resolve("Postmaster") == "postmaster by mailbox");
  std::filesystem::remove_all(fixture / "MBG/postmaster");
  CHECK(fixture.resolve("POSTMASTER") == "postmaster by postmaster");
  CHECK(test::mode_of(fixture / "MBG/postmaster/new") == 02770);
  std::filesystem::remove_all(fixture / "MBG/postmaster");
  CHECK(fixture.resolve("postmaster+x") == "postmaster by postmaster");
  // Not where the folder is not there, and a disk that is full makes it temporary.
  std::filesystem::remove_all(fixture / "MBG/postmaster");
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.fail_if([](const Operation& operation) { return operation.name == "make_directory"; },
                 ENOSPC);
  CHECK(postoffice.resolve("postmaster").error().status() == "4.3.1");
}

TEST_CASE("a broken ALIAS stops only names that are no mailbox") {
  ResolveFixture fixture;
  test::write_file(fixture / "GLB/ALIAS", "half\n");
  CHECK(fixture.resolve("alice") == "alice by mailbox");
  const auto found = fixture.open().resolve("info");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().status() == "4.3.5");
  CHECK(found.error().sentence() ==
        fixture / "GLB/ALIAS" + ":1: alias half names no mailbox; write: name  mailbox");
}

TEST_CASE("no ALIAS file is no alias") {
  ResolveFixture fixture;
  std::filesystem::remove(fixture / "GLB/ALIAS");
  CHECK(fixture.resolve("info") == "5.1.1");
  CHECK(fixture.resolve("bob+x") == "bob by delimiter");
}

TEST_CASE("an unmounted postoffice knows no unknown names") {
  ResolveFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::filesystem::rename(fixture.path(), fixture.path() + ".away");
  for (const char* name : {"alice", "nobody", "postmaster", "info", "bob+x"}) {
    INFO(name);
    const auto found = postoffice.resolve(name);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().is_temporary());
  }
  // An empty mount point instead of it, and only half of it.
  REQUIRE(::mkdir(fixture.path().c_str(), 0755) == 0);
  CHECK(postoffice.resolve("alice").error().is_temporary());
  REQUIRE(::mkdir((fixture / "MBG").c_str(), 0755) == 0);
  CHECK(postoffice.resolve("alice").error().is_temporary());
  CHECK(postoffice.resolve("alice").error().sentence().find("is its file system mounted?") !=
        std::string::npos);
}

TEST_CASE("each operation of a look-up failing is temporary, never unknown") {
  ResolveFixture fixture;
  for (const std::string name : {"alice", "info", "nobody", "bob+x", "nobody+x", "lost"}) {
    FaultyFileSystem counting;
    const Postoffice counted = fixture.open(counting);
    counting.forget_operations();
    (void)counted.resolve(name);
    const std::size_t operations = counting.operations().size();
    for (const int code : {EIO, EACCES, ESTALE}) {
      for (std::size_t n = 0; n < operations; ++n) {
        FaultyFileSystem faulty;
        const Postoffice postoffice = fixture.open(faulty);
        // A file that another host replaced is looked for again: only for good is it trouble.
        faulty.fail_at(n, code, FaultyFileSystem::Moment::instead, code == ESTALE);
        const auto found = postoffice.resolve(name);
        INFO(name << " " << n << " " << code);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().is_temporary());
      }
    }
  }
}

TEST_CASE("names that are no mailbox names reach no path") {
  ResolveFixture fixture;
  for (const std::string_view name :
       {"..", ".", "../GLB", "alice/../bob", "alice/new", "/etc", "a\nb", "con", ".new-1"}) {
    INFO(name);
    CHECK(fixture.resolve(name) == "5.1.1");
  }
  CHECK(fixture.resolve(std::string(100'000, 'x')) == "5.1.1");
  CHECK(fixture.resolve(std::string(64, 'x')) == "5.1.1");
  CHECK(fixture.resolve(std::string_view("alice\0", 6)) == "5.1.1");
  CHECK(fixture.resolve("\xff\xfe") == "5.1.1");
}

TEST_CASE("what is no directory under MBG is a fault to mend, not an unknown name") {
  ResolveFixture fixture;
  REQUIRE(::symlink("alice", (fixture / "MBG/carol").c_str()) == 0);
  CHECK(fixture.resolve("carol") == "4.3.5");
}

}  // namespace
}  // namespace smtpgate::postoffice
