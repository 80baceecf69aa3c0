// Reading smtpgate.toml: see the header. Each key is asked for exactly once, with its default; what
// nobody asked for is refused by the settings file.
#include "milter/configuration.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include "postoffice/ascii.h"
#include "postoffice/settings_file.h"

namespace smtpgate::milter {

using postoffice::SettingsFile;
using postoffice::SettingsTable;

namespace {

/// sockaddr_un's path, less the final NUL.
constexpr std::size_t longest_socket_path = 107;

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

/// A word that may stand in a Received line, a log or a Postfix table without quoting.
bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || c == '.' || c == '-' || c == '_';
  });
}

GatewaySettings read_gateway(SettingsTable table) {
  GatewaySettings result;
  result.hostname = table.string("hostname", "");
  if (result.hostname.empty()) {
    result.hostname = machine_name();
  } else if (!is_plain_word(result.hostname)) {
    table.error("hostname", "is no host name; write letters, digits, dots and hyphens");
  }
  result.user = table.string("user", "smtpgate");
  result.group = table.string("group", "");
  result.work = table.string("work", default_work_directory);
  if (!result.work.starts_with('/')) {
    table.error("work", "is no absolute path; begin it with /");
  }
  const std::string keep = table.choice("keep_chain", "failed", {"never", "failed", "always"});
  result.keep_chain = keep == "never"    ? KeepChain::never
                      : keep == "always" ? KeepChain::always
                                         : KeepChain::failed;
  result.transport = table.string("transport", "smtpgate");
  if (!is_plain_word(result.transport)) {
    table.error("transport",
                "is no transport name; write the first word of the entry in master.cf");
  }
  result.unknown_recipient =
      table.choice("unknown_recipient", "refuse", {"refuse", "leave"}) == "leave"
          ? UnknownRecipient::leave
          : UnknownRecipient::refuse;
  result.log = table.string("log", "syslog");
  if (result.log != "syslog" && result.log != "stderr" && !result.log.starts_with('/')) {
    table.error("log", "is no destination; write \"syslog\", \"stderr\" or an absolute path");
  }
  constexpr std::int64_t most = std::int64_t{1} << 50;
  result.free_space = static_cast<std::uint64_t>(
      table.integer("free_space", static_cast<std::int64_t>(result.free_space), 0, most));
  result.free_inodes = static_cast<std::uint64_t>(
      table.integer("free_inodes", static_cast<std::int64_t>(result.free_inodes), 0, most));
  result.records = table.string("records", "");
  if (!result.records.empty() && !result.records.starts_with('/')) {
    table.error("records", "is no absolute path; begin it with /");
  }
  return result;
}

/// "0660" to its bits.
mode_t read_mode(SettingsTable& table, std::string_view key, const std::string& fallback) {
  const std::string text = table.string(key, fallback);
  const bool octal =
      text.size() >= 3 && text.size() <= 4 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  const unsigned long mode = octal ? std::stoul(text, nullptr, 8) : 0;
  if (!octal || mode > 0777) {
    table.error(key, "is no file mode; write three or four octal digits, such as \"0660\"");
    return 0;
  }
  return static_cast<mode_t>(mode);
}

MilterSettings read_milter(SettingsTable table) {
  MilterSettings result;
  result.socket = table.string("socket", default_milter_socket);
  if (result.socket.starts_with("unix:")) result.socket.erase(0, 5);
  if (!result.socket.starts_with('/')) {
    table.error("socket", "is no absolute path of a Unix socket; begin it with / or unix:/");
  } else if (result.socket.size() > longest_socket_path) {
    table.error("socket", fmt::format("is longer than the {} octets a socket's path may have; "
                                      "choose a shorter one",
                                      longest_socket_path));
  }
  result.socket_mode = read_mode(table, "socket_mode", "0660");
  result.socket_group = table.string("socket_group", "");
  // Postfix gives a milter 300 s for the content; the reply must be well under way by then.
  result.deadline = std::chrono::seconds(table.integer("deadline", 60, 1, 240));
  result.claim = table.choice("claim", "delete", {"delete", "discard"}) == "discard"
                     ? Claim::discard
                     : Claim::remove;
  result.postfix_directory = table.string("postfix_directory", "");
  result.memory = static_cast<std::uint64_t>(
      table.integer("memory", std::int64_t{16} << 20, 0, std::int64_t{1} << 36));
  return result;
}

