// smtpgate.toml: defaults, the sample, and the line that each broken file must print.
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "gateway_fixture.h"
#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

const std::string repository = SMTPGATE_TEST_DATA "/../..";
const std::string broken = SMTPGATE_TEST_DATA "/broken-configurations";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// The keys that the code asks its tables for.
std::set<std::string> keys_of_the_code() {
  const std::string code = test::read_whole(repository + "/milter/configuration.cpp") +
                           test::read_whole(repository + "/converter/settings.cpp") +
                           test::read_whole(repository + "/converter/peer_settings.cpp");
  const std::regex asks(
      R"re((?:\.(?:string|choice|integer|boolean|strings|table|tables)\(|read_mode\(table, |required_string\(table, )"(\w+)")re");
  std::set<std::string> keys;
  for (auto match = std::sregex_iterator(code.begin(), code.end(), asks);
       match != std::sregex_iterator(); ++match) {
    keys.insert((*match)[1]);
  }
  return keys;
}

}  // namespace

TEST_CASE("the sample says the defaults") {
  const test::TemporaryDirectory directory;
  test::write_whole(directory.path() + "/ADDR_MAP.CFG", "ACME/MAIN example.com\n");
  const std::string map = "\"" + directory.path() + "/ADDR_MAP.CFG\"";
  const std::string sample = replaced(test::read_whole(repository + "/postfix-conf/smtpgate.toml"),
                                      "\"/etc/smtpgate/ADDR_MAP.CFG\"", map);
  test::write_whole(directory.path() + "/sample.toml", sample);
  test::write_whole(
      directory.path() + "/least.toml",
      "[converter]\naddress_map = " + map +
          "\n[[postoffice]]\nname = \"ACME/MAIN\"\npath = \"/var/spool/postoffice\"\n");
  const auto said = read_configuration(directory.path() + "/sample.toml");
  const auto least = read_configuration(directory.path() + "/least.toml");
  REQUIRE(said);
  REQUIRE(least);
  CHECK(said->gateway.hostname == least->gateway.hostname);
  CHECK(said->gateway.user == least->gateway.user);
  CHECK(said->gateway.group == least->gateway.group);
  CHECK(said->gateway.work == least->gateway.work);
  CHECK(said->gateway.keep_chain == least->gateway.keep_chain);
  CHECK(said->gateway.transport == least->gateway.transport);
  CHECK(said->gateway.unknown_recipient == least->gateway.unknown_recipient);
  CHECK(said->gateway.log == least->gateway.log);
  CHECK(said->milter.socket == least->milter.socket);
  CHECK(said->milter.socket_mode == least->milter.socket_mode);
  CHECK(said->milter.socket_group == least->milter.socket_group);
  CHECK(said->milter.deadline == least->milter.deadline);
  CHECK(said->lmtp.size_limit == least->lmtp.size_limit);
  CHECK(said->lmtp.deadline == least->lmtp.deadline);
  CHECK(said->lmtp.timeout == least->lmtp.timeout);
  CHECK(said->designated_host.hosts == least->designated_host.hosts);
  CHECK(said->designated_host.hostname == least->gateway.hostname);
  CHECK(said->designated_host.tls == least->designated_host.tls);
  CHECK(said->designated_host.tls_ca_file == least->designated_host.tls_ca_file);
  CHECK(said->designated_host.user == least->designated_host.user);
  CHECK(said->designated_host.password_file == least->designated_host.password_file);
  CHECK(said->designated_host.connect_timeout == least->designated_host.connect_timeout);
  CHECK(said->designated_host.command_timeout == least->designated_host.command_timeout);
  CHECK(said->designated_host.data_timeout == least->designated_host.data_timeout);
  CHECK(said->designated_host.connections == least->designated_host.connections);
  CHECK(said->designated_host.keep == least->designated_host.keep);
  CHECK(said->designated_host.messages_per_connection ==
        least->designated_host.messages_per_connection);
  CHECK(said->outbound.enabled == least->outbound.enabled);
  CHECK(said->outbound.poll == least->outbound.poll);
  CHECK(said->outbound.outbox_wait == least->outbound.outbox_wait);
  CHECK(said->outbound.outbox_size_limit == least->outbound.outbox_size_limit);
  CHECK(said->outbound.retry_min == least->outbound.retry_min);
  CHECK(said->outbound.retry_max == least->outbound.retry_max);
  CHECK(said->outbound.expire == least->outbound.expire);
  CHECK(said->outbound.lease == least->outbound.lease);
  const auto& rendering = said->converter.outbound;
  CHECK(rendering.receipts == least->converter.outbound.receipts);
  CHECK(rendering.uuencode_domains == least->converter.outbound.uuencode_domains);
  const auto& inbound = said->converter.inbound;
  const auto& least_inbound = least->converter.inbound;
  CHECK(inbound.from_envelope == least_inbound.from_envelope);
  CHECK(inbound.keep_trace == least_inbound.keep_trace);
  CHECK(inbound.hidden_fields == least_inbound.hidden_fields);
  CHECK(inbound.limits.depth == least_inbound.limits.depth);
  CHECK(inbound.limits.parts == least_inbound.limits.parts);
  CHECK(inbound.limits.header_octets == least_inbound.limits.header_octets);
  CHECK(inbound.limits.header_fields == least_inbound.limits.header_fields);
  CHECK(inbound.containers.tnef_depth == least_inbound.containers.tnef_depth);
  CHECK(inbound.containers.tnef_properties == least_inbound.containers.tnef_properties);
  CHECK(inbound.containers.expansion == least_inbound.containers.expansion);
  CHECK(inbound.most_addresses == least_inbound.most_addresses);
  CHECK(inbound.longest_name == least_inbound.longest_name);
  CHECK(inbound.longest_time == least_inbound.longest_time);
  CHECK(inbound.attachment_names == least_inbound.attachment_names);
}

