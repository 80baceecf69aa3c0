// A postoffice TESTNET/TESTPO in a temporary directory, for tests of what works on one.
#pragma once

#include <string>
#include <string_view>

#include "postoffice/postoffice.h"
#include "unit/catch.h"
#include "unit/postoffice/temporary_directory.h"

namespace smtpgate::test {

class PostofficeFixture {
 public:
  explicit PostofficeFixture(postoffice::PostofficeSettings settings = default_settings()) {
    const Outcome made = postoffice::Postoffice::init(path(), settings);
    INFO(made.sentence());
    REQUIRE(made.is_delivered());
  }

  static postoffice::PostofficeSettings default_settings() {
    postoffice::PostofficeSettings settings;
    settings.name = {"TESTNET", "TESTPO"};
    settings.time_zone = "Europe/Berlin";
    return settings;
  }

  std::string path() const { return directory_ / "po"; }
  std::string operator/(std::string_view name) const { return path() + "/" + std::string(name); }

  postoffice::Postoffice open(
      postoffice::FileSystem& files = postoffice::FileSystem::posix()) const {
    auto opened = postoffice::Postoffice::open(path(), files);
    INFO((opened ? std::string() : opened.error().sentence()));
    REQUIRE(opened.has_value());
    return *opened;
  }
  void add_mailbox(std::string_view name) const {
    const Outcome made = open().add_mailbox(name);
    INFO(made.sentence());
    REQUIRE(made.is_delivered());
  }

  const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
};

}  // namespace smtpgate::test