LmtpSettings read_lmtp(SettingsTable table) {
  LmtpSettings result;
  result.size_limit =
      static_cast<std::uint64_t>(table.integer("size_limit", 0, 0, std::int64_t{1} << 62));
  // Postfix's lmtp client waits 600 s for the reply after the final dot.
  result.deadline = std::chrono::seconds(table.integer("deadline", 240, 1, 540));
  result.timeout = std::chrono::seconds(table.integer("timeout", 300, 1, 3600));
  return result;
}

TlsUse read_tls(SettingsTable& table) {
  const std::string tls =
      table.choice("tls", "when_offered", {"never", "when_offered", "required", "verified"});
  return tls == "never"      ? TlsUse::never
         : tls == "required" ? TlsUse::required
         : tls == "verified" ? TlsUse::verified
                             : TlsUse::when_offered;
}

void read_authentication(SettingsTable& table, DesignatedHost& result) {
  result.user = table.string("user", "");
  result.password_file = table.string("password_file", "");
  if (result.user.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos) {
    table.error("user", "has a control character in it; write the name alone");
  }
  if (result.user.empty() != result.password_file.empty()) {
    table.error(result.user.empty() ? "password_file" : "user",
                "stands alone; write both user and password_file, or neither");
  }
  if (!result.password_file.empty() && !result.password_file.starts_with('/')) {
    table.error("password_file", "is no absolute path; begin it with /");
  }
}

DesignatedHost read_designated_host(SettingsTable table, const std::string& gateway_name) {
  using std::chrono::seconds;
  DesignatedHost result;
  result.hosts = table.strings("hosts", result.hosts);
  if (result.hosts.empty()) {
    table.error("hosts", "is empty; write at least one, such as \"127.0.0.1:25\"");
  }
  for (const std::string& host : result.hosts) {
    if (!parse_host(host)) {
      table.error("hosts", fmt::format("\"{}\" is no host; write \"name\", \"name:port\" or "
                                       "\"[address]:port\" for an IPv6 address",
                                       host));
    }
  }
  result.hostname = table.string("hostname", "");
  if (result.hostname.empty()) {
    result.hostname = gateway_name;
  } else if (!is_plain_word(result.hostname)) {
    table.error("hostname", "is no host name; write letters, digits, dots and hyphens");
  }
  result.tls = read_tls(table);
  result.tls_ca_file = table.string("tls_ca_file", "");
  if (!result.tls_ca_file.empty() && !result.tls_ca_file.starts_with('/')) {
    table.error("tls_ca_file", "is no absolute path; begin it with /");
  }
  read_authentication(table, result);
  result.connect_timeout = seconds(table.integer("connect_timeout", 30, 1, 3600));
  result.command_timeout = seconds(table.integer("command_timeout", 300, 1, 3600));
  result.data_timeout = seconds(table.integer("data_timeout", 600, 1, 3600));
  result.connections = static_cast<unsigned>(table.integer("connections", 4, 1, 100));
  result.keep = seconds(table.integer("keep", 30, 0, 3600));
  result.messages_per_connection =
      static_cast<unsigned>(table.integer("messages_per_connection", 100, 1, 1'000'000));
  return result;
}

OutboundGatewaySettings read_outbound(SettingsTable table) {
  using std::chrono::seconds;
  constexpr std::int64_t day = 86'400;
  OutboundGatewaySettings result;
  result.enabled = table.boolean("enabled", true);
  result.poll = seconds(table.integer("poll", 30, 1, 3600));
  result.outbox_wait = seconds(table.integer("outbox_wait", 30, 1, 3600));
  result.outbox_size_limit = static_cast<std::uint64_t>(
      table.integer("outbox_size_limit", std::int64_t{1} << 30, 0, std::int64_t{1} << 62));
  result.retry_min = seconds(table.integer("retry_min", 300, 1, day));
  result.retry_max = seconds(table.integer("retry_max", 3600, 1, 7 * day));
  if (result.retry_max < result.retry_min) {
    table.error("retry_max", "is less than retry_min; write the longest pause, not the shortest");
  }
  result.expire = seconds(table.integer("expire", 2 * day, 60, 100 * day));
  result.lease = seconds(table.integer("lease", 900, 60, day));
  return result;
}

