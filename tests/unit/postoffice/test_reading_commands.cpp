// The commands for mailbags as a user meets them: sorting, finding, moving, deleting, watching, and
// reading on a terminal, where nothing of a message may give orders to the terminal.
#include <csignal>
#include <cstdlib>
#include <ctime>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include "unit/catch.h"
#include "unit/postoffice/program.h"

namespace smtpgate {
namespace {

using test::ProgramResult;
using Json = nlohmann::json;

const std::string hostile =
    "\x1b[2J\x1b]0;title\x07\xc2\x9b"
    "31m\xe2\x80\xaeR\b";

struct Office {
  test::TemporaryDirectory directory;
  std::string folder = directory / "po";

  Office() {
    REQUIRE((*this)({"init", "--name", "ACME/MAIN"}).code == 0);
    for (const std::string name : {"anna", "ben"}) {
      REQUIRE((*this)({"mailbox", "add", name}).code == 0);
    }
  }
  std::vector<std::string> words(std::vector<std::string> words) const {
    words.insert(words.begin(), {"-d", folder});
    return words;
  }
  ProgramResult operator()(const std::vector<std::string>& arguments) const {
    return test::run_program("postoffice", words(arguments));
  }
  void put(const std::string& place, std::int64_t arrival, const std::string& from,
           const std::string& subject, const std::string& text) const {
    const std::string path = folder + "/MBG/" + place;
    test::write_file(path, "VERSION:3.00\nTO:CSI:ACME/MAIN/anna\nFROM:SMTP:" + from + "\nSUBJECT:" +
                               subject + "\nTEXT:" + std::to_string(text.size()) + "\n" + text);
    test::set_modified(path, arrival);
  }
  std::vector<std::string> names(const std::string& place) const {
    return test::names_in(folder + "/MBG/" + place);
  }
};

/// A program on a terminal of its own, 24 lines of 80 columns.
class OnTerminal {
 public:
  OnTerminal(const std::vector<std::string>& words,
             const std::vector<std::pair<std::string, std::string>>& environment) {
    struct winsize size{24, 80, 0, 0};
    child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    ::unsetenv("NO_COLOR");
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    const std::string path = std::string(SMTPGATE_PROGRAMS) + "/postoffice";
    std::vector<char*> arguments = {const_cast<char*>(path.c_str())};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(path.c_str(), arguments.data());
    ::_exit(127);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(terminal_);
  }

