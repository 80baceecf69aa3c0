// The real file system: never follows a last link, never blocks, sets modes whatever the umask,
// reports errors as values; and what its errors become.
#include <cerrno>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/file_system.h"
#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::postoffice {
namespace {

using test::TemporaryDirectory;

std::string read_all(File& file) {
  std::string buffer(4096, '\0');
  auto count = file.read(buffer);
  REQUIRE(count.has_value());
  return buffer.substr(0, *count);
}

TEST_CASE("a file that is created is new, and has the mode asked for whatever the umask") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  const mode_t umask_before = ::umask(0077);
  auto file = files.create(directory / "a", 0644);
  auto made = files.make_directory(directory / "d", 02770);
  ::umask(umask_before);
  REQUIRE(file.has_value());
  REQUIRE(made.has_value());
  CHECK(test::mode_of(directory / "a") == 0644);
  CHECK(test::mode_of(directory / "d") == 02770);
  auto again = files.create(directory / "a", 0644);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == EEXIST);
}

TEST_CASE("what is written is read, from the start by another opener and from any offset") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  auto file = files.create(directory / "a", 0600);
  REQUIRE((*file)->write("hello ").has_value());
  REQUIRE((*file)->write("world").has_value());
  REQUIRE((*file)->sync().has_value());
  auto opened = files.open(directory / "a");
  CHECK(read_all(**opened) == "hello world");
  std::string tail(5, '\0');
  CHECK((*opened)->read_at(6, tail).value() == 5);
  CHECK(tail == "world");
  CHECK((*opened)->read_at(100, tail).value() == 0);
  CHECK((*file)->status()->size == 11);
  REQUIRE((*file)->close().has_value());
}

TEST_CASE("a link at the end of a path is never followed") {
  TemporaryDirectory directory;
  test::write_file(directory / "target", "secret");
  REQUIRE(::symlink("target", (directory / "link").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (directory / "dangling").c_str()) == 0);
  FileSystem& files = FileSystem::posix();
  CHECK(files.open(directory / "link").error().code == ELOOP);
  CHECK(files.create(directory / "dangling", 0600).error().code == EEXIST);
  CHECK(files.open_directory(directory / "link").error().code == ENOTDIR);
  CHECK(files.status(directory / "link")->kind == FileKind::symbolic_link);
  CHECK(::access((directory / "nowhere").c_str(), F_OK) != 0);
}

TEST_CASE("opening a FIFO does not wait for a writer") {
  TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  auto opened = FileSystem::posix().open(directory / "fifo");
  REQUIRE(opened.has_value());
  CHECK((*opened)->status()->kind == FileKind::other);
}

TEST_CASE("part of a file is copied behind what is there; a source that ends early is an error") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  auto source = files.create(directory / "source", 0600);
  const std::string large(3'000'000, 'x');
  REQUIRE((*source)->write("head" + large + "tail").has_value());
  auto target = files.create(directory / "target", 0600);
  REQUIRE((*target)->write("before ").has_value());
  REQUIRE((*target)->append_from(**source, 4, large.size()).has_value());
  REQUIRE((*target)->append_from(**source, 4 + large.size(), 4).has_value());
  CHECK(test::read_file(directory / "target") == "before " + large + "tail");
  auto beyond = (*target)->append_from(**source, 4 + large.size(), 5);
  REQUIRE_FALSE(beyond.has_value());
  CHECK(beyond.error().code == EIO);
}

