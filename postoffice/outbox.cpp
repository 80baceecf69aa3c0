// Outboxes: one look at a folder and the walk over each file taken; see the header. The pieces:
// outbox_look (what may be taken), outbox_taken (the file in work), outbox_message (one message).
#include "postoffice/outbox.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_look.h"
#include "postoffice/outbox_message.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/printable.h"
#include "postoffice/reports.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_shown_name = 200;

constexpr std::string_view not_readable =
    "cannot be read by the gateway; let others read it (chmod o+r), the folder keeps them out";

using Tell = std::function<void(const OutboxNote&)>;

std::int64_t now_of(const OutboxOptions& options) {
  return options.now ? options.now() : std::time(nullptr);
}

void look_again_at(OutboxResult& result, std::int64_t time) {
  result.look_again = std::min(result.look_again.value_or(time), time);
}

/// The report about a file, or a part of one, that is set aside. `id` is the same for the same one.
Outcome report_set_aside(const Postoffice& postoffice, const std::string& mailbox,
                         const std::string& file, const std::string& bad_name,
                         const std::string& error, const std::string& id) {
  const std::string shown = printable(file, longest_shown_name);
  const std::string shown_bad = printable(bad_name, longest_shown_name);
  Report report;
  report.id = id;
  report.subject = "Not sent: " + shown;
  report.lines = {"The file " + shown + " in your outbox could not be sent.", "",
                  "    " + printable(error, 1000), "",
                  "It lies there as " + shown_bad +
                      " now. Mend it and give it a name that ends in " +
                      ".API to send it, or delete it."};
  return file_report(postoffice, mailbox, report);
}

/// One taken file: each message of it judged and served, and what is at fault put back.
class Walk {
 public:
  Walk(const Postoffice& postoffice, TakenFile& taken, const OutboxOptions& options,
       const Tell& tell, OutboxResult& result)
      : postoffice_(postoffice),
        taken_(taken),
        options_(options),
        tell_(tell),
        result_(result),
        now_(now_of(options)) {}

  void run() {
    const Outcome outcome = walk();
    if (outcome.is_delivered()) return;
    ++result_.unfinished;
    note(outcome);
  }

 private:
  void note(const Outcome& outcome) {
    tell_({taken_.origin().mailbox, taken_.origin().file, taken_.id(), {}, outcome});
  }

  static FormatError file_error(const std::string& why) {
    FormatError error;
    error.number = 140;
    error.line = 0;
    error.text = "the file " + why;
    return error;
  }

  static Outcome done() { return Outcome::delivered("done"); }

  /// Delivered: the file is gone from here, whatever became of it. Otherwise it stays.
  Outcome walk() {
    auto before = taken_.status();
    if (!before) return before.error().outcome();
    auto folder =
        postoffice_.files().status(outbox_directory(postoffice_, taken_.origin().mailbox));
    if (!folder) {
      // The mailbox was removed meanwhile: somebody must have back what cannot be sent any more.
      if (folder.error().code != ENOENT) return folder.error().outcome();
      if (auto problem = why_not_there(postoffice_)) return *problem;
      taken_.set_home(std::string(layout::postmaster));
      folder = FileStatus();
    }
    auto why = why_not_to_be_sent(*before, *folder, options_);
    if (!why) return why.error();
    if (*why) return set_aside_all(file_error(**why));
    auto copy = taken_.copy();
    if (!copy && copy.error().code == EACCES) {
      return set_aside_all(file_error(std::string(not_readable)));
    }
    if (!copy) return copy.error().outcome();
    auto copied = (*copy)->status();
    if (!copied) return copied.error().outcome();
    size_ = copied->size;
    modified_ = before->modified;
    auto outcome = walk_messages(**copy);
    if (!outcome.is_delivered() || is_gone_) return outcome;
    if (is_unfinished_) {
      return Outcome::temporary("not all of the file was done; it is tried again");
    }
    // Its writer may hold it open still: what came since then is looked at another time.
    auto after = taken_.status();
    if (!after) return after.error().outcome();
    if (after->size != size_) {
      look_again_at(result_, now_ + 1);
      return Outcome::temporary("the file is still being written; the rest is looked at later");
    }
    if (auto finished = taken_.finish(); !finished) return finished.error().outcome();
    return outcome;
  }

