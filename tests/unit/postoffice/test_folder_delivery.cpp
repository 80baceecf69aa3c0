// Mailboxes with folder delivery: what a message's directory holds, that it appears whole and once,
// whatever fails at whatever step, and that the mailbox's own group cannot lead the gateway astray.
#include <cerrno>
#include <set>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/mailbag.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/put.h"
#include "postoffice/unique_id.h"
#include "postoffice/usage.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using put_test::deliver;
using put_test::key;
using put_test::Names;

std::string order(const std::vector<std::pair<std::string, std::string>>& attachments,
                  const std::string& text = "Reply-To: x\nThe order\n") {
  MessageHeader header;
  header.from = TypedAddress::parse("SMTP:sender@example.test");
  header.to = {TypedAddress::parse("CSI:TESTNET/TESTPO/ORDERS")};
  header.subject = "order";
  header.header_lines = 1;
  header.text_size = text.size();
  header.add_field(ext::envelope_from, "bounce@example.test");
  std::string contents = text;
  for (const auto& [name, content] : attachments) {
    Attachment attachment;
    attachment.name = name;
    attachment.size = content.size();
    header.attachments.push_back(attachment);
    contents += content;
  }
  return render_header(header, LineEnd::lf) + contents;
}

const std::string sample = order({{"bill.pdf", "%PDF"}, {"order.csv", "1;2\n"}});
const Names complete = {"bill.pdf", "message.api", "message.json", "message.txt", "order.csv"};

struct FolderFixture : test::PostofficeFixture {
  FolderFixture() {
    for (const std::string name : {"alice", "orders", "scans"}) add_mailbox(name);
    for (const std::string name : {"orders", "scans"}) set_delivery(name, "folder");
  }
  void set_delivery(const std::string& mailbox, const std::string& delivery) const {
    MailboxSettings settings;
    settings.delivery = delivery;
    REQUIRE(write_mailbox_settings(open(), mailbox, settings).is_delivered());
  }
  std::string at(const std::string& place) const { return *this / ("MBG/" + place); }
  Names names(const std::string& place) const { return test::names_in(at(place)); }
  Outcome put(const std::vector<std::string>& mailboxes,
              FileSystem& files = FileSystem::posix()) const {
    return deliver(open(files), mailboxes, key, std::time(nullptr), sample);
  }
  /// What is in flight or half made.
  std::size_t leftovers() const {
    std::size_t count = 0;
    for (const std::string part : {"new", "cur", "ids"}) {
      for (const std::string& name : names("orders/" + part)) count += name.front() == '.';
    }
    return count;
  }
};