TEST_CASE("a part of a file that was never written is seen, wherever the file is read") {
  TemporaryDirectory directory;
  const auto hole_of = [&](const std::string& name) {
    return FileSystem::posix().open(directory / name).value()->hole().value();
  };
  test::write_file(directory / "whole", std::string(100'000, 'x'));
  test::write_file(directory / "empty", "");
  test::write_file(directory / "begun", "beginning");
  test::write_file(directory / "nothing", "");
  for (const std::string name : {"begun", "nothing"}) {
    REQUIRE(::truncate((directory / name).c_str(), 100'000) == 0);
  }
  CHECK(hole_of("whole") == Hole::none);
  CHECK(hole_of("empty") == Hole::none);
  CHECK(hole_of("begun") == Hole::at_end);
  CHECK(hole_of("nothing") == Hole::at_end);
  std::ofstream(directory / "begun", std::ios::app) << "end";
  CHECK(hole_of("begun") == Hole::inside);

  auto file = FileSystem::posix().open(directory / "begun").value();
  std::string buffer(9, '\0');
  REQUIRE(file->hole().has_value());
  CHECK(file->read(buffer).value() == 9);
  CHECK(buffer == "beginning");
}

TEST_CASE("a lock is held until its file is closed") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  auto first = files.open_directory(directory.path());
  auto second = files.open_directory(directory.path());
  CHECK((*first)->try_lock().value());
  CHECK_FALSE((*second)->try_lock().value());
  first->reset();
  CHECK((*second)->try_lock().value());
}

TEST_CASE("an unnamed file leaves nothing behind") {
  TemporaryDirectory directory;
  auto file = FileSystem::posix().create_unnamed(directory.path());
  REQUIRE(file.has_value());
  REQUIRE((*file)->write("gone").has_value());
  CHECK(test::names_in(directory.path()).empty());
}

TEST_CASE("a file without a name gets as many as are wanted, until it has lost them all") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  auto file = files.create_linkable(directory.path());
  if (!file) {
    CHECK(file.error().code == EOPNOTSUPP);  // what the temporary directory is on cannot do it
    return;
  }
  REQUIRE((*file)->write("kept").has_value());
  REQUIRE((*file)->sync().has_value());
  CHECK((*file)->status()->links == 0);
  CHECK(test::names_in(directory.path()).empty());
  CHECK((*file)->link_to(directory / "missing/a").error().code == ENOENT);
  REQUIRE((*file)->link_to(directory / "a").has_value());
  REQUIRE((*file)->link_to(directory / "b").has_value());
  CHECK((*file)->link_to(directory / "b").error().code == EEXIST);
  CHECK((*file)->link_to(directory / "missing/a").error().code == ENOENT);
  CHECK((*file)->status()->links == 2);
  CHECK(test::read_file(directory / "b") == "kept");
  REQUIRE(files.remove(directory / "a").has_value());
  REQUIRE((*file)->link_to(directory / "c").has_value());
  REQUIRE(files.remove(directory / "b").has_value());
  REQUIRE(files.remove(directory / "c").has_value());
  CHECK((*file)->link_to(directory / "d").error().code == ENOTSUP);
  CHECK(files.create_linkable(directory / "missing").error().code == ENOENT);
}

TEST_CASE("names are linked, renamed, listed and removed") {
  TemporaryDirectory directory;
  FileSystem& files = FileSystem::posix();
  test::write_file(directory / "a", "1");
  REQUIRE(files.link(directory / "a", directory / "b").has_value());
  CHECK(files.link(directory / "a", directory / "b").error().code == EEXIST);
  CHECK(files.status(directory / "a")->links == 2);
  REQUIRE(files.rename(directory / "b", directory / "c").has_value());
  REQUIRE(files.make_directory(directory / "d", 0700).has_value());
  auto names = files.list(directory.path());
  REQUIRE(names.has_value());
  CHECK(names->size() == 3);
  REQUIRE(files.sync_directory(directory.path()).has_value());
  CHECK(files.sync_directory(directory / "a").error().code == ENOTDIR);
  REQUIRE(files.remove(directory / "c").has_value());
  REQUIRE(files.remove_directory(directory / "d").has_value());
  CHECK(test::names_in(directory.path()) == std::vector<std::string>{"a"});
}

TEST_CASE("time, mode and owner are set on the open file") {
  TemporaryDirectory directory;
  auto file = FileSystem::posix().create(directory / "a", 0600);
  REQUIRE((*file)->set_modified(1'000'000'000).has_value());
  REQUIRE((*file)->set_mode(0444).has_value());
  REQUIRE((*file)->set_owner(::geteuid(), ::getegid()).has_value());
  auto status = FileSystem::posix().status(directory / "a");
  CHECK(status->modified == 1'000'000'000);
  CHECK(status->mode == 0444);
  CHECK(status->owner == ::geteuid());
  CHECK(status->kind == FileKind::regular);
}

TEST_CASE("an error says what was done to what, and what to do") {
  auto missing = FileSystem::posix().open("/nowhere/at/all");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().sentence() == "cannot open /nowhere/at/all: No such file or directory");
  CHECK(missing.error().outcome().is_temporary());
  CHECK(missing.error().outcome().status() == "4.3.0");
  const FileError full{ENOSPC, "write", "/po/x"};
  CHECK(full.outcome().status() == "4.3.1");
  CHECK(full.sentence() ==
        "cannot write /po/x: No space left on device; free space or inodes there");
  CHECK(FileError{EDQUOT, "write", "x"}.outcome().status() == "4.3.1");
}

}  // namespace
}  // namespace smtpgate::postoffice
