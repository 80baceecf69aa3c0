// A file system to look at: reading works as on the real one, every change is refused.
#include <cerrno>
#include <fstream>

#include "postoffice/read_only_file_system.h"
#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::postoffice {
namespace {

TEST_CASE("a read-only file system reads, and refuses each change with EROFS") {
  test::TemporaryDirectory directory;
  const std::string path = directory / "a";
  std::ofstream(path) << "content";
  ReadOnlyFileSystem files;

  auto file = files.open(path);
  REQUIRE(file.has_value());
  std::string buffer(16, '\0');
  CHECK((*file)->read(buffer).value() == 7);
  CHECK((*file)->read_at(3, buffer).value() == 4);
  CHECK((*file)->status()->size == 7);
  CHECK(files.status(path)->size == 7);
  CHECK(files.list(directory / ".").value() == std::vector<std::string>{"a"});
  CHECK(files.list_with_status(directory / ".")->size() == 1);
  CHECK(files.open_directory(directory / ".").has_value());
  CHECK(files.open(directory / "none").error().code == ENOENT);

  const auto is_refused = [](const auto& result) {
    return !result && result.error().code == EROFS;
  };
  CHECK(is_refused(files.create(directory / "b", 0600)));
  CHECK(is_refused(files.create_unnamed(directory / ".")));
  CHECK(is_refused(files.create_linkable(directory / ".")));
  CHECK(is_refused(files.make_directory(directory / "d", 0700)));
  CHECK(is_refused(files.remove(path)));
  CHECK(is_refused(files.remove_directory(directory / ".")));
  CHECK(is_refused(files.link(path, directory / "b")));
  CHECK(is_refused(files.rename(path, directory / "b")));
  CHECK(is_refused(files.rename_new(path, directory / "b")));
  CHECK(is_refused((*file)->write("x")));
  CHECK(is_refused((*file)->append_from(**file, 0, 1)));
  CHECK(is_refused((*file)->set_mode(0600)));
  CHECK(is_refused((*file)->set_owner(0, 0)));
  CHECK(is_refused((*file)->set_modified(0)));
  CHECK(is_refused((*file)->touch()));
  CHECK((*file)->sync().has_value());
  CHECK(files.sync_directory(directory / ".").has_value());
  CHECK(files.status(path)->size == 7);
}

}  // namespace
}  // namespace smtpgate::postoffice
