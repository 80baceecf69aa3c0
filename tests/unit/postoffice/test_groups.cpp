// Groups and forwards: their files, and that nobody is served twice, forgotten or lost in a circle.
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <sys/stat.h>

#include "postoffice/groups.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

struct GroupFixture : PostofficeFixture {
  GroupFixture() {
    for (const char* name : {"anna", "bernd", "carl"}) add_mailbox(name);
    test::write_file(*this / "GLB/ALIAS", "ann anna\n");
  }

  void group(const std::string& name, const std::string& text) const {
    test::write_file(*this / ("GRP/" + name), text);
  }
  void forward(const std::string& mailbox, std::vector<std::string> targets,
               bool keep_copy = false) const {
    const Postoffice postoffice = open();
    MailboxSettings settings;
    for (const std::string& target : targets) {
      settings.forward.push_back(parse_forward(postoffice, target).value());
    }
    settings.keep_copy = keep_copy;
    const Outcome written = write_mailbox_settings(postoffice, mailbox, settings);
    INFO(written.sentence());
    REQUIRE(written.is_delivered());
  }

  /// "anna bernd | SMTP:x@y via sales of anna | 5.1.1 member in where".
  std::string expand(const std::string& name, FileSystem& files = FileSystem::posix()) const {
    const Postoffice postoffice = open(files);
    const auto found = postoffice.resolve(name);
    if (!found) return "error " + found.error().status();
    auto all = distribute(postoffice, *found);
    if (!all) return "error " + all.error().status();
    std::string text;
    std::sort(all->mailboxes.begin(), all->mailboxes.end());
    for (const auto& mailbox : all->mailboxes) text += mailbox + " ";
    for (const auto& beyond : all->beyond) {
      text += "| " + beyond.address.str() + " via " + beyond.via + " of " + beyond.owner + " ";
    }
    for (const auto& failed : all->failures) {
      text += "| " + failed.outcome.status() + " " + failed.member + " in " + failed.where + " ";
    }
    if (!text.empty()) text.pop_back();
    return text;
  }
};

TEST_CASE("a group's members of all kinds, in it and in groups within, each once") {
  GroupFixture fixture;
  fixture.group("sales",
                "# who sells\r\nOWNER: Bernd\r\n\r\nAnna\r\nann\r\nTESTNET/testpo/anna\n"
                "inner\nOTHER/PO/zoe\nother/po/ZOE\njo@Example.COM\nSMTP:jo@example.com\nnobody");
  fixture.group("inner", "carl\nsales\nanna+list\njo@example.com\nkim@example.com\n");
  CHECK(fixture.expand("SALES") ==
        "anna carl | CSI:OTHER/PO/zoe via sales of bernd | SMTP:jo@Example.COM via sales of bernd "
        "| SMTP:kim@example.com via inner of postmaster | 5.1.1 nobody in group sales");
  CHECK(fixture.expand("sales+x").starts_with("anna carl"));
  CHECK(fixture.expand("anna") == "anna");
}

TEST_CASE("a mailbox and an alias win over a group of their name, a group over the extension") {
  GroupFixture fixture;
  fixture.group("anna", "carl\n");
  fixture.group("ann", "carl\n");
  fixture.group("bernd+x", "carl\n");
  CHECK(fixture.expand("anna") == "anna");
  CHECK(fixture.expand("ann") == "anna");
  CHECK(fixture.expand("bernd+x") == "carl");
  const auto found = fixture.open().resolve("bernd+x");
  REQUIRE(found);
  CHECK(found->mailbox.empty());
  CHECK(found->group == "bernd+x");
  CHECK(found->how == "group");
}

TEST_CASE("a member is not taken by the catch-all, which would hide that it is gone") {
  GroupFixture fixture;
  test::write_file(fixture / "GLB/postoffice.toml",
                   "name = \"N/P\"\nformat = 1\ncatch_all = \"carl\"\n");
  fixture.group("sales", "anna\ngone\n");
  CHECK(fixture.expand("gone") == "carl");
  CHECK(fixture.expand("sales") == "anna | 5.1.1 gone in group sales");
}

