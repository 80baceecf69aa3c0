// A file system is tried before mail lies in it: each thing that a postoffice needs and that one
// cannot do is said.
#include <cerrno>

#include "postoffice/postoffice.h"
#include "postoffice/store_probe.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::postoffice {
namespace {

/// What file servers and their mounts are known to do.
class Odd : public FaultyFileSystem {
 public:
  FileResult<void> link(const std::string& from, const std::string& to) override {
    auto done = FaultyFileSystem::link(from, to);
    if (links_overwrite && !done && done.error().code == EEXIST) return {};
    if (copies && done) {
      (void)FaultyFileSystem::remove(to);
      (void)FaultyFileSystem::create(to, 0600);
    }
    return done;
  }
  FileResult<FileStatus> status(const std::string& path) override {
    auto found = FaultyFileSystem::status(path);
    if (found && invents_modes) found->mode = 0755;
    return found;
  }
  FileResult<std::unique_ptr<File>> open(const std::string& path) override {
    if (!locks_twice) return FaultyFileSystem::open(path);
    // Another file each time, so that no lock meets another.
    const std::string elsewhere = path + "-" + std::to_string(++opened_);
    (void)FaultyFileSystem::create(elsewhere, 0600);
    auto file = FaultyFileSystem::open(elsewhere);
    (void)FaultyFileSystem::remove(elsewhere);
    return file;
  }
  bool links_overwrite = false;
  bool copies = false;
  bool invents_modes = false;
  bool locks_twice = false;

 private:
  int opened_ = 0;
};

TEST_CASE("a file system that does what a postoffice needs is one, and nothing is left in it") {
  const test::TemporaryDirectory directory;
  CHECK_FALSE(why_no_store(FileSystem::posix(), directory.path()));
  CHECK(test::names_in(directory.path()).empty());
}

TEST_CASE("what a file system cannot do is said") {
  const test::TemporaryDirectory directory;
  const auto why = [&](bool Odd::*what) {
    Odd files;
    files.*what = true;
    return why_no_store(files, directory.path()).value_or("it can");
  };
  CHECK(why(&Odd::links_overwrite)
            .ends_with("lets a hard link take the place of a file that is there"));
  CHECK(why(&Odd::copies).ends_with("makes copies instead of hard links"));
  CHECK(why(&Odd::invents_modes).ends_with("does not keep the modes of files"));
  CHECK(why(&Odd::locks_twice).ends_with("gives one lock to two at once"));
  CHECK(test::names_in(directory.path()).empty());
}

TEST_CASE("no postoffice is made where mail could not be kept") {
  const test::TemporaryDirectory directory;
  Odd files;
  files.copies = true;
  PostofficeSettings settings;
  settings.name = *PostofficeName::parse("TESTNET/TESTPO");
  const Outcome refused = Postoffice::init(directory / "po", settings, files);
  CHECK(refused.is_temporary());
  CHECK(refused.sentence().find("makes copies instead of hard links") != std::string::npos);
  CHECK_FALSE(Postoffice::open(directory / "po"));
}

TEST_CASE("each operation that fails is told, with its path") {
  const test::TemporaryDirectory directory;
  FaultyFileSystem counting;
  REQUIRE_FALSE(why_no_store(counting, directory.path()));
  for (const char* const operation :
       {"create", "write", "sync", "status", "link", "try_lock", "rename", "sync_directory"}) {
    FaultyFileSystem faulty;
    faulty.fail_if([&](const Operation& one) { return one.name == operation; }, EPERM);
    const auto why = why_no_store(faulty, directory.path());
    INFO(operation);
    REQUIRE(why);
    CHECK(why->find(directory.path()) != std::string::npos);
  }
}

}  // namespace
}  // namespace smtpgate::postoffice
