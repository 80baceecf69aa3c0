// Files written into a text: what is one, what stays text, and that cuts do not matter. The
// promises are in docs/conversion.md, "Files inside a part".
#include <string>

#include "unit/catch.h"
#include "unit/converter/text_file_fixture.h"

using namespace smtpgate::test;
using namespace std::string_literals;
using smtpgate::converter::TextFileRules;

namespace {

/// In one piece, cut once at every octet, and in pieces of 1 to 100: always the same.
Scanned scan_all_ways(const std::string& input, const TextFileRules& rules = {}) {
  const Scanned whole = scan(input, std::string_view::npos, rules);
  for (std::size_t piece = 1; piece <= 100 && piece < input.size(); ++piece) {
    if (scan(input, piece, rules) == whole) continue;
    FAIL("pieces of " << piece << " of: " << input);
  }
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    FileRecorder recorder;
    smtpgate::converter::TextFileScanner scanner(rules, recorder);
    std::string text(scanner.feed(std::string_view(input).substr(0, cut)));
    text += scanner.feed(std::string_view(input).substr(cut));
    text += scanner.finish();
    if (text == whole.text && recorder.files == whole.files) continue;
    FAIL("cut at " << cut << " of: " << input);
  }
  return whole;
}

/// Nothing is found, and not an octet is changed.
void check_stays_text(const std::string& input) {
  INFO(input);
  const Scanned scanned = scan_all_ways(input);
  CHECK(scanned.text == input);
  CHECK(scanned.files.empty());
}

std::string with_lf(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

const std::string full_line = "M" + std::string(60, 'A') + "\r\n";
const std::string full_octets = [] {
  std::string octets;
  for (int i = 0; i < 15; ++i) octets += "\x86\x18\x61";
  return octets;
}();

}  // namespace

TEST_CASE("a uuencoded file is taken out of the text around it", "[text-files]") {
  const std::string octets = sample_octets(200, 1);
  const Scanned found =
      scan_all_ways("before\r\n\r\n" + uuencoded("a photo.jpg", octets) + "after\r\n");
  CHECK(found.text == "before\r\n\r\nafter\r\n");
  CHECK(found.files == std::vector<FoundFile>{{"a photo.jpg", octets, {}}});
}

TEST_CASE("decoding what was encoded gives it back, in every kind", "[text-files]") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const std::size_t size = seed < 20 ? seed : 37 * seed;
    const std::string octets = sample_octets(size, seed);
    INFO(size << " octets");
    const auto check = [&](const std::string& block) {
      for (const std::size_t piece : {std::size_t{1}, std::size_t{61}, std::string_view::npos}) {
        for (const std::string& form : {block, with_lf(block)}) {
          INFO(form);
          const Scanned found = scan("t\r\n" + form + "u", piece);
          CHECK(found.text == "t\r\nu");
          CHECK(found.files == std::vector<FoundFile>{{"x", octets, {}}});
        }
      }
    };
    check(uuencoded("x", octets));
    check(xxencoded("x", octets));
    if (size > 0) check(yencoded("x", octets));
    if (size > 0) check(yencoded("x", octets, 64));
    check(BinhexEncoder::encode("x", octets, ""));
  }
}

TEST_CASE("uuencoded lines of other lengths are as good", "[text-files]") {
  for (const std::size_t length : {1, 2, 3, 14, 15, 30, 44, 60, 63}) {
    const std::string octets = sample_octets(200, 2);
    INFO(length);
    const Scanned found = scan_all_ways(xxencoded("x", octets, length));
    CHECK(found.files == std::vector<FoundFile>{{"x", octets, {}}});
  }
}

TEST_CASE("blanks that relays took from the ends of lines are put back", "[text-files]") {
  const std::string octets = "name"s + std::string(86, '\0') + std::string(45, '\0') + "more"s;
  std::string block = uuencoded("x", octets);
  std::replace(block.begin(), block.end(), '`', ' ');
  const Scanned blanks = scan_all_ways(block);
  CHECK(blanks.files == std::vector<FoundFile>{{"x", octets, {}}});
  std::string stripped;
  for (std::size_t at = 0; at < block.size();) {
    const std::size_t end = block.find("\r\n", at);
    std::string line = block.substr(at, end - at);
    if (!line.starts_with("begin")) line.erase(line.find_last_not_of(' ') + 1);
    stripped += line + "\r\n";
    at = end + 2;
  }
  REQUIRE(stripped != block);
  const Scanned found = scan_all_ways(stripped + "after\r\n");
  CHECK(found.files == std::vector<FoundFile>{{"x", octets, {}}});
  CHECK(found.text == "after\r\n");
}