TEST_CASE("a forward goes on, with or without a copy, through forwards and groups") {
  GroupFixture fixture;
  fixture.forward("anna", {"bernd", "away@example.com"}, true);
  CHECK(fixture.expand("anna") == "anna bernd | SMTP:away@example.com via anna of anna");
  fixture.forward("anna", {"sales"});
  fixture.forward("bernd", {"bernd", "b@example.com"});
  fixture.group("sales", "OWNER: carl\nbernd\nc@example.com\n");
  CHECK(fixture.expand("anna") ==
        "bernd | SMTP:c@example.com via sales of carl | SMTP:b@example.com via bernd of bernd");
  fixture.forward("anna", {"nobody"});
  CHECK(fixture.expand("anna") == "| 5.1.1 CSI:TESTNET/TESTPO/nobody in forward of anna");
}

TEST_CASE("circles are cut, and what would only go round stays where it is") {
  GroupFixture fixture;
  fixture.forward("anna", {"bernd"});
  fixture.forward("bernd", {"anna"});
  CHECK(fixture.expand("anna") == "anna bernd");
  fixture.group("all", "carl\nanna\n");
  CHECK(fixture.expand("all") == "anna bernd carl");
  fixture.forward("bernd", {"anna", "carl"});
  CHECK(fixture.expand("anna") == "carl");
  fixture.forward("anna", {"circle"});
  fixture.group("circle", "circle\nanna\n");
  CHECK(fixture.expand("anna") == "anna");
}

TEST_CASE("two ways to the same forward are no circle") {
  GroupFixture fixture;
  fixture.forward("bernd", {"anna"});
  fixture.forward("anna", {"carl"});
  fixture.group("both", "anna\nbernd\n");
  CHECK(fixture.expand("both") == "carl");
}

TEST_CASE("a group of nobody is told, not silent") {
  GroupFixture fixture;
  fixture.group("empty", "# nobody\n");
  fixture.group("round", "round\n");
  fixture.group("outer", "anna\nempty\n");
  CHECK(fixture.expand("empty") == "| 5.2.4 empty in group empty");
  CHECK(fixture.expand("round") == "| 5.2.4 round in group round");
  CHECK(fixture.expand("outer") == "anna | 5.2.4 empty in group outer");
}

TEST_CASE("trouble with one member's file fails that member for now, the others are served") {
  GroupFixture fixture;
  fixture.group("bad", "anna\nFAX:123\n");
  fixture.group("outer", "carl\nbad\n");
  CHECK(fixture.expand("bad") == "error 4.3.5");
  CHECK(fixture.expand("outer") == "carl | 4.3.5 bad in group outer");
  REQUIRE(::mkdir((fixture / "GLB/MAILBOX/anna.toml").c_str(), 0700) == 0);
  CHECK(fixture.expand("anna") == "error 4.3.0");
  fixture.group("good", "anna\nbernd\n");
  CHECK(fixture.expand("good") == "bernd | 4.3.0 anna in group good");
  FaultyFileSystem faulty;
  faulty.fail_if([](const Operation& one) { return one.path.ends_with("GRP/good"); }, EIO);
  CHECK(fixture.expand("good", faulty) == "error 4.3.0");
}

TEST_CASE("a group's owner who is gone is the postmaster") {
  GroupFixture fixture;
  fixture.group("sales", "OWNER: gone\njo@example.com\n");
  CHECK(fixture.expand("sales") == "| SMTP:jo@example.com via sales of postmaster");
}

TEST_CASE("a group's owner who cannot be looked at now is not the postmaster: the group waits") {
  GroupFixture fixture;
  fixture.group("sales", "OWNER: carl\njo@example.com\n");
  FaultyFileSystem faulty;
  faulty.fail_if([](const Operation& one) { return one.path.ends_with("MBG/carl"); }, EIO);
  CHECK(fixture.expand("sales", faulty) == "error 4.3.0");
  CHECK(fixture.expand("sales") == "| SMTP:jo@example.com via sales of carl");
}

TEST_CASE("settings of a mailbox whose folder has just gone are not the defaults") {
  GroupFixture fixture;
  fixture.forward("anna", {"jo@example.com"});
  const Postoffice postoffice = fixture.open();
  std::filesystem::rename(fixture / "GLB", fixture / "GLB-away");
  const auto settings = read_mailbox_settings(postoffice, "anna");
  REQUIRE_FALSE(settings);
  CHECK(settings.error().is_temporary());
  std::filesystem::rename(fixture / "GLB-away", fixture / "GLB");
  CHECK(read_mailbox_settings(postoffice, "anna")->forward.size() == 1);
}

