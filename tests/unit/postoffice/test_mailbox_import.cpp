// Files of mailboxes: the lines of IMPORT and CSV, what is wrong in them said with the line, all or
// nothing, and finished after a kill.
#include <cerrno>

#include "postoffice/csv.h"
#include "postoffice/mailbox_import.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

std::string line(char letter, std::string alias, const std::string& address) {
  alias.resize(31, ' ');
  return std::string(1, letter) + " " + alias + address + "\r\n";
}

std::vector<std::string> said(const MailboxImport& import) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < import.changes.size(); ++i) {
    lines.push_back(std::to_string(import.lines[i]) + ": " + describe(import.changes[i]));
  }
  return lines;
}

std::vector<int> lines_of(const MailboxImport& import) {
  std::vector<int> lines;
  for (const ImportProblem& problem : import.problems) lines.push_back(problem.line);
  return lines;
}

TEST_CASE("lines of IMPORT add, remove, rename, by columns and by tabs") {
  PostofficeFixture fixture;
  fixture.add_mailbox("old");
  fixture.add_mailbox("same");
  const Postoffice postoffice = fixture.open();
  const std::string text = "# people\r\n\r\n" + line('A', "Anna Berg", "PCM:TESTNET/TESTPO/anna") +
                           "A\tBernd B\xc3\xb6ll\tCSI:testnet/testpo/BERND\n" +
                           line('D', "", "MS:TESTNET/TESTPO/printer") +
                           line('M', "Old Name", "PCM:TESTNET/TESTPO/old") +
                           line(' ', "New Name", "PCM:TESTNET/TESTPO/fresh") +
                           line('m', "x", "PCM:TESTNET/TESTPO/same") +
                           line(' ', "y", "PCM:TESTNET/TESTPO/same") + "\x1a";
  const MailboxImport import = read_import(postoffice, text, ImportFormat::import, {});
  CHECK(import.problems.empty());
  CHECK(said(import) == std::vector<std::string>{
                            "3: add mailbox anna (Anna Berg)",
                            "4: add mailbox bernd (Bernd B\xc3\xb6ll)", "5: remove mailbox printer",
                            "6: rename mailbox old to fresh", "7: change mailbox fresh (New Name)",
                            "9: change mailbox same (y)"});
  // Columns are characters, not octets, and the file may be in the set of its time.
  const std::string dos = line('A', "B\x94ll", "PCM:TESTNET/TESTPO/b");
  CHECK(said(read_import(postoffice, dos, ImportFormat::import, "CP850")) ==
        std::vector<std::string>{"1: add mailbox b (B\xc3\xb6ll)"});
  CHECK(lines_of(read_import(postoffice, "#\n" + dos, ImportFormat::import, {})) ==
        std::vector<int>{2});
}

TEST_CASE("every wrong line of IMPORT is said") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string text =
      line('A', "no address", "") + line('A', "a friend", "SMTP:jo@host.example") +
      line('A', "elsewhere", "PCM:TESTNET/OTHER/x") + line('A', "bad", "PCM:TESTNET/x") + "A x\n" +
      "Axy\n" + line('Q', "", "PCM:TESTNET/TESTPO/x") + "R PCM:\nT SMTP:\n- a:/b\nG x\n" +
      "A\tan alias of more than thirty characters\tPCM:TESTNET/TESTPO/x\n" +
      line('M', "", "PCM:TESTNET/TESTPO/x") + line('A', "", "PCM:TESTNET/TESTPO/x") +
      line('M', "", "PCM:TESTNET/TESTPO/x");
  const MailboxImport import = read_import(postoffice, text, ImportFormat::import, {});
  CHECK(lines_of(import) == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15});
  CHECK(import.changes.empty());
}