struct stat status_of(const std::string& path) {
  struct stat status;
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

TEST_CASE("a postoffice for DOS has short names in a message's directory, and says so there") {
  FolderFixture fixture;
  const std::string settings = fixture / "GLB/postoffice.toml";
  test::write_file(settings, test::read_file(settings) + "attachment_names = \"8.3\"\n");
  const std::string message =
      order({{"Angebot f\xC3\xBCr Gas.pdf", "%PDF"}, {"order.csv", "1;2\n"}});
  REQUIRE(deliver(fixture.open(), {"orders"}, key, std::time(nullptr), message).is_delivered());
  const std::string place = "orders/new/" + key;
  CHECK(fixture.names(place) ==
        Names{"ANGEBO~1.PDF", "ORDER.CSV", "message.api", "message.json", "message.txt"});
  const auto json = nlohmann::json::parse(test::read_file(fixture.at(place + "/message.json")));
  CHECK(json["attachments"][0]["file"] == "ANGEBO~1.PDF");
  CHECK(json["attachments"][0]["name"] == "Angebot f\xC3\xBCr Gas.pdf");
}

TEST_CASE("a message is a directory of its text, itself, what it says as JSON, its attachments") {
  FolderFixture fixture;
  const std::int64_t arrival = std::time(nullptr) - 100;
  REQUIRE(
      deliver(fixture.open(), {"alice", "orders", "scans"}, key, arrival, sample).is_delivered());
  const std::string directory = fixture.at("orders/new/" + key);
  CHECK(test::names_in(directory) == complete);
  CHECK(test::read_file(directory + "/message.txt") == "The order\n");
  CHECK(test::read_file(directory + "/bill.pdf") == "%PDF");
  CHECK(test::read_file(directory + "/order.csv") == "1;2\n");
  CHECK(test::read_file(directory + "/message.api") == sample);
  // One file for everybody.
  const auto message = status_of(directory + "/message.api");
  CHECK(message.st_ino == status_of(fixture.at("alice/new/" + key)).st_ino);
  CHECK(message.st_nlink == 3);
  CHECK(status_of(directory + "/bill.pdf").st_nlink == 2);
  for (const std::string& name : complete) {
    CHECK(test::mode_of(directory + "/" + name) == 0444);
    CHECK(status_of(directory + "/" + name).st_mtim.tv_sec == arrival);
  }
  CHECK((test::mode_of(directory) & 0777) == 0770);
  CHECK(status_of(directory).st_gid == status_of(fixture.at("orders/new")).st_gid);
  const auto json = nlohmann::json::parse(test::read_file(directory + "/message.json"));
  CHECK(json["id"] == key);
  CHECK(json["subject"] == "order");
  CHECK(json["envelope"]["sender"] == "bounce@example.test");
  CHECK(json["text"]["size"] == 10);
  CHECK(json["attachments"][0]["file"] == "bill.pdf");
  CHECK(json["attachments"][1]["size"] == 4);
  CHECK(json["attachments"][1]["sha256"].get<std::string>().size() == 64);
  CHECK(fixture.leftovers() == 0);
  CHECK(test::names_in(fixture / ("P1/" + test::names_in(fixture / "P1").front())).empty());
  const auto entries = Mailbag::open(fixture.open(), "orders")->list();
  REQUIRE(entries->size() == 1);
  CHECK(entries->at(0).is_folder);
  CHECK(entries->at(0).arrival == arrival);
}

TEST_CASE("a quota counts messages that are directories, by the message in them") {
  FolderFixture fixture;
  const Postoffice postoffice = fixture.open();
  const Quota quota{.octets = 0, .messages = 2};
  const auto file = [&] {
    auto delivery = Delivery::begin(postoffice);
    REQUIRE(delivery);
    REQUIRE(delivery->message_file().write(sample));
    REQUIRE(delivery->seal(std::time(nullptr), {}).is_delivered());
    return delivery->file_into("orders", quota);
  };
  CHECK(file().is_delivered());
  CHECK(file().is_delivered());
  CHECK(file().status() == "4.2.2");
  CHECK(fixture.names("orders/new").size() == 2);
  const auto usage = recount_usage(postoffice, "orders");
  REQUIRE(usage);
  CHECK(usage->messages == 2);
  CHECK(usage->octets == 2 * sample.size());
}

TEST_CASE("attachments get names that are safe, their own, and nobody else's") {
  FolderFixture fixture;
  const std::string message = order({{"message.api", "a"},
                                     {"MESSAGE.JSON", "b"},
                                     {"../../etc/passwd", "c"},
                                     {"-rf \x1b[2J;`id`\n", "d"},
                                     {"TAKEN.API", "e"},
                                     {".hook", "f"},
                                     {"x", "g"},
                                     {"X", ""}});
  const Outcome filed = deliver(fixture.open(), {"orders"}, key, std::time(nullptr), message);
  INFO(filed.sentence());
  REQUIRE(filed.is_delivered());
  const std::string directory = fixture.at("orders/new/" + key);
  CHECK(test::read_file(directory + "/message.api") == message);
  const auto json = nlohmann::json::parse(test::read_file(directory + "/message.json"));
  REQUIRE(json["attachments"].size() == 8);
  std::size_t found = 0;
  for (const auto& attachment : json["attachments"]) {
    const std::string name = attachment["file"];
    CAPTURE(name);
    CHECK(name.find('/') == std::string::npos);
    CHECK(name.front() != '.');
    CHECK(name != "TAKEN.API");
    CHECK(test::read_file(directory + "/" + name) ==
          (found == 7 ? "" : std::string(1, static_cast<char>('a' + found))));
    ++found;
  }
  CHECK(test::names_in(directory).size() == 11);
}

TEST_CASE("the same message is one directory, whatever became of the first and of its marker") {
  FolderFixture fixture;
  REQUIRE(fixture.put({"orders"}).is_delivered());
  CHECK(fixture.put({"orders"}).sentence().starts_with("duplicate of "));
  const std::string marker = fixture.at("orders/ids/" + key);
  REQUIRE(::unlink(marker.c_str()) == 0);
  CHECK(fixture.put({"orders"}).sentence().starts_with("duplicate of "));
  CHECK(::access(marker.c_str(), F_OK) == 0);
  const auto mailbag = Mailbag::open(fixture.open(), "orders");
  CHECK(mailbag->mark_read(*mailbag->find(key)).is_delivered());
  REQUIRE(::unlink(marker.c_str()) == 0);
  CHECK(fixture.put({"orders"}).sentence().starts_with("duplicate of "));
  CHECK(fixture.names("orders/new").empty());
  // A mailbox that is set otherwise meanwhile still knows what it has.
  fixture.set_delivery("orders", "mailbag");
  REQUIRE(::unlink(marker.c_str()) == 0);
  CHECK(fixture.put({"orders"}).sentence().starts_with("duplicate of "));
  REQUIRE(fixture.put({"alice"}).is_delivered());
  fixture.set_delivery("alice", "folder");
  REQUIRE(::unlink(fixture.at("alice/ids/" + key).c_str()) == 0);
  CHECK(fixture.put({"alice"}).sentence().starts_with("duplicate of "));
  CHECK(fixture.names("alice/new") == Names{key});
  CHECK(fixture.leftovers() == 0);
}

TEST_CASE("what is not the message's is stepped over") {
  FolderFixture fixture;
  REQUIRE(::mkdir(fixture.at("orders/new/" + key).c_str(), 0770) == 0);  // without a message
  CHECK(fixture.put({"orders"}).sentence() == "filed as " + key + "-2 in mailbox orders");
  CHECK(fixture.names("orders/new/" + key + "-2") == complete);
  REQUIRE(::symlink("/", fixture.at("scans/new/" + key).c_str()) == 0);
  CHECK(fixture.put({"scans"}).sentence() == "filed as " + key + "-2 in mailbox scans");
  FolderFixture older;
  REQUIRE(deliver(older.open(), {"orders"}, key, std::time(nullptr) - 40 * 86'400, sample)
              .is_delivered());
  REQUIRE(::unlink(older.at("orders/ids/" + key).c_str()) == 0);
  CHECK(older.put({"orders"}).sentence() == "filed as " + key + "-2 in mailbox orders");
}

TEST_CASE("a message without a key is a directory under a name of its own, each time") {
  FolderFixture fixture;
  for (int i = 0; i < 2; ++i) {
    CHECK(deliver(fixture.open(), {"orders"}, "", std::time(nullptr), sample).is_delivered());
  }
  CHECK(fixture.names("orders/new").size() == 2);
  CHECK(fixture.names("orders/ids").empty());
}

TEST_CASE("each file is synced once for all mailboxes, and each directory once") {
  FolderFixture fixture;
  FaultyFileSystem recording;
  REQUIRE(fixture.put({"orders", "alice", "scans"}, recording).is_delivered());
  std::size_t files = 0;
  std::size_t folders = 0;
  std::size_t parts = 0;
  for (const Operation& one : recording.operations()) {
    if (one.name == "sync" && one.path.find("/ids/.") != std::string::npos) {
      ++folders;
    } else if (one.name == "sync") {
      ++files;
    } else if (one.name == "sync_directory") {
      ++parts;
    }
  }
  CHECK(files == 5);    // itself, message.txt, message.json, two attachments
  CHECK(folders == 2);  // of the two folder mailboxes
  CHECK(parts == 3);    // new/ of each
}

/// What must hold after a delivery that said `outcome`, and after another try.
void check_all_or_nothing(const FolderFixture& fixture, const Outcome& outcome) {
  const Names names = fixture.names("orders/new");
  std::size_t visible = 0;
  for (const std::string& name : names) {
    if (name.front() == '.') continue;
    ++visible;
    CHECK(fixture.names("orders/new/" + name) == complete);
    CHECK(test::read_file(fixture.at("orders/new/" + name + "/bill.pdf")) == "%PDF");
  }
  CHECK(visible <= 1);
  if (outcome.is_delivered()) CHECK(visible == 1);
  CHECK_FALSE(outcome.is_permanent());
  const Outcome again = fixture.put({"orders"});
  INFO(again.sentence());
  CHECK(again.is_delivered());
  CHECK(fixture.names("orders/new/" + key) == complete);
  CHECK(fixture.names("orders/cur").empty());
}

TEST_CASE("a directory appears whole and once, whatever fails at whatever step") {
  using Moment = FaultyFileSystem::Moment;
  for (const Moment moment : {Moment::instead, Moment::afterwards}) {
    for (const bool for_good : {false, true}) {
      for (std::uint64_t step = 0;; ++step) {
        FolderFixture fixture;
        FaultyFileSystem files;
        const Postoffice postoffice = fixture.open(files);
        files.forget_operations();
        files.fail_at(step, ENOSPC, moment, for_good);
        const Outcome outcome = deliver(postoffice, {"orders"}, key, std::time(nullptr), sample);
        const bool was_met = files.faults() > 0;
        CAPTURE(step, outcome.sentence());
        check_all_or_nothing(fixture, outcome);
        if (!was_met) break;
      }
    }
  }
}

TEST_CASE("nothing appears before it is synced, and nothing is claimed before its name is") {
  FolderFixture fixture;
  FaultyFileSystem recording;
  REQUIRE(fixture.put({"orders"}, recording).is_delivered());
  const auto operations = recording.operations();
  std::size_t appeared = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].name == "rename" && operations[i].to == fixture.at("orders/new/" + key)) {
      appeared = i;
    }
  }
  REQUIRE(appeared > 0);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& one = operations[i];
    CAPTURE(one.str());
    if (one.name == "write" || one.name == "sync") CHECK(i < appeared);
    if (one.name == "sync_directory" && one.path == fixture.at("orders/new")) CHECK(i > appeared);
    if (one.name == "create" && one.path.find("/ids/") != std::string::npos) {
      CHECK(i > appeared + 1);  // the marker, after the sync of new/
    }
  }
}

