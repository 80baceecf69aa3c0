// Who asks for a reload is answered in time, whatever the disk does.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "milter/reloader.h"
#include "unit/catch.h"

namespace smtpgate::milter {
namespace {

using namespace std::chrono_literals;

/// A reading that hangs until it is let go on, once for each time.
class Disk {
 public:
  ReloadAnswer read() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ >= begun_; });
    ReloadAnswer answer;
    answer.taken = true;
    answer.configuration = std::to_string(begun_);
    return answer;
  }
  void wait_for(int begun) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 10s, [&] { return begun_ >= begun; }));
  }
  void allow(int readings) {
    const std::lock_guard guard(mutex_);
    allowed_ = readings;
    changed_.notify_all();
  }
  int begun() {
    const std::lock_guard guard(mutex_);
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  int allowed_ = 0;
};

struct Running {
  explicit Running(Reloader& one) : reloader(one), thread([&one] { one.run(); }) {}
  ~Running() {
    reloader.stop();
    thread.join();
  }
  Reloader& reloader;
  std::thread thread;
};

TEST_CASE("a reload that hangs is answered in time, and those asked since share one more") {
  Disk disk;
  Reloader reloader([&] { return disk.read(); });
  const Running running(reloader);
  CHECK_FALSE(reloader.ask_and_wait(20ms));
  disk.wait_for(1);
  CHECK_FALSE(reloader.ask_and_wait(20ms));
  reloader.ask();
  auto waits = std::async(std::launch::async, [&] { return reloader.ask_and_wait(10s); });
  CHECK(waits.wait_for(50ms) == std::future_status::timeout);
  disk.allow(1);
  disk.wait_for(2);
  // The first reading may have passed over what was written since: it is no answer.
  CHECK(waits.wait_for(50ms) == std::future_status::timeout);
  disk.allow(100);
  const auto answer = waits.get();
  REQUIRE(answer);
  CHECK(answer->taken);
  CHECK(std::stoi(answer->configuration) >= 2);
  CHECK(disk.begun() <= 3);
  CHECK(reloader.ask_and_wait(10s)->taken);
}

TEST_CASE("so many wait for a reload that somebody is left for other questions") {
  Disk disk;
  Reloader reloader([&] { return disk.read(); });
  const Running running(reloader);
  reloader.ask();
  disk.wait_for(1);
  std::atomic<int> at_once = 0;
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < Reloader::most_waiting + 4; ++i) {
    clients.emplace_back([&] {
      if (!reloader.ask_and_wait(20s)) ++at_once;
    });
  }
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (at_once < 4 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(at_once == 4);
  disk.allow(100);
  for (std::thread& client : clients) client.join();
  CHECK(at_once == 4);
}

TEST_CASE("what a reload throws is its answer, and the next one is as any other") {
  int times = 0;
  Reloader reloader([&]() -> ReloadAnswer {
    if (++times == 1) throw std::runtime_error("no memory");
    return {.taken = true,
            .under_way = false,
            .configuration = {},
            .errors = {},
            .changes = {},
            .restart = {}};
  });
  const Running running(reloader);
  const auto first = reloader.ask_and_wait(10s);
  REQUIRE(first);
  CHECK_FALSE(first->taken);
  CHECK(first->errors.at(0).find("no memory") != std::string::npos);
  CHECK(reloader.ask_and_wait(10s)->taken);
}

}  // namespace
}  // namespace smtpgate::milter
