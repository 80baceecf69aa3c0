// Each finding of `smtpgate check`, provoked: one thing is spoiled at a time, and exactly the
// finding that belongs to it comes up, with where it is and what mends it. The last case holds the
// list of what was provoked against the table, so that no finding can go without a test.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "gateway_fixture.h"
#include "milter/check.h"
#include "milter/gateway_check.h"
#include "milter/shadow.h"
#include "postfix_fixture.h"
#include "scripted_server.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

/// Somebody who takes connections at the milter's socket.
class Listener {
 public:
  explicit Listener(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof(address.sun_path));
    path.copy(address.sun_path, path.size());
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(fd_, 5) == 0);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  int fd_;
};

/// A gateway and a Postfix with which nothing is wrong.
struct Site {
  Site() : gateway("", "", "", ""), postfix(gateway) {
    // One postoffice, and that is there.
    edit("[[postoffice]]\nname = \"ACME/LOST\"\npath = \"" + gateway.path() + "/lost\"\n", "");
    test::write_whole(gateway.path() + "/ADDR_MAP.CFG",
                      "ACME/MAIN example.com\nACME/MAIN example.org\n");
    std::filesystem::permissions(gateway.work(), std::filesystem::perms::owner_all);
    std::filesystem::create_directories(postfix.path + "/queue/smtpgate");
    REQUIRE(::chmod((postfix.path + "/queue/smtpgate").c_str(), 02750) == 0);
    add("[milter]\nsocket = \"" + socket() + "\"\n[designated_host]\nhosts = [\"" + host.host() +
        "\"]\n");
    daemon = std::make_unique<Listener>(socket());
  }

  std::string socket() const { return postfix.path + "/queue/smtpgate/milter.sock"; }

  void edit(const std::string& from, const std::string& to) {
    std::string text = test::read_whole(gateway.configuration_path());
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    test::write_whole(gateway.configuration_path(), text.replace(at, from.size(), to));
  }
  void add(const std::string& lines) {
    test::write_whole(gateway.configuration_path(),
                      lines + test::read_whole(gateway.configuration_path()));
  }
  /// A line of a table that is there.
  void set(const std::string& table, const std::string& line) {
    edit("[" + table + "]\n", "[" + table + "]\n" + line + "\n");
  }

  /// All but what is well.
  std::vector<Finding> findings() const {
    std::vector<Finding> all = check({gateway.configuration_path(), "", true, false});
    const auto configuration = read_configuration(gateway.configuration_path());
    if (configuration) {
      for (Finding& finding : postfix.judge(*configuration)) all.push_back(std::move(finding));
    }
    std::erase_if(all, [](const Finding& one) { return one.kind == FindingKind::ok; });
    return all;
  }

  test::Gateway gateway;
  test::FakePostfix postfix;
  test::ScriptedServer host;
  std::unique_ptr<Listener> daemon;
};

/// Shadow mode, with a shadow of which nothing is there yet. Its path.
std::string shadow(Site& site) {
  const std::string path = "path = \"" + site.gateway.folder() + "\"\n";
  const std::string folder = site.gateway.path() + "/shadow";
  site.edit(path, path + "shadow = \"" + folder + "\"\n");
  site.add("[shadow]\nenabled = true\n");
  for (const char* name : {"transport_maps", "virtual_mailbox_maps"}) {
    site.postfix.settings.erase(name);
  }
  return folder;
}

/// The same, all made.
void prepared_shadow(Site& site) {
  shadow(site);
  site.gateway.reload();
  REQUIRE(prepare_shadows(*site.gateway.configuration).failed.empty());
}

struct Provocation {
  const char* id;
  const char* text;   ///< in what is said
  const char* where;  ///< in the place
  std::function<void(Site&)> spoil;
  const char* also = "";  ///< a second finding that cannot but follow from it
};

void spoil_setting(Site& site, const char* name, const char* value) {
  site.postfix.settings[name] = value;
}

