// Listing a mailbag, finding a message in it, opening it and marking it read, with readers who move
// things meanwhile and with things that are no messages.
#include <cerrno>
#include <filesystem>
#include <sstream>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/mailbag.h"
#include "postoffice/mailbag_listing.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

struct MailbagFixture : PostofficeFixture {
  MailbagFixture() { add_mailbox("alice"); }

  std::string at(const std::string& part, const std::string& name) const {
    return *this / ("MBG/alice/" + part + "/" + name);
  }
  void put(const std::string& part, const std::string& name, std::int64_t arrival,
           const std::string& subject = "subject") const {
    test::write_file(
        at(part, name),
        "VERSION:3.00\nTO:TESTNET/TESTPO/alice\nFROM:SMTP:jo@harbour.example\nSUBJECT:" + subject +
            "\nATTACHMENT:a 1\nTEXT:2\nx\ny");
    test::set_modified(at(part, name), arrival);
  }
  Mailbag mailbag(FileSystem& files = FileSystem::posix()) const {
    auto opened = Mailbag::open(open(files), "Alice");
    REQUIRE(opened.has_value());
    return *opened;
  }
};

std::vector<std::string> ids(const std::vector<MailbagEntry>& entries) {
  std::vector<std::string> names;
  for (const MailbagEntry& entry : entries) names.push_back(entry.id);
  return names;
}
using Ids = std::vector<std::string>;

std::string listing(const MailbagFixture& fixture, const ListingOptions& options) {
  std::ostringstream out;
  const Postoffice postoffice = fixture.open();
  const Outcome outcome = list_mailbag(postoffice, fixture.mailbag(), options, out);
  CHECK(outcome.is_delivered());
  return out.str();
}

TEST_CASE("a mailbag is listed newest first, read and unread") {
  MailbagFixture fixture;
  CHECK(fixture.mailbag().list()->empty());
  fixture.put("new", "b", 200);
  fixture.put("cur", "c", 300);
  fixture.put("new", "a", 100);
  fixture.put("new", "d", 100);
  const auto entries = fixture.mailbag().list();
  REQUIRE(entries.has_value());
  CHECK(ids(*entries) == Ids{"c", "b", "d", "a"});
  CHECK(entries->at(0).is_read);
  CHECK_FALSE(entries->at(1).is_read);
  CHECK(entries->at(0).arrival == 300);
  CHECK(entries->at(0).size > 50);
  CHECK(ids(*fixture.mailbag().list(2)) == Ids{"c", "b"});
  CHECK(fixture.mailbag().list(0)->empty());
}

TEST_CASE("only the newest messages asked for are opened") {
  MailbagFixture fixture;
  for (int i = 0; i < 50; ++i) fixture.put("new", "m" + std::to_string(i), i);
  FaultyFileSystem recording;
  const Postoffice postoffice = fixture.open(recording);
  const auto mailbag = Mailbag::open(postoffice, "alice");
  recording.forget_operations();
  ListingOptions options;
  options.newest = 3;
  std::ostringstream out;
  CHECK(list_mailbag(postoffice, *mailbag, options, out).is_delivered());
  std::size_t opened = 0;
  for (const Operation& operation : recording.operations()) {
    if (operation.name == "open") ++opened;
  }
  CHECK(opened == 3);
}

TEST_CASE("what is no message is not listed") {
  MailbagFixture fixture;
  fixture.put("new", "a", 1);
  test::write_file(fixture.at("new", ".hidden"), "x");
  REQUIRE(::mkdir(fixture.at("new", "directory").c_str(), 0700) == 0);
  REQUIRE(::symlink("a", fixture.at("new", "link").c_str()) == 0);
  REQUIRE(::mkfifo(fixture.at("new", "fifo").c_str(), 0600) == 0);
  CHECK(ids(*fixture.mailbag().list()) == Ids{"a"});
  const auto link = fixture.mailbag().find("link");
  REQUIRE(link.has_value());
  CHECK_FALSE(fixture.mailbag().open_message(*link).has_value());
  const auto fifo = fixture.mailbag().find("fifo");
  CHECK(fixture.mailbag().open_message(*fifo).error().is_permanent());
}

