// What the milter room's tests share: a gateway in a directory of its own (configuration, address
// map, one postoffice with mailboxes), a log that remembers, and sight of what was filed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "milter/configuration.h"
#include "milter/inbound_delivery.h"
#include "milter/log.h"
#include "postoffice/postoffice.h"
#include "postoffice/printable.h"

namespace smtpgate::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "smtpgate-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_whole(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

class MemoryLog : public milter::Log {
 public:
  void write(milter::Severity severity, std::string_view text) override {
    const std::lock_guard guard(mutex_);
    const char* prefix = severity == milter::Severity::info      ? ""
                         : severity == milter::Severity::warning ? "warning: "
                                                                 : "error: ";
    lines_.push_back(prefix + printable_ascii(text));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard guard(mutex_);
    return lines_;
  }
  /// How many lines have `part` in them.
  std::size_t count(std::string_view part) const {
    std::size_t found = 0;
    for (const std::string& line : lines()) {
      if (line.find(part) != std::string::npos) ++found;
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Postoffice ACME/MAIN with mailboxes anna and ben, alias sales -> anna; domains example.com and,
/// mapped to it too, example.org. "lost.example" is mapped to ACME/LOST, whose folder is not there.
class Gateway {
 public:
  explicit Gateway(const std::string& gateway_lines = "", const std::string& other_lines = "",
                   const std::string& map_lines = "", const std::string& second = "") {
    std::filesystem::create_directory(work());
    write_whole(
        directory_.path() + "/ADDR_MAP.CFG",
        "ACME/MAIN example.com\nACME/MAIN example.org\nACME/LOST lost.example\n" + map_lines);
    write_whole(configuration_path(),
                "[gateway]\nhostname = \"mx.example.com\"\nuser = \"\"\nlog = \"" +
                    directory_.path() + "/log\"\nwork = \"" + work() + "\"\n" + gateway_lines +
                    "\n" + other_lines + "\n[converter]\naddress_map = \"ADDR_MAP.CFG\"\n" +
                    "[[postoffice]]\nname = \"ACME/MAIN\"\npath = \"" + folder() + "\"\n" +
                    "[[postoffice]]\nname = \"ACME/LOST\"\npath = \"" + directory_.path() +
                    "/lost\"\n" + second_table(second));
    postoffice::PostofficeSettings settings;
    settings.name = {"ACME", "MAIN"};
    settings.time_zone = "UTC";
    must(postoffice::Postoffice::init(folder(), settings));
    must(open().add_mailbox("anna"));
    must(open().add_mailbox("ben"));
    must(open().add_alias("sales", "anna"));
    if (!second.empty()) {
      settings.name = *postoffice::PostofficeName::parse(second);
      must(postoffice::Postoffice::init(path() + "/second", settings));
    }
    reload();
    must(milter::prepare_work_directory(*configuration));
  }

  /// Of a postoffice in the folder "second" of path(); empty: none.
  std::string second_table(const std::string& name) const {
    if (name.empty()) return {};
    return "[[postoffice]]\nname = \"" + name + "\"\npath = \"" + path() + "/second\"\n";
  }

  void reload() {
    auto fresh = milter::read_configuration(configuration_path());
    if (!fresh) throw std::runtime_error(fresh.error().front());
    configuration = std::make_shared<const milter::Configuration>(std::move(*fresh));
  }

  const std::string& path() const { return directory_.path(); }
  std::string work() const { return directory_.path() + "/work"; }
  std::string folder() const { return directory_.path() + "/po"; }
  std::string configuration_path() const { return directory_.path() + "/smtpgate.toml"; }
  postoffice::Postoffice open() const { return std::move(*postoffice::Postoffice::open(folder())); }

  /// Paths of the messages in a mailbox's new/.
  std::vector<std::string> filed(const std::string& mailbox) const {
    std::vector<std::string> result;
    const std::string place = open().mailbag_directory(mailbox) + "/new";
    for (const auto& entry : std::filesystem::directory_iterator(place)) {
      result.push_back(entry.path().string());
    }
    return result;
  }

  static void must(const Outcome& outcome) {
    if (!outcome.is_delivered()) throw std::runtime_error(outcome.sentence());
  }

  std::shared_ptr<const milter::Configuration> configuration;
  MemoryLog log;

 private:
  TemporaryDirectory directory_;
};

}  // namespace smtpgate::test
