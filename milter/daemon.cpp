// The daemon: see the header.
//
// Signals: libmilter has a thread that waits for TERM, INT and HUP, and takes HUP for an order to
// end. The kernel hands a process-directed signal to the main thread while that does not block it,
// so the main thread has handlers and blocks nothing, every other thread blocks all of ours. (A
// sigwait() in the main thread is not enough: a signal that comes before it would be libmilter's.)
// The main thread does nothing but wait; whatever takes time is the housekeeper's, on its own
// thread. Should libmilter get a signal after all, smfi_main() returns and we stop in good order.
#include "milter/daemon.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>
#include <semaphore.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "milter/control_answers.h"
#include "milter/discard_claim.h"
#include "milter/inbound_delivery.h"
#include "milter/kept_chain.h"
#include "milter/letters_watch.h"
#include "milter/log.h"
#include "milter/milter_door.h"
#include "milter/monitoring.h"
#include "milter/monitoring_service.h"
#include "milter/outbound_service.h"
#include "milter/privileges.h"
#include "milter/pulse.h"
#include "milter/service_manager.h"
#include "milter/shadow.h"
#include "milter/shadow_report.h"
#include "milter/watchdog.h"
#include "postoffice/outgoing.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"
#include "postoffice/tidying.h"

namespace smtpgate::milter {

using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

/// Long enough for libmilter to send the reply of a callback that has just returned.
constexpr std::chrono::milliseconds quiet_time{50};
constexpr std::chrono::hours housekeeping_interval{24};
/// Between two looks at the time of day.
constexpr std::chrono::seconds letters_interval{60};
/// In the log, of one reload: an address map may be another one in all its lines.
constexpr std::size_t most_told_changes = 500;

int fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "smtpgate: %s\n", printable(sentence).c_str());
  return code;
}

std::string start_line(const Configuration& configuration) {
  std::string names;
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    names += (names.empty() ? "" : ", ") + served.name.str();
  }
  return fmt::format("smtpgate {} {} {} on {}{}", SMTPGATE_VERSION,
                     configuration.shadow.enabled ? "shadows" : "serves", names,
                     configuration.milter.socket,
                     configuration.shadow.enabled ? "; it claims and refuses nothing" : "");
}

/// What became of a word to the service manager.
void log_if_failed(Log& log, const tl::expected<void, std::string>& said) {
  if (!said) log.warning(said.error());
}

void prove_discard(DiscardClaim& discard, const Configuration& configuration) {
  discard.prove(configuration, real_postfix_program(configuration.milter.postfix_directory));
}

/// Where the daemon's lines go, by area.
struct DaemonLog {
  DaemonLog(std::unique_ptr<LogDestination> main_lines, std::unique_ptr<LogDestination> outgoing,
            const AreaLevels& areas)
      : main(std::move(main_lines)), out(std::move(outgoing)), levels(areas) {}
  void reopen() {
    main->reopen();
    out->reopen();
  }

  std::unique_ptr<LogDestination> main;
  /// Postfix's own lines count what goes out; these have a tag that pflogsumm does not count.
  std::unique_ptr<LogDestination> out;
  LogLevels levels;
  AreaLog daemon{LogArea::daemon, *main, levels};
  AreaLog configuration{LogArea::configuration, *main, levels};
  AreaLog door_1{LogArea::door_1, *main, levels};
  AreaLog status{LogArea::status, *main, levels};
  AreaLog outbound{LogArea::outbound, *out, levels};
};

/// Reloads when asked, cleans up once a day and tells the postmaster of dead letters, on its own
/// thread.
class Housekeeper {
 public:
  Housekeeper(CurrentConfiguration& configuration, DaemonLog& log, OutboundService& outbound,
              DiscardClaim& discard, const ServiceManager& manager, Monitoring& monitoring,
              MonitoringService& service)
      : configuration_(configuration),
        logs_(log),
        log_(log.daemon),
        outbound_(outbound),
        discard_(discard),
        manager_(manager),
        monitoring_(monitoring),
        service_(service),
        letters_(log.daemon) {}

