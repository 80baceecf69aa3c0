// Spool: the same octets come out wherever they lie, in memory or in a file.
#include <cerrno>
#include <string>

#include "converter/spool.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using smtpgate::converter::Spool;
using smtpgate::converter::SpoolMemory;
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

TEST_CASE("a spool that shares memory gives back what was written, wherever it lies", "[spool]") {
  TemporaryDirectory directory;
  constexpr std::size_t block = SpoolMemory::block_size;
  const std::size_t own = std::size_t{128} << 10;
  for (const std::size_t blocks : {0, 1, 2, 4}) {
    const auto memory = std::make_shared<SpoolMemory>(blocks * block);
    const SpoolPlace place = with_shared_memory({&FileSystem::posix(), directory.path()}, memory);
    for (const std::size_t size : {std::size_t{10}, own, own + 1, own + block, own + block + 1,
                                   own + 2 * block, own + 3 * block + 7}) {
      for (const std::size_t piece : {std::size_t{1000}, std::size_t{65'535}, 2 * block}) {
        INFO(size << " octets in pieces of " << piece << " with " << blocks << " blocks");
        const std::string octets = numbered_octets(size);
        Spool spool(place);
        for (std::size_t at = 0; at < octets.size(); at += piece) {
          REQUIRE(spool.write(std::string_view(octets).substr(at, piece)));
        }
        std::string pieces;
        REQUIRE(spool.for_each_piece(3, size - 5, 50'000, [&](std::string_view taken) {
          pieces += taken;
          return true;
        }));
        CHECK((pieces == octets.substr(3, size - 5)));
        std::string buffer(50, '\0');
        for (const std::size_t at : {std::size_t{0}, size / 2, own - 1, own + block - 1}) {
          if (at >= size) continue;
          auto count = spool.read_at(at, buffer);
          REQUIRE(count);
          REQUIRE(*count > 0);
          CHECK(buffer.substr(0, *count) == octets.substr(at, *count));
        }
        Spool moved(std::move(spool));
        const std::string target = directory / "target";
        {
          auto file = FileSystem::posix().create(target, 0600);
          REQUIRE(file);
          REQUIRE(moved.copy_to(**file, 1, size - 1));
        }
        CHECK((read_whole(target) == octets.substr(1)));
        REQUIRE(FileSystem::posix().remove(target));
      }
    }
  }
}

TEST_CASE("shared memory is bounded, and comes back", "[spool]") {
  const auto memory = std::make_shared<SpoolMemory>(2 * SpoolMemory::block_size);
  // Whoever gets no block needs a file, which cannot be made here.
  const SpoolPlace place = with_shared_memory({&FileSystem::posix(), "/nonexistent/work"}, memory);
  const std::string octets = numbered_octets((std::size_t{128} << 10) + 10);
  auto first = std::make_unique<Spool>(place);
  Spool second(place);
  Spool third(place);
  const auto fill = [&](Spool& spool) {
    return spool.write(std::string_view(octets).substr(0, octets.size() - 10)) &&
           spool.write(std::string_view(octets).substr(octets.size() - 10));
  };
  CHECK(fill(*first));
  CHECK(fill(second));
  CHECK_FALSE(fill(third));
  first.reset();
  third.clear();
  CHECK(fill(third));
  second.clear();
  Spool fourth(place);
  CHECK(fill(fourth));
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
