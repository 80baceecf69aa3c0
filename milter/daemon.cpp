// The daemon: see the header.
//
// Signals: libmilter has a thread that waits for TERM, INT and HUP, and takes HUP for an order to
// end. The kernel hands a process-directed signal to the main thread while that does not block it,
// so the main thread has handlers and blocks nothing, every other thread blocks all of ours. (A
// sigwait() in the main thread is not enough: a signal that comes before it would be libmilter's.)
// The main thread does nothing but wait; whatever takes time has a thread of its own: a reload the
// reloader's, all else the housekeeper's. Should libmilter get a signal after all, smfi_main()
// returns and we stop in good order.
#include "milter/daemon.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <semaphore.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "milter/control_answers.h"
#include "milter/daemon_log.h"
#include "milter/daemon_settings.h"
#include "milter/discard_claim.h"
#include "milter/housekeeper.h"
#include "milter/inbound_delivery.h"
#include "milter/log.h"
#include "milter/milter_door.h"
#include "milter/monitoring.h"
#include "milter/monitoring_service.h"
#include "milter/outbound_service.h"
#include "milter/privileges.h"
#include "milter/pulse.h"
#include "milter/reloader.h"
#include "milter/service_manager.h"
#include "milter/shadow.h"
#include "milter/shadow_report.h"
#include "milter/watchdog.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

/// Long enough for libmilter to send the reply of a callback that has just returned.
constexpr std::chrono::milliseconds quiet_time{50};
/// What a question waits for a reload: less than the client's patience with us
/// (control_socket.cpp).
constexpr std::chrono::seconds reload_answer_limit{9};

int fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "smtpgate: %s\n", printable(sentence).c_str());
  return code;
}

/// What became of a word to the service manager.
void log_if_failed(Log& log, const tl::expected<void, std::string>& said) {
  if (!said) log.warning(said.error());
}

sigset_t our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  return signals;
}

/// What the handler leaves for the main thread.
sem_t signal_came;
std::atomic<bool> stop_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  const int saved = errno;
  if (signal == SIGTERM || signal == SIGINT) stop_asked = true;
  sem_post(&signal_came);
  errno = saved;
}

void handle_signals() {
  sem_init(&signal_came, 0, 0);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaction(signal, &action, nullptr);
}

/// For every thread but the main one, and so for those that it starts.
void block_signals() {
  const sigset_t signals = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// Waits for signals until one says stop.
void wait_for_stop(Reloader& reloader) {
  while (!stop_asked) {
    if (sem_wait(&signal_came) != 0) continue;  // EINTR: the handler has posted
    if (!stop_asked) reloader.ask();
  }
}

/// The answer to a word of the control socket; nothing if it is none of ours.
std::optional<std::string> answer(std::string_view word, DaemonSettings& settings,
                                  Reloader& reloader, Log& log, const std::string& path) {
  if (word == "log" || word.starts_with("log ")) return render_levels_json(settings.levels(word));
  if (word != "reload") return std::nullopt;
  if (const auto answer = reloader.ask_and_wait(reload_answer_limit)) {
    return render_reload_json(*answer);
  }
  log.warning(path +
              " and what it names are still being read; the last configuration stays in force "
              "meanwhile. Does a disk not answer?");
  ReloadAnswer still;
  still.under_way = true;
  still.configuration = path;
  return render_reload_json(still);
}

/// From the open door to the end of the process.
[[noreturn]] void serve_until_stopped(MilterDoor& door, CurrentConfiguration& configuration,
                                      DaemonLog& logs, DiscardClaim& discard,
                                      Monitoring& monitoring, std::atomic<bool>& stopping) {
  Log& log = logs.daemon;
  const ServiceManager manager = ServiceManager::from_environment();
  Pulse pulse;
  OutboundService outbound({.configuration = [&configuration] { return configuration.get(); },
                            .log = &logs.outbound,
                            .observer = &monitoring,
                            .pulse = &pulse});
  Housekeeper housekeeper(configuration, logs.daemon, discard);
  std::optional<DaemonSettings> settings;
  Reloader reloader([&] {
    ReloadAnswer answer = settings->reload();
    // What asks Postfix takes longer than somebody at a terminal waits.
    housekeeper.ask_proof();
    return answer;
  });
  MonitoringService service(monitoring, logs.status, [&](std::string_view word) {
    return answer(word, *settings, reloader, logs.configuration, configuration.get()->path);
  });
  settings.emplace(DaemonSettings::Surroundings{.configuration = &configuration,
                                                .logs = &logs,
                                                .outbound = &outbound,
                                                .discard = &discard,
                                                .manager = &manager,
                                                .monitoring = &monitoring,
                                                .service = &service});
  // Threads inherit the mask: ours is opened again, since signals are for this thread only.
  const sigset_t signals = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  outbound.start();
  service.start(*configuration.get());
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  std::thread([&housekeeper] {
    block_signals();
    housekeeper.run();
  }).detach();
  std::thread([&reloader] {
    block_signals();
    reloader.run();
  }).detach();
  std::atomic<bool> failed = false;
  const pthread_t main_thread = ::pthread_self();
  std::thread([&] {
    block_signals();
    failed = !door.run();
    ::pthread_kill(main_thread, SIGTERM);
  }).detach();

  log_if_failed(log, manager.ready(start_line(*configuration.get())));
  std::thread([surroundings = WatchdogSurroundings{.manager = &manager,
                                                   .pulse = &pulse,
                                                   .log = &logs.daemon,
                                                   .socket = configuration.get()->milter.socket,
                                                   .stopping = &stopping}] {
    block_signals();
    watch_for_life(surroundings);
  }).detach();

  wait_for_stop(reloader);
  stopping = true;
  log_if_failed(log, manager.stopping());
  outbound.ask_stop();
  service.close();
  door.remove_socket();
  const auto limit = configuration.get()->milter.deadline;
  if (!door.work_in_hand().wait_until_idle(limit, quiet_time)) {
    log.warning("messages still in hand after the deadline are left for door 2");
  }
  if (!outbound.stop(limit)) {
    log.warning("outgoing messages whose reply has not come are tried again at the next start");
  }
  if (failed) log.error("libmilter could not serve; see the lines before");
  log.info("smtpgate has stopped");
  // Not exit(): libmilter's threads still run and use what destructors would take away.
  ::_exit(failed ? EX_OSERR : EX_OK);
}

}  // namespace

