// The senders: see the header.
#include "milter/outbound_senders.h"

#include <algorithm>
#include <ctime>
#include <exception>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

/// How long nothing is tried after the designated host could not be spoken to; it doubles.
constexpr std::chrono::seconds first_host_pause{10};
constexpr std::chrono::seconds longest_host_pause{300};
constexpr std::int64_t longest_without_sign = 10;
/// In which at least one sender comes round. A large message to a slow host takes its time, and
/// every wait within a try has its own limit.
constexpr std::chrono::hours longest_try{2};

}  // namespace

OutboundSenders::OutboundSenders(OutboundSurroundings surroundings)
    : surroundings_(std::move(surroundings)), host_pause_(first_host_pause) {}

void OutboundSenders::use(const DesignatedHost& host) {
  auto submitter = std::make_shared<Submitter>(host);
  const std::lock_guard guard(mutex_);
  submitter_.swap(submitter);
  host_pause_ = first_host_pause;
  host_pause_end_ = {};
  changed_.notify_all();
}

void OutboundSenders::serve(const std::vector<std::string>& postoffices) {
  const std::lock_guard guard(mutex_);
  due_.forget_postoffices_but({postoffices.begin(), postoffices.end()});
  for (const std::string& directory : postoffices) due_.look_again(directory);
  changed_.notify_all();
}

void OutboundSenders::replace(const std::string& postoffice, const std::vector<std::string>& ids) {
  const std::set<std::string> found(ids.begin(), ids.end());
  const std::lock_guard guard(mutex_);
  due_.replace(postoffice, ids);
  std::erase_if(trouble_, [&](const auto& one) {
    return one.first.first == postoffice && !found.contains(one.first.second);
  });
  changed_.notify_all();
}

void OutboundSenders::add(const std::string& postoffice, const std::string& id) {
  const std::lock_guard guard(mutex_);
  due_.add(postoffice, id);
  changed_.notify_all();
}

void OutboundSenders::look_again(const std::string& postoffice) {
  const std::lock_guard guard(mutex_);
  due_.look_again(postoffice);
  changed_.notify_all();
}

void OutboundSenders::look_again(const std::string& postoffice, const std::string& id) {
  const std::lock_guard guard(mutex_);
  due_.look_again(postoffice, id);
  changed_.notify_all();
}

std::optional<OutboundSenders::Key> OutboundSenders::wait_for_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    surroundings_.beat("sending", longest_try);
    const auto now = Clock::now();
    if (now < host_pause_end_) {
      changed_.wait_until(lock, host_pause_end_);
      continue;
    }
    // After a pause one try shows whether the host is back, before all others follow.
    const bool probing = host_pause_ > first_host_pause;
    if (!probing || !probe_) {
      if (auto key = due_.begin(OutboundSurroundings::seconds_since_boot())) {
        if (probing) probe_ = key;
        return key;
      }
    }
    const std::int64_t next = due_.next_due();
    if (next == DueMessages::never || probing) {
      changed_.wait_for(lock, first_host_pause);
    } else {
      const std::int64_t seconds =
          std::clamp<std::int64_t>(next - OutboundSurroundings::seconds_since_boot(), 1, 60);
      changed_.wait_for(lock, std::chrono::seconds(seconds));
    }
  }
  return std::nullopt;
}

void OutboundSenders::note_host(HostState host) {
  if (host == HostState::answers) {
    host_pause_ = first_host_pause;
    host_pause_end_ = {};
  }
  // Several tries that fail at once are one failure.
  if (host == HostState::down && Clock::now() >= host_pause_end_) {
    host_pause_end_ = Clock::now() + host_pause_;
    host_pause_ = std::min(host_pause_ * 2, longest_host_pause);
  }
}

