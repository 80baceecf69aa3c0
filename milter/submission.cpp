// The pool of connections, the order of hosts and second tries: see the header. What is said on a
// connection: smtp_session.h, smtp_transaction.h.
#include "milter/submission.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "milter/blocked_signals.h"
#include "milter/smtp_envelope_commands.h"
#include "milter/smtp_session.h"
#include "milter/smtp_transaction.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using converter::Spool;

namespace {

using Clock = std::chrono::steady_clock;
using Session = std::unique_ptr<SmtpSession>;

constexpr std::chrono::milliseconds stop_slice{100};
/// For so long a host that could not be reached is tried after the others.
constexpr std::chrono::seconds avoid_time{60};
constexpr std::size_t longest_sentence = 2000;

Outcome stopped() {
  return Outcome::temporary("not sent: we are stopping; it is tried again", "4.3.2");
}

void set_all(SubmissionResult& result, std::span<const std::size_t> recipients,
             const Outcome& outcome) {
  for (const std::size_t at : recipients) result.recipients[at].outcome = outcome;
}

}  // namespace

struct Submitter::State {
  State(DesignatedHost host, HostResolver& from) : settings(std::move(host)), resolver(from) {
    for (const std::string& text : settings.hosts) {
      if (auto parsed = parse_host(text)) hosts.push_back({std::move(*parsed), {}});
    }
  }

  struct Host {
    HostAndPort name;
    Clock::time_point avoid_until;
  };
  struct Idle {
    Session session;
    Clock::time_point until;
  };
  /// The caller's, as submit() got them.
  struct Hooks {
    const StopAsked& stop;
    const std::function<void()>& before_end;
  };

  bool begin(const StopAsked& stop);
  void end();
  Session take_idle();
  void put_back(Session session);
  void end_old_ones(const std::stop_token& token);

  Expected<Session> connect(const StopAsked& stop);
  Expected<Session> connect_to(const HostAndPort& host, const StopAsked& stop);
  std::vector<HostAndPort> hosts_in_order();
  void note(const HostAndPort& host, bool reached);
  Expected<const TlsContext*> tls_context();

  void send(const OutboundEnvelope& envelope, Spool& content, const Hooks& hooks,
            SubmissionResult& result);
  TransactionEnd send_once(Session& session, const OutboundEnvelope& envelope, Spool& content,
                           std::span<const std::size_t> recipients, const Hooks& hooks,
                           SubmissionResult& result);

  const DesignatedHost settings;
  HostResolver& resolver;

  std::mutex mutex;
  std::condition_variable place_free;   ///< for who waits for a connection
  std::condition_variable_any changed;  ///< for the keeper
  bool keeper_sleeps = false;           ///< it waits for a first connection to keep
  std::vector<Host> hosts;
  unsigned busy = 0;
  std::vector<Idle> idle;  ///< the one used last at the end
  std::optional<TlsContext> tls;
  std::jthread keeper;  ///< ends idle connections when their time is over
};

/// Waits for one of the connections; false if we are to stop.
bool Submitter::State::begin(const StopAsked& stop) {
  std::unique_lock guard(mutex);
  while (busy >= settings.connections) {
    if (stop && stop()) return false;
    place_free.wait_for(guard, stop_slice);
  }
  ++busy;
  return true;
}

void Submitter::State::end() {
  {
    const std::lock_guard guard(mutex);
    --busy;
  }
  place_free.notify_one();
}

/// A kept connection that is not known to have gone; nullptr if there is none.
Session Submitter::State::take_idle() {
  for (;;) {
    Session session;
    {
      const std::lock_guard guard(mutex);
      if (idle.empty()) return nullptr;
      session = std::move(idle.back().session);
      idle.pop_back();
    }
    // Whatever it says unasked is a farewell.
    if (!session->connection().has_input()) return session;
  }
}

