// Postoffices that are kept open: when they are read again.
#include <cerrno>
#include <ctime>

#include "postoffice/opened_postoffices.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

class KeptFixture : public PostofficeFixture {
 public:
  KeptFixture() : opened(faulty) { age_settings(3600); }

  std::string settings() const { return *this / "GLB/postoffice.toml"; }
  void age_settings(int seconds) const {
    test::set_modified(settings(), std::time(nullptr) - seconds);
  }
  /// How often the file was read for one open().
  std::size_t reads() {
    faulty.forget_operations();
    const auto found = opened.open(path());
    REQUIRE(found.has_value());
    delimiter = (*found)->settings().recipient_delimiter;
    std::size_t count = 0;
    for (const Operation& one : faulty.operations()) count += one.name == "open" ? 1 : 0;
    return count;
  }
  void change_delimiter(const std::string& to) const {
    PostofficeSettings changed = default_settings();
    changed.recipient_delimiter = to;
    PostofficeFixture other(changed);
    test::write_file(settings(), test::read_file(other / "GLB/postoffice.toml"));
  }

  FaultyFileSystem faulty;
  OpenedPostoffices opened;
  std::string delimiter;
};

TEST_CASE("a postoffice is read once as long as its settings stay the same file") {
  KeptFixture fixture;
  CHECK(fixture.reads() == 1);
  CHECK(fixture.reads() == 0);
  CHECK(fixture.reads() == 0);
}

TEST_CASE("settings that were changed are read again, also those of the same size and second") {
  KeptFixture fixture;
  CHECK(fixture.reads() == 1);
  fixture.change_delimiter("-");
  CHECK(fixture.reads() == 1);
  CHECK(fixture.delimiter == "-");
  // A moment ago: the next change might look the same.
  fixture.change_delimiter("=");
  CHECK(fixture.reads() == 1);
  CHECK(fixture.delimiter == "=");
  fixture.age_settings(10);
  CHECK(fixture.reads() == 1);
  CHECK(fixture.reads() == 0);
}

TEST_CASE("a postoffice that is gone is gone at once, and there again at once") {
  KeptFixture fixture;
  CHECK(fixture.reads() == 1);
  fixture.faulty.fail_if([](const Operation&) { return true; }, EIO);
  CHECK(fixture.opened.open(fixture.path()).error().is_temporary());
  fixture.faulty.heal();
  CHECK(fixture.reads() <= 1);
}

}  // namespace
}  // namespace smtpgate::postoffice