/// A damaged STATE.json, say, that only a person can mend: with growing pauses.
TryResult OutboundSenders::not_taken(const Key& key, const Outcome& problem, TryResult result) {
  const auto configuration = surroundings_.configuration();
  bool is_news = false;
  {
    const std::lock_guard guard(mutex_);
    Trouble& trouble = trouble_[key];
    is_news = trouble.sentence != problem.sentence();
    if (is_news) trouble = {problem.sentence(), 0};
    ++trouble.times;
    result.next_attempt = surroundings_.now() + retry_pause(configuration->outbound, trouble.times);
  }
  if (is_news) surroundings_.log->warning(fmt::format("{}: {}", key.second, problem.sentence()));
  return result;
}

/// With a sign of life if the last one is not fresh. By a clock that goes on while the machine
/// sleeps: a host that was taken for dead meanwhile must say that it is not before it takes more.
Expected<std::optional<postoffice::TakenMessage>> OutboundSenders::take(
    const Postoffice& postoffice, const Key& key) {
  const std::int64_t now = OutboundSurroundings::seconds_since_boot();
  bool is_fresh = false;
  {
    const std::lock_guard guard(mutex_);
    const auto last = signs_.find(key.first);
    is_fresh = last != signs_.end() && now - last->second < longest_without_sign;
  }
  if (is_fresh) return OutgoingMail(postoffice).take_while_alive(key.second);
  auto taken = OutgoingMail(postoffice).take(key.second);
  if (taken) {
    const std::lock_guard guard(mutex_);
    signs_[key.first] = now;
  }
  return taken;
}

TryResult OutboundSenders::try_one(const Key& key) {
  const auto configuration = surroundings_.configuration();
  std::shared_ptr<Submitter> through;
  std::optional<postoffice::OutgoingState> results;
  {
    const std::lock_guard guard(mutex_);
    through = submitter_;
    if (const auto found = unsaved_.find(key); found != unsaved_.end()) results = found->second;
  }
  TryResult later;
  later.next_attempt = surroundings_.now() + configuration->outbound.retry_min.count();
  later.unsaved = results;
  try {
    const auto opened = Postoffice::open(key.first, *surroundings_.files);
    if (!opened) return later;
    auto taken = take(*opened, key);
    if (!taken) return not_taken(key, taken.error(), std::move(later));
    {
      const std::lock_guard guard(mutex_);
      trouble_.erase(key);
    }
    if (!*taken) {  // somebody else's now
      later.gone = true;
      return later;
    }
    const OutboundContext context{
        .configuration = *configuration,
        .postoffice = *opened,
        .files = *surroundings_.files,
        .log = *surroundings_.log,
        .submit =
            [&](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                const std::function<void()>& before_end) {
              return through->submit(
                  envelope, content, [this] { return stopping_.load(); }, before_end);
            },
        .now = surroundings_.now,
        .stopping = [this] { return stopping_.load(); },
        .observer = surroundings_.observer};
    TryResult result = try_message(std::move(**taken), context, std::move(results));
    const std::lock_guard guard(mutex_);
    // The configuration was read again meanwhile: that host is not the one that is to be asked now.
    if (through != submitter_) result.host = HostState::not_asked;
    return result;
  } catch (const std::exception& exception) {
    surroundings_.log->error(
        fmt::format("{}: cannot be tried: {}; it is tried again", key.second, exception.what()));
    return later;
  }
}

void OutboundSenders::finish(const Key& key, const TryResult& result) {
  const std::lock_guard guard(mutex_);
  note_host(result.host);
  if (probe_ == key) probe_.reset();
  if (result.unsaved && !result.gone) {
    unsaved_.insert_or_assign(key, *result.unsaved);
  } else {
    unsaved_.erase(key);
  }
  due_.end(key, result.gone ? std::nullopt
                            : std::optional(surroundings_.waiting_end(result.next_attempt)));
  changed_.notify_all();
}

void OutboundSenders::run() {
  while (const auto key = wait_for_due()) finish(*key, try_one(*key));
}

void OutboundSenders::ask_stop() {
  stopping_ = true;
  const std::lock_guard guard(mutex_);
  changed_.notify_all();
}

bool OutboundSenders::wait_until_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return due_.in_hand() == 0; });
}

}  // namespace smtpgate::milter