void Submitter::State::put_back(Session session) {
  const bool used_up = session->messages >= settings.messages_per_connection;
  if (used_up || settings.keep.count() == 0) return session->quit();
  try {
    const std::lock_guard guard(mutex);
    if (!keeper.joinable()) {
      const BlockedSignals blocked;
      try {
        keeper = std::jthread([this](const std::stop_token& token) { end_old_ones(token); });
      } catch (const std::exception&) {
        // Without the thread it is ended at once, below.
      }
    }
    if (keeper.joinable()) {
      idle.push_back({std::move(session), Clock::now() + settings.keep});
      // If it does not sleep it wakes for an older one, and sees this one then.
      if (keeper_sleeps) changed.notify_all();
      return;
    }
  } catch (const std::exception&) {
    // No memory to keep it in; it is not needed.
  }
  if (session) session->quit();
}

void Submitter::State::end_old_ones(const std::stop_token& token) {
  while (!token.stop_requested()) {
    std::vector<Idle> old;
    {
      std::unique_lock guard(mutex);
      const auto now = Clock::now();
      const auto first_young =
          std::find_if(idle.begin(), idle.end(), [&](const Idle& one) { return one.until > now; });
      std::move(idle.begin(), first_young, std::back_inserter(old));
      idle.erase(idle.begin(), first_young);
      if (old.empty()) {
        if (idle.empty()) {
          keeper_sleeps = true;
          changed.wait(guard, token, [this] { return !idle.empty(); });
          keeper_sleeps = false;
        } else {
          // A copy: it is read again while others change the list.
          const Clock::time_point until = idle.front().until;
          changed.wait_until(guard, token, until, [] { return false; });
        }
      }
    }
    for (Idle& one : old) one.session->quit();
  }
}

/// The configuration's order, but those that failed lately at the end.
std::vector<HostAndPort> Submitter::State::hosts_in_order() {
  const std::lock_guard guard(mutex);
  const auto now = Clock::now();
  std::vector<HostAndPort> result;
  for (const bool avoided : {false, true}) {
    for (const Host& host : hosts) {
      if ((host.avoid_until > now) == avoided) result.push_back(host.name);
    }
  }
  return result;
}

void Submitter::State::note(const HostAndPort& host, bool reached) {
  const std::lock_guard guard(mutex);
  for (Host& known : hosts) {
    if (known.name.host == host.host && known.name.port == host.port) {
      known.avoid_until = reached ? Clock::time_point() : Clock::now() + avoid_time;
    }
  }
}

Expected<const TlsContext*> Submitter::State::tls_context() {
  if (settings.tls == TlsUse::never) return nullptr;
  const std::lock_guard guard(mutex);
  if (!tls) {
    auto made = TlsContext::make(settings.tls, settings.tls_ca_file);
    if (!made) {
      return failure(
          Outcome::temporary(made.error() + "; correct [designated_host] tls_ca_file", "4.3.5"));
    }
    tls = std::move(*made);
  }
  return &*tls;
}

Expected<Session> Submitter::State::connect_to(const HostAndPort& host, const StopAsked& stop) {
  const auto context = tls_context();
  if (!context) return failure(context.error());
  const auto addresses = resolver.resolve(host, settings.connect_timeout, stop);
  if (!addresses) {
    return failure(Outcome::temporary(
        fmt::format("no address is found for the host {}: {}; correct [designated_host] hosts, or "
                    "the resolver",
                    host.host, addresses.error()),
        "4.4.3"));
  }
  std::string sentences;
  std::string status;
  for (const HostAddress& address : *addresses) {
    auto session = SmtpSession::open(host, address, {&settings, *context}, stop);
    if (session) return session;
    sentences += (sentences.empty() ? "" : "; ") + session.error().sentence();
    status = session.error().status();
    if (stop && stop()) break;
  }
  return failure(Outcome::temporary(std::move(sentences), std::move(status)));
}

Expected<Session> Submitter::State::connect(const StopAsked& stop) {
  std::string sentences;
  std::string status = "4.3.5";
  for (const HostAndPort& host : hosts_in_order()) {
    if (stop && stop()) return failure(stopped());
    auto session = connect_to(host, stop);
    if (stop && stop() && !session) return failure(stopped());
    note(host, session.has_value());
    if (session) return session;
    sentences += (sentences.empty() ? "" : "; ") + session.error().sentence();
    status = session.error().status();
  }
  if (sentences.empty()) sentences = "there is no host to send to; write [designated_host] hosts";
  return failure(Outcome::temporary(printable(sentences, longest_sentence), std::move(status)));
}

