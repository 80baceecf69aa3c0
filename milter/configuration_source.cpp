// Configuration sources: see the header.
#include "milter/configuration_source.h"

#include <utility>

namespace smtpgate::milter {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

ConfigurationSource read_when_old(std::string path, std::chrono::seconds longest) {
  struct Cache {
    std::shared_ptr<const Configuration> configuration;
    Clock::time_point read_at;
  };
  auto cache = std::make_shared<Cache>();
  return [path = std::move(path), longest,
          cache]() -> tl::expected<std::shared_ptr<const Configuration>, std::string> {
    if (cache->configuration && Clock::now() - cache->read_at < longest) {
      return cache->configuration;
    }
    auto fresh = read_configuration(path);
    if (!fresh) {
      cache->configuration.reset();
      return tl::unexpected(fresh.error().front());
    }
    cache->configuration = std::make_shared<const Configuration>(std::move(*fresh));
    cache->read_at = Clock::now();
    return cache->configuration;
  };
}

CurrentConfiguration::CurrentConfiguration(Configuration first) : first_(std::move(first)) {
  first_.spool_memory = std::make_shared<converter::SpoolMemory>(first_.milter.memory);
  current_ = std::make_shared<const Configuration>(first_);
}

std::shared_ptr<const Configuration> CurrentConfiguration::get() const {
  const std::lock_guard guard(mutex_);
  return current_;
}

tl::expected<CurrentConfiguration::Reloaded, std::vector<std::string>>
CurrentConfiguration::reload() {
  auto fresh = read_configuration(first_.path);
  if (!fresh) return tl::unexpected(std::move(fresh.error()));
  const auto now = get();
  if (auto errors = why_not_to_take(*now, *fresh); !errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  Reloaded result;
  result.changes = changes_between(now->values, fresh->values);
  for (const ConfigurationChange& one : changes_between(first_.values, fresh->values)) {
    if (needs_restart(one.key)) result.restart.push_back(one.key);
  }
  fresh->gateway.work = first_.gateway.work;    // its folders were made at the start
  fresh->milter.socket = first_.milter.socket;  // where the door is
  fresh->spool_memory = first_.spool_memory;    // messages under way are in it
  auto shared = std::make_shared<const Configuration>(std::move(*fresh));
  const std::lock_guard guard(mutex_);
  current_ = std::move(shared);
  return result;
}

}  // namespace smtpgate::milter
