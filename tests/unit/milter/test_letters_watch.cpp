// When the postmaster is told of dead letters: at its time, once a day, by one of several gateways.
#include <filesystem>

#include "milter/letters_watch.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t day = 86'400;
constexpr std::int64_t five_to_six = 1'795'327'200 - 1'795'327'200 % day + 6 * 3600 - 300;

struct Watched {
  Watched() {
    configuration = *gateway.configuration;
    configuration.letters.summary = "06:00";
    const std::string settings = gateway.folder() + "/GLB/postoffice.toml";
    std::string text = test::read_whole(settings);
    const std::size_t at = text.find("time_zone = \"");
    REQUIRE(at != std::string::npos);
    const std::size_t end = text.find('\n', at);
    test::write_whole(settings, text.replace(at, end - at, "time_zone = \"UTC\""));
  }

  void refuse_one() const {
    test::write_whole(gateway.folder() + "/MBG/anna/outbox/x.API.bad", "no message");
  }
  std::size_t summaries() const {
    const fs::path directory = gateway.folder() + "/MBG/postmaster/new";
    if (!fs::exists(directory)) return 0;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
  }

  test::Gateway gateway;
  Configuration configuration;
  std::int64_t now = five_to_six;
  LettersWatch watch{gateway.log, postoffice::FileSystem::posix(), [this] { return now; }};
};

}  // namespace

TEST_CASE("the summary comes at its time, once a day, as long as there is anything") {
  Watched site;
  site.refuse_one();
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 0);  // not yet
  site.now += 300;
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 1);
  for (int minute = 0; minute < 120; ++minute) {
    site.now += 60;
    site.watch.look(site.configuration);
  }
  CHECK(site.summaries() == 1);
  site.now = five_to_six + day + 400;
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 2);
  fs::remove(site.gateway.folder() + "/MBG/anna/outbox/x.API.bad");
  site.now += day;
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 2);
}

TEST_CASE("two gateways and a restart file one summary") {
  Watched site;
  site.refuse_one();
  site.now += 400;
  LettersWatch other(site.gateway.log, postoffice::FileSystem::posix(),
                     [&] { return site.now + 7; });
  site.watch.look(site.configuration);
  other.look(site.configuration);
  LettersWatch restarted(site.gateway.log, postoffice::FileSystem::posix(),
                         [&] { return site.now + 3600; });
  restarted.look(site.configuration);
  CHECK(site.summaries() == 1);
}

TEST_CASE("no time, no summary") {
  Watched site;
  site.refuse_one();
  site.now += 400;
  site.configuration.letters.summary.clear();
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 0);
}

TEST_CASE("a postoffice that cannot be read is tried again after an hour, not each minute") {
  Watched site;
  site.refuse_one();
  site.now += 400;
  const std::string away = site.gateway.folder() + "-away";
  fs::rename(site.gateway.folder(), away);
  site.watch.look(site.configuration);
  fs::rename(away, site.gateway.folder());
  site.now += 60;
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 0);
  site.now += 3600;
  site.watch.look(site.configuration);
  CHECK(site.summaries() == 1);
}
