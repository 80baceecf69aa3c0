// Finding messages by what they say, and moments as people write them.
#include "postoffice/mailbag_search.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

struct SearchFixture : test::PostofficeFixture {
  SearchFixture() { add_mailbox("alice"); }

  void put(const std::string& id, std::int64_t arrival, const std::string& lines,
           const std::string& text, const std::string& part = "new") const {
    const std::string path = *this / ("MBG/alice/" + part + "/" + id);
    test::write_file(path, "VERSION:3.00\n" + lines + "TEXT:" + std::to_string(text.size()) + "\n" +
                               text +
                               (lines.find("ATTACHMENT") == std::string::npos ? "" : "data"));
    test::set_modified(path, arrival);
  }
  std::vector<std::string> find(const SearchTerms& terms,
                                FileSystem& files = FileSystem::posix()) const {
    const Postoffice postoffice = open(files);
    const auto mailbag = Mailbag::open(postoffice, "alice");
    REQUIRE(mailbag.has_value());
    std::vector<std::string> ids;
    SearchListener listener;
    listener.found = [&ids](const MailbagEntry& entry, const MessageSummary&) {
      ids.push_back(entry.id);
    };
    result = search_mailbag(postoffice, *mailbag, terms, listener);
    REQUIRE(result.has_value());
    CHECK(result->found == ids.size());
    return ids;
  }
  mutable Expected<SearchResult> result;
};
using Ids = std::vector<std::string>;

TEST_CASE("messages are found by sender, recipient, subject, text, attachment, and all together") {
  SearchFixture fixture;
  fixture.put("one", 100,
              "TO:CSI:TESTNET/TESTPO/alice\nFROM:SMTP:jo@harbour.example\nSUBJECT:Größe der Order\n"
              "ATTACHMENT:Bill.PDF 4\nEXT:S:0:FROM-NAME\nJo Doe\nEXT:I:0:HEADLEN\n1\n",
              "Reply-To: hidden\nThe purchase\norder of Straße\n");
  fixture.put("two", 200, "TO:SMTP:x@y.example\nFROM:SMTP:ann@other.example\nSUBJECT:order\n",
              "nothing here\n", "cur");
  SearchTerms terms;
  CHECK(fixture.find(terms) == Ids{"two", "one"});
  terms.from = {"JO DOE"};
  CHECK(fixture.find(terms) == Ids{"one"});
  terms.from = {"harbour", "doe"};
  CHECK(fixture.find(terms) == Ids{"one"});
  terms.from = {"harbour", "ann"};
  CHECK(fixture.find(terms).empty());
  terms = {};
  terms.subject = {"ORDER"};
  CHECK(fixture.find(terms) == Ids{"two", "one"});
  terms.subject = {"GRÖSSE"};
  terms.text = {"PURCHASE ORDER of strasse"};
  terms.attachments = {"bill.pdf"};
  terms.to = {"testpo/alice"};
  CHECK(fixture.find(terms) == Ids{"one"});
  terms.attachments = {"bill.pdf", "other"};
  CHECK(fixture.find(terms).empty());
  terms = {};
  terms.text = {"hidden"};  // stands in the header lines on top
  CHECK(fixture.find(terms).empty());
  terms = {};
  terms.text = {"purchase", "absent"};
  CHECK(fixture.find(terms).empty());
  terms.text = {"data"};  // an attachment's octets are not the text
  CHECK(fixture.find(terms).empty());
}

TEST_CASE("messages are found by arrival and state, and nothing else is opened") {
  SearchFixture fixture;
  for (int i = 1; i <= 9; ++i) {
    fixture.put(std::to_string(i), i * 100,
                "TO:SMTP:a@b.example\nFROM:SMTP:c@d.example\nSUBJECT:s\n", "t",
                i % 2 == 0 ? "cur" : "new");
  }
  FaultyFileSystem recording;
  SearchTerms terms;
  terms.since = 300;
  terms.before = 700;
  CHECK(fixture.find(terms, recording) == Ids{"6", "5", "4", "3"});
  std::size_t opened = 0;
  for (const Operation& operation : recording.operations()) {
    if (operation.name == "open" && operation.path.find("/MBG/") != std::string::npos) ++opened;
  }
  CHECK(opened == 4);
  terms.only_unread = true;
  CHECK(fixture.find(terms) == Ids{"5", "3"});
  terms.newest = 1;
  CHECK(fixture.find(terms) == Ids{"5"});
  CHECK(fixture.result->looked_at == 1);
}

TEST_CASE("what cannot be read is counted and does not end a search") {
  SearchFixture fixture;
  test::write_file(fixture / "MBG/alice/new/broken", "nonsense");
  fixture.put("cut", 5, "TO:SMTP:a@b.example\nFROM:SMTP:c@d.example\nSUBJECT:s\nATTACHMENT:x 100\n",
              "text");
  fixture.put("good", 6, "TO:SMTP:a@b.example\nFROM:SMTP:c@d.example\nSUBJECT:s\n", "the text\n");
  SearchTerms terms;
  terms.text = {"the text"};
  CHECK(fixture.find(terms) == Ids{"good"});
  CHECK(fixture.result->unreadable == 1);
  CHECK(fixture.result->looked_at == 3);
}

TEST_CASE("moments are dates, times and ages") {
  const TimeZone utc;
  CHECK(parse_moment("1970-01-02", utc, 0) == 86'400);
  CHECK(parse_moment("1970-01-02 03:04", utc, 0) == 86'400 + 3 * 3600 + 4 * 60);
  CHECK(parse_moment("1970-01-02T03:04", utc, 0) == 86'400 + 3 * 3600 + 4 * 60);
  CHECK(parse_moment("2d", utc, 1'000'000) == 1'000'000 - 2 * 86'400);
  CHECK(parse_moment("5h", utc, 1'000'000) == 1'000'000 - 5 * 3600);
  CHECK(parse_moment("3w", utc, 3'000'000) == 3'000'000 - 21 * 86'400);
  CHECK(parse_moment("30m", utc, 3000) == 1200);
  const auto berlin = TimeZone::open("Europe/Berlin");
  REQUIRE(berlin.has_value());
  CHECK(parse_moment("2026-07-01", *berlin, 0) == 1'782'856'800);  // 22:00 UTC the day before
  for (const std::string text :
       {"", "d", "2", "-2d", "2y", "99999999d", "2026", "2026-13-01", "2026-02-30", "2026-1-1",
        "2026-01-01 24:00", "2026-01-01 10:60", "2026-01-01 10", "2026-01-01x", "yesterday"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_moment(text, utc, 0).has_value());
  }
}

}  // namespace
}  // namespace smtpgate::postoffice
