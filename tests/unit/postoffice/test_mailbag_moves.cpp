// Deleting messages and moving them to other mailboxes: files and directories, beside others who do
// the same, with a fault at each step.
#include <algorithm>
#include <cerrno>
#include <map>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/mailbag.h"
#include "postoffice/mailbag_listing.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

const std::string contents =
    "VERSION:3.00\nTO:SMTP:a@b.example\nFROM:SMTP:c@d.example\nSUBJECT:s\nTEXT:1\nx";

struct MovesFixture : test::PostofficeFixture {
  MovesFixture() {
    add_mailbox("anna");
    add_mailbox("ben");
  }
  std::string at(const std::string& place) const { return *this / ("MBG/" + place); }
  void put(const std::string& place) const { test::write_file(at(place), contents); }
  void put_folder(const std::string& place) const {
    REQUIRE(::mkdir(at(place).c_str(), 0770) == 0);
    put(place + "/message.api");
    put(place + "/bill.pdf");
    test::set_modified(at(place + "/message.api"), 500);
  }
  std::vector<std::string> names(const std::string& place) const {
    return test::names_in(at(place));
  }
  bool exists(const std::string& place) const { return ::access(at(place).c_str(), F_OK) == 0; }
  Mailbag mailbag(const std::string& name, FileSystem& files = FileSystem::posix()) const {
    auto opened = Mailbag::open(open(files), name);
    REQUIRE(opened.has_value());
    return *opened;
  }
  Outcome move(const std::string& id, FileSystem& files = FileSystem::posix()) const {
    const Mailbag anna = mailbag("anna", files);
    auto entry = anna.find(id);
    if (!entry) return entry.error();
    return anna.move_to(mailbag("ben", files), *entry);
  }
  Outcome remove(const std::string& id, FileSystem& files = FileSystem::posix()) const {
    const Mailbag anna = mailbag("anna", files);
    auto entry = anna.find(id);
    if (!entry) return entry.error();
    return anna.remove(*entry);
  }
};
using Names = std::vector<std::string>;

TEST_CASE("a directory with message.api is a message like any other") {
  MovesFixture fixture;
  fixture.put_folder("anna/new/folder-1");
  REQUIRE(::mkdir(fixture.at("anna/new/empty").c_str(), 0770) == 0);
  const Mailbag anna = fixture.mailbag("anna");
  const auto entries = anna.list();
  REQUIRE(entries->size() == 1);
  CHECK(entries->at(0).id == "folder-1");
  CHECK(entries->at(0).is_folder);
  CHECK(entries->at(0).arrival == 500);
  CHECK(entries->at(0).size == contents.size());
  auto found = anna.find("folder");
  REQUIRE(found.has_value());
  CHECK(found->is_folder);
  CHECK(anna.open_message(*found).has_value());
  CHECK(anna.mark_read(*found).is_delivered());
  CHECK(fixture.names("anna/cur/folder-1") == Names{"bill.pdf", "message.api"});
  CHECK(anna.open_message(*found).has_value());  // moved since it was found
  found = anna.find("folder");
  CHECK(anna.mark_unread(*found).is_delivered());
  CHECK(fixture.exists("anna/new/folder-1/message.api"));
}

TEST_CASE("messages are deleted, files and directories, read and unread") {
  MovesFixture fixture;
  fixture.put("anna/new/m1");
  fixture.put("anna/cur/m2");
  fixture.put_folder("anna/new/m3");
  CHECK(fixture.remove("m1").is_delivered());
  CHECK(fixture.remove("m2").is_delivered());
  CHECK(fixture.remove("m3").is_delivered());
  CHECK(fixture.remove("m3").is_permanent());
  for (const std::string part : {"new", "cur", "ids"}) CHECK(fixture.names("anna/" + part).empty());
}

TEST_CASE("a message that was read after it was found is deleted; one that is gone is said to be") {
  MovesFixture fixture;
  fixture.put("anna/new/m1");
  const Mailbag anna = fixture.mailbag("anna");
  const auto entry = anna.find("m1");
  CHECK(anna.mark_read(*entry).is_delivered());
  CHECK(anna.remove(*entry).is_delivered());
  CHECK(fixture.names("anna/cur").empty());
  CHECK(anna.remove(*entry).is_permanent());
}

TEST_CASE("a directory that holds a directory disappears, and what is left of it is named") {
  MovesFixture fixture;
  fixture.put_folder("anna/new/m1");
  REQUIRE(::mkdir(fixture.at("anna/new/m1/sub").c_str(), 0770) == 0);
  const Outcome removed = fixture.remove("m1");
  CHECK(removed.is_delivered());
  CHECK(removed.sentence().find("by hand") != std::string::npos);
  CHECK(fixture.names("anna/new").empty());
}

TEST_CASE("a directory is deleted in one step, whatever fails") {
  for (std::uint64_t step = 0;; ++step) {
    MovesFixture fixture;
    fixture.put_folder("anna/new/m1");
    FaultyFileSystem files;
    const Mailbag anna = fixture.mailbag("anna", files);
    const auto entry = anna.find("m1");
    files.fail_at(step, EIO, FaultyFileSystem::Moment::instead, true);
    const Outcome removed = anna.remove(*entry);
    CAPTURE(step, removed.sentence());
    if (files.faults() == 0) break;
    // Whole, or not to be seen at all.
    const Names names = fixture.names("anna/new");
    CHECK((names.empty() || fixture.names("anna/new/m1") == Names{"bill.pdf", "message.api"}));
    if (removed.is_delivered()) CHECK(names.empty());
  }
}

