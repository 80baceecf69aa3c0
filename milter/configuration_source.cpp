// Configuration sources: see the header.
#include "milter/configuration_source.h"

#include <utility>

namespace smtpgate::milter {

namespace {

using Clock = std::chrono::steady_clock;

/// Keys that are used once, at the start.
std::vector<std::string> changed_for_next_start(const Configuration& first,
                                                const Configuration& now) {
  std::vector<std::string> result;
  const auto compare = [&](bool same, const char* key) {
    if (!same) result.emplace_back(key);
  };
  compare(first.gateway.user == now.gateway.user, "gateway.user");
  compare(first.gateway.group == now.gateway.group, "gateway.group");
  compare(first.gateway.work == now.gateway.work, "gateway.work");
  compare(first.gateway.log == now.gateway.log, "gateway.log");
  compare(first.gateway.records == now.gateway.records, "gateway.records");
  compare(first.status.listen == now.status.listen, "status.listen");
  compare(first.status.socket_mode == now.status.socket_mode, "status.socket_mode");
  compare(first.status.socket_group == now.status.socket_group, "status.socket_group");
  compare(first.status.token_file == now.status.token_file, "status.token_file");
  compare(first.milter.socket == now.milter.socket, "milter.socket");
  compare(first.milter.socket_mode == now.milter.socket_mode, "milter.socket_mode");
  compare(first.milter.socket_group == now.milter.socket_group, "milter.socket_group");
  compare(first.milter.memory == now.milter.memory, "milter.memory");
  compare(first.outbound.enabled == now.outbound.enabled, "outbound.enabled");
  compare(first.designated_host.connections == now.designated_host.connections,
          "designated_host.connections");
  return result;
}

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

tl::expected<std::vector<std::string>, std::vector<std::string>> CurrentConfiguration::reload() {
  auto fresh = read_configuration(first_.path);
  if (!fresh) return tl::unexpected(std::move(fresh.error()));
  auto changed = changed_for_next_start(first_, *fresh);
  fresh->gateway.work = first_.gateway.work;  // its folders were made at the start
  fresh->spool_memory = first_.spool_memory;  // messages under way are in it
  auto shared = std::make_shared<const Configuration>(std::move(*fresh));
  const std::lock_guard guard(mutex_);
  current_ = std::move(shared);
  return changed;
}

}  // namespace smtpgate::milter
