// Set-up of the spawned processes: see the header.
#include "milter/doors.h"

#include <chrono>
#include <csignal>
#include <exception>
#include <memory>

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/configuration_source.h"
#include "milter/delivery_notes.h"
#include "milter/inbound_delivery.h"
#include "milter/lmtp_server.h"
#include "milter/log.h"
#include "milter/lookup_server.h"
#include "milter/peer_stream.h"

namespace smtpgate::milter {

namespace {

/// How old the configuration of a process that serves many requests may become.
constexpr std::chrono::seconds longest_age{5};
constexpr std::chrono::seconds lookup_timeout{300};
constexpr std::chrono::seconds fallback_timeout{300};

/// Whether standard error is the peer's end too, as it is under spawn(8).
bool stderr_is_peer(int output) {
  struct stat peer{};
  struct stat error{};
  return ::fstat(output, &peer) == 0 && ::fstat(STDERR_FILENO, &error) == 0 &&
         peer.st_dev == error.st_dev && peer.st_ino == error.st_ino;
}

/// The log that the configuration names; syslog if there is no configuration, or if that log cannot
/// be opened, which is then the first line in it.
std::unique_ptr<LogDestination> log_for(const ConfigurationSource& source, LogArea area,
                                        const std::string& tag, int output) {
  const auto configuration = source();
  std::string trouble;
  if (configuration) {
    const std::string& wanted = (*configuration)->gateway.log;
    auto log = open_log(wanted == "stderr" && stderr_is_peer(output) ? "syslog" : wanted, tag);
    if (log) return std::move(*log);
    trouble = log.error();
  } else {
    trouble = configuration.error();
  }
  auto log = open_log("syslog", tag);
  AreaLog(area, **log, LogLevels()).error(trouble);
  return std::move(*log);
}

/// The same source; whenever it is asked, `levels` become what it says, or what the daemon was told
/// for the moment. `levels` outlives it.
ConfigurationSource with_levels(ConfigurationSource source, LogLevels& levels) {
  return [source = std::move(source), &levels] {
    auto configuration = source();
    if (configuration) {
      levels.set_all(
          with_levels_of_the_moment((*configuration)->gateway.work, (*configuration)->log_levels));
    }
    return configuration;
  };
}

int deliver(const std::string& configuration_path, int input, int output) {
  LogLevels levels;
  const ConfigurationSource source =
      with_levels(read_when_old(configuration_path, longest_age), levels);
  // Not Postfix's own name: its lmtp client has a line for each recipient already, and a log
  // summary would count both.
  const auto destination = log_for(source, LogArea::door_2, "smtpgate/deliver", output);
  AreaLog log(LogArea::door_2, *destination, levels);
  std::chrono::seconds timeout = fallback_timeout;
  std::unique_ptr<DeliveryNotes> notes;
  if (const auto configuration = source()) {
    timeout = (*configuration)->lmtp.timeout;
    if (const Outcome ready = prepare_work_directory(**configuration); !ready.is_delivered()) {
      log.error(ready.sentence());  // each message will say so in its reply
    }
    auto records = open_records(**configuration);
    if (!records) {
      log.error(records.error());
      records = nullptr;
    }
    notes = std::make_unique<DeliveryNotes>((*configuration)->gateway.work, std::move(*records));
  }
  PeerStream stream(input, output, timeout);
  return LmtpServer(stream, source, log, postoffice::FileSystem::posix(), notes.get()).run();
}

int lookup(const std::string& configuration_path, int input, int output) {
  LogLevels levels;
  const ConfigurationSource source =
      with_levels(read_when_old(configuration_path, longest_age), levels);
  const auto destination = log_for(source, LogArea::lookup, "smtpgate/lookup", output);
  AreaLog log(LogArea::lookup, *destination, levels);
  PeerStream stream(input, output, lookup_timeout);
  serve_lookups(stream, source, log);
  return EX_OK;
}

/// What is thrown beside the conversation ends the process, so that Postfix sees a closed
/// connection and defers; the reason must not be printed into that connection.
template <typename Serve>
int guarded(Serve serve, LogArea area, const char* tag, const std::string& path, int input,
            int output) {
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever tells "smtpgate" by name to read its configuration again must not end a delivery.
  std::signal(SIGUSR1, SIG_IGN);
  try {
    return serve(path, input, output);
  } catch (const std::exception& exception) {
    if (const auto log = open_log("syslog", tag)) {
      AreaLog(area, **log, LogLevels()).error(exception.what());
    }
    return EX_TEMPFAIL;
  }
}

}  // namespace

int run_deliver(const std::string& configuration_path, int input, int output) {
  return guarded(deliver, LogArea::door_2, "smtpgate/deliver", configuration_path, input, output);
}

int run_lookup(const std::string& configuration_path, int input, int output) {
  return guarded(lookup, LogArea::lookup, "smtpgate/lookup", configuration_path, input, output);
}

}  // namespace smtpgate::milter
