// Mailboxes are added, changed, renamed and removed with all that hangs on them; a program that is
// ended at any of its operations leaves what the next one finishes; and mail finds its mailbox at
// every moment of a rename.
#include <cerrno>
#include <filesystem>

#include <grp.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/name_search.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using Kind = MailboxChange::Kind;

MailboxChange added(std::string name, std::vector<std::string> aliases = {}) {
  MailboxChange change;
  change.kind = Kind::add;
  change.mailbox = std::move(name);
  change.new_aliases = std::move(aliases);
  return change;
}

MailboxChange renamed(std::string from, std::string to) {
  MailboxChange change;
  change.kind = Kind::rename;
  change.mailbox = std::move(from);
  change.new_name = std::move(to);
  return change;
}

MailboxChange removed(std::string name, bool with_messages = false) {
  MailboxChange change;
  change.kind = Kind::remove;
  change.mailbox = std::move(name);
  change.with_messages = with_messages;
  return change;
}

/// Names in a directory but what a program left half written.
std::vector<std::string> whole_names_in(const std::string& path) {
  auto names = test::names_in(path);
  std::erase_if(names, [](const std::string& name) { return name.starts_with(".new-"); });
  return names;
}

/// anna with mail, settings, two aliases; in a group twice, its owner; forwarded to by bernd.
struct Company : PostofficeFixture {
  Company() {
    const Postoffice postoffice = open();
    MailboxChange anna = added("anna", {"a.berg", "boss@company.example"});
    anna.settings.full_name = "Anna Berg";
    anna.settings.keep_sent = true;
    REQUIRE(change_mailbox(postoffice, anna).is_delivered());
    MailboxChange bernd = added("bernd");
    bernd.settings.forward = {TypedAddress::native({{"TESTNET", "TESTPO"}, "Anna"})};
    REQUIRE(change_mailbox(postoffice, bernd).is_delivered());
    REQUIRE(write_group(postoffice,
                        {"sales", "anna", {"anna", "TESTNET/TESTPO/ANNA", "bernd", "a.berg"}})
                .is_delivered());
    test::write_file(*this / "MBG/anna/new/m1", "the mail");
  }

  /// All that must be so once anna is called annabel.
  void check_renamed() const {
    const Postoffice postoffice = open();
    CHECK(test::names_in(*this / "MBG") ==
          std::vector<std::string>{"annabel", "bernd", "postmaster"});
    CHECK(test::read_file(*this / "MBG/annabel/new/m1") == "the mail");
    for (const char* name : {"anna", "Annabel", "a.berg", "anna+x"}) {
      INFO(name);
      CHECK(postoffice.resolve(name).value().mailbox == "annabel");
    }
    CHECK(postoffice.resolve("boss", "company.example").value().mailbox == "annabel");
    CHECK(read_mailbox_settings(postoffice, "annabel").value().full_name == "Anna Berg");
    CHECK(whole_names_in(*this / "GLB/MAILBOX") ==
          std::vector<std::string>{"annabel.toml", "bernd.toml"});
    const Group sales = read_group(postoffice, "sales").value();
    CHECK(sales.owner == "annabel");
    CHECK(sales.members ==
          std::vector<std::string>{"bernd", "a.berg", "annabel", "TESTNET/TESTPO/annabel"});
    const auto forward = read_mailbox_settings(postoffice, "bernd").value().forward;
    REQUIRE(forward.size() == 1);
    CHECK(forward[0].str() == "CSI:TESTNET/TESTPO/annabel");
    CHECK_FALSE(std::filesystem::exists(*this / "GLB/CHANGES.json"));
  }
};

TEST_CASE("a mailbox that is renamed keeps its mail, aliases, settings, groups and forwards") {
  Company company;
  const Outcome done = change_mailbox(company.open(), renamed("Anna", "Annabel"));
  CHECK(done.is_delivered());
  CHECK(done.sentence() == "mailbox anna is annabel now; 1 groups changed; 1 forwards changed");
  company.check_renamed();
}