bool is_time_of_day(std::string_view text) {
  constexpr std::size_t size = 5;  // HH:MM
  if (text.size() != size || text[2] != ':') return false;
  for (const std::size_t at : {0, 1, 3, 4}) {
    if (!is_ascii_digit(text[at])) return false;
  }
  return text.substr(0, 2) < "24" && text.substr(3) < "60";
}

LettersSettings read_letters(SettingsTable table) {
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t day = 86'400;
  LettersSettings result;
  const std::string time = table.string("summary", result.summary);
  if (time.empty() || is_time_of_day(time)) {
    result.summary = time;
  } else {
    table.error("summary", "is no time of day; write it as \"06:00\", or \"\" for no summary");
  }
  result.waits = std::chrono::seconds(table.integer("waits", day, minute, 100 * day));
  return result;
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/// Where only this machine gets to: what is told is about people's mail, and HTTP here has no TLS.
void read_listen(SettingsTable& table, StatusSettings& result) {
  std::string place = result.listen;
  if (place.empty()) return;
  if (place.starts_with("unix:")) place.erase(0, 5);
  if (place.starts_with('/')) {
    result.kind = StatusSettings::Kind::unix_socket;
    result.path = place;
    if (place.size() <= longest_socket_path) return;
    return table.error("listen", fmt::format("is longer than the {} octets a socket's path may "
                                             "have; choose a shorter one",
                                             longest_socket_path));
  }
  const auto parsed = parse_host(place);
  if (!parsed || place.find_last_of(':') == std::string::npos || place.ends_with(']')) {
    return table.error("listen",
                       "is neither a path nor an address with a port; write "
                       "\"/run/smtpgate/status.sock\", \"127.0.0.1:9825\" or \"[::1]:9825\"");
  }
  if (!is_loopback(parsed->host)) {
    return table.error("listen",
                       "is no loopback address; write 127.0.0.1 or [::1] and a port, and let a web "
                       "server with TLS stand before it for others");
  }
  result.kind = StatusSettings::Kind::tcp;
  result.host = parsed->host;
  result.port = parsed->port;
  if (result.token_file.empty()) {
    table.error("listen",
                "is a port that everybody on this machine can reach; write token_file too, or "
                "listen on a Unix socket");
  }
}

StatusSettings read_status(SettingsTable table) {
  StatusSettings result;
  result.socket_mode = read_mode(table, "socket_mode", "0660");
  result.socket_group = table.string("socket_group", "");
  result.token_file = table.string("token_file", "");
  if (!result.token_file.empty() && !result.token_file.starts_with('/')) {
    table.error("token_file", "is no absolute path; begin it with /");
  }
  result.listen = table.string("listen", "");
  read_listen(table, result);
  return result;
}

AreaLevels read_log_levels(SettingsTable table) {
  AreaLevels levels = usual_levels();
  for (const LogAreaDefinition& one : log_areas) {
    const std::string name = table.choice(one.name, "info", {"debug", "info", "warning", "error"});
    levels[static_cast<std::size_t>(one.area)] = parse_severity(name).value_or(Severity::info);
  }
  return levels;
}

/// Whether one folder is the other, or lies in it, as they are written.
bool is_same_or_inside(std::string a, std::string b) {
  const auto with_slash = [](std::string& path) {
    path = std::filesystem::path(path).lexically_normal().string();
    if (!path.ends_with('/')) path += '/';
  };
  with_slash(a);
  with_slash(b);
  return a.starts_with(b) || b.starts_with(a);
}

/// In shadow mode the shadows take the place of the postoffices, so that nothing that is done with
/// this configuration knows where the real ones are.
ShadowSettings read_shadow(SettingsTable table, SettingsFile& file,
                           std::vector<converter::ServedPostoffice>& postoffices) {
  ShadowSettings result;
  result.enabled = table.boolean("enabled", false);
  for (const converter::ServedPostoffice& one : postoffices) {
    if (one.shadow.empty()) {
      if (!result.enabled) continue;
      file.add_error(one.line, "postoffice.shadow: is missing for " + one.name.str() +
                                   ", and [shadow] is enabled; write the folder to try it in");
    }
    for (const converter::ServedPostoffice& other : postoffices) {
      const bool is_real = is_same_or_inside(one.shadow, other.directory);
      const bool is_taken = &one != &other && is_same_or_inside(one.shadow, other.shadow);
      if (one.shadow.empty() || (!is_real && (other.shadow.empty() || !is_taken))) continue;
      file.add_error(one.line,
                     fmt::format("postoffice.shadow: {} and the {} of {}, {}, are one "
                                 "folder or one is in the other; write a folder of its "
                                 "own",
                                 one.shadow, is_real ? "path" : "shadow", other.name.str(),
                                 is_real ? other.directory : other.shadow));
    }
  }
  if (!result.enabled) return result;
  for (converter::ServedPostoffice& one : postoffices) {
    result.real_directories.push_back(std::exchange(one.directory, one.shadow));
  }
  return result;
}

/// Everything in force, key by key.
postoffice::SettingValues all_values(const SettingsFile& file, const converter::AddressMap& map) {
  postoffice::SettingValues result = file.values();
  for (const converter::AddressMap::Entry& entry : map.entries()) {
    postoffice::SettingValue& value = result["address_map[" + entry.domain + "]"];
    value.text += (value.text.empty() ? "" : ", ") + entry.postoffice.str();
    value.line = entry.line;
  }
  return result;
}

}  // namespace

