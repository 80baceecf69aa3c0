// Threads of the monitoring: see the header.
#include "milter/monitoring_service.h"

#include <exception>
#include <string>
#include <utility>

#include "milter/reloader.h"
#include "milter/secret_file.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

namespace {

constexpr std::chrono::seconds between_notes{1};
constexpr int notes_between_looks = 10;
constexpr std::chrono::seconds before_first_slow_look{10};
constexpr std::chrono::seconds between_slow_looks{3600};
/// A few may wait for a reload (Reloader::most_waiting), and others must find somebody still.
constexpr std::size_t control_threads = Reloader::most_waiting + 3;

}  // namespace

MonitoringService::~MonitoringService() {
  close();
  for (std::thread& thread : threads_) thread.join();
}

void MonitoringService::start(const Configuration& configuration) {
  open_control_socket(configuration);
  open_listener(configuration.status);
  threads_.emplace_back([this] { watch(); });
  // Counting mailbags costs a disk something: only where there is a page to show it on.
  if (listens_) threads_.emplace_back([this] { watch_slowly(); });
}

void MonitoringService::open_control_socket(const Configuration& configuration) {
  auto opened = ControlSocket::open(configuration.gateway.work, [this](std::string_view word) {
    if (word == "status") return render_status_json(monitoring_.report());
    if (word == "metrics") return monitoring_.metrics_page();
    log_.debug([&] { return "asked by the control socket: " + std::string(word); });
    if (further_words_) {
      if (auto answer = further_words_(word)) return std::move(*answer);
    }
    return std::string("the words are status, metrics, reload and log\n");
  });
  if (!opened) {
    return log_.error(opened.error() + "; smtpgate status cannot ask this daemon");
  }
  control_ = std::move(*opened);
  for (std::size_t i = 0; i < control_threads; ++i) {
    threads_.emplace_back([this] { control_->run(); });
  }
}

void MonitoringService::open_listener(const StatusSettings& settings) {
  if (settings.kind == StatusSettings::Kind::off) return;
  const auto answer = [this, token_file = settings.token_file](const HttpRequest& request) {
    std::string token;
    if (!token_file.empty()) {
      auto read = read_password(postoffice::FileSystem::posix(), token_file);
      // The reason is for the log alone: who asks may be anybody.
      if (!read) {
        log_.error("status.token_file: " + read.error().sentence());
        return plain_answer(503, "the token cannot be read; see the log\n");
      }
      token = std::move(*read);
    }
    return answer_request(request, monitoring_, token);
  };
  auto listener = HttpListener::start(settings, answer);
  if (!listener) {
    return log_.error(listener.error() + "; there is no status page, mail goes on");
  }
  listener_ = std::move(*listener);
  listens_ = true;
  monitoring_.listens_on(settings.listen);
  log_.info("the status page is at " + settings.listen);
}

bool MonitoringService::pause(std::chrono::seconds length, unsigned long& known) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, length, [&] { return stopping_ || asked_ != known; });
  known = asked_;
  return !stopping_;
}

void MonitoringService::watch() {
  unsigned long known = 0;
  for (int turn = 0;; ++turn) {
    const unsigned long before = known;
    try {
      monitoring_.take_door_2s_notes();
      if (turn % notes_between_looks == 0) monitoring_.lookout().look();
    } catch (const std::exception& exception) {
      log_.error(std::string("looking around failed: ") + exception.what());
    }
    if (!pause(between_notes, known)) return;
    if (known != before) turn = -1;
  }
}

void MonitoringService::watch_slowly() {
  unsigned long known = 0;
  if (!pause(before_first_slow_look, known)) return;
  for (;;) {
    try {
      monitoring_.lookout().look_slowly([this] { return stopping_.load(); }, true);
    } catch (const std::exception& exception) {
      log_.error(std::string("looking at mailbags failed: ") + exception.what());
    }
    if (!pause(between_slow_looks, known)) return;
  }
}

void MonitoringService::look_again() {
  const std::lock_guard guard(mutex_);
  ++asked_;
  changed_.notify_all();
}

void MonitoringService::close() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (control_) control_->stop();
  listener_.reset();
}

}  // namespace smtpgate::milter