TEST_CASE("a rename that is ended at any operation is finished by the next program") {
  std::uint64_t operations = 0;
  for (std::uint64_t n = 0; n == 0 || n <= operations; ++n) {
    INFO("ended at operation " << n);
    Company company;
    FaultyFileSystem files;
    const Postoffice faulty = company.open(files);
    files.forget_operations();
    // All operations from the n-th on fail: to the disk the program is dead.
    files.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    const Outcome broken = change_mailbox(faulty, renamed("anna", "annabel"));
    if (n == 0) {
      files.heal();
      Company whole;
      FaultyFileSystem counting;
      const Postoffice counted = whole.open(counting);
      counting.forget_operations();
      REQUIRE(change_mailbox(counted, renamed("anna", "annabel")).is_delivered());
      operations = counting.operations().size();
      REQUIRE(operations > 40);
    }
    if (n < operations) {
      CHECK(broken.is_temporary());
    } else {
      CHECK(broken.is_delivered());
    }

    // Before anybody mends anything: mail is there, and finds its mailbox or waits.
    const Postoffice postoffice = company.open();
    const bool is_moved = std::filesystem::exists(company / "MBG/annabel/new/m1");
    CHECK(is_moved != std::filesystem::exists(company / "MBG/anna/new/m1"));
    for (const char* name : {"anna", "a.berg", "anna+x"}) {
      INFO(name);
      const auto found = postoffice.resolve(name);
      REQUIRE(found.has_value());
      CHECK(found->mailbox == (is_moved ? "annabel" : "anna"));
    }
    const auto mailboxes = distribute(postoffice, {{}, "group", "sales"}).value();
    CHECK(mailboxes.failures.empty());

    const Outcome again = change_mailbox(postoffice, renamed("anna", "annabel"));
    // Where the first had written down what it does, beginning the second finished it.
    CHECK((again.is_delivered() || again.sentence() == "there is no mailbox anna"));
    company.check_renamed();
  }
}

TEST_CASE(
    "mail finds its mailbox at every operation of a rename, also who read the aliases before") {
  Company company;
  const Postoffice plain = company.open();
  FaultyFileSystem files;
  const Postoffice postoffice = company.open(files);
  NameSearch before(plain);
  REQUIRE(before.resolve("a.berg").has_value());
  int looks = 0;
  bool is_looking = false;
  files.before([&](const Operation& operation) {
    if (is_looking) return;
    is_looking = true;
    INFO(operation.str());
    for (const char* name : {"anna", "a.berg"}) {
      const auto found = plain.resolve(name);
      REQUIRE(found.has_value());
      CHECK((found->mailbox == "anna" || found->mailbox == "annabel"));
      const auto cached = before.resolve(name);
      REQUIRE((cached.has_value() || cached.error().is_temporary()));
    }
    ++looks;
    is_looking = false;
  });
  REQUIRE(change_mailbox(postoffice, renamed("anna", "annabel")).is_delivered());
  files.heal();
  CHECK(looks > 40);
  CHECK(before.resolve("anna").value().mailbox == "annabel");
}

TEST_CASE("a catch-all and a report that still say the old name find the renamed mailbox") {
  auto settings = PostofficeFixture::default_settings();
  settings.catch_all = "anna";
  PostofficeFixture fixture(settings);
  const Postoffice postoffice = fixture.open();
  REQUIRE(change_mailbox(postoffice, added("anna")).is_delivered());
  REQUIRE(change_mailbox(postoffice, renamed("anna", "zoe")).is_delivered());
  CHECK(postoffice.resolve("nobody").value().mailbox == "zoe");
  CHECK(new_name_of(postoffice, "anna").value() == "zoe");
  CHECK_FALSE(new_name_of(postoffice, "zoe").value().has_value());
}