TEST_CASE("messages are moved to another mailbox, read and unread, files and directories") {
  MovesFixture fixture;
  fixture.put("anna/new/m1");
  fixture.put("anna/cur/m2");
  fixture.put_folder("anna/cur/m3");
  CHECK(fixture.move("m1").is_delivered());
  CHECK(fixture.move("m2").is_delivered());
  CHECK(fixture.move("m3").is_delivered());
  CHECK(fixture.names("ben/new") == Names{"m1"});
  CHECK(fixture.names("ben/cur") == Names{"m2", "m3"});
  CHECK(fixture.names("anna/new").empty());
  CHECK(fixture.names("anna/cur").empty());
}

TEST_CASE("nothing is overwritten by a move, and the same message is there once") {
  MovesFixture fixture;
  fixture.put("anna/new/m1");
  test::write_file(fixture.at("ben/new/m1"), "another");
  const Outcome moved = fixture.move("m1");
  CHECK(moved.sentence() == "message m1-2 is in mailbox ben");
  CHECK(test::read_file(fixture.at("ben/new/m1")) == "another");
  CHECK(test::read_file(fixture.at("ben/new/m1-2")) == contents);
  fixture.put("anna/new/shared");
  REQUIRE(::link(fixture.at("anna/new/shared").c_str(), fixture.at("ben/new/shared").c_str()) == 0);
  CHECK(fixture.move("shared").is_delivered());
  CHECK(fixture.names("ben/new") == Names{"m1", "m1-2", "shared"});
  CHECK(fixture.names("anna/new").empty());
  fixture.put_folder("anna/new/f");
  fixture.put_folder("ben/new/f");
  CHECK(fixture.move("f").sentence() == "message f-2 is in mailbox ben");
}

TEST_CASE("a move that cannot be done says why, and the message stays") {
  MovesFixture fixture;
  fixture.put("anna/new/m1");
  const Mailbag anna = fixture.mailbag("anna");
  CHECK(anna.move_to(anna, *anna.find("m1")).is_permanent());
  FaultyFileSystem files;
  files.fail_if([](const Operation& one) { return one.name == "rename"; }, EXDEV);
  const Outcome moved = fixture.move("m1", files);
  CHECK(moved.is_permanent());
  CHECK(moved.sentence().find("one file system") != std::string::npos);
  CHECK(fixture.names("anna/new") == Names{"m1"});
  const auto entry = anna.find("m1");
  REQUIRE(::unlink(fixture.at("anna/new/m1").c_str()) == 0);
  CHECK(anna.move_to(fixture.mailbag("ben"), *entry).sentence().find("is gone") !=
        std::string::npos);
}

TEST_CASE("a move is in one mailbox or the other, whatever fails, and durable when it is said") {
  for (std::uint64_t step = 0;; ++step) {
    MovesFixture fixture;
    fixture.put("anna/new/m1");
    FaultyFileSystem files;
    const Mailbag anna = fixture.mailbag("anna", files);
    const Mailbag ben = fixture.mailbag("ben", files);
    const auto entry = anna.find("m1");
    files.forget_operations();
    files.fail_at(step, EIO);
    const Outcome moved = anna.move_to(ben, *entry);
    CAPTURE(step, moved.sentence());
    CHECK(fixture.names("anna/new").size() + fixture.names("ben/new").size() == 1);
    if (files.faults() > 0) {
      CHECK(moved.is_temporary());
      continue;
    }
    std::vector<std::string> synced;
    for (const Operation& one : files.operations()) {
      if (one.name == "sync_directory") synced.push_back(one.path);
    }
    CHECK(synced == Names{fixture.at("ben/new"), fixture.at("anna/new")});
    break;
  }
}

TEST_CASE("of 100,000 messages only those that are shown are opened") {
  MovesFixture fixture;
  // Links of a few files, so that the test is quick; one file system counts up to 65,000 of a file.
  constexpr int many = 100'000;
  for (int i = 0; i < many; ++i) {
    const std::string name = fixture.at("anna/cur/m" + std::to_string(i));
    const std::string first = fixture.at("anna/cur/m" + std::to_string(i / 20'000 * 20'000));
    if (name == first) {
      test::write_file(name, contents);
      test::set_modified(name, i + 1);
    } else {
      REQUIRE(::link(first.c_str(), name.c_str()) == 0);
    }
  }
  FaultyFileSystem files;
  const Postoffice postoffice = fixture.open(files);
  const auto mailbag = Mailbag::open(postoffice, "anna");
  files.forget_operations();
  ListingOptions options;
  options.newest = 50;
  std::ostringstream out;
  CHECK(list_mailbag(postoffice, *mailbag, options, out).is_delivered());
  std::map<std::string, std::size_t> counts;
  for (const Operation& one : files.operations()) ++counts[one.name];
  CHECK(counts["open"] == 50);
  CHECK(counts["list"] == 2);
  CHECK(counts["status"] == many);
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 51);
}

}  // namespace
}  // namespace smtpgate::postoffice
