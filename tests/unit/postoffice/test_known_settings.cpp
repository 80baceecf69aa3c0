// Settings of a postoffice that were read already: when they count, and when the file is read anew.
#include <cstdint>
#include <string>

#include "postoffice/known_settings.h"
#include "unit/catch.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t now = 1'800'000'000 * second;
const std::string path = "/po/GLB/postoffice.toml";

FileStatus status_changed(std::int64_t changed) {
  FileStatus status;
  status.kind = FileKind::regular;
  status.size = 100;
  status.device = 1;
  status.inode = 2;
  status.changed = changed;
  return status;
}

FolderSettings with_days(int days) {
  FolderSettings settings;
  settings.settings.dedupe_days = days;
  return settings;
}

TEST_CASE("Settings of the same file are not read again") {
  KnownSettings known;
  const FileStatus status = status_changed(now - 3 * second);
  CHECK_FALSE(known.find(path, status, now));
  known.keep(path, status, with_days(7), now);
  const auto found = known.find(path, status, now + second);
  REQUIRE(found);
  CHECK(found->settings.dedupe_days == 7);
  CHECK_FALSE(known.find("/other/GLB/postoffice.toml", status, now));
}

TEST_CASE("A file that differs in anything is read again") {
  KnownSettings known;
  const FileStatus status = status_changed(now - 100 * second);
  known.keep(path, status, with_days(7), now);
  FileStatus other = status;
  other.inode = 3;
  CHECK_FALSE(known.find(path, other, now));
  other = status;
  other.device = 9;
  CHECK_FALSE(known.find(path, other, now));
  other = status;
  other.size = 101;
  CHECK_FALSE(known.find(path, other, now));
  other = status;
  other.changed += 1;
  CHECK_FALSE(known.find(path, other, now));
  CHECK(known.find(path, status, now));
}

TEST_CASE("A file changed a moment ago, or whose time is unknown or to come, is not remembered") {
  for (const std::int64_t changed : {now - 2 * second, now, now + 5 * second, std::int64_t{0}}) {
    KnownSettings known;
    known.keep(path, status_changed(changed), with_days(7), now);
    CHECK_FALSE(known.find(path, status_changed(changed), now + 10 * second));
  }
}

TEST_CASE("What was read is forgotten after a minute, and when the clock is set back") {
  KnownSettings known;
  const FileStatus status = status_changed(now - 100 * second);
  known.keep(path, status, with_days(7), now);
  CHECK(known.find(path, status, now + 59 * second));
  CHECK_FALSE(known.find(path, status, now + 60 * second));
  CHECK_FALSE(known.find(path, status, now - 1));
}

TEST_CASE("More postoffices than anybody serves are not all remembered") {
  KnownSettings known;
  const FileStatus status = status_changed(now - 100 * second);
  int kept = 0;
  for (int i = 0; i < 1000; ++i) known.keep(std::to_string(i), status, with_days(1), now);
  for (int i = 0; i < 1000; ++i) kept += known.find(std::to_string(i), status, now) ? 1 : 0;
  CHECK(kept > 0);
  CHECK(kept <= 64);
}

TEST_CASE("Opening a postoffice sees each change of its settings at once") {
  PostofficeSettings settings = test::PostofficeFixture::default_settings();
  settings.dedupe_days = 6;
  const test::PostofficeFixture fixture(settings);
  const std::string file = fixture / "GLB/postoffice.toml";
  // In place and with the same size, as an editor may do it.
  for (const char days : {'1', '2', '3', '4', '5', '7', '8', '9'}) {
    std::string text = test::read_file(file);
    const std::size_t place = text.find("dedupe_days = ");
    REQUIRE(place != std::string::npos);
    text[place + 14] = days;
    test::write_file(file, text);
    for (int again = 0; again < 3; ++again) {
      REQUIRE(fixture.open().settings().dedupe_days == days - '0');
    }
  }
  test::write_file(file, "nonsense");
  CHECK_FALSE(Postoffice::open(fixture.path()));
}

}  // namespace
}  // namespace smtpgate::postoffice