TEST_CASE("a mailbox with aliases that is half made is finished by the next program") {
  std::uint64_t operations = 1000;
  for (std::uint64_t n = 0; n <= operations; ++n) {
    INFO("ended at operation " << n);
    PostofficeFixture fixture;
    FaultyFileSystem files;
    const Postoffice faulty = fixture.open(files);
    files.forget_operations();
    MailboxChange change = added("carla", {"c", "carla@company.example"});
    change.settings.quota.messages = 7;
    files.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    const Outcome broken = change_mailbox(faulty, change);
    if (broken.is_delivered()) operations = n;
    const Postoffice postoffice = fixture.open();
    const Outcome again = change_mailbox(postoffice, change);
    CHECK((again.is_delivered() || again.sentence() == "mailbox carla exists already"));
    CHECK(postoffice.resolve("c").value().mailbox == "carla");
    CHECK(postoffice.resolve("carla", "company.example").value().mailbox == "carla");
    CHECK(read_mailbox_settings(postoffice, "carla").value().quota.messages == 7);
  }
  CHECK(operations > 20);
}

TEST_CASE("a mailbox that is removed leaves groups and takes its aliases along") {
  Company company;
  const Postoffice postoffice = company.open();
  const Outcome refused = change_mailbox(postoffice, removed("anna"));
  CHECK(refused.sentence() == "mailbox anna holds 1 messages; move them, or say --with-messages");
  CHECK(postoffice.resolve("a.berg").has_value());
  const Outcome done = change_mailbox(postoffice, removed("anna", true));
  CHECK(done.is_delivered());
  CHECK(done.sentence() == "mailbox anna removed; 1 groups changed");
  CHECK(postoffice.list_aliases().value().empty());
  CHECK(read_group(postoffice, "sales").value().members == std::vector<std::string>{"bernd"});
  CHECK(postoffice.resolve("a.berg").error().status() == "5.1.1");
  // A new mailbox of that name has nothing of the old one.
  REQUIRE(change_mailbox(postoffice, added("anna")).is_delivered());
  CHECK(read_mailbox_settings(postoffice, "anna").value().full_name.empty());
}

TEST_CASE("a removal that is ended at any operation is finished by the next program") {
  std::uint64_t operations = 1000;
  for (std::uint64_t n = 0; n <= operations; ++n) {
    INFO("ended at operation " << n);
    Company company;
    FaultyFileSystem files;
    const Postoffice faulty = company.open(files);
    files.forget_operations();
    files.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    if (change_mailbox(faulty, removed("anna", true)).is_delivered()) operations = n;
    const Postoffice postoffice = company.open();
    const Outcome again = change_mailbox(postoffice, removed("anna", true));
    CHECK((again.is_delivered() || again.sentence() == "there is no mailbox anna"));
    CHECK(postoffice.list_aliases().value().empty());
    CHECK(read_group(postoffice, "sales").value().members == std::vector<std::string>{"bernd"});
    CHECK(whole_names_in(company / "GLB/MAILBOX") == std::vector<std::string>{"bernd.toml"});
  }
  CHECK(operations > 20);
}

TEST_CASE("a mailbox whose removal died has what came last, and stays for it") {
  PostofficeFixture fixture;
  fixture.add_mailbox("anna");
  FaultyFileSystem dying;
  const Postoffice postoffice = fixture.open(dying);
  dying.before([&](const Operation& operation) {
    // Out of the way, and about to be looked at once more.
    if (operation.name != "list" || operation.path.find("/.leaving-anna") == std::string::npos) {
      return;
    }
    dying.heal();
    test::write_file(fixture / "MBG/.leaving-anna/new/late", "came a moment ago");
    dying.fail_at(0, EIO, FaultyFileSystem::Moment::instead, true);
  });
  CHECK(change_mailbox(postoffice, removed("anna")).is_temporary());
  REQUIRE(std::filesystem::exists(fixture / "MBG/.leaving-anna/new/late"));
  const auto next = MailboxChanges::begin(fixture.open());
  REQUIRE(next);
  CHECK(next->finished() == 1);
  CHECK(std::filesystem::exists(fixture / "MBG/anna/new/late"));
  CHECK(whole_names_in(fixture / "MBG") == std::vector<std::string>{"anna", "postmaster"});
}