TEST_CASE("where links end, copies are made that are as good") {
  for (const int code : {EMLINK, EXDEV, EPERM, ENOTSUP}) {
    FolderFixture fixture;
    FaultyFileSystem files;
    if (code == EXDEV) files.has_no_linkable_files();
    files.fail_if([](const Operation& one) { return one.name == "link"; }, code);
    REQUIRE(fixture.put({"orders"}, files).is_delivered());
    CHECK(fixture.names("orders/new/" + key) == complete);
    CHECK(test::read_file(fixture.at("orders/new/" + key + "/message.api")) == sample);
    CHECK(test::mode_of(fixture.at("orders/new/" + key + "/bill.pdf")) == 0444);
    std::set<std::string> synced;
    for (const Operation& one : files.operations()) {
      if (one.name == "sync" && one.path.find("/ids/.") != std::string::npos) {
        synced.insert(one.path.substr(one.path.rfind('/') + 1));
      }
    }
    for (const std::string& name : complete) CHECK(synced.contains(name));
  }
}

TEST_CASE("a link in the place of the new directory leads nobody anywhere") {
  FolderFixture fixture;
  const std::string bait = fixture.directory() / "bait";
  REQUIRE(::mkdir(bait.c_str(), 0755) == 0);
  FaultyFileSystem files;
  std::size_t swapped = 0;
  // As soon as it is made, its mailbox's group puts a link where it was.
  files.before([&](const Operation& one) {
    if (one.name != "rename" || one.path.find("/new/.") == std::string::npos) return;
    REQUIRE(::rmdir(one.path.c_str()) == 0);
    REQUIRE(::symlink(bait.c_str(), one.path.c_str()) == 0);
    ++swapped;
  });
  const Outcome outcome = fixture.put({"orders"}, files);
  CHECK(swapped == 1);
  CHECK(outcome.is_temporary());
  CHECK(test::names_in(bait).empty());
  CHECK(test::mode_of(bait) == 0755);
  CHECK(fixture.put({"orders"}).is_delivered());
}

