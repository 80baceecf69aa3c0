// Asking a running daemon: what is said when there is no answer, and when there might be one.
#include <memory>
#include <string>
#include <thread>

#include <sysexits.h>
#include <unistd.h>

#include "milter/control_socket.h"
#include "milter/daemon_question.h"
#include "unit/milter/answering_milter.h"
#include "unit/milter/gateway_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::test::Milter;
using smtpgate::test::negotiated;

namespace {

/// Where a daemon would be, and one that comes when it is told to.
struct Place {
  test::Gateway gateway;
  DaemonPlace place{gateway.work(), "smtpgate.toml", gateway.folder() + "/door"};
  std::unique_ptr<ControlSocket> control;
  std::thread thread;

  void daemon_comes() {
    auto opened = ControlSocket::open(place.work, [](std::string_view) { return "here"; });
    REQUIRE(opened);
    control = std::move(*opened);
    thread = std::thread([this] { control->run(); });
  }
  ~Place() {
    if (control) control->stop();
    if (thread.joinable()) thread.join();
  }
};

}  // namespace

TEST_CASE(
    "who asks a daemon that is not there hears that, also where a dead one left its sockets") {
  Place place;
  SECTION("no sockets") {}
  SECTION("a dead one's control socket") {
    ::close(test::listen_on(control_socket_path(place.place.work), SOCK_STREAM));
    ::close(test::listen_on(place.place.milter_socket, SOCK_STREAM));
  }
  const auto answer = ask_about(place.place, "status");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == EX_UNAVAILABLE);
  CHECK(answer.error().sentence.find("does not run") != std::string::npos);
}

TEST_CASE("a daemon with another work folder is told of") {
  Place place;
  const Milter milter(place.place.milter_socket, negotiated);
  const auto answer = ask_about(place.place, "status");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == EX_UNAVAILABLE);
  CHECK(answer.error().sentence.find("uses another work folder than " + place.place.work) !=
        std::string::npos);
}

TEST_CASE("a daemon that starts while it is asked for is not taken for another one") {
  Place place;
  // Its door answers when all else of it is there.
  const Milter milter(place.place.milter_socket, negotiated, [&] {
    if (!place.control) place.daemon_comes();
  });
  CHECK(ask_about(place.place, "status") == "here");
}