TEST_CASE("what cannot be done is said of each change, and nothing is written") {
  Company company;
  const Postoffice postoffice = company.open();
  auto changes = MailboxChanges::begin(postoffice);
  REQUIRE(changes.has_value());
  MailboxChange no_group = added("x1");
  no_group.group = "no-such-group-here";
  MailboxChange bad_quota = added("x2");
  bad_quota.settings.quota.octets = ~std::uint64_t{0};
  MailboxChange control = added("x3");
  control.settings.full_name = "a\nb";
  MailboxChange hook = added("x4");
  hook.settings.hook = {"relative/program"};
  MailboxChange lost = added("bernd");
  lost.kind = Kind::set;
  lost.lost_aliases = {"a.berg"};
  const auto problems = changes
                            ->check({
                                added("anna"),                   // is there
                                added("a.berg"),                 // an alias
                                added("sales"),                  // a group
                                added("new", {"bernd"}),         // an alias that is a mailbox
                                added("new2", {"A.Berg"}),       // another's alias
                                added("new3", {"b c"}),          // no alias
                                renamed("postmaster", "chief"),  //
                                renamed("nobody", "chief"),      //
                                renamed("anna", "ANNA"),         //
                                renamed("anna", "bernd"),        //
                                renamed("anna", "../x"),         //
                                removed("postmaster", true),     //
                                removed("nobody"),               //
                                removed("anna"),                 // holds mail
                                no_group,
                                bad_quota,
                                control,
                                hook,  //
                                lost,  // the alias is anna's
                            })
                            .value();
  std::vector<std::size_t> indexes;
  for (const ChangeProblem& problem : problems) {
    indexes.push_back(problem.index);
    CHECK(problem.outcome.is_permanent());
  }
  CHECK(indexes.size() == 19);
  CHECK(test::names_in(company / "MBG") == std::vector<std::string>{"anna", "bernd", "postmaster"});
}

TEST_CASE("a mailbox that is refused when it is made leaves nothing") {
  Company company;
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.name == "set_owner" && operation.path.find("/MBG/") != std::string::npos;
      },
      EPERM);
  MailboxChange change = added("zoe");
  change.settings.full_name = "Zoe Berg";
  const struct group* const entry = ::getgrgid(::getegid());
  REQUIRE(entry != nullptr);
  change.group = entry->gr_name;
  const Outcome refused = change_mailbox(company.open(faulty), change);
  CHECK(refused.is_permanent());
  CHECK(refused.sentence().find("run this as root") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(company / "GLB/MAILBOX/zoe.toml"));
  CHECK_FALSE(std::filesystem::exists(company / "MBG/zoe"));
  CHECK_FALSE(std::filesystem::exists(company / "GLB/CHANGES.json"));
}

TEST_CASE("changes are judged on what those before them make") {
  Company company;
  const Postoffice postoffice = company.open();
  auto changes = MailboxChanges::begin(postoffice);
  REQUIRE(changes.has_value());
  CHECK(changes->check({renamed("anna", "a.berg")}).value().empty());  // to its own alias
  CHECK(changes->check({added("x"), added("X")}).value().size() == 1);
  CHECK(changes->check({removed("anna", true), added("anna", {"a.berg"})}).value().empty());
  const auto second = MailboxChanges::begin(postoffice);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().is_temporary());
}

TEST_CASE("a plan that cannot be understood is left alone and said") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  for (const char* text : {"", "{", "[]", R"({"version":2,"changes":[]})",
                           R"({"version":1,"source":"","changes":[{"do":"x"}]})",
                           R"({"version":1,"source":"","changes":[{"do":"rename","mailbox":"../a",
            "new_name":"b","group":"","settings":"","new_aliases":[],"lost_aliases":[],"with_messages":false}]})"}) {
    INFO(text);
    test::write_file(fixture / "GLB/CHANGES.json", text);
    const Outcome outcome = change_mailbox(postoffice, added("x"));
    CHECK(outcome.is_temporary());
    CHECK(outcome.sentence().find("CHANGES.json cannot be understood") != std::string::npos);
    // Nobody is called unknown while nobody knows what is being renamed.
    CHECK(postoffice.resolve("nobody").error().is_temporary());
  }
}

