// OutboxWatch: hints of what appears in outboxes and in SMTP/.
#include <filesystem>
#include <fstream>
#include <thread>

#include "milter/outbox_watch.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::test::TemporaryDirectory;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto limit = 10'000ms;

void make_outbox(const fs::path& top, const std::string& mailbox) {
  fs::create_directories(top / "MBG" / mailbox / "outbox");
}

void write(const fs::path& path) {
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("a file closed or renamed in an outbox is told with its mailbox") {
  const TemporaryDirectory top;
  const fs::path folder = top.path();
  make_outbox(folder, "anna");
  make_outbox(folder, "ben");
  fs::create_directory(folder / "SMTP");
  OutboxWatch watch;
  watch.set_postoffices({folder.string()});
  CHECK(watch.unwatched() == 0);
  write(folder / "MBG/ben/outbox/x.API");
  auto hint = watch.wait(limit);
  CHECK(hint.outboxes == std::set<std::pair<std::size_t, std::string>>{{0, "ben"}});
  write(folder / "elsewhere");
  fs::rename(folder / "elsewhere", folder / "MBG/anna/outbox/y.API");
  hint = watch.wait(limit);
  CHECK(hint.outboxes == std::set<std::pair<std::size_t, std::string>>{{0, "anna"}});
}

TEST_CASE("what is renamed into SMTP is told by its name") {
  const TemporaryDirectory top;
  const fs::path folder = top.path();
  fs::create_directories(folder / "MBG");
  fs::create_directory(folder / "SMTP");
  fs::create_directory(folder / "draft");
  OutboxWatch watch;
  watch.set_postoffices({"/nowhere", folder.string()});
  fs::rename(folder / "draft", folder / "SMTP/0123");
  const auto hint = watch.wait(limit);
  CHECK(hint.outgoing == std::set<std::pair<std::size_t, std::string>>{{1, "0123"}});
}

TEST_CASE("a new mailbox is watched from its birth") {
  const TemporaryDirectory top;
  const fs::path folder = top.path();
  fs::create_directories(folder / "MBG");
  fs::create_directory(folder / "SMTP");
  OutboxWatch watch;
  watch.set_postoffices({folder.string()});
  make_outbox(folder, ".new-1");
  write(folder / "MBG/.new-1/outbox/first.API");
  fs::rename(folder / "MBG/.new-1", folder / "MBG/carl");
  CHECK(watch.wait(limit).everything);
  write(folder / "MBG/carl/outbox/second.API");
  CHECK(watch.wait(limit).outboxes.count({0, "carl"}) == 1);
}

TEST_CASE("wake() ends the wait of another thread, and time does too") {
  OutboxWatch watch;
  std::thread other([&] { watch.wake(); });
  CHECK(watch.wait(limit).woken);
  other.join();
  const auto hint = watch.wait(0ms);
  CHECK_FALSE(hint.woken);
  CHECK_FALSE(hint.everything);
}