/// One transaction, on `session` if there is one, else on a kept or a new connection. `session` is
/// empty afterwards if it may not be used again.
TransactionEnd Submitter::State::send_once(Session& session, const OutboundEnvelope& envelope,
                                           Spool& content, std::span<const std::size_t> recipients,
                                           const Hooks& hooks, SubmissionResult& result) {
  bool was_used = session != nullptr;
  if (!session) {
    session = take_idle();
    was_used = session != nullptr;
  }
  for (;;) {
    if (!session) {
      auto made = connect(hooks.stop);
      if (!made) {
        set_all(result, recipients, made.error());
        return {};
      }
      session = std::move(*made);
      result.connection_seconds += session->connection_seconds();
      was_used = false;
    }
    result.host = session->label();
    const auto begin = Clock::now();
    TransactionEnd end = run_transaction(*session, settings, envelope, content, recipients,
                                         hooks.stop, hooks.before_end, result);
    result.transmission_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    if (end.reusable) {
      if (session->messages >= settings.messages_per_connection) put_back(std::move(session));
      return end;
    }
    session.reset();
    // It had been idle, and was gone before it heard of this message: not a word of it was sent
    // twice, so there is nothing to tell.
    if (!was_used || !end.died_before_mail) return end;
  }
}

void Submitter::State::send(const OutboundEnvelope& envelope, Spool& content, const Hooks& hooks,
                            SubmissionResult& result) {
  std::vector<std::size_t> left = refuse_unsafe_addresses(envelope, result);
  if (left.empty()) return;
  if (!begin(hooks.stop)) return set_all(result, left, stopped());
  struct Place {
    State& state;
    ~Place() { state.end(); }
  } const place{*this};

  Session session;
  while (!left.empty()) {
    const std::size_t count = std::min(left.size(), most_transaction_recipients);
    const TransactionEnd end =
        send_once(session, envelope, content, std::span(left).first(count), hooks, result);
    std::vector<std::size_t> rest = end.too_many;
    rest.insert(rest.end(), left.begin() + static_cast<std::ptrdiff_t>(count), left.end());
    if (!end.reusable && !rest.empty()) {
      // A host in trouble is not asked again in the same breath.
      const Outcome& first = result.recipients[left.front()].outcome;
      const Outcome outcome =
          first.is_temporary()
              ? first
              : Outcome::temporary(
                    fmt::format("the session with host {} ended before this recipient's turn; it "
                                "is tried again",
                                result.host),
                    "4.4.2");
      set_all(result, rest, outcome);
      break;
    }
    left = std::move(rest);
  }
  if (session) put_back(std::move(session));
}

Submitter::Submitter(DesignatedHost host, HostResolver& resolver)
    : state_(std::make_unique<State>(std::move(host), resolver)) {}

Submitter::~Submitter() {
  state_->keeper = std::jthread();  // asks it to stop, and waits
  for (State::Idle& one : state_->idle) one.session->quit();
}

SubmissionResult Submitter::submit(const OutboundEnvelope& envelope, Spool& content,
                                   const std::function<bool()>& stop,
                                   const std::function<void()>& before_end) {
  SubmissionResult result;
  try {
    result.recipients.resize(envelope.recipients.size());
    state_->send(envelope, content, {stop, before_end}, result);
  } catch (const std::exception& error) {
    // Memory, most likely. What was answered before stays as it is; all else is "not tried".
    for (RecipientResult& recipient : result.recipients) {
      if (!recipient.outcome.is_temporary()) continue;
      recipient.outcome = Outcome::temporary(
          std::string("not sent: ") + error.what() + "; it is tried again", "4.3.0");
    }
  }
  return result;
}

Outcome Submitter::try_host() {
  try {
    auto session = state_->connect({});
    if (!session) return session.error();
    (*session)->quit();
    return Outcome::delivered(fmt::format("the designated host {} answers ({})",
                                          (*session)->label(), (*session)->agreed()));
  } catch (const std::exception& error) {
    return Outcome::temporary(std::string("the designated host was not tried: ") + error.what(),
                              "4.3.0");
  }
}

}  // namespace smtpgate::milter
