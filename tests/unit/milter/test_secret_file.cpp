// Files with a secret: the first line, and the files that are refused.
#include <filesystem>

#include <sys/stat.h>

#include "gateway_fixture.h"
#include "milter/secret_file.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

Expected<std::string> password_in(const std::string& content, mode_t mode = 0600) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/password";
  test::write_whole(path, content);
  ::chmod(path.c_str(), mode);
  return read_password(postoffice::FileSystem::posix(), path);
}

}  // namespace

TEST_CASE("the password is the first line as it stands") {
  CHECK(*password_in("secret") == "secret");
  CHECK(*password_in(" two words \nnext\n") == " two words ");
  CHECK(*password_in("secret\r\n") == "secret");
  CHECK(*password_in("a\rb\n") == "a\rb");
  CHECK(*password_in(std::string(1000, 'x') + "\r\n") == std::string(1000, 'x'));
  CHECK(*password_in("secret\n", 0400) == "secret");
}

TEST_CASE("a file without a password is a fault of the configuration") {
  for (const std::string& content :
       {std::string(), std::string("\n"), std::string("\r\nsecret\n"), std::string(1001, 'x'),
        std::string(100'000, 'x'), std::string("a\0b\n", 4)}) {
    const auto result = password_in(content);
    REQUIRE_FALSE(result);
    CHECK(result.error().is_temporary());
    CHECK(result.error().status() == "4.3.5");
    CHECK(result.error().sentence().find("has no password") != std::string::npos);
  }
}

TEST_CASE("a password file that others can read or write is refused") {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0777}) {
    const auto result = password_in("secret\n", mode);
    REQUIRE_FALSE(result);
    CHECK(result.error().status() == "4.3.5");
    CHECK(result.error().sentence().find("chmod 0600 ") != std::string::npos);
    CHECK(result.error().sentence().find("secret") == std::string::npos);
  }
}

TEST_CASE("a password file that is no file is refused, without waiting for it") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/password";
  auto& files = postoffice::FileSystem::posix();
  CHECK_FALSE(read_password(files, path));
  CHECK_FALSE(read_password(files, directory.path()));
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_FALSE(read_password(files, path));
  test::write_whole(directory.path() + "/real", "secret\n");
  ::chmod((directory.path() + "/real").c_str(), 0600);
  std::filesystem::create_symlink("real", directory.path() + "/link");
  CHECK_FALSE(read_password(files, directory.path() + "/link"));
}

TEST_CASE("a peer's key is read like a password, and must be one") {
  const auto key_in = [](const std::string& content, mode_t mode = 0600) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/peer.key";
    test::write_whole(path, content);
    ::chmod(path.c_str(), mode);
    return read_peer_key(postoffice::FileSystem::posix(), path);
  };
  const auto key = key_in(std::string(64, 'a') + "\r\nnotes\n");
  REQUIRE(key);
  CHECK((*key)[31] == 0xAA);
  CHECK_FALSE(key_in(std::string(64, 'a') + "\n", 0640));
  for (const std::string& wrong : {std::string(), std::string(63, 'a'), std::string(65, 'a'),
                                   std::string(63, 'a') + "x", std::string(64, 'a') + " "}) {
    const auto none = key_in(wrong + "\n");
    REQUIRE_FALSE(none);
    CHECK(none.error().is_temporary());
    CHECK(none.error().status() == "4.3.5");
    CHECK(none.error().sentence().find("openssl rand -hex 32") != std::string::npos);
    CHECK((wrong.empty() || none.error().sentence().find(wrong) == std::string::npos));
  }
}
