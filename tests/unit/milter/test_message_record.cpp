// Records: as JSON and back, bounded and escaped; door 2's tally; minutes of the history.
#include <sys/stat.h>

#include "gateway_fixture.h"
#include "milter/delivery_notes.h"
#include "milter/history.h"
#include "milter/message_record.h"
#include "milter/received_queue_id.h"
#include "milter/records_file.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

MessageRecord record_of(std::int64_t ended, const char* result = "filed") {
  MessageRecord record;
  record.way = Way::door_2;
  record.ended = ended;
  record.id = "4F3A1";
  record.sender = "carol@remote.example";
  record.octets = 2212;
  record.set(Stage::receive, 0.05);
  record.set(Stage::sync, 0.004);
  record.set(Stage::reply, 0.001);
  record.recipients = {{"anna@example.com", "ACME/MAIN/ANNA", result, "2.0.0", "filed as k"}};
  return record;
}

std::vector<std::string> taken(const std::string& work) {
  std::vector<std::string> lines;
  take_tally(work, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

}  // namespace

TEST_CASE("a record that was written is read again") {
  MessageRecord record = record_of(1'795'347'755'663);
  record.attachments = {7, 9};
  record.odd = {"charset-guessed"};
  const std::string line = render_record(record);
  CHECK(line.find('\n') == std::string::npos);
  const auto read = parse_record(line);
  REQUIRE(read);
  CHECK(read->record.way == Way::door_2);
  CHECK(read->record.ended == 1'795'347'755'663);
  CHECK(read->record.id == "4F3A1");
  CHECK(read->record.octets == 2212);
  CHECK(read->record.of(Stage::sync) == Approx(0.004));
  CHECK_FALSE(read->record.of(Stage::convert));
  CHECK(read->record.recipients.front().destination == "ACME/MAIN/ANNA");
  CHECK(read->counts.results.at("filed") == 1);
  CHECK(read->counts.marks.at("charset-guessed") == 1);
  CHECK(read->counts.attachments == 2);
}

TEST_CASE("a record of many hostile recipients stays below 64 KiB, and its counts are of all") {
  MessageRecord record = record_of(1);
  record.sender = std::string("\xff\x1b[2J<script>\n\"") + std::string(100'000, '\\');
  record.odd.assign(5'000, std::string(1'000, '"'));
  record.attachments.assign(50'000, 123'456'789);
  for (int i = 0; i < 10'000; ++i) {
    record.recipients.push_back({std::string(5'000, '\x01'), std::string(5'000, '\\'), "temporary",
                                 std::string(500, '4'), std::string(5'000, '"')});
  }
  const std::string line = render_record(record);
  CHECK(line.size() < 64 * 1024);
  CHECK(line.find('\x1b') == std::string::npos);
  const auto read = parse_record(line);
  REQUIRE(read);
  CHECK(read->record.recipients.size() < 1'000);
  CHECK(read->counts.results.at("temporary") == 10'000);
  CHECK(read->counts.marks.at("other") == 5'000);
  CHECK(read->counts.attachments == 50'000);
}

TEST_CASE("what is no record is none") {
  const std::string whole = render_record(record_of(1));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    CHECK_FALSE(parse_record(std::string_view(whole).substr(0, size)));
  }
  for (const char* line : {"", "null", "[]", "{}", "{\"way\":1}", "\xff\xfe", "{\"time_ms\":-1}"}) {
    CHECK_FALSE(parse_record(line));
  }
  CHECK_FALSE(parse_record(std::string(100'000, '[')));
}

TEST_CASE("outcomes have the label that the door gives them") {
  CHECK(delivery_result(Way::door_1, Outcome::delivered("filed as x in mailbox a")) == "filed");
  CHECK(delivery_result(Way::door_1, Outcome::delivered("duplicate of x in mailbox a")) ==
        "duplicate");
  CHECK(delivery_result(Way::door_1, Outcome::temporary("full")) == "left");
  CHECK(delivery_result(Way::door_2, Outcome::temporary("full", "4.3.1")) == "temporary");
  CHECK(delivery_result(Way::door_2, Outcome::temporary("full", "4.2.2")) == "over_quota");
  CHECK(delivery_result(Way::door_2, Outcome::permanent("full", "5.2.3")) == "over_quota");
  CHECK(delivery_result(Way::door_2, Outcome::permanent("no", "5.1.1")) == "permanent");
}

TEST_CASE("what door 2 leaves is taken once, one call later") {
  const test::TemporaryDirectory work;
  DeliveryNotes notes(work.path(), nullptr);
  notes.note(record_of(1));
  notes.note(record_of(2));
  CHECK(taken(work.path()).empty());
  notes.note(record_of(3));
  CHECK(taken(work.path()).size() == 2);
  const auto last = taken(work.path());
  REQUIRE(last.size() == 1);
  CHECK(parse_record(last.front())->record.ended == 3);
  CHECK(taken(work.path()).empty());
}

TEST_CASE("a tally that nobody takes stops growing, and rubbish in it is told as lines") {
  const test::TemporaryDirectory work;
  test::write_whole(work.path() + "/tally", std::string(largest_tally + 1, 'x'));
  append_to_tally(work.path(), "one more");
  CHECK(test::read_whole(work.path() + "/tally").size() == largest_tally + 1);
  taken(work.path());
  std::size_t octets = 0;
  std::size_t longest = 0;
  take_tally(work.path(), [&](std::string_view line) {
    octets += line.size();
    longest = std::max(longest, line.size());
  });
  CHECK(octets == largest_tally + 1);
  CHECK(longest <= 256 * 1024);
}

TEST_CASE("a tally is no way to another file") {
  const test::TemporaryDirectory work;
  test::write_whole(work.path() + "/victim", "untouched");
  REQUIRE(::symlink((work.path() + "/victim").c_str(), (work.path() + "/tally").c_str()) == 0);
  append_to_tally(work.path(), "line");
  CHECK(test::read_whole(work.path() + "/victim") == "untouched");
}

TEST_CASE("records go on in a new file after a rotation") {
  const test::TemporaryDirectory place;
  const std::string path = place.path() + "/records.json";
  auto records = RecordsFile::open(path);
  REQUIRE(records);
  (*records)->write("one");
  std::filesystem::rename(path, path + ".1");
  (*records)->write("two");
  CHECK((*records)->reopen());
  (*records)->write("three");
  CHECK(test::read_whole(path + ".1") == "one\ntwo\n");
  CHECK(test::read_whole(path) == "three\n");
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777 & ~0640U) == 0);
  const auto nowhere = RecordsFile::open(place.path() + "/none/records");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().find("gateway.records") != std::string::npos);
}

TEST_CASE("the history sums whole minutes, and forgets what is older than a day and an hour") {
  constexpr std::int64_t noon = 1'795'348'800;
  History history;
  const auto note = [&](std::int64_t seconds, const char* result) {
    const MessageRecord record = record_of(seconds * 1000, result);
    history.note(record, counts_of(record));
  };
  note(noon, "filed");
  note(noon + 59, "filed");
  note(noon + 60, "temporary");
  CHECK(history.sum(noon, noon + 60).door_2 == 2);
  CHECK(history.sum(noon, noon + 61).door_2 == 3);
  CHECK(history.sum(noon + 60, noon + 3600).recipients.at("temporary") == 1);
  const auto bins = history.sums(noon - 300, 300, 3);
  CHECK(bins[0].door_2 == 0);
  CHECK(bins[1].door_2 == 3);
  CHECK(bins[1].latency_quantile(0.5) > 0.002);
  CHECK(bins[1].latency_quantile(0.5) <= 0.005);
  CHECK(bins[2].latency_quantile(0.5) == 0);
  note(noon + 26 * 3600, "filed");
  CHECK(history.sum(noon, noon + 120).door_2 == 0);
  note(noon, "filed");  // too old to count
  CHECK(history.sum(noon - 3600, noon + 30 * 3600).door_2 == 1);
}

TEST_CASE(
    "Postfix's queue id is found in its own Received field, and nothing else is taken for one") {
  CHECK(received_queue_id("Received: by mx.test (Postfix, from userid 0)\r\n\tid AF556A8877B; Sun, "
                          "22 Nov 2026 12:20:42 +0000 (UTC)\r\nFrom: a@b\r\n") == "AF556A8877B");
  CHECK(received_queue_id(
            "Received: by mx.test (Postfix)\r\n\tid 4cVx1Z3yJkz9sRm; Sun\r\nX: y\r\n") ==
        "4cVx1Z3yJkz9sRm");
  CHECK(received_queue_id(
            "Received: from a (b [192.0.2.1])\n by mx (Postfix) with ESMTP id 6E273A88FB0\n "
            "for <a@b>; Sun\nFrom: x\n") == "6E273A88FB0");
  for (const char* other :
       {"", "From: a@b\r\n\r\n", "Received: by mx (Exim) id 1aBcDe-000000\r\nX: y\r\n",
        "Received: by mx (Postfix, from userid 0)\r\nX: y id ABCDEF\r\n",
        "Received: by mx (Postfix)\r\n\tid AF556A8877B; Sun",  // its end is not there
        "Received: by mx (Postfix)\r\n\tid 1; Sun\r\nX: y\r\n",
        "Received: by mx (Postfix)\r\n\tid AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; Sun\r\nX: y\r\n",
        "Received: by mx (Postfix)\r\n\tid \x1b[2J\x1b[2J; Sun\r\nX: y\r\n"}) {
    INFO(other);
    CHECK(received_queue_id(other).empty());
  }
}