TEST_CASE("the defaults of the code are those of the structures") {
  test::Gateway gateway;
  const DesignatedHost host;
  const DesignatedHost& read = gateway.configuration->designated_host;
  CHECK(read.hosts == host.hosts);
  CHECK(read.hostname == "mx.example.com");
  CHECK(read.tls == host.tls);
  CHECK(read.connect_timeout == host.connect_timeout);
  CHECK(read.command_timeout == host.command_timeout);
  CHECK(read.data_timeout == host.data_timeout);
  CHECK(read.connections == host.connections);
  CHECK(read.keep == host.keep);
  CHECK(read.messages_per_connection == host.messages_per_connection);
  const OutboundGatewaySettings outbound;
  CHECK(gateway.configuration->outbound.poll == outbound.poll);
  CHECK(gateway.configuration->outbound.retry_max == outbound.retry_max);
  CHECK(gateway.configuration->outbound.expire == outbound.expire);
  CHECK(gateway.configuration->outbound.lease == outbound.lease);
}

TEST_CASE("all of the designated host and of the outbound side is read") {
  test::Gateway gateway("", R"([designated_host]
hosts = ["mail.example.com", "[::1]:587"]
hostname = "gate.example.com"
tls = "verified"
tls_ca_file = "/etc/smtpgate/ca.pem"
user = "gate"
password_file = "/etc/smtpgate/password"
connect_timeout = 1
command_timeout = 2
data_timeout = 3
connections = 5
keep = 0
messages_per_connection = 7
[outbound]
enabled = false
poll = 1
outbox_wait = 2
outbox_size_limit = 3000000000
retry_min = 3
retry_max = 4
expire = 60
lease = 61
)");
  const DesignatedHost& host = gateway.configuration->designated_host;
  CHECK(host.hosts == std::vector<std::string>{"mail.example.com", "[::1]:587"});
  CHECK(host.hostname == "gate.example.com");
  CHECK(host.tls == TlsUse::verified);
  CHECK(host.tls_ca_file == "/etc/smtpgate/ca.pem");
  CHECK(host.user == "gate");
  CHECK(host.password_file == "/etc/smtpgate/password");
  CHECK(host.connect_timeout == std::chrono::seconds(1));
  CHECK(host.command_timeout == std::chrono::seconds(2));
  CHECK(host.data_timeout == std::chrono::seconds(3));
  CHECK(host.connections == 5);
  CHECK(host.keep == std::chrono::seconds(0));
  CHECK(host.messages_per_connection == 7);
  const OutboundGatewaySettings& outbound = gateway.configuration->outbound;
  CHECK_FALSE(outbound.enabled);
  CHECK(outbound.poll == std::chrono::seconds(1));
  CHECK(outbound.outbox_wait == std::chrono::seconds(2));
  CHECK(outbound.outbox_size_limit == 3'000'000'000);
  CHECK(outbound.retry_min == std::chrono::seconds(3));
  CHECK(outbound.retry_max == std::chrono::seconds(4));
  CHECK(outbound.expire == std::chrono::seconds(60));
  CHECK(outbound.lease == std::chrono::seconds(61));
}

TEST_CASE("how outgoing mail is written is read with the converter's settings") {
  const test::TemporaryDirectory directory;
  test::write_whole(directory.path() + "/ADDR_MAP.CFG", "ACME/MAIN example.com\n");
  test::write_whole(directory.path() + "/smtpgate.toml",
                    "[gateway]\nhostname = \"mx.example.com\"\n[converter]\naddress_map = "
                    "\"ADDR_MAP.CFG\"\nreceipts = \"never\"\nuuencode_domains = "
                    "[\"OLD.example\", \".B\xc3\xbc"
                    "cher.example\"]\n[[postoffice]]\n"
                    "name = \"ACME/MAIN\"\npath = \"/var/spool/postoffice\"\n");
  const auto read = read_configuration(directory.path() + "/smtpgate.toml");
  REQUIRE(read);
  CHECK(read->converter.outbound.hostname == "mx.example.com");
  CHECK(read->converter.outbound.receipts == converter::ReceiptRequest::ignore);
  CHECK(read->converter.outbound.uuencode_domains ==
        std::vector<std::string>{"old.example", ".xn--bcher-kva.example"});
}

TEST_CASE("every key of the code stands in the sample and in the document") {
  const std::set<std::string> keys = keys_of_the_code();
  CHECK(keys.size() > 25);
  const std::string sample = test::read_whole(repository + "/postfix-conf/smtpgate.toml");
  const std::string document = test::read_whole(repository + "/docs/configuration.md");
  for (const std::string& key : keys) {
    INFO(key);
    // A table that nobody has by default stands there as a comment.
    CHECK(std::regex_search(
        sample, std::regex("(^|\\n)(# )?(" + key + " = |\\[+(\\w+\\.)?" + key + "\\]+)")));
    CHECK(document.find("`" + key + "`") + document.find("[" + key + "]") +
              document.find("." + key + "]") !=
          3 * std::string::npos);
  }
}

TEST_CASE("peers are read, and their postoffices may stand in the map") {
  const test::TemporaryDirectory directory;
  test::write_whole(directory.path() + "/ADDR_MAP.CFG",
                    "ACME/MAIN example.com\nACME/BRANCH .branch.test\nACME/BRANCH branch.test\n"
                    "ACME/BRANCH example.com\nACME/SHOP shop.test\n");
  test::write_whole(directory.path() + "/smtpgate.toml",
                    "[converter]\naddress_map = \"ADDR_MAP.CFG\"\n[[postoffice]]\nname = "
                    "\"ACME/MAIN\"\npath = \"/var/spool/postoffice\"\n[[peer]]\nname = "
                    "\"branch\"\npostoffices = [\"ACME/BRANCH\", \"ACME/SHOP\"]\nkey_file = "
                    "\"/etc/smtpgate/branch.key\"\nencapsulate = false\n");
  const auto read = read_configuration(directory.path() + "/smtpgate.toml");
  INFO((read ? std::string() : read.error().front()));
  REQUIRE(read);
  REQUIRE(read->converter.peers.size() == 1);
  CHECK(read->converter.peers[0].name == "branch");
  CHECK(read->converter.peers[0].key_file == "/etc/smtpgate/branch.key");
  CHECK_FALSE(read->converter.peers[0].encapsulate);
  CHECK(read->find_peer({"acme", "shop"}) == &read->converter.peers[0]);
  CHECK(read->find_peer({"ACME", "MAIN"}) == nullptr);
  CHECK(read->find_postoffice({"ACME", "BRANCH"}) == nullptr);
  CHECK(converter::Peer().encapsulate);
}

TEST_CASE("each broken configuration prints exactly its line") {
  std::istringstream table(test::read_whole(broken + "/expected.txt"));
  std::set<std::string> in_table;
  std::string expected;
  while (std::getline(table, expected)) {
    if (expected.empty() || expected.starts_with('#')) continue;
    const std::string name = expected.substr(0, expected.find(':'));
    INFO(name);
    CHECK(in_table.insert(name).second);
    const auto result = read_configuration(broken + "/" + name);
    REQUIRE_FALSE(result);
    CHECK(result.error().size() == 1);
    CHECK(replaced(result.error().front(), broken + "/", "") == expected);
  }
  std::set<std::string> on_disk;
  for (const auto& entry : std::filesystem::directory_iterator(broken)) {
    if (entry.path().extension() == ".toml") on_disk.insert(entry.path().filename().string());
  }
  CHECK(in_table == on_disk);
}

TEST_CASE("a configuration that is not there is one line") {
  const auto result = read_configuration("/nonexistent/smtpgate.toml");
  REQUIRE_FALSE(result);
  REQUIRE(result.error().size() == 1);
  CHECK(result.error().front() ==
        "/nonexistent/smtpgate.toml:1: cannot read it: No such file or directory; check the path "
        "and its mode");
}

TEST_CASE("several errors are all said, in the order of their lines") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/smtpgate.toml";
  test::write_whole(path, "[gateway]\nlog = \"x\"\nwork = \"y\"\n[milter]\nsoket = 1\n");
  const auto result = read_configuration(path);
  REQUIRE_FALSE(result);
  REQUIRE(result.error().size() >= 4);
  CHECK(result.error()[0].find("no [[postoffice]]") != std::string::npos);
  CHECK(result.error()[2].find(":2: gateway.log: ") != std::string::npos);
  CHECK(result.error()[3].find(":3: gateway.work: ") != std::string::npos);
  CHECK(result.error()[4].find("did you mean socket?") != std::string::npos);
}

