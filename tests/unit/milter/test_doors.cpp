// The spawned programs as spawn(8) starts them: one socket as descriptors 0, 1 and 2.
#include <array>
#include <filesystem>
#include <string>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "gateway_fixture.h"
#include "milter/netstring.h"
#include "unit/catch.h"

using namespace smtpgate;

namespace {

struct Ended {
  std::string output;
  int code = -1;
  long pages = 0;  ///< that it touched (minor faults)
};

Ended spawn(const test::Gateway& gateway, const char* verb, const std::string& input) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  // Before there is anybody to read it: one that says why it leaves may be gone soon.
  REQUIRE(::send(ends[1], input.data(), input.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(input.size()));
  ::shutdown(ends[1], SHUT_WR);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int descriptor : {0, 1, 2}) {
    ::posix_spawn_file_actions_adddup2(&actions, ends[0], descriptor);
  }
  std::string program = SMTPGATE_PROGRAMS "/smtpgate";
  std::string word = verb;
  std::string option = "--config=" + gateway.configuration_path();
  std::array<char*, 4> arguments{program.data(), word.data(), option.data(), nullptr};
  pid_t child = 0;
  const int spawned =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[0]);
  REQUIRE(spawned == 0);
  Ended result;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::read(ends[1], buffer.data(), buffer.size())) > 0) {
    result.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[1]);
  int status = 0;
  struct rusage usage = {};
  REQUIRE(::wait4(child, &status, 0, &usage) == child);
  result.pages = usage.ru_minflt;
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace

TEST_CASE("smtpgate deliver files a message, and logs into its file") {
  test::Gateway gateway;
  const Ended ended = spawn(gateway, "deliver",
                            "LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"
                            "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");
  CHECK(ended.code == EX_OK);
  CHECK(ended.output.find("\r\n250 2.0.0 filed as ") != std::string::npos);
  CHECK(gateway.filed("anna").size() == 1);
  const std::string log = test::read_whole(gateway.path() + "/log");
  CHECK(log.find(" smtpgate/deliver[") != std::string::npos);
  CHECK(log.find("status=sent (filed as ") != std::string::npos);
}

TEST_CASE("a log to standard error never gets into the conversation") {
  test::Gateway gateway;
  std::string text = test::read_whole(gateway.configuration_path());
  const std::string log = "log = \"" + gateway.path() + "/log\"";
  text.replace(text.find(log), log.size(), "log = \"stderr\"");
  test::write_whole(gateway.configuration_path(), text);
  const Ended ended = spawn(gateway, "lookup", milter::make_netstring("r anna@elsewhere.example"));
  CHECK(ended.code == EX_OK);
  CHECK(ended.output.find("TEMP ") != std::string::npos);
  CHECK(ended.output.find("smtpgate/lookup[") == std::string::npos);
}

TEST_CASE("a broken configuration is told to Postfix by the spawned programs") {
  test::Gateway gateway;
  test::write_whole(gateway.configuration_path(), "[gateway]\nwork = 1\n");
  const Ended deliver = spawn(gateway, "deliver", "LHLO mx\r\n");
  CHECK(deliver.code == EX_CONFIG);
  CHECK(deliver.output.starts_with("421 4.3.5 "));
  const Ended lookup = spawn(gateway, "lookup", milter::make_netstring("r anna@example.com"));
  CHECK(lookup.code == EX_OK);
  CHECK(lookup.output.find(":TEMP ") != std::string::npos);
}

TEST_CASE("what a look-up needs to start is little") {
  // There is one for each smtpd. Room for the largest settings file, cleared, once cost each seven
  // times of all else.
  test::Gateway gateway;
  const std::string question = milter::make_netstring("r anna@example.com");
  const Ended answered = spawn(gateway, "lookup", question);
  CHECK(answered.output.find("OK ") != std::string::npos);
  test::write_whole(gateway.configuration_path(), "");
  const Ended without_settings = spawn(gateway, "lookup", question);
  CHECK(without_settings.output.find("TEMP ") != std::string::npos);
  std::filesystem::remove(gateway.configuration_path());
  const Ended without_file = spawn(gateway, "lookup", question);
  CHECK(answered.pages - without_file.pages < 1000);  // 16 MiB are 4,096
  CHECK(without_settings.pages - without_file.pages < 500);
}