TEST_CASE("a deep chain of groups needs no stack, and a huge group is refused whole") {
  GroupFixture fixture;
  constexpr int deep = 5'000;
  for (int i = 0; i < deep; ++i) {
    fixture.group("g" + std::to_string(i), "g" + std::to_string(i + 1) + "\n");
  }
  fixture.group("g" + std::to_string(deep), "anna\n");
  CHECK(fixture.expand("g0") == "anna");
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "u" + std::to_string(i) + "@example.com\n";
  fixture.group("many", many);
  const Postoffice postoffice = fixture.open();
  const Resolved group{{}, "group", "many"};
  auto all = distribute(postoffice, group);
  REQUIRE(all);
  CHECK(all->beyond.size() == 100'000);
  fixture.group("many", many + "one@example.com\n");
  all = distribute(postoffice, group);
  REQUIRE_FALSE(all);
  CHECK(all.error().status() == "4.3.5");
}

TEST_CASE("a wrong line in a group's file is told with file and line") {
  const GroupFixture fixture;
  const auto error = [&](const std::string& text) -> std::string {
    fixture.group("g", text);
    const auto group = read_group(fixture.open(), "g");
    if (group) return "none";
    CHECK(group.error().status() == "4.3.5");
    return group.error().sentence().substr((fixture / "GRP/g").size());
  };
  CHECK(error("anna\na b@x\n") ==
        ":2: member a b@x holds a blank or control character; write one address a line");
  CHECK(error("a@x, b@y\n").starts_with(":1: member a@x, b@y holds"));
  CHECK(error("@x\n") == ":1: member @x is no mail address; write user@host");
  CHECK(error("SMTP:x\n") == ":1: member SMTP:x is no mail address; write user@host");
  CHECK(error("a/b\n") ==
        ":1: member a/b is no address; write a name, NET/PO/MAILBOX or user@host");
  CHECK(error("OWNER: a\nowner:b\n") == ":2: OWNER stands there twice; take one out");
  CHECK(error("OWNER:\n") == ":1: OWNER  is empty; write OWNER: mailbox");
  CHECK(error("a\x1b[2J\n").find("\x1b") == std::string::npos);
  CHECK(error(std::string(400, 'a') + "@x\n").find("longer than any mail address") !=
        std::string::npos);
  CHECK(error("anna\n") == "none");
}

TEST_CASE("groups are made, changed with their comments kept, listed and removed") {
  GroupFixture fixture;
  const Postoffice postoffice = fixture.open();
  CHECK(write_group(postoffice, {"Sales", "Bernd", {"anna", "jo@example.com"}}).is_delivered());
  CHECK(test::read_file(fixture / "GRP/sales") == "OWNER: bernd\nanna\njo@example.com\n");
  fixture.group("sales", "# top\nOWNER: bernd\n  anna \n# jo left for good\njo@example.com");
  const Outcome changed = change_group(postoffice, "SALES", [](Group& group) {
    group.members = {"anna", "carl"};
    return Outcome::delivered("done");
  });
  CHECK(changed.sentence() == "done");
  CHECK(test::read_file(fixture / "GRP/sales") ==
        "# top\nOWNER: bernd\n  anna \n# jo left for good\ncarl\n");
  const auto group = read_group(postoffice, "sales");
  REQUIRE(group);
  CHECK(group->owner == "bernd");
  CHECK(group->members == std::vector<std::string>{"anna", "carl"});
  test::write_file(fixture / "GRP/.new-1", "");
  CHECK(list_groups(postoffice).value() == std::vector<std::string>{"sales"});
  CHECK(remove_group(postoffice, "Sales").is_delivered());
  CHECK(remove_group(postoffice, "Sales").status() == "5.1.1");
  CHECK(read_group(postoffice, "sales").error().status() == "5.1.1");
  CHECK(read_group(postoffice, "../GLB/ALIAS").error().status() == "5.1.1");
  CHECK(list_groups(postoffice).value().empty());
}

TEST_CASE("a group that could never be reached, or with a bad line, is not written") {
  GroupFixture fixture;
  const Postoffice postoffice = fixture.open();
  CHECK(write_group(postoffice, {"anna", "", {"carl"}}).sentence() ==
        "group anna would never be used: a mailbox has that name");
  CHECK(write_group(postoffice, {"Ann", "", {"carl"}}).sentence() ==
        "group ann would never be used: an alias has that name");
  CHECK(write_group(postoffice, {"a/b", "", {}}).status() == "5.1.3");
  CHECK(write_group(postoffice, {"ok", "", {"x\ny"}}).status() == "5.1.3");
  CHECK(write_group(postoffice, {"ok", "x\ny", {}}).status() == "5.1.3");
  CHECK(list_groups(postoffice).value().empty());
}

TEST_CASE("two edits of groups at once do not lose one: the second is told to wait") {
  GroupFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(write_group(postoffice, {"sales", "", {"anna"}}).is_delivered());
  std::string inner;
  (void)change_group(postoffice, "sales", [&](Group&) {
    inner = write_group(postoffice, {"sales", "", {"carl"}}).status();
    return Outcome::permanent("no", "5.0.0");
  });
  CHECK(inner == "4.3.0");
  CHECK(test::read_file(fixture / "GRP/sales") == "anna\n");
}

TEST_CASE("nobody is told that there is no group while the whole folder is away") {
  PostofficeFixture fixture;
  FaultyFileSystem files;
  const Postoffice postoffice = fixture.open(files);
  const std::string folder = fixture.path();
  const std::string away = fixture.directory() / "away";
  REQUIRE(write_group(postoffice, {"team", "postmaster", {"postmaster"}}).is_delivered());
  // A disk that is unmounted just then.
  files.before([&](const Operation& operation) {
    if (operation.name == "remove" && operation.path.ends_with("/GRP/team")) {
      std::filesystem::rename(folder, away);
    }
  });
  CHECK(remove_group(postoffice, "team").is_temporary());
  files.heal();
  std::filesystem::rename(away, folder);
  CHECK(remove_group(postoffice, "team").is_delivered());
  CHECK(remove_group(postoffice, "team").status() == "5.1.1");
}

TEST_CASE("a mailbox's settings come back as written, and go with it") {
  GroupFixture fixture;
  const Postoffice postoffice = fixture.open();
  CHECK(read_mailbox_settings(postoffice, "anna")->receipts == "never");
  MailboxSettings settings;
  settings.forward = {TypedAddress::parse("TESTNET/TESTPO/carl"),
                      TypedAddress::internet("\"q\\x\"@example.com")};
  settings.keep_copy = false;
  settings.keep_sent = true;
  settings.receipts = "on-read";
  REQUIRE(write_mailbox_settings(postoffice, "Anna", settings).is_delivered());
  const auto back = read_mailbox_settings(postoffice, "ANNA");
  REQUIRE(back);
  REQUIRE(back->forward.size() == 2);
  CHECK(back->forward[0].str() == "CSI:TESTNET/TESTPO/carl");
  CHECK(back->forward[1].str() == "SMTP:\"q\\x\"@example.com");
  CHECK_FALSE(back->keep_copy);
  CHECK(back->keep_sent);
  CHECK(back->receipts == "on-read");
  CHECK(write_mailbox_settings(postoffice, "nobody", settings).status() == "5.1.1");
  settings.receipts = "always";
  CHECK(write_mailbox_settings(postoffice, "anna", settings).is_permanent());
  REQUIRE(postoffice.remove_mailbox("anna", false).is_delivered());
  CHECK(test::names_in(fixture / "GLB/MAILBOX").empty());
}

TEST_CASE("wrong settings of a mailbox are told with file and line, and hold its mail back") {
  GroupFixture fixture;
  const std::string path = fixture / "GLB/MAILBOX/anna.toml";
  const auto error = [&](const std::string& text) {
    test::write_file(path, text);
    const auto settings = read_mailbox_settings(fixture.open(), "anna");
    return settings ? "none" : settings.error().sentence().substr(path.size());
  };
  CHECK(error("forward = [\"a b@x\"]\n").starts_with(":1: forward: forward to \"a b@x\" holds"));
  CHECK(error("\nkeep_copies = true\n").starts_with(":2: keep_copies: unknown key"));
  CHECK(error("receipts = \"always\"\n").starts_with(":1: receipts:"));
  CHECK(fixture.expand("anna") == "error 4.3.5");
  CHECK(error("") == "none");
}

}  // namespace
}  // namespace smtpgate::postoffice
