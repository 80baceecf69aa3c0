// HostResolver: an answer within the limit or none, and no more threads than its limit.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>

#include "milter/host_resolver.h"
#include "milter/submission.h"
#include "unit/milter/outbound_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::test::wait_until;
using namespace std::chrono_literals;

namespace {

HostResolver::Answer found(const HostAndPort& host) {
  HostAddress address;
  address.label = host.host;
  return std::vector<HostAddress>{address};
}

/// Look-ups hang until it is released. Their threads may outlive it.
struct HangingResolver {
  struct Counts {
    std::atomic<int> begun = 0;
    std::atomic<int> ended = 0;
  };

  HangingResolver()
      : resolver(
            [counts = counts, released = release.get_future().share()](const HostAndPort& host) {
              ++counts->begun;
              released.wait();
              ++counts->ended;
              return found(host);
            }) {}
  ~HangingResolver() {
    if (!is_released) let_go();
  }
  void let_go() {
    is_released = true;
    release.set_value();
  }

  const std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  bool is_released = false;
  std::promise<void> release;
  HostResolver resolver;
};

}  // namespace

TEST_CASE("an answer in time is given, and so is what the resolver says against it") {
  HostResolver resolver([](const HostAndPort& host) -> HostResolver::Answer {
    if (host.host == "none") return tl::unexpected(std::string("Name or service not known"));
    if (host.host == "throws") throw std::runtime_error("out of memory");
    return found(host);
  });
  CHECK(resolver.resolve({"mail", "25"}, 10s, {})->front().label == "mail");
  CHECK(resolver.resolve({"none", "25"}, 10s, {}).error() == "Name or service not known");
  CHECK(resolver.resolve({"throws", "25"}, 10s, {}).error() == "out of memory");
  CHECK(HostResolver::system().resolve({"localhost", "25"}, 10s, {})->front().is_loopback);
  CHECK(HostResolver::system().resolve({"::1", "25"}, 0ms, {})->front().is_loopback);
  CHECK(HostResolver::system().resolve({"127.0.0.1", "25"}, 0ms, {})->front().is_loopback);
}

TEST_CASE("a resolver that is silent is waited for until the limit, by one thread a name") {
  HangingResolver hanging;
  for (int i = 0; i < 3; ++i) {
    const auto answer = hanging.resolver.resolve({"mail", "25"}, 20ms, {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error() == "the resolver has not answered for 0.02 s");
  }
  CHECK(wait_until([&] { return hanging.counts->begun == 1; }));
  hanging.let_go();
  CHECK(wait_until([&] { return hanging.counts->ended == 1; }));
  // What came too late was thrown away.
  CHECK(hanging.resolver.resolve({"mail", "25"}, 30s, {}).has_value());
  CHECK(hanging.counts->begun <= 2);
}

TEST_CASE("who is to stop does not wait for the resolver") {
  HangingResolver hanging;
  std::atomic<int> questions = 0;
  const auto answer =
      hanging.resolver.resolve({"mail", "25"}, 1h, [&] { return ++questions == 2; });
  REQUIRE_FALSE(answer);
  CHECK(answer.error() == "was left: we are stopping");
}

TEST_CASE("no more threads hang than their limit") {
  HangingResolver hanging;
  for (std::size_t i = 0; i < HostResolver::most_look_ups; ++i) {
    CHECK_FALSE(hanging.resolver.resolve({"mail" + std::to_string(i), "25"}, 0ms, {}));
  }
  const auto answer = hanging.resolver.resolve({"one-more", "25"}, 1h, {});
  REQUIRE_FALSE(answer);
  CHECK(answer.error() == "the resolver has not answered 16 earlier questions");
}

TEST_CASE("a submission waits for a silent resolver no longer than for a connection") {
  HangingResolver hanging;
  DesignatedHost host;
  host.hosts = {"mail.example.com:25"};
  host.connect_timeout = 20ms;
  Submitter submitter(host, hanging.resolver);
  const Outcome tried = submitter.try_host();
  CHECK(tried.is_temporary());
  CHECK(tried.status() == "4.4.3");
  CHECK(tried.sentence().find("has not answered for 0.02 s") != std::string::npos);
}