TEST_CASE("a message is found by any unique beginning of its ID, in new and in cur") {
  MailbagFixture fixture;
  const std::string key(64, 'a');
  fixture.put("new", key, 1);
  fixture.put("cur", key + "-2", 2);
  fixture.put("cur", "abcdefghij1", 3);
  fixture.put("new", "abcdefghij2", 4);
  const Mailbag mailbag = fixture.mailbag();
  CHECK(mailbag.find(key)->id == key);  // whole, though another begins with it
  CHECK(mailbag.find(key + "-")->id == key + "-2");
  CHECK(mailbag.find("abcdefghij1")->is_read);
  CHECK(mailbag.find("ABCDEFGHIJ2")->id == "abcdefghij2");
  for (const std::string beginning : {"a", "", "x", "abcdefghij", "../new/abc", "abcdefghij1/"}) {
    INFO(beginning);
    const auto found = mailbag.find(beginning);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().is_permanent());
  }
  CHECK(mailbag.find("abcdefghij").error().sentence() ==
        "2 messages of mailbox alice begin with abcdefghij, abcdefghij1 and abcdefghij2 among "
        "them; give more of the ID");
  // The short IDs of a listing find what they stand for.
  const auto entries = mailbag.list();
  REQUIRE(entries.has_value());
  for (const MailbagEntry& entry : *entries) {
    CHECK(entry.short_id.size() >= std::min<std::size_t>(8, entry.id.size()));
    CHECK(mailbag.find(entry.short_id)->id == entry.id);
  }
}

TEST_CASE("a mailbox that is none, or cannot be seen, is told apart") {
  MailbagFixture fixture;
  const Postoffice postoffice = fixture.open();
  for (const char* name : {"bob", "", "..", "../GLB", "postmaster/new"}) {
    CHECK(Mailbag::open(postoffice, name).error().status() == "5.1.1");
  }
  std::filesystem::rename(fixture.path(), fixture.path() + ".away");
  CHECK(Mailbag::open(postoffice, "alice").error().is_temporary());
}

TEST_CASE("a message that is moved while it is listed is listed once") {
  MailbagFixture fixture;
  fixture.put("new", "a", 1);
  const std::string moment = GENERATE("list", "status");
  FaultyFileSystem faulty;
  const Mailbag mailbag = fixture.mailbag(faulty);
  faulty.before([&](const Operation& operation) {
    // Between the two lists, or between the lists and the look at the file.
    if (operation.name != moment) return;
    if (moment == "list" && operation.path.find("/cur/") == std::string::npos) return;
    faulty.heal();
    std::filesystem::rename(fixture.at("new", "a"), fixture.at("cur", "a"));
  });
  const auto entries = mailbag.list();
  REQUIRE(entries.has_value());
  CHECK(ids(*entries) == Ids{"a"});
  CHECK(entries->front().is_read);
}

TEST_CASE("a message that is moved or deleted after it was found") {
  MailbagFixture fixture;
  fixture.put("new", "a", 1);
  const Mailbag mailbag = fixture.mailbag();
  const auto entry = mailbag.find("a");
  std::filesystem::rename(fixture.at("new", "a"), fixture.at("cur", "a"));
  CHECK(mailbag.open_message(*entry).has_value());
  CHECK(mailbag.mark_read(*entry).is_delivered());
  std::filesystem::remove(fixture.at("cur", "a"));
  CHECK(mailbag.open_message(*entry).error().is_permanent());
  CHECK(mailbag.mark_read(*entry).is_permanent());
}

TEST_CASE("no message is said to be gone while the whole mailbag is away") {
  MailbagFixture fixture;
  fixture.put("new", "a", 100);
  const Mailbag mailbag = fixture.mailbag();
  const auto entry = mailbag.find("a");
  REQUIRE(entry.has_value());
  const std::string away = fixture.directory() / "away";
  std::filesystem::rename(fixture.path(), away);
  CHECK(mailbag.mark_read(*entry).is_temporary());
  CHECK(mailbag.remove(*entry).is_temporary());
  CHECK(mailbag.open_message(*entry).error().is_temporary());
  std::filesystem::rename(away, fixture.path());
  CHECK(mailbag.mark_read(*entry).is_delivered());
}