TEST_CASE("a message's directory that its reader takes meanwhile is tried again, not lost") {
  FolderFixture fixture;
  REQUIRE(fixture.put({"orders"}).is_delivered());
  REQUIRE(::unlink(fixture.at("orders/ids/" + key).c_str()) == 0);
  FaultyFileSystem files;
  bool is_done = false;
  files.before([&](const Operation& one) {
    if (is_done || one.name != "status" || one.path != fixture.at("orders/new/" + key)) return;
    is_done = true;
    REQUIRE(::rename(fixture.at("orders/new/" + key).c_str(),
                     fixture.at("orders/cur/" + key).c_str()) == 0);
  });
  // Ours was placed, the reader's is older: one of them stays.
  CHECK(fixture.put({"orders"}, files).sentence().starts_with("duplicate of "));
  CHECK(is_done);
  CHECK(fixture.names("orders/new").empty());
  CHECK(fixture.names("orders/cur") == Names{key});
  CHECK(fixture.leftovers() == 0);
}

TEST_CASE("a message's directory that its reader moves while we look into it makes no second one") {
  FolderFixture fixture;
  REQUIRE(fixture.put({"orders"}).is_delivered());
  REQUIRE(::unlink(fixture.at("orders/ids/" + key).c_str()) == 0);
  const std::string unread = fixture.at("orders/new/" + key);
  const std::string read = fixture.at("orders/cur/" + key);
  FaultyFileSystem files;
  files.before([&](const Operation& operation) {
    if (operation.path != unread + "/message.api") return;
    files.before(nullptr);
    REQUIRE(::rename(unread.c_str(), read.c_str()) == 0);
  });
  CHECK(fixture.put({"orders"}, files).is_delivered());
  CHECK(fixture.names("orders/new").empty());
  CHECK(fixture.names("orders/cur") == Names{key});
  CHECK(fixture.leftovers() == 0);
}

