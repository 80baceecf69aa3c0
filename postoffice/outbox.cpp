// Outboxes: one look at a folder, and what was taken from them before; see the header. The pieces:
// outbox_look (what may be taken), outbox_taken (the file in work), outbox_walk (all of it served).
#include "postoffice/outbox.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/outbox_look.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/outbox_walk.h"

namespace smtpgate::postoffice {

namespace {

using Tell = std::function<void(const OutboxNote&)>;

constexpr const char* never_written =
    "140-1-0 the file's end was never written, only its size was set; write all of it";

/// The names of one turn, sorted: what is left of `names` is behind `options.behind`, and if that
/// is more than a turn is for, `result.behind` says so.
void keep_turn(std::vector<std::string>& names, const OutboxOptions& options,
               OutboxResult& result) {
  if (!options.behind.empty()) {
    std::erase_if(names, [&](const std::string& name) { return name <= options.behind; });
  }
  if (options.most == 0 || names.size() <= options.most) {
    std::sort(names.begin(), names.end());
    return;
  }
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(options.most);
  std::partial_sort(names.begin(), end, names.end());
  names.erase(end, names.end());
  result.behind = names.back();
}

class PickUp {
 public:
  PickUp(const Postoffice& postoffice, std::string mailbox, const OutboxOptions& options,
         const Tell& tell)
      : postoffice_(postoffice), mailbox_(std::move(mailbox)), options_(options), tell_(tell) {}

  Expected<OutboxResult> run() {
    FileSystem& files = postoffice_.files();
    const std::string directory = outbox_directory(postoffice_, mailbox_);
    auto folder = files.status(directory);
    if (!folder) return failure(explain(folder.error()));
    auto names = files.list(directory);
    if (!names) return failure(explain(names.error()));
    std::erase_if(*names, [](const std::string& name) { return !is_outbox_name(name); });
    if (options_.growing != nullptr && options_.behind.empty()) {
      std::sort(names->begin(), names->end());
      options_.growing->keep_only(directory, *names);
    }
    keep_turn(*names, options_, result_);
    for (const std::string& name : *names) {
      if (auto problem = deal_with(name, *folder)) {
        tell_({mailbox_, name, {}, {}, *problem});
        ++result_.unfinished;
      }
    }
    return std::move(result_);
  }

 private:
  Outcome explain(const FileError& error) const {
    if (error.code != ENOENT && error.code != ENOTDIR) return error.outcome();
    if (auto problem = why_not_there(postoffice_)) return *problem;
    return Outcome::temporary("mailbox " + mailbox_ + " has no folder " +
                                  std::string(layout::outbox) + "; make it, or add the mailbox",
                              "4.3.5");
  }

  std::optional<Outcome> deal_with(const std::string& name, const FileStatus& folder) {
    FileSystem& files = postoffice_.files();
    const std::string path = path_in(outbox_directory(postoffice_, mailbox_), name);
    auto status = files.status(path);
    if (!status) return unless_gone(status.error());
    auto why = why_not_to_be_sent(*status, folder, options_);
    if (!why) return why.error();
    if (*why) return set_aside(name, path, *status, "140-1-0 the file " + **why);
    if (is_too_large(*status, options_)) {
      return set_aside(name, path, *status, "140-1-0 the file " + why_too_large(options_));
    }
    auto file = files.open(path);
    if (!file && file.error().code == EACCES) {
      // Its writer may be about to open it.
      if (is_waited_for(name, *status)) return std::nullopt;
      return set_aside(name, path, *status, "140-1-0 the file " + std::string(not_readable));
    }
    if (!file) return unless_gone(file.error());
    auto opened = (*file)->status();
    if (!opened) return opened.error().outcome();
    // Exchanged between the two looks: the folder has changed, so it is looked at again.
    if (opened->kind != FileKind::regular || opened->inode != status->inode) {
      look_again_at(result_, now_of(options_));
      return std::nullopt;
    }
    // Sizes say nothing of a file whose size was set before it was written.
    auto hole = (*file)->hole();
    if (!hole) return hole.error().outcome();
    if (*hole != Hole::none && is_waited_for(name, *opened)) return std::nullopt;
    // One inside was made so, or is a file system's way to keep zeros.
    if (*hole == Hole::at_end) return set_aside(name, path, *opened, never_written);
    const Completeness whole = check_completeness(**file, opened->size);
    if (whole.error && whole.error->is_file_error) return whole.error->outcome();
    if (whole.is_short && is_waited_for(name, *opened)) return std::nullopt;
    file->reset();
    return take(name, !whole.is_short);
  }