TEST_CASE("CSV is read as RFC 4180 has it") {
  const auto records = parse_csv("a,\"b,\"\"c\"\"\",\r\n\n\"x\ny\",z\n");
  REQUIRE(records.has_value());
  REQUIRE(records->size() == 2);
  CHECK((*records)[0].fields == std::vector<std::string>{"a", "b,\"c\"", ""});
  CHECK((*records)[1].fields == std::vector<std::string>{"x\ny", "z"});
  CHECK((*records)[1].line == 3);
  CHECK(parse_csv("a\n\"b").error().line == 2);
  CHECK(parse_csv("\"b\"c").error().line == 1);
  CHECK(parse_csv("a\"b").error().line == 1);
  CHECK(parse_csv("").value().empty());
  for (const char* field : {"", "a,b", "\"", "x\r\ny", "plain"}) {
    CHECK(parse_csv("k," + csv_field(field)).value()[0].fields[1] == field);
  }
}

TEST_CASE("CSV adds what is new and changes only what it has columns for") {
  PostofficeFixture fixture;
  fixture.add_mailbox("anna");
  const Postoffice postoffice = fixture.open();
  MailboxSettings before;
  before.keep_sent = true;
  REQUIRE(write_mailbox_settings(postoffice, "anna", before).is_delivered());
  const MailboxImport import = read_import(
      postoffice,
      "\xEF\xBB\xBFName,full_name,aliases,quota_messages,send_to_internet,forward,action\n"
      "Anna,\"Berg, Anna\",a.berg; anna@company.example,7,no,,\n"
      "bernd,,,,,carl;jo@away.example,add\nprinter,,,,,,remove\n",
      ImportFormat::csv, {});
  CHECK(import.problems.empty());
  REQUIRE(import.changes.size() == 3);
  CHECK(import.changes[0].kind == MailboxChange::Kind::set);
  CHECK(import.changes[0].settings.keep_sent);
  CHECK(import.changes[0].settings.full_name == "Berg, Anna");
  CHECK(import.changes[0].settings.quota.messages == 7);
  CHECK_FALSE(import.changes[0].settings.send_to_internet);
  CHECK(import.changes[0].new_aliases ==
        std::vector<std::string>{"a.berg", "anna@company.example"});
  CHECK(import.changes[1].kind == MailboxChange::Kind::add);
  CHECK(import.changes[1].settings.forward.size() == 2);
  CHECK(import.changes[2].kind == MailboxChange::Kind::remove);

  const auto wrong = [&](const char* text) {
    return lines_of(read_import(postoffice, text, ImportFormat::csv, {}));
  };
  CHECK(wrong("") == std::vector<int>{1});
  CHECK(wrong("full_name\nx\n") == std::vector<int>{1});
  CHECK(wrong("name,nmae\n") == std::vector<int>{1});
  CHECK(wrong("name,name\n") == std::vector<int>{1});
  const auto sizes =
      read_import(postoffice, "name,quota_bytes\na,5\nb,500M\nc,2g\nd,0\n", ImportFormat::csv, {});
  REQUIRE(sizes.problems.empty());
  CHECK(sizes.changes[0].settings.quota.octets == 5);
  CHECK(sizes.changes[1].settings.quota.octets == std::uint64_t{500} << 20);
  CHECK(sizes.changes[2].settings.quota.octets == std::uint64_t{2} << 30);
  CHECK(wrong("name,quota_bytes\na,M\nb,5X\nc,99999999999T\nd,-1\ne,5 M\n") ==
        std::vector<int>{2, 3, 4, 5, 6});
  CHECK(wrong("name,quota_messages\na,5M\n") == std::vector<int>{2});
  CHECK(wrong("name,quota_bytes,keep_sent\na,much,maybe\nb\nc,,\nC,,\n") ==
        std::vector<int>{2, 2, 3, 5});
  CHECK(wrong("name,action\na,drop\n") == std::vector<int>{2});
  CHECK(wrong("name,group\nanna,users\n") == std::vector<int>{2});
}

struct Program {
  test::TemporaryDirectory directory;
  std::string folder = directory / "po";
  test::ProgramResult operator()(std::vector<std::string> words) const {
    words.insert(words.begin(), {"-d", folder});
    return test::run_program("postoffice", words);
  }
};