TEST_CASE("stripped lines alone could be prose", "[text-files]") {
  check_stays_text("begin 644 zeros\nM\nM\n#\n\nend\n");
  CHECK(scan_all_ways("begin 644 zeros\nM\nM\n#\n`\nend\n").files ==
        std::vector<FoundFile>{{"zeros", std::string(93, '\0'), {}}});
}

TEST_CASE("a check character or blanks behind the groups do not matter", "[text-files]") {
  const std::string line = full_line.substr(0, 61);
  for (const std::string& tail : {"x"s, " "s, "   "s, "``"s}) {
    INFO(tail);
    const Scanned found = scan_all_ways("begin 644 x\r\n" + line +
                                        (tail == "x"    ? "Z"
                                         : tail == "``" ? "`"
                                                        : tail) +
                                        "\r\n`" + (tail == "``" ? "`" : "") + "\r\nend  \r\n");
    CHECK(found.files == std::vector<FoundFile>{{"x", full_octets, {}}});
    CHECK(found.text.empty());
  }
}

TEST_CASE("groups without the characters that no octet needs", "[text-files]") {
  const Scanned found = scan_all_ways("begin 644 x\r\n\"04(\r\n`\r\nend\r\n");
  CHECK(found.files == std::vector<FoundFile>{{"x", "AB", {}}});
}

TEST_CASE("an empty file", "[text-files]") {
  CHECK(scan_all_ways("begin 644 x\r\n`\r\nend\r\n").files ==
        std::vector<FoundFile>{{"x", "", {}}});
}

TEST_CASE("end without the line of length zero, or without its line end", "[text-files]") {
  CHECK(scan_all_ways("begin 644 x\r\n" + full_line + "end\r\nmore").files ==
        std::vector<FoundFile>{{"x", full_octets, {}}});
  CHECK(scan_all_ways("begin 644 x\r\n" + full_line + "`\r\nend").files ==
        std::vector<FoundFile>{{"x", full_octets, {}}});
}

TEST_CASE("several files, one right behind the other", "[text-files]") {
  const Scanned found = scan_all_ways(uuencoded("1", "first") + yencoded("2", "second") +
                                      BinhexEncoder::encode("3", "third", "") +
                                      xxencoded("4", "fourth") + uuencoded("5", ""));
  CHECK(found.text.empty());
  REQUIRE(found.files.size() == 5);
  CHECK(found.files[0].octets == "first");
  CHECK(found.files[3].octets == "fourth");
  CHECK(found.files[4] == FoundFile{"5", "", {}});
}

TEST_CASE("a block that does not end keeps what it had, and gives the rest back", "[text-files]") {
  const std::string block = "begin 644 x\r\n" + full_line + full_line;
  const auto check = [&](const std::string& rest) {
    INFO(rest);
    const Scanned found = scan_all_ways(block + rest);
    CHECK(found.files == std::vector<FoundFile>{{"x", full_octets + full_octets, {"not-closed"}}});
    CHECK(found.text == rest);
  };
  check("");
  check("And then prose.\r\n");
  check("`\r\nno end\r\n");
  check("\r\nA paragraph.\r\n");
  check("END OF FILE\r\n\r\nIN CAPITALS\r\n");
  check("\r\n\r\nendeavour\r\n");
}

TEST_CASE("a second block begins where the first breaks off", "[text-files]") {
  const Scanned found =
      scan_all_ways("begin 644 x\r\n" + full_line + uuencoded("y", "second") + "text");
  CHECK(found.files ==
        std::vector<FoundFile>{{"x", full_octets, {"not-closed"}}, {"y", "second", {}}});
  CHECK(scan_all_ways("begin 644 x\r\nbegin 644 x\r\n" + full_line + "`\r\nend\r\n").text ==
        "begin 644 x\r\n");
}