TEST_CASE("the mailbox commands do what they say") {
  test::TemporaryDirectory directory;
  const std::string folder = directory / "po";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", folder});
    return test::run_program("postoffice", words);
  };
  REQUIRE(run({"init", "--name", "ACME/MAIN"}).code == 0);
  CHECK(run({"mailbox",
             "add",
             "anna",
             "--name",
             "Anna Berg",
             "--alias",
             "a.berg",
             "--alias",
             "anna@acme.example",
             "--quota-bytes",
             "500K",
             "--quota-messages",
             "10",
             "--no-send-to-internet",
             "--hook",
             "/bin/x",
             "--hook",
             "two words",
             "--hook-seconds",
             "60",
             "--hook-done",
             "remove",
             "--delivery",
             "folder"})
            .out == "mailbox anna made\n");
  CHECK(run({"mailbox", "add", "bernd", "--alias", "a.berg"}).code == 65);
  CHECK(run({"mailbox", "list"}).out == "anna\npostmaster\n");
  CHECK(run({"mailbox", "show", "anna"}).out ==
        "Mailbox    ACME/MAIN/anna\nName       Anna Berg\nFolder     " + folder +
            "/MBG/anna\nMessages   0, 0 unread, 0 octets\nAlias      a.berg\n"
            "Alias      anna@acme.example\nKeep sent  no\nReceipts   never\n"
            "Internet   sends nothing there\nQuota      512000 octets\nQuota      10 messages\n"
            "Delivery   folder\nHook       /bin/x\nHook       two words\n"
            "Hook runs  60 s, 1 at once, 5 attempts, then removed\n");
  for (const auto& [option, value] :
       std::vector<std::pair<std::string, std::string>>{{"--hook-seconds", "0"},
                                                        {"--hook-seconds", "86401"},
                                                        {"--hook-at-once", "65"},
                                                        {"--hook-attempts", "0"},
                                                        {"--hook-user", "a\"b"},
                                                        {"--hook-user", "a b"}}) {
    CHECK(run({"mailbox", "set", "anna", option, value}).code == 65);
  }
  CHECK(run({"mailbox", "show", "anna"}).code == 0);
  const std::string json = run({"mailbox", "show", "anna", "--json"}).out;
  CHECK(json.find("\"full_name\": \"Anna Berg\"") != std::string::npos);
  CHECK(json.find("\"quota_bytes\": 512000") != std::string::npos);
  CHECK(run({"mailbox", "list", "--json"}).out.find("\"a.berg\"") != std::string::npos);
  CHECK(run({"mailbox", "list", "--long"}).out.find("Anna Berg  500K, 10 messages  receives ") !=
        std::string::npos);
  CHECK(run({"mailbox", "set", "anna", "--remove-alias", "a.berg", "--alias", "chief",
             "--send-to-internet", "--quota-bytes", "0", "--no-hook", "--delivery", "mailbag"})
            .code == 0);
  CHECK(run({"alias", "list"}).out ==
        "Alias              Mailbox\nanna@acme.example  anna\nchief              anna\n");
  CHECK(run({"mailbox", "set", "nobody", "--name", "x"}).code == 67);
  REQUIRE(run({"mailbox", "set", "anna", "--keep-sent"}).code == 0);  // and nothing else
  CHECK(run({"mailbox", "show", "anna", "--json"}).out.find("\"keep_copy\": true") !=
        std::string::npos);
  CHECK(run({"mailbox", "rename", "anna", "annabel"}).out == "mailbox anna is annabel now\n");
  CHECK(run({"mailbox", "show", "annabel"}).out.find("Alias      anna\n") != std::string::npos);
  CHECK(run({"mailbox", "remove", "annabel"}).code == 0);
  CHECK(run({"alias", "list"}).out.empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