TEST_CASE("an import is all or nothing, says what it would do, and comes back as exported") {
  Program postoffice;
  REQUIRE(postoffice({"init", "--name", "A/B"}).code == 0);
  const std::string file = postoffice.directory / "people.csv";
  test::write_file(file, "name,full_name,aliases\nanna,Anna,a\nbernd,Bernd,a\n../x,,\n");
  auto done = postoffice({"mailbox", "import", file});
  CHECK(done.code == 65);
  CHECK(done.err.find("people.csv:3: alias a is there already, for mailbox anna") !=
        std::string::npos);
  CHECK(done.err.find("people.csv:4: mailbox name \"../x\"") != std::string::npos);
  CHECK(done.err.ends_with("2 errors; nothing was done\n"));
  CHECK(postoffice({"mailbox", "list"}).out == "postmaster\n");

  test::write_file(file,
                   "name,full_name,aliases\nanna,Anna,a\nbernd,\"Bernd, B\",b;bb@x.example\n");
  done = postoffice({"mailbox", "import", file, "--dry-run"});
  CHECK(done.code == 0);
  CHECK(done.out ==
        "line 2: add mailbox anna (Anna), aliases a\n"
        "line 3: add mailbox bernd (Bernd, B), aliases b, bb@x.example\n"
        "2 changes would be done\n");
  CHECK(postoffice({"mailbox", "list"}).out == "postmaster\n");
  done = postoffice({"mailbox", "import", file});
  CHECK(done.out == "2 of 2 changes done\n");
  CHECK(done.err.empty());
  const auto exported = postoffice({"mailbox", "export"});
  CHECK(exported.code == 0);
  CHECK(postoffice({"mailbox", "import", postoffice.directory / "none"}).code == 66);

  Program other;
  REQUIRE(other({"init", "--name", "A/B"}).code == 0);
  test::write_file(file, exported.out);
  CHECK(other({"mailbox", "import", file}).code == 0);
  CHECK(other({"mailbox", "export"}).out == exported.out);
  CHECK(other({"alias", "list"}).out == postoffice({"alias", "list"}).out);
  const auto lines = other({"mailbox", "export", "--format", "import"});
  CHECK(lines.out.find("A Anna                           PCM:A/B/anna\r\n") != std::string::npos);
  CHECK(lines.err.find("aliases and settings of mailbox bernd are left out") != std::string::npos);
}

TEST_CASE("an import that was ended at any operation is finished by running it again") {
  std::uint64_t operations = 1000;
  for (std::uint64_t n = 0; n <= operations; n += 3) {
    INFO("ended at operation " << n);
    PostofficeFixture fixture;
    FaultyFileSystem files;
    const Postoffice faulty = fixture.open(files);
    const std::string text = "name,aliases\nanna,a\nbernd,b\n";
    const auto run = [&](const Postoffice& postoffice) {
      auto changes = MailboxChanges::begin(postoffice);
      if (!changes) return std::string("not begun");
      if (changes->finished_source() == "this file") return std::string("finished");
      const MailboxImport import = read_import(postoffice, text, ImportFormat::csv, {});
      if (!import.problems.empty()) return std::string("cannot read");
      const auto problems = changes->check(import.changes);
      if (!problems || !problems->empty()) return std::string("cannot check");
      return std::string(changes->apply(import.changes, {}, "this file").trouble ? "trouble"
                                                                                 : "done");
    };
    files.forget_operations();
    files.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    if (run(faulty) == "done") operations = n;
    const std::string again = run(fixture.open());
    if (n < operations) CHECK((again == "done" || again == "finished"));
    const Postoffice postoffice = fixture.open();
    CHECK(postoffice.list_mailboxes().value() ==
          std::vector<std::string>{"anna", "bernd", "postmaster"});
    CHECK(postoffice.list_aliases().value().size() == 2);
  }
  CHECK(operations < 1000);
}

}  // namespace
}  // namespace smtpgate::postoffice
