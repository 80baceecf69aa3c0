// What `postoffice check` finds of commands that were killed: files half written, mailbags half
// made, half removed or on their way out. See check_report.h and docs/checking.md.
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "postoffice/check_report.h"
#include "postoffice/folder.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/shared_lock.h"
#include "postoffice/shell_word.h"
#include "postoffice/tidying.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t longest_place = 4096;  ///< octets; NET/PO
constexpr std::int64_t hour = 3600;  ///< seconds; whoever writes a file is not at it for longer

class LeftoverCheck {
 public:
  LeftoverCheck(const Postoffice& postoffice, CheckReport& report)
      : postoffice_(postoffice), files_(postoffice.files()), report_(report) {}

  void run() {
    for (const std::string_view place : {"GLB", "GLB/MAILBOX", "GRP"}) {
      for (const std::string& path : names_in(place, half_written_prefix)) check_half_written(path);
    }
    // Who cannot be listed is told of by check_mailbags().
    for (const std::string& mailbox :
         postoffice_.list_mailboxes().value_or(std::vector<std::string>())) {
      const std::string outbox = path_in(path_in(layout::mailbags, mailbox), layout::outbox);
      for (const std::string& path : names_in(outbox, draft_prefix)) check_half_written(path);
    }
    for (const std::string& path : names_in(layout::mailbags, half_written_prefix)) {
      if (is_old(path)) find_mailbag(path);
    }
    for (const std::string& path : names_in("GLB", moving_prefix)) check_move(path);
    const std::vector<std::string> gone = names_in(layout::mailbags, gone_prefix);
    const std::vector<std::string> leaving = names_in(layout::mailbags, leaving_prefix);
    if ((gone.empty() && leaving.empty()) || somebody_is_at_it()) return;
    for (const std::string& path : gone) find_mailbag(path);
    for (const std::string& path : leaving) find_leaving(path);
  }

 private:
  std::vector<std::string> names_in(std::string_view place, std::string_view prefix) {
    const std::string directory = postoffice_.path(place);
    std::vector<std::string> paths;
    const auto names = files_.list(directory);
    if (!names) {
      if (names.error().code != ENOENT) report_.trouble(names.error().outcome());
      return paths;
    }
    for (const std::string& name : *names) {
      if (name.starts_with(prefix)) paths.push_back(path_in(directory, name));
    }
    return paths;
  }

  /// Who removes mailboxes holds the lock of mailbox_changes.h.
  bool somebody_is_at_it() {
    const auto taken = is_shared_lock_taken(postoffice_, layout::mailbox_lock);
    return taken && *taken;
  }

  bool is_old(const std::string& path) {
    const auto status = files_.status(path);
    return status && status->modified < report_.options().now - hour;
  }

  void check_half_written(const std::string& path) {
    const auto status = files_.status(path);
    if (!status || status->kind != FileKind::regular || !is_old(path)) return;
    report_.find({"half-written", path + " was never finished: whoever wrote it died",
                  "--repair removes it"},
                 [&] {
                   auto removed = files_.remove(path);
                   return removed || removed.error().code == ENOENT ? Outcome::delivered("removed")
                                                                    : removed.error().outcome();
                 });
  }

  /// A move to another postoffice that died: her messages are in both.
  void check_move(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1 + moving_prefix.size());
    const auto taken = is_shared_lock_taken(postoffice_, "GLB/" + path.substr(path.rfind('/') + 1));
    if (!taken) return report_.trouble(taken.error().outcome());
    if (*taken) return;
    const auto text = read_whole(files_, path, longest_place);
    if (!text) {
      if (text.error().code != ENOENT) report_.trouble(text.error().outcome());
      return;
    }
    const std::string where = text->substr(0, text->find('\n'));
    report_.find({"move-unfinished",
                  fmt::format("{}: mailbox {} was being moved to {} when the command died: some of "
                              "its messages are there, some are here",
                              path, name, where),
                  fmt::format("go on with it, DIR being the folder of {}: postoffice -d {} mailbox "
                              "move {} --to DIR",
                              where, shell_word(postoffice_.directory()), shell_word(name))});
  }

  /// Only while nobody else makes or removes mailboxes.
  Outcome with_lock(const std::function<FileResult<void>()>& mend) {
    auto changes = MailboxChanges::begin(postoffice_);
    if (!changes) return changes.error();
    auto done = mend();
    return done || done.error().code == ENOENT ? Outcome::delivered("done")
                                               : done.error().outcome();
  }

  void find_mailbag(const std::string& path) {
    report_.find({"mailbag-left", path + ": a mailbox was being made or removed, and is neither",
                  "--repair removes the rest"},
                 [&] { return with_lock([&] { return remove_mailbag(files_, path); }); });
  }

  /// A mailbox that was to go if it was empty, and nobody looked.
  void find_leaving(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1 + leaving_prefix.size());
    report_.find({"mailbag-left", path + ": mailbox " + name + " was being removed, and is there",
                  "--repair brings it back"},
                 [&] {
                   return with_lock([&] {
                     return files_.rename_new(path, postoffice_.mailbag_directory(name));
                   });
                 });
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  CheckReport& report_;
};

}  // namespace

void check_leftovers(const Postoffice& postoffice, CheckReport& report) {
  LeftoverCheck(postoffice, report).run();
}

}  // namespace smtpgate::postoffice
