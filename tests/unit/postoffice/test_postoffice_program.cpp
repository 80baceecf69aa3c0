// The program `postoffice` as a user meets it: commands, what they print, exit codes.
#include <sstream>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "unit/catch.h"
#include "unit/postoffice/program.h"

namespace smtpgate {
namespace {

using test::ProgramResult;
using test::TemporaryDirectory;

struct Program {
  TemporaryDirectory directory;
  std::string folder = directory / "po";

  ProgramResult operator()(std::vector<std::string> words) const {
    words.insert(words.begin(), {"-d", folder});
    return test::run_program("postoffice", words);
  }
  void file(const std::string& mailbox, const std::string& name, const std::string& subject) const {
    test::write_file(folder + "/MBG/" + mailbox + "/new/" + name,
                     "VERSION:3.00\nTO:A/B/anna\nFROM:SMTP:jo@harbour.example\nDATE:2026-11-21\n"
                     "TIME:10:00\nSUBJECT:" +
                         subject +
                         "\nATTACHMENT:../../evil.txt 4\nEXT:I:3:HEADLEN\n2\nTEXT:26\n"
                         "Reply-To: x\n----\nThe text\ndata");
  }
};

TEST_CASE("a postoffice is made, gets mailboxes and aliases, and loses them") {
  Program postoffice;
  auto done = postoffice({"init", "--name", "ACME/MAIN", "--time-zone", "Europe/Berlin"});
  CHECK(done.code == 0);
  CHECK(done.out == "postoffice ACME/MAIN made in " + postoffice.folder + "\n");
  done = postoffice({"mailbox", "add", "Anna"});
  CHECK(done.code == 0);
  CHECK(done.out == "mailbox anna made (names are kept in lower case)\n");
  CHECK(postoffice({"mailbox", "add", "anna"}).code == 65);
  CHECK(postoffice({"mailbox", "list"}).out == "anna\npostmaster\n");
  CHECK(postoffice({"alias", "add", "sales", "anna"}).code == 0);
  CHECK(postoffice({"alias", "add", "sales", "anna"}).code == 65);
  CHECK(postoffice({"alias", "add", "other", "nobody"}).code == 67);
  CHECK(postoffice({"alias", "list"}).out == "Alias  Mailbox\nsales  anna\n");
  CHECK(nlohmann::json::parse(postoffice({"alias", "list", "--json"}).out) ==
        nlohmann::json::parse(R"({"aliases": [{"name": "sales", "mailbox": "anna"}]})"));
  CHECK(postoffice({"mailbox", "show", "ANNA"}).out ==
        "Mailbox    ACME/MAIN/anna\nFolder     " + postoffice.folder +
            "/MBG/anna\nMessages   0, 0 unread, 0 octets\nAlias      sales\n"
            "Keep sent  no\nReceipts   never\n");
  CHECK(postoffice({"alias", "remove", "SALES"}).code == 0);
  CHECK(postoffice({"alias", "remove", "sales"}).code == 67);
  CHECK(postoffice({"alias", "list"}).out.empty());
  CHECK(nlohmann::json::parse(postoffice({"alias", "list", "--json"}).out) ==
        nlohmann::json::parse(R"({"aliases": []})"));
  postoffice.file("anna", "m1", "s");
  CHECK(postoffice({"mailbox", "remove", "anna"}).code == 65);
  CHECK(postoffice({"mailbox", "remove", "anna", "--with-messages"}).code == 0);
  CHECK(postoffice({"mailbox", "remove", "anna"}).code == 67);
  CHECK(postoffice({"mailbox", "show", "anna"}).code == 67);
}

TEST_CASE("init takes its settings, and refuses wrong ones in one line") {
  Program postoffice;
  CHECK(postoffice({"init", "--name", "ACME"}).code == 65);
  CHECK(postoffice({"init", "--name", "A/B", "--line-end", "dos"}).code == 64);
  const auto done = postoffice({"init", "--name", "A/B", "--character-set", "klingon"});
  CHECK(done.code == 65);
  CHECK(std::count(done.err.begin(), done.err.end(), '\n') == 1);
  CHECK(postoffice({"init"}).code == 64);
  CHECK(postoffice({"init", "--name", "A/B", "--owner", "no-such-user-here"}).code == 65);
  CHECK_FALSE(std::filesystem::exists(postoffice.folder));
  CHECK(postoffice({"init", "--name", "A/B", "--line-end", "crlf", "--character-set", "CP850",
                    "--attachment-names", "8.3"})
            .code == 0);
  const std::string settings = test::read_file(postoffice.folder + "/GLB/postoffice.toml");
  CHECK(settings.find("\nline_end = \"crlf\"\n") != std::string::npos);
  CHECK(settings.find("\ncharacter_set = \"CP850\"\n") != std::string::npos);
  CHECK(settings.find("\nattachment_names = \"8.3\"\n") != std::string::npos);
  CHECK(settings.find("\n# dedupe_days = 5\n") != std::string::npos);
  CHECK(postoffice({"init", "--name", "A/B"}).code == 65);
}

TEST_CASE("messages are listed, read, marked and extracted") {
  Program postoffice;
  REQUIRE(postoffice({"init", "--name", "A/B"}).code == 0);
  REQUIRE(postoffice({"mailbox", "add", "anna"}).code == 0);
  postoffice.file("anna", "abcdefghij1", "first\x1b[2J");
  test::set_modified(postoffice.folder + "/MBG/anna/new/abcdefghij1", 1'000'000'000);
  postoffice.file("anna", "abcdefghij2", "second");

  const auto list = postoffice({"list", "anna"});
  CHECK(list.code == 0);
  CHECK(list.out.find("second") < list.out.find("first\\x1B[2J"));
  CHECK(list.out.find('\x1b') == std::string::npos);
  const auto json =
      nlohmann::json::parse(postoffice({"list", "anna", "--newest", "1", "--json"}).out);
  REQUIRE(json["messages"].size() == 1);
  CHECK(json["messages"][0]["id"] == "abcdefghij2");
  CHECK(postoffice({"list", "anna", "--newest", "0"}).code == 64);
  CHECK(postoffice({"list", "bert"}).code == 67);

  CHECK(postoffice({"read", "anna", "abc"}).code == 65);
  const auto read = postoffice({"read", "anna", "abcdefghij1"});
  CHECK(read.code == 0);
  CHECK(read.out.find("The text") != std::string::npos);
  CHECK(read.out.find("Reply-To") == std::string::npos);
  CHECK(read.out.find('\x1b') == std::string::npos);
  CHECK(postoffice({"read", "anna", "abcdefghij1", "--headers"}).out.find("Reply-To: x") !=
        std::string::npos);
  CHECK(test::names_in(postoffice.folder + "/MBG/anna/new").size() == 2);
  CHECK(postoffice({"read", "anna", "abcdefghij1", "--mark-read"}).code == 0);
  CHECK(test::names_in(postoffice.folder + "/MBG/anna/cur").size() == 1);

  const std::string out = postoffice.directory / "out";
  const auto extracted = postoffice({"extract", "anna", "abcdefghij2", "--out", out});
  CHECK(extracted.code == 0);
  CHECK(test::names_in(out) == std::vector<std::string>{"evil.txt", "headers.txt", "message.txt"});
  CHECK(test::read_file(out + "/message.txt") == "The text\n");
  CHECK(postoffice({"extract", "anna", "abcdefghij2", "--out", out}).code == 75);
  const std::string short_out = out + "/short";
  CHECK(postoffice({"extract", "anna", "abcdefghij2", "--short-names", "--out", short_out}).code ==
        0);
  CHECK(test::names_in(short_out) ==
        std::vector<std::string>{"EVIL.TXT", "headers.txt", "message.txt"});
  CHECK(test::names_in(postoffice.directory.path()) == std::vector<std::string>{"out", "po"});
}

TEST_CASE("a message that is no MMFF is said to be none, and does not hide the others") {
  Program postoffice;
  REQUIRE(postoffice({"init", "--name", "A/B"}).code == 0);
  test::write_file(postoffice.folder + "/MBG/postmaster/new/broken", "nonsense");
  postoffice.file("postmaster", "good", "good one");
  const auto list = postoffice({"list", "postmaster"});
  CHECK(list.code == 0);
  CHECK(list.out.find("(144-1-1 ") != std::string::npos);
  CHECK(list.out.find("good one") != std::string::npos);
  CHECK(postoffice({"read", "postmaster", "broken"}).code == 65);
}

TEST_CASE("what is no postoffice, or has broken settings, is exit 78 and one line") {
  Program postoffice;
  auto done = postoffice({"list", "anna"});
  CHECK(done.code == 78);
  CHECK(done.err.find("is no postoffice") != std::string::npos);
  REQUIRE(postoffice({"init", "--name", "A/B"}).code == 0);
  test::write_file(postoffice.folder + "/GLB/postoffice.toml",
                   "name = \"A/B\"\nformat = 1\nx = 1\n");
  done = postoffice({"mailbox", "list"});
  CHECK(done.code == 78);
  CHECK(done.err.starts_with("postoffice: " + postoffice.folder +
                             "/GLB/postoffice.toml:3: x: unknown key"));
}

TEST_CASE("help teaches, the version is said, nonsense is exit 64") {
  CHECK(test::run_program("postoffice", {"--version"}).out ==
        "postoffice (smtpgate) " SMTPGATE_VERSION "\n");
  const auto help = test::run_program("postoffice", {"--help"});
  CHECK(help.code == 0);
  CHECK(help.out.find("postoffice -d /srv/postoffice list anna --newest 10") != std::string::npos);
  // Each command by itself, with an example of it.
  for (const std::string command :
       {"init", "mailbox add", "mailbox import", "alias add", "group add", "group member remove",
        "send", "find", "extract", "export", "run-hooks", "check", "queue retry"}) {
    INFO(command);
    std::vector<std::string> words;
    std::istringstream split(command);
    for (std::string word; split >> word;) words.push_back(word);
    words.push_back("--help");
    const auto said = test::run_program("postoffice", words);
    CHECK(said.code == 0);
    CHECK(said.out.find("Example:\n  postoffice -d /srv/postoffice " + command + " ") !=
          std::string::npos);
  }
  CHECK(test::run_program("postoffice", {}).code == 64);
  CHECK(test::run_program("postoffice", {"-d", "/x", "dance"}).code == 64);
  CHECK(test::run_program("postoffice", {"list", "anna"}).code == 64);
}

}  // namespace
}  // namespace smtpgate
