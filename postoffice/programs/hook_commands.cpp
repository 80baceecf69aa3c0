// `postoffice run-hooks`; see the header. Manual: docs/man/postoffice.1.scd.
//
// The process that is started looks after the others and touches no mail; each mailbox has a child
// that, started by root, becomes the mailbox's user for good before it looks at anything there.
#include "postoffice/programs/hook_commands.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/directory_watch.h"
#include "postoffice/groups.h"
#include "postoffice/hook_runner.h"
#include "postoffice/programs/command_output.h"

namespace smtpgate::postoffice {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto between_looks_for_mailboxes = std::chrono::seconds(30);
constexpr auto longest_end = std::chrono::seconds(20);  // for workers, when all is to end
constexpr int while_running = 100;                      // milliseconds between looks at what runs

struct HookOptions {
  std::vector<std::string> mailboxes;
  std::int64_t seconds = 30;
  bool is_once = false;
  bool retries = false;
};

void log_line(const std::string& line) {
  std::cerr << "postoffice: " + line + "\n" << std::flush;
}

/// Somebody to become.
struct HookUser {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

bool is_member(const HookUser& user, gid_t group) {
  std::vector<gid_t> groups(256);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(user.name.c_str(), user.group, groups.data(), &count) < 0) return false;
  groups.resize(static_cast<std::size_t>(count));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

/// The one user whose own group is the mailbox's; nothing if there is none, or more than one.
std::optional<HookUser> only_user_of(gid_t group) {
  std::optional<HookUser> found;
  std::size_t count = 0;
  ::setpwent();
  while (const struct passwd* entry = ::getpwent()) {
    if (entry->pw_gid != group) continue;
    found = HookUser{entry->pw_name, entry->pw_uid, entry->pw_gid};
    ++count;
  }
  ::endpwent();
  return count == 1 ? found : std::nullopt;
}

/// Whom root becomes for a mailbox. Never root; never the gateway's user by chance, whose mail all
/// of it is.
Expected<HookUser> user_of(const Postoffice& postoffice, const std::string& mailbox,
                           const HookSettings& settings) {
  auto office = postoffice.files().status(postoffice.directory());
  if (!office) return failure(office.error().outcome());
  auto bag = postoffice.files().status(postoffice.mailbag_directory(mailbox) + "/new");
  if (!bag) return failure(bag.error().outcome());
  const auto refusal = [&](const std::string& why) {
    return failure(
        Outcome::permanent("the command of mailbox " + mailbox + " is not run: " + why, "5.3.5"));
  };
  if (settings.user.empty()) {
    auto found = only_user_of(bag->group);
    if (!found || found->user == 0 || found->user == office->owner) {
      return refusal("its group does not tell whose it is; set hook_user");
    }
    return std::move(*found);
  }
  const struct passwd* const entry = ::getpwnam(settings.user.c_str());
  if (entry == nullptr) return refusal("there is no user " + settings.user);
  HookUser user{entry->pw_name, entry->pw_uid, entry->pw_gid};
  if (user.user == 0) return refusal("hook_user is root");
  if (user.user != office->owner && !is_member(user, bag->group)) {
    return refusal("user " + settings.user + " is not in the mailbox's group");
  }
  return user;
}

bool become(const HookUser& user) {
  return ::initgroups(user.name.c_str(), user.group) == 0 &&
         ::setresgid(user.group, user.group, user.group) == 0 &&
         ::setresuid(user.user, user.user, user.user) == 0 && ::setuid(0) != 0;
}

int wait_for_runs(HookRunner& runner) {
  while (runner.running() > 0) {
    ::poll(nullptr, 0, while_running);
    runner.poll(std::time(nullptr));
  }
  return EX_OK;
}

/// One mailbox, until a signal; or until nothing is due.
int serve_mailbox(const Postoffice& postoffice, const std::string& mailbox,
                  const HookOptions& options) {
  auto mailbag = Mailbag::open(postoffice, mailbox);
  if (!mailbag) return fail(mailbag.error());
  const StopSignal stop;
  DirectoryWatch watch({postoffice.mailbag_directory(mailbox) + "/new"}, stop.descriptor());
  HookRunner runner(postoffice, *mailbag, log_line);
  auto last_look = Clock::now();
  for (;;) {
    const std::int64_t now = std::time(nullptr);
    runner.poll(now);
    if (Clock::now() - last_look >= std::chrono::seconds(options.seconds)) {
      last_look = Clock::now();
      runner.look_again();
    }
    // Read each time: a change holds at once.
    auto settings = read_mailbox_settings(postoffice, mailbox);
    if (!settings) {
      log_line(printable(settings.error().sentence()));
      if (options.is_once) return exit_code(settings.error());
    } else if (settings->delivery == "folder" && !settings->hook.empty()) {
      const Outcome started = runner.start_due(*settings, now);
      if (!started.is_delivered()) log_line(printable(started.sentence()));
      if (options.is_once && !started.is_delivered()) return exit_code(started);
    } else if (runner.running() == 0) {
      return EX_OK;  // nothing to do any more; started again when there is
    }
    if (options.is_once && runner.is_idle()) return runner.failures() == 0 ? EX_OK : EX_TEMPFAIL;
    const std::int64_t idle = std::clamp<std::int64_t>(runner.next_due() - now, 1, options.seconds);
    const auto limit = runner.running() > 0 ? std::chrono::milliseconds(while_running)
                                            : std::chrono::milliseconds(1000 * idle);
    const auto reason = watch.wait(limit);
    if (reason == DirectoryWatch::Reason::changed) runner.look_again();
    if (reason == DirectoryWatch::Reason::stop) {
      runner.end_all();
      return wait_for_runs(runner);
    }
  }
}

/// The processes of mailboxes.
class Workers {
 public:
  Workers(const Postoffice& postoffice, const HookOptions& options)
      : postoffice_(postoffice), options_(options) {}

