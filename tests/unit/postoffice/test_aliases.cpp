// GLB/ALIAS: edited by programs and by hand, never half, never with an edit lost.
#include <cerrno>
#include <thread>

#include "postoffice/postoffice.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

TEST_CASE("aliases are added, listed, removed; comments and order stay") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  fixture.add_mailbox("alice");
  test::write_file(fixture / "GLB/ALIAS", "# ours\n\n info   alice \r\nno-end alice");
  CHECK(postoffice.add_alias("Sales@Example.COM", "Alice").is_delivered());
  CHECK(test::read_file(fixture / "GLB/ALIAS") ==
        "# ours\n\n info   alice \r\nno-end alice\nSales@Example.COM  alice\n");
  CHECK(test::mode_of(fixture / "GLB/ALIAS") == 0644);
  CHECK(postoffice.list_aliases()->size() == 3);
  CHECK(postoffice.list_aliases()->at(2).name == "Sales@Example.COM");
  CHECK(postoffice.add_alias("INFO", "alice").is_permanent());
  CHECK(postoffice.add_alias("sales@example.com.", "alice").is_permanent());
  CHECK(postoffice.remove_alias("INFO").is_delivered());
  CHECK(postoffice.remove_alias("info").is_permanent());
  CHECK(test::read_file(fixture / "GLB/ALIAS") ==
        "# ours\n\nno-end alice\nSales@Example.COM  alice\n");
  CHECK(test::names_in(fixture / "GLB").size() == 4);
}

TEST_CASE("an alias that could not be used is not made") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  fixture.add_mailbox("alice");
  const std::string before = test::read_file(fixture / "GLB/ALIAS");
  CHECK(postoffice.add_alias("x", "nobody").is_permanent());
  CHECK(postoffice.add_alias("ALICE", "postmaster").is_permanent());
  CHECK(postoffice.add_alias("postmaster", "alice").is_permanent());
  for (const char* name :
       {"", "a b", "a\tb", "#x", "x@", "@x", "a\nb  alice", "x@m\xc3\xbcller.de", "\xff"}) {
    INFO(name);
    CHECK(postoffice.add_alias(name, "alice").is_permanent());
  }
  CHECK(postoffice.add_alias("x", "a\nb").is_permanent());
  CHECK(test::read_file(fixture / "GLB/ALIAS") == before);
}

TEST_CASE("an ALIAS with an error names file and line, and is not edited") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string path = fixture / "GLB/ALIAS";
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"a postmaster\nb\n", ":2: alias b names no mailbox; write: name  mailbox"},
      {"a postmaster\nA postmaster\n",
       ":2: alias A stands in line 1 already; take one of them out"},
      {"x@ postmaster\n", ":1: alias x@ is no whole address; write local@domain"},
  }));
  test::write_file(path, text);
  const Outcome outcome = postoffice.add_alias("new", "postmaster");
  CHECK(outcome.is_temporary());
  CHECK(outcome.status() == "4.3.5");
  CHECK(outcome.sentence() == path + expected);
  CHECK(postoffice.remove_alias("a").is_temporary());
  CHECK_FALSE(postoffice.list_aliases().has_value());
  CHECK(test::read_file(path) == text);
}

TEST_CASE("each operation of an alias edit failing leaves the old file or the new one") {
  FaultyFileSystem counting;
  PostofficeFixture fixture;
  const Postoffice counted = fixture.open(counting);
  // The first of all makes the lock's file.
  REQUIRE(counted.add_alias("first", "postmaster").is_delivered());
  counting.forget_operations();
  REQUIRE(counted.add_alias("a", "postmaster").is_delivered());
  const std::size_t operations = counting.operations().size();
  const std::string before = test::read_file(fixture / "GLB/ALIAS");
  for (std::size_t n = 0; n < operations; ++n) {
    test::write_file(fixture / "GLB/ALIAS", before);
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.forget_operations();
    faulty.fail_at(n, EIO);
    const Outcome outcome = postoffice.add_alias("b", "postmaster");
    INFO(n << ": " << outcome.sentence());
    const std::string after = test::read_file(fixture / "GLB/ALIAS");
    CHECK((after == before || after == before + "b  postmaster\n"));
    CHECK(test::names_in(fixture / "GLB").size() == 4);
    // The look for a mailbox of the alias's own name is only advice; all else is told.
    if (outcome.is_delivered()) CHECK(faulty.operations()[n].name == "status");
  }
}

TEST_CASE("two who edit aliases at once do not lose one") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const std::string name = "a" + std::to_string(i) + "-" + std::to_string(n);
        if (postoffice.add_alias(name, "postmaster").is_delivered()) ++made;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made > 0);
  CHECK(static_cast<int>(postoffice.list_aliases()->size()) == made);
}

}  // namespace
}  // namespace smtpgate::postoffice