int serve(const std::string& configuration_path) {
  auto first = read_configuration(configuration_path);
  if (!first) {
    for (const std::string& line : first.error()) fail(EX_CONFIG, line);
    return EX_CONFIG;
  }
  handle_signals();
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  if (const auto became = become_user(first->gateway.user, first->gateway.group); !became) {
    return fail(EX_NOUSER, became.error());
  }
  // Lines of a shadow are not deliveries: nobody must count them as such.
  const bool is_shadow = first->shadow.enabled;
  auto log = open_log(first->gateway.log, is_shadow ? "smtpgate/shadow" : "postfix/smtpgate");
  if (!log) return fail(EX_CANTCREAT, log.error());
  auto outbound_log = open_log(first->gateway.log, "smtpgate/outbound");
  if (!outbound_log) return fail(EX_CANTCREAT, outbound_log.error());
  if (const auto real = shadows_that_are_real(*first); !real.empty()) {
    return fail(EX_CONFIG, first->path + ": " + real.front());
  }
  if (const Outcome ready = prepare_work_directory(*first); !ready.is_delivered()) {
    return fail(EX_CANTCREAT, ready.sentence() + "; make " + first->gateway.work +
                                  " and give it to the gateway's user, mode 0700");
  }

  auto records = open_records(*first);
  if (!records) return fail(EX_CANTCREAT, records.error());

  CurrentConfiguration configuration(std::move(*first));
  Monitoring monitoring([&configuration] { return configuration.get(); }, std::move(*records));
  DaemonLog logs(monitoring.watch(std::move(*log)), monitoring.watch(std::move(*outbound_log)),
                 configuration.get()->log_levels);
  std::unique_ptr<ShadowRecorder> recorder;
  if (is_shadow) {
    auto opened = ShadowRecorder::open(configuration.get()->gateway.work, monitoring);
    if (!opened) return fail(EX_CANTCREAT, opened.error());
    recorder = std::move(*opened);
  }
  // What an earlier process was told for the moment is over.
  (void)write_levels_of_the_moment(configuration.get()->gateway.work, logs.levels.all(),
                                   configuration.get()->log_levels);
  std::atomic<bool> stopping = false;
  DiscardClaim discard(logs.door_1);
  prove_discard(discard, configuration);
  MilterDoor door({.configuration = [&configuration] { return configuration.get(); },
                   .log = &logs.door_1,
                   .stopping = [&stopping] { return stopping.load(); },
                   .may_discard = [&discard] { return discard.is_allowed(); },
                   .observer = is_shadow ? static_cast<MessageObserver*>(recorder.get())
                                         : static_cast<MessageObserver*>(&monitoring),
                   .is_shadow = is_shadow});
  if (const auto opened = door.open(configuration.get()->milter); !opened) {
    logs.daemon.error(opened.error());
    return fail(EX_UNAVAILABLE, opened.error());
  }
  logs.daemon.info(start_line(*configuration.get()));
  serve_until_stopped(door, configuration, logs, discard, monitoring, stopping);
}

}  // namespace smtpgate::milter