  /// Starts one for each mailbox that has a command and no process yet.
  Outcome start_all() {
    std::vector<std::string> names;
    for (const std::string& name : options_.mailboxes) names.push_back(fold_mailbox_name(name));
    if (names.empty()) {
      auto listed = postoffice_.list_mailboxes();
      if (!listed) return listed.error();
      names = std::move(*listed);
    }
    for (const std::string& name : names) start(name);
    return Outcome::delivered("started");
  }

  /// Those that have ended; forgotten until the next start_all().
  void reap() {
    int status = 0;
    for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto found = running_.find(child);
      if (found == running_.end()) continue;
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
      if (code != EX_OK && !options_.is_once) {
        log_line(fmt::format("the process of mailbox {} ended with {}; started again soon",
                             printable(found->second), code));
      }
      note(code);
      running_.erase(found);
    }
  }
  bool is_empty() const { return running_.empty(); }
  void send(int signal) const {
    for (const auto& [child, name] : running_) ::kill(child, signal);
  }
  int code() const { return code_; }

 private:
  void note(int code) {
    if (code_ == EX_OK) code_ = code;
  }

  bool is_running(const std::string& name) const {
    return std::any_of(running_.begin(), running_.end(),
                       [&name](const auto& one) { return one.second == name; });
  }

  void start(const std::string& name) {
    if (is_running(name)) return;
    auto settings = read_mailbox_settings(postoffice_, name);
    if (!settings) {
      complain(settings.error());
      return;
    }
    if (settings->hook.empty() || settings->delivery != "folder") {
      if (options_.mailboxes.empty()) return;
      complain(Outcome::permanent("mailbox " + name + " has no command (delivery and hook in " +
                                  postoffice_.path("GLB/MAILBOX/") + name + ".toml)"));
      return;
    }
    std::optional<HookUser> user;
    if (::geteuid() == 0) {
      auto found = user_of(postoffice_, name, settings->hook_settings);
      if (!found) {
        complain(found.error());
        return;
      }
      user = std::move(*found);
    } else if (options_.mailboxes.empty() &&
               ::access((postoffice_.mailbag_directory(name) + "/new").c_str(), W_OK) != 0) {
      return;  // somebody else's
    }
    launch(name, user);
  }

