// What a service manager is told, over sockets as systemd has them.
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter/service_manager.h"
#include "unit/catch.h"

using namespace smtpgate::milter;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// The manager's end.
class Receiver {
 public:
  explicit Receiver(bool is_abstract = false) {
    std::string folder = (fs::temp_directory_path() / "service-manager-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    name_ = (is_abstract ? "@" : "") + folder + "/notify";
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (is_abstract) address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    REQUIRE(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  ~Receiver() {
    ::close(descriptor_);
    fs::remove_all(folder_);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  const std::string& name() const { return name_; }
  /// The next datagram; empty if there is none.
  std::string next() const {
    std::array<char, 1000> octets{};
    const ssize_t size = ::recv(descriptor_, octets.data(), octets.size(), MSG_DONTWAIT);
    return size < 0 ? std::string() : std::string(octets.data(), static_cast<std::size_t>(size));
  }

 private:
  std::string folder_;
  std::string name_;
  int descriptor_ = -1;
};

/// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("a service manager is told each change of state, one datagram each") {
  for (const bool is_abstract : {false, true}) {
    const Receiver receiver(is_abstract);
    const ServiceManager manager(receiver.name(), 0us);
    REQUIRE(manager.ready("serves ACME/MAIN"));
    CHECK(receiver.next() == "READY=1\nSTATUS=serves ACME/MAIN\n");
    REQUIRE(manager.reloading());
    const std::string reloading = receiver.next();
    CHECK(reloading.rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0);
    CHECK(reloading.back() == '\n');
    REQUIRE(manager.stopping());
    CHECK(receiver.next().rfind("STOPPING=1\n", 0) == 0);
    REQUIRE(manager.alive());
    CHECK(receiver.next() == "WATCHDOG=1\n");
    CHECK(receiver.next().empty());
  }
}

TEST_CASE("a status never becomes a line of the protocol of its own") {
  const Receiver receiver;
  REQUIRE(ServiceManager(receiver.name(), 0us).ready("one\nSTOPPING=1"));
  const std::string said = receiver.next();
  CHECK(said.find("\nSTOPPING") == std::string::npos);
}

TEST_CASE("without a service manager nothing is said and nothing fails") {
  const ServiceManager manager("", 30s);
  CHECK_FALSE(manager.is_there());
  CHECK(manager.watchdog() == 0us);
  CHECK(manager.ready(""));
  CHECK(manager.alive());
}

TEST_CASE("a service manager that cannot be reached is told of, with its socket") {
  std::string gone;
  {
    const Receiver receiver;
    gone = receiver.name();
  }
  const auto said = ServiceManager(gone, 0us).ready("");
  REQUIRE_FALSE(said);
  CHECK(said.error().find(gone) != std::string::npos);
  CHECK_FALSE(ServiceManager(std::string(200, 'x'), 0us).ready(""));
}

TEST_CASE("the environment says where the service manager is and how long it waits") {
  const Variable socket("NOTIFY_SOCKET", "/run/systemd/notify");
  {
    const Variable time("WATCHDOG_USEC", "30000000");
    CHECK(ServiceManager::from_environment().watchdog() == 30s);
    const Variable process("WATCHDOG_PID", std::to_string(::getpid()));
    CHECK(ServiceManager::from_environment().watchdog() == 30s);
  }
  {
    const Variable time("WATCHDOG_USEC", "30000000");
    const Variable process("WATCHDOG_PID", std::to_string(::getpid() + 1));
    CHECK(ServiceManager::from_environment().watchdog() == 0s);
  }
  const Variable time("WATCHDOG_USEC", "30s");
  CHECK(ServiceManager::from_environment().watchdog() == 0s);
  CHECK(ServiceManager::from_environment().is_there());
}