const std::vector<Provocation>& provocations() {
  using S = Site;
  static const std::vector<Provocation> list{
      {"configuration", "logg", "smtpgate.toml", [](S& s) { s.set("gateway", "logg = 1"); }},
      {"user-missing", "there is no user nobody-of-that-name", "smtpgate.toml:",
       [](S& s) {
         s.edit("user = \"\"", "user = \"nobody-of-that-name\"");
         s.postfix.replace("user=smtpgate", "user=nobody-of-that-name");
         s.postfix.replace("user=smtpgate", "user=nobody-of-that-name");
       }},
      {"group-missing", "there is no group no-such-group", "smtpgate.toml:",
       [](S& s) {
         s.edit("user = \"\"", "user = \"root\"\ngroup = \"no-such-group\"");
         s.postfix.replace("user=smtpgate", "user=root");
         s.postfix.replace("user=smtpgate", "user=root");
       }},
      {"work-missing", "/work",
       "smtpgate.toml:", [](S& s) { std::filesystem::remove_all(s.gateway.work()); }},
      {"work-unwritable", "/proc/self/fd", "smtpgate.toml:",
       [](S& s) { s.edit("work = \"" + s.gateway.work(), "work = \"/proc/self/fd"); }},
      {"work-open", "has mode 0755", "smtpgate.toml:",
       [](S& s) { std::filesystem::permissions(s.gateway.work(), std::filesystem::perms(0755)); }},
      {"socket-directory", "/nonexistent is not there", "smtpgate.toml:",
       [](S& s) {
         s.edit("socket = \"" + s.socket(), "socket = \"/nonexistent/milter.sock");
         s.postfix.settings["smtpd_milters"] =
             "{ unix:/nonexistent/milter.sock, default_action=accept }";
       }},
      {"socket-closed", "cannot open the socket",
       "smtpgate.toml:", [](S& s) { ::chmod((s.postfix.path + "/queue/smtpgate").c_str(), 0750); }},
      {"socket-open", "everybody on this machine", "smtpgate.toml:",
       [](S& s) {
         s.set("milter", "socket_mode = \"0666\"");
         ::chmod((s.postfix.path + "/queue/smtpgate").c_str(), 02751);
       }},
      {"daemon-away", "no daemon answers", "milter.sock", [](S& s) { s.daemon.reset(); }},
      {"postoffice-unreadable", "postoffice ACME/MAIN: ", "smtpgate.toml",
       [](S& s) { std::filesystem::remove(s.gateway.folder() + "/GLB/postoffice.toml"); }},
      {"postoffice-other", "says it is ACME/MAIN", "GLB/postoffice.toml",
       [](S& s) {
         s.edit("name = \"ACME/MAIN\"", "name = \"ACME/OTHER\"");
         test::write_whole(s.gateway.path() + "/ADDR_MAP.CFG",
                           "ACME/OTHER example.com\nACME/OTHER example.org\n");
       }},
      {"postoffice-unwritable", "P1", "P1",
       [](S& s) {
         std::filesystem::remove_all(s.gateway.folder() + "/P1");
         std::filesystem::create_symlink("/proc/self", s.gateway.folder() + "/P1");
       }},
      {"shadow-mode", "shadow mode is on", "smtpgate.toml:", [](S& s) { prepared_shadow(s); }},
      {"shadow-routed", "example.com is routed to smtpgate:unix:private/smtpgate-door", "main.cf",
       [](S& s) {
         prepared_shadow(s);
         spoil_setting(s, "transport_maps", "hash:/transport");
       },
       "shadow-mode"},
      {"shadow-routed", "example.org is routed to smtpgate", "main.cf",
       [](S& s) {
         prepared_shadow(s);
         spoil_setting(s, "virtual_transport", "smtpgate");
       },
       "shadow-mode"},
      {"shadow-routed", "virtual_mailbox_maps asks smtpgate lookup", "main.cf",
       [](S& s) {
         prepared_shadow(s);
         spoil_setting(s, "virtual_mailbox_maps",
                       "hash:/v, socketmap:unix:private/smtpgate-lookup:shared");
       },
       "shadow-mode"},
      {"shadow-routed", "default_transport is smtpgate", "main.cf",
       [](S& s) {
         prepared_shadow(s);
         spoil_setting(s, "default_transport", "smtpgate");
       },
       "shadow-mode"},
      {"shadow-is-real", "are one folder", "smtpgate.toml",
       [](S& s) {
         std::filesystem::create_directory_symlink(s.gateway.folder(), shadow(s));
         test::write_whole(s.gateway.folder() + "/GLB/SHADOW", "");
       },
       "shadow-mode"},
      {"shadow-missing", "is no shadow", "smtpgate.toml",
       [](S& s) {
         postoffice::PostofficeSettings settings;
         settings.name = {"ACME", "MAIN"};
         REQUIRE(postoffice::Postoffice::init(shadow(s), settings).is_delivered());
       },
       "shadow-mode"},
      {"shadow-as-real", "is a shadow", "smtpgate.toml",
       [](S& s) { test::write_whole(s.gateway.folder() + "/GLB/SHADOW", ""); }},
      {"names-shared", "1 name is in more than one of its postoffices (anna)", "example.com",
       [](S& s) {
         postoffice::PostofficeSettings settings;
         settings.name = {"ACME", "TWO"};
         REQUIRE(postoffice::Postoffice::init(s.gateway.path() + "/two", settings).is_delivered());
         REQUIRE(postoffice::Postoffice::open(s.gateway.path() + "/two")
                     ->add_mailbox("anna")
                     .is_delivered());
         test::write_whole(s.gateway.path() + "/ADDR_MAP.CFG",
                           "ACME/MAIN example.com\nACME/MAIN example.org\nACME/TWO example.com\n"
                           "ACME/TWO lost.example\n");
         test::write_whole(s.gateway.configuration_path(),
                           test::read_whole(s.gateway.configuration_path()) +
                               "[[postoffice]]\nname = \"ACME/TWO\"\npath = \"" + s.gateway.path() +
                               "/two\"\n");
       }},
      {"peer-key", "peer branch: ", "/no-such-key",
       [](S& s) {
         test::write_whole(s.gateway.path() + "/ADDR_MAP.CFG",
                           "ACME/MAIN example.com\nACME/MAIN example.org\nACME/BRANCH "
                           "branch.example\n");
         test::write_whole(s.gateway.configuration_path(),
                           test::read_whole(s.gateway.configuration_path()) +
                               "[[peer]]\nname = \"branch\"\npostoffices = [\"ACME/BRANCH\"]\n"
                               "key_file = \"" +
                               s.gateway.path() + "/no-such-key\"\n");
       }},
      {"records-unwritable", "no-such-folder", "smtpgate.toml:",
       [](S& s) {
         s.set("gateway", "records = \"" + s.gateway.path() + "/no-such-folder/records.json\"");
       }},
      {"status-page", "/no-such-folder is not there", "smtpgate.toml:",
       [](S& s) {
         s.add("[status]\nlisten = \"" + s.gateway.path() + "/no-such-folder/status.sock\"\n");
       }},
      {"status-page", "the daemon that runs listens at no ", "/status.sock",
       [](S& s) { s.add("[status]\nlisten = \"" + s.gateway.path() + "/status.sock\"\n"); }},
      {"status-page", "the daemon that runs listens at no 127.0.0.1:1", "smtpgate.toml:",
       [](S& s) {
         s.add("[status]\nlisten = \"127.0.0.1:1\"\ntoken_file = \"" + s.gateway.path() +
               "/token\"\n");
         test::write_whole(s.gateway.path() + "/token", std::string(64, 'a') + "\n");
         REQUIRE(::chmod((s.gateway.path() + "/token").c_str(), 0600) == 0);
       }},
      {"status-open", "asks for no token", "smtpgate.toml:",
       [](S& s) {
         REQUIRE(::chmod(s.gateway.path().c_str(), 0755) == 0);
         s.add("[status]\nlisten = \"" + s.gateway.path() +
               "/status.sock\"\nsocket_mode = \"0666\"\n");
       },
       "status-page"},
      {"status-token", "no-such-token", "/no-such-token",
       [](S& s) {
         s.add("[status]\nlisten = \"127.0.0.1:1\"\ntoken_file = \"" + s.gateway.path() +
               "/no-such-token\"\n");
       },
       "status-page"},
      {"host-away", "cannot connect", "smtpgate.toml:",
       [](S& s) { s.edit("hosts = [\"" + s.host.host(), "hosts = [\"127.0.0.1:1"); }},
      {"space-low", " free, and ",
       "smtpgate.toml:", [](S& s) { s.set("gateway", "free_space = 1125899906842624"); }},
      {"inodes-low", "more files",
       "smtpgate.toml:", [](S& s) { s.set("gateway", "free_inodes = 1125899906842624"); }},
      {"clock-wrong", "from now", "MBG",
       [](S& s) {
         const timespec then{::time(nullptr) + 90'000, 0};
         const timespec times[] = {then, then};
         REQUIRE(::utimensat(AT_FDCWD, (s.gateway.folder() + "/MBG").c_str(), times, 0) == 0);
       }},
      {"postfix-silent", "postconf gives no answer", "postconf",
       [](S& s) { s.postfix.is_silent = true; }},
      {"milter-missing", "smtpd_milters has no entry for ", "main.cf",
       [](S& s) { spoil_setting(s, "smtpd_milters", "inet:127.0.0.1:11332"); }},
      {"milter-not-last", "is not the last", "main.cf",
       [](S& s) { s.postfix.settings["smtpd_milters"] += ", inet:localhost:8891"; }},
      {"milter-not-last", "names our socket twice", "main.cf",
       [](S& s) {
         s.postfix.settings["smtpd_milters"] =
             "{ unix:smtpgate/milter.sock, default_action=accept }, " +
             s.postfix.settings["smtpd_milters"];
       }},
      {"milter-no-accept", "lacks default_action=accept", "main.cf",
       [](S& s) { spoil_setting(s, "smtpd_milters", "unix:smtpgate/milter.sock"); }},
      {"milter-unreachable", "is chrooted and does not find our socket", "main.cf",
       [](S& s) {
         s.postfix.settings["smtpd_milters"] =
             "{ unix:" + s.socket() + ", default_action = accept }";
         s.postfix.replace("smtp inet n - n", "smtp inet n - y");
       }},
      {"milter-non-smtpd", "non_smtpd_milters names our socket", "main.cf",
       [](S& s) { spoil_setting(s, "non_smtpd_milters", "unix:smtpgate/milter.sock"); }},
      {"milter-before-filter", "the service smtp: content_filter is set", "master.cf",
       [](S& s) { s.postfix.options = "smtp/inet/content_filter = scan:\n"; }},
      {"milter-proxy-filter", "smtpd_proxy_filter is set", "main.cf",
       [](S& s) { spoil_setting(s, "smtpd_proxy_filter", "127.0.0.1:10025"); }},
      {"milter-protocol", "milter_protocol is 2", "main.cf",
       [](S& s) { spoil_setting(s, "milter_protocol", "2"); }},
      {"milter-timeout", "waits 30 s", "main.cf",
       [](S& s) {
         spoil_setting(s, "smtpd_milters",
                       "{ unix:smtpgate/milter.sock, default_action=accept, content_timeout=30s }");
       }},
      {"discard-unsafe", "always_bcc is set", "main.cf",
       [](S& s) {
         s.set("milter", "claim = \"discard\"");
         spoil_setting(s, "smtpd_milters", "{ unix:smtpgate/milter.sock, default_action=accept }");
         spoil_setting(s, "always_bcc", "archive@example.net");
       }},
      {"discard-slow", "in_flow_delay is 1s", "main.cf",
       [](S& s) {
         s.set("milter", "claim = \"discard\"");
         spoil_setting(s, "smtpd_milters", "{ unix:smtpgate/milter.sock, default_action=accept }");
         spoil_setting(s, "in_flow_delay", "1s");
       }},
      {"filter-loop", "for every way into Postfix", "main.cf",
       [](S& s) {
         spoil_setting(s, "content_filter", "smtp:[127.0.0.1]:10024");
         s.postfix.options = "smtp/inet/smtpd_milters = \n";
       },
       "milter-missing"},
      {"filter-is-ours", "content_filter is our own transport", "main.cf",
       [](S& s) {
         spoil_setting(s, "content_filter", "smtpgate:unix:private/smtpgate-door");
         s.postfix.options = "smtp/inet/content_filter = \n";
       }},
      {"transport-missing", "master.cf has no transport smtpgate", "master.cf",
       [](S& s) { s.postfix.replace("smtpgate unix", "other unix"); }},
      {"transport-not-lmtp", "is not Postfix's lmtp client", "master.cf",
       [](S& s) { s.postfix.replace("lmtp -o", "pipe -o"); }},
      {"transport-folds", "lacks -o lmtp_line_length_limit=0", "master.cf",
       [](S& s) { s.postfix.replace("-o lmtp_line_length_limit=0 ", ""); }},
      {"transport-rewrites", "lmtp_generic_maps changes", "main.cf",
       [](S& s) { spoil_setting(s, "lmtp_generic_maps", "hash:/generic"); }},
      {"transport-deferred", "defer_transports names smtpgate", "main.cf",
       [](S& s) { spoil_setting(s, "defer_transports", "uucp, smtpgate"); }},
      {"door-missing", "no spawn entry for smtpgate deliver", "master.cf",
       [](S& s) {
         s.postfix.replace(" deliver", " other");
         // The way to no door is a way that the routing does not judge.
         for (auto& [domain, way] : s.postfix.tables["hash:/transport"]) way = "smtpgate:inet:x:24";
       }},
      {"lookup-missing", "no spawn entry for smtpgate lookup", "master.cf",
       [](S& s) { s.postfix.replace("    lookup", "    other"); }, "lookup-not-asked"},
      {"program-missing", "which cannot be run", "master.cf",
       [](S& s) { std::filesystem::remove(s.postfix.program()); }},
      {"door-user", "the service smtpgate-door runs as daemon, and the gateway is root",
       "master.cf",
       [](S& s) {
         s.edit("user = \"\"", "user = \"root\"");
         s.postfix.replace("user=smtpgate", "user=daemon");
         s.postfix.replace("user=smtpgate", "user=root");
       }},
      {"door-configuration", "the service smtpgate-door reads /other.toml", "master.cf",
       [](S& s) {
         s.postfix.replace("deliver --config " + s.gateway.configuration_path(),
                           "deliver --config=/other.toml");
       }},
      {"door-few", "has 5 processes for 20 deliveries at once", "master.cf",
       [](S& s) { s.postfix.replace("n n - 20", "n n - 5"); }},
      {"door-time-limit", "ends the service smtpgate-door after 100 s", "main.cf",
       [](S& s) { spoil_setting(s, "smtpgate-door_time_limit", "100"); }},
      {"lmtp-timeout", "lmtp_data_done_timeout is 60 s", "main.cf",
       [](S& s) { spoil_setting(s, "lmtp_data_done_timeout", "1m"); }},
      {"size-limit", "message_size_limit is 10240000 octets", "main.cf",
       [](S& s) { s.add("[lmtp]\nsize_limit = 1000\n"); }},
      {"domain-refused", "example.org is no domain of Postfix's", "main.cf",
       [](S& s) { spoil_setting(s, "virtual_mailbox_domains", "example.com"); }},
      {"domain-elsewhere", "example.org is routed to virtual", "main.cf",
       [](S& s) { s.postfix.tables["hash:/transport"].erase("example.org"); }},
      {"domain-other-door", "routed to smtpgate:unix:private/other", "main.cf",
       [](S& s) {
         s.postfix.tables["hash:/transport"]["example.org"] = "smtpgate:unix:private/other";
       }},
      {"domain-unclear", "where example.com is routed to is not known", "main.cf",
       [](S& s) { spoil_setting(s, "transport_maps", "hash:/elsewhere"); }},
      {"domain-two-classes", "example.org is in virtual_mailbox_domains and relay_domains",
       "main.cf", [](S& s) { spoil_setting(s, "relay_domains", "example.org"); }},
      {"default-is-ours", "default_transport is our own transport", "main.cf",
       [](S& s) { spoil_setting(s, "default_transport", "smtpgate:unix:private/smtpgate-door"); }},
      {"lookup-not-asked", "virtual_mailbox_maps, which says who exists", "main.cf",
       [](S& s) { spoil_setting(s, "virtual_mailbox_maps", "hash:/mailboxes"); }},
      {"original-recipient", "enable_original_recipient = no", "main.cf",
       [](S& s) { spoil_setting(s, "enable_original_recipient", "no"); }},
      {"late-checks", "header_checks is set", "main.cf",
       [](S& s) { spoil_setting(s, "header_checks", "regexp:/x"); }},
      {"bare-newline", "a dot between bare line feeds", "main.cf",
       [](S& s) { spoil_setting(s, "smtpd_forbid_bare_newline", "no"); }},
      {"sender-rewritten", "sender_canonical_maps is set", "main.cf",
       [](S& s) { spoil_setting(s, "sender_canonical_maps", "hash:/x"); }},
      {"soft-bounce", "soft_bounce = yes", "main.cf",
       [](S& s) { spoil_setting(s, "soft_bounce", "yes"); }},
      {"name-rewritten", "virtual_alias_maps rewrites anna@example.com", "main.cf",
       [](S& s) {
         s.set("gateway", "unknown_recipient = \"leave\"");
         spoil_setting(s, "virtual_alias_maps", "hash:/aliases");
         s.postfix.tables["hash:/aliases"]["anna@example.com"] = "zoe@elsewhere.test";
       }},
      {"table-unreadable", "virtual_alias_maps names hash:/away", "main.cf",
       [](S& s) {
         s.set("gateway", "unknown_recipient = \"leave\"");
         spoil_setting(s, "virtual_alias_maps", "hash:/away");
       }},
      {"catch-all-rewritten", "virtual_alias_maps is set and a postoffice has a catch_all",
       "main.cf",
       [](S& s) {
         s.set("gateway", "unknown_recipient = \"leave\"");
         spoil_setting(s, "virtual_alias_maps", "hash:/aliases");
         s.postfix.tables["hash:/aliases"]["x@example.com"] = "y";
         const std::string path = s.gateway.folder() + "/GLB/postoffice.toml";
         test::write_whole(path, test::read_whole(path) + "\ncatch_all = \"anna\"\n");
       }},
      {"alias-refused", "unknown_recipient is \"refuse\"", "main.cf",
       [](S& s) {
         spoil_setting(s, "virtual_alias_maps", "hash:/aliases");
         s.postfix.tables["hash:/aliases"]["x@example.com"] = "y";
       }},
      {"queue-lifetime", "maximal_queue_lifetime is 9 days", "GLB/postoffice.toml",
       [](S& s) { spoil_setting(s, "maximal_queue_lifetime", "9d"); }},
  };
  return list;
}

}  // namespace

