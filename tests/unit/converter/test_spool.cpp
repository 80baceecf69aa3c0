// Spool: the same octets come out wherever they lie, in memory or in a file.
#include <cerrno>
#include <string>

#include "converter/spool.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using smtpgate::converter::Spool;
using smtpgate::converter::SpoolPlace;
using smtpgate::postoffice::FileSystem;
using smtpgate::postoffice::StringSink;
using smtpgate::test::read_whole;
using smtpgate::test::TemporaryDirectory;

namespace {

std::string numbered_octets(std::size_t count) {
  std::string text;
  while (text.size() < count) text += std::to_string(text.size()) + ",";
  text.resize(count);
  return text;
}

}  // namespace

TEST_CASE("a spool gives back what was written, around the edge of its memory", "[spool]") {
  TemporaryDirectory directory;
  for (const std::size_t size : {0, 1, 99, 100, 101, 199, 200, 201, 5000}) {
    for (const std::size_t piece : {1, 7, 100, 150, 5000}) {
      INFO(size << " octets in pieces of " << piece);
      const std::string octets = numbered_octets(size);
      Spool spool(SpoolPlace{&FileSystem::posix(), directory.path(), 100});
      for (std::size_t at = 0; at < octets.size(); at += piece) {
        REQUIRE(spool.write(std::string_view(octets).substr(at, piece)));
      }
      CHECK(spool.size() == size);

      std::string copied;
      StringSink sink(copied);
      REQUIRE(spool.copy_to(sink));
      CHECK(copied == octets);

      std::string pieces;
      REQUIRE(spool.for_each_piece(33, [&](std::string_view taken) {
        pieces += taken;
        return true;
      }));
      CHECK(pieces == octets);

      std::string buffer(50, '\0');
      auto count = spool.read_at(size / 2, buffer);
      REQUIRE(count);
      CHECK(buffer.substr(0, *count) == octets.substr(size / 2, *count));

      const std::string target = directory / "target";
      {
        auto file = FileSystem::posix().create(target, 0600);
        REQUIRE(file);
        REQUIRE(spool.copy_to(**file));
      }
      CHECK(read_whole(target) == octets);
      REQUIRE(FileSystem::posix().remove(target));
    }
  }
}

TEST_CASE("a spool leaves no name behind and can be used again", "[spool]") {
  TemporaryDirectory directory;
  Spool spool(SpoolPlace{&FileSystem::posix(), directory.path(), 10});
  REQUIRE(spool.write(numbered_octets(1000)));
  CHECK(std::filesystem::is_empty(directory.path()));
  spool.clear();
  CHECK(spool.size() == 0);
  REQUIRE(spool.write("again"));
  std::string copied;
  StringSink sink(copied);
  REQUIRE(spool.copy_to(sink));
  CHECK(copied == "again");
}

TEST_CASE("a spool without a place for its file says so", "[spool]") {
  Spool spool(SpoolPlace{&FileSystem::posix(), "/nonexistent/work", 10});
  REQUIRE(spool.write("short"));
  auto written = spool.write(numbered_octets(100));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ENOENT);
  CHECK(written.error().outcome().is_temporary());
}

TEST_CASE("a spool kept in a file leaves its octets there, behind what stood in it", "[spool]") {
  TemporaryDirectory directory;
  for (const std::size_t size : {5, 50, 5000, 200'000}) {
    const std::string octets = numbered_octets(size);
    const std::string path = directory / "kept";
    auto file = FileSystem::posix().create(path, 0600);
    REQUIRE(file);
    REQUIRE((*file)->write("before:"));
    Spool spool(SpoolPlace{&FileSystem::posix(), directory.path(), 100});
    spool.keep_in(std::move(*file), 7);
    REQUIRE(spool.write(octets.substr(0, 3)));
    REQUIRE(spool.write(std::string_view(octets).substr(3)));
    std::string copied;
    StringSink sink(copied);
    REQUIRE(spool.copy_to(sink));
    CHECK(copied == octets);
    REQUIRE(spool.flush());
    CHECK(read_whole(path) == "before:" + octets);
    REQUIRE(FileSystem::posix().remove(path));
  }
}
