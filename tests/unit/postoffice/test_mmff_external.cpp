// XTEXT and XATTACH: only with permission, only below one directory, never through a link.
#include <filesystem>

#include <sys/stat.h>

#include "postoffice/mmff_external.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/temporary_directory.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;
using namespace smtpgate::test;

namespace {

std::string file_with(const std::string& first, const std::string& last = "TEXT:0") {
  return file_of({"VERSION:3.00", "TO:A/B/C", "FROM:A/B/C", first, last});
}

}  // namespace

TEST_CASE("MMFF external files: plain relative paths") {
  for (const char* good : {"a", "a.txt", "dir/a", "a b", "...", "a..b", ".hidden"}) {
    INFO(good);
    CHECK(is_plain_relative_path(good));
  }
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/.", "a\\b",
                          "C:a", "a\nb", "a\x7F"}) {
    INFO(bad);
    CHECK(!is_plain_relative_path(bad));
  }
  CHECK(!is_plain_relative_path(std::string_view("a\0b", 3)));
}

TEST_CASE("MMFF external files: text and attachments come like the others") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "dir");
  write_file(directory / "body.txt", "the text");
  write_file(directory / "dir/data.bin", "data");
  ReaderOptions options;
  options.external_directory = directory.path();
  const std::string file =
      file_of({"VERSION:3.00", "TO:A/B/C", "FROM:A/B/C", "ATTACHMENT:in 6",
               "XATTACH:dir/data.bin given name", "XATTACH:body.txt", "XTEXT:body.txt"}) +
      "inside" + file_with("SUBJECT:next");
  const auto messages = read_all(file, options);
  REQUIRE(messages);
  REQUIRE(messages->size() == 2);
  const auto& header = messages->front().header;
  CHECK(header.text_size == 8);
  CHECK(header.attachments[1].name == "given name");
  CHECK(header.attachments[1].size == 4);
  CHECK(header.attachments[2].name == "body.txt");
  CHECK(messages->front().sections ==
        std::vector<std::string>{"the text", "inside", "data", "the text"});
  CHECK(messages->back().header.subject == "next");
}

TEST_CASE("MMFF external files: refused or unopenable ones are errors 146 and 147") {
  const TemporaryDirectory outside;
  write_file(outside / "secret", "secret");
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "sub");
  std::filesystem::create_symlink(outside.path(), directory / "linked");
  std::filesystem::create_symlink(outside / "secret", directory / "link");
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  ReaderOptions options;
  options.external_directory = directory.path();
  for (const std::string path :
       {"../secret", "/etc/passwd", "sub/../../secret", "", "a\\b", "C:x", "a^0Ab"}) {
    INFO(path);
    CHECK(error_of(file_with("XATTACH:" + path), options).starts_with("146-1-4 "));
    CHECK(error_of(file_with("SUBJECT:", "XTEXT:" + path), options).starts_with("146-1-5 "));
  }
  for (const std::string path : {"link", "linked/secret", "absent", "sub", "fifo", "sub/absent"}) {
    INFO(path);
    CHECK(error_of(file_with("XATTACH:" + path), options).starts_with("147-1-5 "));
    CHECK(error_of(file_with("SUBJECT:", "XTEXT:" + path), options).starts_with("147-1-5 "));
  }
  CHECK(error_of(file_with("XATTACH:secret")).starts_with("146-1-4 "));
}