TEST_CASE("prose with BEGIN and END stays prose", "[text-files]") {
  check_stays_text("BEGIN the day\r\nwith coffee\r\nENDEAVOR to stay awake\r\n");
  check_stays_text("begin the day\r\nwith coffee\r\nend\r\n");
  check_stays_text("begin 644 reasons to stay\r\nend\r\n");
  check_stays_text("begin 644 reasons\r\nHELLO\r\nend\r\n");
  check_stays_text("begin 644 reasons\r\nHELLO\r\n\r\nend\r\n");
  check_stays_text("begin 100 times\r\nMAIL THIS TO EVERYBODY\r\nMAIL IT AGAIN\r\nend\r\n");
  check_stays_text("begin 64 x\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("begin 64400 x\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("begin 648 x\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("begin 644\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("begin 644  \r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("Begin 644 x\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text(" begin 644 x\r\n" + full_line + "`\r\nend\r\n");
  check_stays_text("> begin 644 x\r\n> " + full_line + "> `\r\n> end\r\n");
  check_stays_text("begin 644 x\r\nM" + std::string(59, 'A') + "a\r\n`\r\nend\r\n");
  check_stays_text("begin 644 x\r\nM" + std::string(63, 'A') + "\r\n`\r\nend\r\n");
  check_stays_text("begin 644 x");
  check_stays_text("begin 644 x\r\n");
  check_stays_text("begin 644 " + std::string(5000, 'n') + "\r\n" + full_line + "`\r\nend\r\n");
}

TEST_CASE("text that only begins like a block", "[text-files]") {
  check_stays_text("b\r\nbe\r\nbegi\nbegin\nbegin \r\n=\r\n=y\r\n=ybegin \r\n(\r\n(This\r\n");
  check_stays_text("=ybegin line=128 size=3\r\nabc\r\n=yend size=3\r\n");
  check_stays_text("=ybegin line=0 size=3 name=x\r\nabc\r\n=yend size=3\r\n");
  check_stays_text("=ybegin line=128 size=300 name=x\r\nSomebody wrote about yEnc.\r\nMore.\r\n");
  check_stays_text("=ybegin part=1 line=128 size=3 name=x\r\nabc\r\n=yend size=3\r\n");
  check_stays_text("(This file must be converted with BinHex 4.0)\r\n\r\nbut is not here\r\n");
  check_stays_text("(This file must be converted with BinHex 4.0)\r\n:abc\r\n");
  check_stays_text("(This file must be converted with BinHex 4.0)\r\n:" + std::string(63, 'a') +
                   "\r\n" + std::string(64, 'b') + "\r\n" + std::string(64, 'c') + ":\r\n");
  check_stays_text("begin-base64 644 x\r\nfour\r\nand some\r\n");
  check_stays_text("begin-base64 644 x\r\nThis is prose, not base64.\r\n====\r\n");
  check_stays_text(std::string(20, '\n') + "begin\r" + "\rbegin 644 x\r\r\n" + "\0\xFF\r"s);
}

TEST_CASE("base64 of uuencode -m", "[text-files]") {
  const Scanned found = scan_all_ways(
      "t\nbegin-base64 664 a b.txt\nQSBsaW5lIHRoYXQgaXMgbG9uZyBlbm91Z2guCg==\n====\nu\n");
  CHECK(found.text == "t\nu\n");
  CHECK(found.files == std::vector<FoundFile>{{"a b.txt", "A line that is long enough.\n", {}}});
  CHECK(scan_all_ways("begin-base64 644 x\r\nQUI=\r\n====\r\n").files ==
        std::vector<FoundFile>{{"x", "AB", {}}});
  const Scanned open = scan_all_ways("begin-base64 644 x\r\nQSBsaW5lIHRoYXQgaXMg\r\nprose\r\n");
  CHECK(open.files == std::vector<FoundFile>{{"x", "A line that is ", {"not-closed"}}});
  CHECK(open.text == "prose\r\n");
  check_stays_text("begin-base64 644 x\r\nQSBsaW5lIHRoYXQg\r\nprose\r\n");
}

TEST_CASE("yEnc: check sums, sizes, pieces", "[text-files]") {
  const std::string octets = sample_octets(500, 3);
  std::string block = yencoded("x", octets);
  const std::size_t sum = block.find("crc32=") + 6;
  std::string wrong = block;
  wrong[sum] = wrong[sum] == '0' ? '1' : '0';
  CHECK(scan_all_ways(wrong).files == std::vector<FoundFile>{{"x", octets, {"checksum-wrong"}}});

  std::string shorter = block;
  const std::size_t second = shorter.find("\r\n", shorter.find("\r\n") + 2) + 2;
  shorter.erase(second, shorter.find("\r\n", second) + 2 - second);
  const Scanned lost = scan_all_ways(shorter);
  REQUIRE(lost.files.size() == 1);
  CHECK(lost.files[0].odd == std::vector<std::string>{"size-differs", "checksum-wrong"});
  CHECK(lost.text.empty());

  const std::string piece = octets.substr(200);
  const std::string lines = yencoded_lines(piece, 128);
  const std::string part =
      "=ybegin part=2 total=3 line=128 size=700 name=\"a b.bin\"\r\n"
      "=ypart begin=201 end=500\r\n" +
      lines + "=yend size=300 part=2 pcrc32=" + hexadecimal(smtpgate::converter::crc32(0, piece)) +
      " \r\n";
  CHECK(scan_all_ways(part).files ==
        std::vector<FoundFile>{{"a b.bin", piece, {"partial:2 of 3"}}});
}

TEST_CASE("yEnc that never ends takes no more than the size it promised", "[text-files]") {
  const std::string octets(256, 'a');
  const std::string begin = "=ybegin line=128 size=256 name=x\r\n";
  const std::string prose = "Prose behind it.\r\nMore.\r\n";
  const Scanned found = scan_all_ways(begin + yencoded_lines(octets, 128) + prose);
  CHECK(found.files == std::vector<FoundFile>{{"x", octets, {"not-closed"}}});
  CHECK(found.text == prose);
}

TEST_CASE("BinHex: two forks, a wrong sum, a cut end", "[text-files]") {
  const std::string data = sample_octets(300, 4);
  const std::string resource = sample_octets(100, 5);
  const std::string block = BinhexEncoder::encode("Read Me", data, resource);
  CHECK(scan_all_ways("top\r\n" + block + "bottom\r\n") ==
        Scanned{"top\r\nbottom\r\n", {{"Read Me", data, {}}, {"Read Me.rsrc", resource, {}}}});
  std::string other = block;
  other.replace(other.find("with BinHex 4.0"), 15, "by somebody");
  CHECK(scan_all_ways(other).files.size() == 2);
  CHECK(scan_all_ways(BinhexEncoder::encode("x", "", resource)).files ==
        std::vector<FoundFile>{{"x", "", {}}, {"x.rsrc", resource, {}}});

  std::string wrong = BinhexEncoder::encode("x", std::string(60, 'a') + "bcdefghijk", "");
  const std::size_t last = wrong.rfind(':') - 8;
  wrong[last] = wrong[last] == '!' ? '"' : '!';
  const Scanned damaged = scan_all_ways(wrong);
  REQUIRE(damaged.files.size() == 1);
  CHECK(damaged.files[0].odd == std::vector<std::string>{"checksum-wrong"});

  const Scanned cut = scan(block.substr(0, block.size() / 2) + "\r\n\r\nBye, Joe\r\n");
  REQUIRE(cut.files.size() == 1);
  CHECK(data.starts_with(cut.files[0].octets));
  CHECK(cut.files[0].odd == std::vector<std::string>{"not-closed"});
  CHECK(cut.text.ends_with("Bye, Joe\r\n"));
}

TEST_CASE("BinHex expands no more than a file would", "[text-files][hostile]") {
  const Scanned found = scan(BinhexEncoder::encode("x", std::string(100'000'000, 'a'), ""));
  REQUIRE(found.files.size() == 1);
  CHECK(found.files[0].octets.size() < 50'000'000);
  CHECK(found.files[0].odd == std::vector<std::string>{"limit:expansion"});
}

TEST_CASE("names are read in the text's character set", "[text-files]") {
  TextFileRules rules;
  rules.charset = "iso-8859-1";
  CHECK(scan(uuencoded("gr\xFC\xDF.txt", "a"), 1, rules).files[0].name == "gr\xC3\xBC\xC3\x9F.txt");
}

TEST_CASE("beyond the limit of files blocks stay text", "[text-files]") {
  TextFileRules rules;
  rules.most_files = 2;
  const std::string third = uuencoded("3", "third");
  const Scanned at_limit = scan_all_ways(uuencoded("1", "a") + uuencoded("2", "b"), rules);
  CHECK(at_limit.files.size() == 2);
  CHECK_FALSE(at_limit.limit_reached);
  const Scanned beyond = scan_all_ways(uuencoded("1", "a") + uuencoded("2", "b") + third, rules);
  CHECK(beyond.files.size() == 2);
  CHECK(beyond.limit_reached);
  CHECK(beyond.text == third);
}

TEST_CASE("an empty line before a block is its separator, where there are separators",
          "[text-files]") {
  TextFileRules rules;
  rules.drops_separator = true;
  const Scanned found = scan_all_ways(
      "text\r\n\r\n\r\n" + uuencoded("1", "a") + "\r\n" + uuencoded("2", "b") + "\r\nbye\r\n\r\n",
      rules);
  CHECK(found.text == "text\r\n\r\n\r\nbye\r\n\r\n");
  CHECK(found.files.size() == 2);
  const std::string prose = "\n\nbegin the day\n\nbegin 644 times\n\nend of it\n\n";
  CHECK(scan_all_ways(prose, rules).text == prose);
}

TEST_CASE("6 MB of lines that almost are blocks come out as they went in",
          "[text-files][hostile]") {
  // That the work is linear is measured by tests/growth; quadratic work would never end here.
  for (const std::string& line :
       {"begin 644 x\r\n"s, "begin 644 x\r\n#ABCD\r\n"s, "begin 644 "s,
        "begin-base64 644 x\r\nAAAA\r\n"s, "=ybegin line=5 size=4 name=x\r\nabcd\r\n"s,
        "(This file must be converted with BinHex 4.0)\r\n:\r\n"s}) {
    INFO(line);
    std::string input;
    while (input.size() < 6'000'000) input += line;
    const Scanned found = scan(input, 65'536);
    CHECK(found.text == input);
    CHECK(found.files.empty());
  }
}
