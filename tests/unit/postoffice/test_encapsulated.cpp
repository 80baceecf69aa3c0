// The payload of encapsulated mail: what is written is read, and nothing else is.
#include <cstring>
#include <filesystem>

#include <sodium.h>

#include "postoffice/encapsulated.h"
#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

using namespace smtpgate;
using namespace smtpgate::postoffice;
using smtpgate::test::TemporaryDirectory;

namespace {

EncapsulationKey key_of(char digit) {
  return *parse_encapsulation_key(std::string(64, digit));
}
const EncapsulationKey key = key_of('a');

std::unique_ptr<File> file_with(std::string_view content) {
  auto file = FileSystem::posix().create_unnamed(std::filesystem::temp_directory_path().string());
  REQUIRE(file);
  REQUIRE((*file)->write(content));
  return std::move(*file);
}

EncapsulatedHeader header() {
  EncapsulatedHeader result;
  result.id = std::string(30, '0') + "1f";
  result.created = 1'795'300'000;
  result.character_set = "ISO-8859-1";
  result.from = {{"ACME", "MAIN"}, "anna"};
  result.to = {{{"ACME", "BRANCH"}, "carl"}, {{"ACME", "BRANCH"}, "j\xC3\xB6rg ^0D x"}};
  return result;
}

const std::string message("VERSION:3.00\r\nTEXT:3\r\n\0\xFF\n", 26);

std::string payload_of(const EncapsulatedHeader& header, std::string_view content) {
  auto file = file_with(content);
  auto head = encapsulation_head(header, *file, key);
  INFO((head ? std::string() : head.error().sentence()));
  REQUIRE(head);
  return *head + std::string(content);
}

/// As a stranger to our writer would do it who has the key.
std::string signed_payload(const std::string& behind_mac) {
  unsigned char mac[32];
  crypto_generichash(mac, sizeof mac, reinterpret_cast<const unsigned char*>(behind_mac.data()),
                     behind_mac.size(), key.data(), key.size());
  char digits[65];
  sodium_bin2hex(digits, sizeof digits, mac, sizeof mac);
  return "SMTPGATE-ENCAPSULATED 1\nMAC " + std::string(digits) + "\n" + behind_mac;
}

const std::string good_lines =
    "ID 0000000000000000000000000000001f\nCREATED 1795300000\nCHARSET UTF-8\n"
    "FROM ACME/MAIN/anna\nTO ACME/BRANCH/carl\nSIZE 4\n\nbody";

struct Opened {
  std::unique_ptr<File> file;
  Expected<EncapsulatedMessage> message;
};

/// Behind other octets, as it lies behind other attachments.
Opened open(const std::string& payload, const EncapsulationKey& with = key) {
  auto file = file_with("before" + payload + "behind");
  auto opened = open_encapsulated({file.get(), 6, payload.size()}, with);
  return {std::move(file), std::move(opened)};
}

bool is_refused(const std::string& payload) {
  const Opened opened = open(payload);
  return !opened.message && opened.message.error().is_permanent();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a payload says what was put into it, octet for octet") {
  const EncapsulatedHeader written = header();
  const std::string payload = payload_of(written, message);
  CHECK(payload.starts_with("SMTPGATE-ENCAPSULATED 1\nMAC "));
  CHECK(payload.find("\nTO ACME/BRANCH/j\xC3\xB6rg ^5E0D x\nSIZE 26\n\nVERSION") !=
        std::string::npos);
  const Opened opened = open(payload);
  REQUIRE(opened.message);
  const EncapsulatedHeader& read = opened.message->header;
  CHECK(read.id == written.id);
  CHECK(read.created == written.created);
  CHECK(read.character_set == written.character_set);
  CHECK(read.from.str() == "ACME/MAIN/anna");
  REQUIRE(read.to.size() == 2);
  CHECK(read.to[1].str() == written.to[1].str());
  CHECK(payload.find("MAC " + opened.message->mac + "\n") != std::string::npos);
  const FileRange& content = opened.message->content;
  std::string octets(content.size, '\0');
  REQUIRE(content.file->read_at(content.offset, octets));
  CHECK(octets == message);
}

TEST_CASE("what is not changed gives the same payload, whatever was changed another") {
  const std::string payload = payload_of(header(), message);
  CHECK(payload_of(header(), message) == payload);
  EncapsulatedHeader other = header();
  other.to.pop_back();
  CHECK(payload_of(other, message) != payload);
}

TEST_CASE("the document's MAC is the one that is written") {
  const std::string lines = replaced(good_lines, "SIZE 4\n\nbody", "SIZE 0\n\n");
  EncapsulatedHeader plain = header();
  plain.character_set = "UTF-8";
  plain.to.pop_back();
  CHECK(payload_of(plain, "") == signed_payload(lines));
}

TEST_CASE("every bit of a payload counts") {
  const std::string payload = payload_of(header(), message);
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = payload;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << bit));
      if (is_refused(changed)) continue;
      FAIL("octet " << at << ", bit " << bit);
    }
  }
}

