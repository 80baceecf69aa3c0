// Mailbags out to Maildir, mbox and .eml, and back in: the same messages, each once, whatever is
// stopped or disturbed in between.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "converter/archive_directory.h"
#include "converter/archive_export.h"
#include "converter/archive_import.h"
#include "converter/archive_source.h"
#include "converter/archive_target.h"
#include "postoffice/mailbag.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"
#include "unit/postoffice/faulty_file_system.h"

using namespace smtpgate;
using namespace smtpgate::converter;
using postoffice::FaultyFileSystem;
using postoffice::FileSystem;
using postoffice::Mailbag;
using postoffice::MailbagEntry;
using postoffice::Postoffice;
using test::read_whole;

namespace {

const std::vector<std::string> mails = {
    "Return-Path: <bob@example.com>\r\nReceived: from a by b; Sun, 22 Nov 2026 08:00:00 +0000\r\n"
    "From: Bob <bob@example.com>\r\nTo: anna@main.example\r\nSubject: One\r\n"
    "Date: Sun, 22 Nov 2026 09:00:00 +0100\r\nMessage-ID: <one@example.com>\r\n\r\n"
    "From here on\r\n>From there\r\n\r\nFrom a@b.example Sun Nov 22 08:14:13 2026\r\nthe end\r\n",
    "From: Zo\xC3\xAB <zoe@example.com>\r\nTo: anna@main.example\r\nSubject: Two\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n"
    "gr\xC3\xBC\xC3\x9F\x65\r\n--x\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nAAECA0Zyb20g/w==\r\n--x--\r\n",
    "Subject: Three\r\nFrom: carl@example.com\r\n\r\nno line end",
};

/// A postoffice with the mailboxes anna and ben; anna has `mails`, the first one read.
class ArchiveFixture {
 public:
  ArchiveFixture() {
    postoffice::PostofficeSettings settings;
    settings.name = {"NET", "PO"};
    REQUIRE(Postoffice::init(path(), settings).is_delivered());
    for (const char* name : {"anna", "ben"}) REQUIRE(office().add_mailbox(name).is_delivered());
    std::filesystem::create_directory(directory_ / "mails");
    for (std::size_t i = 0; i < mails.size(); ++i) {
      write(directory_ / ("mails/" + std::to_string(i) + ".eml"), mails[i]);
    }
    const ImportCount count = import("anna", ArchiveFormat::eml, directory_ / "mails");
    REQUIRE(count.filed == mails.size());
    const auto anna = bag("anna");
    const auto entries = anna.list().value();
    for (const MailbagEntry& entry : entries) {
      if (subject_of(entry) == "One") REQUIRE(anna.mark_read(entry).is_delivered());
    }
  }

  std::string path() const { return directory_ / "po"; }
  std::string operator/(std::string_view name) const { return directory_ / name; }
  Postoffice office() const { return *Postoffice::open(path()); }
  Mailbag bag(std::string_view name) const { return *Mailbag::open(office(), name); }

  static void write(const std::string& to, std::string_view octets) {
    std::ofstream(to, std::ios::binary) << octets;
  }

  std::string subject_of(const MailbagEntry& entry) const {
    return message_of("anna", entry).header.subject;
  }

  test::ReadMessage message_of(std::string_view mailbox, const MailbagEntry& entry) const {
    const std::string place =
        path() + "/MBG/" + std::string(mailbox) + (entry.is_read ? "/cur/" : "/new/");
    return test::read_api(read_whole(place + entry.id));
  }