const converter::ServedPostoffice* Configuration::find_postoffice(
    const postoffice::PostofficeName& name) const {
  for (const converter::ServedPostoffice& served : converter.postoffices) {
    if (served.name == name) return &served;
  }
  return nullptr;
}

const converter::Peer* Configuration::find_peer(const postoffice::PostofficeName& name) const {
  for (const converter::Peer& peer : converter.peers) {
    for (const postoffice::PostofficeName& theirs : peer.postoffices) {
      if (theirs == name) return &peer;
    }
  }
  return nullptr;
}

converter::SpoolPlace Configuration::spool_place(postoffice::FileSystem& files) const {
  const converter::SpoolPlace place{.files = &files, .directory = spool_directory()};
  return spool_memory ? converter::with_shared_memory(place, spool_memory) : place;
}

tl::expected<Configuration, std::vector<std::string>> read_configuration(const std::string& path) {
  auto file = SettingsFile::read(path);
  if (!file) return tl::unexpected(std::vector<std::string>{file.error()});

  Configuration result;
  result.path = path;
  SettingsTable root = file->root();
  result.gateway = read_gateway(root.table("gateway"));
  result.milter = read_milter(root.table("milter"));
  result.lmtp = read_lmtp(root.table("lmtp"));
  result.designated_host =
      read_designated_host(root.table("designated_host"), result.gateway.hostname);
  result.outbound = read_outbound(root.table("outbound"));
  result.letters = read_letters(root.table("letters"));
  result.status = read_status(root.table("status"));
  result.converter = converter::read_converter_settings(*file);
  result.log_levels = read_log_levels(root.table("log"));
  result.shadow = read_shadow(root.table("shadow"), *file, result.converter.postoffices);
  if (result.shadow.enabled) {
    // Nothing leaves, and nothing is taken from Postfix.
    result.outbound.enabled = false;
    result.milter.claim = Claim::remove;
  }
  result.converter.inbound.hostname = result.gateway.hostname;
  result.converter.outbound.hostname = result.gateway.hostname;
  file->refuse_unknown_keys();
  if (auto errors = file->errors(); !errors.empty()) return tl::unexpected(std::move(errors));
  result.values = all_values(*file, result.converter.map);
  return result;
}

std::string place_of(const Configuration& configuration, std::string_view table,
                     std::string_view key) {
  auto file = postoffice::SettingsFile::read(configuration.path);
  if (!file) return configuration.path;
  const int line = file->root().table(table).line(key);
  return line > 0 ? fmt::format("{}:{}", configuration.path, line) : configuration.path;
}

}  // namespace smtpgate::milter
