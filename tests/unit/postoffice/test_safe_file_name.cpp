// File names that strangers chose, made harmless; unique names.

#include "postoffice/character_set.h"
#include "postoffice/safe_file_name.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using namespace smtpgate::postoffice;
using namespace std::string_literals;

namespace {

std::string safe(std::string_view name) {
  return safe_file_name(name, "fallback");
}

/// What every safe name must be, whatever came in.
void check_harmless(std::string_view name, std::size_t longest) {
  CHECK(!name.empty());
  CHECK(name.size() <= longest);
  CHECK(is_utf8(name));
  CHECK(name.find_first_of("/\\:*?\"<>|"s + '\0') == std::string_view::npos);
  for (const char c : name) {
    CHECK(static_cast<unsigned char>(c) >= 0x20);
    CHECK(c != '\x7F');
  }
  CHECK(name.front() != '.');
  CHECK(name.front() != '-');
  CHECK(name.front() != ' ');
  CHECK(name.back() != '.');
  CHECK(name.back() != ' ');
  CHECK(!is_dos_device_name(name));
}

}  // namespace

TEST_CASE("safe file names: ordinary names stay as they are") {
  for (const std::string name : {"a.txt", "Parts list (2).csv", "Hafenplan.PNG", "Müller.tar.gz",
                                 "日本語.doc", "README", "a-b_c,d;e=f.txt", "x.", "100%.txt"}) {
    INFO(name);
    CHECK(safe(name) == (name == "x." ? "x" : name));
  }
}

TEST_CASE("safe file names: hostile names") {
  const std::pair<std::string, std::string> table[] = {
      {"../../etc/passwd", "passwd"},
      {"/etc/passwd", "passwd"},
      {"C:\\dir\\x.txt", "x.txt"},
      {"C:x.txt", "C_x.txt"},
      {"\\\\server\\share\\a.exe", "a.exe"},
      {"..\\..\\boot.ini", "boot.ini"},
      {"a/b\\c", "c"},
      {"dir/", "dir"},
      {"dir\\/\\", "dir"},
      {".\u200B./.\u200B./x", "x"},
      {"..\uFF0F..\u2215x", "_.._x"},
      {"CON.txt", "_CON.txt"},
      {"con", "_con"},
      {"nul .tar.gz", "_nul .tar.gz"},
      {"COM7", "_COM7"},
      {"LPT\u00B2.x", "_LPT\u00B2.x"},
      {"CONSOLE.txt", "CONSOLE.txt"},
      {"", "fallback"},
      {".", "fallback"},
      {"..", "fallback"},
      {"/", "fallback"},
      {" . . ", "fallback"},
      {"\u202E\u200B\uFEFF", "fallback"},
      {".bashrc", "bashrc"},
      {"...hidden", "hidden"},
      {"-rf", "_-rf"},
      {"trailing...", "trailing"},
      {"trailing. . ", "trailing"},
      {"a\0.txt.exe"s, "a.txt.exe"},
      {"a\r\nTO:X/Y/Z", "Z"},
      {"tab\there", "tabhere"},
      {"esc\x1B[31mred", "esc[31mred"},
      {"gnp\u202Efdp.exe", "gnpfdp.exe"},
      {"\u2066a\u2069.txt", "a.txt"},
      {"a\u2028b\u2029c", "abc"},
      {"zero\u200Bwidth\u200D.txt", "zerowidth.txt"},
      {"filler\u3164.txt", "filler.txt"},
      {"a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
      {"wide\u3000blank\u00A0.txt\u00A0", "wide blank .txt"},
      {"bad\xFF octet", "bad\uFFFD octet"},
      {"e\u0301.txt", "\u00E9.txt"},
  };
  for (const auto& [wanted, expected] : table) {
    INFO(wanted);
    CHECK(safe(wanted) == expected);
    check_harmless(safe(wanted), 200);
    CHECK(safe(safe(wanted)) == safe(wanted));
  }
}

TEST_CASE("safe file names: long ones are cut at a character, with the extension kept") {
  std::string umlauts;
  while (umlauts.size() < 300) umlauts += "ü";
  const std::string cut = safe(umlauts + ".pdf");
  CHECK(cut.size() <= 200);
  CHECK(cut.size() >= 198);
  CHECK(cut.ends_with(".pdf"));
  CHECK(is_utf8(cut));
  CHECK(safe("x" + umlauts).size() == 199);  // 200 would cut the last ü in two
  // An extension that is no extension does not eat the name.
  CHECK(safe("a." + std::string(400, 'x')) == "a." + std::string(198, 'x'));
  CHECK(safe(std::string(195, 'a') + "     .txt.txt").size() <= 200);
  CHECK(safe_file_name("CON." + std::string(196, 'x'), "f").size() == 200);
  check_harmless(safe_file_name("con." + std::string(300, 'x') + "." + umlauts, "f", 20), 20);
}

TEST_CASE("safe file names: every mixture of hostile pieces becomes harmless, and stays so") {
  const std::string pieces[] = {"",     ".",      "..",     "/", "\\",     "a",    ".txt", " ",
                                "con",  ":",      "\u202E", "-", "\xC3",   "\xA9", "\0"s,  "\n",
                                "lpt1", "\u0301", "ü",      "_", "\u00A0", "nul."};
  for (const auto& first : pieces) {
    for (const auto& second : pieces) {
      for (const auto& third : pieces) {
        for (const std::size_t longest : {std::size_t{8}, std::size_t{200}}) {
          const std::string name = safe_file_name(first + second + third + first, "f", longest);
          INFO(first + "|" + second + "|" + third);
          check_harmless(name, longest);
          CHECK(safe_file_name(name, "f", longest) == name);
        }
      }
    }
  }
}

TEST_CASE("unique names: numbered from two, extension kept, case and composition ignored") {
  UniqueNames names;
  CHECK(names.take("a.txt") == "a.txt");
  CHECK(names.take("a.txt") == "a-2.txt");
  CHECK(names.take("A.TXT") == "A-3.TXT");
  CHECK(names.take("b") == "b");
  CHECK(names.take("b") == "b-2");
  CHECK(names.take("\u00E9") == "\u00E9");
  CHECK(names.take("e\u0301") == "e\u0301-2");
  CHECK(names.take(".x") == ".x");
  CHECK(names.take(".x") == ".x-2");
}

TEST_CASE("unique names: a generated name that came by itself before is not given again") {
  UniqueNames names;
  CHECK(names.take("a-2.txt") == "a-2.txt");
  CHECK(names.take("a.txt") == "a.txt");
  CHECK(names.take("a.txt") == "a-3.txt");
  CHECK(names.take("a-3.txt") == "a-3-2.txt");
  CHECK(names.take("a-2.txt") == "a-2-2.txt");
}

TEST_CASE("unique names: ten thousand equal names take no quadratic time") {
  UniqueNames names;
  std::set<std::string> given;
  const smtpgate::test::ProcessorTime took;
  for (int i = 0; i < 10'000; ++i) given.insert(names.take("attachment.dat"));
  CHECK(given.size() == 10'000);
  CHECK(given.count("attachment-10000.dat") == 1);
  CHECK(took.seconds() < 2);
}
