// Filing by hand; see the header. Who gets a message is found out in hand_routing.cpp, the copy
// that is filed is made in hand_copy.cpp.
#include "postoffice/hand_put.h"

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
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
        keep({}, end_of_last_, RestPiece::end_of_file);
        return std::move(result_);
      }
      if (!*header) break;
      ++result_.messages;
      if (!put_and_remember(**header)) return std::move(result_);
    }
    if (result_.messages == 0) {
      note({140, 1, 1, "the file holds no message", OutcomeKind::permanent});
    }
    return std::move(result_);
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

  /// What became of one message.
  struct Fate {
    bool is_whole = true;  ///< false: its format is broken, and the file ends here
    bool is_delivered = false;
    std::vector<std::string> filed = {};  ///< mailboxes that took it now
  };

  /// False if the file ends here.
  bool put_and_remember(const MessageHeader& header) {
    const Fate fate = put(header);
    end_of_last_ = end_of_contents(reader_, header);
    if (!fate.filed.empty()) {
      result_.filed.push_back(
          {result_.messages, fate.is_delivered ? std::vector<std::string>{} : fate.filed});
    }
    if (fate.is_delivered) return true;
    const std::string lines = filed_lines(header, fate.filed);
    const std::uint64_t middle =
        lines.empty() ? reader_.message_offset() : reader_.last_line_offset();
    if (!lines.empty()) keep({}, reader_.message_offset(), middle);
    keep(lines, middle, fate.is_whole ? end_of_last_ : RestPiece::end_of_file);
    return fate.is_whole;
  }

  void keep(std::string lines, std::uint64_t begin, std::uint64_t end) {
    std::vector<RestPiece>& rest = result_.rest;
    if (lines.empty() && !rest.empty() && rest.back().end == begin) {
      rest.back().end = end;
    } else {
      rest.push_back({std::move(lines), begin, end});
    }
  }

  /// The FILED fields to add, as they stand in the file: a name is UTF-8 whatever CHARSET says, so
  /// that it is the same name when it is read again.
  std::string filed_lines(const MessageHeader& header, const std::vector<std::string>& mailboxes) {
    if (mailboxes.empty()) return {};
    const std::string_view end = line_end_octets(reader_.line_end());
    std::string lines;
    for (const std::string& mailbox : mailboxes) {
      lines +=
          fmt::format("EXT:S:0:{}{}{}{}", ext::filed, end, escape_value(address_of(mailbox)), end);
    }
    // What our own reader would refuse the next time would be lost to it.
    const ReaderOptions& limits = options_.reader;
    const std::uint64_t octets =
        reader_.contents_offset() - reader_.message_offset() + lines.size();
    if (header.all_fields().size() + mailboxes.size() > limits.most_fields ||
        octets > limits.largest_header) {
      result_.rest_problem =
          fmt::format("message {} has too many lines to add FILED to it", result_.messages);
    }
    return lines;
  }

  std::string address_of(const std::string& mailbox) const {
    return NativeAddress{postoffice_.settings().name, mailbox}.str();
  }

  /// Takes out of the routing who got it by an earlier try. True if somebody did.
  bool leave_out_filed(const MessageHeader& header, std::vector<std::string>& mailboxes) const {
    std::set<std::string> filed;
    for (const ExtendedField& field : header.fields) {
      if (!equals_ignoring_case(field.name, ext::filed)) continue;
      const auto address = NativeAddress::parse(field.value);
      if (address && address->postoffice == postoffice_.settings().name)
        filed.insert(address->mailbox);
    }
    return std::erase_if(mailboxes, [&](const std::string& one) { return filed.contains(one); }) >
           0;
  }

  Fate put(const MessageHeader& header) {
    // All are looked up before the first filing, so that a wrong name shows before half is done.
    Routing routing = route(postoffice_, header, options_, result_.messages);
    for (const HandPutNote& problem : routing.problems) note(problem);
    // Trouble that may pass keeps the message back from all: with -k the next try files it again
    // wherever it was filed.
    const bool is_in_trouble = std::any_of(
        routing.problems.begin(), routing.problems.end(),
        [](const HandPutNote& problem) { return problem.kind == OutcomeKind::temporary; });
    if (is_in_trouble) return {};
    const bool was_filed = leave_out_filed(header, routing.mailboxes);
    if (routing.mailboxes.empty()) {
      if (routing.problems.empty() && !was_filed) {
        note({142, result_.messages, 0, "the message has no recipient in this postoffice",
              OutcomeKind::permanent});
      }
      return {.is_delivered = routing.problems.empty() && was_filed};
    }
    auto delivery = Delivery::begin(postoffice_);
    if (!delivery) {
      note(delivery.error());
      return {};
    }
    HandCopy copy(postoffice_, file_, reader_, header, options_.envelope.has_value());
    const auto copied = copy.write_to(delivery->message_file(), result_.messages == 1);
    if (copied.format_error) {
      note(*copied.format_error);
      return {.is_whole = false};
    }
    if (copied.failed) {
      note(*copied.failed);
      return {};
    }
    const Outcome sealed = delivery->seal(std::time(nullptr), copy.content_key());
    if (!sealed.is_delivered()) {
      note(sealed);
      return {};
    }
    Fate fate = file_into_all(*delivery, routing.mailboxes);
    fate.is_delivered = fate.is_delivered && routing.problems.empty();
    return fate;
  }

  Fate file_into_all(Delivery& delivery, const std::vector<std::string>& mailboxes) {
    Fate fate{.is_delivered = true};
    std::vector<FilingTarget> targets;
    for (const std::string& mailbox : mailboxes) targets.push_back({mailbox});
    const std::vector<Outcome> outcomes = delivery.file_into_all(targets);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Outcome& filed = outcomes[i];
      if (filed.is_delivered()) {
        fate.filed.push_back(targets[i].mailbox);
        note({0, result_.messages, 0, filed.sentence(), OutcomeKind::delivered});
      } else {
        fate.is_delivered = false;
        note(filed);
      }
    }
    return fate;
  }

  const Postoffice& postoffice_;
  File& file_;
  const HandPutOptions& options_;
  const std::function<void(const HandPutNote&)>& tell_;
  OffsetSource source_;
  Reader reader_;
  HandPutResult result_;
  std::uint64_t end_of_last_ = 0;  ///< where in the file the last message ends
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
