// Filing by hand; see the header. Who gets a message is found out in hand_routing.cpp, the copy
// that is filed is made in hand_copy.cpp.
#include "postoffice/hand_put.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "postoffice/hand_copy.h"
#include "postoffice/hand_routing.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

namespace {

constexpr int submission_failed = 201;  // the original's word for all trouble with the database

class HandPut {
 public:
  HandPut(const Postoffice& postoffice, File& file, const HandPutOptions& options,
          const std::function<void(const HandPutNote&)>& tell)
      : postoffice_(postoffice),
        file_(file),
        options_(options),
        tell_(tell),
        source_(file),
        reader_(source_, options.reader) {}

  HandPutResult run() {
    for (;;) {
      auto header = reader_.next();
      if (!header) {
        note(header.error());
        return result_;
      }
      if (!*header) break;
      ++result_.messages;
      if (!put(**header)) return result_;
    }
    if (result_.messages == 0) {
      note({140, 1, 1, "the file holds no message", OutcomeKind::permanent});
    }
    return result_;
  }

 private:
  void note(const HandPutNote& one) {
    if (one.kind != OutcomeKind::delivered) result_.all_delivered = false;
    if (one.kind == OutcomeKind::temporary) result_.some_temporary = true;
    tell_(one);
  }
  void note(const FormatError& error) {
    note({error.number, error.message, error.line, error.text,
          error.is_file_error ? OutcomeKind::temporary : OutcomeKind::permanent});
  }
  void note(const Outcome& failed) {
    note({submission_failed, result_.messages, 0, failed.sentence(), failed.kind()});
  }

  /// False if the file ends here.
  bool put(const MessageHeader& header) {
    // All are looked up before the first filing, so that a wrong name shows before half is done.
    Routing routing = route(postoffice_, header, options_, result_.messages);
    for (const HandPutNote& problem : routing.problems) note(problem);
    // By hand nothing is a duplicate: what is filed now is filed again when the file is tried
    // again. So trouble that may pass keeps the message back from all.
    const bool is_in_trouble = std::any_of(
        routing.problems.begin(), routing.problems.end(),
        [](const HandPutNote& problem) { return problem.kind == OutcomeKind::temporary; });
    if (is_in_trouble) return true;
    if (routing.mailboxes.empty()) {
      if (routing.problems.empty()) {
        note({142, result_.messages, 0, "the message has no recipient in this postoffice",
              OutcomeKind::permanent});
      }
      return true;
    }
    auto delivery = Delivery::begin(postoffice_);
    if (!delivery) {
      note(delivery.error());
      return true;
    }
    HandCopy copy(postoffice_, file_, reader_, header, options_.envelope.has_value());
    const auto copied = copy.write_to(delivery->message_file(), result_.messages == 1);
    if (copied.format_error) {
      note(*copied.format_error);
      return false;
    }
    if (copied.failed) {
      note(*copied.failed);
      return true;
    }
    const Outcome sealed = delivery->seal(std::time(nullptr), copy.content_key());
    if (sealed.is_delivered()) {
      file_into_all(*delivery, routing.mailboxes);
    } else {
      note(sealed);
    }
    return true;
  }

  void file_into_all(Delivery& delivery, const std::vector<std::string>& mailboxes) {
    std::vector<std::string> done;
    for (const std::string& mailbox : mailboxes) {
      const Outcome filed = delivery.file_into(mailbox);
      if (filed.is_delivered()) {
        done.push_back(mailbox);
        note({0, result_.messages, 0, filed.sentence(), OutcomeKind::delivered});
      } else if (done.empty() || options_.envelope) {
        note(filed);
      } else {
        note({submission_failed, result_.messages, 0,
              fmt::format("{}; filed already in {}: when you try again, name the others with -r",
                          filed.sentence(), fmt::join(done, ", ")),
              filed.kind()});
      }
    }
  }

  const Postoffice& postoffice_;
  File& file_;
  const HandPutOptions& options_;
  const std::function<void(const HandPutNote&)>& tell_;
  OffsetSource source_;
  Reader reader_;
  HandPutResult result_;
};

}  // namespace

std::string HandPutNote::str() const {
  if (number == 0) return fmt::format("message {}: {}", message, printable(text));
  return fmt::format("{}-{}-{} {}", number, message, line, printable(text));
}

HandPutResult put_by_hand(const Postoffice& postoffice, File& file, const HandPutOptions& options,
                          const std::function<void(const HandPutNote&)>& tell) {
  return HandPut(postoffice, file, options, tell).run();
}

}  // namespace smtpgate::postoffice