  /// All until it ends.
  std::string output() {
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(terminal_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return text;
  }
  int code = -1;

 private:
  pid_t child_ = -1;
  int terminal_ = -1;
};

/// Without the two orders that are ours: bold, and back.
std::string without_bold(std::string text) {
  for (const std::string order : {"\033[1m", "\033[0m"}) {
    for (std::size_t at = 0; (at = text.find(order)) != std::string::npos;) {
      text.erase(at, order.size());
    }
  }
  return text;
}

bool gives_orders(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const bool is_line_end = text[i] == '\n' || (text[i] == '\r' && text[i + 1] == '\n');
    if ((octet < ' ' && !is_line_end) || octet == 0x7F) return true;
  }
  return text.find("\xc2\x9b") != std::string::npos ||
         text.find("\xe2\x80\xae") != std::string::npos;
}

TEST_CASE("a listing is sorted as asked for") {
  Office office;
  office.put("anna/new/m1", 100, "zoe@x.example", "beta", std::string(500, 'x'));
  office.put("anna/cur/m2", 200, "Adam@x.example", "Gamma", "x");
  office.put("anna/new/m3", 300, "mia@x.example", "alpha", std::string(50, 'x'));
  const auto order = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"list", "anna", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto done = office(arguments);
    CHECK(done.code == 0);
    std::string ids;
    const Json list = Json::parse(done.out);
    for (const auto& message : list["messages"]) {
      ids += message["id"].get<std::string>().substr(1);
    }
    return ids;
  };
  CHECK(order({}) == "321");
  CHECK(order({"--reverse"}) == "123");
  CHECK(order({"--sort", "from"}) == "231");
  CHECK(order({"--sort", "subject"}) == "312");
  CHECK(order({"--sort", "size"}) == "132");
  CHECK(order({"--sort", "size", "--reverse"}) == "231");
  CHECK(order({"--newest", "2", "--sort", "subject"}) == "32");
  CHECK(order({"--unread"}) == "31");
  CHECK(order({"--unread", "--newest", "1"}) == "3");
  CHECK(office({"list", "anna", "--sort", "colour"}).code == 64);
  CHECK(office({"list", "ben", "--unread"}).out == "no unread messages in mailbox ben\n");
}

TEST_CASE("messages are found, moved and deleted by command") {
  Office office;
  office.put("anna/new/m1", 100, "zoe@x.example", "An order", "for us\n");
  office.put("anna/cur/m2", 200, "adam@x.example", "None", "see the Order\n");
  auto found = office({"find", "anna", "--text", "the order", "--json"});
  CHECK(found.code == 0);
  CHECK(Json::parse(found.out)["messages"][0]["id"] == "m2");
  CHECK(office({"find", "anna", "--subject", "order"}).out.find("m1") != std::string::npos);
  CHECK(office({"find", "anna", "--from", "nobody"}).out == "none found among 2 messages\n");
  CHECK(Json::parse(office({"find", "anna", "--since", "1h", "--json"}).out)["messages"].empty());
  CHECK(office({"find", "anna", "--before", "soon"}).code == 64);
  CHECK(office({"find", "nobody"}).code == 67);
  CHECK(office({"move", "anna", "m1", "m9", "m2", "--to", "ben"}).code == 65);
  CHECK(office.names("ben/new") == std::vector<std::string>{"m1"});
  CHECK(office.names("ben/cur") == std::vector<std::string>{"m2"});
  CHECK(office({"move", "ben", "m1", "--to", "nobody"}).code == 67);
  CHECK(office({"move", "ben", "m1"}).code == 64);
  CHECK(office({"delete", "ben", "m1", "m2"}).out ==
        "message m1 is deleted\nmessage m2 is deleted\n");
  CHECK(office({"delete", "ben", "m1"}).code == 65);
}

TEST_CASE("on a terminal a message goes through the pager, and gives no orders") {
  Office office;
  office.put("anna/new/m1", 100, "evil" + hostile + "@x.example", "Sub" + hostile,
             "Text \r" + hostile + " end\n");
  const auto words = office.words({"read", "anna", "m1"});
  OnTerminal plain(words, {{"PAGER", "cat"}});
  const std::string text = plain.output();
  CHECK(plain.code == 0);
  CHECK(text.find("\033[1mSub\\x1B[2J") != std::string::npos);
  CHECK_FALSE(gives_orders(without_bold(text)));
  OnTerminal paged(words, {{"PAGER", "tr a-z A-Z"}});
  CHECK(paged.output().find("TEXT \\X0D\\X1B[2J") != std::string::npos);
  OnTerminal unpaged(office.words({"read", "anna", "m1", "--no-pager"}), {{"PAGER", "tr a-z A-Z"}});
  CHECK(unpaged.output().find("Text ") != std::string::npos);
  OnTerminal colourless(words, {{"PAGER", ""}, {"NO_COLOR", "1"}});
  CHECK_FALSE(gives_orders(colourless.output()));
  OnTerminal missing(words, {{"PAGER", "/no/such/pager"}});
  CHECK(missing.output().find("Text ") != std::string::npos);
  CHECK(missing.code == 0);
  for (const std::string command : {"list", "find"}) {
    OnTerminal table(office.words({command, "anna"}), {{"NO_COLOR", "1"}});
    CHECK_FALSE(gives_orders(table.output()));
    OnTerminal json(office.words({command, "anna", "--json"}), {});
    CHECK_FALSE(gives_orders(json.output()));
  }
  // No terminal: no pager, no colours.
  CHECK(office({"read", "anna", "m1"}).out.find('\033') == std::string::npos);
}

TEST_CASE("who leaves the pager early has read the message") {
  Office office;
  office.put("anna/new/m1", 100, "a@x.example", "long", std::string(1'000'000, '\n'));
  OnTerminal paged(office.words({"read", "anna", "m1", "--mark-read"}), {{"PAGER", "head -n 1"}});
  paged.output();
  CHECK(paged.code == 0);
  CHECK(office.names("anna/cur") == std::vector<std::string>{"m1"});
}

TEST_CASE("times are the reader's") {
  Office office;
  office.put("anna/new/m1", 1'767'225'600, "a@x.example", "s", "t");
  OnTerminal tokyo(office.words({"list", "anna"}), {{"TZ", "Asia/Tokyo"}});
  CHECK(tokyo.output().find("2026-01-01 09:00") != std::string::npos);
  OnTerminal york(office.words({"read", "anna", "m1"}),
                  {{"TZ", "America/New_York"}, {"PAGER", ""}});
  CHECK(york.output().find("Received:  2025-12-31 19:00") != std::string::npos);
}

/// `postoffice watch`, its standard output read line by line.
class Watch {
 public:
  explicit Watch(const std::vector<std::string>& words) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      const std::string path = std::string(SMTPGATE_PROGRAMS) + "/postoffice";
      std::vector<char*> arguments = {const_cast<char*>(path.c_str())};
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execv(path.c_str(), arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ends[0];
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    if (child > 0) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    ::close(out_);
  }
  /// Empty after `limit` milliseconds without one.
  std::string line(int limit) {
    while (text_.find('\n') == std::string::npos) {
      pollfd source{out_, POLLIN, 0};
      if (::poll(&source, 1, limit) <= 0) return {};
      char buffer[4096];
      const ssize_t count = ::read(out_, buffer, sizeof buffer);
      if (count <= 0) return {};
      text_.append(buffer, static_cast<std::size_t>(count));
    }
    const std::string first = text_.substr(0, text_.find('\n'));
    text_.erase(0, first.size() + 1);
    return first;
  }
  int end_by(int signal) {
    ::kill(child, signal);
    int status = 0;
    ::waitpid(child, &status, 0);
    child = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  pid_t child = -1;

 private:
  int out_ = -1;
  std::string text_;
};

TEST_CASE("watch tells each new message once, and ends cleanly by a signal") {
  Office office;
  office.put("anna/new/old", 100, "a@x.example", "old", "t");
  for (const int signal : {SIGINT, SIGTERM}) {
    Watch watch(office.words({"watch", "anna", "--json", "--every", "1"}));
    // It may not look yet: messages come until one is told.
    std::string told;
    int number = 0;
    while (told.empty() && number < 100) {
      office.put("anna/.next", 100, "a@x.example", "new" + hostile, "t");
      std::filesystem::rename(office.folder + "/MBG/anna/.next", office.folder + "/MBG/anna/new/m" +
                                                                     std::to_string(signal) + "-" +
                                                                     std::to_string(++number));
      told = watch.line(300);
    }
    REQUIRE_FALSE(told.empty());
    CHECK_FALSE(gives_orders(told));
    const auto message = Json::parse(told);
    CHECK(message["subject"].get<std::string>().starts_with("new"));
    CHECK(message["id"] != "old");
    // Read by somebody else before it is seen, and yet told; and once.
    office.put("anna/cur/straight-" + std::to_string(signal), 100, "b@x.example", "second", "t");
    std::string next;
    for (int i = 0; i < 30 && next.find("second") == std::string::npos; ++i)
      next = watch.line(1000);
    CHECK(next.find("second") != std::string::npos);
    CHECK(watch.end_by(signal) == 0);
  }
}

}  // namespace
}  // namespace smtpgate