  /// Never returns: the process ends under it, which is safe at any step of the work.
  void run() {
    clean_up();
    letters_.look(*configuration_.get());
    auto next = std::chrono::steady_clock::now() + housekeeping_interval;
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto wake = std::min(next, std::chrono::steady_clock::now() + letters_interval);
      changed_.wait_until(lock, wake, [this] { return reload_asked_ || proof_asked_; });
      const bool reloads = std::exchange(reload_asked_, false);
      const bool proves = std::exchange(proof_asked_, false) || reloads;
      lock.unlock();
      if (reloads) reload();
      if (proves) prove_discard(discard_, *configuration_.get());
      if (std::chrono::steady_clock::now() >= next) {
        clean_up();
        next += housekeeping_interval;
      }
      letters_.look(*configuration_.get());
      lock.lock();
    }
  }

  /// From the main thread: a signal came.
  void ask_reload() {
    const std::lock_guard guard(mutex_);
    reload_asked_ = true;
    changed_.notify_one();
  }

  /// The answer to a word of the control socket; nothing if it is none of ours.
  std::optional<std::string> answer(std::string_view word) {
    if (word == "reload") {
      const ReloadAnswer answer = reload();
      // What asks Postfix takes longer than somebody at a terminal waits.
      const std::lock_guard guard(mutex_);
      proof_asked_ = true;
      changed_.notify_one();
      return render_reload_json(answer);
    }
    if (word == "log" || word.starts_with("log ")) return render_levels_json(levels(word));
    return std::nullopt;
  }

 private:
  /// By whoever asks; one at a time.
  ReloadAnswer reload() {
    const std::lock_guard one_at_a_time(reloading_);
    log_if_failed(log_, manager_.reloading());
    ReloadAnswer answer = take_configuration();
    log_if_failed(log_, manager_.ready(start_line(*configuration_.get())));
    return answer;
  }

  ReloadAnswer take_configuration() {
    logs_.reopen();
    monitoring_.reopen_records();
    const auto begun = std::chrono::steady_clock::now();
    auto reloaded = configuration_.reload();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    monitoring_.reloaded(took.count(), reloaded ? std::vector<std::string>() : reloaded.error());
    service_.look_again();
    ReloadAnswer answer;
    answer.configuration = configuration_.get()->path;
    Log& log = logs_.configuration;
    if (!reloaded) {
      for (const std::string& line : reloaded.error()) log.error(line);
      log.error("the configuration was not taken; the last good one stays");
      answer.errors = std::move(reloaded.error());
      return answer;
    }
    answer.taken = true;
    discard_.forget();  // the proof was of the old one; deleting one by one is always safe
    answer.changes = std::move(reloaded->changes);
    answer.restart = std::move(reloaded->restart);
    const std::size_t told = std::min(answer.changes.size(), most_told_changes);
    for (std::size_t i = 0; i < told; ++i) log.info(describe(answer.changes[i]));
    if (answer.changes.size() > told) {
      log.info(fmt::format("and {} changes more", answer.changes.size() - told));
    }
    for (const std::string& key : answer.restart) {
      log.warning(key + " has changed; restart smtpgate for it to take effect");
    }
    log.info("configuration read again");
    // What was set for the moment ends here.
    logs_.levels.set_all(configuration_.get()->log_levels);
    keep_levels();
    outbound_.reload();
    return answer;
  }

  LevelsAnswer levels(std::string_view word) {
    const std::lock_guard one_at_a_time(reloading_);
    LevelsAnswer answer;
    if (word != "log") {
      word.remove_prefix(std::string_view("log ").size());
      const std::size_t blank = word.find(' ');
      const auto area = parse_log_area(word.substr(0, blank));
      const auto level = blank == std::string_view::npos ? std::optional<Severity>()
                                                         : parse_severity(word.substr(blank + 1));
      if (area && level) {
        logs_.levels.set(*area, *level);
        logs_.configuration.info(fmt::format("log.{}: {} from now on, until the next reload",
                                             log_area_name(*area), severity_name(*level)));
        if (!keep_levels()) {
          answer.problem = "door 2 and the look-up could not be told; the daemon itself follows";
        }
      } else {
        answer.problem = "there is no such area or level";
      }
    }
    answer.levels = logs_.levels.all();
    answer.configured = configuration_.get()->log_levels;
    return answer;
  }

  /// For door 2's processes, which nobody can tell otherwise.
  bool keep_levels() {
    const auto configuration = configuration_.get();
    const bool kept = write_levels_of_the_moment(configuration->gateway.work, logs_.levels.all(),
                                                 configuration->log_levels);
    if (!kept) {
      logs_.configuration.warning("the levels of the log could not be written to " +
                                  configuration->gateway.work + "/log_levels");
    }
    return kept;
  }

  void clean_up() {
    const auto configuration = configuration_.get();
    clear_incomplete_chains(*configuration, FileSystem::posix());
    for (const converter::ServedPostoffice& served : configuration->converter.postoffices) {
      const auto opened = Postoffice::open(served.directory);
      if (!opened) {
        log_.warning(opened.error().sentence() + "; its mail waits in Postfix's queue");
        continue;
      }
      // Nothing is tidied in a folder that is not ours to touch, either.
      if (const auto wrong = why_wrong_kind(*configuration, served)) {
        log_.warning(wrong->sentence());
        continue;
      }
      report("work directories of dead processes removed", served,
             postoffice::clear_abandoned_work(*opened));
      report("old duplicate markers removed", served,
             postoffice::expire_markers(*opened, std::time(nullptr)));
      report("half made and half removed files of dead commands removed", served,
             postoffice::clear_half_done(*opened, std::time(nullptr)));
      report("old markers of outgoing mail removed", served,
             postoffice::expire_outgoing_markers(*opened, std::time(nullptr)));
    }
  }

  void report(std::string_view what, const converter::ServedPostoffice& served,
              const Expected<std::uint64_t>& count) {
    if (!count) {
      log_.warning(served.name.str() + ": " + count.error().sentence());
    } else if (*count > 0) {
      log_.info(fmt::format("{}: {}: {}", served.name.str(), what, *count));
    }
  }

  CurrentConfiguration& configuration_;
  DaemonLog& logs_;
  Log& log_;
  OutboundService& outbound_;
  DiscardClaim& discard_;
  const ServiceManager& manager_;
  Monitoring& monitoring_;
  MonitoringService& service_;
  LettersWatch letters_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reload_asked_ = false;
  bool proof_asked_ = false;
  std::mutex reloading_;  ///< one reload, or change of a level, at a time
};

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
void wait_for_stop(Housekeeper& housekeeper) {
  while (!stop_asked) {
    if (sem_wait(&signal_came) != 0) continue;  // EINTR: the handler has posted
    if (!stop_asked) housekeeper.ask_reload();
  }
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
  Housekeeper* keeper = nullptr;  // there before the service starts to ask it
  MonitoringService service(monitoring, logs.status,
                            [&keeper](std::string_view word) { return keeper->answer(word); });
  Housekeeper housekeeper(configuration, logs, outbound, discard, manager, monitoring, service);
  keeper = &housekeeper;
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

  wait_for_stop(housekeeper);
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
  prove_discard(discard, *configuration.get());
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