TEST_CASE("what a crash left half made or half removed is cleared after a day") {
  FolderFixture fixture;
  REQUIRE(fixture.put({"orders"}).is_delivered());
  const std::string old = "." + std::string(32, '0');
  const std::string young = "." + new_unique_id();
  for (const std::string part : {"new", "cur", "ids"}) {
    for (const std::string& name : {old, young}) {
      const std::string path = fixture.at("orders/" + part + "/" + name);
      REQUIRE(::mkdir(path.c_str(), 0770) == 0);
      test::write_file(path + "/bill.pdf", "x");
    }
  }
  CHECK(expire_markers(fixture.open(), std::time(nullptr)).has_value());
  for (const std::string part : {"new", "cur"}) {
    const Names names = fixture.names("orders/" + part);
    CHECK(std::count(names.begin(), names.end(), old) == 0);
    CHECK(std::count(names.begin(), names.end(), young) == 1);
  }
  CHECK(fixture.names("orders/new/" + key) == complete);
  CHECK(expire_markers(fixture.open(), std::time(nullptr)).has_value());
  const Names names = fixture.names("orders/ids");
  CHECK(std::count(names.begin(), names.end(), old) == 0);
}

TEST_CASE("a folder mailbox is removed with its messages") {
  FolderFixture fixture;
  REQUIRE(fixture.put({"orders"}).is_delivered());
  CHECK(fixture.open().remove_mailbox("orders", false).is_permanent());
  const Outcome removed = fixture.open().remove_mailbox("orders", true);
  INFO(removed.sentence());
  CHECK(removed.is_delivered());
  CHECK(test::names_in(fixture / "MBG") == Names{"alice", "postmaster", "scans"});
}

TEST_CASE("settings that cannot be read keep a message in the queue") {
  FolderFixture fixture;
  test::write_file(fixture / "GLB/MAILBOX/orders.toml", "delivery = \"drawer\"\n");
  const Outcome outcome = fixture.put({"orders"});
  CHECK(outcome.is_temporary());
  CHECK(outcome.status() == "4.3.5");
  CHECK(fixture.names("orders/new").empty());
}

TEST_CASE("the settings of folder delivery and its command are read and written") {
  FolderFixture fixture;
  const std::string path = fixture / "GLB/MAILBOX/orders.toml";
  test::write_file(path,
                   "delivery = \"folder\"\nhook = [\"/usr/bin/env\", \"a \\\"b\\\"\"]\n"
                   "hook_seconds = 60\nhook_at_once = 3\nhook_attempts = 2\n"
                   "hook_done = \"remove\"\nhook_user = \"nobody\"\n");
  auto settings = read_mailbox_settings(fixture.open(), "orders");
  REQUIRE(settings.has_value());
  CHECK(settings->delivery == "folder");
  CHECK(settings->hook == std::vector<std::string>{"/usr/bin/env", "a \"b\""});
  CHECK(settings->hook_settings == HookSettings{60, 3, 2, true, "nobody"});
  REQUIRE(write_mailbox_settings(fixture.open(), "orders", *settings).is_delivered());
  const auto again = read_mailbox_settings(fixture.open(), "orders");
  CHECK(again->hook == settings->hook);
  CHECK(again->hook_settings == settings->hook_settings);
  for (const std::string line :
       {"hook = [\"order-intake\"]", "hook_seconds = 0", "hook_at_once = 65", "hook_attempts = 0",
        "hook_done = \"burn\"", "hook_user = \"a b\""}) {
    test::write_file(path, line + "\n");
    CAPTURE(line);
    CHECK_FALSE(read_mailbox_settings(fixture.open(), "orders").has_value());
  }
}

}  // namespace
}  // namespace smtpgate::postoffice
