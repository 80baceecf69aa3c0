// The walk over a taken file; see the header. The pieces: outbox_taken (the file in work),
// outbox_message (one message).
#include "postoffice/outbox_walk.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_look.h"
#include "postoffice/outbox_message.h"
#include "postoffice/printable.h"
#include "postoffice/reports.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_shown_name = 200;
constexpr std::int64_t hour_seconds = 3600;

/// One taken file: each message of it judged and served, and what is at fault put back.
class Walk {
 public:
  Walk(const Postoffice& postoffice, TakenFile& taken, const OutboxOptions& options, bool waits,
       const std::function<void(const OutboxNote&)>& tell, OutboxResult& result)
      : postoffice_(postoffice),
        taken_(taken),
        options_(options),
        tell_(tell),
        result_(result),
        now_(now_of(options)),
        is_late_(now_ - taken.taken_at() > options.expire),
        waits_(waits && !is_late_) {}

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

  /// The copy that counts; nothing where the file was set aside, `outcome` is what became of it
  /// then.
  std::unique_ptr<File> copy(Outcome& outcome) {
    auto made = taken_.copy(options_.size_limit);
    if (made) return std::move(*made);
    const int code = made.error().code;
    if (code == EFBIG) {
      outcome = set_aside_all(file_error(why_too_large(options_) +
                                         "; if it grew after it was taken, what was whole in it "
                                         "before may have been sent"));
    } else if (code == EACCES && made.error().path == taken_.file_path()) {
      outcome = set_aside_all(file_error(std::string(not_readable)));
    } else {
      outcome = made.error().outcome();
    }
    return nullptr;
  }

  /// Delivered: the file is gone from here, whatever became of it. Otherwise it stays.
  Outcome walk() {
    if (auto followed = taken_.follow_rename(); !followed) return followed.error();
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
    Outcome outcome = done();
    const auto copied = copy(outcome);
    if (!copied) return outcome;
    auto status = copied->status();
    if (!status) return status.error().outcome();
    size_ = status->size;
    modified_ = before->modified;
    outcome = walk_messages(*copied);
    if (!outcome.is_delivered() || is_gone_) return outcome;
    if (is_unfinished_) {
      return Outcome::temporary("not all of the file was done; it is tried again");
    }
    return end();
  }

  /// All messages of the copy are done with. Its writer may hold the file open still: what came
  /// since then is looked at another time, but not for ever.
  Outcome end() {
    auto after = taken_.status();
    if (!after) return after.error().outcome();
    if (after->size != size_ && waits_) {
      constexpr std::int64_t longest_pause = 60;
      look_again_at(result_, now_ + std::clamp<std::int64_t>((now_ - taken_.taken_at()) / 2, 1,
                                                             longest_pause));
      return Outcome::temporary("the file is still being written; the rest is looked at later");
    }
    if (after->size > size_) {
      const Outcome ended = end_growing();
      if (!ended.is_delivered() || is_gone_) return ended;
    }
    if (auto finished = taken_.finish(); !finished) return finished.error().outcome();
    return done();
  }

  Outcome end_growing() {
    Outcome outcome = done();
    const std::uint64_t start = size_;
    const auto grown = copy(outcome);
    if (!grown) return outcome;
    auto status = grown->status();
    if (!status) return status.error().outcome();
    if (status->size <= start) return done();
    FormatError error =
        file_error(fmt::format("was written to for more than {} hours; what came last is not sent",
                               options_.expire / hour_seconds));
    error.message = number_ + 1;
    return set_aside_part(error, *grown, start, status->size - start);
  }

  Outcome walk_messages(File& copy) {
    OffsetSource source(copy);
    Reader reader(source, outbox_reader_options());
    std::uint64_t start = 0;
    for (number_ = 1;; ++number_) {
      auto header = reader.next();
      if (!header) return format_error(copy, start, header.error());
      if (!*header) {
        if (number_ > 1) return done();
        FormatError error;
        error.number = 140;
        error.text = "the file holds no message";
        return format_error(copy, start, error);
      }
      const std::uint64_t end = end_of_contents(reader, **header);
      if (end > size_) {
        FormatError error;
        error.number = 140;
        error.message = number_;
        error.text = "the file is shorter than its sizes say; write all of it";
        return format_error(copy, start, error);
      }
      OutboxMessage message;
      message.mailbox = taken_.origin().mailbox;
      message.file = taken_.origin().file;
      message.id = taken_.id();
      message.number = number_;
      message.header = &**header;
      message.reader = &reader;
      message.content = &copy;
      message.start = start;
      message.size = end - start;
      message.is_late = is_late_;
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
    if (whole.is_short && waits_ && may_be_growing(modified_, now_, options_.wait)) {
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
  const std::function<void(const OutboxNote&)>& tell_;
  OutboxResult& result_;
  const std::int64_t now_;
  const bool is_late_;  ///< trouble that may pass has lasted too long
  const bool waits_;    ///< for more of the file
  std::uint64_t number_ = 0;
  std::uint64_t size_ = 0;
  std::int64_t modified_ = 0;
  bool is_unfinished_ = false;
  bool is_gone_ = false;
};

}  // namespace

void walk_taken_file(const Postoffice& postoffice, TakenFile& taken, const OutboxOptions& options,
                     bool waits, const std::function<void(const OutboxNote&)>& tell,
                     OutboxResult& result) {
  Walk(postoffice, taken, options, waits, tell, result).run();
}

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

std::int64_t now_of(const OutboxOptions& options) {
  return options.now ? options.now() : std::time(nullptr);
}

void look_again_at(OutboxResult& result, std::int64_t time) {
  result.look_again = std::min(result.look_again.value_or(time), time);
}

}  // namespace smtpgate::postoffice