TEST_CASE("a payload that is cut anywhere, or goes on, is refused") {
  const std::string payload = payload_of(header(), message);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    INFO("cut to " << size);
    CHECK(is_refused(payload.substr(0, size)));
  }
  CHECK(is_refused(payload + "\n"));
  CHECK(is_refused(payload + std::string(100'000, 'x')));
}

TEST_CASE("another's key is not ours") {
  const std::string payload = payload_of(header(), message);
  const Opened opened = open(payload, key_of('b'));
  REQUIRE_FALSE(opened.message);
  CHECK(opened.message.error().status() == "5.7.7");
  REQUIRE(open(payload).message);
}

TEST_CASE("who has the key must keep to the format all the same") {
  REQUIRE(open(signed_payload(good_lines)).message);
  const std::pair<std::string, std::string> damages[] = {
      {"ID 0000000000000000000000000000001f", "ID 0000000000000000000000000000001F"},
      {"ID 0", "ID 00"},
      {"ID ", "id "},
      {"ID ", "ID  "},
      {"ID 0000000000000000000000000000001f\n", ""},
      {"CREATED 1795300000", "CREATED -1"},
      {"CREATED 1795300000", "CREATED +1"},
      {"CREATED 1795300000", "CREATED 01"},
      {"CREATED 1795300000", "CREATED 1.5"},
      {"CREATED 1795300000", "CREATED "},
      {"CREATED 1795300000", "CREATED 253402300800"},
      {"CREATED 1795300000", "CREATED 99999999999999999999"},
      {"CREATED 1795300000\nCHARSET UTF-8", "CHARSET UTF-8\nCREATED 1795300000"},
      {"CHARSET UTF-8", "CHARSET"},
      {"CHARSET UTF-8", "CHARSET "},
      {"CHARSET UTF-8", "CHARSET UTF 8"},
      {"CHARSET UTF-8", "CHARSET " + std::string(65, 'x')},
      {"FROM ACME/MAIN/anna", "FROM anna"},
      {"FROM ACME/MAIN/anna", "FROM ACME/MAIN/an^0Ana"},
      {"FROM ACME/MAIN/anna", "FROM ACME/MAIN/anna\nFROM ACME/MAIN/anna"},
      {"FROM ACME/MAIN/anna\n", "FROM ACME/MAIN/anna\r\n"},
      {"FROM ACME/MAIN/anna", "FROM " + std::string(1000, 'x')},
      {"TO ACME/BRANCH/carl\n", ""},
      {"TO ACME/BRANCH/carl", "TO carl@branch.test"},
      {"TO ACME/BRANCH/carl", "CC ACME/BRANCH/carl"},
      {"TO ACME/BRANCH/carl", "TO ACME/BRANCH/carl\nX-NEW 1"},
      {"TO ACME/BRANCH/carl", "TO ACME/BRANCH/carl\n"},
      {"SIZE 4", "SIZE 3"},
      {"SIZE 4", "SIZE 5"},
      {"SIZE 4", "SIZE 04"},
      {"SIZE 4", "SIZE"},
      {"SIZE 4", "SIZE 18446744073709551616"},
      {"SIZE 4", "SIZE 18446744073709551615"},
      {"SIZE 4\n\n", "SIZE 4\n"},
      {"SIZE 4\n\n", "SIZE 4\nSIZE 4\n\n"},
  };
  for (const auto& [from, to] : damages) {
    INFO(from << " -> " << to);
    CHECK(is_refused(signed_payload(replaced(good_lines, from, to))));
  }
  const std::string good = signed_payload(good_lines);
  CHECK(is_refused(replaced(good, "ENCAPSULATED 1", "ENCAPSULATED 2")));
  CHECK(is_refused(replaced(good, "ENCAPSULATED 1\n", "ENCAPSULATED 1\r\n")));
  CHECK(is_refused(replaced(good, "MAC ", "MAC x")));
  CHECK(is_refused(replaced(good, "MAC ", "mac ")));
}

TEST_CASE("lines and recipients are bounded at their edges") {
  // 64 octets each: the longest there can be.
  const std::string part(64, 'n');
  const std::string longest = part + "/" + part + "/" + part;
  CHECK(open(signed_payload(replaced(good_lines, "TO ACME/BRANCH/carl", "TO " + longest))).message);
  CHECK(is_refused(
      signed_payload(replaced(good_lines, "TO ACME/BRANCH/carl", "TO " + longest + "n"))));
  std::string many;
  for (int i = 0; i < 99'999; ++i) many += "TO A/B/c\n";
  const std::string full = replaced(good_lines, "TO ", many + "TO ");
  const Opened opened = open(signed_payload(full));
  REQUIRE(opened.message);
  CHECK(opened.message->header.to.size() == 100'000);
  CHECK(is_refused(signed_payload(replaced(full, "TO ", "TO A/B/c\nTO "))));
}

TEST_CASE("whose key is needed is known from the first lines, whatever follows") {
  const std::string lines = good_lines.substr(0, good_lines.find("TO "));
  auto file = file_with(signed_payload(lines) + "nonsense");
  const auto status = file->status();
  const auto sender = claimed_sender({file.get(), 0, status->size});
  REQUIRE(sender);
  CHECK(sender->str() == "ACME/MAIN/anna");
  auto endless = file_with("SMTPGATE-ENCAPSULATED 1" + std::string(1 << 20, 'x'));
  CHECK_FALSE(claimed_sender({endless.get(), 0, 1 << 20}));
}

TEST_CASE("what no line can hold is not written") {
  auto file = file_with(message);
  EncapsulatedHeader wrong = header();
  wrong.id = "1f";
  CHECK_FALSE(encapsulation_head(wrong, *file, key));
  wrong = header();
  wrong.character_set = "UTF-8\nFROM X";
  CHECK_FALSE(encapsulation_head(wrong, *file, key));
  wrong = header();
  wrong.to.clear();
  CHECK_FALSE(encapsulation_head(wrong, *file, key));
  wrong = header();
  wrong.created = -1;
  CHECK_FALSE(encapsulation_head(wrong, *file, key));
}

TEST_CASE("contents of any size pass, nothing and a great deal") {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{1} << 16, (std::size_t{5} << 20) + 1}) {
    INFO(size);
    const std::string content(size, '\0');
    const Opened opened = open(payload_of(header(), content));
    REQUIRE(opened.message);
    CHECK(opened.message->content.size == size);
  }
  // A gigabyte of holes: read in pieces, never whole.
  const TemporaryDirectory directory;
  auto huge = FileSystem::posix().create(directory / "huge", 0600);
  REQUIRE(huge);
  std::filesystem::resize_file(directory / "huge", std::uintmax_t{1} << 30);
  const auto head = encapsulation_head(header(), **huge, key);
  REQUIRE(head);
  CHECK(head->find("\nSIZE 1073741824\n\n") != std::string::npos);
}

TEST_CASE("a key is 64 hexadecimal digits and nothing else") {
  CHECK(parse_encapsulation_key(std::string(64, 'F')) == key_of('f'));
  for (const std::string& wrong :
       {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(66, 'a'),
        std::string(63, 'a') + "g", " " + std::string(63, 'a'), std::string(64, 'a') + " "}) {
    INFO(wrong);
    CHECK_FALSE(parse_encapsulation_key(wrong));
  }
}
