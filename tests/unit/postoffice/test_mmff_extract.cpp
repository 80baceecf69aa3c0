// Extracting: safe unique names, nothing overwritten, nothing outside the directory.
#include <filesystem>

#include "postoffice/mmff_extract.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/temporary_directory.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;
using namespace smtpgate::test;

namespace {

struct Given {
  std::string name;
  std::string contents;
};

ReadMessage message_of(const std::string& text, const std::vector<Given>& attachments,
                       std::uint64_t header_lines = 0) {
  ReadMessage message;
  message.header.from = message.header.to.emplace_back(TypedAddress::parse("A/B/C"));
  message.header.text_size = text.size();
  message.header.header_lines = header_lines;
  message.sections.push_back(text);
  for (const Given& given : attachments) {
    Attachment attachment;
    attachment.name = given.name;
    attachment.size = given.contents.size();
    message.header.attachments.push_back(attachment);
    message.sections.push_back(given.contents);
  }
  return message;
}

smtpgate::Expected<std::vector<ExtractedFile>> extract_file(const std::string& file,
                                                            const std::string& directory) {
  MemorySource source(file);
  return extract(source, directory);
}

/// A dangling link counts as well.
bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

std::size_t count_files(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (std::filesystem::is_regular_file(entry.symlink_status())) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("MMFF extract: text, header lines and attachments as files") {
  const TemporaryDirectory place;
  const auto file = write_all({message_of("A: 1\n---\nthe text\n",
                                          {{"a.bin", "\x00\xFF\r"}, {"a.bin", "2"}, {"", "3"}}, 2)},
                              LineEnd::lf);
  const auto extracted = extract_file(file, place / "out");
  REQUIRE(extracted);
  REQUIRE(extracted->size() == 5);
  CHECK((*extracted)[0].path == place / "out/message.txt");
  CHECK((*extracted)[0].size == 9);
  CHECK(read_file(place / "out/message.txt") == "the text\n");
  CHECK(read_file(place / "out/headers.txt") == "A: 1\n---\n");
  CHECK(read_file(place / "out/a-2.bin") == "2");
  CHECK(read_file(place / "out/attachment") == "3");
  CHECK(count_files(place.path()) == 5);
  CHECK((mode_of(place / "out/message.txt") & 0077) == 0);
}

TEST_CASE("MMFF extract: header lines are counted in the file's own line end") {
  for (const LineEnd line_end : all_line_ends) {
    const TemporaryDirectory place;
    const std::string end(line_end_octets(line_end));
    const std::string text = "A: 1" + end + "stray \n in crlf" + end;
    REQUIRE(extract_file(write_all({message_of(text + "t" + end, {}, 2)}, line_end), place.path()));
    if (line_end != LineEnd::lf) CHECK(read_file(place / "message.txt") == "t" + end);
    CHECK(read_file(place / "headers.txt").starts_with("A: 1" + end));
  }
}

TEST_CASE(
    "MMFF extract: no header lines, no headers.txt; more than there are take the whole text") {
  const TemporaryDirectory place;
  REQUIRE(extract_file(write_all({message_of("text", {}, 0)}, LineEnd::lf), place / "none"));
  CHECK(!exists(place / "none/headers.txt"));
  REQUIRE(extract_file(write_all({message_of("", {}, 3)}, LineEnd::lf), place / "empty"));
  CHECK(!exists(place / "empty/headers.txt"));
  CHECK(exists(place / "empty/message.txt"));
  REQUIRE(extract_file(write_all({message_of("text", {}, 3)}, LineEnd::lf), place / "many"));
  CHECK(read_file(place / "many/message.txt").empty());
  CHECK(read_file(place / "many/headers.txt") == "text");
}

TEST_CASE("MMFF extract: text of another character set becomes UTF-8, attachments stay") {
  const TemporaryDirectory place;
  auto message = message_of(
      "Gr\xFC\xDF"
      "e\n",
      {{"f\xFCr.txt", "\xFC"}});
  message.header.add_field(ext::character_set, "ISO-8859-1");
  REQUIRE(extract_file(write_all({message}, LineEnd::lf), place.path()));
  CHECK(read_file(place / "message.txt") == "Grüße\n");
  CHECK(read_file(place / "für.txt") == "\xFC");

  message.header.fields[0].value = "no-such-set";
  REQUIRE(extract_file(write_all({message}, LineEnd::lf), place / "unknown"));
  CHECK(read_file(place / "unknown/message.txt") == "Gr\uFFFD\uFFFDe\n");
}

TEST_CASE("MMFF extract: hostile names stay in the directory and never meet our own") {
  const TemporaryDirectory place;
  const std::vector<Given> hostile = {
      {"../../etc/passwd", "1"},   {"/etc/shadow", "2"}, {"message.txt", "3"},
      {"HEADERS.TXT", "4"},        {"..", "5"},          {"1", "6"},
      {"C:\\x\\message.txt", "7"}, {"a\nb", "8"},        {"con", "9"}};
  REQUIRE(extract_file(write_all({message_of("text", hostile)}, LineEnd::lf), place / "out"));
  CHECK(count_files(place.path()) == hostile.size() + 1);
  CHECK(count_files(place / "out") == hostile.size() + 1);
  CHECK(read_file(place / "out/message.txt") == "text");
  CHECK(read_file(place / "out/passwd") == "1");
  CHECK(read_file(place / "out/shadow") == "2");
  CHECK(read_file(place / "out/message-2.txt") == "3");
  CHECK(read_file(place / "out/HEADERS-2.TXT") == "4");
  CHECK(read_file(place / "out/attachment") == "5");
  CHECK(read_file(place / "out/1-2") == "6");
  CHECK(read_file(place / "out/message-3.txt") == "7");
  CHECK(read_file(place / "out/ab") == "8");
  CHECK(read_file(place / "out/_con") == "9");
}

TEST_CASE("MMFF extract: several messages go to numbered directories") {
  const TemporaryDirectory place;
  const auto file = write_all({message_of("one", {{"1", "x"}, {"2", "y"}}, 0),
                               message_of("h\ntwo", {{"1", "z"}}, 1), message_of("three", {})},
                              LineEnd::lf);
  const auto extracted = extract_file(file, place.path());
  REQUIRE(extracted);
  CHECK(extracted->size() == 7);
  CHECK((*extracted)[0].path == place / "1/message.txt");
  CHECK(read_file(place / "1/message.txt") == "one");
  CHECK(read_file(place / "1/1-2") == "x");
  CHECK(read_file(place / "1/2") == "y");
  CHECK(read_file(place / "2/message.txt") == "two");
  CHECK(read_file(place / "2/headers.txt") == "h\n");
  CHECK(read_file(place / "3/message.txt") == "three");
  CHECK(count_files(place.path()) == 7);
  CHECK(!exists(place / "message.txt"));
}

TEST_CASE("MMFF extract: a taken name is an error, and what holds it is not touched") {
  const TemporaryDirectory place;
  const auto file = write_all({message_of("text", {{"a", "new"}})}, LineEnd::lf);
  write_file(place / "a", "old");
  const auto result = extract_file(file, place.path());
  REQUIRE(!result);
  CHECK(result.error().is_temporary());
  CHECK(result.error().sentence().find("empty directory") != std::string::npos);
  CHECK(read_file(place / "a") == "old");

  // Neither a dangling link nor one to somewhere is written through.
  std::filesystem::create_directory(place / "links");
  std::filesystem::create_symlink(place / "made", place / "links/message.txt");
  CHECK(!extract_file(file, place / "links"));
  CHECK(!exists(place / "made"));
}

TEST_CASE("MMFF extract: a file that is cut leaves no half attachment") {
  const TemporaryDirectory place;
  auto file = write_all({message_of("text", {{"a", "whole"}, {"b", "broken"}})}, LineEnd::lf);
  file.pop_back();
  const auto result = extract_file(file, place.path());
  REQUIRE(!result);
  CHECK(result.error().is_permanent());
  CHECK(result.error().sentence().starts_with("140-1-"));
  CHECK(read_file(place / "a") == "whole");
  CHECK(!exists(place / "b"));
}

TEST_CASE("MMFF extract: an empty file leaves an empty directory") {
  const TemporaryDirectory place;
  const auto result = extract_file("", place / "out");
  REQUIRE(result);
  CHECK(result->empty());
  CHECK(count_files(place.path()) == 0);
}