  /// It may still be growing. One that does so for longer than mail may take is not waited for.
  bool is_waited_for(const std::string& name, const FileStatus& file) {
    const std::int64_t now = now_of(options_);
    if (!may_be_growing(file.modified, now, options_.wait)) return false;
    if (options_.growing != nullptr) {
      const std::string directory = outbox_directory(postoffice_, mailbox_);
      const std::int64_t since = options_.growing->since(directory, name, file.inode, now);
      if (now - since > options_.expire) return false;
    }
    look_again_at(result_, file.modified + options_.wait);
    return true;
  }

  std::optional<Outcome> take(const std::string& name, bool waits) {
    auto taken = TakenFile::take(postoffice_, mailbox_, name);
    if (!taken) return taken.error();
    if (!*taken) return std::nullopt;
    ++result_.taken;
    walk_taken_file(postoffice_, **taken, options_, waits, tell_, result_);
    return std::nullopt;
  }

  /// What is nobody's to send is not even taken: a name in the folder is all that we touch.
  std::optional<Outcome> set_aside(const std::string& name, const std::string& path,
                                   const FileStatus& status, const std::string& error) {
    auto bad = free_bad_name(postoffice_, mailbox_, name);
    if (!bad) return bad.error().outcome();
    const std::string id = fmt::format("outbox {} {} {} {} {}", mailbox_, status.device,
                                       status.inode, status.modified, name);
    const Outcome reported = report_set_aside(postoffice_, mailbox_, name, *bad, error, id);
    if (!reported.is_delivered()) return reported;
    auto now = postoffice_.files().status(path);
    if (!now) return unless_gone(now.error());
    if (now->inode != status.inode || now->device != status.device) {
      look_again_at(result_, now_of(options_));
      return std::nullopt;
    }
    auto moved =
        postoffice_.files().rename(path, path_in(outbox_directory(postoffice_, mailbox_), *bad));
    if (!moved) return unless_gone(moved.error());
    tell_({mailbox_, name, {}, {}, Outcome::permanent(error + "; set aside as " + *bad, "5.6.0")});
    return std::nullopt;
  }

  static std::optional<Outcome> unless_gone(const FileError& error) {
    if (error.code == ENOENT) return std::nullopt;
    return error.outcome();
  }

  const Postoffice& postoffice_;
  const std::string mailbox_;
  const OutboxOptions& options_;
  const Tell& tell_;
  OutboxResult result_;
};

}  // namespace

Expected<OutboxResult> pick_up_outbox(const Postoffice& postoffice, std::string_view mailbox,
                                      const OutboxOptions& options, const Tell& tell) {
  const std::string folded = fold_mailbox_name(mailbox);
  if (auto why = why_bad_mailbox_name(folded)) {
    return failure(
        Outcome::permanent("mailbox name " + std::string(mailbox) + " " + *why, "5.1.3"));
  }
  return PickUp(postoffice, folded, options, tell).run();
}

Expected<OutboxResult> resume_taken_files(const Postoffice& postoffice,
                                          const OutboxOptions& options, const Tell& tell) {
  const std::string host = path_in(postoffice.path(layout::work), postoffice.host());
  auto names = postoffice.files().list(host);
  if (!names) {
    if (names.error().code == ENOENT && !why_not_there(postoffice)) return OutboxResult();
    return failure(names.error().outcome());
  }
  OutboxResult result;
  keep_turn(*names, options, result);
  for (const std::string& name : *names) {
    auto taken = TakenFile::take_up(postoffice, name);
    if (!taken) {
      ++result.unfinished;
      tell({{}, {}, name, {}, taken.error()});
    } else if (*taken) {
      ++result.taken;
      walk_taken_file(postoffice, **taken, options, true, tell, result);
    }
  }
  return result;
}

}  // namespace smtpgate::postoffice
