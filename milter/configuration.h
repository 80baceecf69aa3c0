// smtpgate.toml as a whole: what the doors, the look-up, the daemon and the converter are told.
// Every key: docs/configuration.md; a sample with each at its default:
// postfix-conf/smtpgate.toml.
//
// Not for what belongs to a postoffice: that stands in its own GLB/postoffice.toml. Not for whether
// things outside the file hold (folders, Postfix): check.h.
//
// A Configuration is read once and never changed; sessions share it and keep the one they began
// with when the daemon reads a new one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "converter/settings.h"
#include "converter/spool.h"
#include "milter/designated_host.h"
#include "milter/log_area.h"
#include "postoffice/file_system.h"
#include "postoffice/settings_file.h"

namespace smtpgate::milter {

inline constexpr const char* default_configuration_path = "/etc/smtpgate/smtpgate.toml";

inline constexpr const char* default_work_directory = "/var/spool/smtpgate";
inline constexpr const char* default_milter_socket = "/var/spool/postfix/smtpgate/milter.sock";

enum class KeepChain { never, failed, always };
enum class UnknownRecipient {
  refuse,  ///< 550 5.1.1 at RCPT
  leave,   ///< Postfix decides: for sites that alias in Postfix
};

/// How door 1 takes recipients whose message is durable out of Postfix's envelope.
enum class Claim {
  remove,  ///< deletes each recipient
  discard  ///< answers DISCARD where all are claimed and nothing adds others (discard_claim.h)
};

struct GatewaySettings {
  std::string hostname;  ///< never empty once read: the machine's own if the key is
  std::string user;      ///< empty: stay who we are
  std::string group;     ///< empty: the user's own
  std::string work;
  KeepChain keep_chain = KeepChain::failed;
  std::string transport;
  UnknownRecipient unknown_recipient = UnknownRecipient::refuse;
  std::string log;
  std::uint64_t free_space = std::uint64_t{1} << 30;  ///< octets: the check warns of less
  std::uint64_t free_inodes = 10'000;                 ///< files: likewise
  std::string records;                                ///< path of the JSON records; empty: none
};

struct MilterSettings {
  std::string socket;  ///< absolute path
  mode_t socket_mode = 0660;
  std::string socket_group;  ///< empty: the process's own
  std::chrono::seconds deadline{60};
  Claim claim = Claim::remove;
  std::string postfix_directory;                   ///< for Claim::discard; empty: Postfix's default
  std::uint64_t memory = std::uint64_t{16} << 20;  ///< octets, for large messages of all sessions
};

struct LmtpSettings {
  std::uint64_t size_limit = 0;  ///< octets; 0: none
  std::chrono::seconds deadline{240};
  std::chrono::seconds timeout{300};
};

/// [outbound]: when outgoing mail is looked for and tried (docs/outgoing.md). How it is written is
/// converter.outbound.
struct OutboundGatewaySettings {
  bool enabled = true;
  std::chrono::seconds poll{30};  ///< between looks where inotify cannot see (the original's -W)
  std::chrono::seconds outbox_wait{30};  ///< a file shorter than its sizes, unchanged for so long
  std::uint64_t outbox_size_limit = std::uint64_t{1} << 30;  ///< octets of a file; 0: none
  std::chrono::seconds retry_min{300};  ///< first pause, doubled each time (the original's -Q)
  std::chrono::seconds retry_max{3600};
  std::chrono::seconds expire{172'800};  ///< what is older and still waits is returned
  std::chrono::seconds lease{900};       ///< after which a silent host's work is taken over
};

/// [letters]: the daily summary of dead letters (docs/dead-letters.md).
struct LettersSettings {
  std::string summary = "06:00";       ///< HH:MM in a postoffice's zone; empty: none
  std::chrono::seconds waits{86'400};  ///< what is still tried is told when it has waited so long
};

/// [status]: where the status page, /metrics and their kin are (docs/monitoring.md).
struct StatusSettings {
  enum class Kind { off, unix_socket, tcp };
  Kind kind = Kind::off;
  std::string listen;  ///< as it stands there
  std::string path;    ///< of the Unix socket
  std::string host;    ///< a numeric loopback address, without brackets
  std::string port;
  mode_t socket_mode = 0660;
  std::string socket_group;  ///< empty: the process's own
  std::string token_file;    ///< never empty with tcp
};

/// [shadow]: convert and file in second postoffices, claim nothing (docs/changing.md).
struct ShadowSettings {
  bool enabled = false;
  /// Of each postoffice, by its place in converter.postoffices, the folder that must not be
  /// touched; with `enabled` nothing else names it.
  std::vector<std::string> real_directories{};
};

struct Configuration {
  std::string path;
  GatewaySettings gateway;
  MilterSettings milter;
  LmtpSettings lmtp;
  DesignatedHost designated_host;
  OutboundGatewaySettings outbound;
  LettersSettings letters;
  StatusSettings status;
  AreaLevels log_levels = usual_levels();  ///< [log]
  ShadowSettings shadow;
  converter::ConverterSettings converter;
  /// Every key with its value in force; of the address map "address_map[DOMAIN]".
  postoffice::SettingValues values;

  /// nullptr if it is not served.
  const converter::ServedPostoffice* find_postoffice(const postoffice::PostofficeName& name) const;
  /// Whose peer it is; nullptr if nobody's.
  const converter::Peer* find_peer(const postoffice::PostofficeName& name) const;
  std::string spool_directory() const { return gateway.work + "/spool"; }
  std::string chain_directory() const { return gateway.work + "/chain"; }
  /// The daemon's, shared by all its messages; nullptr in processes that handle one at a time.
  std::shared_ptr<converter::SpoolMemory> spool_memory = nullptr;
  converter::SpoolPlace spool_place(postoffice::FileSystem& files) const;
};

/// All errors, each one line "FILE:LINE: what is wrong; what to do".
tl::expected<Configuration, std::vector<std::string>> read_configuration(const std::string& path);

/// "FILE:LINE" of a key, or of its table if the key has its default; the file's name alone if it
/// cannot be read again. For findings about what a key says.
std::string place_of(const Configuration& configuration, std::string_view table,
                     std::string_view key);

}  // namespace smtpgate::milter