TEST_CASE("marking read moves the message, also where both names are the same file") {
  MailbagFixture fixture;
  fixture.put("new", "a", 1);
  SECTION("simply") {}
  SECTION("with a second link in cur/") {
    std::filesystem::create_hard_link(fixture.at("new", "a"), fixture.at("cur", "a"));
  }
  MailbagEntry entry;
  entry.id = "a";
  CHECK(fixture.mailbag().mark_read(entry).is_delivered());
  CHECK(test::names_in(fixture / "MBG/alice/new").empty());
  CHECK(test::names_in(fixture / "MBG/alice/cur") == Ids{"a"});
  CHECK(fixture.mailbag().mark_read(*fixture.mailbag().find("a")).is_delivered());
}

TEST_CASE(
    "each operation of marking failing is told, and the message stays in one place at least") {
  for (std::size_t n = 0; n < 4; ++n) {
    MailbagFixture fixture;
    fixture.put("new", "a", 1);
    FaultyFileSystem faulty;
    const Mailbag mailbag = fixture.mailbag(faulty);
    const auto entry = mailbag.find("a");
    faulty.fail_at(n, EIO);
    const Outcome outcome = mailbag.mark_read(*entry);
    INFO(n);
    CHECK((outcome.is_temporary() || n == 1));  // 1: the look for a second link
    CHECK(test::names_in(fixture / "MBG/alice/new").size() +
              test::names_in(fixture / "MBG/alice/cur").size() ==
          1);
  }
}

TEST_CASE("a listing is aligned, cut to the terminal, escaped, and marks what is new") {
  MailbagFixture fixture;
  fixture.put("new", "aaaaaaaaaa", 1'783'166'400, "a subject that goes on and on and on");
  fixture.put("cur", "bbbbbbbbbb", 1'783'166'401, "\x1b[31mred 日本");
  test::write_file(fixture.at("cur", "cccccccccc"), "");
  test::set_modified(fixture.at("cur", "cccccccccc"), 1'783'166'402);
  ListingOptions options;
  options.zone = *TimeZone::open("Europe/Berlin");
  const std::string expected = R"(
     Received          From                Subject                               Size  Att  ID
     2026-07-04 14:00                      (the file is empty)                      0       cccccccc
     2026-07-04 14:00  jo@harbour.example  \x1B[31mred 日本                       115    1  bbbbbbbb
new  2026-07-04 14:00  jo@harbour.example  a subject that goes on and on and on   136    1  aaaaaaaa
)";
  CHECK("\n" + listing(fixture, options) == expected);
  options.terminal = {80, true};
  const std::string cut = listing(fixture, options);
  std::istringstream lines(cut);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("\033[1m")) line = line.substr(4, line.size() - 8);
    CHECK(display_width(line) <= 80);
  }
  CHECK(cut.find("\033[1mnew") != std::string::npos);
  CHECK(cut.find("\xe2\x80\xa6") != std::string::npos);
  MailbagFixture empty;
  CHECK(listing(empty, {}) == "no messages in mailbox alice\n");
}

TEST_CASE("a listing as JSON is valid whatever the messages hold") {
  MailbagFixture fixture;
  fixture.put("new", "aaaaaaaaaa", 1'783'166'400, "\xff\" \x01 \\ \xe2\x82");
  fixture.put("cur", "bad\xff", 1'783'166'300);
  test::write_file(fixture.at("new", "empty"), "");
  ListingOptions options;
  options.as_json = true;
  const auto json = nlohmann::json::parse(listing(fixture, options));
  CHECK(json["mailbox"] == "alice");
  REQUIRE(json["messages"].size() == 3);
  CHECK(json["messages"][0]["problem"] == "the file is empty");
  CHECK(json["messages"][1]["id"] == "aaaaaaaaaa");
  CHECK(json["messages"][1]["status"] == "new");
  CHECK(json["messages"][1]["received"] == "2026-07-04T14:00:00+02:00");
  CHECK(json["messages"][1]["from"]["address"] == "jo@harbour.example");
  CHECK(json["messages"][1]["attachments"] == 1);
}

}  // namespace
}  // namespace smtpgate::postoffice