  Outcome walk_messages(File& copy) {
    OffsetSource source(copy);
    Reader reader(source, outbox_reader_options());
    std::uint64_t start = 0;
    for (std::uint64_t number = 1;; ++number) {
      auto header = reader.next();
      if (!header) return format_error(copy, start, header.error());
      if (!*header) {
        if (number > 1) return done();
        FormatError error;
        error.number = 140;
        error.text = "the file holds no message";
        return format_error(copy, start, error);
      }
      const std::uint64_t end = end_of_contents(reader, **header);
      if (end > size_) {
        FormatError error;
        error.number = 140;
        error.message = number;
        error.text = "the file is shorter than its sizes say; write all of it";
        return format_error(copy, start, error);
      }
      OutboxMessage message;
      message.mailbox = taken_.origin().mailbox;
      message.file = taken_.origin().file;
      message.id = taken_.id();
      message.number = number;
      message.header = &**header;
      message.reader = &reader;
      message.content = &copy;
      message.start = start;
      message.size = end - start;
      message.is_late = now_ - taken_.taken_at() > options_.expire;
      const OutboxServed served = serve_outbox_message(postoffice_, message, tell_);
      if (served.is_unfinished) is_unfinished_ = true;
      if (served.was_handed_over) ++result_.handed_over;
      if (served.refused && served.is_format_error) {
        return format_error(copy, start, *served.refused);
      }
      if (served.refused) {
        if (start == 0 && end == size_) return set_aside_all(*served.refused);
        const Outcome aside = set_aside_part(*served.refused, copy, start, end - start);
        if (!aside.is_delivered()) return aside;
      }
      start = end;
    }
  }

  /// From `start` on nothing can be read: more may be coming, or it is set aside.
  Outcome format_error(File& copy, std::uint64_t start, const FormatError& error) {
    if (error.is_file_error) return error.outcome();
    const Completeness whole = check_completeness(copy, size_);
    if (whole.is_short && may_be_growing(modified_, now_, options_.wait)) {
      look_again_at(result_, modified_ + options_.wait);
      return Outcome::temporary("the file is not complete yet");
    }
    if (is_unfinished_) {
      return Outcome::temporary("the messages before the error are tried again first");
    }
    if (start == 0) return set_aside_all(error);
    return set_aside_part(error, copy, start, size_ - start);
  }

  std::string report_id(const FormatError& error) const {
    return fmt::format("outbox {} {}", taken_.id(), error.message);
  }

  Outcome set_aside_all(const FormatError& error) {
    const OutboxOrigin& origin = taken_.origin();
    auto bad = free_bad_name(postoffice_, taken_.home(), origin.file);
    if (!bad) return bad.error().outcome();
    const Outcome reported = report_set_aside(postoffice_, taken_.home(), origin.file, *bad,
                                              error.str(), report_id(error));
    if (!reported.is_delivered()) return reported;
    if (auto moved = taken_.put_back(*bad); !moved) return moved.error().outcome();
    note(Outcome::permanent(error.str() + "; set aside as " + *bad, "5.6.0"));
    is_gone_ = true;
    return done();
  }

  Outcome set_aside_part(const FormatError& error, File& copy, std::uint64_t start,
                         std::uint64_t size) {
    auto is_done = taken_.was_put_back(error.message);
    if (!is_done) return is_done.error().outcome();
    if (*is_done) return done();
    const OutboxOrigin& origin = taken_.origin();
    auto bad = free_bad_name(postoffice_, taken_.home(), origin.file);
    if (!bad) return bad.error().outcome();
    const Outcome reported = report_set_aside(postoffice_, taken_.home(), origin.file, *bad,
                                              error.str(), report_id(error));
    if (!reported.is_delivered()) return reported;
    auto written = taken_.put_back_part(error.message, *bad, copy, start, size);
    if (!written) return written.error().outcome();
    note(Outcome::permanent(error.str() + "; set aside as " + *bad, "5.6.0"));
    return done();
  }

  const Postoffice& postoffice_;
  TakenFile& taken_;
  const OutboxOptions& options_;
  const Tell& tell_;
  OutboxResult& result_;
  const std::int64_t now_;
  std::uint64_t size_ = 0;
  std::int64_t modified_ = 0;
  bool is_unfinished_ = false;
  bool is_gone_ = false;
};

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
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
      if (!is_outbox_name(name)) continue;
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
    auto file = files.open(path);
    if (!file && file.error().code == EACCES) {
      // Its writer may be about to open it.
      if (may_be_growing(status->modified, now_of(options_), options_.wait)) {
        look_again_at(result_, status->modified + options_.wait);
        return std::nullopt;
      }
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
    const Completeness whole = check_completeness(**file, opened->size);
    if (whole.error && whole.error->is_file_error) return whole.error->outcome();
    if (whole.is_short && may_be_growing(opened->modified, now_of(options_), options_.wait)) {
      look_again_at(result_, opened->modified + options_.wait);
      return std::nullopt;
    }
    file->reset();
    return take(name);
  }

  std::optional<Outcome> take(const std::string& name) {
    auto taken = TakenFile::take(postoffice_, mailbox_, name);
    if (!taken) return taken.error();
    if (!*taken) return std::nullopt;
    ++result_.taken;
    Walk(postoffice_, **taken, options_, tell_, result_).run();
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
  std::sort(names->begin(), names->end());
  OutboxResult result;
  for (const std::string& name : *names) {
    auto taken = TakenFile::take_up(postoffice, name);
    if (!taken) {
      ++result.unfinished;
      tell({{}, {}, name, {}, taken.error()});
    } else if (*taken) {
      ++result.taken;
      Walk(postoffice, **taken, options, tell, result).run();
    }
  }
  return result;
}

}  // namespace smtpgate::postoffice