TEST_CASE("a wrong configuration is not taken on reload, and the last good one stays") {
  test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  const auto before = current.get();
  test::write_whole(gateway.configuration_path(), "[gateway]\nwork = 1\n");
  const auto failed = current.reload();
  REQUIRE_FALSE(failed);
  CHECK_FALSE(failed.error().empty());
  CHECK(current.get() == before);
}

TEST_CASE("a good configuration is taken, and what needs a restart is named") {
  test::Gateway gateway;
  CurrentConfiguration current(*gateway.configuration);
  const auto before = current.get();
  std::string text = test::read_whole(gateway.configuration_path());
  text = replaced(text, "hostname = \"mx.example.com\"", "hostname = \"other.example.com\"");
  text += "[milter]\nsocket = \"/elsewhere/milter.sock\"\ndeadline = 7\nmemory = 0\n";
  test::write_whole(gateway.configuration_path(), text);
  const auto changed = current.reload();
  REQUIRE(changed);
  CHECK(changed->restart == std::vector<std::string>{"milter.memory", "milter.socket"});
  std::vector<std::string> lines;
  for (const ConfigurationChange& one : changed->changes) lines.push_back(describe(one));
  CHECK(lines ==
        std::vector<std::string>{"gateway.hostname: \"mx.example.com\" -> \"other.example.com\"",
                                 "milter.deadline: 60 -> 7", "milter.memory: 16777216 -> 0",
                                 "milter.socket: \"/var/spool/postfix/smtpgate/milter.sock\" -> "
                                 "\"/elsewhere/milter.sock\""});
  CHECK(current.get()->gateway.hostname == "other.example.com");
  CHECK(current.get()->milter.deadline == std::chrono::seconds(7));
  CHECK(before->gateway.hostname == "mx.example.com");  // who has it keeps it
}

TEST_CASE("a source reads the file anew when what it has is old") {
  test::Gateway gateway;
  const ConfigurationSource always =
      read_when_old(gateway.configuration_path(), std::chrono::seconds(0));
  const ConfigurationSource lazy =
      read_when_old(gateway.configuration_path(), std::chrono::hours(1));
  REQUIRE(always());
  const auto kept = lazy();
  REQUIRE(kept);
  test::write_whole(gateway.configuration_path(), "[gateway]\nwork = 1\n");
  CHECK_FALSE(always());
  CHECK(*lazy() == *kept);
}