  /// "subject|text|attachments|read" of all, sorted.
  std::vector<std::string> contents_of(std::string_view mailbox) const {
    std::vector<std::string> result;
    const auto entries = bag(mailbox).list().value();
    for (const MailbagEntry& entry : entries) {
      const test::ReadMessage message = message_of(mailbox, entry);
      std::string all = message.header.subject + "|" + message.header.from.name + "|" +
                        message.text + "|" + (entry.is_read ? "read" : "unread") + "|" +
                        std::to_string(entry.arrival);
      for (const std::string& octets : message.contents) all += "|" + octets;
      result.push_back(std::move(all));
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  Expected<ExportCount> try_export(ArchiveFormat format, const std::string& out,
                                   FileSystem& files = FileSystem::posix(),
                                   std::string_view mailbox = "anna") const {
    auto target = ArchiveTarget::open(format, out, "NET/PO/" + std::string(mailbox), files);
    if (!target) return failure(target.error());
    ExportWatcher watcher;
    watcher.progress = [](std::uint64_t, std::uint64_t) {};
    watcher.failed = [](const std::string&, const Outcome&) {};
    return export_mailbag(office(), bag(mailbox), **target, nullptr, directory_.path(), watcher);
  }

  ImportCount import(std::string_view mailbox, ArchiveFormat format, const std::string& from,
                     bool dry_run = false) {
    failures.clear();
    auto source = ArchiveSource::open(format, from, FileSystem::posix());
    INFO((source ? std::string() : source.error().sentence()));
    REQUIRE(source);
    ImportWatcher watcher;
    watcher.progress = [](std::uint64_t, unsigned percent) { CHECK(percent <= 100); };
    watcher.failed = [this](const std::string& name, const Outcome& outcome) {
      failures.push_back(name + ": " + outcome.sentence());
    };
    ImportOptions options;
    options.settings.hostname = "mx.example.net";
    options.dry_run = dry_run;
    auto count = import_into(office(), bag(mailbox), **source, options, watcher);
    REQUIRE(count);
    return *count;
  }

  std::vector<std::string> failures;

 private:
  test::TemporaryDirectory directory_;
};

std::size_t messages_in(const std::string& mbox) {
  const std::string all = read_whole(mbox);
  std::size_t count = 0;
  for (std::size_t at = all.find("\nX-Smtpgate-ID: "); at != std::string::npos;
       at = all.find("\nX-Smtpgate-ID: ", at + 1)) {
    ++count;
  }
  return count;
}

std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("what is exported comes back in as the same messages", "[archives]") {
  ArchiveFixture fixture;
  const auto wanted = fixture.contents_of("anna");
  REQUIRE(wanted.size() == mails.size());
  for (const ArchiveFormat format :
       {ArchiveFormat::maildir, ArchiveFormat::mbox, ArchiveFormat::eml}) {
    INFO(name_of(format));
    const std::string out = fixture / ("out-" + std::string(name_of(format)));
    const auto count = fixture.try_export(format, out);
    REQUIRE(count);
    CHECK(count->written == mails.size());
    const std::string from = format == ArchiveFormat::mbox ? out + "/anna.mbox" : out;
    CHECK(fixture.import("ben", format, from).filed == mails.size());
    CHECK(fixture.import("ben", format, from).filed == 0);
    auto found = fixture.contents_of("ben");
    if (format == ArchiveFormat::eml) {
      // Which has no place to say that a message was read.
      for (std::string& one : found) {
        if (one.starts_with("One|")) one.replace(one.find("unread"), 6, "read");
      }
    }
    CHECK(found == wanted);
    // Into the mailbox it came from: all is there.
    CHECK(fixture.import("anna", format, from).were_there == mails.size());
    CHECK(fixture.contents_of("anna") == wanted);
    REQUIRE(fixture.office().remove_mailbox("ben", true).is_delivered());
    REQUIRE(fixture.office().add_mailbox("ben").is_delivered());
  }
}

TEST_CASE("an export goes on where the last one ended, and leaves to readers what they did",
          "[archives]") {
  ArchiveFixture fixture;
  const std::string out = fixture / "maildir";
  REQUIRE(fixture.try_export(ArchiveFormat::maildir, out)->written == 3);
  CHECK(files_in(out + "/cur") == 1);
  CHECK(files_in(out + "/new") == 2);
  // A reader deletes one and answers another.
  const auto gone = std::filesystem::directory_iterator(out + "/new")->path();
  std::filesystem::remove(gone);
  const auto moved = std::filesystem::directory_iterator(out + "/new")->path();
  std::filesystem::rename(moved, out + "/cur/" + moved.filename().string() + ":2,RS");
  auto again = fixture.try_export(ArchiveFormat::maildir, out);
  REQUIRE(again);
  CHECK(again->written == 0);
  CHECK(again->were_there == 3);
  CHECK(files_in(out + "/new") == 0);
  // What is new comes.
  std::filesystem::create_directory(fixture / "more");
  ArchiveFixture::write(fixture / "more/4.eml", "Subject: Four\r\n\r\nnew\r\n");
  REQUIRE(fixture.import("anna", ArchiveFormat::eml, fixture / "more").filed == 1);
  CHECK(fixture.try_export(ArchiveFormat::maildir, out)->written == 1);
  // Without the record, the names of what is there still tell.
  std::filesystem::remove(out + "/smtpgate-export");
  again = fixture.try_export(ArchiveFormat::maildir, out);
  CHECK(again->were_there == 3);
  CHECK(again->written == 1);
}

TEST_CASE("the name of a file that an owner laid into his mailbag adds no line to an archive",
          "[archives]") {
  ArchiveFixture fixture;
  const MailbagEntry entry = fixture.bag("anna").list().value().front();
  const std::string sample =
      read_whole(fixture.path() + "/MBG/anna/" + (entry.is_read ? "cur/" : "new/") + entry.id);
  for (const std::string& name :
       {std::string("two\r\nBcc: x@y.example\r\n\r\nlines"), std::string(240, 'n'),
        std::string("a b"), std::string("\x1b[2J")}) {
    ArchiveFixture::write(fixture.path() + "/MBG/ben/new/" + name, sample);
  }
  for (const ArchiveFormat format :
       {ArchiveFormat::maildir, ArchiveFormat::mbox, ArchiveFormat::eml}) {
    INFO(name_of(format));
    const std::string out = fixture / ("odd-" + std::string(name_of(format)));
    auto count = fixture.try_export(format, out, FileSystem::posix(), "ben");
    REQUIRE(count);
    CHECK(count->written == 4);
    CHECK(count->failed == 0);
    count = fixture.try_export(format, out, FileSystem::posix(), "ben");
    REQUIRE(count);
    CHECK(count->were_there == 4);
    for (const auto& file : std::filesystem::recursive_directory_iterator(out)) {
      if (!file.is_regular_file()) continue;
      const std::string octets = read_whole(file.path());
      CHECK(octets.find("Bcc") == std::string::npos);
      CHECK(octets.find('\x1b') == std::string::npos);
      CHECK(file.path().string().find('\x1b') == std::string::npos);
    }
  }
}

TEST_CASE("an archive is one mailbox's, in one form, and one export's at a time", "[archives]") {
  ArchiveFixture fixture;
  const std::string out = fixture / "out";
  REQUIRE(fixture.try_export(ArchiveFormat::eml, out));
  const auto other = fixture.try_export(ArchiveFormat::eml, out, FileSystem::posix(), "ben");
  REQUIRE_FALSE(other);
  CHECK_FALSE(other.error().is_temporary());
  CHECK_FALSE(fixture.try_export(ArchiveFormat::maildir, out));
  auto open = ArchiveTarget::open(ArchiveFormat::eml, out, "NET/PO/anna", FileSystem::posix());
  REQUIRE(open);
  const auto beside = fixture.try_export(ArchiveFormat::eml, out);
  REQUIRE_FALSE(beside);
  CHECK(beside.error().is_temporary());
  open->reset();
  ArchiveFixture::write(out + "/smtpgate-export", "something else\n");
  CHECK_FALSE(fixture.try_export(ArchiveFormat::eml, out));
}

TEST_CASE("an export that is stopped at any step goes on and ends with each message once",
          "[archives]") {
  ArchiveFixture fixture;
  for (const ArchiveFormat format :
       {ArchiveFormat::maildir, ArchiveFormat::mbox, ArchiveFormat::eml}) {
    FaultyFileSystem counted;
    REQUIRE(fixture.try_export(format, fixture / "whole", counted));
    const std::size_t steps = counted.operations().size();
    REQUIRE(steps > 10);
    std::filesystem::remove_all(fixture / "whole");
    for (const auto moment :
         {FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards}) {
      for (std::size_t step = 0; step < steps; ++step) {
        INFO(name_of(format) << ", stopped at operation " << step << ": "
                             << counted.operations()[step].str());
        const std::string out = fixture / "stopped";
        FaultyFileSystem files;
        files.fail_at(step, EIO, moment, true);
        (void)fixture.try_export(format, out, files);
        const auto rest = fixture.try_export(format, out);
        INFO((rest ? std::string() : rest.error().sentence()));
        REQUIRE(rest);
        CHECK(rest->failed == 0);
        CHECK(rest->written + rest->were_there == mails.size());
        if (format == ArchiveFormat::mbox) {
          CHECK(messages_in(out + "/anna.mbox") == mails.size());
          CHECK(files_in(out) == 2);
        } else if (format == ArchiveFormat::eml) {
          CHECK(files_in(out) == mails.size() + 1);
        } else {
          CHECK(files_in(out + "/new") + files_in(out + "/cur") == mails.size());
          CHECK(files_in(out + "/tmp") == 0);
        }
        const std::string from = format == ArchiveFormat::mbox ? out + "/anna.mbox" : out;
        CHECK(fixture.import("anna", format, from).were_there == mails.size());
        std::filesystem::remove_all(out);
      }
    }
  }
}

TEST_CASE("an mbox that a stop left half written is cut back, one that was complete is not",
          "[archives]") {
  ArchiveFixture fixture;
  const std::string out = fixture / "out";
  REQUIRE(fixture.try_export(ArchiveFormat::mbox, out));
  const std::string mbox = out + "/anna.mbox";
  const std::string whole = read_whole(mbox);
  const std::string begun = mbox + ".smtpgate-begun";
  ArchiveFixture::write(mbox,
                        whole + "From MAILER-DAEMON Sun Nov 22 08:14:13 2026\nStatus: O\nhal");
  ArchiveFixture::write(begun, std::to_string(whole.size()) + " 3\n");
  REQUIRE(fixture.try_export(ArchiveFormat::mbox, out));
  CHECK(read_whole(mbox) == whole);
  CHECK_FALSE(std::filesystem::exists(begun));
  // The record has what was being added: only the note was left.
  ArchiveFixture::write(begun, "10 0\n");
  REQUIRE(fixture.try_export(ArchiveFormat::mbox, out));
  CHECK(read_whole(mbox) == whole);
  // A note that does not fit is a person's to look at.
  for (const char* odd : {"", "12", "99999999 3\n", "0 3 \n", "-1 3\n"}) {
    ArchiveFixture::write(begun, odd);
    CHECK_FALSE(fixture.try_export(ArchiveFormat::mbox, out));
    CHECK(read_whole(mbox) == whole);
  }
}

TEST_CASE("mboxes of all dialects are cut into their messages", "[archives]") {
  ArchiveFixture fixture;
  const std::string path = fixture / "old.mbox";
  const auto import = [&](std::string_view text) {
    ArchiveFixture::write(path, text);
    const ImportCount count = fixture.import("ben", ArchiveFormat::mbox, path);
    auto found = fixture.contents_of("ben");
    REQUIRE(fixture.office().remove_mailbox("ben", true).is_delivered());
    REQUIRE(fixture.office().add_mailbox("ben").is_delivered());
    CHECK(count.failed == 0);
    CHECK(count.filed == found.size());
    return found;
  };
  const std::string first = "From a@b.example Sun Nov 22 08:14:13 2026\n";
  const std::string time = "|unread|1795335253";
  CHECK(import("").empty());
  CHECK(import("no mbox at all\n").empty());
  CHECK(import(first + "Subject: s\n\ntext\n") == std::vector<std::string>{"s||text\n" + time});
  // CR LF, no line end at the end, a zone in the line.
  CHECK(import("From a@b.example Sun Nov 22 09:14:13 2026 +0100\r\nSubject: s\r\n\r\ntext") ==
        std::vector<std::string>{"s||text\n" + time});
  // Prose that begins so is no separator, nor is a separator without an empty line before it.
  CHECK(import(first + "Subject: s\n\n\nFrom now on\n>From me\n>>From you\ntext\n" + first) ==
        std::vector<std::string>{"s||\nFrom now on\nFrom me\n>From you\ntext\n" + first + time});
  // Two, the first without a text, the second read.
  CHECK(import(first + "Subject: a\n\n" + first + "Status: RO\nSubject: b\n\ntext\n\n") ==
        std::vector<std::string>{"a||" + time, "b||text\n|read|1795335253"});
  // A line longer than any buffer.
  const std::string line(300'000, 'x');
  CHECK(import(first + "Subject: s\n\n" + line + "\n\n" + first + "Subject: t\n\n2\n") ==
        std::vector<std::string>{"s||" + line + "\n" + time, "t||2\n" + time});
}

TEST_CASE("an import says what it cannot take, takes the rest, and a dry run takes nothing",
          "[archives]") {
  ArchiveFixture fixture;
  const std::string maildir = fixture / "in";
  for (const char* name : {"/new", "/cur", "/tmp"}) {
    std::filesystem::create_directories(maildir + name);
  }
  ArchiveFixture::write(maildir + "/new/1", "Subject: a\n\ntext\n");
  ArchiveFixture::write(maildir + "/cur/2:2,FS", "Subject: b\n\ntext\n");
  ArchiveFixture::write(maildir + "/cur/3:2,", "Subject: c\n\ntext\n");
  ArchiveFixture::write(maildir + "/tmp/4", "Subject: d\n\ntext\n");
  std::filesystem::create_symlink("/etc/passwd", maildir + "/new/5");
  std::filesystem::create_directory(maildir + "/new/6");
  CHECK(fixture.import("ben", ArchiveFormat::maildir, maildir, true).filed == 3);
  CHECK(fixture.contents_of("ben").empty());
  const ImportCount count = fixture.import("ben", ArchiveFormat::maildir, maildir);
  CHECK(count.filed == 3);
  CHECK(count.failed == 2);
  CHECK(fixture.failures.size() == 2);
  std::vector<std::string> states;
  for (const std::string& one : fixture.contents_of("ben")) states.push_back(one.substr(0, 13));
  CHECK(states == std::vector<std::string>{"a||text\n|unre", "b||text\n|read", "c||text\n|unre"});
  CHECK_FALSE(ArchiveSource::open(ArchiveFormat::maildir, fixture / "mails", FileSystem::posix()));
  CHECK_FALSE(ArchiveSource::open(ArchiveFormat::mbox, maildir, FileSystem::posix()));
  CHECK_FALSE(ArchiveSource::open(ArchiveFormat::eml, fixture / "none", FileSystem::posix()));
}

TEST_CASE("the ID in an archive's file name", "[archives]") {
  CHECK(id_in_archive_name("1795335253.0a1b.smtpgate") == "0a1b");
  CHECK(id_in_archive_name("1795335253.0a1b.smtpgate:2,S") == "0a1b");
  CHECK(id_in_archive_name("0a1b.eml") == "0a1b");
  CHECK(id_in_archive_name("1795335253.M1P2.host:2,S").empty());
  CHECK(id_in_archive_name(".smtpgate").empty());
  CHECK(id_in_archive_name("smtpgate-export").empty());
  CHECK(id_in_archive_name("x.smtpgate").empty());
  CHECK(id_in_archive_name(".smtpgate-new").empty());
  CHECK(id_in_archive_name(".hidden.eml").empty());
}

TEST_CASE("lines for Unix, with From quoted, wherever they are cut", "[archives]") {
  const std::string text =
      "From a\r\n>From b\r\n>>From c\r\nfrom d\r\n From e\r\nFromf\r\n\r\nlast";
  for (const std::size_t piece : {1, 2, 3, 7, 100}) {
    std::string out;
    postoffice::StringSink sink(out);
    LineFeedSink lines(sink, true);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      REQUIRE(lines.write(std::string_view(text).substr(at, piece)));
    }
    REQUIRE(lines.finish());
    CHECK(out == ">From a\n>>From b\n>>>From c\nfrom d\n From e\nFromf\n\nlast\n");
  }
}
