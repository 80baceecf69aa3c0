// Claims of messages for their command; see the header.
//
// The name is made by link(), which one of two hosts wins on any file system, of a file that is
// complete and locked before. Its time is the file system's (File::touch), and compared with that
// of another file touched now, so that the hosts' clocks do not matter.
#include "postoffice/hook_claim.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <nlohmann/json.hpp>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr const char* claim_name = ".hook-run";
constexpr const char* state_file_name = ".hook-state";
constexpr std::uint64_t largest_state = 4096;
constexpr std::int64_t longest_pause = 3600;  // seconds
/// Whoever gets into the directory may read both: the gateway, which is no member of the mailbox's
/// group, tells of what was set aside.
constexpr mode_t file_mode = 0644;

using Json = nlohmann::json;

struct NewClaim {
  std::unique_ptr<File> file;
  std::string path;
  std::int64_t now = 0;  ///< the file system's
};

FileResult<NewClaim> make_claim(FileSystem& files, const std::string& directory,
                                const std::string& host) {
  NewClaim claim;
  claim.path = path_in(directory, ".hook-" + random_hex(8));
  auto file = files.create(claim.path, 0600);
  if (!file) return tl::unexpected(file.error());
  claim.file = std::move(*file);
  auto done = claim.file->write(host);
  if (done) done = claim.file->set_mode(file_mode);
  if (done) done = claim.file->touch();
  if (done) {
    // Nobody else knows its name: the lock cannot be had by another.
    if (auto locked = claim.file->try_lock(); !locked) done = tl::unexpected(locked.error());
  }
  if (done) {
    if (auto status = claim.file->status()) {
      claim.now = status->modified;
    } else {
      done = tl::unexpected(status.error());
    }
  }
  if (!done) {
    (void)files.remove(claim.path);  // the first error is the one to report
    return tl::unexpected(done.error());
  }
  return claim;
}

/// The claim that is there, if it is nobody's: of a dead process here, then locked by us, or of a
/// host that has not renewed it. Null if it is somebody's.
FileResult<std::unique_ptr<File>> find_abandoned(FileSystem& files, const std::string& path,
                                                 const std::string& host, std::int64_t now) {
  auto file = files.open(path);
  if (!file) return file;
  std::string owner(largest_state, '\0');
  auto size = (*file)->read(owner);
  if (!size) return tl::unexpected(size.error());
  owner.resize(*size);
  auto status = (*file)->status();
  if (!status) return tl::unexpected(status.error());
  auto is_free = owner == host ? (*file)->try_lock()
                               : FileResult<bool>(status->modified + hook_claim_lasts < now);
  if (!is_free) return tl::unexpected(is_free.error());
  if (!*is_free) return std::unique_ptr<File>();
  return file;
}

/// Takes an abandoned claim away. False: it is another's by now, and stays or is put back.
bool clear_abandoned(FileSystem& files, const std::string& directory, const std::string& path,
                     File& abandoned) {
  auto named = is_named(files, abandoned, path);
  if (!named || !*named) return false;
  const std::string old = path_in(directory, ".hook-" + random_hex(8));
  if (!files.rename(path, old)) return false;
  named = is_named(files, abandoned, old);
  const bool is_ours = named && *named;
  // Somebody was faster by a moment: his claim gets its name back.
  if (!is_ours) (void)files.link(old, path);
  (void)files.remove(old);  // a name that nobody looks at
  return is_ours;
}

}  // namespace

Expected<std::optional<HookClaim>> HookClaim::take(FileSystem& files, const std::string& directory,
                                                   const std::string& host) {
  const std::string path = path_in(directory, claim_name);
  auto claim = make_claim(files, directory, host);
  if (!claim) {
    if (claim.error().code == ENOENT) return std::optional<HookClaim>();
    return failure(claim.error().outcome());
  }
  auto linked = files.link(claim->path, path);
  if (!linked && linked.error().code == EEXIST) {
    auto abandoned = find_abandoned(files, path, host, claim->now);
    if (abandoned && *abandoned && clear_abandoned(files, directory, path, **abandoned)) {
      linked = files.link(claim->path, path);
    }
  }
  (void)files.remove(claim->path);  // its other name, or one that nobody looks at
  if (linked) return HookClaim(files, path, std::move(claim->file));
  if (linked.error().code == EEXIST || linked.error().code == ENOENT) {
    return std::optional<HookClaim>();
  }
  return failure(linked.error().outcome());
}

HookClaim& HookClaim::operator=(HookClaim&& other) noexcept {
  if (this != &other) {
    remove();
    files_ = other.files_;
    path_ = std::exchange(other.path_, {});
    file_ = std::move(other.file_);
  }
  return *this;
}

HookClaim::~HookClaim() {
  remove();
}

bool HookClaim::renew() {
  if (!file_) return false;
  auto named = is_named(*files_, *file_, path_);
  return named && *named && file_->touch();
}

void HookClaim::remove() noexcept {
  if (!file_ || path_.empty()) return;
  auto named = is_named(*files_, *file_, path_);
  // What cannot be removed is abandoned with the lock.
  if (named && *named) (void)files_->remove(path_);
  file_.reset();
}

HookState HookState::read(FileSystem& files, const std::string& directory) {
  HookState state;
  auto text = read_whole(files, path_in(directory, state_file_name), largest_state);
  if (!text) return state;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return state;
  const auto number = [&json](const char* name) -> std::int64_t {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number_integer()) return 0;
    return std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, std::int64_t{1} << 40);
  };
  const auto flag = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_boolean() && found->get<bool>();
  };
  constexpr std::int64_t most = 1'000'000;
  state.failures = static_cast<int>(std::min(number("failures"), most));
  state.delays = static_cast<int>(std::min(number("delays"), most));
  state.next_try = number("next_try");
  state.is_set_aside = flag("set_aside");
  state.is_reported = flag("reported");
  if (const auto last = json.find("last"); last != json.end() && last->is_string()) {
    state.last = last->get<std::string>();
  }
  return state;
}

Outcome HookState::write(FileSystem& files, const std::string& directory) const {
  const Json json = {{"failures", failures},      {"delays", delays},        {"next_try", next_try},
                     {"set_aside", is_set_aside}, {"reported", is_reported}, {"last", last}};
  const std::string path = path_in(directory, state_file_name);
  auto written =
      replace_file(files, path, json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n",
                   file_mode, std::nullopt);
  if (!written) return written.error().outcome();
  return Outcome::delivered("written");
}

std::int64_t hook_pause(int tries) {
  constexpr std::int64_t first = 60;
  const int doublings = std::clamp(tries - 1, 0, 10);
  return std::min(longest_pause, first << doublings);
}

bool is_hook_due(const HookState& state, std::int64_t now) {
  return state.next_try <= now || state.next_try - now > longest_pause;
}

}  // namespace smtpgate::postoffice