  void launch(const std::string& name, const std::optional<HookUser>& user) {
    const pid_t child = ::fork();
    if (child < 0) {
      complain(FileError{errno, "start a process for mailbox", name}.outcome());
      return;
    }
    if (child > 0) {
      running_[child] = name;
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::umask(077);
    if (user && !become(*user)) {
      log_line("cannot become user " + printable(user->name) + " for mailbox " + printable(name));
      ::_exit(EX_NOPERM);
    }
    // Changing the user takes that wish away.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    int code = EX_SOFTWARE;
    try {
      code = serve_mailbox(postoffice_, name, options_);
    } catch (const std::exception& error) {
      log_line(printable(error.what()));
    }
    ::_exit(code);
  }

  /// Once for the same words: a mailbox that is set wrong is looked at again and again.
  void complain(const Outcome& outcome) {
    note(exit_code(outcome));
    const std::string line = printable(outcome.sentence());
    if (said_.insert(line).second) log_line(line);
  }

  const Postoffice& postoffice_;
  const HookOptions& options_;
  std::map<pid_t, std::string> running_;
  std::set<std::string> said_;
  int code_ = EX_OK;
};

/// Messages that were set aside are tried again.
int retry_messages(const Postoffice& postoffice, const HookOptions& options) {
  for (const std::string& name : options.mailboxes) {
    auto mailbag = Mailbag::open(postoffice, name);
    if (!mailbag) return fail(mailbag.error());
    auto entries = mailbag->list();
    if (!entries) return fail(entries.error());
    std::uint64_t count = 0;
    for (const MailbagEntry& entry : *entries) {
      if (!entry.is_folder || entry.is_read) continue;
      const std::string directory = mailbag->path(entry);
      const HookState state = HookState::read(postoffice.files(), directory);
      if (state.failures + state.delays == 0) continue;
      if (Outcome written = HookState().write(postoffice.files(), directory);
          !written.is_delivered()) {
        return fail(written);
      }
      ++count;
    }
    std::cout << fmt::format("{} messages of mailbox {} are due again\n", count,
                             printable(mailbag->mailbox()));
  }
  return EX_OK;
}

int end_workers(Workers& workers) {
  workers.send(SIGTERM);
  const auto limit = Clock::now() + longest_end;
  while (!workers.is_empty()) {
    ::poll(nullptr, 0, while_running);
    if (Clock::now() >= limit) workers.send(SIGKILL);
    workers.reap();
  }
  return EX_OK;
}

int run_hooks(const Postoffice& postoffice, const HookOptions& options) {
  if (options.retries) return retry_messages(postoffice, options);
  const StopSignal stop;
  Workers workers(postoffice, options);
  std::optional<Clock::time_point> looked;
  for (;;) {
    workers.reap();
    if (!looked || (!options.is_once && Clock::now() - *looked >= between_looks_for_mailboxes)) {
      looked = Clock::now();
      const Outcome started = workers.start_all();
      if (!started.is_delivered() && options.is_once) return fail(started);
      if (!started.is_delivered()) log_line(printable(started.sentence()));
    }
    if (options.is_once && workers.is_empty()) return workers.code();
    pollfd source{stop.descriptor(), POLLIN, 0};
    if (::poll(&source, 1, options.is_once ? while_running : 1000) > 0) return end_workers(workers);
  }
}

}  // namespace

void add_hook_commands(CLI::App& app, PostofficeCommand& run) {
  auto [hooks, options] = add_command<HookOptions>(
      app, "run-hooks", "Runs the commands of folder mailboxes for their messages", run, run_hooks);
  CLI::Option* mailboxes =
      hooks->add_option("MAILBOX", options->mailboxes, "These; none: all that have a command");
  CLI::Option* once =
      hooks->add_flag("--once", options->is_once, "What is due now, and no more (for cron)");
  hooks
      ->add_option("--every", options->seconds,
                   "Looks that often too, for file systems that tell nothing")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  hooks
      ->add_flag("--retry", options->retries,
                 "Runs nothing; has messages tried again that were set aside or wait")
      ->needs(mailboxes)
      ->excludes(once);
}

}  // namespace smtpgate::postoffice
