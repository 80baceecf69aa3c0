// Postoffices kept open; see the header.
#include "postoffice/opened_postoffices.h"

#include <ctime>
#include <utility>

#include "postoffice/folder.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::chrono::seconds longest_kept{60};
/// Times have seconds: a file that was changed so lately may change once more without showing it.
constexpr std::int64_t settling_seconds = 2;

bool is_same_file(const FileStatus& a, const FileStatus& b) {
  return a.device == b.device && a.inode == b.inode && a.size == b.size && a.modified == b.modified;
}

}  // namespace

Expected<std::shared_ptr<const Postoffice>> OpenedPostoffices::open(const std::string& directory) {
  const auto now = Clock::now();
  const auto settings = files_->status(path_in(directory, layout::settings));
  if (settings) {
    const std::lock_guard guard(mutex_);
    const auto found = opened_.find(directory);
    if (found != opened_.end() && now < found->second.until &&
        is_same_file(*settings, found->second.settings)) {
      return found->second.postoffice;
    }
  }
  auto opened = Postoffice::open(directory, *files_);
  if (!opened) return failure(opened.error());
  auto kept = std::make_shared<const Postoffice>(std::move(*opened));
  const std::lock_guard guard(mutex_);
  if (settings && std::time(nullptr) - settings->modified >= settling_seconds) {
    opened_.insert_or_assign(directory, Opened{kept, *settings, now + longest_kept});
  } else {
    opened_.erase(directory);
  }
  return kept;
}

}  // namespace smtpgate::postoffice