TEST_CASE("where nothing is wrong the check finds nothing") {
  const Site site;
  for (const Finding& finding : site.findings()) {
    UNSCOPED_INFO(finding.id << ": " << finding.text);
  }
  CHECK(site.findings().empty());
}

TEST_CASE("each finding comes up when its one thing is spoiled, and no other one does") {
  for (const Provocation& one : provocations()) {
    Site site;
    one.spoil(site);
    const std::vector<Finding> findings = site.findings();
    INFO(one.id);
    for (const Finding& finding : findings) UNSCOPED_INFO(finding.id << ": " << finding.text);
    CHECK(!findings.empty());
    bool said = false;
    for (const Finding& finding : findings) {
      if (finding.id == one.also) continue;
      CHECK(finding.id == one.id);
      CHECK(finding.where.find(one.where) != std::string::npos);
      CHECK(!finding.consequence.empty());
      CHECK(!finding.remedy.empty());
      said = said || finding.text.find(one.text) != std::string::npos;
    }
    CHECK(said);
  }
}

TEST_CASE("beside a shadow our entry is added by itself: the setup would route mail to us") {
  Site site;
  prepared_shadow(site);
  spoil_setting(site, "smtpd_milters", "inet:127.0.0.1:11332");
  bool said = false;
  for (const Finding& one : site.findings()) {
    if (one.id != "milter-missing") continue;
    said = true;
    CHECK(one.remedy.find("inet:127.0.0.1:11332, { unix:smtpgate/milter.sock, "
                          "default_action=accept }") != std::string::npos);
    CHECK(one.remedy.find("smtpgate-setup") == std::string::npos);
  }
  CHECK(said);
}

TEST_CASE("every finding of the table is provoked or needs another machine, and is documented") {
  // Two clocks, or no rights: a file system that tests have not, and a user that cannot be become.
  std::set<std::string> known{"clock-differs", "user-unreachable", "configuration-closed"};
  for (const Provocation& one : provocations()) known.insert(one.id);
  const std::string document = test::read_whole(SMTPGATE_TEST_DATA "/../../docs/checks.md");
  for (const FindingDefinition& one : finding_definitions()) {
    INFO(one.id);
    CHECK(known.contains(one.id));
    CHECK(document.find("| `" + std::string(one.id) + "` | " +
                        (one.kind == FindingKind::error ? "error" : "warning") + " | ") !=
          std::string::npos);
    CHECK(document.find(one.consequence) != std::string::npos);
  }
  CHECK(known.size() == finding_definitions().size());
}
